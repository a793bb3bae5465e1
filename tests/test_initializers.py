"""Initializers: their variances, their ranges, their names."""

import numpy as np
import pytest

from smnn.initializers import INITIALIZERS, get_initializer, glorot, he, lecun, orthogonal, zeros

SHAPE = (300, 200)
VARIANCES = {lecun: 1 / 300, he: 2 / 300, glorot: 2 / 500}


@pytest.mark.parametrize("init", VARIANCES, ids=lambda init: init.__name__)
def test_mean_and_variance(init):
    weights = init(SHAPE, rng=0)
    standard = np.sqrt(VARIANCES[init])
    assert abs(weights.mean()) < 4 * standard / np.sqrt(weights.size)
    assert weights.var() == pytest.approx(VARIANCES[init], rel=0.03)


def test_glorot_is_uniform_and_fills_its_range():
    weights = np.abs(glorot(SHAPE, rng=0))
    limit = np.sqrt(6 / 500)
    assert 0.999 * limit < weights.max() <= limit


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7)])
def test_orthogonal(shape):
    weights = orthogonal(shape, rng=0)
    assert weights.shape == shape
    assert weights.flags.c_contiguous
    small = weights.T @ weights if shape[0] >= shape[1] else weights @ weights.T
    np.testing.assert_allclose(small, np.eye(min(shape)), atol=1e-14)


def test_orthogonal_matrices_have_no_preferred_sign():
    corners = [orthogonal((2, 2), rng=seed)[0, 0] for seed in range(200)]
    assert 70 < np.sum(np.array(corners) > 0) < 130


@pytest.mark.parametrize("init", INITIALIZERS.values(), ids=INITIALIZERS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_and_reproducibility(init, dtype):
    first, again = (init((4, 3), rng=5, dtype=dtype) for _ in range(2))
    assert first.dtype == dtype
    np.testing.assert_array_equal(first, again)
    if init is not zeros:
        assert not np.array_equal(first, init((4, 3), rng=6, dtype=dtype))


@pytest.mark.parametrize(
    "activation, expected",
    [("relu", he), ("prelu", he), ("gelu", he), ("selu", lecun), ("tanh", glorot),
     ("softmax", glorot), (None, glorot), (np.sin, glorot)],
)  # fmt: skip
def test_auto_follows_the_activation(activation, expected):
    assert get_initializer("auto", activation) is expected


def test_a_signal_keeps_its_size_through_many_layers():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 100))
    for _ in range(30):
        x = np.maximum(x @ he((100, 100), rng=rng), 0)
    assert 0.2 < np.mean(x * x) < 5  # at 1/fan_in it would be 2⁻³⁰


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match=r"'auto', 'zeros', 'lecun'.*got 'xavier'"):
        get_initializer("xavier")


def test_a_callable_is_taken_as_it_is():
    assert get_initializer(zeros) is zeros
