"""The steps that all kernels are made of: the largest number of a row, and its exponentials.

Two sums are kept of the exponentials of a row: the **total**, and the **rest**, which leaves
out those of the largest number.  Where one logit is far above the others the total rounds to
1 and the rest is what the loss consists of.

**Short rows** stand side by side, a lane for each (`gather_rows`): their maxima and sums are
found lane by lane.

**Long rows** are whole vectors and a part of one.  Rows are taken in groups, so that what is
one number for each row is computed for all rows of a group at once.  One pass works on three
rows (`three_rows`): the largest numbers of a row of the group ahead, the exponentials of a row
now, and the result of a row of the group behind.  What is kept of a row until its sum is known
stays in a room that is never pushed out of the cache, and the result is written once.

Where rows of several blocks come from beyond the caches, they are worked on **block by block**
(`block_exponentials`), so that they are read once from memory: the exponentials of a block are
relative to its own largest number until that of the row is known.  Results that are too large
for the caches are written past them (`row_writer`).
"""

import numpy as np

from .compile import helper, outside, stay_outside
from .exponential import SCALE, exp
from .memory import (
    before_line,
    copy,
    lanes_of,
    load,
    load_part,
    lowest_of,
    only_if,
    spread,
    store,
    store_part,
    stream,
)
from .transpose import max_each, sum_each, tile_of, transpose_in, transpose_out
from .vectors import choose, larger, max_across, sum_across

PEAKS = 1  # vectors of a group's room for the largest numbers of its rows
VECTORS = 3  # that are kept of each row, to be folded: the two sums, and the row ahead
TOTAL, REST, AHEAD = range(VECTORS)
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
def add_exponential(total, rest, d, rests):
    """Add exp(d) to the total, and unless ``rests`` is None to the rest where d is below 0.

    Returns both, and exp(d).
    """
    e = exp(d)
    if rests is None:
        return total + e, rest, e
    return total + e, rest + choose(d, 0.0, e, 0.0), e


@helper
def exponentials(x, i, stop, m, scale, rests, out):
    """exp of (x − m) · scale into ``out``, unless None, for whole vectors.

    Returns the total and the rest, lane by lane.
    """
    lanes = lanes_of(x)
    total = spread(x, 0.0)
    rest, total_too, rest_too = total, total, total  # two sums each: half as much rounding
    for j in range(i, stop - lanes, 2 * lanes):
        total, rest, e = add_exponential(total, rest, shifted(load(x, j), m, scale), rests)
        d = shifted(load(x, j + lanes), m, scale)
        total_too, rest_too, e_too = add_exponential(total_too, rest_too, d, rests)
        if out is not None:
            store(out, j, e)
            store(out, j + lanes, e_too)
    if (stop - i) % (2 * lanes):
        j = stop - lanes
        total, rest, e = add_exponential(total, rest, shifted(load(x, j), m, scale), rests)
        if out is not None:
            store(out, j, e)
    return total + total_too, rest + rest_too


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
def gather_next(x, row, stop, classes, columns, room):
    """`gather_rows` for the rows from ``row`` on, if there are any."""
    if row < stop:
        gather_rows(x, row, min(lanes_of(x), stop - row), classes, columns, room)


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
def minus_both(logit, numbers):
    """The same where the logit itself was kept."""
    (m, log), scale = numbers
    return shifted(logit, m, scale) - log


@helper
def begin(d, rests, keep, room, slot, total, rest):
    """Add the exponentials of a vector to the sums, and keep what is needed of them."""
    total, rest, e = add_exponential(total, rest, d, rests)
    if keep is not None:
        store(room, slot, keep(d, e))
    return total, rest


