"""Cross-entropy as users call it: targets, options, special values, the linear layer."""

import tracemalloc

import numpy as np
import pytest

import smnn
from smnn import reference
from smnn.functional import _cross_entropy
from smnn.functional.backend import kernels

FLOATS = [np.float16, np.float32, np.float64]
NAN, INF = np.nan, np.inf


def formula(logits, target, weight=None, ignore_index=-100, label_smoothing=0.0):
    """The loss of each row, what the mean divides by, and the gradient of the sum."""
    n, classes = logits.shape
    weight = np.ones(classes) if weight is None else weight
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    if target.ndim == 1:
        kept = target != ignore_index
        a = np.tile(label_smoothing / classes * weight, (n, 1))
        a[kept, target[kept]] += (1 - label_smoothing) * weight[target[kept]]
        a[~kept] = 0
        divisor = weight[target[kept]].sum()
    else:
        a = weight * ((1 - label_smoothing) * target + label_smoothing / classes)
        divisor = n
    return -(a * logs).sum(axis=1), divisor, np.exp(logs) * a.sum(axis=1, keepdims=True) - a


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["labels", "ignored", "probabilities"])
@pytest.mark.parametrize("classes", [4, 70])
def test_the_formula(rng, classes, kind, weighted, label_smoothing, reduction):
    logits = rng.standard_normal((30, classes))
    options = {"label_smoothing": label_smoothing}
    if weighted:
        options["weight"] = rng.random(classes)
    target = rng.random((30, classes)) if kind == "probabilities" else rng.integers(0, classes, 30)
    if kind == "ignored":
        options["ignore_index"] = 2
    losses, divisor, gradient = formula(logits, target, **options)
    expected = {"mean": losses.sum() / divisor, "sum": losses.sum(), "none": losses}[reduction]
    loss, dlogits = smnn.softmax_cross_entropy(logits, target, reduction=reduction, **options)
    np.testing.assert_allclose(loss, expected, 1e-12)
    scale = 1 / divisor if reduction == "mean" else 1
    np.testing.assert_allclose(dlogits, gradient * scale, 1e-11, 1e-15)
    assert np.array_equal(smnn.cross_entropy(logits, target, reduction=reduction, **options), loss)
    assert np.shape(loss) == ((30,) if reduction == "none" else ())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("classes", [4, 70])
def test_the_short_way_for_plain_arrays_gives_the_same(rng, monkeypatch, classes, dtype):
    logits = rng.standard_normal((33, classes)).astype(dtype)
    target = rng.integers(0, classes, 33)
    around = smnn.softmax_cross_entropy(logits, target, weight=np.ones(classes))
    if dtype != np.float16:  # from here on there is no other way
        monkeypatch.setattr(_cross_entropy, "_loss", None)
    for large in _cross_entropy.LARGE_BYTES, 0:
        monkeypatch.setattr(_cross_entropy, "LARGE_BYTES", large)
        plain = smnn.softmax_cross_entropy(logits, target)
        assert plain[0] == around[0] and plain[0].dtype == dtype
        np.testing.assert_array_equal(plain[1], around[1])
    assert smnn.cross_entropy(logits, target, label_smoothing=0) == plain[0]


def test_any_leading_shape(rng):
    logits, target = rng.standard_normal((2, 3, 5)), rng.integers(0, 5, (2, 3))
    flat = smnn.softmax_cross_entropy(logits.reshape(6, 5), target.reshape(6), reduction="none")
    losses, dlogits = smnn.softmax_cross_entropy(logits, target, reduction="none")
    np.testing.assert_array_equal(losses, flat[0].reshape(2, 3))
    np.testing.assert_array_equal(dlogits, flat[1].reshape(2, 3, 5))
    one_row = smnn.cross_entropy(logits[0, 0], target[0, 0], reduction="none")
    assert one_row == losses[0, 0] and one_row.shape == ()
    assert smnn.cross_entropy(logits[0, 0], 2) == smnn.cross_entropy(logits[0, :1], [2])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_labels_of_any_integer_type_and_layout(rng, dtype):
    logits, target = rng.standard_normal((6, 5)), rng.integers(0, 5, 6)
    expected = smnn.cross_entropy(logits, target)
    assert smnn.cross_entropy(logits, target.astype(dtype)) == expected
    assert smnn.cross_entropy(logits, target.tolist()) == expected
    assert smnn.cross_entropy(logits, np.repeat(target, 2).astype(dtype)[::2]) == expected


