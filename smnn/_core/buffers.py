"""Arrays for results, in which the memory of a large one is used again.

An operating system hands out large memory as a promise.  It fetches and clears each page
when the page is first written, and that takes longer than a softmax.  So the memory of a
large result, when nobody holds that result any more, is kept for the next result of about
its size.  One piece of memory is kept, of at most LARGEST_BYTES.

Smaller memory the C library can keep.  That of GNU gives back what is free at the end of its
memory as soon as that is more than twice the largest piece, of 32 MiB at most, that it ever
fetched from the system by itself and gave back: two arrays of 1 MiB, made and dropped in every
step, would be fetched and cleared in every step.  One piece of LARGE_BYTES, which nobody writes
to, teaches it to keep twice as much.

What a call needs only while it runs, it borrows.  Of such memory at most MOST_SCRATCH pieces
are kept, of at most LARGEST_SCRATCH bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .types import DType, Shape

# Below, the C library keeps the memory itself.  Above, it is too much to hold back.
LARGE_BYTES, LARGEST_BYTES = 1 << 24, 1 << 28
np.empty(LARGE_BYTES, np.uint8)  # fetched and given back: see above
MOST_SCRATCH, LARGEST_SCRATCH = 8, 1 << 22
CACHE_LINE = 64

# Its append and pop are atomic: results are freed in any thread.
_kept: deque[np.ndarray] = deque(maxlen=1)
_scratch: deque[np.ndarray] = deque(maxlen=MOST_SCRATCH)


def new_array(shape: Shape, dtype: DType) -> Any:
    """Return an array with no particular content, as ``numpy.empty``."""
    array = np.empty(0, dtype)
    size = int(np.prod(shape)) * array.itemsize
    if not LARGE_BYTES <= size <= LARGEST_BYTES:
        return np.empty(shape, dtype)
    return np.asarray(_Loan(_take(size), shape, array.dtype))


@contextmanager
def borrowed(size: int, dtype: DType) -> Iterator[np.ndarray]:
    """Lend memory for so many numbers, from a cache line on, until the end of the ``with``."""
    size_bytes = size * np.dtype(dtype).itemsize
    try:
        memory = _scratch.pop()
    except IndexError:
        memory = np.empty(0, np.uint8)
    if memory.size < size_bytes + CACHE_LINE:
        memory = np.empty(size_bytes + CACHE_LINE, np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    try:
        yield memory[first : first + size_bytes].view(dtype)
    finally:
        if memory.size <= LARGEST_SCRATCH:
            _scratch.append(memory)


def release_buffers() -> int:
    """Give back the memory that is kept for the next large result.

    The memory of a result of 16 MiB or more is kept when nobody holds the result any more, and
    used for the next one, because fresh memory takes longer than a softmax.  At most one
    piece of at most 256 MiB is kept.  The tiles of `attention`, some MiB for each thread, are
    kept too.

    Returns
    -------
    int
        The number of bytes that were given back.

    Examples
    --------
    >>> from smnn import release_buffers
    >>> _ = release_buffers()
    >>> release_buffers()
    0
    """
    released = 0
    for pieces in (_kept, _scratch):
        while pieces:
            try:
                released += pieces.pop().nbytes
            except IndexError:  # another thread was faster
                break
    return released


def _take(size):
    """The kept memory if it suits, otherwise new memory."""
    try:
        memory = _kept.pop()
    except IndexError:
        return np.empty(size, np.uint8)
    return memory if size <= memory.size <= 2 * size else np.empty(size, np.uint8)


class _Loan:
    """Memory on loan to an array; NumPy holds this object as long as any view of it lives."""

    def __init__(self, memory, shape, dtype):
        self.memory = memory
        self.__array_interface__ = {
            "version": 3,
            "shape": shape,
            "typestr": dtype.str,
            "data": (memory.ctypes.data, False),
        }

    def __del__(self, kept=_kept):
        kept.append(self.memory)
