"""Large vocabularies: draws, sampled losses at their known optima, and trees that sum to 1."""

import itertools

import numpy as np
import pytest

import smnn
from smnn import reference
from smnn.functional.backend import kernels
from smnn.gradcheck import check_pullback
from smnn.vocabulary.sampler import alias_table

# A language of three contexts and four words: P(word | context) in sixteenths.
LANGUAGE = np.array([[8, 4, 2, 2], [1, 1, 6, 8], [4, 4, 4, 4]])
P = LANGUAGE / 16
NOISE = np.array([1, 2, 3, 2])  # in eighths
Q = NOISE / 8
LOSSES = [smnn.negative_sampling_loss, smnn.nce_loss, smnn.sampled_softmax_loss]


class Fixed:
    """Noise whose draws are given."""

    def __init__(self, draws, probs):
        self.draws, self.probs = np.asarray(draws), np.asarray(probs)

    def sample(self, size, rng):
        return np.resize(self.draws, size)


def exact_batch(k):
    """A batch in which words and draws are exactly as frequent as their probabilities say."""
    contexts = np.repeat(np.arange(3), 16)
    words = np.concatenate([np.repeat(np.arange(4), counts) for counts in LANGUAGE])
    draws = np.tile(np.repeat(np.arange(4), NOISE), 2 * k).reshape(16, k, order="F")
    return np.eye(3)[contexts], words, np.tile(draws, (3, 1))


def solve(loss, k, curvature):
    """Find the scores at which the exact expectation of a loss has gradient 0, by Newton."""
    h, words, draws = exact_batch(k)
    noise = Fixed(draws, Q)
    W = np.zeros((4, 3))
    for _ in range(30):
        _, (_, (rows, dW), _) = loss(h, W, words, noise=noise, k=k)
        assert rows.tolist() == [0, 1, 2, 3]
        W -= np.clip(3 * dW / curvature(W), -1, 1)  # each context is a third of the batch
    return W.T, 3 * abs(dW).max()


def sigma(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("k", [1, 4])
def test_negative_sampling_ends_at_the_shifted_pmi(k):
    def curvature(W):
        s = W.T
        return ((P + k * Q) * sigma(s) * sigma(-s)).T

    scores, slope = solve(smnn.negative_sampling_loss, k, curvature)
    np.testing.assert_allclose(scores, np.log(P / (k * Q)), atol=1e-10)
    assert slope < 1e-12
    # Not a probability: softmax of the scores is another distribution, and that of s + log q is p.
    assert abs(smnn.softmax(scores) - P).max() > 0.05
    np.testing.assert_allclose(smnn.softmax(scores + np.log(Q)), P, atol=1e-10)


@pytest.mark.parametrize("k", [1, 4])
def test_nce_ends_at_log_p(k):
    def curvature(W):
        s = W.T - np.log(k * Q)
        return ((P + k * Q) * sigma(s) * sigma(-s)).T

    scores, slope = solve(smnn.nce_loss, k, curvature)
    np.testing.assert_allclose(scores, np.log(P), atol=1e-10)
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, atol=1e-10)
    assert slope < 1e-12


@pytest.mark.parametrize("loss", LOSSES[:2])
def test_a_draw_that_is_the_true_class_stays(loss):
    h, W = np.ones((1, 1)), np.array([[0.3], [0.1]])
    value, (_, (rows, dW), _) = loss(h, W, [0], noise=Fixed([0], [0.5, 0.5]), k=1)
    shift = np.log(0.5) if loss is smnn.nce_loss else 0
    s = 0.3 - shift
    np.testing.assert_allclose(value, -np.log(sigma(s)) - np.log(sigma(-s)))
    assert rows.tolist() == [0]
    np.testing.assert_allclose(dW, [[sigma(s) - 1 + sigma(s)]])


def test_a_draw_that_is_the_true_class_leaves_sampled_softmax():
    h, W = np.ones((1, 1)), np.array([[0.3], [0.1]])
    noise = Fixed([0, 1, 0], [0.25, 0.75])
    value, (_, (_, dW), _) = smnn.sampled_softmax_loss(h, W, [0], noise=noise, k=3)
    z = np.array([0.3 - np.log(0.75), 0.1 - np.log(2.25)])
    np.testing.assert_allclose(value, -np.log(smnn.softmax(z)[0]))
    np.testing.assert_allclose(dW[:, 0], smnn.softmax(z) - [1, 0])
    value, (dh, _, _) = smnn.sampled_softmax_loss(h, W, [0], noise=Fixed([0], Q[:2] / 0.375), k=1)
    assert value == 0 and not dh.any()


