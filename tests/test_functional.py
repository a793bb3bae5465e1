"""softmax and its relatives as users call them: shapes, axes, options, special values."""

import numpy as np
import pytest

import smnn

FLOATS = [np.float16, np.float32, np.float64]
NAN, INF = np.nan, np.inf


def plain_softmax(x, axis):
    exps = np.exp(x - x.max(axis=axis, keepdims=True))
    return exps / exps.sum(axis=axis, keepdims=True)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# --- Shapes, axes, memory ---------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3, (0, 2), (2, 0), (-1, 1), None])
def test_any_axis(rng, axis):
    x = rng.standard_normal((3, 4, 5))
    every = tuple(range(3)) if axis is None else axis
    expected = plain_softmax(x, every)
    np.testing.assert_allclose(smnn.softmax(x, axis), expected, 1e-12)
    np.testing.assert_allclose(smnn.log_softmax(x, axis), np.log(expected), 1e-12)
    sums = np.log(np.exp(x).sum(axis=every))
    np.testing.assert_allclose(smnn.logsumexp(x, axis), sums, 1e-12)
    kept = smnn.logsumexp(x, axis, keepdims=True)
    assert kept.shape == x.sum(axis=every, keepdims=True).shape
    np.testing.assert_allclose(kept.reshape(np.shape(sums)), sums, 1e-12)


LAYOUTS = {
    "plain": lambda x: x.copy(),
    "Fortran order": np.asfortranarray,
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "transposed": lambda x: x.T.copy().T,
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "not aligned": lambda x: (
        np.frombuffer(b"_" + x.tobytes(), "V1")[1:].view(x.dtype).reshape(x.shape)
    ),
    "list": lambda x: x.tolist(),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(5, 7), (40, 100)])
def test_any_memory_layout_and_the_input_is_never_touched(rng, layout, shape):
    x = rng.standard_normal(shape)
    given = LAYOUTS[layout](x)
    if isinstance(given, np.ndarray):
        given.flags.writeable = False
    for axis in (0, 1):
        np.testing.assert_allclose(smnn.softmax(given, axis), plain_softmax(x, axis), 1e-12)
    loss, dlogits = smnn.softmax_cross_entropy(given, np.arange(len(x)) % shape[1])
    expected = smnn.softmax_cross_entropy(x, np.arange(len(x)) % shape[1])
    np.testing.assert_allclose(loss, expected[0])
    np.testing.assert_allclose(dlogits, expected[1])
    np.testing.assert_array_equal(given, x)


@pytest.mark.parametrize("dtype", FLOATS)
def test_floating_dtypes_are_kept(rng, dtype):
    x = (3 * rng.standard_normal((4, 6))).astype(dtype)
    expected = plain_softmax(x.astype(np.float64), 1)
    tolerance = 8 * float(np.finfo(dtype).eps)
    for found, wanted in (
        (smnn.softmax(x), expected),
        (smnn.log_softmax(x), np.log(expected)),
        (smnn.logsumexp(x), np.log(np.exp(x.astype(np.float64)).sum(axis=1))),
        (smnn.softmax_vjp(x, expected.astype(dtype)), None),
        (smnn.log_softmax_vjp(x, np.log(expected).astype(dtype)), None),
        (smnn.softmax_jacobian(expected.astype(dtype)), None),
        (smnn.cross_entropy(x, [0, 1, 2, 3]), None),
        (smnn.softmax_cross_entropy(x, [0, 1, 2, 3])[1], None),
    ):
        assert found.dtype == dtype
        if wanted is not None:
            np.testing.assert_allclose(found, wanted, tolerance, tolerance)


def test_float16_is_computed_in_float32():
    x = np.full((1, 4096), 8.0, np.float16)  # a sum of 4096 would be exact, one of e**8 not
    assert smnn.softmax(x)[0, 0] == np.float16(1 / 4096)
    assert smnn.logsumexp(x)[0] == np.float16(8 + np.log(4096))
    assert smnn.cross_entropy(np.zeros((70_000, 2), np.float16), np.zeros(70_000, int)) == (
        np.float16(np.log(2))
    )
    assert (
        smnn.cross_entropy(
            np.full((9, 2), [0, 60_000], np.float16), np.zeros(9, int), reduction="sum"
        )
        == np.inf
    )  # beyond the largest float16


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
def test_integers_give_float64(dtype):
    found = smnn.softmax(np.array([[1, 2, 3]], dtype))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, plain_softmax(np.array([[1.0, 2.0, 3.0]]), 1))


def test_a_single_number():
    assert smnn.softmax(3.5) == 1.0 and smnn.softmax(np.float32(3.5)).dtype == np.float32
    assert smnn.log_softmax(np.array(-4.0)) == 0.0
    assert smnn.logsumexp(2.5) == 2.5
    assert smnn.softmax_vjp(1.0, 1.0) == 0.0


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4)])
@pytest.mark.parametrize("axis", [0, -1])
def test_empty_arrays_give_empty_arrays(shape, axis):
    x = np.zeros(shape, np.float32)
    assert smnn.softmax(x, axis).shape == smnn.log_softmax(x, axis).shape == shape
    assert smnn.softmax_vjp(x, x, x, axis=axis).shape == shape
    sums = smnn.logsumexp(x, axis)
    assert sums.shape == x.sum(axis=axis).shape and (sums == -np.inf).all()


