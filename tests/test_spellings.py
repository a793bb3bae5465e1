"""One entrance: however a call is spelled, the kernels see the same rows.

The values are those of the plain spelling, the result is C-contiguous, and what is the short
way in stays the short way (counted in calls of the copying way, not in time).
"""

import numpy as np
import pytest

import smnn
from smnn.functional import _cross_entropy, _softmax

X = np.random.default_rng(0).normal(size=(6, 10)).astype(np.float32)
LABELS = np.array([3, 0, 9, 1, 1, 5])


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


# how the scores are written -> (x, options, the axis of the classes)
SPELLINGS = {
    "axis=1": (X, {"axis": 1}),
    "axis=-1": (X, {"axis": -1}),
    "axis as a NumPy integer": (X, {"axis": np.int64(1)}),
    "temperature=1.0": (X, {"temperature": 1.0}),
    "temperature=1": (X, {"temperature": 1}),
    "temperature as a NumPy number": (X, {"temperature": np.float64(1)}),
    "read-only": (read_only(X), {}),
    "one row": (X[0], {}),
    "one row, axis=0": (X[0], {"axis": 0}),
    "three axes": (X.reshape(2, 3, 10), {}),
    "three axes, axis=2": (X.reshape(2, 3, 10), {"axis": 2}),
    "four axes": (X.reshape(2, 1, 3, 10), {}),
}


@pytest.fixture
def no_copies(monkeypatch):
    """Lets every call fail that does not take the short way in."""

    def refuse(*arguments):
        raise AssertionError("this spelling takes the long way")

    monkeypatch.setattr(_softmax, "_normalize_copy", refuse)
    monkeypatch.setattr(_cross_entropy, "_loss", refuse)


