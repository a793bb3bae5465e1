"""The steps that all kernels are made of: the largest number of a row, and its exponentials.

Two sums are kept of the exponentials of a row: the **total**, and the **rest**, which leaves
out those of the largest number.  Where one logit is far above the others the total rounds to
1 and the rest is what the loss consists of.

**Short rows** stand side by side, a lane for each (`gather_rows`): their maxima and sums are
found lane by lane.  **Long rows** are whole vectors and a part of one (`group_exponentials`).
A group of long rows is worked on at a time, so that one row need not wait for another's
sum; the sums of the group are found side by side.  A row that is longer than a block is
worked on block by block (`block_exponentials`), so that it is read once from memory: the
exponentials of a block are relative to its own largest number until that of the row is known.
"""

import numpy as np

from .compile import helper
from .exponential import SCALE, exp
from .memory import (
    copy,
    lanes_of,
    load,
    load_part,
    lowest_of,
    room_for,
    spread,
    store,
    store_part,
)
from .transpose import tile_of, transpose_in, transpose_out
from .vectors import choose, larger, max_across, sum_across

BLOCK = 1024  # numbers of a long row, which stay in the nearest cache with their exponentials
GROUPED = 512  # classes: as many such rows as there are lanes stay there together,
FEW = 4  # and so many rows of one block


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
def rooms_for_short_rows(x, classes):
    """Room for the columns, and for rows that have to be copied."""
    vectors = classes + tile_of(x)
    return room_for(x, vectors), room_for(x, vectors)


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
def row_exponentials(x, i, count, m, scale, out):
    """As `exponentials`, for any count; the part of a vector at the end is only returned."""
    part = count % lanes_of(x)
    stop = i + count - part
    total, rest = exponentials(x, i, stop, m, scale, out)
    last = total
    if part:
        d = shifted(load_part(x, stop, part, -np.inf), m, scale)
        total, rest, last = add_exponential(total, rest, d)
    return total, rest, last


@helper
def relative_factor(peak, to, scale):
    """exp of (peak − to) · scale, a number."""
    if peak == to:
        return 1.0
    return np.float64(exp(shifted(peak, to, scale))) / SCALE


@helper
def block_exponentials(x, base, classes, scale, out, peaks, slot):
    """The largest number of a row of several blocks, the total, the rest and its end.

    The exponentials in ``out`` stay relative to the largest number of their block, which
    is kept in ``peaks`` from ``slot`` on.
    """
    peak, total, rest, last = lowest_of(x), 0.0, 0.0, spread(x, 0.0)
    lost = 0.0  # of the total, by rounding: added in the end
    for start in range(0, classes, BLOCK):
        i, count = base + start, min(BLOCK, classes - start)
        its_peak = max_across(row_largest(x, i, count))
        totals, rests, last = row_exponentials(x, i, count, its_peak, scale, out)
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
    return peak, total + lost, rest, last


@helper
def sum_vectors(vectors, columns):
    """The sum of each of as many vectors as there are lanes: short rows, side by side."""
    lanes = lanes_of(vectors)
    transpose_in(vectors, 0, lanes, columns)
    total = load(columns, 0)
    for k in range(1, lanes):
        total = total + load(columns, k * lanes)
    return total


@helper
def group_size(x, classes):
    """How many long rows are worked on at a time."""
    if classes <= GROUPED:
        return lanes_of(x)
    return FEW if classes <= BLOCK else 1


@helper
def rooms_for_long_rows(x):
    """Room for the largest number and the end of each row of a group, and for its sums."""
    lanes = lanes_of(x)
    return (
        room_for(x, 1),
        room_for(x, lanes),
        room_for(x, lanes),
        room_for(x, lanes),
        room_for(x, lanes),
    )


@helper
def group_exponentials(x, row, rows, classes, scale, out, peaks, blocks, rooms):
    """The exponentials of a group of rows, into ``out`` unless None.

    Returns the totals and the rests, with a lane for each row.  In ``rooms`` it leaves the
    largest number of each row, and the part of a vector at the end, which is not yet in
    ``out``.
    """
    m, lasts, totals, rests, columns = rooms
    lanes = lanes_of(x)
    if blocks:
        m[0], totals[0], rests[0], last = block_exponentials(
            x, row * classes, classes, scale, out, peaks, row * blocks
        )
        store(lasts, 0, last)
        return load(totals, 0), load(rests, 0)
    for k in range(rows):
        m[k] = max_across(row_largest(x, (row + k) * classes, classes))
    for k in range(rows):
        total, rest, last = row_exponentials(x, (row + k) * classes, classes, m[k], scale, out)
        store(lasts, k * lanes, last)
        if classes <= GROUPED:
            store(totals, k * lanes, total)
            store(rests, k * lanes, rest)
        else:
            totals[k], rests[k] = sum_across(total), sum_across(rest)
    if classes <= GROUPED:
        return sum_vectors(totals, columns), sum_vectors(rests, columns)
    return load(totals, 0), load(rests, 0)


@helper
def multiply_rows(out, row, rows, classes, scale, peaks, blocks, rooms, factors):
    """Multiply the exponentials of a group by a factor for each row.

    The last row comes first: the part of a vector at its end is written with a mask, and
    what is read next must not lie under that mask, or it waits.
    """
    m, lasts = rooms[0], rooms[1]
    lanes = lanes_of(out)
    part = classes % lanes
    for k in range(rows - 1, -1, -1):
        base, last, factor = (row + k) * classes, load(lasts, k * lanes), factors[k]
        end = base + classes - part
        if blocks:
            factor = multiply_blocks(
                out, base, classes, end, scale, peaks, (row + k) * blocks, m[k], factor
            )
            last = last * (1.0 / SCALE)
        else:
            factor = factor * (1.0 / SCALE)
            for i in range(base, end, lanes):
                store(out, i, load(out, i) * factor)
        if part:
            store_part(out, end, part, last * factor)


@helper
def multiply_blocks(out, base, classes, end, scale, peaks, slot, peak, factor):
    """Bring the blocks of a row to the same peak and multiply them by a factor / SCALE.

    These are two steps, as together they may be too small.  Returns the last block's factor.
    """
    relative = 0.0
    for start in range(0, classes, BLOCK):
        relative = factor * relative_factor(peaks[slot + start // BLOCK], peak, scale)
        for i in range(base + start, min(base + start + BLOCK, end), lanes_of(out)):
            store(out, i, load(out, i) * (1.0 / SCALE) * relative)
    return relative
