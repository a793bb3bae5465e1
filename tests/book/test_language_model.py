"""The small transformer: gradients, the mask, and what a loss is the mean of."""

import numpy as np
import pytest

import smnn
from smnn_book.language_model import SmallTransformer, text_losses


@pytest.fixture
def model():
    model = SmallTransformer(5, width=8, blocks=2, heads=2, context=6, dtype="float64", rng=0)
    rng = np.random.default_rng(1)
    for value in model.params.values():  # where it starts, the last layer hands nothing back
        value += rng.normal(scale=0.3, size=value.shape)
    return model


def test_gradients(model):
    tokens = np.random.default_rng(2).integers(5, size=(2, 4))
    names = list(model.params)
    params = model.params

    def forward(*values):
        for name, value in zip(names, values, strict=True):
            params[name][...] = value  # the layers' own arrays
        logits, backward = model.forward(tokens)
        return logits, lambda d: tuple(backward(d)[name] for name in names)

    report = smnn.check_pullback(forward, *(v.copy() for v in params.values()), names=names)
    assert report, report


def test_the_past_does_not_hear_the_future(model):
    tokens = np.random.default_rng(3).integers(5, size=(1, 6))
    changed = tokens.copy()
    changed[0, 4:] = (changed[0, 4:] + 1) % 5
    difference = model.forward(changed)[0] - model.forward(tokens)[0]
    assert not difference[:, :4].any() and difference[:, 4:].any()


def test_first_loss_is_that_of_no_idea():
    model = SmallTransformer(7, width=8, blocks=1, heads=2, context=4, rng=0)
    np.testing.assert_allclose(text_losses(model, np.arange(40) % 7), np.log(7), rtol=1e-6)


def test_overlapping_pieces_judge_every_character_once(model):
    text = np.random.default_rng(4).integers(5, size=30)
    losses = text_losses(model, text, skip=2)
    by_hand = []
    for start in range(0, 30 - 6, 4):
        logits, _ = model.forward(text[None, start : start + 6])
        p = smnn.softmax(logits[0])
        by_hand.append([-np.log(p[t, text[start + t + 1]]) for t in range(2, 6)])
    np.testing.assert_allclose(losses, by_hand, atol=1e-12)