@pytest.mark.parametrize("dtype", FLOATS)
def test_out_and_in_place(rng, dtype):
    logits, target = rng.standard_normal((20, 30)).astype(dtype), rng.integers(0, 30, 20)
    probs = rng.random((20, 30))
    for goal, options in (
        (target, {}),
        (target, {"reduction": "sum"}),
        (target, {"label_smoothing": 0.1}),
        (probs, {}),
    ):
        loss, expected = smnn.softmax_cross_entropy(logits, goal, **options)
        for out in (np.empty_like(logits), np.empty_like(logits, order="F"), logits.copy()):
            again, dlogits = smnn.softmax_cross_entropy(logits, goal, **options, out=out)
            assert dlogits is out and again == loss
            np.testing.assert_array_equal(out, expected)
        inside = logits.copy()
        again, dlogits = smnn.softmax_cross_entropy(inside, goal, **options, out=inside)
        assert dlogits is inside and again == loss
        np.testing.assert_array_equal(inside, expected)


@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_the_gradient_may_lie_where_the_target_was(rng, kind):
    """The gradient of each row is written over the target of the next."""
    logits, memory = rng.standard_normal((40, 2)), np.zeros(82)
    out = memory[2:].reshape(40, 2)
    if kind == "labels":
        target, given = memory.view(np.int64)[2:42], rng.integers(0, 2, 40)
    else:
        target, given = memory[:-2].reshape(40, 2), rng.dirichlet([1, 1], 40)
    for reduction in "mean", "sum":
        expected, gradient = smnn.softmax_cross_entropy(logits, given, reduction=reduction)
        target[:] = given
        loss, _ = smnn.softmax_cross_entropy(logits, target, reduction=reduction, out=out)
        assert loss == expected
        np.testing.assert_array_equal(out, gradient)


# --- Special values: KERNELS.md line by line --------------------------------------------


@pytest.mark.parametrize("classes", [3, 70])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_ignored_rows_matter_nowhere_even_if_their_logits_are_nan(classes, label_smoothing):
    rng = np.random.default_rng(1)
    logits, target = rng.standard_normal((20, classes)), rng.integers(0, classes, 20)
    target[::3] = -100
    kept = target != -100
    expected = smnn.softmax_cross_entropy(
        logits[kept], target[kept], label_smoothing=label_smoothing
    )
    logits[~kept, 1] = np.resize([NAN, INF, -INF], (~kept).sum())
    loss, dlogits = smnn.softmax_cross_entropy(logits, target, label_smoothing=label_smoothing)
    assert loss == pytest.approx(float(expected[0]), rel=1e-14)
    np.testing.assert_allclose(dlogits[kept], expected[1], 1e-14)
    assert (dlogits[~kept] == 0).all()
    losses = smnn.cross_entropy(logits, target, reduction="none", label_smoothing=label_smoothing)
    assert (losses[~kept] == 0).all()


@pytest.mark.parametrize("target", [np.full(3, -100), np.zeros(0, int), np.zeros((0, 2))])
def test_a_mean_over_nothing_is_nan_and_a_sum_is_zero(target):
    logits = np.zeros((len(target), 2))
    loss, dlogits = smnn.softmax_cross_entropy(logits, target)
    assert np.isnan(loss) and (dlogits == 0).all() and dlogits.shape == logits.shape
    assert smnn.cross_entropy(logits, target, reduction="sum") == 0
    assert smnn.cross_entropy(logits, target, reduction="none").shape == (len(target),)
    assert smnn.cross_entropy(logits, [] if len(target) == 0 else target, reduction="sum") == 0


@pytest.mark.parametrize("classes", [3, 70])
def test_a_target_of_zero_against_minus_infinity_contributes_zero(classes):
    logits, target = np.zeros((1, classes)), np.zeros((1, classes))
    logits[0, 1], target[0, [0, 2]] = -INF, 0.5
    loss, dlogits = smnn.softmax_cross_entropy(logits, target)
    assert loss == pytest.approx(np.log(classes - 1)) and dlogits[0, 1] == 0
    target[0, 1] = 0.1
    assert smnn.cross_entropy(logits, target) == INF
    assert smnn.cross_entropy(logits, [1]) == INF
    weight = np.ones(classes)
    weight[1] = 0
    loss = smnn.cross_entropy(logits, [0], weight=weight, label_smoothing=0.5)
    assert np.isfinite(loss)


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_weights_of_classes_are_finite(weight):
    with pytest.raises(ValueError, match=f"weight must be finite, got {weight}"):
        smnn.cross_entropy([[0.0, 1.0]], [0], weight=[1.0, weight])


def test_weights_of_zero_and_below():
    logits = np.array([[1.0, 0.0], [0.0, 2.0]])
    losses = smnn.cross_entropy(logits, [0, 1], reduction="none")
    assert smnn.cross_entropy(logits, [0, 1], weight=[1, 0]) == losses[0]
    assert np.isnan(smnn.cross_entropy(logits, [1, 1], weight=[1, 0]))
    found = smnn.cross_entropy(logits, [0, 1], weight=[-1, 2], reduction="sum")
    assert found == pytest.approx(2 * losses[1] - losses[0])


