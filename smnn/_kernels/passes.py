"""Passes over rows: the largest number of a row, its exponentials and their sums.

Two sums are kept of the exponentials of a row: the **total**, and what is **below** the
maximum, which leaves out the terms of the largest number.  Where one logit is far above the
others the total rounds to 1, and the loss consists of the sum below.

**Short rows** lie side by side, a lane for each (`gather_rows`): their maxima and sums are
found lane by lane.

**Long rows** are whole vectors and a part of one.  Rows are taken in groups, so that what is
one number for each row is computed for all rows of a group at once.  One pass works on three
rows (`three_rows`): it finds the maximum of a row of the next group, takes the exponentials of
a row of the current one, and writes the result of a row of the previous one.  What is kept of a
row until its sum is known stays in scratch memory that is never evicted from the cache, and
the result is written once.

Where **rows of several blocks** come from beyond the caches, they are worked on block by block
(`block_exponentials`), so that they are read once from memory: the exponentials of a block are
relative to its own maximum until that of the row is known.  Results that are too large for the
caches are written past them (`row_writer`).

The arguments that recur:

- ``i``, ``base``, ``current``, ``next_row``, ``previous``, ``slot`` are positions in an array or in
  scratch memory, ``classes`` and ``count`` are lengths; all count elements.
- ``row``, ``first``, ``start``, ``stop`` and ``group_size`` count rows; ``k`` is a row of a group.
- ``m`` is the maximum of a row: a number, or a vector with a lane for each row.
- ``several`` is True where a row is of several blocks, else None.
- ``scale`` multiplies the logits; None is 1.
- ``split`` is True where the sum below the maximum is wanted, else None.
- ``keep(d, e)`` says what is kept of a shifted logit d and its exponential e, and
  ``finish(kept, number)`` makes the result of it.

None for an array or a flag means that it is absent: numba compiles a kernel for it.
"""

import numpy as np

from .exponential import SCALE, exp
from .plan import BLOCK
from .simd.compile import inlined, noinline
from .simd.memory import (
    broadcast,
    copy,
    elements_to_alignment,
    lanes_of,
    load,
    load_part,
    lowest_of,
    store,
    store_nontemporal,
    store_part,
)
from .simd.transpose import max_each, sum_each, tile_of, transpose_in, transpose_out
from .simd.vectors import max_across, maximum, select, sum_across

VECTORS = 3  # that are kept of each row of a group: the two sums, and the maximum of the next
TOTAL, BELOW, NEXT_MAX = range(VECTORS)


@inlined
def shifted(v, m, scale):
    """Return (v − m) · scale."""
    if scale is None:
        return v - m
    return (v - m) * scale


@inlined
def max_of_vectors(x, i, stop, m):
    """Return lane by lane the maximum of m and of the whole vectors from ``x[i]`` to ``stop``."""
    lanes = lanes_of(x)
    a, b, c, d = m, m, m, m  # four at a time, as each waits for the one before
    while i + 4 * lanes <= stop:
        a = maximum(load(x, i), a)
        b = maximum(load(x, i + lanes), b)
        c = maximum(load(x, i + 2 * lanes), c)
        d = maximum(load(x, i + 3 * lanes), d)
        i += 4 * lanes
    while i < stop:
        a = maximum(load(x, i), a)
        i += lanes
    return maximum(maximum(a, b), maximum(c, d))


@inlined
def add_exponential(total, below, d, split):
    """Add exp(d) to the total, and to the sum below where d is below 0.

    Returns both sums and exp(d).
    """
    e = exp(d)
    if split is None:
        return total + e, below, e
    return total + e, below + select(d, 0.0, e, 0.0), e


@inlined
def accumulate(d, split, keep, kept, slot, total, below):
    """Add the exponentials of a vector to the sums, and keep what is needed of them.

    Nothing is kept where ``keep`` or ``kept``, the memory for it, is None.
    """
    total, below, e = add_exponential(total, below, d, split)
    if keep is not None:
        if kept is not None:
            store(kept, slot, keep(d, e))
    return total, below


@inlined
def keep_exponential(d, e):
    """Keep the exponential, of which `scale_kept` makes a probability or a gradient."""
    return e


@inlined
def scale_kept(kept, factor):
    """Finish what `keep_exponential` has kept."""
    return kept * factor


@inlined
def keep_shifted(d, e):
    """Keep the shifted logit, of which `subtract_lse` makes a log-probability."""
    return d


@inlined
def subtract_lse(kept, log):
    """Finish what `keep_shifted` has kept."""
    return kept - log


# --- Short rows -------------------------------------------------------------------------


