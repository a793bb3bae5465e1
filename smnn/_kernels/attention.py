"""Kernels for a tile of attention: some queries against some keys.

A tile of scores stays in a cache between the two products that surround the kernel: the one
that has written it, and the one that reads what the kernel leaves in its place.
"""

import numpy as np

from .exponential import SCALE, exp
from .passes import max_of_row
from .simd.compile import inlined, kernel, noinline
from .simd.memory import (
    broadcast,
    fill,
    lanes_of,
    load,
    load_part,
    pointer,
    scratch,
    store,
    store_part,
)
from .simd.transpose import max_each, sum_each
from .simd.vectors import maximum, select_equal


@noinline
def put_exponentials(x, i, count, m):
    """Put exp(x − m) in place of the ``count`` numbers from ``x[i]`` on.

    Returns their sum, lane by lane.
    """
    lanes = lanes_of(x)
    part = count % lanes
    stop = i + count - part
    total = broadcast(x, 0.0)
    total2 = total  # two sums, as each waits for the one before
    for j in range(i, stop - lanes, 2 * lanes):
        e = exp(load(x, j) - m) * (1.0 / SCALE)
        e2 = exp(load(x, j + lanes) - m) * (1.0 / SCALE)
        store(x, j, e)
        store(x, j + lanes, e2)
        total, total2 = total + e, total2 + e2
    if (count // lanes) % 2:
        e = exp(load(x, stop - lanes) - m) * (1.0 / SCALE)
        store(x, stop - lanes, e)
        total = total + e
    if part:
        e = exp(load_part(x, stop, part, -np.inf) - m) * (1.0 / SCALE)
        store_part(x, stop, part, e)
        total2 = total2 + e
    return total + total2


@kernel
def exponentials_of_tile(scores, limit, m, s, factor, start, stop):
    """See ``reference.attention_tile``.

    What is one number for each row is computed for as many rows at once as a vector has lanes.
    """
    width, x, lanes = scores.shape[1], pointer(scores), lanes_of(scores)
    m, s, factor, of_rows = pointer(m), pointer(s), pointer(factor), scratch(x, lanes)
    for i in range(0, lanes * lanes, lanes):
        store(of_rows, i, broadcast(x, 0.0))
    for first in range(start, stop, lanes):
        rows = min(lanes, stop - first)
        for k in range(rows):
            count = min(width, max(0, limit + first + k))
            store(of_rows, k * lanes, max_of_row(x, (first + k) * width, count))
        before = load_part(m, first, rows, 0.0)
        larger = maximum(max_each(of_rows, 0), before)
        store_part(m, first, rows, larger)
        for k in range(rows):
            base, count = (first + k) * width, min(width, max(0, limit + first + k))
            store(of_rows, k * lanes, put_exponentials(x, base, count, m[first + k]))
            fill(x, base + count, width - count, 0.0)
        change = exp(select_equal(before, larger, 0.0, before - larger)) * (1.0 / SCALE)
        store_part(factor, first, rows, change)
        total = load_part(s, first, rows, 0.0) * change + sum_each(of_rows, 0)
        store_part(s, first, rows, total)


@kernel
def merge_of_rows(out, factor, part, start, stop):
    """See ``reference.attention_merge``."""
    width, x, y, lanes = out.shape[1], pointer(out), pointer(part), lanes_of(out)
    rest, factor = width % lanes, pointer(factor)
    for row in range(start, stop):
        end = (row + 1) * width - rest
        for i in range(row * width, end, lanes):
            store(x, i, load(x, i) * factor[row] + load(y, i))
        if rest:
            total = load_part(x, end, rest, 0.0) * factor[row] + load_part(y, end, rest, 0.0)
            store_part(x, end, rest, total)


@kernel
def end_of_rows(out, m, s, lse, start, stop):
    """See ``reference.attention_end``."""
    width, x, lanes = out.shape[1], pointer(out), lanes_of(out)
    part = width % lanes
    m, s, lse = pointer(m), pointer(s), pointer(lse)
    for row in range(start, stop):
        lse[row] = np.inf if s[row] == 0.0 else m[row] + np.log(s[row])
        factor = 1.0 if s[row] == 0.0 else 1.0 / s[row]
        end = (row + 1) * width - part
        for i in range(row * width, end, lanes):
            store(x, i, load(x, i) * factor)
        if part:
            store_part(x, end, part, load_part(x, end, part, 0.0) * factor)


@inlined
def gradient_of_scores(scores, dp, lse, delta, inverse_cap):
    """Return p = exp(scores − lse), and p · (dp − delta) times the slope of the cap.

    What has weight 0 has gradient 0, whatever its score and its dp are.
    """
    p = exp(scores - lse) * (1.0 / SCALE)
    ds = p * (dp - delta)
    if inverse_cap is not None:
        share = scores * inverse_cap
        ds = ds * (1.0 - share * share)
    return p, select_equal(p, 0.0, 0.0, ds)


@noinline
def put_gradients(x, dx, i, count, lse, delta, inverse_cap):
    """Do `gradient_of_scores` in place for the ``count`` numbers from ``x[i]`` on."""
    lanes = lanes_of(x)
    part = count % lanes
    stop = i + count - part
    for j in range(i, stop, lanes):
        p, ds = gradient_of_scores(load(x, j), load(dx, j), lse, delta, inverse_cap)
        store(x, j, p)
        store(dx, j, ds)
    if part:
        scores, dp = load_part(x, stop, part, 0.0), load_part(dx, stop, part, 0.0)
        p, ds = gradient_of_scores(scores, dp, lse, delta, inverse_cap)
        store_part(x, stop, part, p)
        store_part(dx, stop, part, ds)


@kernel
def gradients_of_tile(scores, dscores, limit, lse, delta, inverse_cap, start, stop):
    """See ``reference.attention_tile_vjp``."""
    width, x, dx = scores.shape[1], pointer(scores), pointer(dscores)
    for row in range(start, stop):
        base, count = row * width, min(width, max(0, limit + row))
        put_gradients(x, dx, base, count, lse[row], delta[row], inverse_cap)
        fill(x, base + count, width - count, 0.0)
        fill(dx, base + count, width - count, 0.0)
