"""Every kernel against its definition in NumPy, and what is promised beyond the numbers.

The lengths lie around the widths of a tile, a vector, a group of rows and a block, where the
kernels change their way.
"""

import itertools
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from smnn import reference, set_num_threads
from smnn._core import threads as thread_pool

kernels = pytest.importorskip("smnn._kernels")
plan = pytest.importorskip("smnn._kernels.plan")

PACKAGE = Path(kernels.__file__).parents[1]
CLASSES = [1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 17, 20, 21, 31, 33, 40, 41, 47, 63, 64, 65, 100, 127]
CLASSES += [511, 512, 513, 1000, 1023, 1024, 1025, 2049, 5000]
ROWS = [1, 3, 16, 35]
if kernels.INTERPRETED:
    CLASSES, ROWS = [1, 3, 10, 17, 47, 1000, 1025], [1, 19]
DTYPES = [np.float32, np.float64]

compiled_only = pytest.mark.skipif(kernels.INTERPRETED, reason="there is nothing compiled")


def logits(rng, rows, classes, dtype):
    """Scores of a usual size; in every third array with special values."""
    x = (5 * rng.standard_normal((rows, classes))).astype(dtype)
    if rows > 16:
        x[rng.random(x.shape) < 0.1] = -np.inf
        x[3] = -np.inf
        x[4, classes // 2], x[5, -1], x[6, 0] = np.nan, np.inf, 1e30
    return x


def assert_close(found, expected, what, ulp=16, near_zero=1e-3):
    """Compare with the result of float64, to a few units in the last place.

    ``near_zero`` is the number below which it is these units of that number.
    """
    tolerance = ulp * np.finfo(found.dtype).eps
    np.testing.assert_allclose(
        found.astype(np.float64), expected, tolerance, near_zero * tolerance, err_msg=str(what)
    )


def cases(seed):
    rng = np.random.default_rng(seed)
    for classes, rows in itertools.product(CLASSES, ROWS):
        yield rng, classes, rows


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("scale", [1.0, 0.37])
def test_softmax(name, scale, dtype):
    for rng, classes, rows in cases(0):
        x = logits(rng, rows, classes, dtype)
        given, expected, found = x.copy(), np.empty(x.shape), np.empty_like(x)
        getattr(reference, name)(x.astype(np.float64), scale, expected)
        getattr(kernels, name)(x, scale, found)
        # (x − m) is rounded before it is scaled and before its exponential is taken.
        assert_close(found, expected, (rows, classes), 16 if name == "log_softmax" else 64)
        np.testing.assert_array_equal(x, given)
        getattr(kernels, name)(x, scale, x)
        np.testing.assert_array_equal(x, found, f"in place: {rows, classes}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_logsumexp(dtype):
    for rng, classes, rows in cases(1):
        x = logits(rng, rows, classes, dtype)
        expected, found = np.empty(rows), np.empty(rows, dtype)
        reference.logsumexp(x.astype(np.float64), expected)
        kernels.logsumexp(x, found)
        # Where m and the logarithm cancel, it is exact to the digits of m.
        assert_close(found, expected, (rows, classes), near_zero=1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_weighted_logsumexp(dtype):
    for rng, classes, rows in cases(12):
        x = logits(rng, rows, classes, dtype)
        b = rng.standard_normal(x.shape).astype(dtype)
        b[rng.random(x.shape) < 0.3] = 0
        b[0] = 0
        expected, found = np.empty((2, rows)), np.empty((2, rows), dtype)
        reference.logsumexp_weighted(x.astype(float), b.astype(float), *expected)
        kernels.logsumexp_weighted(x, b, *found)
        np.testing.assert_array_equal(found[1], expected[1])
        # Where positive and negative terms cancel, digits are lost: the sum is as exact as |b|
        # times its terms.
        magnitude = np.empty((2, rows))
        reference.logsumexp_weighted(x.astype(float), abs(b.astype(float)), *magnitude)
        with np.errstate(all="ignore"):
            lost = np.exp(magnitude[0] - expected[0])
            tolerance = 64 * np.finfo(dtype).eps * (lost + abs(expected[0]))
            close = abs(found[0] - expected[0]) <= tolerance
        assert (close | (found[0] == expected[0]) | np.isnan(found[0] + expected[0])).all()
        np.testing.assert_array_equal(np.isnan(found[0]), np.isnan(expected[0]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("limit", ["all", 1, -2])
def test_tiles_of_attention(limit, dtype):
    for rng, width, rows in cases(13):
        scores = logits(rng, rows, width, dtype)
        first = width if limit == "all" else limit
        expected, found = scores.astype(np.float64), scores.copy()
        m = rng.choice([-1e30, 0.0, 20.0], rows).astype(dtype)
        s, factor = np.ones((2, rows), dtype)
        wide = [x.astype(np.float64) for x in (m, s, factor)]
        reference.attention_tile(expected, first, *wide)
        kernels.attention_tile(found, first, m, s, factor)
        assert_close(found, expected, (rows, width), 64)
        for number, other in zip((m, s, factor), wide, strict=True):
            assert_close(number, other, (rows, width), 64)
        out, part = rng.standard_normal((2, rows, width)).astype(dtype)
        expected = out.astype(np.float64)
        kernels.attention_merge(out, factor, part)
        reference.attention_merge(expected, wide[2], part)
        assert_close(out, expected, (rows, width), 64, near_zero=1)
        s[::2] = wide[1][::2] = 0
        out = rng.standard_normal((rows, width)).astype(dtype)
        expected, lse, wide_lse = out.astype(np.float64), np.empty(rows, dtype), np.empty(rows)
        kernels.attention_end(out, m, s, lse)
        reference.attention_end(expected, *wide[:2], wide_lse)
        assert_close(out, expected, (rows, width), 64)
        assert_close(lse, wide_lse, (rows, width), 64, near_zero=1)

        scores = (5 * rng.standard_normal(scores.shape)).astype(dtype)
        scores[rng.random(scores.shape) < 0.1] = -np.inf
        scores[0] = -np.inf
        dp, delta = rng.standard_normal(scores.shape), rng.standard_normal(rows)
        dp[scores == -np.inf] = np.nan  # what has weight 0 gives no gradient, whatever it is
        lse = np.empty(rows)
        reference.logsumexp(scores.astype(np.float64), lse)
        lse[lse == -np.inf] = np.inf
        given = [x.astype(dtype) for x in (dp, lse, delta)]
        dp, lse, delta = (x.astype(np.float64) for x in given)
        for softcap in (None, 6.0):
            expected, dexpected = scores.astype(np.float64), dp.copy()
            reference.attention_tile_vjp(expected, dexpected, first, lse, delta, softcap)
            found, dfound = scores.copy(), given[0].copy()
            kernels.attention_tile_vjp(found, dfound, first, *given[1:], softcap)
            assert_close(found, expected, (rows, width), 64)
            assert_close(dfound, dexpected, (rows, width), 64, near_zero=64)


def test_weighted_logsumexp_is_that_of_scipy():
    special = pytest.importorskip("scipy.special")
    x, b = np.array([[0.0, -40.0, 3.0, np.nan]]), np.array([[1.0, -2.0, -0.5, 0.0]])
    found = np.empty((2, 1))
    for module in (kernels, reference):
        module.logsumexp_weighted(x, b, *found)
        expected = special.logsumexp(x[:, :3], b=b[:, :3], axis=1, return_sign=True)
        np.testing.assert_allclose(found, expected, 1e-14)
        # A small term keeps its digits beside a large one.
        module.logsumexp_weighted(x[:, :2].copy(), np.array([[1.0, -2.0]]), *found)
        np.testing.assert_allclose(found[0], -2 * np.exp(-40.0), 1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
def test_pullbacks(dtype):
    for rng, classes, rows in cases(2):
        x = rng.standard_normal((rows, classes)).astype(dtype)
        dy, probs, logs = rng.standard_normal(x.shape).astype(dtype), x.copy(), x.copy()
        reference.softmax(x, 1.0, probs)
        reference.log_softmax(x, 1.0, logs)
        sums = np.empty(rows, dtype)
        reference.logsumexp(x, sums)
        for name, arguments in {
            "softmax_vjp": (dy, probs),
            "log_softmax_vjp": (dy, logs),
            "logsumexp_vjp": (dy[:, 0].copy(), sums, x),
        }.items():
            expected, found = np.empty(x.shape), np.empty_like(x)
            getattr(reference, name)(*(a.astype(np.float64) for a in arguments), expected)
            getattr(kernels, name)(*arguments, found)
            atol = 64 * np.finfo(dtype).eps * abs(expected).max()
            np.testing.assert_allclose(found, expected, 1e-4, atol, err_msg=f"{name} {x.shape}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("target", ["labels", "smoothed labels", "probabilities"])
def test_cross_entropy(target, weighted, dtype):
    for rng, classes, rows in cases(3):
        x = logits(rng, rows, classes, dtype)
        weight = rng.random(classes).astype(dtype) if weighted else None
        if target == "probabilities":
            name, goal, smoothing = "cross_entropy_probs", rng.random(x.shape).astype(dtype), 0.2
            goal[rng.random(x.shape) < 0.3] = 0
            arguments = (goal,)
        else:
            name, smoothing = "cross_entropy_labels", 0.2 if target == "smoothed labels" else 0.0
            goal = rng.integers(0, classes, rows)
            goal[1::3] = -7
            arguments = (goal, -7)
        losses, dx = np.empty(rows, dtype), np.empty_like(x)
        true_losses, true_dx = np.empty(rows), np.empty(x.shape)
        true = getattr(reference, name)(
            *(as_double(a) for a in (x, *arguments, weight)), smoothing, 2.5, true_losses, true_dx
        )
        found = getattr(kernels, name)(x, *arguments, weight, smoothing, 2.5, losses, dx)
        assert_close(losses, true_losses, (rows, classes), 64)
        np.testing.assert_allclose(found, true, 64 * np.finfo(dtype).eps)
        np.testing.assert_allclose(
            dx, true_dx, 64 * np.finfo(dtype).eps, 4 * np.finfo(dtype).eps, err_msg=f"{x.shape}"
        )
        only_losses = np.empty(rows, dtype)
        getattr(kernels, name)(x, *arguments, weight, smoothing, 2.5, only_losses, None)
        np.testing.assert_array_equal(only_losses, losses)
        getattr(kernels, name)(x, *arguments, weight, smoothing, 2.5, losses, x)
        np.testing.assert_array_equal(x, dx, f"in place: {rows, classes}")


def as_double(value):
    is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(np.float64) if is_float else value


@pytest.mark.parametrize("where", ["first", "last", "none"])
def test_check_labels(where):
    labels = np.array([0, 2, -100, 1, 2])
    weight = np.array([1.0, 10.0, 100.0])
    if where != "none":
        labels[0 if where == "first" else -1] = 3 if where == "first" else -1
    for given in (None, weight):
        expected = reference.check_labels(labels, 3, -100, given)
        assert kernels.check_labels(labels, 3, -100, given) == expected
    assert expected == {"none": (-1, 211.0), "first": (0, 0.0), "last": (4, 0.0)}[where]


BAD_LABELS = """
import numpy as np
from smnn import _kernels as kernels

for classes in 10, 100, 3000:
    x, weight = np.zeros((40, classes), np.float32), np.ones(classes, np.float32)
    maxima, report = np.empty((40, 3), np.float32), np.zeros(1, int)
    for bad in -1, classes, 10**9, -(10**9), 2**62:
        for row in 0, 17, 38:
            labels = np.arange(40) % classes
            labels[3], labels[row] = -100, bad
            for w in None, weight:
                # A part of the rows: a caller has checked all labels, and now one is bad.
                for kernel, extra in {
                    10: [(kernels.labels_short, ())],
                    100: [(kernels.labels_long, (16, None))],
                    3000: [(kernels.labels_blocks, (None, maxima))],
                }[classes]:
                    losses, dx = np.zeros(40, np.float32), np.zeros_like(x)
                    found = kernel(x, labels, -100, w, 1.0, losses, dx, report, *extra, 0, 39)
                    assert found[0] == report[0] == row, (classes, bad, row, found)
                    assert losses[row] == 0 and not dx[row].any()
                    if row != 17:
                        np.testing.assert_allclose(losses[17], np.log(classes), 1e-6)
                losses, dx = np.zeros(40, np.float32), np.zeros_like(x)
                arguments = x, labels, -100, w, 1.0, losses, dx, report, 0.1
                found = kernels.smoothed_labels(*arguments, 0, 39)
                assert found[0] == report[0] == row
                # All of the rows: nothing is written.
                found = kernels.cross_entropy_labels(x, labels, -100, w, 0.0, 1.0, losses, x)
                assert found[0] == row and not x.any()
print("survived")
"""


@compiled_only
def test_a_bad_label_is_reported_and_nothing_is_read_or_written_there():
    """In a process of its own, as it used to crash."""
    assert run(BAD_LABELS) == "survived"


@compiled_only
def test_labels_that_change_during_a_call_do_no_harm():
    x = np.zeros((20_000, 10), np.float32)
    labels, stop = np.zeros(len(x), np.int64), threading.Event()

    def disturb():
        while not stop.is_set():
            labels[::7] = 10**12
            labels[::7] = 3

    other = threading.Thread(target=disturb)
    other.start()
    try:
        for _ in range(50):
            bad, loss = kernels.mean_loss(x, labels, -100, np.empty_like(x))
            assert bad >= 0 or loss == pytest.approx(np.log(10))
    finally:
        stop.set()
        other.join()


def test_arrays_of_different_sizes_are_refused_before_anything_is_written():
    param, short = np.ones(8), np.ones(4)
    steps = {
        "grad": lambda: kernels.sgd_step(param, short, None, 0.1, 0.0, False, 0.0),
        "velocity": lambda: kernels.sgd_step(param, param, short, 0.1, 0.9, False, 0.0),
        "mean": lambda: kernels.adam_step(param, param, short, param, 0.1, 0.9, 0.99, 1e-8, 0.0),
        "square": lambda: kernels.adam_step(param, param, param, short, 0.1, 0.9, 0.99, 1e-8, 0.0),
        "out": lambda: kernels.erfc(param, short),
    }
    for name, step in steps.items():
        with pytest.raises(ValueError, match=rf"must have the same shape, got .*{name} \(4,\)"):
            step()
    assert (param == 1).all() and (short == 1).all()


ANY_SHAPES = [(7,), (90,), (2000,), (2, 3, 10), (3, 1, 2, 100), (1, 5, 1500)]
if not kernels.INTERPRETED:  # too large for the kernels of small arrays
    ANY_SHAPES += [(3000, 10, 20), (300, 20, 100)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", ANY_SHAPES)
def test_an_array_of_any_shape_is_the_table_of_its_rows(shape, dtype):
    """Read-only arrays too; and no reference to an array is lost or kept."""
    rng = np.random.default_rng(17)
    x = rng.standard_normal(shape).astype(dtype)
    labels = rng.integers(0, shape[-1], shape[:-1] or 1)
    x.flags.writeable = False
    rows = x.reshape(-1, shape[-1]).copy()
    counts = sys.getrefcount(x), sys.getrefcount(labels)
    for run in (kernels.softmax, kernels.log_softmax):
        found, expected = np.empty(shape, dtype), np.empty_like(rows)
        run(x, 1.0, found)
        run(rows, 1.0, expected)
        np.testing.assert_array_equal(found.reshape(rows.shape), expected)
    dx, expected = np.empty(shape, dtype), np.empty_like(rows)
    loss = kernels.mean_loss(rows, labels.reshape(-1), -100, expected)
    assert kernels.mean_loss(x, labels, -100, dx) == loss
    assert kernels.mean_loss(x, labels, -100, None) == loss
    np.testing.assert_array_equal(dx.reshape(rows.shape), expected)
    near = reference.mean_loss(x, labels, -100, np.empty(shape, dtype))
    np.testing.assert_allclose(loss, near, 1e-5)
    assert counts == (sys.getrefcount(x), sys.getrefcount(labels))


@pytest.mark.parametrize("divisor", [0.0, 1.0])
def test_a_divisor_of_zero_stands_for_the_sum_of_the_weights(divisor):
    x, labels = np.zeros((4, 2)), np.array([0, 1, 1, -100])
    weight = np.array([1.0, 3.0])
    losses, dx = np.empty(4), np.empty_like(x)
    bad, total, weights = kernels.cross_entropy_labels(
        x, labels, -100, weight, 0.0, divisor, losses, dx
    )
    assert (bad, weights) == (-1, 7.0)
    assert total == pytest.approx(7 * np.log(2))
    np.testing.assert_allclose(dx[1], np.array([1.5, -1.5]) / (divisor or 7.0))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [1, 16, 37])
@pytest.mark.parametrize("classes", [3, 10, 100])
def test_the_mean_loss_is_that_of_the_rows(classes, rows, dtype):
    """Bit for bit; nan where every row is ignored."""
    x = logits(np.random.default_rng(11), rows, classes, dtype)
    for labels in (np.arange(rows) % classes, np.full(rows, -7)):
        labels[2::5] = -7
        losses, gradients = np.empty(rows, dtype), [np.empty_like(x) for _ in range(2)]
        arguments = labels, -7, None, 0.0, 0.0, losses, gradients[0]
        bad, total, weights = kernels.cross_entropy_labels(x, *arguments)
        mean = total / weights if weights else np.nan
        np.testing.assert_equal(kernels.mean_loss(x, labels, -7, gradients[1]), (bad, mean))
        np.testing.assert_array_equal(*gradients)
        np.testing.assert_equal(kernels.mean_loss(x, labels, -7, None), (bad, mean))
    bad, _ = kernels.mean_loss(x, np.full(rows, classes), -7, None)
    assert bad == reference.mean_loss(x, np.full(rows, classes), -7, None)[0] == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [3, 10, 47, 100, 1000])
def test_a_row_does_not_depend_on_the_rows_around_it(classes, dtype):
    x = logits(np.random.default_rng(4), 37, classes, dtype)
    whole, alone = np.empty_like(x), np.empty_like(x)
    for name in ("softmax", "log_softmax"):
        getattr(kernels, name)(x, 1.0, whole)
        for row in range(len(x)):
            getattr(kernels, name)(x[row : row + 1].copy(), 1.0, alone[row : row + 1])
        np.testing.assert_array_equal(alone, whole)


@pytest.fixture
def threads(monkeypatch):
    """Sets the number of threads, among which arrays of 1 MiB are shared already."""
    for name in ("SHARED_BYTES", "SHARED_SHORT_BYTES"):
        monkeypatch.setattr(plan, name, 1 << 20)
    yield set_num_threads
    set_num_threads(2)


@compiled_only
@pytest.mark.parametrize("shape", [(70_001, 10), (8_191, 100), (701, 1013), (3, 400_001)])
def test_results_do_not_depend_on_the_number_of_threads(shape, threads):
    rng = np.random.default_rng(5)
    x = rng.standard_normal(shape, dtype=np.float32)
    labels, probs = rng.integers(0, shape[1], len(x)), rng.random(shape, dtype=np.float32)

    def results():
        found = [np.empty_like(x) for _ in range(4)]
        losses = [np.empty(len(x), np.float32) for _ in range(3)]
        kernels.softmax(x, 1.0, found[0])
        kernels.log_softmax(x, 0.5, found[1])
        kernels.logsumexp(x, losses[0])
        sums = kernels.cross_entropy_labels(x, labels, -100, None, 0.0, 0.0, losses[1], found[2])
        total = kernels.cross_entropy_probs(x, probs, None, 0.1, 1.0, losses[2], found[3])
        return [*found, *losses, np.array([*sums, total])]

    threads(1)
    expected = results()
    for count in (2, 3):
        threads(count)
        for found, wanted in zip(results(), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
        assert thread_pool._workers >= count - 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [41, 100, 1000])
def test_results_do_not_depend_on_the_size_of_a_group(classes, dtype, monkeypatch):
    x = logits(np.random.default_rng(6), 37, classes, dtype)
    labels = np.random.default_rng(7).integers(0, classes, 37)

    def results():
        found = [np.empty_like(x) for _ in range(3)]
        losses = np.empty(37, dtype)
        kernels.softmax(x, 1.0, found[0])
        kernels.log_softmax(x, 1.0, found[1])
        kernels.cross_entropy_labels(x, labels, -100, None, 0.0, 0.0, losses, found[2])
        return [*found, losses]

    expected = results()
    monkeypatch.setattr(plan, "NEAR_BYTES", 0)
    for found, wanted in zip(results(), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [1025, 2048, 3001])
def test_rows_of_several_blocks_as_a_whole_and_block_by_block(classes, dtype, monkeypatch):
    """The two ways round differently: far from the reference is neither."""
    x = logits(np.random.default_rng(8), 21, classes, dtype)
    labels = np.random.default_rng(9).integers(0, classes, 21)
    labels[4] = -100
    x[2, 7], x[3, -1], x[5, 1030 % classes] = -np.inf, np.nan, np.inf

    def results(kernels, x, dtype):
        found = [np.empty(x.shape, dtype) for _ in range(3)]
        losses, sums = np.empty(21, dtype), np.empty(21, dtype)
        kernels.softmax(x, 0.5, found[0])
        kernels.log_softmax(x, 0.5, found[1])
        kernels.logsumexp(x, sums)
        kernels.cross_entropy_labels(x, labels, -100, None, 0.0, 0.0, losses, found[2])
        return [*found, losses, sums]

    expected = results(reference, x.astype(float), np.float64)
    for changed in ((), ("NEAR_BYTES",), ("NEAR_BYTES", "NEAR_SCRATCH_BYTES", "NONTEMPORAL_BYTES")):
        for name in changed:
            monkeypatch.setattr(plan, name, 0)
        for found, wanted in zip(results(kernels, x, dtype), expected, strict=True):
            tolerance = 64 * np.finfo(dtype).eps
            np.testing.assert_allclose(found, wanted, tolerance, tolerance)


@compiled_only
@pytest.mark.parametrize("dtype", DTYPES)
def test_results_past_the_caches(dtype, monkeypatch):
    """Wherever a row begins within a line of memory, and in place; nothing else is written."""
    for name in ("NEAR_BYTES", "NEAR_SCRATCH_BYTES", "NONTEMPORAL_BYTES"):
        monkeypatch.setattr(plan, name, 0)
    x = np.random.default_rng(10).standard_normal((3, 1027)).astype(dtype)
    labels, losses = np.array([5, 0, 1026]), np.empty(3, dtype)
    wanted = [np.empty(x.shape) for _ in range(3)]
    reference.softmax(x.astype(float), 1.0, wanted[0])
    reference.log_softmax(x.astype(float), 1.0, wanted[1])
    reference.cross_entropy_labels(
        x.astype(float), labels, -100, None, 0.0, 0.0, np.empty(3), wanted[2]
    )
    kernels_of = [
        lambda x, out: kernels.softmax(x, 1.0, out),
        lambda x, out: kernels.log_softmax(x, 1.0, out),
        lambda x, out: kernels.cross_entropy_labels(
            x, labels, -100, None, 0.0, 0.0, losses, out
        ),
    ]  # fmt: skip
    for begin in range(17):
        for compute, result in zip(kernels_of, wanted, strict=True):
            memory = np.full(x.size + 64, np.nan, dtype)
            out = memory[begin : begin + x.size].reshape(x.shape)
            compute(x, out)
            np.testing.assert_allclose(out, result, 1e-5, 1e-6)
            assert np.isnan(memory[:begin]).all() and np.isnan(memory[begin + x.size :]).all()
    for compute, result in zip(kernels_of, wanted, strict=True):
        place = x.copy()
        compute(place, place)
        np.testing.assert_allclose(place, result, 1e-5, 1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_sum_of_a_long_row_loses_no_digits(dtype):
    """Equal terms, each of which would be rounded the same way when added to a large sum."""
    for classes in (1000, 8001, 16_001, 60_001):
        x = np.full((4, classes), -0.7, dtype)
        x[:, 0] = 0.0
        out = np.empty_like(x)
        kernels.softmax(x, 1.0, out)
        assert abs(out.sum(1, dtype=float) - 1).max() < 8 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_is_written_or_read_beyond_the_rows(dtype):
    """What lies before and after, nan, neither changes nor matters."""
    rng = np.random.default_rng(7)
    for classes, rows in itertools.product([1, 2, 3, 5, 10, 17, 41, 100, 1030], [1, 15, 16, 17]):
        x = rng.standard_normal((rows, classes)).astype(dtype)
        memory = np.full((2, x.size + 64), np.nan, dtype)
        inside, out = (part[32 : 32 + x.size].reshape(x.shape) for part in memory)
        inside[:] = x
        expected = np.empty_like(x)
        kernels.softmax(x, 1.0, expected)
        kernels.softmax(inside, 1.0, out)
        np.testing.assert_array_equal(out, expected)
        assert np.isnan(memory[:, :32]).all() and np.isnan(memory[:, 32 + x.size :]).all()


# --- What the compiler made of it -------------------------------------------------------


def assembly(kernel, *arguments):
    """The code of a kernel, compiled anew: numba does not show what it has kept."""
    import numba

    fresh = numba.njit(error_model="numpy", nogil=True)(kernel.py_func)
    fresh(*arguments)
    (code,) = fresh.inspect_asm().values()
    return code


@compiled_only
@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="the names are those of x86-64"
)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", ["short", "long"])
def test_the_code_is_packed_and_calls_no_exponential(length, dtype):
    kernel = getattr(kernels, f"softmax_{length}")
    x = np.zeros((20, 10 if length == "short" else 100), dtype)
    group = (4, None) if length == "long" else ()
    code = assembly(kernel, x, None, np.empty_like(x), *group, 0, len(x))
    suffix = "ps" if dtype is np.float32 else "pd"
    assert re.search(rf"\bv?max{suffix}\b", code), "no packed maximum"
    if length == "short":  # a long row has one division
        assert re.search(rf"\bv?div{suffix}\b", code), "no packed division"
    packed, single = (
        len(re.findall(rf"\bv?(?:fmadd\d*|mul){s}\b", code)) for s in (suffix, "s" + suffix[1])
    )
    assert packed > 2 * single, "the polynomial is not packed"
    if "fma" in host_features():
        assert re.search(rf"\bvfmadd\d+{suffix}\b", code), "no fused multiply-add"
    assert not re.search(r"\bexpf?\b|_exp\b|svml", code), "an exponential is called"


@compiled_only
@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="the names are those of x86-64"
)
def test_the_pass_over_long_rows_stays_outside_the_kernel():
    """Inside, its constants would be loaded anew in every round of the loop."""
    x = np.zeros((20, 100), np.float32)
    code = assembly(kernels.softmax_long, x, None, np.empty_like(x), 4, None, 0, len(x))
    functions = re.split(r"^(?=_Z\w+:)", code, flags=re.MULTILINE)
    exponentials = [f.partition(":")[0] for f in functions if re.search(r"\bv?pslld\b", f)]
    assert exponentials
    assert all("pass_rows" in name for name in exponentials), exponentials


def host_features():
    from llvmlite import binding

    return {name for name, has in binding.get_host_cpu_features().items() if has}


# --- Elsewhere --------------------------------------------------------------------------

COMPARE = """
import numpy as np
from smnn import _kernels as kernels, reference

rng = np.random.default_rng(0)
for dtype, lengths in (np.float32, (3, 10, 47, 100, 1100)), (np.float64, (10,)):
    for classes in lengths:
        x = (5 * rng.standard_normal((35, classes))).astype(dtype)
        x[3, 1], x[4, 2] = -np.inf, np.nan
        labels = rng.integers(0, classes, 35)
        losses, true_losses = np.empty(35, dtype), np.empty(35)
        dx, true_dx = np.empty_like(x), np.empty(x.shape)
        kernels.cross_entropy_labels(x, labels, -100, None, 0.0, 0.0, losses, dx)
        reference.cross_entropy_labels(
            x.astype(float), labels, -100, None, 0.0, 0.0, true_losses, true_dx
        )
        tolerance = 64 * np.finfo(dtype).eps
        np.testing.assert_allclose(losses, true_losses, tolerance)
        np.testing.assert_allclose(dx, true_dx, tolerance, tolerance)
print("the same")
"""


def run(code, **environment):
    """Run Python in a process of its own, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


@compiled_only
@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="the names are those of x86-64"
)
@pytest.mark.parametrize(
    "processor, features",
    [
        ("haswell", "+avx,+avx2,+fma,+bmi,+bmi2,+f16c,+lzcnt,+movbe,+popcnt"),
        ("x86-64", "+sse,+sse2"),
    ],
)
def test_other_processors(processor, features, tmp_path):
    if processor == "haswell" and "avx2" not in host_features():
        pytest.skip("this processor has no AVX2")
    environment = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features}
    assert run(COMPARE, NUMBA_CACHE_DIR=str(tmp_path), **environment) == "the same"


FOR_ARM = r'''
import re
import numba
import numpy as np
from llvmlite import binding
from smnn import _kernels as kernels

def count_anywhere(match):
    """How x86 counts references, said for any processor."""
    result, place, number = match[1], match[2], match.start()
    return (
        f"%before.{number} = atomicrmw sub ptr {place}, i64 1 monotonic\n"
        f"%last.{number} = icmp eq i64 %before.{number}, 1\n"
        f"{result} = zext i1 %last.{number} to i8"
    )

NAME = r'(%"?[\w.]+"?)'
COUNTS = NAME + r" = .*@llvm\.x86\.atomic\.sub\.cc\.i64\(ptr.*?" + NAME + r", i64 1, i32 4\).*"
binding.initialize_all_targets()
binding.initialize_all_asmprinters()
arm = binding.Target.from_triple("aarch64-unknown-linux-gnu").create_target_machine(opt=3)
cases = ("short", 10, np.float32, ()), ("long", 100, np.float64, (4, None))
for length, classes, dtype, group in cases:
    kernel = getattr(kernels, f"softmax_{length}").py_func
    fresh = numba.njit(error_model="numpy", nogil=True)(kernel)
    x = np.zeros((20, classes), dtype)
    fresh(x, None, np.empty_like(x), *group, 0, len(x))
    (code,) = fresh.inspect_llvm().values()
    code = re.sub(COUNTS, count_anywhere, code)
    code = re.sub("target triple = .*", f'target triple = "{arm.triple}"', code)
    code = re.sub("target datalayout = .*", f'target datalayout = "{arm.target_data}"', code)
    assembly = arm.emit_assembly(binding.parse_assembly(code))
    lanes = "4s" if dtype is np.float32 else "2d"
    packed = len(re.findall(rf"\bfml[as]\s+v\d+\.{lanes}", assembly))
    single = len(re.findall(r"\bf(?:n?m(?:add|sub)|mul)\s+[sd]\d", assembly))
    assert packed > 9 and packed > 2 * single, (length, packed, single)
    assert not re.search(r"\bbl\s+\w*exp", assembly), "an exponential is called"
print("packed")
'''


@compiled_only
@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="it begins with code for x86-64"
)
def test_for_arm_the_code_is_packed_too(tmp_path):
    """It is compiled for another processor and read; nothing runs it."""
    plain = {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+sse,+sse2"}
    assert run(FOR_ARM, NUMBA_CACHE_DIR=str(tmp_path), **plain) == "packed"


SUM_LOSSES = """
import sys
sys.path.insert(0, {folder!r})
import numpy as np
from smnn._kernels import sum_losses
assert sum_losses.py_func.__code__.co_filename.startswith({folder!r})
sum_losses(np.ones(3))
print(sum(sum_losses.stats.cache_hits.values()))
"""


@compiled_only
def test_a_kept_kernel_is_compiled_anew_when_any_of_its_files_changes(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "smnn", ignore=shutil.ignore_patterns("__pycache__"))
    code = SUM_LOSSES.format(folder=str(tmp_path))
    assert [run(code), run(code)] == ["0", "1"]
    for name in ("passes.py", "simd/vectors.py"):
        part = tmp_path / "smnn" / "_kernels" / name
        part.write_text(part.read_text() + "\n# another line\n")
        assert [run(code), run(code)] == ["0", "1"]


@compiled_only
def test_nothing_to_write_to():
    """In a read-only installation without a home, kernels are compiled and not kept."""
    code = """
import numpy as np
from numba.core import caching

def refuse(self):
    raise OSError("read-only file system")

caching._CacheLocator.ensure_cache_path = refuse
import smnn
print(smnn.softmax(np.zeros((1, 2))), smnn._kernels.softmax_small_short.stats.cache_path)
"""
    assert run(code) == "[[0.5 0.5]] None"


def test_code_compiled_for_other_types_never_shares_a_file(tmp_path):
    """Two processes that compile at once see the same index, and still write two files."""
    from smnn._kernels.simd.compile import _CacheFile

    one = _CacheFile(str(tmp_path), "kernel", "stamp")
    other = _CacheFile(str(tmp_path), "kernel", "stamp")
    empty = other._load_index()
    one.save("float32", "code for float32")
    other._load_index = lambda: dict(empty)  # what it saw before the first had written
    other.save("float64", "code for float64")
    del other._load_index
    assert other.load("float64") == "code for float64"
    assert one.load("float32") in (None, "code for float32")
    assert len(list(tmp_path.glob("*.nbc"))) == 2


APART = """
import numpy as np
import smnn
x = np.random.default_rng(0).standard_normal((40, 40))
y = np.zeros(40, int)
logs = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
calls = {
    "logs": lambda: (smnn.log_softmax(x), logs),
    "probs": lambda: (smnn.softmax(x), np.exp(logs)),
    "loss": lambda: (smnn.cross_entropy(x, y, reduction="none"), -logs[:, 0]),
    "gradient": lambda: (smnn.softmax_cross_entropy(x, y)[1] * 40, np.exp(logs) - np.eye(40)[y]),
}
"""


@compiled_only
def test_kernels_that_several_processes_compiled_work_together(tmp_path):
    """Parts of one name that two processes numbered alike were taken one for the other."""
    here = {"NUMBA_CACHE_DIR": str(tmp_path)}
    names = ("logs", "probs", "loss", "gradient")
    for name in names:
        run(APART + f"calls[{name!r}]()", **here)
    for order in (names, names[::-1]):
        code = f"for name in {order}: np.testing.assert_allclose(*calls[name](), atol=1e-12)"
        run(APART + code, **here)
