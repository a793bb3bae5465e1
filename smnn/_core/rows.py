"""Arrays of any shape as rows, and rows as arrays again.

The kernels work on arrays of shape (rows, C) that are C-contiguous and aligned.  An array that a
user passes may have any shape, order and strides, and the classes along any axis.

- `lies_in_rows` opens the short way in, for every array that has its classes last in memory
  already.  It compares values and not identities, so that every spelling of a call takes it.
- `RowLayout` is the way for all others: a copy in, and a C-contiguous result out.

float16 is computed in float32.
"""

import math

import numpy as np
from numpy import ndarray

from .buffers import new_array

FLOAT16, FLOAT32, FLOAT64 = np.dtype("float16"), np.dtype("float32"), np.dtype("float64")
_COMPUTED = {FLOAT32, FLOAT64}
_COPIED_BYTES = 1 << 14  # copying this much takes less time than making a view of it


def lies_in_rows(x, axis=-1):
    """Whether ``x`` lies in memory as rows along ``axis`` that the kernels can compute with."""
    if x.__class__ is not ndarray:
        return False
    dtype = x.dtype
    if dtype is not FLOAT32 and dtype is not FLOAT64 and dtype not in _COMPUTED:  # rarely asked
        return False
    if axis.__class__ is not int and not isinstance(axis, np.integer):
        return False
    if axis != -1 and axis != x.ndim - 1:
        return False
    flags = x.flags
    return flags.c_contiguous and flags.aligned and x.ndim > 0


def as_rows(x):
    """Return a C-contiguous array as the table of its rows, not marked as read-only."""
    if not x.flags.writeable:
        x = writeable(x)
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def can_hold_result(out, x):
    """Whether a kernel that reads the rows of ``x`` can write its result to ``out``."""
    return (
        out.__class__ is ndarray
        and (out.dtype is x.dtype or out.dtype == x.dtype)
        and out.shape == x.shape
        and out.flags.carray
        and (out is x or not may_overlap(out, x))
    )


def may_overlap(a, b):
    """Whether two arrays, not one and the same, may have memory in common.

    Those that both own their memory do not, which is known sooner than their bounds.
    """
    return (a.base is not None or b.base is not None) and np.may_share_memory(a, b)


def compute_dtype(dtype):
    """Return the dtype that the kernels compute in."""
    return FLOAT32 if dtype == FLOAT16 else dtype


class RowLayout:
    """How arrays of one shape are rows along some of their axes.

    Parameters
    ----------
    shape : tuple of int
    axes : tuple of int
        Those that make a row, each from 0 to ``len(shape) - 1``.
    """

    def __init__(self, shape, axes):
        self.axes = axes
        self.last = tuple(range(len(shape) - len(axes), len(shape)))
        self.lead = tuple(n for axis, n in enumerate(shape) if axis not in axes)
        self.moved = self.lead + tuple(shape[axis] for axis in axes)
        self.flat = (math.prod(self.lead), math.prod(shape[axis] for axis in axes))

    def rows(self, x, dtype=None):
        """Return ``x`` as rows, in the dtype that its kernels compute in."""
        dtype = compute_dtype(x.dtype if dtype is None else dtype)
        moved = np.moveaxis(x, self.axes, self.last)
        return contiguous(moved, dtype).reshape(self.flat)

    def result_rows(self, out, dtype, rows, x):
        """Return rows to write a result to that is computed from ``rows``, those of ``x``.

        A copy is overwritten in place.  The memory of ``out`` serves if a kernel reads nothing
        there, or every number before it writes it.
        """
        if not np.may_share_memory(rows, x):
            return rows
        if out is not None and out.dtype == compute_dtype(dtype):
            moved = np.moveaxis(out, self.axes, self.last)
            same = moved.ctypes.data == rows.ctypes.data and moved.size == rows.size
            if moved.flags.carray and (same or not np.may_share_memory(moved, rows)):
                return moved.reshape(self.flat)
        return new_array(self.flat, rows.dtype)

    def array(self, rows, dtype, out=None):
        """Return rows as a C-contiguous array of the original shape, or in ``out``."""
        if out is not None and np.may_share_memory(rows, out):
            return out
        array = np.moveaxis(rows.reshape(self.moved), self.last, self.axes)
        with np.errstate(over="ignore"):
            if out is None:
                return np.asarray(array, dtype, order="C")[()]
            np.copyto(out, array, casting="same_kind")
        return out


def contiguous(x, dtype):
    """Return ``x`` in this dtype, C-contiguous, aligned, and not marked as read-only."""
    x = np.require(x, dtype, ("C", "A"))
    return x if x.flags.writeable else writeable(x)


def writeable(x):
    """Return a read-only array without its mark: a copy if it is small, else a view.

    numba compiles a kernel again for read-only arrays.  The kernels write to nothing but their
    results, so the mark can be left behind.
    """
    return x.copy() if x.nbytes <= _COPIED_BYTES else np.asarray(_Memory(x))


class _Memory:
    """The memory of an array, without the mark that it is read-only."""

    def __init__(self, x):
        self.owner = x
        self.__array_interface__ = x.__array_interface__ | {"data": (x.ctypes.data, False)}
