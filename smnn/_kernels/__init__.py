"""The kernels: what ``reference.py`` defines, compiled by numba.

Why they are fast, in the order of what it brings, and where to read it.

1. **Vectors are spelled out** (``vectors.py``).  The kernels work on a type of their own, of
   512 bits, and not on loops that a compiler may or may not turn into packed instructions.
2. **Short rows stand side by side** (``transpose.py``).  A row of 10 classes fills no register,
   and its maximum and its sum would be sought within one.  Sixteen rows are transposed, in
   registers, so that each has a lane of its own.  The maximum, the exponential and the sum
   of sixteen rows then cost what those of one row cost.
3. **A long row is read once from memory** (``rows.py``).  It is cut into blocks that stay in
   the nearest cache while their maximum is found and their exponentials, relative to that
   maximum, are written.  When the maximum of the row is known, one more pass multiplies each
   block by the factor that it lacks.
4. **Loss and gradient are one pass** (``cross_entropy_kernels.py``).  The exponentials are written
   where the gradient will stand.  No array of probabilities or log-probabilities is written
   and read back.
5. **The exponential is ours** (``exponential.py``): no call, no table, no branch.

The result for a row depends neither on the rows around it nor on the number of threads.
This is the only folder that imports numba.  This file holds what ``functional.py`` calls,
under the names of ``reference.py``: it chooses the kernel and shares the rows among threads.
"""

from functools import partial

import numpy as np

from .._threads import WORTHWHILE_BYTES, share
from .compile import INTERPRETED
from .cross_entropy_kernels import (
    check_labels,
    labels_long,
    labels_short,
    probabilities,
    smoothed_labels,
    sum_losses,
)
from .exponential import exp_float32, exp_float64
from .rows import BLOCK
from .softmax_kernels import (
    log_softmax_long,
    log_softmax_pullback,
    log_softmax_short,
    logsumexp_long,
    logsumexp_pullback,
    logsumexp_short,
    softmax_long,
    softmax_pullback,
    softmax_short,
)
from .training_kernels import adam_step, erfc, sgd_step

__all__ = [
    "INTERPRETED", "adam_step", "check_labels", "cross_entropy_labels", "cross_entropy_probs",
    "erfc", "exp_float32", "exp_float64", "log_softmax", "log_softmax_vjp", "logsumexp",
    "logsumexp_vjp", "sgd_step", "softmax", "softmax_vjp",
]  # fmt: skip

SHORT_ROW_BYTES = 160  # rows of up to this size stand side by side,
SHORT_ROW_BYTES_LOSS = 256  # and of this size where the loss is wanted
PAST_CACHES_BYTES = 1 << 25  # a result of this size finds no place in a cache


def _run(kernel, arguments, x):
    """Run a kernel over all rows of x, on several threads if there is work for them."""
    if x.nbytes < WORTHWHILE_BYTES:
        kernel(*arguments, 0, len(x))
    else:
        share(lambda start, stop: kernel(*arguments, start, stop), len(x), x.nbytes)


def _peaks(x):
    """Room for the largest number of each block of each row, where there are blocks."""
    classes = x.shape[1]
    blocks = -(-classes // BLOCK) if classes > BLOCK else 0
    return np.empty((len(x), blocks), x.dtype)


def softmax(x, scale, out, start=0, stop=None):
    """See ``reference.softmax``; from row ``start`` to ``stop``."""
    rows, size = len(x), x.nbytes
    if stop is None:
        if size >= WORTHWHILE_BYTES:
            return share(partial(softmax, x, scale, out), rows, size)
        stop = rows
    scale = None if scale == 1.0 else scale
    if size <= SHORT_ROW_BYTES * rows:
        softmax_short(x, scale, out, start, stop)
    else:
        softmax_long(x, scale, out, _peaks(x), start, stop)


def log_softmax(x, scale, out, start=0, stop=None):
    """See ``reference.log_softmax``; from row ``start`` to ``stop``."""
    rows, size = len(x), x.nbytes
    if stop is None:
        if size >= WORTHWHILE_BYTES:
            return share(partial(log_softmax, x, scale, out), rows, size)
        stop = rows
    scale = None if scale == 1.0 else scale
    if size <= SHORT_ROW_BYTES * rows:
        log_softmax_short(x, scale, out, start, stop)
    else:
        past_caches = out.nbytes >= PAST_CACHES_BYTES
        log_softmax_long(x, scale, out, _peaks(x), past_caches, start, stop)


def logsumexp(x, out):
    """See ``reference.logsumexp``."""
    if x.nbytes <= SHORT_ROW_BYTES * len(x):
        _run(logsumexp_short, (x, out), x)
    else:
        _run(logsumexp_long, (x, out, _peaks(x)), x)


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
        if size >= WORTHWHILE_BYTES:
            return _share_labels(x, labels, ignore_index, weight, smoothing, divisor, losses, dx)
        stop = rows
    if smoothing:
        return smoothed_labels(
            x, labels, ignore_index, weight, smoothing, divisor, losses, dx, start, stop
        )
    if size <= SHORT_ROW_BYTES_LOSS * rows:
        return labels_short(x, labels, ignore_index, weight, divisor, losses, dx, start, stop)
    return labels_long(x, labels, ignore_index, weight, divisor, losses, dx, _peaks(x), start, stop)


def _share_labels(x, labels, ignore_index, weight, smoothing, divisor, losses, dx):
    """Do before and after the parts what needs all labels and all losses."""
    bad, weights = check_labels(labels, x.shape[1], ignore_index, weight)
    if bad >= 0:
        return bad, 0.0, 0.0
    arguments = (x, labels, ignore_index, weight, smoothing, divisor or weights, losses, dx)
    share(partial(cross_entropy_labels, *arguments), len(x), x.nbytes)
    return -1, sum_losses(losses), weights


def cross_entropy_probs(x, probs, weight, smoothing, divisor, losses, dx):
    """See ``reference.cross_entropy_probs``."""
    _run(probabilities, (x, probs, weight, smoothing, divisor, losses, dx), x)
    return sum_losses(losses)