@pytest.mark.parametrize("function", [smnn.softmax, smnn.log_softmax])
@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_takes_the_short_way_in(no_copies, function, name):
    x, options = SPELLINGS[name]
    found = function(x, **options)
    assert found.shape == x.shape and found.dtype == np.float32 and found.flags.c_contiguous
    np.testing.assert_array_equal(found.reshape(-1, 10), function(X)[: found.size // 10])


@pytest.mark.parametrize("out_of", [np.empty_like, lambda x: x.copy()])
@pytest.mark.parametrize("name", SPELLINGS)
def test_a_given_array_receives_the_result(name, out_of):
    x, options = SPELLINGS[name]
    out = out_of(x)
    out.flags.writeable = True
    assert smnn.softmax(x, out=out, **options) is out
    np.testing.assert_array_equal(out, smnn.softmax(x, **options))


LABEL_SPELLINGS = {
    "int64": LABELS,
    "int32": LABELS.astype(np.int32),
    "uint8": LABELS.astype(np.uint8),
    "read-only": read_only(LABELS),
    "every second": np.repeat(LABELS, 2)[::2],
    "other byte order": LABELS.astype(">i4"),
}


@pytest.mark.parametrize("name", LABEL_SPELLINGS)
def test_labels_of_every_kind_take_the_short_way_in(no_copies, name):
    labels = LABEL_SPELLINGS[name]
    expected = smnn.softmax_cross_entropy(X, LABELS)
    for logits, target in (
        (X, labels),
        (read_only(X), labels),
        (X.reshape(2, 3, 10), labels.reshape(2, 3)),
    ):
        loss, dlogits = smnn.softmax_cross_entropy(
            logits, target, reduction="mean", ignore_index=-100, label_smoothing=0
        )
        assert loss == expected[0] == smnn.cross_entropy(logits, target)
        np.testing.assert_array_equal(dlogits.reshape(6, 10), expected[1])


@pytest.mark.parametrize("labels", [LABELS.tolist(), LABELS.astype(np.uint64), tuple(LABELS)])
def test_lists_and_large_integers_give_the_same(labels):
    loss, dlogits = smnn.softmax_cross_entropy(X.tolist(), labels)
    expected = smnn.softmax_cross_entropy(X.astype(float), LABELS)
    assert loss == expected[0]
    np.testing.assert_array_equal(dlogits, expected[1])


@pytest.mark.parametrize("axis", [0, 1, (0, 1), (1, 0), None, -2])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_results_are_c_contiguous(axis, order, dtype):
    x = np.asarray(X, dtype, order=order)
    for found in (
        smnn.softmax(x, axis),
        smnn.log_softmax(x, axis),
        smnn.softmax_vjp(x, smnn.softmax(x, axis), axis=axis),
        smnn.log_softmax_vjp(x, smnn.log_softmax(x, axis), axis=axis),
        smnn.logsumexp_vjp(smnn.logsumexp(x, axis), smnn.logsumexp(x, axis), x, axis=axis),
        smnn.softmax_cross_entropy(x, LABELS)[1],
    ):
        assert found.flags.c_contiguous and found.dtype == dtype and found.shape == x.shape


@pytest.mark.parametrize("function", ["softmax_vjp", "log_softmax_vjp"])
@pytest.mark.parametrize("axis", [0, 1, np.int64(0)])
def test_the_old_axis_in_third_place_is_told_what_to_write(function, axis):
    y = smnn.softmax(X, 0)
    with pytest.raises(TypeError, match=f"write axis={axis}"):
        getattr(smnn, function)(X, y, axis)


def test_one_signature_for_all_pullbacks():
    for name in smnn.__all__:
        if name.endswith("_vjp") and name not in ("check_vjp", "prelu_vjp"):
            assert smnn.check_vjp(getattr(smnn, name[:-4]), getattr(smnn, name), X.astype(float)), (
                name
            )
    assert smnn.check_vjp(smnn.softmax, smnn.softmax_vjp, X, axis=0, temperature=0.5)
    assert smnn.check_vjp(smnn.log_softmax, smnn.log_softmax_vjp, X, temperature=3.0)
    assert smnn.check_vjp(smnn.logsumexp, smnn.logsumexp_vjp, X, axis=0, keepdims=True)
    assert smnn.check_vjp(smnn.logsumexp, smnn.logsumexp_vjp, X, b=LABELS[:, None] + 0.5)


# --- What arrays are refused, by name ----------------------------------------------------


def masked():
    return np.ma.masked_array(X, X > 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: smnn.softmax(masked()),
        lambda: smnn.softmax(X, where=np.ma.masked_array(X > 0)),
        lambda: smnn.logsumexp(masked()),
        lambda: smnn.cross_entropy(X, np.ma.masked_array(LABELS)),
        lambda: smnn.cross_entropy(masked(), LABELS),
        lambda: smnn.cross_entropy(X, LABELS, weight=np.ma.masked_array(np.ones(10))),
        lambda: smnn.mse(masked(), X),
        lambda: smnn.relu(masked()),
        lambda: smnn.Tensor(masked()),
        lambda: smnn.Sequential([smnn.Dense(2)])(masked()),
    ],
)
def test_masked_arrays_are_refused_by_name(call):
    with pytest.raises(TypeError, match="masked array"):
        call()


def test_a_mask_is_not_lost_in_a_given_array():
    with pytest.raises(TypeError, match="out must be a NumPy array, got MaskedArray"):
        smnn.softmax(X, out=masked())


def test_sparse_matrices_and_tables():
    sparse = pytest.importorskip("scipy.sparse")
    for matrix in (sparse.csr_matrix(X), sparse.coo_array(X)):
        with pytest.raises(TypeError, match=r"sparse .*toarray"):
            smnn.softmax(matrix)


def test_a_layout_with_the_classes_second_is_told_what_to_do():
    with pytest.raises(ValueError, match=r"np\.moveaxis\(logits, 1, -1\)"):
        smnn.cross_entropy(np.zeros((4, 5, 7)), np.zeros((4, 7), int))
    with pytest.raises(ValueError, match="drop the last axis"):
        smnn.cross_entropy(X, LABELS[:, None])


# --- sample_weight, weights and masks of a sum -------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("class_weight", [None, np.r_[0.0, np.arange(1.0, 10.0)]])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_sample_weight_multiplies_the_loss_of_its_row(reduction, class_weight, smoothing):
    s = np.array([1.0, 0.0, 2.5, 3.0, 0.5, 1.0])
    target = LABELS.copy()
    target[4] = -100
    options = {"weight": class_weight, "label_smoothing": smoothing}
    rows = smnn.cross_entropy(X, target, reduction="none", **options)
    w = np.ones(10) if class_weight is None else class_weight
    counted = np.where(target == -100, 0, s * w[np.where(target == -100, 0, target)]).sum()
    expected = {"none": s * rows, "sum": (s * rows).sum(), "mean": (s * rows).sum() / counted}
    loss, dlogits = smnn.softmax_cross_entropy(
        X, target, sample_weight=s, reduction=reduction, **options
    )
    np.testing.assert_allclose(loss, expected[reduction], 1e-5)
    single = smnn.softmax_cross_entropy(X, target, reduction="none", **options)[1]
    scale = s / counted if reduction == "mean" else s
    np.testing.assert_allclose(dlogits, single * scale[:, None], 1e-4, 1e-7)


def test_a_row_of_sample_weight_zero_is_not_there():
    x = X.astype(float)
    x[1] = np.nan
    s = np.array([1.0, 0, 1, 1, 1, 1])
    loss, dlogits = smnn.softmax_cross_entropy(x, LABELS, sample_weight=s)
    kept = np.arange(6) != 1
    assert loss == pytest.approx(smnn.cross_entropy(x[kept], LABELS[kept]))
    assert (dlogits[1] == 0).all()
    probs = smnn.one_hot(LABELS, 10)
    assert smnn.cross_entropy(x, probs, sample_weight=s) == pytest.approx(loss)
    loss, (dx, dW, _) = smnn.linear_cross_entropy(x, np.eye(10), LABELS, sample_weight=s)
    assert np.isfinite(dW).all() and (dx[1] == 0).all()


@pytest.mark.parametrize("wrong", [[1.0] * 5, [-1.0] * 6, [np.nan] * 6, ["a"] * 6])
def test_sample_weights_that_cannot_be(wrong):
    with pytest.raises((ValueError, TypeError), match="sample_weight"):
        smnn.cross_entropy(X, LABELS, sample_weight=wrong)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, 1, None, (0, 1)])
