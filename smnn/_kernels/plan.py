"""Which way a kernel goes through an array, and every number that decides it.

A short row fills no register; such rows lie side by side.  A long row is taken as it is, and
in a group with others where what is kept of them fits a cache.  A row of several blocks that
comes from beyond the caches is read once from memory, block by block.
"""

from pathlib import Path

import numpy as np

from .._core.threads import get_num_threads
from .sharing import are_awake, calls_follow, note_end
from .simd.compile import INTERPRETED
from .simd.emulation import VECTOR_BYTES

SHORT, LONG, BLOCKS = range(3)  # the ways
BLOCK = 1024  # elements of a row that stay in the L1 cache with their exponentials


def cache_bytes(level, default, folder=Path("/sys/devices/system/cpu/cpu0/cache")):
    """Return the size of the data cache of a level, where the system tells it."""
    try:
        for index in folder.glob("index*"):
            kind = (index / "type").read_text().strip()
            if int((index / "level").read_text()) == level and kind != "Instruction":
                return int((index / "size").read_text().strip().removesuffix("K")) << 10
    except (OSError, ValueError):
        pass
    return default


L1_BYTES, L2_BYTES = cache_bytes(1, 1 << 15), cache_bytes(2, 1 << 20)

SHORT_ROW_BYTES = 3 * VECTOR_BYTES  # rows of up to this size lie side by side
# An array of this size stays in some cache.  The last one is shared with other programs: how
# much of it there is for one cannot be read off, and this held where it was measured.
NEAR_BYTES = 6 << 20
NONTEMPORAL_BYTES = 2 * NEAR_BYTES  # an array of this size and its result leave the caches
# What may be kept of a group of rows.  Of a near array it may fill part of the L2 cache, as far
# as the stack of a small thread goes.  Otherwise it must stay in L1, as the way to all others
# is taken by the array.
NEAR_SCRATCH_BYTES, FAR_SCRATCH_BYTES = min(L2_BYTES >> 4, 1 << 16), L1_BYTES >> 3
SEVERAL = 4  # rows, of which one can be finished while another is begun

# With fewer bytes one thread is done about as soon as a sleeping one begins.  On short rows
# as many bytes take longer.
SHARED_BYTES, SHARED_SHORT_BYTES = 6 << 20, 2 << 20
# While calls follow one another the threads are awake, and it pays with fewer.
FOLLOWING_BYTES = 1 << 18
SECONDS_PER_BYTE = 5e-11  # about, of a small call

# What a part of a call takes for its first and its last rows is little if it has so many bytes.
BYTES_PER_PART, PARTS_PER_THREAD = 1 << 19, 4
ROWS_PER_STEP = 16  # parts begin at multiples of this: so many rows stand side by side


def has_threads():
    """Return whether rows can be shared at all."""
    return get_num_threads() > 1 and not INTERPRETED


def small_way(x):
    """Return SHORT or LONG for an array that has kernels of its own, otherwise None.

    One thread works on it, and its rows, which may lie in any number of dimensions, are of a
    block at most.
    """
    size = x.nbytes
    if size <= SHORT_ROW_BYTES:
        return SHORT
    classes = x.shape[-1]
    if size >= SHARED_SHORT_BYTES or classes > BLOCK:
        return None
    if size >= FOLLOWING_BYTES and has_threads():
        if calls_follow() and are_awake():
            return None
        note_end(after=size * SECONDS_PER_BYTE)
    return SHORT if classes * x.itemsize <= SHORT_ROW_BYTES else LONG


def is_shared(x):
    """Return whether several threads work on x."""
    size, rows = x.nbytes, len(x)
    if size < FOLLOWING_BYTES or rows < 2 or not has_threads():
        return False
    if size >= (SHARED_SHORT_BYTES if size <= SHORT_ROW_BYTES * rows else SHARED_BYTES):
        return True
    # A thread that is still asleep comes in time for the end of a long call.
    return calls_follow() and (size >= SHARED_SHORT_BYTES or are_awake())


def rows_per_part(x):
    """Return how many rows of x make a part: as many parts for each thread, if they are small."""
    rows, threads = len(x), get_num_threads()
    each = min(max(x.nbytes // (BYTES_PER_PART * threads), 1), PARTS_PER_THREAD)
    step = -(-rows // (threads * each))
    return step if step < ROWS_PER_STEP else step + -step % ROWS_PER_STEP


def choose_way(x, out, recomputes=True):
    """Choose the way through x with a result ``out``, which may be None.

    Returns (way, extra): SHORT, LONG or BLOCKS, and the arguments that a kernel of this way takes
    beyond the others.  ``recomputes`` tells that a nontemporal result takes the exponentials twice.
    """
    (rows, classes), size = x.shape, x.nbytes
    if size <= SHORT_ROW_BYTES * rows:
        return SHORT, ()
    several = None if classes <= BLOCK else True
    fits_scratch = size <= NEAR_SCRATCH_BYTES * rows  # one row does
    if several is None or (rows >= SEVERAL and size <= NEAR_BYTES and fits_scratch):
        scratch_bytes = NEAR_SCRATCH_BYTES if size <= NEAR_BYTES else FAR_SCRATCH_BYTES
        group_size, lanes = scratch_bytes * rows // size or 1, VECTOR_BYTES // x.itemsize
        return LONG, (group_size if group_size < lanes else lanes, several)
    maxima = np.empty((rows, -(-classes // BLOCK)), x.dtype)
    return BLOCKS, (_nontemporal(x, out, recomputes and fits_scratch), maxima)


def _nontemporal(x, out, refuse):
    """Return True if a result is written past the caches, else None.

    What is computed in place is in a cache already.
    """
    if refuse or out is None or x.nbytes < NONTEMPORAL_BYTES or out.ctypes.data == x.ctypes.data:
        return None
    return True
