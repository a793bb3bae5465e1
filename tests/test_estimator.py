"""SoftmaxClassifier: scikit-learn's contract, the optimum, weights, and tools around it."""

import pickle
import subprocess
import sys
import warnings
from unittest import mock

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import has_fit_parameter

import smnn
from smnn import SoftmaxClassifier

UNFINISHED = "ignore:SoftmaxClassifier has not converged:sklearn.exceptions.ConvergenceWarning"


@parametrize_with_checks([SoftmaxClassifier(), SoftmaxClassifier((8,))])
@pytest.mark.filterwarnings(UNFINISHED)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def standardized(load):
    x, y = load()
    return (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-12), y


def logistic(alpha=1.0, **options):
    return LogisticRegression(
        C=1 / alpha, tol=1e-12, max_iter=10_000, solver="newton-cholesky", **options
    )


# The optimum


@pytest.mark.parametrize("load", [smnn.load_iris, smnn.load_wine, smnn.load_breast_cancer])
@pytest.mark.parametrize("alpha", [0.01, 1.0, 30.0])
def test_agrees_with_logistic_regression(load, alpha):
    x, y = standardized(load)
    ours, theirs = SoftmaxClassifier(alpha=alpha).fit(x, y), logistic(alpha).fit(x, y)
    assert np.allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-6)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == theirs.intercept_.shape
    assert np.allclose(ours.coef_, theirs.coef_, atol=1e-4)
    assert (
        np.allclose(
            ours.intercept_ - ours.intercept_.mean(),
            theirs.intercept_ - theirs.intercept_.mean(),
            atol=1e-4,
        )
        or len(ours.intercept_) == 1
    )
    assert np.allclose(ours.decision_function(x), theirs.decision_function(x), atol=1e-3)


def test_agrees_for_two_classes_in_the_intercept_too():
    x, y = standardized(smnn.load_breast_cancer)
    ours, theirs = SoftmaxClassifier().fit(x, y), logistic().fit(x, y)
    assert np.allclose(ours.intercept_, theirs.intercept_, atol=1e-5)


def test_features_of_any_scale_reach_the_optimum():
    x, y = smnn.load_wine()
    ours, theirs = SoftmaxClassifier().fit(x, y), logistic().fit(x, y)
    assert np.allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-5)


@pytest.mark.parametrize("weights", ["classes", "examples", "both"])
def test_agrees_under_weights(weights):
    x, y = standardized(smnn.load_wine)
    rng = np.random.default_rng(0)
    sample_weight = None if weights == "classes" else rng.integers(0, 4, len(y)).astype(float)
    class_weight = None if weights == "examples" else {0: 5.0, 2: 0.3}
    ours = SoftmaxClassifier(class_weight=class_weight).fit(x, y, sample_weight)
    theirs = logistic(class_weight=class_weight).fit(x, y, sample_weight)
    assert np.allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-6)
    plain = SoftmaxClassifier().fit(x, y)
    assert not np.allclose(ours.predict_proba(x), plain.predict_proba(x), atol=1e-3)


def test_weight_zero_is_absence():
    x, y = standardized(smnn.load_wine)
    absent = SoftmaxClassifier().fit(x, y, (y != 1).astype(float))
    assert absent.classes_.tolist() == [0, 2]
    assert np.allclose(absent.coef_, SoftmaxClassifier().fit(x[y != 1], y[y != 1]).coef_)


def test_balanced_gives_each_class_the_same_total():
    x, y = standardized(smnn.load_wine)
    x, y = x[:100], y[:100]
    counts = np.bincount(y)
    by_hand = {k: len(y) / (len(counts) * n) for k, n in enumerate(counts)}
    balanced = SoftmaxClassifier(class_weight="balanced").fit(x, y)
    expected = SoftmaxClassifier(class_weight=by_hand).fit(x, y)
    assert np.allclose(balanced.coef_, expected.coef_, atol=1e-6)
    weights = np.random.default_rng(0).integers(0, 3, len(y))
    weighted = SoftmaxClassifier(class_weight="balanced").fit(x, y, weights)
    repeated = SoftmaxClassifier(class_weight="balanced")
    repeated.fit(x.repeat(weights, axis=0), y.repeat(weights))
    assert np.allclose(weighted.coef_, repeated.coef_, atol=1e-6)


def test_separable_data_without_penalty_ends():
    x, y = smnn.make_blobs(20, spread=0.1, rng=0)
    classifier = SoftmaxClassifier(alpha=0.0).fit(x, y)
    assert classifier.score(x, y) == 1 and np.isfinite(classifier.coef_).all()


def test_float32_reaches_the_same_optimum():
    x, y = standardized(smnn.load_iris)
    narrow = SoftmaxClassifier().fit(x.astype(np.float32), y)
    wide = SoftmaxClassifier().fit(x, y)
    assert narrow.coef_.dtype == np.float32
    assert np.allclose(narrow.coef_, wide.coef_, atol=1e-5)


