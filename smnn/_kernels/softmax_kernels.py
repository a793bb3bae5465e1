"""Kernels for softmax, log-softmax and logsumexp, and for pulling gradients back.

Each works on the rows from start to stop.  The name says whether rows stand side by side
(short) or one behind the other (long), or are worked on block by block (blocks), with results
that are kept in the caches or written past them (streamed).
"""

import numpy as np

from .compile import helper, kernel
from .exponential import SCALE, exp, log_sum
from .memory import (
    end_streams,
    lanes_of,
    load,
    load_some,
    pointer,
    room_for,
    spread,
    store,
    store_part,
)
from .rows import (
    BLOCK,
    block_exponentials,
    exponentials,
    finish_row,
    gather_next,
    gather_rows,
    largest_of_columns,
    minus,
    multiply_blocks,
    multiply_columns,
    pass_exponentials,
    pass_shifted,
    pass_sums,
    scatter_rows,
    shifted,
    store_lanes,
    times,
    vectors_for_columns,
    vectors_for_group,
    write_log_softmax,
    write_softmax,
)
from .vectors import sum_across


@kernel
def softmax_short(x, scale, out, start, stop):
    classes = x.shape[1]
    x, out = pointer(x), pointer(out)
    lanes, vectors = lanes_of(x), vectors_for_columns(x, classes)
    columns, ahead = room_for(x, vectors), room_for(x, vectors)
    room = room_for(x, vectors)
    gather_next(x, start, stop, classes, columns, room)
    for row in range(start, stop, lanes):
        m = largest_of_columns(columns, classes)
        total, _ = exponentials(columns, 0, classes * lanes, m, scale, None, columns)
        gather_next(x, row + lanes, stop, classes, ahead, room)
        multiply_columns(columns, classes, 1.0 / total)
        scatter_rows(out, row, min(lanes, stop - row), classes, columns, room)
        columns, ahead = ahead, columns


@kernel
def softmax_long(x, scale, out, many, blocks, start, stop):
    classes = x.shape[1]
    x, out = pointer(x), pointer(out)
    room, factors = room_for(x, vectors_for_group(x, classes, many)), room_for(x, 1)
    for first in range(start, stop, many):
        _, totals, _ = pass_exponentials(
            x, first, start, stop, classes, many, blocks, scale, None, factors, out, room
        )
        store_lanes(factors, 0, min(many, stop - first), many, 1.0 / totals)
    for row in range(max(start, stop - many), stop):
        finish_row(x, row, start, classes, many, times, factors, out, room)


@kernel
def softmax_blocks(x, scale, out, peaks, start, stop):
    classes, blocks = x.shape[1], peaks.shape[1]
    x, out, peaks = pointer(x), pointer(out), pointer(peaks)
    for row in range(start, stop):
        base, slot = row * classes, row * blocks
        m, total, _ = block_exponentials(
            x, base, classes, scale, None, out, peaks, slot, None, None
        )
        multiply_blocks(out, base, classes, scale, peaks, slot, m, SCALE / total)


@kernel
def softmax_streamed(x, scale, out, peaks, start, stop):
    classes, blocks = x.shape[1], peaks.shape[1]
    x, out, peaks = pointer(x), pointer(out), pointer(peaks)
    for row in range(start, stop):
        base = row * classes
        m, total, _ = block_exponentials(
            x, base, classes, scale, None, None, peaks, row * blocks, None, None
        )
        write_softmax(x, base, classes, m, scale, 1.0 / total, out, True)
    end_streams()


@kernel
def log_softmax_short(x, scale, out, start, stop):
    classes = x.shape[1]
    x, out = pointer(x), pointer(out)
    lanes, vectors = lanes_of(x), vectors_for_columns(x, classes)
    columns, ahead, behind = room_for(x, vectors), room_for(x, vectors), room_for(x, vectors)
    room, zero = room_for(x, vectors), spread(x, 0.0)
    m, total, rest, m_behind, log_behind = zero, zero, zero, zero, zero
    gather_next(x, start, stop, classes, columns, room)
    for row in range(start, stop + lanes, lanes):  # a round more, for the last rows
        if row < stop:
            m = largest_of_columns(columns, classes)
            total, rest = exponentials(columns, 0, classes * lanes, m, scale, True, None)
            gather_next(x, row + lanes, stop, classes, ahead, room)
        if row > start:
            for j in range(0, classes * lanes, lanes):
                store(behind, j, shifted(load(behind, j), m_behind, scale) - log_behind)
            scatter_rows(out, row - lanes, min(lanes, stop - row + lanes), classes, behind, room)
        m_behind, log_behind = m, log_sum(total, rest)
        columns, ahead, behind = ahead, behind, columns


@kernel
def log_softmax_long(x, scale, out, many, blocks, start, stop):
    classes = x.shape[1]
    x, out = pointer(x), pointer(out)
    room, logs = room_for(x, vectors_for_group(x, classes, many)), room_for(x, 1)
    for first in range(start, stop, many):
        _, totals, rests = pass_shifted(
            x, first, start, stop, classes, many, blocks, scale, True, logs, out, room
        )
        store_lanes(logs, 0, min(many, stop - first), many, log_sum(totals, rests))
    for row in range(max(start, stop - many), stop):
        finish_row(x, row, start, classes, many, minus, logs, out, room)


@kernel
def log_softmax_blocks(x, scale, out, peaks, start, stop):
    classes, blocks = x.shape[1], peaks.shape[1]
    x, out, peaks = pointer(x), pointer(out), pointer(peaks)
    m, total, rest = block_exponentials(
        x, start * classes, classes, scale, True, None, peaks, start * blocks, None, None
    )
    log = log_sum(total, rest)
    for row in range(start + 1, stop):
        m, total, rest = block_exponentials(
            x, row * classes, classes, scale, True, None, peaks, row * blocks, out, (m, log)
        )
        log = log_sum(total, rest)
    write_log_softmax(x, (stop - 1) * classes, classes, m, scale, log, out, None)