def test_sampled_softmax_with_every_class_is_full_softmax():
    rng = np.random.default_rng(1)
    classes = 11
    h, W, b = rng.standard_normal((5, 3)), rng.standard_normal((classes, 3)), rng.random(classes)
    y = rng.integers(0, classes, 5)
    noise = Fixed(np.arange(classes), np.full(classes, 1 / classes))
    loss, (dh, (rows, dW), (_, db)) = smnn.sampled_softmax_loss(
        h, W, y, noise=noise, k=classes, b=b
    )
    full, (full_dh, full_dW, full_db) = smnn.linear_cross_entropy(h, W.T, y, b)
    assert rows.tolist() == list(range(classes))
    for found, expected in ((loss, full), (dh, full_dh), (dW, full_dW.T), (db, full_db)):
        np.testing.assert_allclose(found, expected, atol=1e-14)


# A language of a thousand words by Zipf's law, and scores that are not yet its own.
ZIPF = 1 / np.arange(1, 1001)
ZIPF_NOISE = smnn.UnigramSampler(ZIPF)
SCORES = np.log(ZIPF) + np.random.default_rng(0).standard_normal(1000)


def bias_of_the_gradient(word, k, noise):
    """Σ |mean gradient of sampled softmax − that of softmax| for one true word; its norm is 2."""
    examples = 400_000 // k
    _, (_, (rows, dW), _) = smnn.sampled_softmax_loss(
        np.ones((examples, 1)), SCORES[:, None], np.full(examples, word), noise=noise, k=k, rng=1
    )
    expected = smnn.softmax(SCORES)
    expected[word] -= 1
    return abs(dense((1000,), rows, dW[:, 0]) - expected).sum()


def test_the_bias_of_sampled_softmax_falls_with_k_and_stays_without_the_correction():
    bias = [bias_of_the_gradient(500, k, ZIPF_NOISE) for k in (10, 100, 1000)]
    assert 0.2 < bias[0] < 0.4 and bias[1] < 0.1 and bias[2] < 0.04

    class Uncorrected:
        probs, sample = np.full(1000, 1e-3), ZIPF_NOISE.sample

    bias = [bias_of_the_gradient(500, k, Uncorrected()) for k in (10, 100, 1000)]
    assert min(bias) > 0.7


def test_a_true_class_that_is_drawn_over_and_over_loses_its_share():
    """Its draws leave, and what is left of it, 1/(kq), goes to 0: what the docstring warns of."""
    k, word = 8 * 4000, 2
    W = np.array([[0.5], [-1.0], [2.0], [0.0]])
    noise = Fixed(np.repeat(np.arange(4), NOISE * 4000), Q)
    _, (_, (_, dW), _) = smnn.sampled_softmax_loss(np.ones((1, 1)), W, [word], noise=noise, k=k)
    others = smnn.softmax(np.where(np.arange(4) == word, -np.inf, W[:, 0]))
    np.testing.assert_allclose(dW[:, 0], others - np.eye(4)[word], atol=1e-3)


def dense(shape, rows, values):
    full = np.zeros(shape)
    full[rows] = values
    return full


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("size", [1, 7, 17])
def test_gradients(loss, size):
    rng = np.random.default_rng(2)
    noise = Fixed(rng.integers(0, 9, (6, 4)), rng.dirichlet(np.ones(9)))
    y = rng.integers(0, 9, 6)

    def forward(h, W, b):
        value, (dh, (rows, dW), (same, db)) = loss(h, W, y, noise=noise, k=4, b=b)
        assert (rows == same).all() and (np.diff(rows) > 0).all()
        full = dh, dense(W.shape, rows, dW), dense(b.shape, rows, db)
        return value, lambda dvalue: tuple(dvalue * gradient for gradient in full)

    inputs = rng.standard_normal((6, size)), rng.standard_normal((9, size)), rng.random(9)
    assert check_pullback(forward, *inputs)


@pytest.mark.parametrize("loss", LOSSES)
def test_without_biases_there_is_no_gradient_of_them(loss):
    rng = np.random.default_rng(3)
    h, W, y = rng.standard_normal((6, 5)), rng.standard_normal((9, 5)), rng.integers(0, 9, 6)
    noise = smnn.UnigramSampler(np.arange(1, 10))
    bare, zero = (loss(h, W, y, noise=noise, k=3, b=b, rng=4) for b in (None, np.zeros(9)))
    assert bare[1][2] is None and bare[0] == zero[0]
    np.testing.assert_array_equal(bare[1][0], zero[1][0])