# What comes out


def test_labels_of_any_kind_come_back():
    data = smnn.load_iris()
    names = np.array(data.class_names)[data.y]
    classifier = SoftmaxClassifier().fit(data.x, names)
    assert classifier.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert set(classifier.predict(data.x)) == set(data.class_names)
    assert classifier.score(data.x, names) > 0.95


def test_log_probabilities_do_not_underflow():
    x, y = smnn.make_blobs(20, rng=0)
    classifier = SoftmaxClassifier().fit(x, y)
    far = np.array([[1e6, 0.0]])
    assert classifier.predict_proba(far).min() == 0
    assert np.isfinite(classifier.predict_log_proba(far)).all()
    assert np.allclose(np.exp(classifier.predict_log_proba(x)), classifier.predict_proba(x))


def test_two_classes_have_one_score():
    x, y = smnn.make_moons(30, rng=0)
    classifier = SoftmaxClassifier().fit(x, y)
    score = classifier.decision_function(x)
    assert score.shape == (60,)
    assert np.allclose(1 / (1 + np.exp(-score)), classifier.predict_proba(x)[:, 1])


# Hidden layers


def test_a_network_learns_what_no_line_parts():
    x, y = smnn.make_spirals(rng=0)
    line = SoftmaxClassifier().fit(x, y)
    options = dict(alpha=1e-3, learning_rate_init=0.01, batch_size=32)
    network = SoftmaxClassifier((64,), random_state=0, **options).fit(x, y)
    assert line.score(x, y) < 0.6 < 0.97 < network.score(x, y)
    assert [layer.units for layer in network.model_.layers] == [64, 3]
    assert len(network.loss_curve_) == network.n_iter_ < 200


def test_the_penalty_shrinks_the_weights_and_not_the_biases():
    x, y = smnn.make_blobs(30, rng=0)

    def norms(alpha):
        options = dict(learning_rate_init=0.03, batch_size=10, max_iter=100)
        model = SoftmaxClassifier((16,), alpha=alpha, random_state=0, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            params = model.fit(x + 5, y).model_.params
        return np.linalg.norm(params["0.W"]), np.abs(params["1.b"]).max()

    (free, _), (bound, bias) = norms(0.0), norms(1e4)
    assert bound < 0.05 * free and bias > 0.01


def test_the_objective_counts_the_penalty():
    x, y = smnn.make_blobs(30, rng=0)
    classifier = SoftmaxClassifier((4,), alpha=50.0, max_iter=1, batch_size=90, random_state=0)
    with pytest.warns(ConvergenceWarning, match="not converged in max_iter=1"):
        classifier.fit(x, y)
    params = classifier.model_.params
    penalty = 50 / 90 / 2 * sum(np.sum(params[name] ** 2) for name in ("0.W", "1.W"))
    assert classifier.loss_curve_[0] > penalty > 0
    assert classifier.loss_curve_[0] - penalty < 2 * np.log(3)


def test_the_seed_fixes_the_result():
    x, y = smnn.make_moons(40, rng=0)

    def fit(seed):
        options = dict(batch_size=16, learning_rate_init=0.05, tol=1e-2)
        return SoftmaxClassifier((8,), random_state=seed, **options).fit(x, y).predict_proba(x)

    assert np.array_equal(fit(0), fit(0))
    assert not np.array_equal(fit(0), fit(1))


def test_coefficients_belong_to_softmax_regression():
    x, y = smnn.make_moons(20, rng=0)
    network = SoftmaxClassifier((4,), learning_rate_init=0.1, tol=1e-2, random_state=0).fit(x, y)
    assert not hasattr(network, "coef_") and not hasattr(SoftmaxClassifier(), "intercept_")


# Step by step


@pytest.mark.parametrize("hidden", [(), (16,)])
def test_partial_fit_learns(hidden):
    x, y = standardized(smnn.load_iris)
    classifier = SoftmaxClassifier(hidden, alpha=0.0, learning_rate_init=0.05, random_state=0)
    for _ in range(60):
        classifier.partial_fit(x, y, classes=[0, 1, 2])
    assert classifier.score(x, y) > 0.95 and classifier.n_iter_ == 60


def test_partial_fit_takes_adam_steps_one_pass_each():
    x, y = standardized(smnn.load_iris)
    classifier = SoftmaxClassifier(alpha=0.0, batch_size=150)
    model, optimizer = smnn.Sequential([smnn.Dense(3, init="zeros")]), smnn.Adam(1e-3)
    for _ in range(3):
        classifier.partial_fit(x, y, classes=[0, 1, 2])
        smnn.fit(model, x, y, optimizer=optimizer, epochs=1, batch_size=150)
    assert np.allclose(classifier.coef_.T, model.params["0.W"], rtol=1e-10)


def test_partial_fit_knows_classes_that_have_not_come_yet():
    x, y = smnn.load_iris()
    classifier = SoftmaxClassifier().partial_fit(x[:50], y[:50], classes=[0, 1, 2])
    assert classifier.predict_proba(x[:1]).shape == (1, 3)
    with pytest.raises(ValueError, match=r"must hold the classes \[0 1 2\], got 7"):
        classifier.partial_fit(x[:2], [0, 7])
    with pytest.raises(ValueError, match=r"classes must stay \[0 1 2\]"):
        classifier.partial_fit(x[:2], y[:2], classes=[0, 1])


def test_partial_fit_goes_on_after_fit():
    x, y = standardized(smnn.load_iris)
    classifier = SoftmaxClassifier().fit(x, y)
    before = classifier.coef_.copy()
    classifier.partial_fit(x, y)
    assert 0 < np.abs(classifier.coef_ - before).max() < 0.01


# In company


def test_in_a_pipeline_a_search_and_a_cross_validation():
    x, y = smnn.load_wine()
    pipeline = make_pipeline(StandardScaler(), SoftmaxClassifier())
    search = GridSearchCV(pipeline, {"softmaxclassifier__alpha": [0.1, 1000.0]}, cv=3).fit(x, y)
    assert search.best_params_ == {"softmaxclassifier__alpha": 0.1}
    assert cross_val_score(pipeline, x, y, cv=4).mean() > 0.95


@pytest.mark.parametrize("hidden", [(), (5, 4)])
def test_survives_pickling(hidden):
    x, y = smnn.make_moons(20, rng=0)
    classifier = SoftmaxClassifier(hidden, tol=1.0).fit(x, y)
    copy = pickle.loads(pickle.dumps(classifier))
    assert np.array_equal(copy.predict_proba(x), classifier.predict_proba(x))


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"alpha": -1.0}, ValueError, "alpha must be at least 0 and finite, got -1.0"),
        ({"alpha": "small"}, TypeError, "alpha must be a real number, got 'small'"),
        ({"max_iter": 0}, ValueError, "max_iter must be at least 1, got 0"),
        ({"learning_rate_init": 0.0}, ValueError, "learning_rate_init must be positive"),
        ({"hidden_layer_sizes": (0,)}, ValueError, "units must be at least 1, got 0"),
        ({"hidden_layer_sizes": 3, "activation": "rely"}, ValueError, "'relu'.* got 'rely'"),
        ({"hidden_layer_sizes": 3, "batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"class_weight": "even"}, ValueError, "class_weight"),
    ],
)
def test_bad_options_are_named_when_fitted(options, kind, words):
    with pytest.raises(kind, match=words):
        SoftmaxClassifier(**options).fit(*smnn.make_moons(5, rng=0))