@kernel
def log_softmax_streamed(x, scale, out, peaks, start, stop):
    classes, blocks = x.shape[1], peaks.shape[1]
    x, out, peaks = pointer(x), pointer(out), pointer(peaks)
    for row in range(start, stop):
        base = row * classes
        m, total, rest = block_exponentials(
            x, base, classes, scale, True, None, peaks, row * blocks, None, None
        )
        write_log_softmax(x, base, classes, m, scale, log_sum(total, rest), out, True)
    end_streams()


@helper
def mend_infinite(x, out, row, rows, classes):
    """Give a row with +inf and no nan its sum, +inf, which inf − inf has made nan."""
    for k in range(row, row + rows):
        if out[k] != out[k]:
            total = 0.0
            for i in range(k * classes, (k + 1) * classes):
                if x[i] == np.inf or x[i] != x[i]:
                    total += x[i]
            out[k] = total


@kernel
def logsumexp_short(x, out, start, stop):
    classes = x.shape[1]
    x, out = pointer(x), pointer(out)
    lanes = lanes_of(x)
    columns = room_for(x, vectors_for_columns(x, classes))
    room = room_for(x, vectors_for_columns(x, classes))
    for row in range(start, stop, lanes):
        rows = min(lanes, stop - row)
        gather_rows(x, row, rows, classes, columns, room)
        m = largest_of_columns(columns, classes)
        total, rest = exponentials(columns, 0, classes * lanes, m, None, True, None)
        store_part(out, row, rows, m + log_sum(total, rest))
        mend_infinite(x, out, row, rows, classes)


@kernel
def logsumexp_long(x, out, many, blocks, start, stop):
    classes = x.shape[1]
    x, out = pointer(x), pointer(out)
    room = room_for(x, vectors_for_group(x, 0, many))
    for first in range(start, stop, many):
        peaks, totals, rests = pass_sums(
            x, first, start, stop, classes, many, blocks, None, True, None, None, room
        )
        rows = min(many, stop - first)
        store_part(out, first, rows, peaks + log_sum(totals, rests))
        mend_infinite(x, out, first, rows, classes)


@kernel
def logsumexp_blocks(x, out, peaks, start, stop):
    classes, blocks = x.shape[1], peaks.shape[1]
    x, out, peaks = pointer(x), pointer(out), pointer(peaks)
    for row in range(start, stop):
        m, total, rest = block_exponentials(
            x, row * classes, classes, None, True, None, peaks, row * blocks, None, None
        )
        out[row] = m + log_sum(total, rest)
        mend_infinite(x, out, row, 1, classes)


# --- Gradients --------------------------------------------------------------------------


@helper
def product(a, b, i, count):
    """A vector of a · b, or of a where b is None."""
    if b is None:
        return load_some(a, i, count, 0.0)
    return load_some(a, i, count, 0.0) * load_some(b, i, count, 0.0)


@helper
def row_dot(a, b, base, classes):
    """Σ a · b along a row, or Σ a where b is None; in float64 from block to block."""
    lanes = lanes_of(a)
    part = classes % lanes
    total = 0.0
    for start in range(base, base + classes, BLOCK):
        products = spread(a, 0.0)
        for i in range(start, min(start + BLOCK, base + classes - part), lanes):
            products = products + product(a, b, i, None)
        total += np.float64(sum_across(products))
    if part:
        total += np.float64(sum_across(product(a, b, base + classes - part, part)))
    return total


@helper
def write_pulled(pulled, a, b, number, out, base, classes):
    """Write a row of a gradient, vector by vector."""
    lanes = lanes_of(out)
    part = classes % lanes
    end = base + classes - part
    for i in range(base, end, lanes):
        store(out, i, pulled(a, b, i, None, number))
    if part:
        store_part(out, end, part, pulled(a, b, end, part, number))


@helper
def softmax_pulled(dy, y, i, count, dot):
    return load_some(y, i, count, 0.0) * (load_some(dy, i, count, 0.0) - dot)


@kernel
def softmax_pullback(dy, y, out, start, stop):
    classes = y.shape[1]
    dy, y, out = pointer(dy), pointer(y), pointer(out)
    for row in range(start, stop):
        base = row * classes
        dot = row_dot(dy, y, base, classes)
        write_pulled(softmax_pulled, dy, y, dot, out, base, classes)


@helper
def log_softmax_pulled(dy, y, i, count, total):
    probs = exp(load_some(y, i, count, 0.0)) * (1.0 / SCALE)
    return load_some(dy, i, count, 0.0) - probs * total


@kernel
def log_softmax_pullback(dy, y, out, start, stop):
    classes = y.shape[1]
    dy, y, out = pointer(dy), pointer(y), pointer(out)
    for row in range(start, stop):
        base = row * classes
        total = row_dot(dy, None, base, classes)
        write_pulled(log_softmax_pulled, dy, y, total, out, base, classes)


@helper
def logsumexp_pulled(x, _, i, count, numbers):
    dy, y = numbers
    return exp(load_some(x, i, count, 0.0) - y) * (1.0 / SCALE) * dy


@kernel
def logsumexp_pullback(dy, y, x, out, start, stop):
    classes = x.shape[1]
    dy, y, x, out = pointer(dy), pointer(y), pointer(x), pointer(out)
    for row in range(start, stop):
        write_pulled(logsumexp_pulled, x, None, (dy[row], y[row]), out, row * classes, classes)