@inlined
def exponentials(x, i, stop, m, scale, split, keep, kept):
    """Take the exponentials of the whole vectors from ``x[i]`` to ``stop``.

    What is kept of ``x[j]`` goes to ``kept[j]``; ``kept`` may be x.  Returns the total and the
    sum below, lane by lane.
    """
    lanes = lanes_of(x)
    total = broadcast(x, 0.0)
    below, total2, below2 = total, total, total  # two sums each: half as much rounding
    for j in range(i, stop - lanes, 2 * lanes):
        d, d2 = shifted(load(x, j), m, scale), shifted(load(x, j + lanes), m, scale)
        total, below = accumulate(d, split, keep, kept, j, total, below)
        total2, below2 = accumulate(d2, split, keep, kept, j + lanes, total2, below2)
    if (stop - i) % (2 * lanes):
        j = stop - lanes
        d = shifted(load(x, j), m, scale)
        total, below = accumulate(d, split, keep, kept, j, total, below)
    return total + total2, below + below2


@inlined
def gather_rows(x, row, stop, classes, columns, spare):
    """Put rows side by side into ``columns``, from ``row`` on, as many as a vector has lanes.

    The last rows of an array are fewer, and a tile that is wider than a row would reach beyond
    the array: such rows are first copied to ``spare``.  Lanes without a row get zeros, because
    what lay there before may be denormal, and a processor takes long over such numbers.
    """
    lanes = lanes_of(x)
    if row >= stop:
        return
    rows = min(lanes, stop - row)
    if rows == lanes and classes >= tile_of(x):
        transpose_in(x, row * classes, classes, columns)
    else:
        if rows < lanes:
            for i in range(0, (classes + tile_of(x)) * lanes, lanes):
                store(spare, i, broadcast(spare, 0.0))
        copy(x, row * classes, spare, 0, rows * classes)
        transpose_in(spare, 0, classes, columns)


@inlined
def scatter_rows(x, row, stop, classes, columns, spare):
    """Put the rows that `gather_rows` has gathered one behind the other again."""
    lanes = lanes_of(x)
    rows = min(lanes, stop - row)
    if rows == lanes and classes >= tile_of(x):
        transpose_out(x, row * classes, classes, columns)
    else:
        transpose_out(spare, 0, classes, columns)
        copy(spare, 0, x, row * classes, rows * classes)


@inlined
def vectors_for_columns(x, classes):
    """Return how many vectors `columns` take, and ``spare`` as well."""
    return classes + tile_of(x)


@inlined
def max_of_columns(columns, classes):
    """Return the maximum of each row that lies in ``columns``."""
    lowest = broadcast(columns, lowest_of(columns))
    return max_of_vectors(columns, 0, classes * lanes_of(columns), lowest)


# --- Long rows --------------------------------------------------------------------------


@inlined
def max_of_row(x, i, count):
    """Return lane by lane the maximum of a row, a finite one, so that −inf minus it is −inf.

    A nan is passed over here: it turns up again in the sums of the exponentials.
    """
    part = count % lanes_of(x)
    stop = i + count - part
    m = max_of_vectors(x, i, stop, broadcast(x, lowest_of(x)))
    if part:
        m = maximum(load_part(x, stop, part, -np.inf), m)
    return m


@inlined
def three_rows(
    x, current, next_row, previous, count, m, scale, split, keep, kept, slot, finish, number, out
):
    """Pass over three rows of the same length at once.

    The previous row, whose sum is known, is finished unless ``out`` is None: what was kept of it
    is taken out of its slot and written.  The exponentials of the current row are added up,
    and what is kept of them takes the same slot.  Of the next row the maximum is found.

    Returns lane by lane the total, the sum below and the maximum.
    """
    lanes = lanes_of(x)
    part = count % lanes
    whole = count - part
    total, next_max = broadcast(x, 0.0), broadcast(x, lowest_of(x))
    below, total2, below2 = total, total, total
    for j in range(0, whole - lanes, 2 * lanes):
        k = j + lanes  # two sums each: half as much rounding, and neither waits for the other
        next_max = maximum(load(x, next_row + k), maximum(load(x, next_row + j), next_max))
        d, d2 = shifted(load(x, current + j), m, scale), shifted(load(x, current + k), m, scale)
        if out is not None:
            store(out, previous + j, finish(load(kept, slot + j), number))
            store(out, previous + k, finish(load(kept, slot + k), number))
        total, below = accumulate(d, split, keep, kept, slot + j, total, below)
        total2, below2 = accumulate(d2, split, keep, kept, slot + k, total2, below2)
    if whole % (2 * lanes):
        j = whole - lanes
        d = shifted(load(x, current + j), m, scale)
        if out is not None:
            store(out, previous + j, finish(load(kept, slot + j), number))
        next_max = maximum(load(x, next_row + j), next_max)
        total, below = accumulate(d, split, keep, kept, slot + j, total, below)
    if part:
        j = whole
        d = shifted(load_part(x, current + j, part, -np.inf), m, scale)
        if out is not None:
            store_part(out, previous + j, part, finish(load(kept, slot + j), number))
        next_max = maximum(load_part(x, next_row + j, part, -np.inf), next_max)
        total, below = accumulate(d, split, keep, kept, slot + j, total, below)
    return total + total2, below + below2, next_max


