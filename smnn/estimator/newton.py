r"""Softmax regression, solved to its optimum by Newton's method.

With no hidden layer the mean cross-entropy is a convex function of the weights.  A Newton
step goes to the lowest point of the parabola that has the same slope and curvature here:
it solves :math:`H V = -\nabla`.

The curvature comes for free.  The gradient of the cross-entropy with respect to the logits
is p - y, so its second derivative is the Jacobian of softmax, :math:`J = \mathrm{diag}(p) -
p p^\top`.  The Hessian times a direction V is

.. math:: H V = \tfrac1N X^\top J (X V) + \lambda V

one product forward, one softmax vector-Jacobian product, one product backward.  The Hessian
itself, a matrix of (D + 1)K by (D + 1)K, is never formed: conjugate gradients need its
products only.  A trust region, a radius within which the parabola is believed, keeps the
first steps short.
"""

import numpy as np

from ..functional import softmax, softmax_cross_entropy, softmax_vjp


def solve_softmax_regression(x, targets, n_classes, strength, *, max_iter=200):
    r"""Find the weights that minimize the penalized mean cross-entropy.

    .. math:: \frac1N \sum_n \ell(x_n W + b, t_n) + \frac\lambda2 \|W\|^2

    Parameters
    ----------
    x : ndarray, shape (N, D)
    targets : ndarray of int, shape (N,), or of float, shape (N, K)
        Class indices, or rows that are not negative; their sums weigh the examples.
    n_classes : int
        K.
    strength : float
        :math:`\lambda`, at least 0.  The biases are not penalized.
    max_iter : int
        Newton steps at most.

    Returns
    -------
    W : ndarray, shape (D, K)
    b : ndarray, shape (K,)
    n_steps : int
    converged : bool
        Whether the gradient vanished, to about eight digits.

    References
    ----------
    T. Steihaug, The conjugate gradient method and trust regions in large scale optimization,
    SIAM Journal on Numerical Analysis 20, 1983.

    Examples
    --------
    >>> x, targets = np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, 1])
    >>> W, b, n_steps, converged = solve_softmax_regression(x, targets, 2, 0.1)
    >>> W.round(3), converged
    (array([[-1.051,  1.051]]), True)
    """
    from scipy.optimize import minimize

    problem = _Objective(x, targets, n_classes, strength)
    result = minimize(
        problem.value_and_gradient,
        np.zeros((x.shape[1] + 1) * n_classes),
        method="trust-ncg",
        jac=True,
        hessp=problem.hessian_product,
        options={"maxiter": max_iter, "gtol": 1e-8},
    )
    theta = result.x.reshape(-1, n_classes)
    # Where rounding keeps the gradient above the goal, the steps end without "success".
    converged = bool(result.success or np.linalg.norm(result.jac) < 1e-6)
    return theta[:-1], theta[-1], result.nit, converged


class _Objective:
    """The penalized mean cross-entropy, with the biases as a last row of the weights."""

    def __init__(self, x, targets, n_classes, strength):
        self.x, self.targets = x.astype(np.float64, copy=False), targets
        self.n_classes, self.strength = n_classes, strength
        self.weights = 1.0 if targets.ndim == 1 else targets.sum(axis=1, keepdims=True)
        self.theta = None

    def value_and_gradient(self, theta):
        W, logits = self._forward(theta)
        loss, dlogits = softmax_cross_entropy(logits, self.targets)
        value = float(loss) + self.strength / 2 * np.sum(W * W)
        return value, self._backward(dlogits, W)

    def hessian_product(self, theta, direction):
        if self.theta is None or not np.array_equal(theta, self.theta):
            self.theta, self.probs = theta.copy(), softmax(self._forward(theta)[1])
        V, dlogits = self._forward(direction)
        curved = softmax_vjp(dlogits, self.probs) * (self.weights / len(self.x))
        return self._backward(curved, V)

    def _forward(self, theta):
        theta = theta.reshape(-1, self.n_classes)
        return theta[:-1], self.x @ theta[:-1] + theta[-1]

    def _backward(self, dlogits, W):
        dW = self.x.T @ dlogits + self.strength * W
        return np.concatenate([dW, dlogits.sum(axis=0, keepdims=True)]).ravel()