def test_nan_logits_and_nan_targets_give_nan():
    assert np.isnan(smnn.cross_entropy([[NAN, 0.0]], [0]))
    assert np.isnan(smnn.cross_entropy([[INF, 0.0]], [0]))
    assert np.isnan(smnn.cross_entropy([[-INF, -INF]], [0]))
    assert np.isnan(smnn.cross_entropy([[1.0, 0.0]], [[NAN, 0.0]]))
    losses = smnn.cross_entropy([[NAN, 0.0], [0.0, 0.0]], [0, 0], reduction="none")
    np.testing.assert_allclose(losses, [NAN, np.log(2)])


def test_a_float16_loss_is_not_added_up_in_float16():
    logits = np.zeros((5000, 4), np.float16)
    loss = smnn.cross_entropy(logits, np.zeros(5000, int))
    assert loss == np.float16(np.log(4)) and loss.dtype == np.float16


# --- The linear layer -------------------------------------------------------------------


def unfused(x, W, b, target, **options):
    logits = x @ W if b is None else x @ W + b
    loss, dlogits = smnn.softmax_cross_entropy(logits, target, **options)
    return loss, (dlogits @ W.T, x.T @ dlogits, None if b is None else dlogits.sum(axis=0))


@pytest.mark.parametrize("chunk_rows", [1, 7, 100])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_the_fused_linear_layer_is_the_unfused_one(rng, monkeypatch, kind, reduction, chunk_rows):
    x, W, b = rng.standard_normal((20, 6)), rng.standard_normal((6, 9)), rng.standard_normal(9)
    monkeypatch.setattr(_cross_entropy, "_CHUNK_BYTES", chunk_rows * 9 * 8)
    monkeypatch.setattr(_cross_entropy, "_PANEL", 4 * 6)
    monkeypatch.setattr(_cross_entropy, "_FEWEST_COLUMNS", 4)
    options = {"reduction": reduction, "label_smoothing": 0.1, "weight": rng.random(9)}
    target = rng.random((20, 9))
    if kind == "labels":
        target = rng.integers(0, 9, 20)
        options["ignore_index"] = 3
    for bias in (None, b):
        expected = unfused(x, W, bias, target, **options)
        found = smnn.linear_cross_entropy(x, W, target, bias, **options)
        np.testing.assert_allclose(found[0], expected[0], 1e-12)
        for gradient, wanted in zip(found[1], expected[1], strict=True):
            if wanted is None:
                assert gradient is None
            else:
                np.testing.assert_allclose(gradient, wanted, 1e-11, 1e-14)


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_linear_layer_keeps_shapes_and_dtypes(rng, dtype):
    x = rng.standard_normal((2, 3, 4)).astype(dtype)
    W, b = rng.standard_normal((4, 5)).astype(dtype), np.zeros(5, dtype)
    target = rng.integers(0, 5, (2, 3))
    loss, (dx, dW, db) = smnn.linear_cross_entropy(x, W, target, b, reduction="none")
    assert (loss.shape, dx.shape, dW.shape, db.shape) == ((2, 3), x.shape, W.shape, (5,))
    assert {a.dtype for a in (loss, dx, dW, db)} == {np.dtype(dtype)}
    expected = unfused(
        *(a.astype(np.float64) for a in (x.reshape(6, 4), W, b)),
        target.reshape(6),
        reduction="none",
    )
    np.testing.assert_allclose(dW, expected[1][1], atol=20 * float(np.finfo(dtype).eps))


@pytest.mark.skipif(
    kernels is reference or kernels.INTERPRETED, reason="what is promised of the compiled kernels"
)
def test_the_linear_layer_never_holds_the_logits(rng):
    n, d, classes = 2000, 8, 20_000
    x = rng.standard_normal((n, d), dtype=np.float32)
    W = rng.standard_normal((d, classes), dtype=np.float32)
    target = rng.integers(0, classes, n)
    smnn.linear_cross_entropy(x[:2], W, target[:2])
    tracemalloc.start()
    smnn.linear_cross_entropy(x, W, target)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.3 * n * classes * 4


@pytest.mark.parametrize("n", [0, 3])
def test_a_linear_layer_with_nothing_to_learn_from(n):
    target = np.full(n, -100)
    loss, (dx, dW, db) = smnn.linear_cross_entropy(
        np.ones((n, 2)), np.ones((2, 4)), target, np.ones(4)
    )
    assert np.isnan(loss)
    assert (dx == 0).all() and (dW == 0).all() and (db == 0).all()
