"""The definition against mpmath, and how exact the functions are.

With u the unit of the last place at 1 (2**−23 or 2**−52) and g the gap between a logit and
the largest of its row, the bounds that are promised are

    softmax         (8 + g / 2) u relative, as x − m is rounded: u g / 2 in the exponent
    its row sums    8 u
    log_softmax     4 u relative to 1 + g, and to the result where it is the largest
    loss            16 u relative, also where p rounds to 1
"""

import mpmath
import numpy as np
import pytest

import smnn
from smnn import reference

DTYPES = [np.float32, np.float64]


def exact_row(row):
    """softmax, log_softmax and logsumexp of a row in 60 digits."""
    with mpmath.workdps(60):
        x = [mpmath.mpf(float(value)) for value in row]
        exps = [mpmath.exp(value - max(x)) for value in x]
        others = list(exps)
        others.remove(1)
        log = mpmath.log1p(mpmath.fsum(others))
        probs = [value / (1 + mpmath.fsum(others)) for value in exps]
        return probs, [value - max(x) - log for value in x], max(x) + log


def exact_softmax(x):
    """softmax and the gaps in extended precision; its last place is far below that of x."""
    x = x.astype(np.longdouble)
    gaps = x.max(axis=1, keepdims=True) - x
    exps = np.exp(-gaps)
    return exps / exps.sum(axis=1, keepdims=True), gaps


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_the_definition(scale):
    x = scale * np.random.default_rng(0).standard_normal((6, 9))
    probs, logs, sums = np.empty_like(x), np.empty_like(x), np.empty(len(x))
    reference.softmax(x, 1.0, probs)
    reference.log_softmax(x, 1.0, logs)
    reference.logsumexp(x, sums)
    for i, row in enumerate(x):
        true_probs, true_logs, true_sum = exact_row(row)
        np.testing.assert_allclose(probs[i], np.array(true_probs, float), 1e-13)
        np.testing.assert_allclose(logs[i], np.array(true_logs, float), 1e-13)
        np.testing.assert_allclose(sums[i], float(true_sum), 1e-13)


def test_the_loss_and_its_gradient_are_the_formula():
    rng = np.random.default_rng(1)
    x, probs, weight = rng.standard_normal((5, 4)), rng.random((5, 4)), rng.random(4)
    labels, losses, dx = np.array([0, 3, -100, 1, 1]), np.empty(5), np.empty((5, 4))
    logs = np.log(np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))

    total = reference.cross_entropy_probs(x, probs, weight, 0.2, 3.0, losses, dx)
    a = weight * (0.8 * probs + 0.2 / 4)
    np.testing.assert_allclose(losses, -(a * logs).sum(axis=1))
    np.testing.assert_allclose(dx, (np.exp(logs) * a.sum(axis=1, keepdims=True) - a) / 3)
    assert total == pytest.approx(losses.sum())

    bad, total, weights = reference.cross_entropy_labels(
        x, labels, -100, weight, 0.2, 0.0, losses, dx
    )
    a = np.full((5, 4), 0.2 / 4) * weight
    kept = [0, 1, 3, 4]
    a[kept, labels[kept]] += 0.8 * weight[labels[kept]]
    a[2] = 0
    np.testing.assert_allclose(losses, -(a * logs).sum(axis=1))
    assert (bad, weights) == (-1, pytest.approx(weight[labels[kept]].sum()))
    np.testing.assert_allclose(dx, (np.exp(logs) * a.sum(axis=1, keepdims=True) - a) / weights)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spread", [1, 5, 20])
@pytest.mark.parametrize("shape", [(3000, 3), (3000, 10), (300, 100), (40, 1000), (3, 100_000)])
def test_softmax_error_bound(shape, spread, dtype):
    x = (spread * np.random.default_rng(2).standard_normal(shape)).astype(dtype)
    exact, gaps = exact_softmax(x)
    found = smnn.softmax(x).astype(np.longdouble)
    unit, tiny = np.finfo(dtype).eps, np.finfo(dtype).smallest_subnormal
    allowed = (8 + gaps / 2) * unit * exact + tiny
    assert (np.abs(found - exact) <= allowed).all()
    assert (np.abs(found.sum(axis=1) - 1) <= 8 * unit).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spread", [1, 5, 20])
