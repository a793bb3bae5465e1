"""The Jacobians that the chapter on sequences multiplies, against differences of one step."""

import numpy as np
import pytest

import smnn
from smnn_book.recurrence import reach, small, state_jacobians

LAYERS = {
    "tanh": smnn.SimpleRNN(3, rng=0),
    "relu": smnn.SimpleRNN(3, "relu", rng=0),
    "lstm": smnn.LSTM(3, rng=0),
    "lstm, forget bias 0": smnn.LSTM(3, forget_bias=0, recurrent_init=small, rng=1),
}


def step(layer, state, x):
    """Return the state after a step: h, for an LSTM followed by c."""
    W, U, b = (layer.params[name] for name in "WUb")
    n = layer.units
    z = x @ W + state[:n] @ U + b
    if not isinstance(layer, smnn.LSTM):
        return np.tanh(z) if layer.activation == "tanh" else np.maximum(z, 0)
    i, f, g, o = z.reshape(4, n)
    c = smnn.sigmoid(f) * state[n:] + smnn.sigmoid(i) * np.tanh(g)
    return np.concatenate([smnn.sigmoid(o) * np.tanh(c), c])


@pytest.mark.parametrize("name", LAYERS)
def test_jacobians_of_states_are_those_of_differences(name):
    layer, x = LAYERS[name], np.random.default_rng(0).normal(size=(6, 2))
    last = layer(x[None])[0]
    jacobians = state_jacobians(layer, x)
    state = np.zeros(len(jacobians[0]))
    for x_t, J in zip(x, jacobians, strict=True):
        numeric = smnn.numerical_jacobian(lambda s, x_t=x_t: step(layer, s, x_t), state)
        np.testing.assert_allclose(J, numeric, atol=1e-8)
        state = step(layer, state, x_t)
    np.testing.assert_allclose(state[:3], last, atol=1e-12)


def test_reach_is_the_norm_of_the_product():
    layer, x = LAYERS["lstm"], np.random.default_rng(1).normal(size=(1, 6, 2))
    layer(x)
    J = state_jacobians(layer, x[0])
    expected = [np.linalg.norm(J[5], 2), np.linalg.norm(J[5] @ J[4] @ J[3], 2)]
    np.testing.assert_allclose(reach(layer, x, [1, 3]), expected)