@pytest.mark.parametrize("loss", LOSSES)
def test_dtypes_and_layouts(loss):
    rng = np.random.default_rng(3)
    h, W, y = rng.standard_normal((6, 5)), rng.standard_normal((9, 5)), rng.integers(0, 9, 6)
    noise = smnn.UnigramSampler(np.arange(1, 10))
    expected, (dh, (rows, dW), _) = loss(h, W, y, noise=noise, k=3, rng=4)
    for dtype, tolerance in {"float32": 1e-5, "float16": 1e-2}.items():
        half = [np.asfortranarray(a.astype(dtype)) for a in (h, W)]
        value, (half_dh, (same, half_dW), _) = loss(*half, y, noise=noise, k=3, rng=4)
        assert value.dtype == half_dh.dtype == half_dW.dtype == dtype
        np.testing.assert_array_equal(same, rows)
        for found, wanted in ((value, expected), (half_dh, dh), (half_dW, dW)):
            np.testing.assert_allclose(found, wanted, atol=tolerance, rtol=tolerance)
    integers = loss(np.ones((2, 3), int), np.ones((4, 3), int), [0, 1], noise=[0.25] * 4, rng=0)
    assert integers[0].dtype == np.float64


@pytest.mark.parametrize("loss", LOSSES)
def test_extreme_scores_stay_finite(loss):
    W = np.array([[1e4], [-1e4], [0.0]])
    for y in (0, 1):
        value, (dh, (_, dW), _) = loss(np.ones((1, 1)), W, [y], noise=Fixed([0, 1, 2], [1 / 3] * 3))
        assert np.isfinite(value) and np.isfinite(dh).all() and np.isfinite(dW).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_no_example_gives_nan_and_empty_gradients(loss):
    value, (dh, (rows, dW), _) = loss(
        np.zeros((0, 3)), np.zeros((4, 3)), np.zeros(0, int), noise=[0.25] * 4
    )
    assert np.isnan(value) and dh.shape == (0, 3) and rows.shape == (0,) and dW.shape == (0, 3)