def test_log_softmax_error_bound(spread, dtype):
    x = (spread * np.random.default_rng(3).standard_normal((20, 47))).astype(dtype)
    found, unit = smnn.log_softmax(x), np.finfo(dtype).eps
    for row, logs in zip(x, found, strict=True):
        for value, logit, true in zip(logs, row, exact_row(row)[1], strict=True):
            gap = float(row.max() - logit)
            allowed = 4 * unit * (1 + gap) if gap else 8 * unit * abs(true)
            assert abs(mpmath.mpf(float(value)) - true) <= allowed


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gap", [1, 5, 17, 30, 50, 88, 95, 100])
@pytest.mark.parametrize("classes", [2, 10, 100, 1500])
def test_the_loss_of_a_confident_prediction(classes, gap, dtype):
    """log(1 + (C − 1) e^−gap): PyTorch, JAX and SciPy return 0 in float32 from a gap of 17."""
    x = np.zeros((1, classes), dtype)
    x[0, classes // 2] = gap
    label = np.array([classes // 2])
    with mpmath.workdps(50):
        rest = (classes - 1) * mpmath.exp(-gap)
        exact, share = mpmath.log1p(rest), rest / (1 + rest)
    loss, dx = smnn.softmax_cross_entropy(x, label)
    allowed = 16 * np.finfo(dtype).eps * exact + np.finfo(dtype).smallest_subnormal * classes
    for found in (loss, smnn.cross_entropy(x, label), -smnn.log_softmax(x)[0, classes // 2]):
        assert abs(mpmath.mpf(float(found)) - exact) <= allowed
    # The gradient at the label, p − 1, keeps its digits too.
    assert abs(mpmath.mpf(float(-dx[0, classes // 2])) - share) <= allowed


def test_ties_of_the_largest_logit_are_counted():
    x = np.array([[30.0, 0.0, 30.0, 30.0]], np.float32)
    assert smnn.cross_entropy(x, np.array([0])) == np.float32(np.log(3))
    np.testing.assert_array_equal(smnn.log_softmax(x)[0, [0, 2, 3]], -np.float32(np.log(3)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_long_rows_lose_no_digits(dtype):
    """A plain sum in float32 stands still at 2**24 equal terms, and drifts long before."""
    unit = float(np.finfo(dtype).eps)
    x = np.zeros((1, 3_000_001), dtype)
    assert smnn.softmax(x)[0, 0] == dtype(1 / 3_000_001)
    assert smnn.logsumexp(x)[0] == pytest.approx(np.log(3_000_001), rel=2 * unit)
    x = (20 * np.random.default_rng(4).standard_normal((1, 1_000_003))).astype(dtype)
    exact, gaps = exact_softmax(x)
    found = smnn.softmax(x).astype(np.longdouble)
    tiny = np.finfo(dtype).smallest_subnormal
    assert (np.abs(found - exact) <= (4 + gaps / 2) * unit * exact + tiny).all()
    assert abs(found.sum() - 1) <= 2 * unit


def test_training_steps_are_those_of_the_formula():
    rng = np.random.default_rng(5)
    param, grad, mean, square = rng.random((4, 7))
    before, lr = param.copy(), 0.1
    reference.sgd_step(param, grad, None, lr, 0.0, False, 0.5)
    np.testing.assert_allclose(param, before - lr * (grad + 0.5 * before))
    before, m, v = param.copy(), mean.copy(), square.copy()
    reference.adam_step(param, grad, mean, square, lr, 0.9, 0.99, 1e-3, 0.0)
    np.testing.assert_allclose(mean, 0.9 * m + 0.1 * grad)
    np.testing.assert_allclose(square, 0.99 * v + 0.01 * grad**2)
    np.testing.assert_allclose(param, before - lr * mean / (np.sqrt(square) + 1e-3))
