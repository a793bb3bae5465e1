r"""Sparsemax and entmax: softmax with zeros, and their gradients.

All of them are one rule, :math:`y = \arg\max_p \langle p, x\rangle - Ω_α(p)` over the
distributions p, with :math:`Ω_α(p) = \frac{\sum_j p_j^α - 1}{α (α - 1)}`: α = 1 is its limit,
softmax, and α = 2 the Euclidean projection.  What is to be found is one number for each row,
the threshold below which a class gets 0.  It is computed in float64 for every dtype.
"""

from __future__ import annotations

import numpy as np

from .._core import validation as check
from .._core.rows import RowLayout
from .._core.types import Array, ArrayLike, Axis
from ._softmax import softmax, softmax_vjp

# Steps to the threshold for an α without a formula: Newton needs some 8, and if halving the
# bracket every second time were all that helps, neighboring numbers would come after about 110.
_MOST_STEPS = 128
_EPS = float(np.finfo(np.float64).eps)


def sparsemax(x: ArrayLike, axis: Axis = -1) -> Array:
    r"""Return the distribution that is closest to the scores, which has zeros.

    .. math:: y = \arg\min_p \lVert p - x \rVert^2 = \max(0, x - τ),
              \qquad τ \text{ such that } \sum_j y_j = 1

    Parameters
    ----------
    x : array_like
        The scores, of any shape.
    axis : int, tuple of int, or None, default -1
        The axis whose entries sum to 1, as in `softmax`.

    Returns
    -------
    ndarray
        The probabilities, of the shape and floating dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    See Also
    --------
    entmax : The same with any α; this is α = 2.

    Notes
    -----
    A class gets 0 at the latest when its score is 1 below the largest.  A score of −inf always
    does.  A row that holds nan or +inf, or nothing but −inf, is nan, as in `softmax`.

    References
    ----------
    A. Martins, R. Astudillo, "From Softmax to Sparsemax: A Sparse Model of Attention and
    Multi-Label Classification", 2016.

    Examples
    --------
    >>> from smnn import sparsemax
    >>> sparsemax([1.0, 0.8, 0.1]).round(3)
    array([0.6, 0.4, 0. ])
    """
    return _apply(x, axis, 2.0)


def entmax(x: ArrayLike, axis: Axis = -1, *, alpha: float = 1.5) -> Array:
    r"""Return probabilities between softmax (α = 1) and sparsemax (α = 2), or beyond.

    .. math:: y_j = \max\bigl(0, (α - 1) x_j - τ\bigr)^{1 / (α - 1)},
              \qquad τ \text{ such that } \sum_j y_j = 1

    Parameters
    ----------
    x : array_like
        The scores, of any shape.
    axis : int, tuple of int, or None, default -1
        The axis whose entries sum to 1, as in `softmax`.
    alpha : float, default 1.5
        α, at least 1 and finite.  The larger, the more zeros: a class gets 0 at the latest when
        its score is 1/(α − 1) below the largest.

    Returns
    -------
    ndarray
        The probabilities, of the shape and floating dtype of `x`.

    Raises
    ------
    TypeError
        If `x` holds anything but real numbers.
    ValueError
        If an argument has the wrong shape or value.

    Notes
    -----
    For α = 1.5 and 2 the threshold τ has a formula, once the scores of a row are sorted.  For
    other α Newton's method finds it to the last digits of float64.
    Special values are treated as by `sparsemax`.

    References
    ----------
    B. Peters, V. Niculae, A. Martins, "Sparse Sequence-to-Sequence Models", 2019.

    Examples
    --------
    >>> from smnn import entmax
    >>> entmax([1.0, 0.8, 0.1]).round(3)
    array([0.529, 0.394, 0.077])
    >>> entmax([1.0, 0.8, -1.0]).round(3)
    array([0.571, 0.429, 0.   ])
    """
    alpha = _alpha(alpha)
    return softmax(x, axis) if alpha == 1 else _apply(x, axis, alpha)


def sparsemax_vjp(
    dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None, *, axis: Axis = -1
) -> Array:
    r"""Pull a gradient back through sparsemax.

    .. math:: dx_j = dy_j - \frac{1}{|S|} \sum_{k \in S} dy_k \quad (j \in S),
              \qquad S = \{j : y_j > 0\}

    and 0 for the classes outside S, whatever their `dy` is.

    Parameters
    ----------
    dy : array_like
        The gradient with respect to the probabilities.
    y : array_like
        The probabilities, ``sparsemax(x)``, of the same shape.
    x, axis
        As in `softmax_vjp`.

    Returns
    -------
    ndarray
        The gradient with respect to `x`.

    Raises
    ------
    TypeError, ValueError
        As `softmax_vjp`.

    Examples
    --------
    >>> from smnn import sparsemax_vjp
    >>> sparsemax_vjp([1.0, 0.0, 5.0], [0.6, 0.4, 0.0])
    array([ 0.5, -0.5,  0. ])
    """
    return entmax_vjp(dy, y, x, axis=axis, alpha=2.0)


