"""Kernels for softmax, log-softmax and logsumexp, and for pulling gradients back.

Each works on the rows from start to stop.  The name says whether rows stand side by side
(short) or one behind the other (long).
"""

import numpy as np

from .compile import helper, kernel
from .exponential import SCALE, exp, log_sum
from .memory import (
    before_aligned,
    end_stream,
    lanes_of,
    load,
    load_part,
    load_some,
    pointer,
    room_for,
    spread,
    store,
    store_part,
    stream,
)
from .rows import (
    BLOCK,
    exponentials,
    gather_rows,
    group_exponentials,
    group_size,
    largest_of_columns,
    multiply_columns,
    multiply_rows,
    rooms_for_long_rows,
    rooms_for_short_rows,
    scatter_rows,
    shifted,
)
from .vectors import sum_across


@kernel
def softmax_short(x, scale, out, start, stop):
    classes = x.shape[1]
    x, out = pointer(x), pointer(out)
    lanes = lanes_of(x)
    columns, room = rooms_for_short_rows(x, classes)
    for row in range(start, stop, lanes):
        rows = min(lanes, stop - row)
        gather_rows(x, row, rows, classes, columns, room)
        m = largest_of_columns(columns, classes)
        total, _ = exponentials(columns, 0, classes * lanes, m, scale, columns)
        multiply_columns(columns, classes, 1.0 / total)
        scatter_rows(out, row, rows, classes, columns, room)


@kernel
def softmax_long(x, scale, out, peaks, start, stop):
    classes, blocks = x.shape[1], peaks.shape[1]
    x, out, peaks = pointer(x), pointer(out), pointer(peaks)
    many, rooms, factors = group_size(x, classes), rooms_for_long_rows(x), room_for(x, 1)
    for row in range(start, stop, many):
        rows = min(many, stop - row)
        total, _ = group_exponentials(x, row, rows, classes, scale, out, peaks, blocks, rooms)
        store(factors, 0, SCALE / total)
        multiply_rows(out, row, rows, classes, scale, peaks, blocks, rooms, factors)


@kernel
def log_softmax_short(x, scale, out, start, stop):
    classes = x.shape[1]
    x, out = pointer(x), pointer(out)
    lanes = lanes_of(x)
    columns, room = rooms_for_short_rows(x, classes)
    for row in range(start, stop, lanes):
        rows = min(lanes, stop - row)
        gather_rows(x, row, rows, classes, columns, room)
        m = largest_of_columns(columns, classes)
        total, rest = exponentials(columns, 0, classes * lanes, m, scale, None)
        log = log_sum(total, rest)
        for j in range(0, classes * lanes, lanes):
            store(columns, j, shifted(load(columns, j), m, scale) - log)
        scatter_rows(out, row, rows, classes, columns, room)


@kernel
def log_softmax_long(x, scale, out, peaks, past_caches, start, stop):
    classes, blocks = x.shape[1], peaks.shape[1]
    x, out, peaks = pointer(x), pointer(out), pointer(peaks)
    many, rooms, logs = group_size(x, classes), rooms_for_long_rows(x), room_for(x, 1)
    for row in range(start, stop, many):
        rows = min(many, stop - row)
        total, rest = group_exponentials(x, row, rows, classes, scale, None, peaks, blocks, rooms)
        store(logs, 0, log_sum(total, rest))
        for k in range(rows):
            base, m, log = (row + k) * classes, rooms[0][k], logs[k]
            write_log_softmax(x, out, base, classes, m, scale, log, past_caches)
    if past_caches:
        end_stream()


@helper
def write_log_softmax(x, out, i, count, m, scale, log, past_caches):
    """(x − m) · scale − log along a row."""
    if past_caches:
        stream_log_softmax(x, out, i, count, m, scale, log)
        return
    part = count % lanes_of(x)
    stop = i + count - part
    for j in range(i, stop, lanes_of(x)):
        store(out, j, shifted(load(x, j), m, scale) - log)
    if part:
        d = shifted(load_part(x, stop, part, 0.0), m, scale)
        store_part(out, stop, part, d - log)


