"""Metrics: against scikit-learn, against their formulas, and what is refused."""

import math

import numpy as np
import pytest
import sklearn.metrics

import smnn
from smnn import metrics


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.full(6, 0.4), size=400)
    return rng.integers(0, 6, 400), probs


def test_accuracy_of_classes_and_of_scores(case):
    y, probs = case
    expected = sklearn.metrics.accuracy_score(y, probs.argmax(axis=1))
    assert smnn.accuracy(y, probs.argmax(axis=1)) == expected
    assert smnn.accuracy(y, probs) == expected
    assert smnn.accuracy(np.eye(6)[y], probs) == expected
    assert type(smnn.accuracy(y, probs)) is float


@pytest.mark.parametrize("k", range(1, 6))
def test_top_k_against_scikit_learn(case, k):
    y, probs = case
    expected = sklearn.metrics.top_k_accuracy_score(y, probs, k=k, labels=range(6))
    assert smnn.top_k_accuracy(y, probs, k) == pytest.approx(expected)


def test_top_k_of_all_classes_is_one_and_k_is_five():
    y, scores = np.arange(7), np.eye(7)[::-1]
    assert smnn.top_k_accuracy(y, scores, 7) == 1
    assert smnn.top_k_accuracy(y, scores) == smnn.top_k_accuracy(y, scores, 5) < 1


def test_top_k_ranks_ties_as_argmax_does():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 3, (200, 5)).astype(float)
    y = rng.integers(0, 5, 200)
    assert smnn.top_k_accuracy(y, scores, 1) == smnn.accuracy(y, scores)
    assert smnn.top_k_accuracy([0, 1, 2, 3], np.zeros((4, 4)), 2) == 0.5


def test_confusion_matrix_against_scikit_learn(case):
    y, probs = case
    expected = sklearn.metrics.confusion_matrix(y, probs.argmax(axis=1))
    assert np.array_equal(smnn.confusion_matrix(y, probs), expected)
    assert np.array_equal(smnn.confusion_matrix(y, probs.argmax(axis=1)), expected)


def test_confusion_matrix_has_a_row_for_every_class():
    assert smnn.confusion_matrix([0, 1], [1, 1], n_classes=4).shape == (4, 4)
    assert smnn.confusion_matrix([0, 1], np.eye(5)[:2]).shape == (5, 5)
    assert smnn.confusion_matrix([0, 3], [1, 1]).shape == (4, 4)
    matrix = smnn.confusion_matrix([0, 0, 2], [1, 1, 0])
    assert matrix.tolist() == [[0, 2, 0], [0, 0, 0], [1, 0, 0]]


def test_likelihood_against_scikit_learn(case):
    y, probs = case
    expected = sklearn.metrics.log_loss(y, probs)
    assert smnn.negative_log_likelihood(y, probs) == pytest.approx(expected, rel=1e-12)
    assert smnn.perplexity(y, probs) == pytest.approx(math.exp(expected), rel=1e-12)


def test_likelihood_of_soft_targets(case):
    y, probs = case
    target = np.random.default_rng(2).dirichlet(np.ones(6), 400)
    expected = -np.mean(np.sum(target * np.log(probs), axis=1))
    assert smnn.negative_log_likelihood(target, probs) == pytest.approx(expected, rel=1e-12)
    hard = smnn.negative_log_likelihood(np.eye(6)[y], probs)
    assert hard == pytest.approx(smnn.negative_log_likelihood(y, probs), rel=1e-12)


def test_nothing_is_clipped():
    assert smnn.negative_log_likelihood([1], [[1.0, 0.0]]) == math.inf
    assert smnn.perplexity([1], [[1.0, 0.0]]) == math.inf
    assert smnn.negative_log_likelihood([[1.0, 0.0]], [[1.0, 0.0]]) == 0
    assert smnn.negative_log_likelihood([0], [[1e-300, 1.0]]) == pytest.approx(690.7755)


def test_nnfs_example():
    probs = [[0.7, 0.1, 0.2], [0.1, 0.5, 0.4], [0.02, 0.9, 0.08]]
    loss = smnn.negative_log_likelihood([0, 1, 1], probs)
    assert loss == pytest.approx(0.38506088005216804, rel=1e-14)