# --- Special values: KERNELS.md line by line --------------------------------------------

SPECIAL_ROWS = {
    # name: row, softmax, log_softmax, logsumexp
    "only −inf": ([-INF, -INF], [NAN, NAN], [NAN, NAN], -INF),
    "one −inf": ([0.0, -INF, 0.0], [0.5, 0, 0.5], [-np.log(2), -INF, -np.log(2)], np.log(2)),
    "all but one −inf": ([-INF, 2.0], [0, 1], [-INF, 0], 2.0),
    "+inf": ([1.0, INF], [NAN, NAN], [NAN, NAN], INF),
    "+inf and −inf": ([-INF, INF], [NAN, NAN], [NAN, NAN], INF),
    "nan": ([1.0, NAN], [NAN, NAN], [NAN, NAN], NAN),
    "nan and +inf": ([INF, NAN], [NAN, NAN], [NAN, NAN], NAN),
    "nan and −inf": ([-INF, NAN], [NAN, NAN], [NAN, NAN], NAN),
    "±3e38": ([3e38, -3e38, 0.0], [1, 0, 0], [0, -INF, -3e38], 3e38),
}


@pytest.mark.parametrize("padding", [0, 8, 60, 1500])
@pytest.mark.parametrize("name", SPECIAL_ROWS)
def test_special_values(name, padding):
    """At every length of row, and with the special values in every part of it."""
    row, probs, logs, total = (np.array(v, np.float32) for v in SPECIAL_ROWS[name])
    is_nan = np.isnan(probs).any()
    fill = np.full(padding, -INF, np.float32)
    probs_fill = np.full(padding, NAN if is_nan else 0)
    logs_fill = np.full(padding, NAN if is_nan else -INF)
    for where in range(3):
        place = where * padding // 2

        def put(values, rest, place=place):
            return np.concatenate([rest[:place], values, rest[place:]])

        x = np.stack([put(row, fill)] * 2 + [np.zeros(len(row) + padding, np.float32)])
        np.testing.assert_array_equal(smnn.softmax(x)[0], put(probs, probs_fill))
        np.testing.assert_allclose(smnn.log_softmax(x)[1], put(logs, logs_fill), 1e-6)
        np.testing.assert_allclose(smnn.logsumexp(x)[0], total, 1e-6)
        assert smnn.softmax(x)[2, 0] == np.float32(1 / x.shape[1])  # the row beside it


@pytest.mark.parametrize("gap", [88, 95, 100, 103])
def test_a_wide_gap_gives_the_denormal(gap):
    x = np.zeros((3, 9), np.float32)
    x[:, 4] = gap
    exact = np.exp(-np.float64(gap))
    found = smnn.softmax(x)[0, 0]
    assert found > 0 and abs(found - exact) <= 1.5e-45
    assert smnn.softmax(x - 1e4)[0, 0] == 0 or found > 0
    assert smnn.softmax(np.array([[0.0, -105.0]], np.float32))[0, 1] == 0


# --- Options ----------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [1e-3, 0.5, 2, np.float32(3), 1e6])
def test_temperature(rng, temperature):
    x = rng.standard_normal((5, 20))
    expected = plain_softmax(x / temperature, 1)
    np.testing.assert_allclose(smnn.softmax(x, temperature=temperature), expected, 1e-9, 1e-300)
    found = smnn.log_softmax(x, temperature=temperature)
    true = x / temperature - smnn.logsumexp(x / temperature, keepdims=True)
    np.testing.assert_allclose(found, true, 1e-9, 1e-12)


@pytest.mark.parametrize("dtype", FLOATS)
def test_extreme_temperatures(dtype):
    x = np.array([[1.0, 2.0, 4.0]], dtype)
    np.testing.assert_array_equal(smnn.softmax(x, temperature=1e-300), [[0, 0, 1]])
    np.testing.assert_allclose(smnn.softmax(x, temperature=1e300), 1 / 3, 1e-3)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("classes", [5, 50, 1100])
def test_where_leaves_entries_out(rng, classes, dtype):
    x = rng.standard_normal((40, classes)).astype(dtype)
    where = rng.random(x.shape) < 0.6
    where[7], where[8] = False, True
    x[~where] = rng.choice([NAN, INF, -INF, 1e4], (~where).sum())
    probs, logs = smnn.softmax(x, where=where), smnn.log_softmax(x, where=where)
    assert (probs[~where] == 0).all() and (logs[~where] == -INF).all()
    assert (probs[7] == 0).all()
    tolerance = 8 * float(np.finfo(dtype).eps)
    for row, kept, found, log in zip(x, where, probs, logs, strict=True):
        if kept.any():
            expected = plain_softmax(row[kept].astype(np.float64), 0)
            np.testing.assert_allclose(found[kept], expected, tolerance, tolerance)
            np.testing.assert_allclose(log[kept], np.log(expected), 2 * tolerance)