@helper
def three_rows(
    x, now, ahead, behind, count, m, scale, rests, keep, finish, number, out, room, slot
):
    """Pass over three rows of the same length at once.

    The row ``behind``, whose sum is known, is finished: what was kept of it is taken out of
    its slot in the room and written.  The exponentials of the row ``now`` are added up, and
    what is kept of them takes the same slot.  Of the row ``ahead`` the largest number is found.

    Returns lane by lane the total, the rest and the largest number.
    """
    lanes = lanes_of(x)
    part = count % lanes
    whole = count - part
    total, peak = spread(x, 0.0), spread(x, lowest_of(x))
    rest, total_too, rest_too = total, total, total
    for j in range(0, whole - lanes, 2 * lanes):
        k = j + lanes  # two sums each: half as much rounding, and nobody waits for the other
        peak = larger(load(x, ahead + k), larger(load(x, ahead + j), peak))
        d, d_too = shifted(load(x, now + j), m, scale), shifted(load(x, now + k), m, scale)
        if out is not None:
            store(out, behind + j, finish(load(room, slot + j), number))
            store(out, behind + k, finish(load(room, slot + k), number))
        total, rest = begin(d, rests, keep, room, slot + j, total, rest)
        total_too, rest_too = begin(d_too, rests, keep, room, slot + k, total_too, rest_too)
    if whole % (2 * lanes):
        j = whole - lanes
        d = shifted(load(x, now + j), m, scale)
        if out is not None:
            store(out, behind + j, finish(load(room, slot + j), number))
        peak = larger(load(x, ahead + j), peak)
        total, rest = begin(d, rests, keep, room, slot + j, total, rest)
    if part:
        j = whole
        d = shifted(load_part(x, now + j, part, -np.inf), m, scale)
        if out is not None:
            store_part(out, behind + j, part, finish(load(room, slot + j), number))
        peak = larger(load_part(x, ahead + j, part, -np.inf), peak)
        total, rest = begin(d, rests, keep, room, slot + j, total, rest)
    return total + total_too, rest + rest_too, peak


@helper
def three_rows_by_blocks(
    x, now, ahead, behind, count, m, scale, rests, keep, finish, number, out, room, slot
):
    """`three_rows` for rows of several blocks, whose sums would lose digits as one."""
    total, peak = spread(x, 0.0), spread(x, lowest_of(x))
    rest = total
    for j in range(0, count, BLOCK):
        its_total, its_rest, its_peak = three_rows(
            x, now + j, ahead + j, behind + j, min(BLOCK, count - j),
            m, scale, rests, keep, finish, number, out, room, slot + j,
        )  # fmt: skip
        total, rest, peak = total + its_total, rest + its_rest, larger(its_peak, peak)
    return total, rest, peak


@helper
def vector_of(room, which, k):
    """Where in the room a vector of row k of a group is kept."""
    lanes = lanes_of(room)
    return (PEAKS + which * lanes + k) * lanes