@inlined
def place_of(x, which, k):
    """Return where a vector of row k of a group is kept, in elements."""
    lanes = lanes_of(x)
    return (which * lanes + k) * lanes


@inlined
def slot_of(x, k, classes):
    """Return where row k of a group is kept, in elements."""
    return k * vectors_of_row(x, classes) * lanes_of(x)


@inlined
def vectors_of_row(x, classes):
    """Return how many vectors a row takes."""
    return -(-classes // lanes_of(x))


@inlined
def sums_of_group(sums, which, group_size):
    """Return the sum of that vector of each row of a group, a lane for each row."""
    i = place_of(sums, which, 0)
    if group_size == 1:
        return broadcast(sums, sum_across(load(sums, i)))
    return sum_each(sums, i)


def group_pass(keep, finish, split):
    """Make the function that passes over the rows of a group.

    A group is as many rows as a vector has lanes, or fewer.
    """

    @noinline
    def pass_rows(
        x, first, stop, classes, group_size, several, scale, row_max, sums, kept, numbers, out
    ):
        """Do `three_rows` for each row of a group.

        If ``several`` is not None, a row is of several blocks and is taken a block at a time, as
        one sum would lose digits.
        """
        for k in range(min(group_size, stop - first)):
            row, number = first + k, 0.0 if numbers is None else numbers[k]
            m, slot = row_max[k], slot_of(x, k, classes)
            current, previous = row * classes, (row - group_size) * classes
            next_row = min(row + group_size, stop - 1) * classes
            total, below, next_max = three_rows(
                x, current, next_row, previous, classes if several is None else BLOCK,
                m, scale, split, keep, kept, slot, finish, number, out,
            )  # fmt: skip
            if several is not None:
                for j in range(BLOCK, classes, BLOCK):
                    block_total, block_below, block_max = three_rows(
                        x, current + j, next_row + j, previous + j, min(BLOCK, classes - j),
                        m, scale, split, keep, kept, slot + j, finish, number, out,
                    )  # fmt: skip
                    total, below = total + block_total, below + block_below
                    next_max = maximum(block_max, next_max)
            store(sums, place_of(sums, TOTAL, k), total)
            if split is not None:
                store(sums, place_of(sums, BELOW, k), below)
            store(sums, place_of(sums, NEXT_MAX, k), next_max)

    @inlined
    def pass_group(
        x, first, start, stop, classes, group_size, several,
        scale, row_max, sums, kept, numbers, out,
    ):  # fmt: skip
        """Pass over a group; return the maxima, the totals and the sums below of its rows.

        ``row_max`` and ``sums`` are scratch memory of 1 and VECTORS · lanes vectors.  ``numbers``
        finish the rows of the previous group.
        """
        place = place_of(sums, NEXT_MAX, 0)
        if first == start:  # there is no previous group, and no pass has found the maxima
            for k in range(min(group_size, stop - start)):
                next_max = max_of_row(x, (start + k) * classes, classes)
                store(sums, place_of(sums, NEXT_MAX, k), next_max)
        if group_size == 1:
            m = broadcast(sums, max_across(load(sums, place)))
        else:
            m = max_each(sums, place)
        store(row_max, 0, m)
        if first == start:
            pass_rows(
                x, first, stop, classes, group_size, several, scale, row_max, sums, kept, None, None
            )
        else:
            pass_rows(
                x, first, stop, classes, group_size, several,
                scale, row_max, sums, kept, numbers, out,
            )  # fmt: skip
        total = sums_of_group(sums, TOTAL, group_size)
        return m, total, total if split is None else sums_of_group(sums, BELOW, group_size)

    return pass_group


@inlined
def finish_row(x, base, slot, classes, kept, finish, number, out):
    """Finish one of the last rows, over which no other passes."""
    lanes = lanes_of(x)
    part = classes % lanes
    for j in range(0, classes - part, lanes):
        store(out, base + j, finish(load(kept, slot + j), number))
    if part:
        j = classes - part
        store_part(out, base + j, part, finish(load(kept, slot + j), number))


# --- Rows of several blocks -------------------------------------------------------------


@inlined
def finish_logit(logit, numbers):
    """Make a log-probability of the logit itself."""
    (m, log), scale = numbers
    return shifted(logit, m, scale) - log


@inlined
def relative_factor(m, to, scale):
    """Return exp of (m − to) · scale, a number."""
    if m == to:
        return 1.0
    return np.float64(exp(shifted(m, to, scale))) / SCALE


@inlined
def last_exponentials(x, i, count, m, scale, split, kept):
    """Take the exponentials of a block that may be shorter than the others."""
    part = count % lanes_of(x)
    stop = i + count - part
    total, below = exponentials(x, i, stop, m, scale, split, keep_exponential, kept)
    if part:
        d = shifted(load_part(x, stop, part, -np.inf), m, scale)
        total, below, e = add_exponential(total, below, d, split)
        if kept is not None:
            store_part(kept, stop, part, e)
    return total, below


@noinline
def block_exponentials(x, base, classes, scale, split, kept, block_max, logs, numbers):
    """Return the maximum of a row, the total and the sum below.

    The exponentials go to the same place of ``kept`` as the logits have in x.  They stay
    relative to the maximum of their block, which goes to ``block_max``, a number for each block.

    Where nothing is kept, the previous row can be finished in the same pass: ``logs`` receives
    its log-softmax, unless None, by its ``numbers``, the maximum and the log of its sum.
    """
    m, total, below = lowest_of(x), 0.0, 0.0
    compensation = 0.0  # of the total, for what was rounded off: added in the end
    vector_max = max_of_row(x, base, min(BLOCK, classes))
    for start in range(0, classes, BLOCK):
        i, count, m_block = base + start, min(BLOCK, classes - start), max_across(vector_max)
        if start + 2 * BLOCK > classes:
            totals, lanes_below = last_exponentials(x, i, count, m_block, scale, split, kept)
            if logs is not None:
                previous_max, log = numbers
                write_log_softmax(x, i - classes, count, previous_max, scale, log, logs, None)
            vector_max = max_of_row(x, i + count, max(classes - start - BLOCK, 0))
        elif logs is None:
            totals, lanes_below, vector_max = three_rows(
                x, i, i + BLOCK, i, BLOCK, m_block, scale, split,
                keep_exponential, kept, i, None, None, None,
            )  # fmt: skip
        else:  # of the previous row its logits are still there
            totals, lanes_below, vector_max = three_rows(
                x, i, i + BLOCK, i - classes, BLOCK, m_block, scale, split,
                None, x, i - classes, finish_logit, (numbers, scale), logs,
            )  # fmt: skip
        block_total = np.float64(sum_across(totals))
        block_below = np.float64(sum_across(lanes_below))
        block_max[start // BLOCK] = m_block
        larger = maximum(m, m_block)
        factor = relative_factor(m, larger, scale)
        block_factor = relative_factor(m_block, larger, scale)
        below = below if m == larger else total * factor
        below += block_below if m_block == larger else block_total * block_factor
        greater, smaller = total * factor, block_total * block_factor
        if greater < smaller:
            greater, smaller = smaller, greater
        total = greater + smaller
        compensation = compensation * factor + (smaller - (total - greater))
        m = larger
    return m, total + compensation, below


@inlined
def rescale_blocks(out, base, classes, scale, block_max, m, factor):
    """Make the exponentials of a row relative to its maximum m, times a factor / SCALE.

    These are two steps, as together they may be too small.
    """
    lanes = lanes_of(out)
    part = classes % lanes
    end = base + classes - part
    relative = 0.0
    for start in range(0, classes, BLOCK):
        relative = factor * relative_factor(block_max[start // BLOCK], m, scale)
        for i in range(base + start, min(base + start + BLOCK, end), lanes):
            store(out, i, load(out, i) * (1.0 / SCALE) * relative)
    if part:
        store_part(out, end, part, load_part(out, end, part, 0.0) * (1.0 / SCALE) * relative)


@inlined
def scale_exponential(d, factor):
    """Make a probability or a gradient of a shifted logit."""
    return exp(d) * factor


def row_writer(finish):
    """Make the function that writes a row whose sum is known, from its logits."""

    @noinline
    def write_row(x, base, classes, m, scale, number, out, nontemporal):
        """Write a row, all but the cache lines that it shares past the caches if nontemporal."""
        lanes, head = lanes_of(x), 0
        if nontemporal is not None:
            head = min(elements_to_alignment(out, base), classes)
            d = shifted(load_part(x, base, head, 0.0), m, scale)
            store_part(out, base, head, finish(d, number))
        part = (classes - head) % lanes
        end = base + classes - part
        for i in range(base + head, end, lanes):
            result = finish(shifted(load(x, i), m, scale), number)
            if nontemporal is None:
                store(out, i, result)
            else:
                store_nontemporal(out, i, result)
        if part:
            d = shifted(load_part(x, end, part, 0.0), m, scale)
            store_part(out, end, part, finish(d, number))

    return write_row


write_softmax = row_writer(scale_exponential)
write_log_softmax = row_writer(subtract_lse)