def test_where_broadcasts_and_works_along_any_axis(rng):
    x = rng.standard_normal((3, 4))
    np.testing.assert_allclose(
        smnn.softmax(x, where=[True, False, True, True])[:, [0, 2, 3]],
        plain_softmax(x[:, [0, 2, 3]], 1),
    )
    found = smnn.softmax(x, axis=0, where=np.array([[True], [True], [False]]))
    np.testing.assert_allclose(found[:2], plain_softmax(x[:2], 0))
    np.testing.assert_array_equal(smnn.softmax(x, where=False), np.zeros((3, 4)))
    masked_nan = smnn.softmax([[NAN, -INF, 1.0]], where=[[False, True, False]])
    np.testing.assert_array_equal(masked_nan, [[0, NAN, 0]])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(4, 10), (40, 100)])
@pytest.mark.parametrize("function", [smnn.softmax, smnn.log_softmax])
def test_out(rng, function, shape, dtype):
    x = rng.standard_normal(shape).astype(dtype)
    for axis in (0, 1):
        expected = function(x, axis)
        big = np.zeros((shape[0] + 2, 2 * shape[1]), dtype)
        for out in (
            np.empty_like(x),
            np.empty_like(x, order="F"),
            big[1:-1, ::2],
            x.copy(),
        ):
            assert function(x, axis, out=out) is out
            np.testing.assert_array_equal(out, expected)
        assert (big[[0, -1]] == 0).all() and (big[:, 1::2] == 0).all()
        mask = rng.random(shape) < 0.5
        masked = function(x, axis, where=mask)
        inside = x.copy()
        assert function(inside, axis, where=mask, out=inside) is inside
        np.testing.assert_array_equal(inside, masked)
        inside = x.copy()
        assert function(inside, axis, out=inside) is inside
        np.testing.assert_array_equal(inside, expected)


@pytest.mark.parametrize("shift", [1, 3, 17])
def test_out_may_overlap_the_input(rng, shift):
    memory = rng.standard_normal(600)
    x, out = memory[: 50 * 11].reshape(50, 11), memory[shift : shift + 50 * 11].reshape(50, 11)
    expected = smnn.softmax(x.copy())
    smnn.softmax(x, out=out)
    np.testing.assert_array_equal(out, expected)


# --- Gradients --------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [-1, 0, (0, 2), None])
@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 70, 3)])
def test_pullbacks_are_the_derivative(rng, shape, axis):
    """Along a random direction, against centered differences."""
    x, direction, step = rng.standard_normal(shape), rng.standard_normal(shape), 1e-5

    def slope(function, dy):
        ahead, behind = function(x + step * direction), function(x - step * direction)
        return (dy * (ahead - behind)).sum() / (2 * step)

    dy = rng.standard_normal(shape)
    for function, pullback in (
        (smnn.softmax, smnn.softmax_vjp),
        (smnn.log_softmax, smnn.log_softmax_vjp),
    ):
        dx = pullback(dy, function(x, axis), x, axis=axis)
        expected = slope(lambda x, function=function: function(x, axis), dy)
        assert (dx * direction).sum() == pytest.approx(expected, rel=1e-7, abs=1e-8)
    for keepdims in (False, True):
        y = smnn.logsumexp(x, axis, keepdims=keepdims)
        dy = rng.standard_normal(np.shape(y))
        dx = smnn.logsumexp_vjp(dy, y, x, axis=axis, keepdims=keepdims)
        expected = slope(lambda x, k=keepdims: smnn.logsumexp(x, axis, keepdims=k), dy)
        assert (dx * direction).sum() == pytest.approx(expected, rel=1e-7, abs=1e-8)


def test_the_jacobian_holds_the_pullbacks(rng):
    y = smnn.softmax(rng.standard_normal((2, 3, 6)))
    dy = rng.standard_normal(y.shape)
    jacobian = smnn.softmax_jacobian(y)
    assert jacobian.shape == (2, 3, 6, 6)
    np.testing.assert_array_equal(jacobian, np.swapaxes(jacobian, -1, -2))
    np.testing.assert_allclose(smnn.softmax_vjp(dy, y), np.einsum("abi,abij->abj", dy, jacobian))
    np.testing.assert_allclose(jacobian.sum(axis=-1), 0, atol=1e-15)


def test_a_step_of_mixed_dtypes_takes_the_wider():
    dy, y = np.ones((1, 2)), np.array([[0.25, 0.75]], np.float32)
    assert smnn.softmax_vjp(dy, y).dtype == np.float64
    assert smnn.softmax_vjp(dy.astype(np.float16), y).dtype == np.float32