@helper
def stream_log_softmax(x, out, i, count, m, scale, log):
    """The same past the caches: first the numbers before the first aligned one."""
    lanes, stop = lanes_of(x), i + count
    part = min(before_aligned(out, i), count)
    if part:
        store_part(out, i, part, shifted(load_part(x, i, part, 0.0), m, scale) - log)
        i += part
    part = (stop - i) % lanes
    for j in range(i, stop - part, lanes):
        stream(out, j, shifted(load(x, j), m, scale) - log)
    if part:
        d = shifted(load_part(x, stop - part, part, 0.0), m, scale)
        store_part(out, stop - part, part, d - log)


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
    columns, room = rooms_for_short_rows(x, classes)
    for row in range(start, stop, lanes):
        rows = min(lanes, stop - row)
        gather_rows(x, row, rows, classes, columns, room)
        m = largest_of_columns(columns, classes)
        total, rest = exponentials(columns, 0, classes * lanes, m, None, None)
        store_part(out, row, rows, m + log_sum(total, rest))
        mend_infinite(x, out, row, rows, classes)


@kernel
def logsumexp_long(x, out, peaks, start, stop):
    classes, blocks = x.shape[1], peaks.shape[1]
    x, out, peaks = pointer(x), pointer(out), pointer(peaks)
    many, rooms = group_size(x, classes), rooms_for_long_rows(x)
    for row in range(start, stop, many):
        rows = min(many, stop - row)
        total, rest = group_exponentials(x, row, rows, classes, None, None, peaks, blocks, rooms)
        store_part(out, row, rows, load(rooms[0], 0) + log_sum(total, rest))
        mend_infinite(x, out, row, rows, classes)


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
def softmax_pulled(dy, y, i, count, dot):
    return load_some(y, i, count, 0.0) * (load_some(dy, i, count, 0.0) - dot)


@kernel
def softmax_pullback(dy, y, out, start, stop):
    classes = y.shape[1]
    dy, y, out = pointer(dy), pointer(y), pointer(out)
    lanes = lanes_of(y)
    part = classes % lanes
    for row in range(start, stop):
        base, end = row * classes, (row + 1) * classes - part
        dot = row_dot(dy, y, base, classes)
        for i in range(base, end, lanes):
            store(out, i, softmax_pulled(dy, y, i, None, dot))
        if part:
            store_part(out, end, part, softmax_pulled(dy, y, end, part, dot))


@helper
def log_softmax_pulled(dy, y, i, count, total):
    probs = exp(load_some(y, i, count, 0.0)) * (1.0 / SCALE)
    return load_some(dy, i, count, 0.0) - probs * total


@kernel
def log_softmax_pullback(dy, y, out, start, stop):
    classes = y.shape[1]
    dy, y, out = pointer(dy), pointer(y), pointer(out)
    lanes = lanes_of(y)
    part = classes % lanes
    for row in range(start, stop):
        base, end = row * classes, (row + 1) * classes - part
        total = row_dot(dy, None, base, classes)
        for i in range(base, end, lanes):
            store(out, i, log_softmax_pulled(dy, y, i, None, total))
        if part:
            store_part(out, end, part, log_softmax_pulled(dy, y, end, part, total))


@helper
def logsumexp_pulled(dy, y, x, i, count):
    return exp(load_some(x, i, count, 0.0) - y) * (1.0 / SCALE) * dy


@kernel
def logsumexp_pullback(dy, y, x, out, start, stop):
    classes = x.shape[1]
    dy, y, x, out = pointer(dy), pointer(y), pointer(x), pointer(out)
    lanes = lanes_of(x)
    part = classes % lanes
    for row in range(start, stop):
        base, end = row * classes, (row + 1) * classes - part
        for i in range(base, end, lanes):
            store(out, i, logsumexp_pulled(dy[row], y[row], x, i, None))
        if part:
            store_part(out, end, part, logsumexp_pulled(dy[row], y[row], x, end, part))
