"""Kernels for softmax, log-softmax, logsumexp and their vector-Jacobian products.

Each works on the rows from start to stop.  The name says which way it goes through the
array: rows side by side (short), one behind the other (long), or block by block (blocks).
"""

import numpy as np

from .drivers import (
    finish_columns,
    near_group,
    over_blocks,
    over_long_rows,
    over_short_rows,
    store_lanes,
)
from .exponential import SCALE, exp, log_sum
from .passes import (
    block_exponentials,
    keep_exponential,
    keep_shifted,
    scale_kept,
    subtract_lse,
    write_log_softmax,
)
from .plan import BLOCK
from .simd.compile import inlined, kernel
from .simd.memory import (
    broadcast,
    lanes_of,
    load_some,
    lowest_of,
    pointer,
    pointer_to,
    store,
    store_fence,
    store_part,
)
from .simd.vectors import max_across, maximum, select, select_equal, sum_across


@inlined
def pick_nothing(x, classes, row, rows, numbers, operands):
    """Read nothing of the logits."""


@inlined
def pick_nothing_of_row(row, operands):
    """Read nothing of the logits of a row."""


# --- Softmax ----------------------------------------------------------------------------


@inlined
def invert_sum(row, rows, group_size, m, total, below, picked, numbers, operands):
    """Keep the factor that makes probabilities of exponentials."""
    store_lanes(numbers, 0, rows, group_size, 1.0 / total)


@inlined
def factor_one(row, m, total, below, picked, numbers, operands):
    """Return the factor of probabilities that are the result."""
    return 1.0


softmax_over_short = over_short_rows(
    keep_exponential, None, pick_nothing, invert_sum, finish_columns(scale_kept)
)
softmax_over_long = over_long_rows(
    keep_exponential, None, pick_nothing, invert_sum, scale_kept, None
)
softmax_over_blocks = over_blocks(None, pick_nothing_of_row, factor_one, None)


@kernel
def softmax_small_short(x, out):
    """The most common call, with few arguments: on a small array each of them costs time."""
    softmax_over_short(x, None, out, (), None, 0, len(x))


@kernel
def softmax_small_long(x, out):
    """As `softmax_small_short`, for long rows of one block."""
    softmax_over_long(x, None, out, (), (near_group(x), None), 0, len(x))


@kernel
def softmax_short(x, scale, out, start, stop):
    """Write softmax(x · scale) of short rows."""
    softmax_over_short(x, scale, out, (), None, start, stop)


@kernel
def softmax_long(x, scale, out, group_size, several, start, stop):
    """Write softmax(x · scale) of long rows."""
    softmax_over_long(x, scale, out, (), (group_size, several), start, stop)


@kernel
def softmax_blocks(x, scale, out, nontemporal, maxima, start, stop):
    """Write softmax(x · scale) of rows of several blocks."""
    softmax_over_blocks(x, scale, out, (), (nontemporal, maxima), start, stop)


# --- Log-softmax ------------------------------------------------------------------------


@inlined
def log_of_sum(row, rows, group_size, m, total, below, picked, numbers, operands):
    """Keep the logarithm that makes log-probabilities of shifted logits."""
    store_lanes(numbers, 0, rows, group_size, log_sum(total, below))


log_softmax_over_short = over_short_rows(
    keep_shifted, True, pick_nothing, log_of_sum, finish_columns(subtract_lse)
)
log_softmax_over_long = over_long_rows(
    keep_shifted, True, pick_nothing, log_of_sum, subtract_lse, None
)


@kernel
def log_softmax_small_short(x, out):
    """As `softmax_small_short`."""
    log_softmax_over_short(x, None, out, (), None, 0, len(x))


@kernel
def log_softmax_small_long(x, out):
    """As `softmax_small_long`."""
    log_softmax_over_long(x, None, out, (), (near_group(x), None), 0, len(x))


@kernel
def log_softmax_short(x, scale, out, start, stop):
    """Write log softmax(x · scale) of short rows."""
    log_softmax_over_short(x, scale, out, (), None, start, stop)


@kernel
def log_softmax_long(x, scale, out, group_size, several, start, stop):
    """Write log softmax(x · scale) of long rows."""
    log_softmax_over_long(x, scale, out, (), (group_size, several), start, stop)


