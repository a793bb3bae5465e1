"""Standard errors of softmax regression: published digits, statsmodels, where there are none."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from smnn import SoftmaxClassifier, cross_entropy


@pytest.fixture(scope="module")
def survey():
    data = pytest.importorskip("statsmodels.datasets").anes96.load_pandas()
    return data.exog.to_numpy(), data.endog.to_numpy().astype(int)


def examples(seed, n=80, classes=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return x, (x @ rng.normal(size=(2, classes)) + rng.gumbel(size=(n, classes))).argmax(axis=1)


def table_of(contrasts):
    """Return coefficients and standard errors as statsmodels lays them out, the constant last."""
    return (
        np.column_stack([contrasts.coef, contrasts.intercept]).T,
        np.column_stack([contrasts.coef_stderr, contrasts.intercept_stderr]).T,
    )


def test_the_survey_as_stata_prints_it(survey):
    kept = pytest.importorskip("statsmodels.discrete.tests.results.results_discrete")
    stata = kept.Anes.mnlogit_basezero  # what Stata 11 printed
    x, y = survey
    x = x.copy()
    x[:, 0] = x[:, 0].astype(np.float32)  # as Stata stores what it computes, here a logarithm
    classifier = SoftmaxClassifier(alpha=0).fit(x, y)
    contrasts = classifier.contrasts(0)
    coef, stderr = table_of(contrasts)
    size = np.abs(stata.params)
    decimals = 8 - (size >= 1).astype(int) - (size >= 10).astype(int)  # eight digits were printed
    for found, printed, d in zip(coef.flat, stata.params.flat, decimals.flat, strict=True):
        assert round(float(found), int(d)) == printed
    np.testing.assert_allclose(stderr, stata.bse, rtol=0, atol=5e-10)
    np.testing.assert_array_equal(contrasts.classes, range(1, 7))
    assert round(classifier.log_likelihood_, 9) == stata.llf


@pytest.mark.parametrize("base", [0, 3, 6])
def test_statsmodels_agrees_for_every_base(survey, base):
    x, y = survey
    order = np.roll(np.arange(7), -base)  # statsmodels takes the first class as base
    models = pytest.importorskip("statsmodels.api")
    peer = models.MNLogit(np.argsort(order)[y], np.column_stack([x, np.ones(len(x))]))
    expected = peer.fit(disp=False, method="newton")
    contrasts = SoftmaxClassifier(alpha=0).fit(x, y).contrasts(base)
    place = np.argsort(order[1:])
    coef, stderr = table_of(contrasts)
    np.testing.assert_allclose(coef, np.asarray(expected.params)[:, place], atol=1e-8)
    np.testing.assert_allclose(stderr, np.asarray(expected.bse)[:, place], rtol=1e-8)


def test_two_classes_are_logistic_regression():
    x, y = examples(0, classes=2)
    models = pytest.importorskip("statsmodels.api")
    expected = models.Logit(y, models.add_constant(x)).fit(disp=False)
    classifier = SoftmaxClassifier(alpha=0).fit(x, y)
    np.testing.assert_allclose(classifier.coef_stderr_, expected.bse[None, 1:], rtol=1e-6)
    contrasts = classifier.contrasts(0)
    np.testing.assert_allclose(contrasts.coef, classifier.coef_)
    np.testing.assert_allclose(contrasts.intercept_stderr, expected.bse[:1], rtol=1e-6)
    np.testing.assert_allclose(classifier.contrasts(1).coef, -classifier.coef_)
    assert classifier.log_likelihood_ == pytest.approx(expected.llf)


def test_centered_errors_come_from_the_pseudoinverse():
    """The whole Hessian is singular, because softmax ignores what is common to the classes."""
    x, y = examples(1)
    classifier = SoftmaxClassifier(alpha=0).fit(x, y)
    p, ones = classifier.predict_proba(x), np.column_stack([np.ones(len(x)), x])
    jacobians = np.einsum("nk,kl->nkl", p, np.eye(3)) - np.einsum("nk,nl->nkl", p, p)
    hessian = np.einsum("nkl,ni,nj->kilj", jacobians, ones, ones).reshape(9, 9)
    variances = np.diagonal(np.linalg.pinv(hessian, rcond=1e-10)).reshape(3, 3)
    np.testing.assert_allclose(classifier.coef_stderr_, np.sqrt(variances[:, 1:]), rtol=1e-6)
    assert classifier.coef_stderr_.shape == classifier.coef_.shape


def test_the_errors_are_the_spread_of_the_estimates():
    """Draw labels from a known model 300 times: the estimates spread as one table says."""
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(400, 2)), np.array([[1.0, 0.0, -1.0], [0.0, 0.5, -0.5]])
    tables = []
    for _ in range(300):
        y = (x @ W + rng.gumbel(size=(400, 3))).argmax(axis=1)
        tables.append(SoftmaxClassifier(alpha=0).fit(x, y).contrasts(0))
    spread = np.std([table.coef for table in tables], axis=0)
    said = np.mean([table.coef_stderr for table in tables], axis=0)
    np.testing.assert_allclose(spread, said, rtol=0.15)


def test_a_weight_of_two_is_the_example_twice():
    x, y = examples(2)
    weight = np.arange(len(x)) % 3
    twice = np.repeat(np.arange(len(x)), weight)
    expected = SoftmaxClassifier(alpha=0).fit(x[twice], y[twice])
    found = SoftmaxClassifier(alpha=0).fit(x, y, weight)
    np.testing.assert_allclose(found.coef_stderr_, expected.coef_stderr_, rtol=1e-6)
    assert found.log_likelihood_ == pytest.approx(expected.log_likelihood_)


def test_labels_can_be_words_and_features_float32():
    x, y = examples(3)
    expected = SoftmaxClassifier(alpha=0).fit(x, y).contrasts(1)
    names = np.array(["ant", "bee", "cat"])
    found = SoftmaxClassifier(alpha=0).fit(x.astype(np.float32), names[y]).contrasts("bee")
    assert found.classes.tolist() == ["ant", "cat"]
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-4)
    np.testing.assert_allclose(found.coef_stderr, expected.coef_stderr, rtol=1e-4)


def test_units_do_not_matter():
    x, y = examples(4)
    expected = SoftmaxClassifier(alpha=0).fit(x, y).coef_stderr_
    found = SoftmaxClassifier(alpha=0).fit(x * [1, 100], y).coef_stderr_
    np.testing.assert_allclose(found, expected / [1, 100], rtol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_log_likelihood_leaves_the_penalty_out(alpha):
    x, y = examples(5)
    classifier = SoftmaxClassifier(alpha=alpha).fit(x, y)
    expected = -cross_entropy(classifier.decision_function(x), y, reduction="sum")
    assert classifier.log_likelihood_ == pytest.approx(expected)


@pytest.mark.parametrize(
    "options, words",
    [
        ({}, r"alpha=1.0 penalizes the weights; they need alpha=0"),
        ({"hidden_layer_sizes": (3,), "alpha": 0, "max_iter": 1}, "the network has hidden layers"),
        ({"alpha": 0, "class_weight": "balanced"}, "class_weight changes how often"),
        ({"alpha": 0, "max_iter": 1}, "the fit has not converged"),
    ],
)
@pytest.mark.filterwarnings("ignore:SoftmaxClassifier has not converged")
def test_where_there_are_no_standard_errors(options, words):
    classifier = SoftmaxClassifier(**options).fit(*examples(6))
    assert not hasattr(classifier, "coef_stderr_")
    assert hasattr(classifier, "log_likelihood_") == ("hidden_layer_sizes" not in options)
    with pytest.raises(AttributeError, match=f"no standard errors: {words}"):
        classifier.contrasts(0)


def test_before_and_after_a_fit():
    x, y = examples(7)
    classifier = SoftmaxClassifier(alpha=0)
    assert not hasattr(classifier, "coef_stderr_") and not hasattr(classifier, "log_likelihood_")
    classifier.fit(x, y)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.coef_stderr_, classifier.coef_stderr_)
    assert not hasattr(clone(classifier), "coef_stderr_")
    classifier.partial_fit(x, y)
    assert not hasattr(classifier, "coef_stderr_") and not hasattr(classifier, "log_likelihood_")


def test_a_base_that_is_no_class():
    classifier = SoftmaxClassifier(alpha=0).fit(*examples(8))
    with pytest.raises(ValueError, match=r"base must be one of the classes \[0 1 2\], got 'bee'"):
        classifier.contrasts("bee")


@pytest.mark.parametrize("column", ["constant", "a sum of others"])
def test_dependent_features(column):
    x, y = examples(9)
    last = np.full(len(x), 3.0) if column == "constant" else x[:, 0] - 2 * x[:, 1] + 1
    classifier = SoftmaxClassifier(alpha=0).fit(np.column_stack([x, last]), y)
    with pytest.raises(AttributeError, match="singular, because feature 2 of X is constant or"):
        _ = classifier.coef_stderr_


def test_more_features_than_examples():
    x = np.random.default_rng(10).normal(size=(4, 6))
    classifier = SoftmaxClassifier(alpha=0).fit(x, [0, 1, 1, 0])
    with pytest.raises(AttributeError, match="feature 3 of X"):
        _ = classifier.coef_stderr_


@pytest.mark.parametrize("share", [1.0, 0.2])
def test_separable_classes(share):
    """A feature that knows one class, in all of its examples or in some."""
    x, y = examples(11)
    knows = (y == 1) & (np.random.default_rng(0).random(len(y)) < share)
    classifier = SoftmaxClassifier(alpha=0).fit(np.column_stack([x, knows]), y)
    with pytest.raises(AttributeError, match="the classes can be separated"):
        _ = classifier.coef_stderr_


def test_many_weights_are_not_waited_for():
    rng = np.random.default_rng(12)
    x, y = rng.normal(size=(60, 500)), np.arange(60) % 3
    classifier = SoftmaxClassifier(alpha=0).fit(x, y)
    with pytest.raises(AttributeError, match="1,000 free weights at most, and here are 1,002"):
        classifier.contrasts(0)
