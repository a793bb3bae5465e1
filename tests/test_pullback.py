"""Layers and losses as functions with a pullback; gradients are checked in test_gradients.py."""

import numpy as np
import pytest

import smnn
from smnn.pullback import of_layer, of_loss


def test_a_layer_is_itself_unless_in_training():
    layer = smnn.Dropout(0.5)
    layer.build((100,), rng=0)
    x = np.ones((2, 100))
    np.testing.assert_array_equal(of_layer(layer)(x)[0], x)
    assert (of_layer(layer, training=True)(x)[0] == 0).any()


def test_every_parameter_is_given():
    layer = smnn.Dense(2)
    layer.build((3,))
    for weights in layer.params["W"], np.ones((3, 2)):  # its own, and others
        with pytest.raises(ValueError, match="shorter"):
            of_layer(layer)(np.ones((1, 3)), weights)


def test_a_loss_for_each_row_has_a_cotangent_for_each():
    def squares(pred, target):
        error = pred - target
        return (error**2).sum(axis=1), 2 * error

    pred, target = np.arange(6.0).reshape(3, 2), np.ones((3, 2))
    losses, backward = of_loss(squares, target)(pred)
    np.testing.assert_array_equal(losses, [1, 5, 25])
    np.testing.assert_array_equal(backward([1, 0, 10]), [[-2, 0], [0, 0], [60, 80]])