BAD = {
    "a label above": ({"target": [0, 4]}, IndexError, "label 4 at row 1 .* 0 … 3"),
    "a label below": ({"target": [-1, 0]}, IndexError, "label -1 at row 0"),
    "a float label": ({"target": [0.0, 1.0]}, TypeError, "target must hold integer labels"),
    "too few labels": ({"target": [0]}, ValueError, "one label per row"),
    "no draw": ({"k": 0}, ValueError, "k must be at least 1, got 0"),
    "half a draw": ({"k": 1.5}, TypeError, "k must be an integer"),
    "shapes": ({"W": np.zeros((4, 2))}, ValueError, "h must have shape .* got h of shape"),
    "h is a vector": ({"h": np.zeros(3)}, ValueError, "h must have shape"),
    "biases": ({"b": np.zeros(3)}, ValueError, r"shape \(4,\), got shape \(3,\)"),
    "noise of another size": ({"noise": [0.5, 0.5]}, ValueError, "one probability per class"),
    "noise is counts": ({"noise": [1.0, 2.0, 3.0, 4.0]}, ValueError, "numbers that sum to 10"),
    "noise below 0": ({"noise": [1.5, -0.5, 0, 0]}, ValueError, "got -0.5 for class 1"),
    "a draw above": ({"noise": Fixed([0, 9], [0.25] * 4)}, IndexError, "drew 9 for row 0"),
    "seeds": ({"rng": "today"}, TypeError, "rng must be None"),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_in_a_sentence(loss, case):
    changed, error, message = BAD[case]
    arguments = {
        "h": np.zeros((2, 3)), "W": np.zeros((4, 3)), "target": [0, 1], "noise": [0.25] * 4, "k": 2,
    }  # fmt: skip
    arguments |= changed
    h, W, target = (arguments.pop(name) for name in ("h", "W", "target"))
    with pytest.raises(error, match=message):
        loss(h, W, target, **arguments)


def test_a_true_class_that_the_noise_never_draws():
    h, W, noise = np.zeros((1, 2)), np.zeros((3, 2)), [0.0, 0.5, 0.5]
    value, _ = smnn.negative_sampling_loss(h, W, [0], noise=noise, k=1)
    np.testing.assert_allclose(value, 2 * np.log(2))
    for loss in LOSSES[1:]:
        with pytest.raises(ValueError, match="above 0, got 0 for class 0"):
            loss(h, W, [0], noise=noise, k=1)


def test_every_example_has_draws_of_its_own():
    asked = []

    class Recorder(Fixed):
        def sample(self, size, rng):
            asked.append((size, rng.integers(1 << 30)))
            return super().sample(size, rng)

    noise = Recorder([1], [0.25] * 4)
    smnn.nce_loss(np.zeros((5, 2)), np.zeros((4, 2)), [0] * 5, noise=noise, k=3, rng=8)
    assert asked == [((5, 3), np.random.default_rng(8).integers(1 << 30))]


# --- Draws ------------------------------------------------------------------------------


COUNTS = {
    "a few": [5, 1, 0, 3],
    "one": [7],
    "two equal": [1, 1],
    "Zipf": 1 / np.arange(1, 300),
    "many zeros": [0] * 50 + [1e-9, 1] + [0] * 50,
    "large and small": [1e300, 1e-300, 1e299],
}


@pytest.mark.parametrize("power", [0, 0.75, 1])
@pytest.mark.parametrize("name", COUNTS)
def test_probabilities_are_powers_of_the_counts(name, power):
    counts = np.array(COUNTS[name], float)
    noise = smnn.UnigramSampler(counts, power)
    scaled = np.where(counts > 0, (counts / counts.max()) ** power, 0)
    np.testing.assert_allclose(noise.probs, scaled / scaled.sum())


@pytest.mark.parametrize("power", [0, 0.75, 1])
@pytest.mark.parametrize("name", COUNTS)
def test_the_columns_hold_exactly_the_probabilities(name, power):
    """What the table draws, computed from the table."""
    probs = smnn.UnigramSampler(COUNTS[name], power).probs
    threshold, choices = alias_table(probs)
    assert ((threshold >= 0) & (threshold <= 1)).all()
    parts = np.column_stack([1 - threshold, threshold])
    found = np.bincount(choices.ravel(), parts.ravel(), len(probs))
    np.testing.assert_allclose(found / len(probs), probs, atol=1e-14)
    assert not found[probs == 0].any()


def chi_squared(noise, n, seed):
    draws = noise.sample(n, np.random.default_rng(seed))
    seen = noise.probs > 0
    expected = n * noise.probs[seen]
    found = np.bincount(draws, minlength=len(noise.probs))
    assert not found[~seen].any()
    return ((found[seen] - expected) ** 2 / expected).sum(), seen.sum() - 1


@pytest.mark.parametrize("seed", range(3))
def test_draws_pass_a_chi_squared_test(seed):
    stats = pytest.importorskip("scipy.stats")
    value, freedom = chi_squared(smnn.UnigramSampler([5, 1, 0, 3, 40, 0.5]), 100_000, seed)
    assert 1e-4 < stats.chi2.sf(value, freedom) < 1 - 1e-4
    value, freedom = chi_squared(smnn.UnigramSampler(1 / np.arange(1, 1000)), 400_000, seed)
    assert 1e-4 < stats.chi2.sf(value, freedom) < 1 - 1e-4


def test_draws_have_the_shape_that_was_asked_for():
    noise = smnn.UnigramSampler([3, 1])
    assert noise.sample(0, 1).shape == (0,) and noise.sample((), 1).shape == ()
    assert noise.sample((2, 3), 1).shape == (2, 3) and noise.sample(4, 1).dtype == np.int64
    np.testing.assert_array_equal(noise.sample(50, 1), noise.sample(50, 1))
    assert set(smnn.UnigramSampler([9]).sample(10, 0)) == {0}
    for size, error in ((-1, ValueError), ((2, -1), ValueError), (1.5, TypeError)):
        with pytest.raises(error, match="size must"):
            noise.sample(size, 0)
    assert "2 classes" in repr(noise)


@pytest.mark.parametrize("make", [smnn.UnigramSampler, smnn.HierarchicalSoftmax.from_counts])
@pytest.mark.parametrize(
    "counts, error, message",
    [
        ([], ValueError, r"one number per class, got shape \(0,\)"),
        (3, ValueError, r"got shape \(\)"),
        ([[1, 2]], ValueError, r"got shape \(1, 2\)"),
        ([1, -2], ValueError, "at least 0 and finite, got -2.0 for class 1"),
        ([np.nan, 1], ValueError, "got nan for class 0"),
        ([1, 2, np.inf], ValueError, "got inf for class 2"),
        ([0, 0], ValueError, "not all be 0"),
        (["a"], TypeError, "counts must hold"),
    ],
)
def test_counts_that_cannot_be(make, counts, error, message):
    arguments = (counts,) if make is smnn.UnigramSampler else (counts, 3)
    with pytest.raises(error, match=message):
        make(*arguments)


def test_powers_that_cannot_be():
    for power in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="power must be at least 0"):
            smnn.UnigramSampler([1, 2], power)


