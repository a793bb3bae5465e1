"""The kernels: what ``reference.py`` defines, compiled by numba.

Why they are fast, in the order of what it brings, and where to read it.

1. **Vectors are spelled out** (``vectors.py``).  The kernels work on a type of their own, of
   512 bits, and not on loops that a compiler may or may not turn into packed instructions.
2. **Short rows stand side by side** (``transpose.py``).  A row of 10 classes fills no register,
   and its maximum and its sum would be sought within one.  Sixteen rows are transposed, in
   registers, so that each has a lane of its own.  The maximum, the exponential and the sum
   of sixteen rows then cost what those of one row cost.
3. **Three rows at once** (``rows.py``).  The exponentials of a row keep the multipliers busy
   and leave the ways to memory idle.  In the same pass the largest number of a row ahead is
   found, and a row behind, whose sum is known, is multiplied and written.  Short rows are
   passed over in the same way, sixteen at a time.  Rows that come from beyond the caches and
   are longer than a block are cut into blocks, so that they are read once from memory.
4. **Loss and gradient are one pass** (``cross_entropy_kernels.py``).  What is kept of a row becomes
   its gradient.  No array of probabilities or log-probabilities is written and read back.
5. **The exponential is ours** (``exponential.py``): no call, no branch, and where the processor
   allows it a table that stands in a register and halves the polynomial.

The result for a row does not depend on the number of threads.  That of a row of one block does
not depend on the rows around it either; in a longer row the last digits may.
This is the only folder that imports numba.  This file holds what ``functional.py`` calls,
under the names of ``reference.py``: it chooses the kernel and shares the rows among threads.
"""

from functools import partial

import numpy as np

from .._core.threads import share
from ..reference import logsumexp_weighted
from .compile import INTERPRETED
from .cross_entropy_kernels import (
    check_labels,
    labels_blocks,
    labels_long,
    labels_short,
    mean_loss_short,
    probabilities,
    smoothed_labels,
    sum_losses,
)
from .exponential import exp_float32, exp_float64
from .rows import BLOCK
from .softmax_kernels import (
    log_softmax_blocks,
    log_softmax_long,
    log_softmax_pullback,
    log_softmax_short,
    log_softmax_streamed,
    logsumexp_blocks,
    logsumexp_long,
    logsumexp_pullback,
    logsumexp_short,
    softmax_blocks,
    softmax_long,
    softmax_pullback,
    softmax_short,
    softmax_streamed,
)
from .training_kernels import adam_step, erfc, sgd_step
from .vectors import VECTOR_BYTES

__all__ = [
    "INTERPRETED", "adam_step", "check_labels", "cross_entropy_labels", "cross_entropy_probs",
    "erfc", "exp_float32", "exp_float64", "log_softmax", "log_softmax_vjp", "logsumexp",
    "logsumexp_vjp", "logsumexp_weighted", "mean_loss", "sgd_step", "softmax", "softmax_vjp",
]  # fmt: skip

SHORT_ROW_BYTES = 192  # rows of up to this size stand side by side
NEAR_BYTES = 6 << 20  # an array of this size stays in some cache
# What may be kept of a group of rows.  Of such an array it may fill part of the second cache, as
# far as the stack of a small thread goes.  Otherwise it must stay in the first, since the ways to
# all others are taken by the array.
NEAR_ROOM_BYTES, FAR_ROOM_BYTES = 1 << 16, 1 << 12
STREAMED_BYTES = 12 << 20  # an array of this size and its result are pushed out of the caches
# With fewer numbers, one thread is done about as soon as a sleeping one begins.  On short rows
# as many numbers take longer.
SHARED_BYTES, SHARED_SHORT_BYTES = 6 << 20, 2 << 20
SEVERAL = 4  # rows, of which one can be finished while another is begun


def is_shared(x):
    """Whether several threads work on x."""
    is_short = x.nbytes <= SHORT_ROW_BYTES * len(x)
    return x.nbytes >= (SHARED_SHORT_BYTES if is_short else SHARED_BYTES)


def _run(kernel, arguments, x):
    """Run a kernel over all rows of x, on several threads if there is work for them."""
    if is_shared(x):
        share(lambda start, stop: kernel(*arguments, start, stop), len(x), x.nbytes)
    else:
        kernel(*arguments, 0, len(x))


def _room_bytes(x):
    return NEAR_ROOM_BYTES if x.nbytes <= NEAR_BYTES else FAR_ROOM_BYTES