def test_bad_data_is_named():
    x, y = smnn.make_moons(5, rng=0)
    with pytest.raises(ValueError, match="at least two classes, got one class: 0"):
        SoftmaxClassifier().fit(x, y * 0)
    with pytest.raises(ValueError, match="sample_weight"):
        SoftmaxClassifier().fit(x, y, -np.ones(10))
    with pytest.raises(ValueError, match="class_weight='balanced' needs all examples"):
        SoftmaxClassifier(class_weight="balanced").partial_fit(x, y, classes=[0, 1])


def test_a_search_that_was_cut_short_says_so():
    x, y = smnn.load_wine()
    with pytest.warns(ConvergenceWarning, match="not converged in max_iter=3 iterations: scale"):
        classifier = SoftmaxClassifier(max_iter=3).fit(x, y)
    assert classifier.n_iter_ == 3


def test_without_scikit_learn_the_sentence_says_what_to_install():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import smnn\n"
        "try: smnn.SoftmaxClassifier()\n"
        "except ImportError as error: print(error)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == 'SoftmaxClassifier needs scikit-learn: pip install "smnn[estimator]"\n'


# What was promised


def attributes(classifier):
    """Everything that a classifier is, to be compared to the last bit."""
    return pickle.dumps(
        {
            name: {k: v.copy() for k, v in value.params.items()} if name == "model_" else value
            for name, value in vars(classifier).items()
            if name not in ("_optimizer", "_rng")
        }
    )


def diverge(classifier, x, y):
    """Fail on the way, when the model has changed already."""

    def broken(model, *arguments, **options):
        for value in model.params.values():
            value += 1
        raise ArithmeticError

    with mock.patch("smnn.estimator.classifier.fit", broken):
        classifier.partial_fit(x, y, classes=[0, 1, 2])