# --- Rows -------------------------------------------------------------------------------


def test_sum_rows_is_the_gradient_of_looking_up():
    rng = np.random.default_rng(0)
    index, values = rng.integers(0, 40, (6, 5)), rng.standard_normal((6, 5, 19))
    rows, sums = smnn.sum_rows(index, values)
    expected = np.zeros((40, 19))
    np.add.at(expected, index, values)
    assert (np.diff(rows) > 0).all() and set(rows) == set(index.ravel())
    np.testing.assert_allclose(sums, expected[rows], atol=1e-14)
    rows, sums = smnn.sum_rows(np.zeros(0, int), np.zeros((0, 3), np.float32))
    assert rows.shape == (0,) and sums.shape == (0, 3) and sums.dtype == np.float32
    assert smnn.sum_rows([1], [[1, 2]])[1].dtype == np.float64
    with pytest.raises(IndexError, match="at least 0, got -1"):
        smnn.sum_rows([2, -1], np.zeros((2, 3)))
    with pytest.raises(ValueError, match="values must hold one row per index"):
        smnn.sum_rows([2, 1], np.zeros((3, 3)))
    with pytest.raises(TypeError, match="index must hold integer"):
        smnn.sum_rows([2.0], np.zeros((1, 3)))


# --- Kernels and their definitions ------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 8, 15, 16, 32, 50])
def test_kernels_do_what_their_definitions_say(size, dtype):
    rng = np.random.default_rng(size)
    index = rng.integers(0, 30, 77)
    starts = np.array([0, 0, 10, 40, 40, 77])
    parts = [np.ascontiguousarray(part) for part in np.split(index.reshape(7, 11), [1, 5], axis=1)]
    places = np.empty((2, 7, 11), np.int64)
    results = [module.distinct_rows(parts, 30, out) for module, out in
               zip((kernels, reference), places, strict=True)]  # fmt: skip
    assert results[0][0] == results[1][0] == -1
    np.testing.assert_array_equal(results[0][1], results[1][1])
    np.testing.assert_array_equal(places[0], places[1])
    places, rows = places[0].reshape(-1), results[0][1]
    for bad in (np.array([[3, -1, 30]]), np.array([[3, 30, -1]])):
        for module in (kernels, reference):
            assert module.distinct_rows([bad[:, :1], bad], 30, np.empty((1, 4), np.int64))[0] == 1
    h = rng.standard_normal((5, size)).astype(dtype)
    W = rng.standard_normal((len(rows), size)).astype(dtype)
    offset = rng.standard_normal(len(rows)).astype(dtype)
    signs = rng.choice([-1, 1], len(index)).astype(dtype)
    eps = np.finfo(dtype).eps
    tables = [module.take_rows(W, np.arange(len(rows)), h.dtype) for module in (kernels, reference)]
    for given in (None, offset):
        found, expected = np.empty((2, len(index)), dtype)
        kernels.row_scores(h, tables[0], starts, places, given, found)
        reference.row_scores(h, tables[1], starts, places, given, expected)
        np.testing.assert_allclose(found, expected, atol=64 * eps)
        expected[:5] = found[:5] = [0, 200, -200, np.inf, np.nan]
        expected[5:] = found[5:]
        totals = [kernels.logistic_loss(found, signs, 0.3)]
        totals += [reference.logistic_loss(expected, signs, 0.3)]
        np.testing.assert_allclose(*totals)
        np.testing.assert_allclose(found, expected, rtol=16 * eps, atol=1e-60)
        found[:5] = 0
        sums = [
            [np.empty_like(h), np.empty_like(W), None if given is None else np.empty_like(offset)]
            for _ in range(2)
        ]
        kernels.row_gradients(h, tables[0], starts, places, found, *sums[0])
        reference.row_gradients(h, tables[1], starts, places, found, *sums[1])
        for one, other in zip(*sums, strict=True):
            if one is not None:
                np.testing.assert_allclose(one, other, atol=256 * eps)
    out = np.empty((2, len(rows), size), dtype)
    values = rng.standard_normal((len(index), size)).astype(dtype)
    kernels.add_rows(places, values, out[0])
    reference.add_rows(places, values, out[1])
    np.testing.assert_allclose(out[0], out[1], atol=64 * eps)


