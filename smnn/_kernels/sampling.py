"""Kernels for large vocabularies: draws, and the few rows of a matrix that a batch touches.

A batch scores some classes for each example: its own and a few drawn ones, or the nodes on the
way to a leaf.  Of the weights it touches few rows.  `distinct_rows` finds them, and the other
kernels work on an array of these rows alone.  Example n has the entries from ``starts[n]`` to
``starts[n + 1]``, and ``places`` says which of the rows each entry means.

They run on one thread: many entries add to the same row, in an order that must not change.
"""

import numpy as np

from .exponential import SCALE, exp, log1p
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
from .simd.vectors import fma, maximum, select, sum_across


@kernel
def draw_alias(u, threshold, alias, out):
    """See ``reference.draw_alias``."""
    classes = threshold.size
    for i in range(u.size):
        scaled = u[i] * classes
        column = min(np.int64(scaled), classes - 1)
        out[i] = column if scaled - column < threshold[column] else alias[column]


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
def dot(a, i, b, j, count):
    """Σ a · b over ``count`` numbers from a[i] and b[j] on."""
    lanes = lanes_of(a)
    part = count % lanes
    products = broadcast(a, 0.0)
    for l in range(0, count - part, lanes):
        products = fma(load(a, i + l), load(b, j + l), products)
    if part:
        l = count - part
        some = load_part(b, j + l, part, 0.0)
        products = fma(load_part(a, i + l, part, 0.0), some, products)
    return sum_across(products)


@inlined
def add_scaled(x, i, factor, out, j, count):
    """Add ``factor`` times ``count`` numbers from x[i] on to those from out[j] on."""
    lanes = lanes_of(x)
    part = count % lanes
    for l in range(0, count - part, lanes):
        store(out, j + l, fma(load(x, i + l), factor, load(out, j + l)))
    if part:
        l = count - part
        some = fma(load_part(x, i + l, part, 0.0), factor, load_part(out, j + l, part, 0.0))
        store_part(out, j + l, part, some)


@kernel
def row_scores(h, W, starts, places, offset, out):
    """See ``reference.row_scores``."""
    rows, size = h.shape
    h, W = pointer(h), pointer(W)
    for n in range(rows):
        for entry in range(starts[n], starts[n + 1]):
            score = dot(h, n * size, W, places[entry] * size, size)
            out[entry] = score if offset is None else score + offset[places[entry]]


@inlined
def logistic_some(scores, signs, i, count, scale):
    """Do `logistic_loss` on one vector or a part of it; return the losses."""
    sign = load_some(signs, i, count, 0.0)
    y = sign * load_some(scores, i, count, 0.0)
    small = exp(select(y, 0.0, y, 0.0 - y)) * (1.0 / SCALE)  # exp(−|y|)
    share = select(y, 0.0, small, 1.0) / (small + 1.0)
    store_some(scores, i, count, sign * share * scale)
    return log1p(small) + maximum(y, 0.0)


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


@kernel
def row_gradients(h, W, starts, places, dscores, dh, dW, doffset):
    """See ``reference.row_gradients``."""
    rows, size = h.shape
    h, W, dh, dW = pointer(h), pointer(W), pointer(dh), pointer(dW)
    for n in range(rows):
        for entry in range(starts[n], starts[n + 1]):
            row, dscore = places[entry], dscores[entry]
            add_scaled(W, row * size, dscore, dh, n * size, size)
            add_scaled(h, n * size, dscore, dW, row * size, size)
            if doffset is not None:
                doffset[row] += dscore


@kernel
def add_rows(places, values, out):
    """See ``reference.add_rows``."""
    size = out.shape[1]
    values, out = pointer(values), pointer(out)
    for i in range(places.size):
        add_scaled(values, i * size, 1.0, out, places[i] * size, size)


@kernel
def gather_paths(target, first, nodes, signs, starts, out_nodes, out_signs):
    """See ``reference.gather_paths``."""
    for n in range(target.size):
        begin = first[target[n]]
        for entry in range(starts[n], starts[n + 1]):
            source = begin + entry - starts[n]
            out_nodes[entry], out_signs[entry] = nodes[source], signs[source]
