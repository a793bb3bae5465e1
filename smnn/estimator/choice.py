r"""Conditional logit: one weight vector for all alternatives.

The alternatives have features, and the same weights value them all:
:math:`z_{nk} = w^\top x_{nk}`.  Softmax over the alternatives of a row gives the probability of
each choice, and the gradient is the one at every softmax, :math:`\sum_k (p_k - y_k) x_k`.

The log-likelihood is concave, so Newton's method finds its maximum if no step is too long.
Along a direction d the logits of a row change by :math:`v_k = x_k^\top d`, and the derivatives of
log-sum-exp are the central moments of v under p.  The third is at most :math:`\delta` times the
second, where :math:`\delta` is the spread of v, so that after t steps the curvature has grown to
:math:`e^{\delta t}` times what it was, at most.  With that much curvature, Newton's step times

.. math:: t = \frac{\log(1 + \delta)}{\delta}

is the best, and it lowers the loss for certain.  So does the whole step if :math:`\delta \le 1`.
A longer one is tried first, because the bound is strict with rows that are long decided.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._core.validation import class_labels, float_array
from ..functional import logsumexp, softmax
from .inference import orthonormal_columns

MOST_STEPS = 100
AT_REST = 1e-7  # when no logit moves by more, the step that is taken ends beyond all digits


@dataclass(frozen=True)
class ConditionalLogit:
    """The maximum of the likelihood of a conditional logit."""

    coef: NDArray
    stderr: NDArray
    log_likelihood: float


def conditional_logit(x: ArrayLike, choice: ArrayLike) -> ConditionalLogit:
    r"""Return the weights that make the observed choices most probable.

    The probability of choosing alternative k in row n is a softmax over the alternatives of the
    row, with the same weights for all of them:

    .. math:: p_{nk} = \frac{e^{w^\top x_{nk}}}{\sum_j e^{w^\top x_{nj}}}

    Parameters
    ----------
    x : array_like, shape (N, alternatives, D)
        The features of each alternative.  A constant of an alternative is a column that is 1
        there and 0 elsewhere; one alternative has none.
    choice : array_like of int, shape (N,)
        Which alternative was chosen, from 0.

    Returns
    -------
    coef : ndarray, shape (D,)
        w, without a penalty.
    stderr : ndarray, shape (D,)
        Their standard errors, from the inverse of :math:`\sum_n x_n^\top
        (\mathrm{diag}(p_n) - p_n p_n^\top) x_n`.
    log_likelihood : float
        :math:`\sum_n \log p_{n, c_n}`, with the logarithm to base e.

    The three are attributes of the result.

    Raises
    ------
    ValueError
        If a column is the same for all alternatives of each row, so that it cancels out of
        softmax; if it is a combination of others; or if the likelihood has no maximum, because
        the chosen alternatives can be told from the others without an error.
    IndexError
        If a choice is no alternative.

    References
    ----------
    D. McFadden, Conditional logit analysis of qualitative choice behavior, in P. Zarembka (ed.),
    Frontiers in Econometrics, Academic Press, 1974.

    Examples
    --------
    Two modes that differ in their price; the dearer one was chosen once in four:

    >>> x = [[[2.0], [1.0]]] * 4
    >>> result = conditional_logit(x, [1, 0, 1, 1])
    >>> result.coef.round(4), result.stderr.round(4), round(result.log_likelihood, 4)
    (array([-1.0986]), array([1.1547]), -2.2493)
    """
    x = float_array(x, "x").astype(np.float64, copy=False)
    if x.ndim != 3 or x.size == 0:
        raise ValueError(
            f"x must have shape (N, alternatives, D) and hold numbers, got shape {x.shape}"
        )
    if not np.isfinite(x).all():
        raise ValueError(f"x must be finite, got {x[~np.isfinite(x)][0]}")
    n_rows, n_alternatives, n_features = x.shape
    choice = class_labels(choice, (n_rows,), n_alternatives, name="choice")
    # Relative to what was chosen: nothing changes for softmax, and the chosen logit is 0.
    x = x - x[np.arange(n_rows), choice][:, None]
    _, R_inverse, dependent = orthonormal_columns(x.reshape(-1, n_features))
    if dependent is not None:
        raise ValueError(
            f"x[..., {dependent}] is the same for all alternatives of each row, and cancels out of "
            "softmax, or is a combination of the columns before it: no choice can tell its weight"
        )
    Q = x @ R_inverse  # without units, and still 0 where chosen
    w = np.zeros(n_features)
    loss, gradient, hessian = loss_and_derivatives(Q, w)
    for _ in range(MOST_STEPS):
        if np.linalg.cond(hessian) > 1e12:  # nearly all curvature is gone in some direction
            break
        step = np.linalg.solve(hessian, -gradient)
        spread = np.ptp(Q @ step, axis=1).max()
        before, fall = loss, -gradient @ step
        loss, gradient, hessian = loss_and_derivatives(Q, w + step)
        if spread > 1 and not before - loss > fall / 10:
            step *= np.log1p(spread) / spread
            loss, gradient, hessian = loss_and_derivatives(Q, w + step)
        w += step
        if spread <= AT_REST:
            covariance = R_inverse @ np.linalg.solve(hessian, R_inverse.T)
            return ConditionalLogit(R_inverse @ w, np.sqrt(np.diagonal(covariance)), -loss)
    raise ValueError(
        "the likelihood has no maximum: some weights of x tell the chosen alternatives from all "
        "others, at least in some rows and without an error in the rest, and it rises as long as "
        "they grow"
    )


def loss_and_derivatives(x, w):
    """Return the sum of the cross-entropies, its gradient and its Hessian, at weights ``w``.

    ``x`` is relative to what was chosen, so that its row of zeros is the label.
    """
    logits = x @ w
    probs = softmax(logits)
    mean = np.einsum("ik,ikj->ij", probs, x)
    rows = x.reshape(-1, x.shape[-1])
    hessian = (rows * probs.reshape(-1, 1)).T @ rows - mean.T @ mean
    return float(logsumexp(logits).sum()), mean.sum(axis=0), hessian
