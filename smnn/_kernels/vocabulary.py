"""Kernels for large vocabularies: draws, and the few rows of a matrix that a batch touches.

A batch scores some classes for each example: its own and a few drawn ones, or the nodes on the
way to a leaf.  Of the weights it touches few rows.  `distinct_rows` finds them, and the other
kernels work on an array of these rows alone.  Example n has the entries from ``starts[n]`` to
``starts[n + 1]``, and ``places`` says which of the rows each entry means.

They run on one thread: many entries add to the same row, in an order that must not change.
"""

import numpy as np

from .exponential import SCALE, exp
from .simd.compile import inlined, kernel
from .simd.memory import (
    broadcast,
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
def number_rows(index, marks, rows, places):
    """List the marked rows, and write for every index which of them it is."""
    found = 0
    for row in range(marks.size):
        if marks[row]:
            marks[row] = found
            rows[found] = row
            found += 1
    for i in range(index.size):
        places[i] = marks[index[i]]
    return found


def distinct_rows(index, num_rows, places):
    """See ``reference.distinct_rows``."""
    marks = np.zeros(num_rows, np.int64)
    bad = mark_rows(index, marks)
    if bad >= 0:
        return bad, np.empty(0, np.int64)
    rows = np.empty(min(num_rows, index.size), np.int64)
    return -1, rows[: number_rows(index, marks, rows, places)]


@inlined
def last_lanes(x, count):
    """A vector of 1 in the last ``count`` lanes, and 0 in those before."""
    ones = broadcast(x, 1.0)
    return ones - first_lanes(ones, lanes_of(x) - count)


@inlined
def load_marked(x, i, count, marks):
    """Load a vector or a part of it; where there are marks, 0 in the lanes without one."""
    loaded = load_some(x, i, count, 0.0)
    if marks is None:
        return loaded
    return select_equal(marks, 1.0, loaded, 0.0)


@inlined
def dot(a, i, b, j, count):
    """Σ a · b over ``count`` numbers from a[i] and b[j] on."""
    lanes = lanes_of(a)
    if count < lanes:
        return sum_across(load_part(a, i, count, 0.0) * load_part(b, j, count, 0.0))
    part = count % lanes
    products = broadcast(a, 0.0)
    for l in range(0, count - part, lanes):
        products = fma(load(a, i + l), load(b, j + l), products)
    if part:
        l = count - lanes
        products = fma(load_marked(a, i + l, None, last_lanes(a, part)), load(b, j + l), products)
    return sum_across(products)


@kernel
def row_scores(h, W, starts, places, offset, out):
    """See ``reference.row_scores``."""
    rows, size = h.shape
    h, W, places = pointer(h), pointer(W), pointer(places)
    for n in range(rows):
        for entry in range(starts[n], starts[n + 1]):
            score = dot(h, n * size, W, places[entry] * size, size)
            out[entry] = score if offset is None else score + offset[places[entry]]


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
def gradients_some(h, W, entries, places, dscores, dh, dW, sizes, l, count, marks):
    """Do `row_gradients` for one example, on a vector of each row from l on or a part of it."""
    base, size = sizes
    of_h, of_dh = load_marked(h, base + l, count, marks), broadcast(h, 0.0)
    for entry in range(*entries):
        i, dscore = places[entry] * size + l, dscores[entry]
        of_dh = fma(load_some(W, i, count, 0.0), dscore, of_dh)
        store_some(dW, i, count, fma(of_h, dscore, load_some(dW, i, count, 0.0)))
    store_some(dh, base + l, count, of_dh)


@kernel
def row_gradients(h, W, starts, places, dscores, dh, dW, doffset):
    """See ``reference.row_gradients``.

    The last vector of a row may begin in the one before, with 0 for what that has added already:
    a part of a vector, stored, is not there soon enough for the next entry that loads it.
    """
    rows, size = h.shape
    if doffset is not None:
        for entry in range(places.size):
            doffset[places[entry]] += dscores[entry]
    h, W, dh, dW = pointer(h), pointer(W), pointer(dh), pointer(dW)
    places, dscores = pointer(places), pointer(dscores)
    lanes = lanes_of(h)
    part = size % lanes
    marks = last_lanes(h, part)
    for n in range(rows):
        entries, sizes = (starts[n], starts[n + 1]), (n * size, size)
        if size < lanes:
            gradients_some(h, W, entries, places, dscores, dh, dW, sizes, 0, size, None)
            continue
        for l in range(0, size - part, lanes):
            gradients_some(h, W, entries, places, dscores, dh, dW, sizes, l, None, None)
        if part:
            last = size - lanes
            gradients_some(h, W, entries, places, dscores, dh, dW, sizes, last, None, marks)


@kernel
def add_rows(places, values, out):
    """See ``reference.add_rows``."""
    size = out.shape[1]
    values, out, places_of = pointer(values), pointer(out), pointer(places)
    lanes = lanes_of(out)
    part = size % lanes
    marks = last_lanes(out, part)
    for n in range(places.size):
        i, j = n * size, places_of[n] * size
        if size < lanes:
            some = load_part(values, i, size, 0.0) + load_part(out, j, size, 0.0)
            store_part(out, j, size, some)
            continue
        for l in range(0, size - part, lanes):
            store(out, j + l, load(values, i + l) + load(out, j + l))
        if part:
            i, j = i + size - lanes, j + size - lanes
            store(out, j, load_marked(values, i, None, marks) + load(out, j))


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
