"""The few rows of a matrix that a batch touches."""

from __future__ import annotations

import math

import numpy as np

from .._core import validation as check
from .._core.rows import compute_dtype, contiguous
from .._core.types import Array, ArrayLike
from ..functional.backend import kernels


def sum_rows(index: ArrayLike, values: ArrayLike) -> tuple[Array, Array]:
    r"""Return the distinct rows of an index, and the sum of what belongs to each.

    .. math:: \text{sums}_r = \sum_{n:\, \text{index}_n = \text{rows}_r} \text{values}_n

    This is the gradient of looking up: where ``h = E[index]``, the gradient with respect to E
    is 0 but for ``rows, sums = sum_rows(index, dh)``.  The rows are distinct, so that
    ``E[rows] -= lr * sums`` is the step of gradient descent.  With the index itself NumPy would
    keep only one of the changes to a row that was looked up twice.

    Parameters
    ----------
    index : array_like of int, shape (...)
        Row numbers from 0.  As much memory is needed as the largest of them has integers.
    values : array_like, shape (..., d)
        A row of numbers for each of them.

    Returns
    -------
    rows : ndarray of int64, shape (R,)
        The distinct row numbers, in rising order.
    sums : ndarray, shape (R, d)

    Raises
    ------
    IndexError
        If a row number is negative.
    TypeError, ValueError
        If the index does not hold integers, or the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import sum_rows
    >>> sum_rows([3, 1, 3], [[1.0, 2.0], [10.0, 20.0], [5.0, 5.0]])
    (array([1, 3]), array([[10., 20.],
           [ 6.,  7.]]))
    """
    index, values = check.integer_array(index, "index"), check.float_array(values, "values")
    if values.shape[:-1] != index.shape or values.ndim == 0:
        raise ValueError(
            "values must hold one row per index, shape (..., d) to go with shape (...), got "
            f"values of shape {values.shape} and an index of shape {index.shape}"
        )
    index = index.reshape(-1)
    rows, places, bad = distinct_rows([index[None]], int(index.max(initial=-1)) + 1)
    if bad >= 0:
        raise IndexError(f"a row number must be at least 0, got {index[bad]}")
    real = compute_dtype(values.dtype)
    given = contiguous(values, real).reshape(len(index), values.shape[-1])
    sums = np.empty((len(rows), values.shape[-1]), real)
    kernels.add_rows(places, given, sums)
    return rows, sums.astype(values.dtype, copy=False)


def distinct_rows(parts, num_rows):
    """Return the distinct rows in rising order, which of them each index is, and the first
    place that is out of range, or −1.

    The index is a table, and ``parts`` are its columns side by side.
    """
    places = np.empty((len(parts[0]), sum(part.shape[1] for part in parts)), np.int64)
    bad, rows = kernels.distinct_rows(parts, num_rows, places)
    return rows, places.reshape(-1), bad


def examples(h, W, target, classes, b=None):
    """Return checked h, W, b and target, the dtype of the result and that to compute in.

    W has shape (R, d), and the labels lie below ``classes``.
    """
    h, W = check.float_array(h, "h"), check.float_array(W, "W")
    if h.ndim != 2 or W.ndim != 2 or h.shape[1] != W.shape[1]:
        raise ValueError(
            "h must have shape (N, d) and W one row of d numbers per class, "
            f"got h of shape {h.shape} and W of shape {W.shape}"
        )
    dtype = np.result_type(h, W)
    if b is not None:
        b = check.float_array(b, "b")
        if b.shape != (classes,):
            raise ValueError(
                f"b must hold one number per class, shape ({classes},), got shape {b.shape}"
            )
        dtype = np.result_type(dtype, b)
    target = check.class_labels(target, h.shape[:1], classes)
    return h, W, b, target, dtype, compute_dtype(dtype)


class TouchedRows:
    """The rows of W that the entries of a batch touch: their scores, and back.

    ``parts``, side by side, name a row of W for each entry; the entries of example n begin at
    ``starts[n]``.
    """

    def __init__(self, h, W, starts, parts, real):
        self.rows, self.places, self.bad = distinct_rows(parts, len(W))
        self.starts = starts
        self.h, self.W = contiguous(h, real), kernels.take_rows(W, self.rows, real)

    def scores(self, offset=None):
        """Return the score of every entry; ``offset`` holds a number for each touched row."""
        scores = np.empty(len(self.places), self.h.dtype)
        kernels.row_scores(self.h, self.W, self.starts, self.places, offset, scores)
        return scores

    def gradients(self, dscores, has_offset):
        """Return the gradients of h, of the touched rows and, if there is one, of the offset."""
        dh = np.empty_like(self.h)
        dW = np.empty((len(self.rows), dh.shape[1]), dh.dtype)
        doffset = np.empty(len(dW), dW.dtype) if has_offset else None
        kernels.row_gradients(self.h, self.W, self.starts, self.places, dscores, dh, dW, doffset)
        return dh, dW, doffset


def mean_of(total, n, dtype):
    """Return a sum over n, nan where n is 0, as a number of the dtype."""
    return dtype.type(total / n if n else math.nan)