@kernel
def log_softmax_blocks(x, scale, out, nontemporal, maxima, start, stop):
    """Write log softmax(x · scale) of rows of several blocks.

    The previous row is written while the sums of the current one are found, unless it is
    written past the caches.
    """
    classes = x.shape[1]
    x, out, blocks, maxima = pointer(x), pointer(out), maxima.shape[1], pointer(maxima)
    m, log = lowest_of(x), 0.0
    for row in range(start, stop):
        base, block_max = row * classes, pointer_to(maxima, row * blocks)
        if (row > start) if nontemporal is None else False:
            m, total, below = block_exponentials(
                x, base, classes, scale, True, None, block_max, out, (m, log)
            )
        else:
            m, total, below = block_exponentials(
                x, base, classes, scale, True, None, block_max, None, None
            )
        log = log_sum(total, below)
        if nontemporal is not None or row == stop - 1:
            write_log_softmax(x, base, classes, m, scale, log, out, nontemporal)
    if nontemporal is not None:
        store_fence()


# --- Logsumexp --------------------------------------------------------------------------


@inlined
def amend_infinite(x, out, row, rows, classes):
    """Give a row with +inf and no nan its sum, +inf, which inf − inf has made nan."""
    for k in range(row, row + rows):
        if out[k] != out[k]:
            total = 0.0
            for i in range(k * classes, (k + 1) * classes):
                if x[i] == np.inf or x[i] != x[i]:
                    total += x[i]
            out[k] = total


@inlined
def write_logs(row, rows, group_size, m, total, below, picked, numbers, operands):
    """Write logsumexp of a group."""
    x, out, classes = operands
    store_part(out, row, rows, m + log_sum(total, below))
    amend_infinite(x, out, row, rows, classes)


@inlined
def write_log(row, m, total, below, picked, numbers, operands):
    """Write logsumexp of a row."""
    x, out, classes = operands
    out[row] = m + log_sum(total, below)
    amend_infinite(x, out, row, 1, classes)
    return 0.0


logsumexp_over_short = over_short_rows(None, True, pick_nothing, write_logs, None)
logsumexp_over_long = over_long_rows(None, True, pick_nothing, write_logs, None, None)
logsumexp_over_blocks = over_blocks(True, pick_nothing_of_row, write_log, None)


@kernel
def logsumexp_short(x, out, start, stop):
    """Write logsumexp of short rows."""
    operands = pointer(x), pointer(out), x.shape[1]
    logsumexp_over_short(x, None, None, operands, None, start, stop)


@kernel
def logsumexp_long(x, out, group_size, several, start, stop):
    """Write logsumexp of long rows."""
    operands = pointer(x), pointer(out), x.shape[1]
    logsumexp_over_long(x, None, None, operands, (group_size, several), start, stop)


@kernel
def logsumexp_blocks(x, out, nontemporal, maxima, start, stop):
    """Write logsumexp of rows of several blocks."""
    operands = pointer(x), pointer(out), x.shape[1]
    logsumexp_over_blocks(x, None, None, operands, (None, maxima), start, stop)


# --- Weighted logsumexp -----------------------------------------------------------------


@inlined
def weighted_vector(x, b, i, count):
    """Return weights, and the numbers that they weigh; −inf where the weight is 0."""
    weights = load_some(b, i, count, 0.0)
    return weights, select_equal(weights, 0.0, -np.inf, load_some(x, i, count, -np.inf))


@inlined
def weighted_sums(x, b, base, classes):
    """Return the maximum of a row, the sum of b · exp(x − m) where x is m, and elsewhere."""
    lanes, vector_max, at_max, below = lanes_of(x), broadcast(x, lowest_of(x)), 0.0, 0.0
    for j in range(0, classes, lanes):
        _, v = weighted_vector(x, b, base + j, min(lanes, classes - j))
        vector_max = maximum(v, vector_max)
    m = max_across(vector_max)
    for start in range(0, classes, BLOCK):
        lanes_at_max = lanes_below = broadcast(x, 0.0)
        for j in range(start, min(start + BLOCK, classes), lanes):
            weights, v = weighted_vector(x, b, base + j, min(lanes, classes - j))
            term = weights * (exp(v - m) * (1.0 / SCALE))
            lanes_at_max = lanes_at_max + select(v, m, 0.0, term)
            lanes_below = lanes_below + select(v, m, term, 0.0)
        at_max += np.float64(sum_across(lanes_at_max))
        below += np.float64(sum_across(lanes_below))
    return m, at_max, below