def test_the_layout_of_the_weights_does_not_matter():
    rng = np.random.default_rng(0)
    h, W, target = rng.standard_normal((9, 5)), rng.standard_normal((30, 5)), np.arange(9)
    read_only = W.copy()
    read_only.flags.writeable = False
    results = [
        smnn.negative_sampling_loss(h, given, target, noise=np.full(30, 1 / 30), k=3, rng=0)
        for given in (W, np.asfortranarray(W), W[:, ::-1].copy()[:, ::-1], read_only)
    ]
    for loss, (dh, (rows, dW), _) in results:
        assert loss == results[0][0]
        np.testing.assert_array_equal(dh, results[0][1][0])
        np.testing.assert_array_equal(rows, results[0][1][1][0])
        np.testing.assert_array_equal(dW, results[0][1][1][1])


def test_draws_of_the_kernel_are_those_of_its_definition():
    u = np.append(np.random.default_rng(0).random(1000), [0.0, 1 - 2**-53])
    table = alias_table(smnn.UnigramSampler([4, 3, 0, 9, 1]).probs)
    found = np.empty((2, len(u)), np.int64)
    kernels.draw_alias(u, *table, found[0])
    reference.draw_alias(u, *table, found[1])
    np.testing.assert_array_equal(found[0], found[1])


# --- Trees ------------------------------------------------------------------------------


TREES = {
    "four": [4, 2, 1, 1],
    "one": [3],
    "two": [1, 5],
    "equal": [1] * 13,
    "a power of two": [2] * 32,
    "zeros": [0, 5, 0, 0, 2, 0],
    "Zipf": 1 / np.arange(1, 400),
    "doubling": 2.0 ** np.arange(40),
    "small integers": np.full(200, 255, np.uint8),
}


@pytest.mark.parametrize("tree", ["huffman", "balanced"])
@pytest.mark.parametrize("name", TREES)
def test_every_tree_is_a_complete_code_and_sums_to_1(name, tree):
    counts = np.array(TREES[name])
    made = smnn.HierarchicalSoftmax.from_counts(counts, 3, tree=tree, rng=0)
    lengths = made.code_lengths
    assert (2.0**-lengths).sum() == 1.0  # Kraft
    h = np.random.default_rng(1).standard_normal((4, 3))
    logs = made.log_prob(h)
    assert logs.shape == (4, len(counts))
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1, rtol=1e-12)
    p = counts / counts.sum(dtype=float)
    seen = p > 0
    entropy, mean = -(p[seen] * np.log2(p[seen])).sum(), (p * lengths).sum()
    if tree == "huffman":
        assert entropy <= mean + 1e-12 and mean < entropy + 1
    else:
        assert set(lengths) <= {int(np.log2(len(p))), int(np.ceil(np.log2(len(p))))}


def test_codes_that_are_known():
    def lengths(counts):
        return smnn.HierarchicalSoftmax.from_counts(counts, 1).code_lengths.tolist()

    assert lengths([4, 2, 1, 1]) == [1, 2, 3, 3]
    assert lengths([1, 1, 2, 3, 5, 8, 13]) == [6, 6, 5, 4, 3, 2, 1]
    assert lengths([1] * 8) == [3] * 8
    assert lengths([0, 1]) == [1, 1] and lengths([9]) == [0]
    assert max(lengths(2.0 ** np.arange(300))) == 299


def test_huffman_is_as_short_as_any_tree():
    """Against all complete codes of six words."""
    counts = np.array([7, 5, 5, 2, 1, 1])
    shortest = min(
        (counts * lengths).sum()
        for lengths in itertools.product(range(1, 6), repeat=6)
        if (2.0 ** -np.array(lengths)).sum() == 1
    )
    made = smnn.HierarchicalSoftmax.from_counts(counts, 1)
    assert (counts * made.code_lengths).sum() == shortest


@pytest.mark.parametrize("tree", ["huffman", "balanced"])
@pytest.mark.parametrize("name", TREES)
def test_the_loss_of_a_tree_is_that_of_its_probabilities(name, tree):
    counts = np.array(TREES[name])
    made = smnn.HierarchicalSoftmax.from_counts(counts, 3, tree=tree, rng=0)
    rng = np.random.default_rng(2)
    h, y = rng.standard_normal((20, 3)), rng.integers(0, len(counts), 20)
    loss, grads, dh = made.loss(h, y)
    np.testing.assert_allclose(loss, -made.log_prob(h)[np.arange(20), y].mean(), atol=1e-14)
    rows, values = grads["W"]
    assert values.shape == (len(rows), 3) and dh.shape == h.shape
    assert (np.diff(rows) > 0).all()


