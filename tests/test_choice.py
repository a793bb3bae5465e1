"""Conditional logit: published digits, the same model of statsmodels, and what has no estimate."""

import numpy as np
import pytest

import smnn
from smnn.estimator.choice import loss_and_derivatives


@pytest.fixture(scope="module")
def travel():
    """Features (210, 4, 6) and choices of Greene and Hensher's travelers."""
    datasets = pytest.importorskip("statsmodels.datasets")
    table = datasets.modechoice.load_pandas().data
    of = {name: table[name].to_numpy().reshape(210, 4) for name in table}
    is_mode = np.broadcast_to(np.eye(4), (210, 4, 4))
    columns = [of["gc"], of["ttme"], of["hinc"] * is_mode[..., 0]]
    x = np.stack(columns + [is_mode[..., mode] for mode in range(3)], axis=-1)
    return x, of["choice"].argmax(axis=1)


def rows(seed, n=60, alternatives=3, features=2):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, alternatives, features))
    return x, (x.sum(axis=-1) + rng.gumbel(size=(n, alternatives))).argmax(axis=1)


def test_travel_modes_as_greene_prints_them(travel):
    result = smnn.conditional_logit(*travel)
    assert round(result.log_likelihood, 4) == -199.1284
    expected = [-0.01550, -0.09612, 0.01329, 5.20744, 3.86904, 3.16319]
    np.testing.assert_array_equal(result.coef.round(5), expected)
    expected = [0.00441, 0.01044, 0.01026, 0.77906, 0.44313, 0.45027]
    np.testing.assert_array_equal(result.stderr.round(5), expected)


def test_statsmodels_agrees(travel):
    from statsmodels.discrete.conditional_models import ConditionalLogit

    x, choice = travel
    chosen = np.eye(4)[choice]
    peer = ConditionalLogit(chosen.ravel(), x.reshape(-1, 6), groups=np.repeat(np.arange(210), 4))
    expected = peer.fit(disp=False)
    found = smnn.conditional_logit(x, choice)
    np.testing.assert_allclose(found.coef, expected.params, rtol=1e-4)
    np.testing.assert_allclose(found.stderr, expected.bse, rtol=1e-4)
    assert found.log_likelihood == pytest.approx(expected.llf, abs=1e-6)


def test_gradient_and_hessian():
    x, choice = rows(0)
    x = x - x[np.arange(60), choice][:, None]
    w, v, h = np.array([0.3, -1.2]), np.array([0.7, 0.4]), 1e-5
    _, gradient, hessian = loss_and_derivatives(x, w)
    above, below = (loss_and_derivatives(x, w + sign * h * v) for sign in (1, -1))
    assert gradient @ v == pytest.approx((above[0] - below[0]) / (2 * h), rel=1e-8)
    np.testing.assert_allclose(hessian @ v, (above[1] - below[1]) / (2 * h), rtol=1e-7)


def test_the_gradient_vanishes_at_the_solution():
    x, choice = rows(1)
    result = smnn.conditional_logit(x, choice)
    p = smnn.softmax(x @ result.coef)
    gradient = np.einsum("ik,ikj->j", p - np.eye(3)[choice], x)
    assert np.abs(gradient).max() < 1e-12


def test_constants_alone_give_the_shares():
    """With a constant for each alternative but one, the weights are logarithms of odds."""
    x = np.broadcast_to(np.eye(3)[:, :2], (10, 3, 2))
    result = smnn.conditional_logit(x, [0] * 5 + [1] * 3 + [2] * 2)
    np.testing.assert_allclose(result.coef, np.log([5 / 2, 3 / 2]))
    np.testing.assert_allclose(result.stderr, np.sqrt([1 / 5 + 1 / 2, 1 / 3 + 1 / 2]))


