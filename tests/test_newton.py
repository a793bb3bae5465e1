"""Newton's method for softmax regression: its derivatives and the optimum."""

import numpy as np
import pytest

from smnn.estimator.newton import Objective, solve_softmax_regression


@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_and_curvature_of_the_objective(weighted):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(9, 4)), rng.integers(0, 3, 9)
    problem = Objective(x, y, 3, 0.3, rng.uniform(0.2, 2, 9) if weighted else None)
    theta, v, h = rng.normal(size=15), rng.normal(size=15), 1e-5
    (above, gradient_above), (below, gradient_below) = (
        problem.value_and_gradient(theta + sign * h * v) for sign in (1, -1)
    )
    gradient = problem.value_and_gradient(theta)[1]
    assert gradient @ v == pytest.approx((above - below) / (2 * h), rel=1e-8)
    curvature = problem.hessian_product(theta, v)
    assert np.allclose(curvature, (gradient_above - gradient_below) / (2 * h), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_gradient_vanishes_at_the_solution(scale):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)) * [1, 10, scale], rng.integers(0, 4, 40)
    W, b, n_steps, converged = solve_softmax_regression(x, y, 4, 0.01)
    gradient = Objective(x, y, 4, 0.01).value_and_gradient(np.vstack([W, b]).ravel())[1]
    assert converged and 1 < n_steps < 60
    assert np.linalg.norm(gradient) < 1e-7
    assert np.allclose(W.sum(axis=1), 0, atol=1e-8), "no direction is common to all classes"


def test_too_few_steps_are_reported():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.integers(0, 4, 40)
    _, _, n_steps, converged = solve_softmax_regression(x, y, 4, 0.01, max_iter=2)
    assert n_steps == 2 and not converged