def test_float32_probabilities_are_accepted():
    rng = np.random.default_rng(3)
    probs = rng.dirichlet(np.ones(1000), 20).astype(np.float32)
    assert smnn.negative_log_likelihood(np.arange(20), probs) > 0


@pytest.mark.parametrize("dtype, much", [(np.float64, 2e-6), (np.float32, 3e-5)])
def test_rows_that_do_not_sum_to_one_are_refused(dtype, much):
    probs = np.full((2, 100), 0.01, dtype)
    probs[1, 3] += much
    with pytest.raises(ValueError, match="in row 1"):
        smnn.negative_log_likelihood([0, 0], probs)


@pytest.mark.parametrize("n_bins", [1, 7, 15])
def test_calibration_error_is_its_formula(case, n_bins):
    y, probs = case
    confidence, hit = probs.max(axis=1), probs.argmax(axis=1) == y
    expected = 0.0
    for b in range(n_bins):
        inside = (confidence > b / n_bins) & (confidence <= (b + 1) / n_bins)
        if inside.any():
            expected += inside.mean() * abs(hit[inside].mean() - confidence[inside].mean())
    assert smnn.expected_calibration_error(y, probs, n_bins=n_bins) == pytest.approx(expected)


def test_calibration_error_of_the_perfect_and_of_the_boastful():
    y = np.repeat([0, 1], [80, 20])
    honest = np.tile([0.8, 0.2], (100, 1))
    boastful = np.tile([1.0, 0.0], (100, 1))
    assert smnn.expected_calibration_error(y, honest) == pytest.approx(0, abs=1e-12)
    assert smnn.expected_calibration_error(y, boastful) == pytest.approx(0.2)