def entmax_vjp(
    dy: ArrayLike,
    y: ArrayLike,
    x: ArrayLike | None = None,
    *,
    axis: Axis = -1,
    alpha: float = 1.5,
) -> Array:
    r"""Pull a gradient back through entmax.

    .. math:: dx = s \circ \Bigl(dy - \frac{\langle s, dy \rangle}{\sum_k s_k}\Bigr),
              \qquad s_j = y_j^{2 - α} \text{ where } y_j > 0, \text{ else } 0

    Parameters
    ----------
    dy : array_like
        The gradient with respect to the probabilities.
    y : array_like
        The probabilities, ``entmax(x, alpha=alpha)``, of the same shape.
    x, axis
        As in `softmax_vjp`.
    alpha : float, default 1.5
        The α of the forward pass.

    Returns
    -------
    ndarray
        The gradient with respect to `x`.  Where a class is just about to get 0, entmax with
        α ≥ 2 has a kink, and this is the derivative from the side on which it stays there.

    Raises
    ------
    TypeError, ValueError
        As `softmax_vjp`, or if `alpha` is less than 1 or not finite.

    Examples
    --------
    >>> from smnn import entmax_vjp
    >>> entmax_vjp([1.0, 0.0, 5.0], [0.64, 0.36, 0.0]).round(3)
    array([ 0.343, -0.343,  0.   ])
    """
    alpha = _alpha(alpha)
    if alpha == 1:
        return softmax_vjp(dy, y, x, axis=axis)
    if isinstance(x, int | np.integer):
        raise TypeError(f"the third argument is x: for the axis write axis={x}")
    y, dy = check.float_array(y, "y"), check.float_array(dy, "dy")
    check.same_shape(dy, y, "dy", "y")
    if x is not None and np.shape(x) != y.shape:
        raise ValueError(f"x must have the shape of y, {y.shape}, got shape {np.shape(x)}")
    layout = RowLayout(y.shape, check.axis_tuple(axis, y.ndim))
    rows, drows = layout.rows(y, np.float64), layout.rows(dy, np.float64)
    support = rows != 0  # nan is in it, and makes its row nan
    s = np.power(rows, 2 - alpha, out=np.zeros_like(rows), where=support)
    drows = np.where(support, drows, 0)  # −inf · 0 is nan
    with np.errstate(invalid="ignore"):
        mean = (s * drows).sum(axis=1, keepdims=True) / s.sum(axis=1, keepdims=True)
        dx = np.where(support, s * (drows - mean), 0)
    return layout.array(dx, np.result_type(dy, y))


def _alpha(alpha):
    """Return α as a float of at least 1 and below infinity."""
    number = check.real_number(alpha, "alpha")
    if not 1.0 <= number < np.inf:
        raise ValueError(f"alpha must be at least 1 and finite, got {alpha!r}")
    return number


def _apply(x, axis, alpha):
    """Return the entmax of an array, for α above 1."""
    x = check.float_array(x, "x")
    layout = RowLayout(x.shape, check.axis_tuple(axis, x.ndim))
    rows = layout.rows(x, np.float64)
    if rows.size:
        rows = _entmax_rows(rows, alpha)
    return layout.array(rows, x.dtype)


def _entmax_rows(x, alpha):
    """Return the entmax of rows.

    Below, z are the scores times α − 1, with the largest of each row moved to 0.  What is at
    −1 or less gets probability 0.
    """
    largest = x.max(axis=1, keepdims=True)
    has_none = ~np.isfinite(largest[:, 0])
    with np.errstate(invalid="ignore", over="ignore"):
        z = (alpha - 1) * (x - largest)
    z[has_none] = 0
    if alpha in _FORMULAS:
        p = _FORMULAS[alpha](z)
    else:
        p = _from_largest(z, alpha) if alpha < 2 else _from_smallest(z, alpha)
    p[has_none] = np.nan
    return p


def _falling(z):
    """Return the scores of each row from the largest down, cut where all the rest get 0."""
    count = (z > -1).sum(axis=1).max()
    return np.sort(np.maximum(z, -1), axis=1)[:, : -count - 1 : -1]


def _sparsemax(z):
    """z − τ, with the τ of the longest run of sorted scores that all stay above it."""
    falling = _falling(z)
    count = np.arange(1, falling.shape[1] + 1)
    runs = np.cumsum(falling, axis=1)
    size = (1 + count * falling > runs).sum(axis=1, keepdims=True)
    p = z - (np.take_along_axis(runs, size - 1, axis=1) - 1) / size
    return np.maximum(p, 0, out=p)


