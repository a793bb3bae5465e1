r"""How sure are the weights?  Standard errors from the curvature of the log-likelihood.

A weight is known well if moving it costs much likelihood.  The cost is the second derivative, and
for softmax that is a sum of the Jacobians :math:`\mathrm{diag}(p) - p p^\top`, one for each
example.  The inverse of the sum is the covariance of the estimates when there are many examples;
its diagonal holds their variances.

Both functions that need it work on columns without units: a QR decomposition of the regressors
takes out their scales and their correlations.  What it finds to be dependent has no estimate, and
the curvature that remains is small only where the probabilities are 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..functional import softmax

# One step of Newton's method moves no logit by more than this at a maximum that exists.  Where
# the classes can be separated, the likelihood rises forever, and every step moves one by about 1.
AT_REST = 0.01
# The covariance is computed for so many free weights at most; its matrix has their square.
MOST_WEIGHTS = 1000


@dataclass(frozen=True)
class Contrasts:
    """Weights relative to those of a base class, and their standard errors."""

    classes: NDArray
    coef: NDArray
    intercept: NDArray
    coef_stderr: NDArray
    intercept_stderr: NDArray


class NoStandardErrors(ValueError):
    """There is no covariance, for the reason in the message."""


def orthonormal_columns(x: NDArray) -> tuple[NDArray, NDArray, int | None]:
    """Return Q and the inverse of R of ``x``, and which column is a combination of others.

    Parameters
    ----------
    x : ndarray, shape (N, D)

    Returns
    -------
    Q : ndarray, shape (N, D)
        Orthonormal columns, x = Q R.
    R_inverse : ndarray, shape (D, D)
    dependent : int or None
        The first column that is a combination of those before it; Q and R are of no use then.
    """
    n_rows, n_columns = x.shape
    length = np.sqrt(np.einsum("ij,ij->j", x, x))
    length[length == 0] = 1
    Q, R = np.linalg.qr(x / length)
    small = np.abs(np.diagonal(R)) < 1e-10
    if small.any() or n_rows < n_columns:
        return Q, R, int(small.argmax()) if small.any() else n_rows
    return Q, np.linalg.inv(R) / length[:, None], None


def refine(
    x: NDArray, y: NDArray, W: NDArray, b: NDArray, weight: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    r"""Take the last steps to the maximum of the likelihood, and measure the curvature there.

    With :math:`Q` for the features, the curvature of the log-likelihood is, for classes k and l,

    .. math:: \sum_n s_n \, p_{nk} (\delta_{kl} - p_{nl}) \, q_n q_n^\top

    Parameters
    ----------
    x : ndarray, shape (N, D)
    y : ndarray, shape (N, K)
        One-hot rows.
    W : ndarray, shape (D, K)
        Weights that are at the maximum to some six digits.
    b : ndarray, shape (K,)
    weight : ndarray, shape (N,)
        How often each example counts.

    Returns
    -------
    W, b : ndarray
        The weights to about all digits, centered over the classes.
    covariances : ndarray, shape (D + 1, K, K)
        Between the weights that the classes give to the bias, and to each feature.  Softmax
        ignores what is common to all classes, so these are weights relative to class 0, whose
        row and column are 0.

    Raises
    ------
    NoStandardErrors
        If features are constant or dependent, if the classes can be separated, or if there are
        more than `MOST_WEIGHTS` free weights.
    """
    n_examples, n_classes = y.shape
    n_features, free = x.shape[1] + 1, n_classes - 1
    if n_features * free > MOST_WEIGHTS:
        raise NoStandardErrors(
            f"they are computed for {MOST_WEIGHTS:,} free weights at most, and here are "
            f"{n_features * free:,}"
        )
    x = np.column_stack([np.ones(n_examples), x])
    Q, R_inverse, dependent = orthonormal_columns(x)
    if dependent is not None:
        raise NoStandardErrors(
            f"the Hessian is singular, because feature {dependent - 1} of X is constant or a "
            "combination of the features before it"
        )
    theta = np.vstack([b, W])
    for _ in range(3):
        probs = softmax(x @ theta)
        slope = Q.T @ (weight[:, None] * (probs - y)[:, 1:])
        step = np.zeros((n_features, n_classes))
        try:
            covariance = np.linalg.inv(_curvature(Q, probs, weight))
            step[:, 1:] = (covariance @ slope.T.ravel()).reshape(free, -1).T
            moved = np.abs(Q @ step).max()
        except np.linalg.LinAlgError:
            moved = np.inf
        if not moved <= AT_REST:
            raise NoStandardErrors(
                "the classes can be separated, at least in part, so that the likelihood rises "
                "without end and some weights have no finite value: pass alpha above 0"
            )
        if moved < 1e-8:
            break
        theta -= R_inverse @ (step - step.mean(axis=1, keepdims=True))
    covariance = covariance.reshape(free, n_features, free, n_features)
    found = np.zeros((n_features, n_classes, n_classes))
    found[:, 1:, 1:] = np.einsum("ji,kiml,jl->jkm", R_inverse, covariance, R_inverse, optimize=True)
    return theta[1:], theta[0], found


def _curvature(Q, probs, weight):
    """Return the Hessian for the weights of the classes from 1 on, one class after the other."""
    n_features, free = Q.shape[1], probs.shape[1] - 1
    curvature = np.empty((free, n_features, free, n_features))
    for k in range(free):
        for l in range(k + 1):
            each = weight * probs[:, k + 1] * ((k == l) - probs[:, l + 1])
            block = (Q * each[:, None]).T @ Q
            curvature[k, :, l], curvature[l, :, k] = block, block.T
    return curvature.reshape(free * n_features, -1)
