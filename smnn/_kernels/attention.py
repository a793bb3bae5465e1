"""Kernels for a tile of attention: some queries against some keys.

A tile of scores stays in a cache between the two products that surround the kernel: the one
that has written it, and the one that reads what the kernel leaves in its place.
"""

from .exponential import SCALE, exp
from .passes import max_of_row, relative_factor
from .simd.compile import inlined, kernel, noinline
from .simd.memory import broadcast, lanes_of, load, load_part, pointer, store, store_part
from .simd.vectors import max_across, maximum, select_equal, sum_across


@inlined
def fill_zeros(x, i, count):
    """Write zeros to the ``count`` numbers from ``x[i]`` on."""
    lanes = lanes_of(x)
    part = count % lanes
    for j in range(i, i + count - part, lanes):
        store(x, j, broadcast(x, 0.0))
    if part:
        store_part(x, i + count - part, part, broadcast(x, 0.0))


@noinline
def put_exponentials(x, i, count, m):
    """Put exp(x − m) in place of the ``count`` numbers from ``x[i]`` on; return their sum."""
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
        e = exp(load_part(x, stop, part, -float("inf")) - m) * (1.0 / SCALE)
        store_part(x, stop, part, e)
        total2 = total2 + e
    return sum_across(total + total2)


@kernel
def exponentials_of_tile(scores, limit, m, s, factor, start, stop):
    """See ``reference.attention_tile``."""
    width, x = scores.shape[1], pointer(scores)
    for row in range(start, stop):
        base, count = row * width, min(width, max(0, limit + row))
        before = m[row]
        larger = maximum(max_across(max_of_row(x, base, count)), before)
        total = put_exponentials(x, base, count, larger)
        fill_zeros(x, base + count, width - count)
        factor[row] = relative_factor(before, larger, None)
        m[row], s[row] = larger, s[row] * factor[row] + total


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
        fill_zeros(x, base + count, width - count)
        fill_zeros(dx, base + count, width - count)
