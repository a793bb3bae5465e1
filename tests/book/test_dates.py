"""Dates in words and their reader: parts share no day, padding changes nothing, gradients."""

import numpy as np
import pytest

import smnn
from smnn_book.dates import DateReader, as_numbers, as_symbols, dates_in_words


def test_parts_share_no_day():
    days = [
        set(dates_in_words(part, 500, np.random.default_rng(0))[1])
        for part in ("train", "validation", "test")
    ]
    assert not days[0] & days[1] and not days[0] & days[2] and not days[1] & days[2]


def test_only_the_languages_that_were_asked_for():
    texts, _ = dates_in_words("train", 200, np.random.default_rng(0), ("de",))
    assert any("märz" in text for text in texts)
    assert not any("march" in text or "marzo" in text for text in texts)


@pytest.fixture
def texts():
    x, lengths = as_numbers(["3 mai 2026", "1.5.26", "9"], " .012356aim")
    return x, lengths, as_symbols(["2026-05-03", "2026-05-01", "2026-05-09"])


@pytest.mark.parametrize("uniform", [False, True])
def test_gradients(texts, uniform):
    x, lengths, _ = texts
    reader = DateReader(12, width=6, uniform=uniform, dtype="float64", rng=0)
    names = [name for name in reader.params if not (uniform and name == "Q")]

    def forward(*values):
        reader.params.update(zip(names, values, strict=True))
        logits, backward = reader.forward(x, lengths)
        return logits, lambda d: tuple(backward(d)[name] for name in names)

    report = smnn.check_pullback(forward, *(reader.params[n] for n in names), names=names)
    assert report, report


def test_padding_changes_nothing(texts):
    x, lengths, _ = texts
    reader = DateReader(12, width=6, dtype="float64", rng=0)
    together, _ = reader.forward(x, lengths)
    for row, length in enumerate(lengths):
        alone, _ = reader.forward(x[row : row + 1, :length], lengths[row : row + 1])
        np.testing.assert_allclose(together[row], alone[0], atol=1e-12)


def test_uniform_attention_is_a_mean_and_stays_one(texts):
    x, lengths, y = texts
    reader = DateReader(12, width=6, uniform=True, dtype="float64", rng=0)
    logits, backward = reader.forward(x, lengths)
    assert not backward(smnn.softmax_cross_entropy(logits, y)[1])["Q"].any()
    for a, length in zip(reader.attention(x, lengths), lengths, strict=True):
        np.testing.assert_allclose(a[:, :length], 1 / length)
        assert not a[:, length:].any()
