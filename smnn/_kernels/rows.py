"""The steps that all kernels are made of: the largest number of a row, and its exponentials.

Two sums are kept of the exponentials of a row: the **total**, and the **rest**, which leaves
out those of the largest number.  Where one logit is far above the others the total rounds to
1 and the rest is what the loss consists of.

**Short rows** stand side by side, a lane for each (`gather_rows`): their maxima and sums are
found lane by lane.

**Long rows** are whole vectors and a part of one.  One pass works on three of them
(`three_rows`): the largest number of one row, the exponentials of the one before, and the
result of another before that.  What is kept of a row until its sum is known stays in a room
that is never pushed out of the cache, and the result is written once.

A row that is longer than a block is worked on **block by block** (`block_exponentials`), so that
it is read once from memory: the exponentials of a block are relative to its own largest
number until that of the row is known.
"""

import numpy as np

from .compile import helper
from .exponential import SCALE, exp
from .memory import (
    copy,
    lanes_of,
    load,
    load_part,
    load_some,
    lowest_of,
    spread,
    store,
    store_part,
)
from .transpose import tile_of, transpose_in, transpose_out
from .vectors import choose, larger, max_across, sum_across

BLOCK = 1024  # numbers of a long row, which stay in the nearest cache with their exponentials


@helper
def shifted(v, m, scale):
    """(v − m) · scale; a scale of None is 1."""
    if scale is None:
        return v - m
    return (v - m) * scale


@helper
def largest(x, i, stop, m):
    """Lane by lane the largest of m and of the whole vectors from ``x[i]`` to ``stop``."""
    lanes = lanes_of(x)
    a, b, c, d = m, m, m, m  # four at a time, as each waits for the one before
    while i + 4 * lanes <= stop:
        a = larger(load(x, i), a)
        b = larger(load(x, i + lanes), b)
        c = larger(load(x, i + 2 * lanes), c)
        d = larger(load(x, i + 3 * lanes), d)
        i += 4 * lanes
    while i < stop:
        a = larger(load(x, i), a)
        i += lanes
    return larger(larger(a, b), larger(c, d))


@helper
def add_exponential(total, rest, d):
    """Add exp(d) to the total, and to the rest where d is below 0; return it too."""
    e = exp(d)
    return total + e, rest + choose(d, 0.0, e, 0.0), e


@helper
def exponentials(x, i, stop, m, scale, out):
    """exp of (x − m) · scale into ``out``, unless None, for whole vectors.

    Returns the total and the rest, lane by lane.
    """
    lanes = lanes_of(x)
    total = spread(x, 0.0)
    rest, total_too, rest_too = total, total, total  # two sums each: half as much rounding
    for j in range(i, stop - lanes, 2 * lanes):
        total, rest, e = add_exponential(total, rest, shifted(load(x, j), m, scale))
        d = shifted(load(x, j + lanes), m, scale)
        total_too, rest_too, e_too = add_exponential(total_too, rest_too, d)
        if out is not None:
            store(out, j, e)
            store(out, j + lanes, e_too)
    if (stop - i) % (2 * lanes):
        j = stop - lanes
        total, rest, e = add_exponential(total, rest, shifted(load(x, j), m, scale))
        if out is not None:
            store(out, j, e)
    total, rest = total + total_too, rest + rest_too
    return total, rest


# --- Short rows -------------------------------------------------------------------------


@helper
def gather_rows(x, row, rows, classes, columns, room):
    """Put up to a vector's lanes of rows side by side, into ``columns``.

    The last rows of an array are fewer than the lanes, and a tile that is wider than a row
    would reach beyond the array: such rows are copied to where there is room.
    """
    if rows == lanes_of(x) and classes >= tile_of(x):
        transpose_in(x, row * classes, classes, columns)
    else:
        copy(x, row * classes, room, 0, rows * classes)
        transpose_in(room, 0, classes, columns)


@helper
def scatter_rows(x, row, rows, classes, columns, room):
    """Put the rows that `gather_rows` has gathered one behind the other again."""
    if rows == lanes_of(x) and classes >= tile_of(x):
        transpose_out(x, row * classes, classes, columns)
    else:
        transpose_out(room, 0, classes, columns)
        copy(room, 0, x, row * classes, rows * classes)


@helper
def vectors_for_columns(x, classes):
    """How much room the columns need, and so do rows that have to be copied.

    The room itself is a kernel's to make: that of a helper ends with the helper.
    """
    return classes + tile_of(x)


