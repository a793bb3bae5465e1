"""The merge of two parts of a log-sum-exp."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import validation as check
from .._core.rows import compute_dtype
from .._core.types import ArrayLike


def merge_logsumexp(
    a: tuple[ArrayLike, ArrayLike], b: tuple[ArrayLike, ArrayLike]
) -> tuple[Any, Any]:
    r"""Merge two parts of a log-sum-exp into one.

    A part of a sum of exponentials is a pair (m, s) that stands for :math:`s\,e^m`: m is the
    largest exponent of the part and :math:`s = \sum_k e^{x_k - m}`.  Two parts merge by

    .. math::

        (m_1, s_1) \oplus (m_2, s_2) = (m,\; s_1 e^{m_1 - m} + s_2 e^{m_2 - m}),
        \qquad m = \max(m_1, m_2)

    The operation is associative and commutative, and (−inf, 0), the part of no exponents, is
    its unit.  So the exponents may be split into blocks and the blocks merged in any order: the
    result is ``logsumexp(x) = m + log(s)``, up to rounding.

    Parameters
    ----------
    a, b : pair of array_like
        (m, s); the four arrays broadcast against one another.

    Returns
    -------
    m : ndarray or scalar
        The larger of :math:`m_1` and :math:`m_2`.
    s : ndarray or scalar
        The sum relative to m.  Where s has more axes than m, as in attention, which carries a
        weighted sum of vectors beside the sum of the weights, so has the result.

    Raises
    ------
    TypeError
        If an array does not hold real numbers.
    ValueError
        If an argument is not a pair, or the shapes do not broadcast.

    Notes
    -----
    Nothing is subtracted from itself where it is infinite: two parts of m = −inf add their s
    and stay at m = −inf, two of m = +inf likewise.  Beside m = +inf a finite part vanishes.
    A nan in a part makes the merged s nan, and the merged m too if it is m that is nan.

    A log-sum-exp y is the part (y, 1), so results of `logsumexp` can be merged as well.  The
    part of a block is ``m = x.max()``, ``s = np.exp(x - m).sum()``, unless m is infinite:
    then a block of −inf is the unit.

    References
    ----------
    M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax", 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import merge_logsumexp
    >>> m, s = merge_logsumexp((2.0, 1.5), (5.0, 1.2))
    >>> float(m), round(float(s), 4)
    (5.0, 1.2747)
    >>> m, s = merge_logsumexp((-np.inf, 0.0), (2.0, 1.5))
    >>> float(m), float(s)
    (2.0, 1.5)
    """
    m1, s1 = _part(a, "a")
    m2, s2 = _part(b, "b")
    dtype = np.result_type(m1, s1, m2, s2)
    real = compute_dtype(dtype)
    m1, s1, m2, s2 = (x.astype(real, copy=False) for x in (m1, s1, m2, s2))
    try:
        np.broadcast_shapes(m1.shape, s1.shape, m2.shape, s2.shape)
    except ValueError:
        raise ValueError(
            "the arrays of a and b must broadcast against one another, got shapes "
            f"{m1.shape}, {s1.shape} and {m2.shape}, {s2.shape}"
        ) from None
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        m = np.maximum(m1, m2)
        s = s1 * _factor(m1, m) + s2 * _factor(m2, m)
        return m.astype(dtype, copy=False)[()], s.astype(dtype, copy=False)[()]


def _part(pair, name):
    """Return the two arrays of a part."""
    try:
        m, s = pair
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a pair (m, s), got {pair!r}") from None
    return check.float_array(m, f"the m of {name}"), check.float_array(s, f"the s of {name}")


def _factor(m, to):
    """Return exp(m − to), which is 1 where both are the same infinity."""
    return np.exp(np.where(m == to, 0, m - to))