def test_what_is_common_to_the_alternatives_changes_nothing():
    x, choice = rows(2)
    moved = x + np.random.default_rng(3).normal(size=(60, 1, 2)) * 10
    expected, found = smnn.conditional_logit(x, choice), smnn.conditional_logit(moved, choice)
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-12)
    np.testing.assert_allclose(found.stderr, expected.stderr, rtol=1e-12)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_units_do_not_matter(unit):
    x, choice = rows(4)
    expected = smnn.conditional_logit(x, choice)
    found = smnn.conditional_logit(x * [1, unit], choice)
    np.testing.assert_allclose(found.coef, expected.coef / [1, unit], rtol=1e-9)
    np.testing.assert_allclose(found.stderr, expected.stderr / [1, unit], rtol=1e-9)


def test_a_maximum_that_whole_newton_steps_do_not_reach():
    rng = np.random.default_rng(221)
    x, w = rng.standard_t(1, (30, 3, 2)), rng.normal(size=2)
    choice = (x @ w + rng.gumbel(size=(30, 3)) * 3).argmax(axis=1)
    relative = x - x[np.arange(30), choice][:, None]
    whole = np.zeros(2)
    with pytest.raises(np.linalg.LinAlgError):
        for _ in range(60):
            _, gradient, hessian = loss_and_derivatives(relative, whole)
            whole -= np.linalg.solve(hessian, gradient)
    result = smnn.conditional_logit(x, choice)
    _, gradient, _ = loss_and_derivatives(relative, result.coef)
    assert np.abs(gradient).max() < 1e-9


def test_what_is_the_same_for_all_alternatives_is_refused(travel):
    x, choice = travel
    income = np.repeat(np.arange(210.0)[:, None], 4, axis=1)
    for column in (income, np.ones((210, 4)), x[..., 0] + 3 * x[..., 1]):
        with pytest.raises(ValueError, match=r"x\[\.\.\., 6\] is the same for all alternatives"):
            smnn.conditional_logit(np.concatenate([x, column[..., None]], axis=-1), choice)
    with pytest.raises(ValueError, match=r"x\[\.\.\., 0\] is the same"):
        smnn.conditional_logit(np.ones((5, 1, 2)), [0] * 5)
    with pytest.raises(ValueError, match=r"x\[\.\.\., 1\] is the same"):
        smnn.conditional_logit(rows(0, n=1, alternatives=2, features=3)[0], [0])


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_a_likelihood_without_a_maximum_is_refused(share):
    """A column that knows the choice, in all rows or in some."""
    x, choice = rows(5)
    knows = np.eye(3)[choice] * (np.random.default_rng(0).random(60) < share)[:, None]
    with pytest.raises(ValueError, match="the likelihood has no maximum"):
        smnn.conditional_logit(np.concatenate([x, knows[..., None]], axis=-1), choice)


def test_separation_is_never_taken_for_a_maximum():
    found = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x = np.exp(2 * rng.normal(size=(12, 2, 2))) * rng.choice([-1, 1], size=(12, 2, 2))
        choice = (0.5 * x @ rng.normal(size=2) + rng.gumbel(size=(12, 2))).argmax(axis=1)
        try:
            result = smnn.conditional_logit(x, choice)
        except ValueError:
            continue
        found += 1
        # at a maximum some choice is not the most probable one
        assert result.log_likelihood < -np.log(2)
    assert found > 100


@pytest.mark.parametrize(
    "x, choice, kind, words",
    [
        ([[1.0, 2.0]], [0], ValueError, r"shape \(N, alternatives, D\)"),
        (np.zeros((0, 3, 2)), np.zeros(0, int), ValueError, "hold numbers"),
        ([[[1.0], [np.nan]]], [0], ValueError, "finite, got nan"),
        ([[["a"], ["b"]]], [0], TypeError, "x must hold"),
        ([[[1.0], [2.0]]], [2], IndexError, "label 2 at row 0"),
        ([[[1.0], [2.0]]], [0, 1], ValueError, r"choice must hold one label per row, shape \(1,\)"),
        ([[[1.0], [2.0]]], [0.0], TypeError, "choice must hold integer labels"),
    ],
)
def test_bad_input(x, choice, kind, words):
    with pytest.raises(kind, match=words):
        smnn.conditional_logit(x, choice)