def _group(x):
    """How many rows make a group: at most as many as a vector has lanes."""
    many = _room_bytes(x) // (x.itemsize * x.shape[1])
    return max(1, min(many, VECTOR_BYTES // x.itemsize))


def _is_passed_whole(x):
    """Whether rows are passed over whole, although they may be of several blocks."""
    if x.shape[1] <= BLOCK:
        return True
    return len(x) >= SEVERAL and x.nbytes <= NEAR_BYTES and x.nbytes <= NEAR_ROOM_BYTES * len(x)


def _blocks(x):
    """What tells a kernel whether rows are of several blocks: None or True, to be compiled."""
    return None if x.shape[1] <= BLOCK else True


def _streams(x, out):
    """What tells a kernel whether to write past the caches: None or True, to be compiled.

    What is computed in place is in a cache already.
    """
    if out is None or x.nbytes < STREAMED_BYTES or out.ctypes.data == x.ctypes.data:
        return None
    return True


def _streams_twice(x, out):
    """The same where it costs to take the exponentials twice: for rows that fit no near cache."""
    return None if x.nbytes <= NEAR_ROOM_BYTES * len(x) else _streams(x, out)


def _peaks(x):
    """Room for the largest number of each block of each row."""
    return np.empty((len(x), -(-x.shape[1] // BLOCK)), x.dtype)


def softmax(x, scale, out, start=0, stop=None):
    """See ``reference.softmax``; from row ``start`` to ``stop``."""
    rows, size = len(x), x.nbytes
    if stop is None:
        if size >= SHARED_SHORT_BYTES and is_shared(x):
            return share(partial(softmax, x, scale, out), rows, size)
        stop = rows
    scale = None if scale == 1.0 else scale
    if size <= SHORT_ROW_BYTES * rows:
        softmax_short(x, scale, out, start, stop)
    elif _is_passed_whole(x):
        softmax_long(x, scale, out, _group(x), _blocks(x), start, stop)
    elif _streams_twice(x, out):
        softmax_streamed(x, scale, out, _peaks(x), start, stop)
    else:
        softmax_blocks(x, scale, out, _peaks(x), start, stop)


def log_softmax(x, scale, out, start=0, stop=None):
    """See ``reference.log_softmax``; from row ``start`` to ``stop``."""
    rows, size = len(x), x.nbytes
    if stop is None:
        if size >= SHARED_SHORT_BYTES and is_shared(x):
            return share(partial(log_softmax, x, scale, out), rows, size)
        stop = rows
    scale = None if scale == 1.0 else scale
    if size <= SHORT_ROW_BYTES * rows:
        log_softmax_short(x, scale, out, start, stop)
    elif _is_passed_whole(x):
        log_softmax_long(x, scale, out, _group(x), _blocks(x), start, stop)
    elif _streams(x, out):
        log_softmax_streamed(x, scale, out, _peaks(x), start, stop)
    else:
        log_softmax_blocks(x, scale, out, _peaks(x), start, stop)


def logsumexp(x, out):
    """See ``reference.logsumexp``."""
    if x.nbytes <= SHORT_ROW_BYTES * len(x):
        _run(logsumexp_short, (x, out), x)
    elif _is_passed_whole(x):
        _run(logsumexp_long, (x, out, _group(x), _blocks(x)), x)
    else:
        _run(logsumexp_blocks, (x, out, _peaks(x)), x)


def softmax_vjp(dy, y, out):
    """See ``reference.softmax_vjp``."""
    _run(softmax_pullback, (dy, y, out), y)


def log_softmax_vjp(dy, y, out):
    """See ``reference.log_softmax_vjp``."""
    _run(log_softmax_pullback, (dy, y, out), y)


def logsumexp_vjp(dy, y, x, out):
    """See ``reference.logsumexp_vjp``."""
    _run(logsumexp_pullback, (dy, y, x, out), x)


def cross_entropy_labels(
    x, labels, ignore_index, weight, smoothing, divisor, losses, dx, start=0, stop=None
):
    """See ``reference.cross_entropy_labels``; from row ``start`` to ``stop``."""
    rows, size = len(x), x.nbytes
    if stop is None:
        if size >= SHARED_SHORT_BYTES and is_shared(x):
            return _share_labels(x, labels, ignore_index, weight, smoothing, divisor, losses, dx)
        stop = rows
    if smoothing:
        return smoothed_labels(
            x, labels, ignore_index, weight, smoothing, divisor, losses, dx, start, stop
        )
    if size <= SHORT_ROW_BYTES * rows:
        return labels_short(x, labels, ignore_index, weight, divisor, losses, dx, start, stop)
    if _is_passed_whole(x):
        return labels_long(
            x, labels, ignore_index, weight, divisor, losses, dx, _group(x), _blocks(x), start, stop
        )
    return labels_blocks(
        x, labels, ignore_index, weight, divisor, losses, dx, _peaks(x), _streams_twice(x, dx),
        start, stop,
    )  # fmt: skip


def _share_labels(x, labels, ignore_index, weight, smoothing, divisor, losses, dx):
    """Do before and after the parts what needs all labels and all losses."""
    bad, weights = check_labels(labels, x.shape[1], ignore_index, weight)
    if bad >= 0:
        return bad, 0.0, 0.0
    arguments = (x, labels, ignore_index, weight, smoothing, divisor or weights, losses, dx)
    share(partial(cross_entropy_labels, *arguments), len(x), x.nbytes)
    return -1, sum_losses(losses), weights


def mean_loss(x, labels, ignore_index, dx):
    """See ``reference.mean_loss``."""
    rows, size = len(x), x.nbytes
    if size < SHARED_SHORT_BYTES and size <= SHORT_ROW_BYTES * rows:
        return mean_loss_short(x, labels, ignore_index, dx)
    losses = np.empty(rows, x.dtype)
    bad, total, weights = cross_entropy_labels(x, labels, ignore_index, None, 0.0, 0.0, losses, dx)
    return bad, total / weights if weights else np.nan


def cross_entropy_probs(x, probs, weight, smoothing, divisor, losses, dx):
    """See ``reference.cross_entropy_probs``."""
    _run(probabilities, (x, probs, weight, smoothing, divisor, losses, dx), x)
    return sum_losses(losses)