@helper
def slot_of(x, k, classes):
    """Where in the room row k of a group is kept."""
    lanes = lanes_of(x)
    return (PEAKS + VECTORS * lanes + k * (-(-classes // lanes))) * lanes


@helper
def vectors_for_group(x, classes, many):
    """How large the room is: the largest numbers, some vectors, and the rows."""
    lanes = lanes_of(x)
    return PEAKS + VECTORS * lanes + many * (-(-classes // lanes))


@helper
def sums_of(room, which, many):
    """The sum of that vector of each row of a group, a lane for each row."""
    i = vector_of(room, which, 0)
    if many == 1:
        return spread(room, sum_across(load(room, i)))
    return sum_each(room, i)


@helper
def find_first_peaks(x, start, stop, classes, many, room):
    """Find the largest numbers of the very first group, which no pass has found before."""
    for k in range(min(many, stop - start)):
        largest_ones = row_largest(x, (start + k) * classes, classes)
        store(room, vector_of(room, AHEAD, k), largest_ones)


@helper
def peaks_of(room, many):
    """The largest number of each row of the group ahead, whose turn it now is; they are kept."""
    i = vector_of(room, AHEAD, 0)
    peaks = max_each(room, i) if many > 1 else spread(room, max_across(load(room, i)))
    store(room, 0, peaks)
    return peaks


def group_pass(keep, finish):
    """Make the function that passes over the rows of a group."""

    @outside
    def pass_rows(x, first, stop, classes, many, blocks, scale, rests, numbers, out, room):
        """`three_rows` for each row of a group; by blocks unless ``blocks`` is None."""
        stay_outside()
        for k in range(min(many, stop - first)):
            row, number = first + k, 0.0 if numbers is None else numbers[k]
            m, slot = room[k], slot_of(x, k, classes)
            now, behind = row * classes, (row - many) * classes
            ahead = min(row + many, stop - 1) * classes
            if blocks is None:
                total, rest, peak = three_rows(
                    x, now, ahead, behind, classes,
                    m, scale, rests, keep, finish, number, out, room, slot,
                )  # fmt: skip
            else:
                total, rest, peak = three_rows_by_blocks(
                    x, now, ahead, behind, classes,
                    m, scale, rests, keep, finish, number, out, room, slot,
                )  # fmt: skip
            store(room, vector_of(room, TOTAL, k), total)
            if rests is not None:
                store(room, vector_of(room, REST, k), rest)
            store(room, vector_of(room, AHEAD, k), peak)

    @helper
    def pass_group(x, first, start, stop, classes, many, blocks, scale, rests, numbers, out, room):
        """Pass over a group.

        Returns the largest number, the total and the rest of each of its rows, a lane for
        each.  ``numbers`` finish the rows of the group behind; they and ``out`` are None where
        nothing is written.  Behind the very first group there is nothing to finish.
        """
        if first == start:
            find_first_peaks(x, start, stop, classes, many, room)
            peaks = peaks_of(room, many)
            pass_rows(x, first, stop, classes, many, blocks, scale, rests, None, None, room)
        else:
            peaks = peaks_of(room, many)
            pass_rows(x, first, stop, classes, many, blocks, scale, rests, numbers, out, room)
        totals = sums_of(room, TOTAL, many)
        return peaks, totals, totals if rests is None else sums_of(room, REST, many)

    return pass_group


pass_sums = group_pass(None, None)
pass_exponentials = group_pass(exponential_of, times)
pass_shifted = group_pass(shifted_of, minus)


@helper
def finish_row(x, row, start, classes, many, finish, numbers, out, room):
    """Finish one of the last rows, over which no other passes."""
    k = (row - start) % many
    slot, number = slot_of(x, k, classes), numbers[k]
    lanes, base = lanes_of(x), row * classes
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
def last_exponentials(x, i, count, m, scale, rests, out):
    """The exponentials of a block that may be shorter than the others."""
    part = count % lanes_of(x)
    stop = i + count - part
    total, rest = exponentials(x, i, stop, m, scale, rests, out)
    if part:
        d = shifted(load_part(x, stop, part, -np.inf), m, scale)
        total, rest, e = add_exponential(total, rest, d, rests)
        if out is not None:
            store_part(out, stop, part, e)
    return total, rest


@helper
def three_rows_of_blocks(x, i, behind, m, scale, rests, out, logs, numbers):
    """`three_rows` for a block, the next one of the same row, and that of the row behind."""
    if logs is None:
        return three_rows(
            x, i, i + BLOCK, i, BLOCK, m, scale, rests,
            only_if(out, exponential_of), None, None, None, out, i,
        )  # fmt: skip
    return three_rows(
        x, i, i + BLOCK, behind, BLOCK, m, scale, rests,
        None, minus_both, (numbers, scale), logs, x, behind,
    )  # fmt: skip


@outside
def block_exponentials(x, base, classes, scale, rests, out, peaks, slot, logs, numbers):
    """The largest number of a row, the total, and the rest unless ``rests`` is None.

    The exponentials go to ``out``, unless None.  They stay relative to the largest number of
    their block, which is kept in ``peaks`` from ``slot`` on.

    Where nothing is kept, the row behind can be finished in the same pass: ``logs`` receives
    its log-softmax, unless None, by its ``numbers``, the largest and the log of its sum.
    """
    stay_outside()
    peak, total, rest = lowest_of(x), 0.0, 0.0
    lost = 0.0  # of the total, by rounding: added in the end
    its_peaks = row_largest(x, base, min(BLOCK, classes))
    for start in range(0, classes, BLOCK):
        i, count, its_peak = base + start, min(BLOCK, classes - start), max_across(its_peaks)
        if start + 2 * BLOCK <= classes:
            its_totals, its_rests, its_peaks = three_rows_of_blocks(
                x, i, i - classes, its_peak, scale, rests, out, logs, numbers
            )
        else:
            its_totals, its_rests = last_exponentials(x, i, count, its_peak, scale, rests, out)
            if logs is not None:
                m, log = numbers
                write_log_softmax(x, i - classes, count, m, scale, log, logs, None)
            its_peaks = row_largest(x, i + count, max(classes - start - BLOCK, 0))
        its_total, its_rest = np.float64(sum_across(its_totals)), np.float64(sum_across(its_rests))
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


@helper
def exp_times(d, factor):
    """What makes softmax, or a gradient, of a shifted logit."""
    return exp(d) * factor


def row_writer(finish):
    """Make the function that writes a row whose sum is known, from its logits."""

    @outside
    def write_row(x, base, classes, m, scale, number, out, streams):
        """Write it past the caches unless ``streams`` is None: all but the lines it shares."""
        stay_outside()
        lanes, head = lanes_of(x), 0
        if streams is not None:
            head = min(before_line(out, base), classes)
            d = shifted(load_part(x, base, head, 0.0), m, scale)
            store_part(out, base, head, finish(d, number))
        part = (classes - head) % lanes
        end = base + classes - part
        for i in range(base + head, end, lanes):
            result = finish(shifted(load(x, i), m, scale), number)
            if streams is None:
                store(out, i, result)
            else:
                stream(out, i, result)
        if part:
            d = shifted(load_part(x, end, part, 0.0), m, scale)
            store_part(out, end, part, finish(d, number))

    return write_row


write_softmax = row_writer(exp_times)
write_log_softmax = row_writer(minus)
