"""What must hold for every input: hypothesis looks for one that breaks it.

The inputs vary in shape, axis, order, stride, dtype and magnitude, and hold special values.
The oracle is the formula itself in extended precision.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import smnn

settings.register_profile(
    "properties",
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("properties")

DTYPES = (np.float32, np.float64)
SIZES = st.one_of(st.integers(0, 9), st.sampled_from([15, 16, 17, 31, 33, 64, 131, 257]))
SPECIAL_VALUES = (np.nan, np.inf, -np.inf, 3e38, -3e38, 0.0, -0.0, 1e-45, -88.0, -104.0)


@st.composite
def arrays(draw, min_dims=1, max_dims=3, special=False, dtypes=DTYPES):
    """An array with any memory layout: C or Fortran order, steps, reversal, read-only."""
    dtype = draw(st.sampled_from(dtypes))
    ndim = draw(st.integers(min_dims, max_dims))
    shape = [draw(SIZES) if k == 0 else draw(st.integers(0, 6)) for k in range(ndim)]
    shape = draw(st.permutations(shape))
    steps = [draw(st.sampled_from([1, 1, 2, -1, -3])) for _ in range(ndim)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    magnitude = draw(st.sampled_from([1e-3, 1.0, 10.0, 1e3, 1e30]))
    base_shape = [size * abs(step) for size, step in zip(shape, steps, strict=True)]
    base = (magnitude * rng.standard_normal(base_shape)).astype(dtype)
    if special and base.size:
        places = rng.integers(0, base.size, 1 + base.size // 5)
        base.flat[places] = rng.choice(np.array(SPECIAL_VALUES, dtype), len(places))
    if draw(st.booleans()):
        base = np.asfortranarray(base)
    x = base[tuple(slice(None, None, step) for step in steps)]
    x.flags.writeable = draw(st.booleans())
    return x


@st.composite
def arrays_and_axis(draw, **options):
    x = draw(arrays(**options))
    return x, draw(st.integers(-x.ndim, x.ndim - 1))


def exact_log_softmax(x, axis):
    """The definition in extended precision, and the logarithm of the sum.

    The sum without its largest terms is kept apart, so that a tiny rest is not lost.
    """
    x = x.astype(np.longdouble)
    with np.errstate(all="ignore"):
        largest = x.max(axis=axis, keepdims=True, initial=-np.inf)
        ties = (x == largest).sum(axis=axis, keepdims=True)
        exps = np.exp(x - largest)
        rest = np.where(x == largest, exps * 0, exps).sum(axis=axis, keepdims=True)
        log_sum = np.log(ties) + np.log1p(rest / ties)
        return (x - largest) - log_sum, largest + log_sum


def spacing(dtype):
    return np.finfo(dtype).eps


def assert_within(result, expected, dtype, ulps):
    """Equal, nan together, or at most ``ulps`` (a number or an array) units apart."""
    with np.errstate(all="ignore"):
        rounded = expected.astype(dtype)
        bound = ulps * spacing(dtype) * np.abs(expected) + 4 * np.finfo(dtype).smallest_subnormal
        close = np.abs(result.astype(np.longdouble) - expected) <= bound
    close |= (result == rounded) | (np.isnan(result) & np.isnan(rounded))
    assert close.all(), (result[~close], rounded[~close])


def assert_close(result, expected, dtype, ulps=8):
    np.testing.assert_allclose(
        result, expected, rtol=ulps * spacing(dtype), atol=4 * np.finfo(dtype).smallest_subnormal
    )


@given(arrays_and_axis(special=True))
def test_softmax_is_its_definition(x_axis):
    x, axis = x_axis
    before = x.copy()
    y = smnn.softmax(x, axis)
    assert y.shape == x.shape and y.dtype == x.dtype
    np.testing.assert_array_equal(x, before)
    log_probs, _ = exact_log_softmax(x, axis)
    with np.errstate(all="ignore"):
        # The gap to the largest score is rounded: half a unit of the gap itself.
        gap = np.abs(x - x.max(axis=axis, keepdims=True, initial=-np.inf))
        assert_within(y, np.exp(log_probs), x.dtype, 6 + gap / 2)


@given(arrays_and_axis(special=True))
def test_log_softmax_is_its_definition(x_axis):
    x, axis = x_axis
    y = smnn.log_softmax(x, axis)
    assert y.shape == x.shape and y.dtype == x.dtype
    log_probs, _ = exact_log_softmax(x, axis)
    # The loss of the largest score is a sum of exponentials, each with its rounded gap; a gap
    # counts up to the one whose exponential is the smallest number.
    largest_gap = -np.log(np.finfo(x.dtype).smallest_subnormal)
    assert_within(y, log_probs, x.dtype, 6 + largest_gap / 2)


@given(arrays_and_axis(special=True))
def test_logsumexp_is_its_definition(x_axis):
    x, axis = x_axis
    y = smnn.logsumexp(x, axis, keepdims=True)
    _, expected = exact_log_softmax(x, axis)
    largest = x.max(axis=axis, keepdims=True, initial=-np.inf)
    expected = np.where(np.isinf(largest), largest, expected)
    slack = 8 * spacing(x.dtype) * np.maximum(1, np.abs(largest))
    with np.errstate(all="ignore"):
        far = np.abs(np.asarray(y, np.longdouble) - expected) > slack
    same = (y == expected) | (np.isnan(y) & np.isnan(expected))
    with np.errstate(over="ignore"):
        overflows = np.isinf(expected.astype(x.dtype)) & np.isinf(y)
    assert not (far & ~same & ~overflows).any()


@given(arrays_and_axis(special=True))
def test_special_values_of_a_row(x_axis):
    x, axis = x_axis
    y = np.moveaxis(smnn.softmax(x, axis), axis, -1)
    x = np.moveaxis(x, axis, -1)
    if x.shape[-1] == 0:
        return
    broken = np.isnan(x).any(-1) | (x == np.inf).any(-1) | (x == -np.inf).all(-1)
    assert np.isnan(y[broken]).all()
    assert not np.isnan(y[~broken]).any()
    assert (y[~broken][x[~broken] == -np.inf] == 0).all()


@given(arrays_and_axis())
def test_rows_sum_to_one_and_keep_their_order(x_axis):
    x, axis = x_axis
    y = np.moveaxis(smnn.softmax(x, axis), axis, -1)
    x = np.moveaxis(x, axis, -1)
    if x.shape[-1] == 0:
        return
    np.testing.assert_allclose(y.sum(-1, dtype=np.longdouble), 1, rtol=4 * spacing(x.dtype))
    order = np.argsort(x, axis=-1, kind="stable")
    sorted_probs = np.take_along_axis(y, order, -1)
    # The exponential is within 1 ULP, so neighbors may swap by that much and no more.
    assert (np.diff(sorted_probs, axis=-1) >= -2 * spacing(x.dtype) * sorted_probs[..., 1:]).all()


@given(st.data())
def test_softmax_ignores_a_common_shift(data):
    """Integers stay exact under the shift, so the results are the same to the last bit."""
    dtype = data.draw(st.sampled_from(DTYPES))
    shape = (data.draw(st.integers(1, 5)), data.draw(SIZES))
    x = data.draw(hnp.arrays(np.int16, shape, elements=st.integers(-100, 100))).astype(dtype)
    shift = dtype(data.draw(st.integers(-1000, 1000)))
    np.testing.assert_array_equal(smnn.softmax(x + shift), smnn.softmax(x))
    np.testing.assert_array_equal(smnn.log_softmax(x + shift), smnn.log_softmax(x))


@given(arrays_and_axis(), st.randoms(use_true_random=False))
def test_a_permutation_of_the_classes_permutes_the_result(x_axis, random):
    x, axis = x_axis
    order = list(range(x.shape[axis]))
    random.shuffle(order)
    assert_close(
        smnn.softmax(np.take(x, order, axis), axis),
        np.take(smnn.softmax(x, axis), order, axis),
        x.dtype,
    )


@given(arrays_and_axis(), st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_temperature_divides_the_scores(x_axis, temperature):
    x, axis = x_axis
    for function in (smnn.softmax, smnn.log_softmax):
        expected = function(x / x.dtype.type(temperature), axis)
        assert_close(function(x, axis, temperature=temperature), expected, x.dtype)


@given(arrays_and_axis(), st.data())
def test_where_is_a_score_of_minus_infinity(x_axis, data):
    x, axis = x_axis
    where = data.draw(hnp.arrays(bool, x.shape))
    y = smnn.softmax(x, axis, where=where)
    assert (y[~where] == 0).all()
    some = np.broadcast_to(where.any(axis=axis, keepdims=True), x.shape)
    expected = smnn.softmax(np.where(where, x, -np.inf), axis)
    np.testing.assert_array_equal(y[some], expected[some])
    assert (y[~some] == 0).all()


@given(arrays_and_axis(special=True), st.booleans())
def test_out_receives_the_same_result(x_axis, in_place):
    x, axis = x_axis
    for function in (smnn.softmax, smnn.log_softmax):
        expected = function(x, axis)
        out = x.copy() if in_place else np.full_like(x, 7)
        source = out if in_place else x
        assert function(source, axis, out=out) is out
        np.testing.assert_array_equal(out, expected)


@given(arrays_and_axis(), st.integers(0, 2**32))
def test_pullbacks_are_products_with_the_jacobian(x_axis, seed):
    x, axis = x_axis
    if np.abs(x).max(initial=0) > 1e3:
        return
    dy = np.random.default_rng(seed).standard_normal(x.shape).astype(x.dtype)
    y = smnn.softmax(x, axis)
    jacobian = smnn.softmax_jacobian(np.moveaxis(y, axis, -1))
    expected = np.moveaxis(
        np.einsum("...ij,...j->...i", jacobian, np.moveaxis(dy, axis, -1)), -1, axis
    )
    close = {"rtol": 0, "atol": 40 * spacing(x.dtype)}
    np.testing.assert_allclose(smnn.softmax_vjp(dy, y, axis=axis), expected, **close)
    expected = dy - y * dy.sum(axis, keepdims=True)
    close["atol"] *= 1 + np.abs(dy).sum()
    np.testing.assert_allclose(
        smnn.log_softmax_vjp(dy, smnn.log_softmax(x, axis), axis=axis), expected, **close
    )


@st.composite
def objectives(draw):
    """Logits of moderate size, labels, and options of cross-entropy."""
    dtype = draw(st.sampled_from(DTYPES))
    n, c = draw(st.integers(1, 20)), draw(SIZES.filter(bool))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    logits = (draw(st.sampled_from([0.1, 3.0, 30.0])) * rng.standard_normal((n, c))).astype(dtype)
    labels = rng.integers(0, c, n)
    options = {}
    if draw(st.booleans()):
        options["weight"] = (rng.random(c) + 0.1).astype(dtype)
    if draw(st.booleans()):
        options["label_smoothing"] = draw(st.sampled_from([0.1, 1.0]))
    return logits, labels, options


@given(objectives())
def test_loss_is_its_definition_and_the_reductions_agree(objective):
    logits, labels, options = objective
    c = logits.shape[1]
    log_probs, _ = exact_log_softmax(logits, 1)
    weight = options.get("weight", np.ones(c)).astype(np.longdouble)
    smoothing = np.longdouble(options.get("label_smoothing", 0))
    target = np.eye(c)[labels]
    coefficients = weight * ((1 - smoothing) * target + smoothing / c)
    losses = -(coefficients * log_probs).sum(axis=1)
    divisor = weight[labels].sum()
    close = {"rtol": 40 * spacing(logits.dtype), "atol": 4 * spacing(logits.dtype)}
    for reduction, expected in (
        ("none", losses),
        ("sum", losses.sum()),
        ("mean", losses.sum() / divisor),
    ):
        loss = smnn.cross_entropy(logits, labels, reduction=reduction, **options)
        np.testing.assert_allclose(loss, expected.astype(np.float64), **close)
        both, dlogits = smnn.softmax_cross_entropy(logits, labels, reduction=reduction, **options)
        np.testing.assert_allclose(both, loss, rtol=4 * spacing(logits.dtype))
        scale = 1 / divisor if reduction == "mean" else 1
        gradient = np.exp(log_probs) * coefficients.sum(axis=1, keepdims=True) - coefficients
        np.testing.assert_allclose(
            dlogits, (scale * gradient).astype(np.float64), rtol=0, atol=8 * spacing(logits.dtype)
        )


@given(objectives())
def test_labels_are_probabilities_of_one_and_zero(objective):
    logits, labels, options = objective
    target = np.eye(logits.shape[1], dtype=logits.dtype)[labels]
    from_labels = smnn.softmax_cross_entropy(logits, labels, reduction="none", **options)
    from_probs = smnn.softmax_cross_entropy(logits, target, reduction="none", **options)
    for one, other in zip(from_labels, from_probs, strict=True):
        close = 40 * spacing(logits.dtype)
        np.testing.assert_allclose(one, other, rtol=close, atol=close)


@given(objectives(), st.data())
def test_an_ignored_row_is_a_row_that_is_not_there(objective, data):
    logits, labels, options = objective
    kept = data.draw(hnp.arrays(bool, len(labels)))
    masked = np.where(kept, labels, -100)
    poisoned = np.where(kept[:, None], logits, logits.dtype.type(np.nan))
    loss, dlogits = smnn.softmax_cross_entropy(poisoned, masked, **options)
    expected, expected_dlogits = smnn.softmax_cross_entropy(logits[kept], labels[kept], **options)
    close = {"rtol": 40 * spacing(logits.dtype), "atol": 4 * spacing(logits.dtype)}
    np.testing.assert_allclose(loss, expected, **close)
    np.testing.assert_allclose(dlogits[kept], expected_dlogits, **close)
    assert (dlogits[~kept] == 0).all()


@given(objectives(), st.data())
def test_a_label_out_of_range_is_named(objective, data):
    logits, labels, options = objective
    row = data.draw(st.integers(0, len(labels) - 1))
    beyond = st.integers(logits.shape[1], 2**62) | st.integers(-(2**62), -1)
    labels[row] = data.draw(beyond.filter(lambda label: label != -100))
    with pytest.raises(IndexError, match=f"label {labels[row]} at row {row} "):
        smnn.cross_entropy(logits, labels, **options)
    with pytest.raises(IndexError, match=f"label {labels[row]} at row {row} "):
        smnn.softmax_cross_entropy(logits, labels, **options)


@given(objectives(), st.integers(1, 12))
def test_the_fused_linear_layer_is_the_unfused_one(objective, features):
    logits, labels, options = objective
    rng = np.random.default_rng(features)
    n, c = logits.shape
    x = rng.standard_normal((n, features)).astype(logits.dtype)
    weights = rng.standard_normal((features, c)).astype(logits.dtype)
    bias = logits[0]
    loss, (dx, dw, db) = smnn.linear_cross_entropy(x, weights, labels, bias, **options)
    expected, dlogits = smnn.softmax_cross_entropy(x @ weights + bias, labels, **options)
    close = {"rtol": 0, "atol": 500 * spacing(logits.dtype) * max(1, np.abs(bias).max())}
    np.testing.assert_allclose(loss, expected, **close)
    np.testing.assert_allclose(dx, dlogits @ weights.T, **close)
    np.testing.assert_allclose(dw, x.T @ dlogits, **close)
    np.testing.assert_allclose(db, dlogits.sum(axis=0), **close)
