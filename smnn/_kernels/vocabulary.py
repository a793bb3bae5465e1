"""Kernels for large vocabularies: draws, and the few rows of a matrix that a batch touches.

A batch scores some classes for each example: its own and a few drawn ones, or the nodes on the
way to a leaf.  Of the weights it touches few rows.  `distinct_rows` finds them, and the other
kernels work on these rows alone.  Example n has the entries from ``starts[n]`` to
``starts[n + 1]``, and ``places`` says which of the rows each entry means.

These rows, and the sums that become their gradients, lie in a **table**.  A row of it is whole
vectors and begins with a cache line: a vector that lies in two lines takes longer, and one that
overlaps what has just been stored waits for it.  The last vector holds the last numbers of the
row.  Where some of them are in the vector before it too, one factor of every product is 0.

They run on one thread: many entries add to the same row, in an order that must not change.
"""

import numpy as np

from .._core.rows import contiguous, lies_in_rows
from .exponential import SCALE, exp
from .simd.compile import inlined, kernel
from .simd.emulation import VECTOR_BYTES
from .simd.memory import (
    broadcast,
    elements_to_alignment,
    fill,
    first_lanes,
    lanes_of,
    load,
    load_part,
    load_some,
    pointer,
    store,
    store_part,
    store_some,
)
from .simd.vectors import fma, maximum, select, select_equal, sum_across


@kernel
def draw_alias(u, threshold, choices, out):
    """See ``reference.draw_alias``."""
    classes = threshold.size
    for i in range(u.size):
        scaled = u[i] * classes
        # Unsigned: a signed index might be negative, and so count from the end.
        column = np.uint64(min(np.int64(scaled), classes - 1))
        # A comparison used as an index is no branch, of which half would be guessed wrong.
        below = np.uint64(scaled - np.int64(column) < threshold[column])
        out[i] = choices[column, below]


@kernel
def mark_rows(index, marks):
    """Mark the rows that occur; return the place of the first out of range, or −1."""
    for i in range(index.size):
        if index[i] < 0 or index[i] >= marks.size:
            return i
        marks[index[i]] = 1
    return -1


@kernel
def number_rows(marks, rows):
    """List the marked rows, and replace each mark by its place in the list; return how many."""
    found = 0
    for row in range(marks.size):
        if marks[row]:
            marks[row] = found
            rows[found] = row
            found += 1
    return found


@kernel
def look_up(index, marks, column, places):
    """Write the marks of an index from a column of ``places`` on."""
    (rows, width), stride = index.shape, places.shape[1]
    index, marks, places = pointer(index), pointer(marks), pointer(places)
    for n in range(rows):
        for j in range(width):
            places[n * stride + column + j] = marks[index[n * width + j]]


def distinct_rows(parts, num_rows, places):
    """See ``reference.distinct_rows``."""
    marks = np.zeros(num_rows, np.int64)
    for part in parts:
        bad = mark_rows(part.reshape(-1), marks)
        if bad >= 0:
            return bad, np.empty(0, np.int64)
    rows = np.empty(min(num_rows, places.size), np.int64)
    rows = rows[: number_rows(marks, rows)]
    column = 0
    for part in parts:
        look_up(part, marks, column, places)
        column += part.shape[1]
    return -1, rows


@inlined
def load_vector(x, i, size, l):
    """Load the vector of a table from l on, from the row of ``size`` numbers at x[i]."""
    if size < lanes_of(x):
        return load_part(x, i, size, 0.0)
    return load(x, i + min(l, size - lanes_of(x)))


@inlined
def store_vector(x, i, size, l, vector):
    """Store what `load_vector` loads."""
    if size < lanes_of(x):
        store_part(x, i, size, vector)
    else:
        store(x, i + min(l, size - lanes_of(x)), vector)


@inlined
def load_new(x, i, size, l):
    """As `load_vector`, with 0 for what is in the vector before it."""
    begin = max(min(l, size - lanes_of(x)), 0)
    before = first_lanes(broadcast(x, 1.0), l - begin)
    return select_equal(before, 1.0, 0.0, load_vector(x, i, size, l))