@kernel
def logsumexp_of_weighted(x, b, out, sign, start, stop):
    """See ``reference.logsumexp_weighted``."""
    classes = x.shape[1]
    x, b, out, sign = pointer(x), pointer(b), pointer(out), pointer(sign)
    for row in range(start, stop):
        m, at_max, below = weighted_sums(x, b, row * classes, classes)
        total = at_max + below
        log = np.log(abs(total))
        if abs(below) < abs(at_max):
            log = np.log(abs(at_max)) + np.log1p(below / at_max)
        if total != total:  # of inf − inf, perhaps: what is infinite decides
            total = 0.0
            for i in range(row * classes, (row + 1) * classes):
                if b[i] != 0.0 and (x[i] == np.inf or x[i] != x[i] or b[i] != b[i]):
                    total += b[i] * x[i]
            log = abs(total)
        out[row], sign[row] = m + log, np.sign(total)


# --- Vector-Jacobian products -----------------------------------------------------------


@inlined
def product(a, b, i, count):
    """A vector of a · b, or of a where b is None."""
    if b is None:
        return load_some(a, i, count, 0.0)
    return load_some(a, i, count, 0.0) * load_some(b, i, count, 0.0)


@inlined
def row_dot(a, b, base, classes):
    """Σ a · b along a row, or Σ a where b is None; in float64 from block to block."""
    lanes = lanes_of(a)
    part = classes % lanes
    total = 0.0
    for start in range(base, base + classes, BLOCK):
        products = broadcast(a, 0.0)
        for i in range(start, min(start + BLOCK, base + classes - part), lanes):
            products = products + product(a, b, i, None)
        total += np.float64(sum_across(products))
    if part:
        total += np.float64(sum_across(product(a, b, base + classes - part, part)))
    return total


@inlined
def write_row_of(gradient, a, b, number, out, base, classes):
    """Write a row of ``gradient(a, b, i, count, number)``, vector by vector."""
    lanes = lanes_of(out)
    part = classes % lanes
    end = base + classes - part
    for i in range(base, end, lanes):
        store(out, i, gradient(a, b, i, None, number))
    if part:
        store_part(out, end, part, gradient(a, b, end, part, number))


@inlined
def softmax_gradient(dy, y, i, count, dot):
    """Return y · (dy − ⟨dy, y⟩)."""
    return load_some(y, i, count, 0.0) * (load_some(dy, i, count, 0.0) - dot)


@kernel
def softmax_pullback(dy, y, out, start, stop):
    """See ``reference.softmax_vjp``."""
    classes = y.shape[1]
    dy, y, out = pointer(dy), pointer(y), pointer(out)
    for row in range(start, stop):
        base = row * classes
        dot = row_dot(dy, y, base, classes)
        write_row_of(softmax_gradient, dy, y, dot, out, base, classes)


@inlined
def log_softmax_gradient(dy, y, i, count, total):
    """Return dy − exp(y) · Σ dy."""
    probs = exp(load_some(y, i, count, 0.0)) * (1.0 / SCALE)
    return load_some(dy, i, count, 0.0) - probs * total


@kernel
def log_softmax_pullback(dy, y, out, start, stop):
    """See ``reference.log_softmax_vjp``."""
    classes = y.shape[1]
    dy, y, out = pointer(dy), pointer(y), pointer(out)
    for row in range(start, stop):
        base = row * classes
        total = row_dot(dy, None, base, classes)
        write_row_of(log_softmax_gradient, dy, y, total, out, base, classes)


@inlined
def logsumexp_gradient(x, _, i, count, numbers):
    """Return dy · exp(x − y)."""
    dy, y = numbers
    return exp(load_some(x, i, count, 0.0) - y) * (1.0 / SCALE) * dy


@kernel
def logsumexp_pullback(dy, y, x, out, start, stop):
    """See ``reference.logsumexp_vjp``."""
    classes = x.shape[1]
    dy, y, x, out = pointer(dy), pointer(y), pointer(x), pointer(out)
    for row in range(start, stop):
        write_row_of(logsumexp_gradient, x, None, (dy[row], y[row]), out, row * classes, classes)