def _entmax_15(z):
    """(z − τ)², with τ the smaller root of Σ (z − τ)² = 1 over a run of sorted scores."""
    falling = _falling(z)
    count = np.arange(1, falling.shape[1] + 1)
    mean = np.cumsum(falling, axis=1) / count
    # The sum of squares around the mean, by Welford's update, which loses no digits.
    before = np.concatenate([falling[:, :1], mean[:, :-1]], axis=1)
    squares = np.cumsum((falling - before) * (falling - mean), axis=1)
    # A run without a real root is too long: with 0 for the square root it is never chosen.
    threshold = mean - np.sqrt(np.maximum((1 - squares) / count, 0))
    size = (threshold <= falling).sum(axis=1, keepdims=True)
    p = z - np.take_along_axis(threshold, size - 1, axis=1)
    np.maximum(p, 0, out=p)
    return np.multiply(p, p, out=p)


_FORMULAS = {1.5: _entmax_15, 2.0: _sparsemax}


def _from_largest(z, alpha):
    r"""Find u = −log of the largest probability, and with it all of them, for α below 2.

    :math:`p_j = e^{-u} (1 + z_j e^{(α-1)u})^{1/(α-1)}`, which for α → 1 is the exponential of
    the score less u: the form keeps its digits there, and u becomes log-sum-exp.  The largest
    probability is between 1/C and 1, so u is between 0 and log C.
    """
    falling = _falling(z)
    low, high = np.zeros(len(z)), np.full(len(z), np.log(z.shape[1]))
    u, width, active = low.copy(), high - low, np.arange(len(z))
    for step in range(_MOST_STEPS):
        now = u[active]
        excess, slope = _log_sum(falling[active], now, alpha)
        low[active] = np.where(excess >= 0, now, low[active])
        high[active] = np.where(excess <= 0, now, high[active])
        left, right = low[active], high[active]
        following = now + excess / slope
        fast = (left < following) & (following < right)
        if step % 2:  # a bracket that two steps have not halved is halved
            fast &= right - left <= width[active] / 2
            width[active] = right - left
        following = np.where(fast | (excess == 0), following, (left + right) / 2)
        u[active] = following
        active = active[np.abs(following - now) > _EPS * np.maximum(now, 1)]
        if not active.size:
            break
    p, _ = _probabilities(z, u, alpha)
    return np.divide(p, p.sum(axis=1, keepdims=True), out=p)


def _log_sum(z, u, alpha):
    """Return log Σ p(u) of each row, and how fast it falls with u."""
    p, base = _probabilities(z, u, alpha)
    total = p.sum(axis=1)
    falls = np.divide(p, 1 + base, out=np.zeros_like(p), where=p > 0)
    return np.log(total), falls.sum(axis=1) / total


def _probabilities(z, u, alpha):
    """Return p(u), and what it is a power of, less 1."""
    u = u[:, None]
    with np.errstate(over="ignore", divide="ignore"):
        stretch = np.minimum(np.exp((alpha - 1) * u), np.finfo(z.dtype).max)
        base = np.maximum(z * stretch, -1)
        return np.exp(np.log1p(base) / (alpha - 1) - u), base


def _from_smallest(z, alpha):
    r"""Find w, the smallest probability above 0, and with it all of them, for α above 2.

    With k the class that has it, :math:`p_j = (w^{α-1} + z_j - z_k)^{1/(α-1)}`.  No rounding is
    enlarged here, while a power below 1 of a score less a threshold enlarges it without bound.
    """
    power, falling = 1 / (alpha - 1), _falling(z)
    low, high = np.zeros((len(z), 1), int), np.full((len(z), 1), falling.shape[1])
    while (high - low > 1).any():  # class k stays if those above it, with w = 0, leave it a share
        middle = (low + high) // 2
        gaps = np.maximum(falling - np.take_along_axis(falling, middle, axis=1), 0)
        stays = (gaps**power).sum(axis=1, keepdims=True) < 1
        low, high = np.where(stays, middle, low), np.where(stays, high, middle)
    lowest = np.take_along_axis(falling, low, axis=1)
    w = 1 / (falling >= lowest).sum(axis=1, keepdims=True)
    for _ in range(_MOST_STEPS):  # the sum is convex in w, so that Newton comes down to the root
        p = _above(falling - lowest, w, alpha)
        slope = np.divide(w, p, out=np.zeros_like(p), where=p > 0) ** (alpha - 2)
        step = (p.sum(axis=1, keepdims=True) - 1) / slope.sum(axis=1, keepdims=True)
        w = np.maximum(w - step, 0)
        if (step <= _EPS).all():
            break
    p = _above(z - lowest, w, alpha)
    return np.divide(p, p.sum(axis=1, keepdims=True), out=p)


def _above(gaps, w, alpha):
    """Return the probabilities of scores by how far they are above the one of probability w."""
    p = (w ** (alpha - 1) + np.maximum(gaps, 0)) ** (1 / (alpha - 1))
    return np.where(gaps > 0, p, np.where(gaps == 0, w, 0))