def test_gradients_of_a_tree():
    made = smnn.HierarchicalSoftmax.from_counts([8, 1, 3, 3, 0, 2, 1], 5, rng=0)
    y = np.array([0, 4, 2, 2])

    def forward(h, W):
        made.params["W"] = W
        loss, grads, dh = made.loss(h, y)
        gradients = dh, dense(W.shape, *grads["W"])
        return loss, lambda dloss: tuple(dloss * gradient for gradient in gradients)

    h = np.random.default_rng(3).standard_normal((4, 5))
    assert check_pullback(forward, h, made.params["W"].copy())


def test_a_tree_learns_a_distribution():
    """With one context it can hold any distribution; gradient descent finds it."""
    counts = np.array([50, 20, 20, 8, 2])
    made = smnn.HierarchicalSoftmax.from_counts(counts, 1, rng=0)
    y = np.repeat(np.arange(5), counts)
    h = np.ones((100, 1))
    for _ in range(3000):
        _, grads, _ = made.loss(h, y)
        rows, values = grads["W"]
        made.params["W"][rows] -= 4 * values
    np.testing.assert_allclose(np.exp(made.log_prob(h[:1]))[0], counts / 100, atol=1e-8)


def test_a_tree_keeps_the_dtype_and_says_what_does_not_fit():
    made = smnn.HierarchicalSoftmax.from_counts([3, 2, 1], 4, rng=0)
    assert made.params["W"].shape == (2, 4) and "3 classes, dim=4" in repr(made)
    made.params["W"] = made.params["W"].astype(np.float32)
    h = np.ones((2, 4), np.float32)
    loss, grads, dh = made.loss(h, [0, 2])
    assert loss.dtype == dh.dtype == grads["W"][1].dtype == made.log_prob(h).dtype == np.float32
    value, _, dh = made.loss(h[:0], np.zeros(0, int))
    assert np.isnan(value) and dh.shape == (0, 4) and made.log_prob(h[:0]).shape == (0, 3)
    with pytest.raises(IndexError, match="label 3 at row 1"):
        made.loss(h, [0, 3])
    with pytest.raises(ValueError, match="h must have shape"):
        made.loss(np.ones((2, 5)), [0, 1])
    with pytest.raises(ValueError, match=r"h must have shape \(N, 4\)"):
        made.log_prob(np.ones(4))
    with pytest.raises(ValueError, match="tree must be one of 'huffman', 'balanced', got 'oak'"):
        smnn.HierarchicalSoftmax.from_counts([1, 2], 4, tree="oak")
    with pytest.raises(ValueError, match="dim must be at least 1"):
        smnn.HierarchicalSoftmax.from_counts([1, 2], 0)


# --- Adaptive softmax -------------------------------------------------------------------


CUTOFFS = [[10], [1, 2], [3, 5, 10], [4, 9, 17, 50]]


@pytest.mark.parametrize("cutoffs", CUTOFFS)
def test_adaptive_softmax_is_a_distribution(cutoffs):
    layer = smnn.AdaptiveSoftmax(8, cutoffs, rng=0)
    rng = np.random.default_rng(1)
    h, y = 3 * rng.standard_normal((30, 8)), rng.integers(0, cutoffs[-1], 30)
    logs = layer.log_prob(h)
    assert logs.shape == (30, cutoffs[-1])
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1, rtol=1e-12)
    loss, grads, _ = layer.loss(h, y)
    np.testing.assert_allclose(loss, -logs[np.arange(30), y].mean(), rtol=1e-12)
    assert {name: g.shape for name, g in grads.items()} == {
        name: value.shape for name, value in layer.params.items()
    }


def test_adaptive_softmax_with_one_cutoff_is_softmax():
    layer = smnn.AdaptiveSoftmax(4, [6], rng=0)
    h = np.random.default_rng(0).standard_normal((5, 4))
    expected = smnn.log_softmax(h @ layer.params["head.W"])
    np.testing.assert_allclose(layer.log_prob(h), expected, rtol=1e-14)


