r"""Softmax regression, solved to its optimum by Newton's method.

Without hidden layers the mean cross-entropy is a convex function of the weights.  A Newton
step goes to the lowest point of the parabola that has the same slope and curvature here:
it solves :math:`H V = -\nabla`.

The curvature comes for free.  The gradient of the cross-entropy with respect to the logits
is p - y, so its second derivative is the Jacobian of softmax, :math:`J = \mathrm{diag}(p) -
p p^\top`.  The Hessian times a direction V is

.. math:: H V = \tfrac1N X^\top J (X V) + \lambda V

one product forward, one softmax vector-Jacobian product, one product backward.  The Hessian
itself, a matrix of (D + 1)K by (D + 1)K, is never formed, because conjugate gradients need
only its products.  A trust region, a radius within which the parabola is trusted, keeps the
first steps short.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..functional import softmax, softmax_cross_entropy, softmax_vjp


def solve_softmax_regression(
    x: NDArray,
    y: NDArray,
    n_classes: int,
    strength: float,
    *,
    sample_weight: NDArray | None = None,
    max_iter: int = 200,
) -> tuple[NDArray, NDArray, int, bool]:
    r"""Find the weights that minimize the penalized mean cross-entropy.

    .. math:: \frac{1}{\sum_n s_n} \sum_n s_n \, \ell(x_n W + b, y_n) + \frac\lambda2 \|W\|^2

    Parameters
    ----------
    x : ndarray, shape (N, D)
    y : ndarray of int, shape (N,)
        Class indices.
    n_classes : int
        K.
    strength : float
        :math:`\lambda`, at least 0.  The biases are not penalized.
    sample_weight : ndarray, shape (N,), optional
        :math:`s_n`, 1 unless given.
    max_iter : int
        Newton steps at most.

    Returns
    -------
    W : ndarray, shape (D, K)
        The weights.
    b : ndarray, shape (K,)
        The biases.
    n_steps : int
        How many Newton steps it took.
    converged : bool
        Whether the gradient vanished, to about eight digits.

    References
    ----------
    T. Steihaug, The conjugate gradient method and trust regions in large scale optimization,
    SIAM Journal on Numerical Analysis 20, 1983.

    Examples
    --------
    >>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, 1])
    >>> W, b, n_steps, converged = solve_softmax_regression(x, y, 2, 0.1)
    >>> W.round(3), converged
    (array([[-1.051,  1.051]]), True)
    """
    problem = Objective(x, y, n_classes, strength, sample_weight)
    return minimize_objective(problem, x.shape[1], max_iter)


def minimize_objective(
    problem: Any, n_features: int, max_iter: int
) -> tuple[NDArray, NDArray, int, bool]:
    """Do `solve_softmax_regression` for anything that has the methods of `Objective`."""
    from scipy.optimize import minimize

    n_classes = problem.n_classes
    result = minimize(
        problem.value_and_gradient,
        np.zeros((n_features + 1) * n_classes),
        method="trust-ncg",
        jac=True,
        hessp=problem.hessian_product,
        options={"maxiter": max_iter, "gtol": 1e-8},
    )
    theta = result.x.reshape(-1, n_classes)
    # Where rounding keeps the gradient above the goal, the steps end without "success".
    converged = bool(result.success or np.linalg.norm(result.jac) < 1e-6)
    return theta[:-1], theta[-1], result.nit, converged


class Objective:
    """The penalized mean cross-entropy, with the biases as a last row of the weights."""

    def __init__(self, x, y, n_classes, strength, sample_weight=None):
        self.x, self.y, self.weight = x.astype(np.float64, copy=False), y, sample_weight
        self.n_classes, self.strength = n_classes, strength
        if sample_weight is None:
            self.share = 1 / len(y)  # of each row in the mean
        else:
            self.share = sample_weight[:, None] / sample_weight.sum()
        self.theta = None

    def value_and_gradient(self, theta):
        W, logits = self._forward(theta)
        loss, dlogits = softmax_cross_entropy(logits, self.y, sample_weight=self.weight)
        value = float(loss) + self.strength / 2 * np.sum(W * W)
        return value, self._backward(dlogits, W)

    def hessian_product(self, theta, direction):
        if self.theta is None or not np.array_equal(theta, self.theta):
            self.theta, self.probs = theta.copy(), softmax(self._forward(theta)[1])
        V, dlogits = self._forward(direction)
        curved = softmax_vjp(dlogits, self.probs) * self.share
        return self._backward(curved, V)

    def _forward(self, theta):
        theta = theta.reshape(-1, self.n_classes)
        return theta[:-1], self.x @ theta[:-1] + theta[-1]

    def _backward(self, dlogits, W):
        dW = self.x.T @ dlogits + self.strength * W
        return np.concatenate([dW, dlogits.sum(axis=0, keepdims=True)]).ravel()
