"""The gradient check itself: it must pass what is right and fail what is wrong."""

import numpy as np
import pytest

from smnn import Dense, Dropout, Embedding, Sequential, softmax, softmax_vjp
from smnn.gradcheck import (
    Comparison,
    GradientReport,
    centered_difference,
    check_layer,
    check_pullback,
    check_vjp,
    numerical_jacobian,
)
from smnn.layers import Layer


def test_jacobian_of_known_functions():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((2, 3))
    np.testing.assert_allclose(numerical_jacobian(lambda x: matrix @ x, np.ones(3)), matrix)
    x = rng.standard_normal((2, 2))
    jacobian = numerical_jacobian(np.exp, x)
    assert jacobian.shape == (2, 2, 2, 2)
    np.testing.assert_allclose(
        jacobian.reshape(4, 4), np.diag(np.exp(x).ravel()), rtol=1e-9, atol=1e-12
    )


def test_jacobian_of_an_identity_does_not_see_its_own_input_move():
    np.testing.assert_allclose(numerical_jacobian(lambda x: x, [1.0, 2.0]), np.eye(2))


def test_jacobian_of_a_number_and_of_nothing():
    assert numerical_jacobian(np.square, 3.0) == pytest.approx(6)
    assert numerical_jacobian(np.square, []).shape == (0, 0)


@pytest.mark.parametrize("x", [0.0, 1e-3, 1.0, -2.0])
def test_centered_difference(x):
    assert centered_difference(np.sin, x) == pytest.approx(np.cos(x), abs=1e-10)


def test_the_step_grows_with_the_number():
    assert centered_difference(np.square, 1e8) == pytest.approx(2e8, rel=1e-10)


WRONG = {
    "zero": lambda dy, y, x: 0 * x,
    "its own sign": lambda dy, y, x: -softmax_vjp(dy, y),
    "the diagonal alone": lambda dy, y, x: dy * y * (1 - y),
    "twice": lambda dy, y, x: 2 * softmax_vjp(dy, y),
    "no cotangent": lambda dy, y, x: softmax_vjp(np.ones_like(y), y),
    "a thousandth too much": lambda dy, y, x: 1.001 * softmax_vjp(dy, y),
    "one entry": lambda dy, y, x: softmax_vjp(dy, y) + np.eye(3)[0] * 1e-4,
    "nan": lambda dy, y, x: softmax_vjp(dy, y) * np.nan,
}


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_softmax_gradients_fail(mistake):
    report = check_vjp(softmax, WRONG[mistake], [0.3, -1.0, 2.0])
    assert not report.ok
    assert not report


def test_right_softmax_gradient_passes():
    assert check_vjp(softmax, lambda dy, y, x: softmax_vjp(dy, y), [0.3, -1.0, 2.0])


def test_a_cotangent_of_ones_would_have_missed_it():
    """The reason for random cotangents: for softmax, ones give 0, and so does a broken vjp."""
    y = softmax([0.3, -1.0, 2.0])
    np.testing.assert_allclose(softmax_vjp(np.ones(3), y), 0, atol=1e-16)


def test_several_inputs_are_reported_one_by_one():
    def divide(a, b):
        return a / b, lambda dy: (dy / b, dy * a / b**2)  # the sign of the second is wrong

    report = check_pullback(divide, [1.0, 2.0], [3.0, 4.0], names=["a", "b"])
    assert report.parts["da"].verdict == "right"
    assert report.parts["db"].verdict == "wrong"
    assert not report
    assert "db" in str(report) and "wrong" in str(report)
    assert report.absolute == report.parts["db"].absolute > 0.01


@pytest.mark.parametrize(
    "error, verdict",
    [(1e-9, "right"), (1e-5, "right only if near a kink"), (1e-3, "doubtful"), (0.1, "wrong")],
)
def test_bands(error, verdict):
    comparison = Comparison(np.array([1.0, 5.0]), np.array([1.0, 5.0 * (1 - error)]))
    assert comparison.verdict == verdict
    assert comparison.relative == pytest.approx(error)
    assert comparison.absolute == pytest.approx(5 * error)


def test_nan_is_wrong():
    comparison = Comparison(np.array([np.nan]), np.array([1.0]))
    assert comparison.verdict == "wrong"
    assert not GradientReport({"dx": comparison, "dW": Comparison(np.ones(1), np.ones(1))}, 1e-6)


def test_shapes_and_counts_that_do_not_fit():
    with pytest.raises(ValueError, match=r"dx must have shape \(2,\), got \(3,\)"):
        check_pullback(lambda x: (x, lambda dy: np.zeros(3)), [1.0, 2.0])
    with pytest.raises(ValueError, match="2 inputs need as many gradients, got 1"):
        check_pullback(lambda a, b: (a + b, lambda dy: dy), [1.0], [2.0])


class Broken(Layer):
    """A layer that forgets to sum its bias over the batch, or to double its input gradient."""

    def __init__(self, mistake):
        super().__init__()
        self.mistake = mistake

    def build(self, input_shape, dtype="float64", rng=None):
        self.params["b"] = np.zeros(input_shape, dtype)
        return input_shape

    def forward(self, x, training=False):
        def backward(dy, input_gradient=True):
            db = dy[0] if self.mistake == "b" else dy.sum(axis=0)
            return dy if self.mistake == "x" else 2 * dy, {"b": db}

        return 2 * x + self.params["b"], backward


@pytest.mark.parametrize("mistake", ["x", "b"])
def test_broken_layers_fail(mistake):
    report = check_layer(Broken(mistake), (4,))
    assert report.parts[f"d{mistake}"].verdict == "wrong"
    assert not report
    assert check_layer(Broken(None), (4,))


def test_the_layer_is_left_alone():
    layer = Sequential([Dense(3, "tanh"), Dropout(0.5), Dense(2)], rng=0)
    layer.build((4,))
    before = {name: value.copy() for name, value in layer.params.items()}
    state = layer.rng.bit_generator.state
    assert check_layer(layer, (4,), training=True)
    assert layer.rng.bit_generator.state == state
    for name, value in layer.params.items():
        np.testing.assert_array_equal(value, before[name])


def test_an_unbuilt_layer_stays_unbuilt():
    layer = Dense(2)
    assert check_layer(layer, (3,))
    assert not layer.params


def test_integer_inputs_are_not_differentiated():
    report = check_layer(Embedding(5, 2), (3,), x=[[0, 4, 4]])
    assert list(report.parts) == ["dW"]
    assert report.ok


def test_float32_is_refused():
    layer = Dense(2)
    layer.build((3,), "float32")
    with pytest.raises(ValueError, match="float64"):
        check_layer(layer, (3,))
