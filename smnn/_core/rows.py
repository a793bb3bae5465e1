"""Arrays of any shape as rows, and rows as arrays again.

The kernels work on arrays of shape (rows, C) that lie in memory in one piece.  What a user
gives may have any shape, order and strides, and the classes along any axis.  It is brought
into that form, without a copy if it has it already, and the result is brought back.

float16 is computed in float32.
"""

import math

import numpy as np
from numpy import ndarray

from .buffers import new_array

FLOAT16, FLOAT32, FLOAT64 = np.dtype("float16"), np.dtype("float32"), np.dtype("float64")
_PLAIN = {FLOAT32, FLOAT64}


def is_plain(x):
    """Whether the kernels can take ``x`` as it is; this is to cost next to nothing.

    ``carray`` means in one piece, row by row, aligned and writeable.
    """
    return type(x) is ndarray and x.dtype in _PLAIN and x.ndim == 2 and x.flags.carray


def fits(out, x):
    """Whether a kernel that reads the plain array ``x`` can write its result to ``out``.

    Two arrays that both own their memory cannot overlap, unless they are one.
    """
    return (
        type(out) is ndarray
        and out.dtype == x.dtype
        and out.shape == x.shape
        and out.flags.carray
        and ((out.base is None and x.base is None) or not np.may_share_memory(out, x))
    )


def compute_dtype(dtype):
    """The dtype that the kernels compute in."""
    return FLOAT32 if dtype == FLOAT16 else dtype


class RowLayout:
    """How arrays of one shape are rows along some of their axes."""

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
        return in_one_piece(moved, dtype).reshape(self.flat)

    def room(self, out, dtype, beside):
        """Return rows to write a result to: those of ``out`` if a kernel may write them.

        It may if it reads nothing there, or every number before it writes it: if the rows
        ``beside``, which it reads, lie elsewhere or in the very same place.
        """
        dtype = compute_dtype(dtype)
        if out is not None and out.dtype == dtype:
            moved = np.moveaxis(out, self.axes, self.last)
            same = moved.ctypes.data == beside.ctypes.data and moved.size == beside.size
            if moved.flags.carray and (same or not np.may_share_memory(moved, beside)):
                return moved.reshape(self.flat)
        return new_array(self.flat, dtype)

    def array(self, rows, dtype, out=None):
        """Return rows as an array of the original shape, or in ``out``."""
        if out is not None and np.may_share_memory(rows, out):
            return out
        array = np.moveaxis(rows.reshape(self.moved), self.last, self.axes)
        with np.errstate(over="ignore"):
            if out is None:
                return array.astype(dtype, copy=False)[()]
            np.copyto(out, array, casting="same_kind")
        return out


def in_one_piece(x, dtype):
    """Return ``x`` in this dtype, in C order and aligned, and not marked as read-only.

    numba compiles a kernel again for read-only arrays.  The mark is left behind, since the
    kernels write to nothing but their results.
    """
    x = np.require(x, dtype, ("C", "A"))
    return x if x.flags.writeable else np.asarray(_Memory(x))


class _Memory:
    """The memory of an array, without the mark that it is read-only."""

    def __init__(self, x):
        self.owner = x
        self.__array_interface__ = x.__array_interface__ | {"data": (x.ctypes.data, False)}