def test_logsumexp_is_that_of_scipy(axis, keepdims):
    special = pytest.importorskip("scipy.special")
    rng = np.random.default_rng(1)
    x = rng.normal(size=(5, 7)) * 50
    for b in (rng.normal(size=(5, 7)), rng.integers(-1, 2, (5, 7)), 2.0, np.ones((5, 1))):
        y, sign = smnn.logsumexp(x, axis, b=b, keepdims=keepdims, return_sign=True)
        expected = special.logsumexp(x, axis, b=b, keepdims=keepdims, return_sign=True)
        np.testing.assert_allclose(y, expected[0], 1e-12)
        np.testing.assert_array_equal(sign, expected[1])
        without = smnn.logsumexp(x, axis, b=b, keepdims=keepdims)
        np.testing.assert_array_equal(without, np.where(sign < 0, np.nan, y))


def test_the_sign_of_a_sum_without_weights():
    y, sign = smnn.logsumexp([[-np.inf, -np.inf], [-np.inf, 2.0]], return_sign=True)
    assert y.tolist() == [-np.inf, 2] and sign.tolist() == [0, 1]


def test_logsumexp_leaves_entries_out():
    x, where = X.astype(float), X > 0
    expected = np.log(np.where(where, np.exp(x), 0).sum(axis=1))
    dirty = np.where(where, x, np.nan)
    np.testing.assert_allclose(smnn.logsumexp(dirty, where=where), expected)
    np.testing.assert_allclose(smnn.logsumexp(dirty, where=where, b=np.ones(10)), expected)
    y = smnn.logsumexp(dirty, where=where)
    dx = smnn.logsumexp_vjp(np.ones(6), y, dirty, where=where)
    np.testing.assert_allclose(dx.sum(axis=1), 1)
    assert (dx[~where] == 0).all()
    assert smnn.logsumexp(x, where=False).tolist() == [-np.inf] * 6
    with pytest.raises(ValueError, match="b must broadcast"):
        smnn.logsumexp(x, b=np.ones(3))


def test_one_hot():
    np.testing.assert_array_equal(smnn.one_hot([[0, 2]], 3), [[[1, 0, 0], [0, 0, 1]]])
    assert smnn.one_hot([1], dtype="float32").dtype == np.float32
    assert smnn.one_hot([], 4).shape == (0, 4)
    with pytest.raises(IndexError, match="label 3 at row 1"):
        smnn.one_hot([0, 3], 3)
    with pytest.raises(TypeError, match="integer labels"):
        smnn.one_hot([0.5])
    with pytest.raises(ValueError, match="num_classes"):
        smnn.one_hot([])