def test_reliability_curve_counts_every_prediction(case):
    y, probs = case
    confidence, correct, count = smnn.reliability_curve(y, probs, n_bins=10)
    assert count.sum() == 400 and (count > 0).all()
    assert np.all(np.diff(confidence) > 0)
    assert np.average(correct, weights=count) == pytest.approx(smnn.accuracy(y, probs))


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: smnn.accuracy([0, 1], [0]), ValueError, "equally long, got 2 and 1"),
        (lambda: smnn.accuracy([], []), ValueError, r"at least one example, got shape \(0,\)"),
        (lambda: smnn.accuracy([0], [0.7]), TypeError, "class indices .* float64"),
        (lambda: smnn.accuracy([0, 1], [[0.2], [0.7]]), ValueError, r"two classes, got \(2, 1\)"),
        (lambda: smnn.accuracy([0], [[np.nan, 1]]), ValueError, "NaN, got .* in row 0"),
        (lambda: smnn.accuracy(0, 0), ValueError, r"\(N,\) or \(N, K\), got \(\)"),
        (lambda: smnn.top_k_accuracy([0], [[1, 2]], 3), ValueError, "from 1 to 2, .* got 3"),
        (lambda: smnn.top_k_accuracy([2], [[1, 2]], 1), IndexError, "label 2 at row 0"),
        (lambda: smnn.top_k_accuracy([-1], [[1, 2]], 1), ValueError, "at least 0, got -1"),
        (lambda: smnn.top_k_accuracy([0], [[1, 2]], 1.5), TypeError, "k must be an integer"),
        (lambda: smnn.confusion_matrix([3], [0], n_classes=3), IndexError, "label 3 at row 0"),
        (lambda: smnn.confusion_matrix([0, -1], [0, 0]), ValueError, "at least 0, got -1"),
        (lambda: smnn.confusion_matrix([2**40], [0]), ValueError, "1099511627777 classes are too"),
        (
            lambda: smnn.negative_log_likelihood([0], [[2.0, 1.0]]),
            ValueError,
            r"sum to 1 \(pass logits through softmax first\), got .* row 0",
        ),
        (lambda: smnn.negative_log_likelihood([0], [[1.5, -0.5]]), ValueError, "not negative"),
        (
            lambda: smnn.negative_log_likelihood([[2.0, -1.0]], [[0.5, 0.5]]),
            ValueError,
            "y_true must hold probabilities",
        ),
        (lambda: smnn.negative_log_likelihood([5], [[0.5, 0.5]]), IndexError, "label 5 at row 0"),
        (lambda: smnn.perplexity([0, 0], [[0.5, 0.5]]), ValueError, r"shape \(1,\)"),
        (
            lambda: smnn.expected_calibration_error([0], [[0.5, 0.5]], n_bins=0),
            ValueError,
            "n_bins must be at least 1, got 0",
        ),
    ],
)
def test_bad_input_is_named(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


def test_a_bin_has_its_upper_end():
    _, correct, count = smnn.reliability_curve([1, 0], [[0.5, 0.5], [0.6, 0.4]], n_bins=2)
    assert count.tolist() == [1, 1] and correct.tolist() == [0, 1]


def test_the_door_knows_every_metric():
    public = [
        name
        for name, value in vars(metrics).items()
        if getattr(value, "__module__", "") == metrics.__name__ and not name.startswith("_")
    ]
    assert len(public) == 7 and set(public) <= set(smnn.__all__)


# At the edges


LABELED = {
    "accuracy": lambda y, p: smnn.accuracy(y, p),
    "top_k_accuracy": lambda y, p: smnn.top_k_accuracy(y, p, 1),
    "confusion_matrix": lambda y, p: smnn.confusion_matrix(y, p, n_classes=2),
    "negative_log_likelihood": smnn.negative_log_likelihood,
    "perplexity": smnn.perplexity,
    "expected_calibration_error": smnn.expected_calibration_error,
    "reliability_curve": smnn.reliability_curve,
}
PROBS = [[0.5, 0.5], [0.25, 0.75]]


@pytest.mark.parametrize("name", LABELED)
def test_a_label_out_of_range_is_named_by_every_metric(name):
    for wrong in (2, 10**12, np.uint64(2**63)):
        with pytest.raises(IndexError, match=r"label .* at row 1 is out of range: with 2 classes"):
            LABELED[name](np.array([0, wrong], np.asarray(wrong).dtype), PROBS)
    with pytest.raises((IndexError, ValueError), match=r"label -1|at least 0, got -1"):
        LABELED[name]([0, -1], PROBS)


@pytest.mark.parametrize("name", LABELED)
def test_empty_sparse_masked_and_columns_are_named_by_every_metric(name):
    import scipy.sparse

    with pytest.raises(ValueError):
        LABELED[name]([], np.zeros((0, 2)))
    with pytest.raises(TypeError, match="sparse csr_matrix"):
        LABELED[name]([0, 1], scipy.sparse.csr_matrix(PROBS))
    with pytest.raises(TypeError, match="masked array"):
        LABELED[name]([0, 1], np.ma.masked_array(PROBS))
    with pytest.raises(ValueError, match=r"\(2, 1\)"):
        LABELED[name]([[0], [1]], PROBS)
    with pytest.raises((ValueError, TypeError), match=r"equally long|shape"):
        LABELED[name]([0], PROBS)


@pytest.mark.parametrize("name", LABELED)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint64, np.bool_, ">i4"])
def test_labels_of_every_dtype(name, dtype):
    expected = LABELED[name]([0, 1], PROBS)
    found = LABELED[name](np.array([0, 1], dtype), np.array(PROBS, np.float32))
    assert np.allclose(np.ravel(found), np.ravel(expected)), "rows of the result are equal"


def test_certain_answers_cost_nothing_and_perplexity_goes_to_the_largest_float():
    for certain in (
        smnn.negative_log_likelihood([0], [[1.0, 0.0]]),
        smnn.negative_log_likelihood([[1.0, 0.0]], [[1.0, 0.0]]),
    ):
        assert certain == 0 and math.copysign(1, certain) == 1
    assert smnn.perplexity([0], [[1.0, 0.0]]) == 1
    tiny = 5.6e-309  # −ln of it is 709.78: its exponential is the largest that there is
    assert smnn.perplexity([0], [[tiny, 1.0]]) * tiny == pytest.approx(1, rel=1e-6)
    assert smnn.perplexity([0], [[5e-324, 1.0]]) == math.inf


def test_infinite_probabilities_are_refused_without_a_warning():
    for row in ([np.inf, -np.inf], [np.inf, 0.0]):
        with pytest.raises(ValueError, match="must hold probabilities"):
            smnn.perplexity([0], [row])
