"""Features: an autoencoder whose weights are used twice, and all products of pairs."""

import numpy as np
import pytest

import smnn
from smnn_book.features import TiedAutoencoder, pairwise_products


def built(noise=0.0):
    layer = TiedAutoencoder(3, noise=noise, rng=0)
    layer.build((7,))
    return layer


def test_the_gradient_counts_both_uses_of_the_weights():
    assert smnn.check_layer(TiedAutoencoder(3, rng=1), (7,), rng=0)


def test_logits_are_those_of_an_encoder_and_its_transpose():
    layer, x = built(), np.random.default_rng(1).random((5, 7))
    W = layer.params["W"]
    h = 1 / (1 + np.exp(-x @ W))
    np.testing.assert_allclose(layer.encode(x), h, rtol=1e-13)
    np.testing.assert_allclose(layer(x), h @ W.T, rtol=1e-12)


def test_inputs_are_dropped_in_training_only():
    layer, x = built(noise=0.5), np.ones((400, 7))
    logits, _ = layer.forward(x, training=True)
    assert len(np.unique(logits.round(9), axis=0)) > 50
    assert len(np.unique(layer(x).round(9), axis=0)) == 1


def test_it_learns_to_say_its_inputs_again():
    x = np.eye(4)[np.repeat(np.arange(4), 50)]
    model = smnn.Sequential([TiedAutoencoder(3, input_shape=(4,))], rng=0)
    smnn.fit(model, x, x, loss="binary_cross_entropy", optimizer=smnn.Adam(0.1), epochs=30,
             rng=0, progress=False)  # fmt: skip
    assert (model(np.eye(4)).argmax(axis=1) == np.arange(4)).all()
    assert smnn.binary_cross_entropy(model(x), x)[0] < 0.1


def test_a_dtype_is_kept():
    layer = TiedAutoencoder(2, noise=0.2, rng=0)
    layer.build((5,), "float32")
    logits, backward = layer.forward(np.ones((3, 5), "float32"), training=True)
    dx, grads = backward(np.ones_like(logits))
    assert {a.dtype.name for a in (logits, dx, *grads.values())} == {"float32"}


@pytest.mark.parametrize("features", [1, 2, 40])
def test_every_product_of_a_pair_is_there_once(features):
    u = np.random.default_rng(2).normal(size=(3, features))
    wanted = [[row[i] * row[j] for i in range(features) for j in range(i, features)] for row in u]
    np.testing.assert_allclose(pairwise_products(u), wanted, rtol=1e-14)