@helper
def largest_of_columns(columns, classes):
    """The largest number of each row that stands in ``columns``."""
    return largest(columns, 0, classes * lanes_of(columns), spread(columns, lowest_of(columns)))


@helper
def multiply_columns(columns, classes, factors):
    """Multiply each row that stands in ``columns`` by a factor."""
    for j in range(0, classes * lanes_of(columns), lanes_of(columns)):
        store(columns, j, load(columns, j) * factors)


# --- Long rows --------------------------------------------------------------------------


@helper
def row_largest(x, i, count):
    """Lane by lane the largest of a row, but a finite one, so that −inf minus it is −inf.

    A nan is passed over here: it turns up again in the sums of the exponentials.
    """
    part = count % lanes_of(x)
    stop = i + count - part
    m = largest(x, i, stop, spread(x, lowest_of(x)))
    if part:
        m = larger(load_part(x, stop, part, -np.inf), m)
    return m


@helper
def exponential_of(d, e):
    """What is kept of a shifted logit d and its exponential e for softmax and for a gradient,"""
    return e


@helper
def times(kept, factor):
    """and what finishes it when the sum is known."""
    return kept * factor


@helper
def shifted_of(d, e):
    """What is kept for log-softmax,"""
    return d


@helper
def minus(kept, log):
    """and what finishes it."""
    return kept - log


@helper
def begin(x, i, count, m, scale, keep, room, slot, total, rest):
    """Add the exponentials of a vector to the sums, and keep what is needed of them."""
    d = shifted(load_some(x, i, count, -np.inf), m, scale)
    total, rest, e = add_exponential(total, rest, d)
    if room is not None:
        store(room, slot, keep(d, e))
    return total, rest


@helper
def three_rows(x, now, ahead, behind, count, m, scale, keep, finish, number, out, room, slot):
    """Pass over three rows of the same length at once.

    The row ``behind``, whose sum is known, is finished: what was kept of it is taken out of
    its slot in the room and written; there is no such row below 0.  The exponentials of the
    row ``now`` are added up, and what is kept of them takes the same slot.  Of the row ``ahead``
    the largest number is found.

    Returns lane by lane the total, the rest and the largest number.
    """
    lanes = lanes_of(x)
    part = count % lanes
    whole = count - part
    total, peak = spread(x, 0.0), spread(x, lowest_of(x))
    rest, total_too, rest_too = total, total, total
    for j in range(0, whole - lanes, 2 * lanes):
        k = j + lanes  # two sums each: half as much rounding, and nobody waits for the other
        if out is not None and behind >= 0:
            store(out, behind + j, finish(load(room, slot + j), number))
            store(out, behind + k, finish(load(room, slot + k), number))
        peak = larger(load(x, ahead + k), larger(load(x, ahead + j), peak))
        total, rest = begin(x, now + j, None, m, scale, keep, room, slot + j, total, rest)
        total_too, rest_too = begin(
            x, now + k, None, m, scale, keep, room, slot + k, total_too, rest_too
        )
    if whole % (2 * lanes):
        j = whole - lanes
        if out is not None and behind >= 0:
            store(out, behind + j, finish(load(room, slot + j), number))
        peak = larger(load(x, ahead + j), peak)
        total, rest = begin(x, now + j, None, m, scale, keep, room, slot + j, total, rest)
    if part:
        j = whole
        if out is not None and behind >= 0:
            store_part(out, behind + j, part, finish(load(room, slot + j), number))
        peak = larger(load_part(x, ahead + j, part, -np.inf), peak)
        total, rest = begin(x, now + j, part, m, scale, keep, room, slot + j, total, rest)
    return total + total_too, rest + rest_too, peak