@pytest.mark.parametrize("labels", [[0, 3, 8, 2, 4], [0, 1, 1, 2, 0]])  # some clusters empty
def test_gradients_of_adaptive_softmax(labels):
    layer = smnn.AdaptiveSoftmax(6, [3, 5, 10], div_value=2, rng=0)
    names = list(layer.params)

    def forward(h, *params):
        layer.params.update(zip(names, params, strict=True))
        loss, grads, dh = layer.loss(h, labels)
        return loss, lambda dloss: (dloss * dh, *(dloss * grads[name] for name in names))

    h = np.random.default_rng(3).standard_normal((5, 6))
    assert check_pullback(forward, h, *(value.copy() for value in layer.params.values()))


def test_adaptive_softmax_trains_with_an_optimizer():
    layer = smnn.AdaptiveSoftmax(4, [2, 4, 9], rng=0)
    rng = np.random.default_rng(0)
    h, y = rng.standard_normal((9, 4)), np.arange(9)
    optimizer = smnn.Adam(0.05)
    losses = []
    for _ in range(300):
        loss, grads, _ = layer.loss(h, y)
        optimizer.step(layer.params, grads)
        losses.append(loss)
    assert losses[-1] < 0.3 * losses[0]


def test_adaptive_softmax_keeps_the_dtype_and_says_what_does_not_fit():
    layer = smnn.AdaptiveSoftmax(4, (2, 5), rng=0)
    assert repr(layer) == "AdaptiveSoftmax(4, [2, 5], div_value=4)"
    for name, value in layer.params.items():
        layer.params[name] = value.astype(np.float32)
    h = np.ones((2, 4), np.float32)
    loss, grads, dh = layer.loss(h, [0, 4])
    assert loss.dtype == dh.dtype == layer.log_prob(h).dtype == np.float32
    assert {g.dtype.name for g in grads.values()} == {"float32"}
    value, grads, dh = layer.loss(h[:0], np.zeros(0, int))
    assert np.isnan(value) and dh.shape == (0, 4) and not grads["head.W"].any()
    with pytest.raises(IndexError, match="label 5 at row 1"):
        layer.loss(h, [0, 5])
    with pytest.raises(ValueError, match=r"h must have shape \(N, 4\), got shape \(2, 5\)"):
        layer.loss(np.ones((2, 5)), [0, 1])


@pytest.mark.parametrize(
    "cutoffs", [[], [0, 5], [5, 5], [5, 3, 10], [-1, 4]], ids=lambda cutoffs: str(cutoffs)
)
def test_cutoffs_must_rise(cutoffs):
    with pytest.raises(ValueError, match="cutoffs must be rising integers"):
        smnn.AdaptiveSoftmax(4, cutoffs)


def test_arguments_of_adaptive_softmax():
    with pytest.raises(TypeError, match="cutoffs must hold integer"):
        smnn.AdaptiveSoftmax(4, [2.5, 5])
    for value in (0.5, np.inf, np.nan):
        with pytest.raises(ValueError, match="div_value must be at least 1"):
            smnn.AdaptiveSoftmax(4, [2, 5], div_value=value)


@pytest.mark.peers
@pytest.mark.parametrize("cutoffs", [[3, 5, 10], [4, 9, 17, 50]])
def test_adaptive_softmax_is_that_of_torch(cutoffs):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(
        32, cutoffs[-1], cutoffs[:-1], div_value=2.0, dtype=torch.float64
    )
    ours = smnn.AdaptiveSoftmax(32, cutoffs, div_value=2.0)
    weights = {"head.W": theirs.head.weight}
    for i, (projection, output) in enumerate(theirs.tail):
        weights |= {f"{i}.P": projection.weight, f"{i}.W": output.weight}
    for name, weight in weights.items():
        assert ours.params[name].T.shape == tuple(weight.shape)
        ours.params[name] = weight.detach().numpy().T.copy()
    rng = np.random.default_rng(0)
    h, y = rng.standard_normal((40, 32)), rng.integers(0, cutoffs[-1], 40)
    their_h = torch.tensor(h, requires_grad=True)
    loss = theirs(their_h, torch.tensor(y)).loss
    loss.backward()
    value, grads, dh = ours.loss(h, y)
    np.testing.assert_allclose(value, loss.item(), rtol=1e-12)
    np.testing.assert_allclose(dh, their_h.grad.numpy(), atol=1e-14)
    for name, weight in weights.items():
        np.testing.assert_allclose(grads[name], weight.grad.numpy().T, atol=1e-14)
    np.testing.assert_allclose(
        ours.log_prob(h), theirs.log_prob(their_h).detach().numpy(), rtol=1e-12
    )