@inlined
def new_table(like, rows, size):
    """Return a table with no particular content for rows of ``size`` numbers."""
    lanes = VECTOR_BYTES // like.itemsize
    stride = (size + lanes - 1) // lanes * lanes
    memory = np.empty(rows * stride + lanes, like.dtype)
    first = elements_to_alignment(pointer(memory), 0)
    return memory[first : first + rows * stride].reshape(rows, stride)


@inlined
def copy_back(table, out):
    """Copy the rows of a table of sums, each from its end: a last vector has 0 before its own."""
    (rows, size), stride = out.shape, table.shape[1]
    table, out = pointer(table), pointer(out)
    for r in range(rows):
        for l in range(stride - lanes_of(out), -1, -lanes_of(out)):
            store_vector(out, r * size, size, l, load(table, r * stride + l))


@kernel
def table_of_rows(W, rows):
    """Do `take_rows`."""
    table = new_table(W, rows.size, W.shape[1])
    size, stride = W.shape[1], table.shape[1]
    W, target = pointer(W), pointer(table)
    for r in range(rows.size):
        for l in range(0, stride, lanes_of(W)):
            store(target, r * stride + l, load_vector(W, rows[r] * size, size, l))
    return table


def take_rows(W, rows, dtype):
    """See ``reference.take_rows``."""
    if not lies_in_rows(W) or not W.flags.writeable or W.dtype != dtype:
        W, rows = contiguous(W[rows], dtype), np.arange(len(rows))
    return table_of_rows(W, rows)


@inlined
def two_dots(h, i, table, j, k, size):
    """Σ h · w over ``size`` numbers from h[i] on, for the rows of a table at table[j], table[k]."""
    part = size % lanes_of(h)
    a = b = broadcast(h, 0.0)
    for l in range(0, size - part, lanes_of(h)):
        of_h = load(h, i + l)
        a, b = fma(of_h, load(table, j + l), a), fma(of_h, load(table, k + l), b)
    if part:
        l = size - part
        of_h = load_new(h, i, size, l)
        a, b = fma(of_h, load(table, j + l), a), fma(of_h, load(table, k + l), b)
    return sum_across(a), sum_across(b)


@kernel
def row_scores(h, W, starts, places, offset, out):
    """See ``reference.row_scores``."""
    (rows, size), stride = h.shape, W.shape[1]
    h, W, places_of = pointer(h), pointer(W), pointer(places)
    for n in range(rows):
        for entry in range(starts[n], starts[n + 1], 2):
            other = min(entry + 1, starts[n + 1] - 1)
            i, j = places_of[entry] * stride, places_of[other] * stride
            out[entry], out[other] = two_dots(h, n * size, W, i, j, size)
    if offset is not None:
        for entry in range(out.size):
            out[entry] += offset[places[entry]]


@inlined
def log1p_of_share(s):
    """log(1 + s) for s from 0 to 1: 2 artanh z with z = s / (2 + s), at most a third.

    Unlike `log1p` it multiplies no small numbers with one another: denormal products would make
    it five times as slow where scores are near 0, and that is where training begins.
    """
    z = s / (s + 2.0)
    w = z * z
    p = fma(w, 1 / 33, 1 / 31)
    p = fma(w, p, 1 / 29)
    p = fma(w, p, 1 / 27)
    p = fma(w, p, 1 / 25)
    p = fma(w, p, 1 / 23)
    p = fma(w, p, 1 / 21)
    p = fma(w, p, 1 / 19)
    p = fma(w, p, 1 / 17)
    p = fma(w, p, 1 / 15)
    p = fma(w, p, 1 / 13)
    p = fma(w, p, 1 / 11)
    p = fma(w, p, 1 / 9)
    p = fma(w, p, 1 / 7)
    p = fma(w, p, 1 / 5)
    p = fma(w, p, 1 / 3)
    z = z + z
    return fma(z * w, p, z)