@helper
def slot_of(x, row, start, classes, many):
    """Where in the room a row is kept, and its place in its group."""
    lanes = lanes_of(x)
    k = (row - start) % many
    return k * (-(-classes // lanes)) * lanes, k


@helper
def vectors_for_group(x, classes, many):
    """How many vectors are kept of the rows of a group."""
    return many * (-(-classes // lanes_of(x)))


@helper
def first_peak(x, start, stop, classes):
    """The largest number of the first row, over which no other passes before."""
    if start == stop:
        return lowest_of(x)
    return max_across(row_largest(x, start * classes, classes))


@helper
def pass_row(x, row, start, stop, classes, many, m, scale, keep, finish, numbers, out, room):
    """`three_rows` for a row, the one ahead, and the one that is a group behind."""
    slot, k = slot_of(x, row, start, classes, many)
    behind = row - many
    number = 0.0 if numbers is None else numbers[k]
    return three_rows(
        x, row * classes, min(row + 1, stop - 1) * classes,
        behind * classes if behind >= start else -1,
        classes, m, scale, keep, finish, number, out, room, slot,
    )  # fmt: skip


@helper
def finish_row(x, row, start, classes, many, finish, numbers, out, room):
    """Finish one of the last rows, over which no other passes."""
    slot, k = slot_of(x, row, start, classes, many)
    lanes, base, number = lanes_of(x), row * classes, numbers[k]
    part = classes % lanes
    for j in range(0, classes - part, lanes):
        store(out, base + j, finish(load(room, slot + j), number))
    if part:
        j = classes - part
        store_part(out, base + j, part, finish(load(room, slot + j), number))


@helper
def store_lanes(x, i, count, lanes, vector):
    """Store lanes, without a mask where there are all of them: it would delay who reads them."""
    if count == lanes:
        store(x, i, vector)
    else:
        store_part(x, i, count, vector)


# --- Rows of several blocks -------------------------------------------------------------


@helper
def relative_factor(peak, to, scale):
    """exp of (peak − to) · scale, a number."""
    if peak == to:
        return 1.0
    return np.float64(exp(shifted(peak, to, scale))) / SCALE


@helper
def last_exponentials(x, i, count, m, scale, out):
    """The exponentials of a block that may be shorter than the others."""
    part = count % lanes_of(x)
    stop = i + count - part
    total, rest = exponentials(x, i, stop, m, scale, out)
    if part:
        d = shifted(load_part(x, stop, part, -np.inf), m, scale)
        total, rest, e = add_exponential(total, rest, d)
        if out is not None:
            store_part(out, stop, part, e)
    return total, rest


@helper
def block_exponentials(x, base, classes, scale, out, peaks, slot):
    """The largest number of a row, the total and the rest.

    The exponentials go to ``out``, unless None.  They stay relative to the largest number of
    their block, which is kept in ``peaks`` from ``slot`` on.
    """
    peak, total, rest = lowest_of(x), 0.0, 0.0
    lost = 0.0  # of the total, by rounding: added in the end
    its_peaks = row_largest(x, base, BLOCK)
    for start in range(0, classes, BLOCK):
        i, count, its_peak = base + start, min(BLOCK, classes - start), max_across(its_peaks)
        if start + 2 * BLOCK <= classes:
            totals, rests, its_peaks = three_rows(
                x, i, i + BLOCK, -1, BLOCK, its_peak, scale,
                exponential_of, times, 0.0, None, out, i,
            )  # fmt: skip
        else:
            totals, rests = last_exponentials(x, i, count, its_peak, scale, out)
            its_peaks = row_largest(x, i + count, max(classes - start - BLOCK, 0))
        its_total, its_rest = np.float64(sum_across(totals)), np.float64(sum_across(rests))
        peaks[slot + start // BLOCK] = its_peak
        both = larger(peak, its_peak)
        factor = relative_factor(peak, both, scale)
        its_factor = relative_factor(its_peak, both, scale)
        rest = rest if peak == both else total * factor
        rest += its_rest if its_peak == both else its_total * its_factor
        larger_part, smaller_part = total * factor, its_total * its_factor
        if larger_part < smaller_part:
            larger_part, smaller_part = smaller_part, larger_part
        total = larger_part + smaller_part
        lost = lost * factor + (smaller_part - (total - larger_part))
        peak = both
    return peak, total + lost, rest


@helper
def multiply_blocks(out, base, classes, scale, peaks, slot, peak, factor):
    """Bring the blocks of a row to the same peak and multiply them by a factor / SCALE.

    These are two steps, as together they may be too small.
    """
    lanes = lanes_of(out)
    part = classes % lanes
    end = base + classes - part
    relative = 0.0
    for start in range(0, classes, BLOCK):
        relative = factor * relative_factor(peaks[slot + start // BLOCK], peak, scale)
        for i in range(base + start, min(base + start + BLOCK, end), lanes):
            store(out, i, load(out, i) * (1.0 / SCALE) * relative)
    if part:
        store_part(out, end, part, load_part(out, end, part, 0.0) * (1.0 / SCALE) * relative)