FAILURES = {
    "one class": lambda c, x, y: c.fit(x[:50], y[:50]),
    "nan": lambda c, x, y: c.fit(x * np.nan, y),
    "rows": lambda c, x, y: c.fit(x, y[:9]),
    "weights": lambda c, x, y: c.fit(x, y, -np.ones(len(y))),
    "columns": lambda c, x, y: c.partial_fit(x[:, :2], y),
    "unknown class": lambda c, x, y: c.partial_fit(x, y + 1),
    "other classes": lambda c, x, y: c.partial_fit(x, y, classes=[0, 1]),
    "alpha": lambda c, x, y: c.set_params(alpha=-1.0).fit(x, y),
    "divergence": diverge,
}


@pytest.mark.parametrize("what", FAILURES)
@pytest.mark.parametrize("hidden", [(), (4,)])
@pytest.mark.parametrize("fitted", [True, False])
def test_a_failure_leaves_the_classifier_as_it_was(what, hidden, fitted):
    x, y = smnn.load_iris()
    classifier = SoftmaxClassifier(hidden, max_iter=2, learning_rate_init=1e-2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if fitted:
            classifier.fit(x, y).partial_fit(x, y)
        before = attributes(classifier)
        options = {"alpha": classifier.alpha}
        with pytest.raises((ValueError, ArithmeticError)):
            FAILURES[what](classifier, x, y)
        assert attributes(classifier.set_params(**options)) == before
        if fitted:
            classifier.predict(x[-2:])
        classifier.partial_fit(x, y, classes=[0, 1, 2])


def test_the_right_classes_are_taken_after_wrong_ones():
    x, y = smnn.load_iris()
    classifier = SoftmaxClassifier()
    with pytest.raises(ValueError, match=r"y must hold the classes \[0 1\], got 2"):
        classifier.partial_fit(x, y, classes=[0, 1])
    assert not hasattr(classifier, "classes_") and not hasattr(classifier, "n_features_in_")
    assert classifier.partial_fit(x, y, classes=[0, 1, 2]).predict(x[:2]).shape == (2,)


def test_a_second_fit_leaves_nothing_of_the_first():
    x, y = smnn.load_iris()
    classifier = SoftmaxClassifier((3,), tol=1.0, random_state=0).fit(x, y)
    assert classifier.loss_curve_
    classifier.set_params(hidden_layer_sizes=()).fit(x[:, :2], y)
    assert not hasattr(classifier, "loss_curve_") and classifier.n_features_in_ == 2


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer", UNFINISHED)
@pytest.mark.parametrize("batch", [100, 200, 1797])
@pytest.mark.parametrize("weighted", [False, True])
def test_alpha_is_that_of_mlp_classifier(batch, weighted):
    from sklearn.neural_network import MLPClassifier

    if weighted and not has_fit_parameter(MLPClassifier, "sample_weight"):
        pytest.skip("MLPClassifier takes weights from scikit-learn 1.7 on")
    x, y = smnn.load_digits()
    options = dict(alpha=20.0, batch_size=batch, learning_rate_init=0.01, max_iter=60, tol=0)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y)) if weighted else None
    sample_weight = {"sample_weight": weight} if weighted else {}
    theirs = MLPClassifier((16,), random_state=0, **options).fit(x, y, **sample_weight)
    ours = SoftmaxClassifier((16,), random_state=0, **options).fit(x, y, weight)
    for place, W in enumerate(theirs.coefs_):
        norm = np.linalg.norm(ours.model_.params[f"{place}.W"])
        assert norm == pytest.approx(np.linalg.norm(W), rel=0.06)
    assert ours.loss_curve_[-1] == pytest.approx(theirs.loss_curve_[-1], rel=0.05)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"alpha": np.nan}, ValueError, "alpha must be at least 0 and finite, got nan"),
        ({"alpha": np.inf}, ValueError, "alpha must be at least 0 and finite, got inf"),
        ({"tol": -1}, ValueError, "tol must be at least 0"),
        ({"batch_size": "all"}, TypeError, "batch_size must be an integer, got 'all'"),
        ({"class_weight": {0: -1.0}}, ValueError, "class_weight of 0 must be at least 0"),
        ({"class_weight": {0: np.nan}}, ValueError, "class_weight of 0 must be at least 0"),
        ({"class_weight": {7: 1.0}}, ValueError, r"must name classes of \[0, 1\], got 7"),
        ({"class_weight": {0: "a"}}, TypeError, "class_weight of 0 must be a real number"),
        ({"class_weight": {0: 0.0, 1: 0.0}}, ValueError, "class_weight must not be zero for every"),
    ],
)
@pytest.mark.parametrize("partial", [True, False])
def test_penalties_and_weights_that_cannot_be(options, kind, words, partial):
    classifier, data = SoftmaxClassifier(**options), smnn.make_moons(5, rng=0)
    with pytest.raises(kind, match=words):
        classifier.partial_fit(*data, classes=[0, 1]) if partial else classifier.fit(*data)