@inlined
def logistic_some(scores, signs, i, count, scale):
    """Do `logistic_loss` on one vector or a part of it; return the losses."""
    sign = load_some(signs, i, count, 0.0)
    y = sign * load_some(scores, i, count, 0.0)
    small = exp(select(y, 0.0, y, 0.0 - y)) * (1.0 / SCALE)  # exp(−|y|)
    share = select(y, 0.0, small, 1.0) / (small + 1.0)
    store_some(scores, i, count, sign * share * scale)
    return log1p_of_share(small) + maximum(y, 0.0)


@kernel
def logistic_loss(scores, signs, scale):
    """See ``reference.logistic_loss``."""
    total, size = 0.0, scores.size
    scores, signs = pointer(scores), pointer(signs)
    lanes = lanes_of(scores)
    part = size % lanes
    for i in range(0, size - part, lanes):
        total += np.float64(sum_across(logistic_some(scores, signs, i, None, scale)))
    if part:
        losses = logistic_some(scores, signs, size - part, part, scale)
        total += np.float64(sum_across(first_lanes(losses, part)))
    return total


@inlined
def gradients_of_vector(of_h, W, dW, l, stride, entries, places, dscores):
    """Do `row_gradients` for one example on the vectors from l on; return that of dh."""
    of_dh = broadcast(W, 0.0)
    for entry in range(*entries):
        i, dscore = places[entry] * stride + l, dscores[entry]
        of_dh = fma(load(W, i), dscore, of_dh)
        store(dW, i, fma(of_h, dscore, load(dW, i)))
    return of_dh


@kernel
def row_gradients(h, W, starts, places, dscores, dh, dW, doffset):
    """See ``reference.row_gradients``."""
    if doffset is not None:
        doffset[:] = 0
        for entry in range(places.size):
            doffset[places[entry]] += dscores[entry]
    (examples, size), stride = h.shape, W.shape[1]
    table = new_table(dW, *dW.shape)
    sums = pointer(table)
    fill(sums, 0, table.size, 0.0)
    h, W, dh = pointer(h), pointer(W), pointer(dh)
    places, dscores = pointer(places), pointer(dscores)
    part = size % lanes_of(h)
    for n in range(examples):
        i, entries = n * size, (starts[n], starts[n + 1])
        for l in range(0, size - part, lanes_of(h)):
            of_h = load(h, i + l)
            of_dh = gradients_of_vector(of_h, W, sums, l, stride, entries, places, dscores)
            store(dh, i + l, of_dh)
        if part:
            l = size - part
            of_h = load_new(h, i, size, l)
            of_dh = gradients_of_vector(of_h, W, sums, l, stride, entries, places, dscores)
            store_vector(dh, i, size, l, of_dh)
    copy_back(table, dW)


@kernel
def add_rows(places, values, out):
    """See ``reference.add_rows``."""
    table = new_table(out, *out.shape)
    size, stride = out.shape[1], table.shape[1]
    values, sums = pointer(values), pointer(table)
    fill(sums, 0, table.size, 0.0)
    part = size % lanes_of(sums)
    for n in range(places.size):
        i, j = n * size, places[n] * stride
        for l in range(0, size - part, lanes_of(sums)):
            store(sums, j + l, load(values, i + l) + load(sums, j + l))
        if part:
            l = size - part
            store(sums, j + l, load_new(values, i, size, l) + load(sums, j + l))
    copy_back(table, out)


@kernel
def gather_paths(target, first, nodes, signs, starts, out_nodes, out_signs):
    """See ``reference.gather_paths``."""
    examples = target.size
    target, first, starts = pointer(target), pointer(first), pointer(starts)
    nodes, signs = pointer(nodes), pointer(signs)
    out_nodes, out_signs = pointer(out_nodes), pointer(out_signs)
    for n in range(examples):
        ahead = first[target[n]] - starts[n]
        for entry in range(starts[n], starts[n + 1]):
            out_nodes[entry], out_signs[entry] = nodes[ahead + entry], signs[ahead + entry]
