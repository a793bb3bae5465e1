"""The ways through an array: one driver for each, made for an operation.

A driver is called as ``drive(x, scale, out, operands, extra, start, stop)``.  It works on the rows
from start to stop of x, an array of shape (rows, C); ``out`` is None where an operation writes
no array.  What an operation adds are a few inlined functions:

``keep(d, e)``, ``finish(kept, number)``, ``split``
    See ``passes.py``.
``reduce(row, rows, group_size, m, total, below, picked, numbers, operands)``
    Called when the sums of up to a vector's lanes of rows are known, each argument with a lane
    for each row.  It writes results of one number for each row to arrays among its
    ``operands``, and what finishes the rows to ``numbers``: scratch memory of a few vectors,
    of which the first holds the ``number`` of each row.
``pick``
    Called before the exponentials take the place of the logits: what has to be read of these.
``amend(out, row, classes, k, numbers, operands)``
    Called when a row has been written, k-th of its group: what is different in it.  Or None.
"""

from .exponential import SCALE
from .passes import (
    VECTORS,
    block_exponentials,
    exponentials,
    finish_row,
    gather_rows,
    group_pass,
    max_of_columns,
    rescale_blocks,
    scatter_rows,
    slot_of,
    vectors_for_columns,
    vectors_of_row,
    write_softmax,
)
from .plan import NEAR_SCRATCH_BYTES
from .simd.compile import inlined
from .simd.memory import (
    lanes_of,
    load,
    only_if,
    pointer,
    pointer_to,
    scratch,
    store,
    store_fence,
    store_part,
)

NUMBERS = 3  # vectors of ``numbers``


@inlined
def store_lanes(x, i, rows, group_size, vector):
    """Store a lane for each row, without a mask if the group is full: it delays who reads them.

    After a last group that is not full, the numbers of the group before are still needed.
    """
    if rows == group_size:
        store(x, i, vector)
    else:
        store_part(x, i, rows, vector)


def finish_columns(finish):
    """Make the function that finishes the rows that lie in ``columns``."""

    @inlined
    def finish_all(columns, classes, numbers):
        lanes = lanes_of(columns)
        number = load(numbers, 0)
        for j in range(0, classes * lanes, lanes):
            store(columns, j, finish(load(columns, j), number))

    return finish_all


def over_short_rows(keep, split, pick, reduce, finish_all):
    """Make the driver for rows that are shorter than a few vectors.

    As many rows as a vector has lanes lie side by side, in one of three sets of columns:
    while the exponentials of one are taken, the next one is gathered and the previous one,
    whose sums are known, is finished.  ``finish_all(columns, classes, numbers)`` finishes rows.
    """

    @inlined
    def drive(x, scale, out, operands, extra, start, stop):
        classes = x.shape[1]
        x, result = pointer(x), pointer(out)
        lanes, vectors = lanes_of(x), vectors_for_columns(x, classes)
        columns, next_columns, done = scratch(x, vectors), scratch(x, vectors), scratch(x, vectors)
        spare = scratch(x, vectors)
        numbers, numbers_done = scratch(x, NUMBERS), scratch(x, NUMBERS)
        gather_rows(x, start, stop, classes, columns, spare)
        for row in range(start, stop + lanes, lanes):  # a round more, for the last rows
            if row < stop:
                rows = min(lanes, stop - row)
                m = max_of_columns(columns, classes)
                picked = pick(columns, classes, row, rows, numbers, operands)
                total, below = exponentials(
                    columns, 0, classes * lanes, m, scale, split, keep, only_if(out, columns)
                )
                gather_rows(x, row + lanes, stop, classes, next_columns, spare)
                # Lanes without a row get numbers too: what lay there before may be denormal.
                reduce(row, rows, rows, m, total, below, picked, numbers, operands)
            if out is not None:
                if row > start:
                    finish_all(done, classes, numbers_done)
                    scatter_rows(result, row - lanes, stop, classes, done, spare)
            columns, next_columns, done = next_columns, done, columns
            numbers, numbers_done = numbers_done, numbers

    return drive


@inlined
def near_group(x):
    """Return how many rows make a group of long rows of an array that stays in a cache."""
    return max(1, min(NEAR_SCRATCH_BYTES // (x.shape[1] * x.itemsize), lanes_of(x)))


def over_long_rows(keep, split, pick, reduce, finish, amend):
    """Make the driver for rows of one block, or of several that stay in a cache.

    ``extra`` is (group_size, several): how many rows make a group, and True where rows are of
    several blocks, else None.
    """
    pass_group = group_pass(keep, finish, split)

    @inlined
    def drive(x, scale, out, operands, extra, start, stop):
        classes = x.shape[1]
        group_size, several = extra
        x, result = pointer(x), pointer(out)
        lanes = lanes_of(x)
        rows_kept = 0 if out is None else group_size
        row_max, sums, numbers = scratch(x, 1), scratch(x, VECTORS * lanes), scratch(x, NUMBERS)
        kept = only_if(out, scratch(x, rows_kept * vectors_of_row(x, classes)))
        for first in range(start, stop, group_size):
            rows = min(group_size, stop - first)
            m, total, below = pass_group(
                x, first, start, stop, classes, group_size, several,
                scale, row_max, sums, kept, numbers, result,
            )  # fmt: skip
            if out is not None:
                if amend is not None:
                    for k in range(rows if first > start else 0):
                        amend(result, first - group_size + k, classes, k, numbers, operands)
            picked = pick(x, classes, first, rows, numbers, operands)
            reduce(first, rows, group_size, m, total, below, picked, numbers, operands)
        if out is not None:
            for row in range(max(start, stop - group_size), stop):
                k = (row - start) % group_size
                slot = slot_of(x, k, classes)
                finish_row(x, row * classes, slot, classes, kept, finish, numbers[k], result)
                if amend is not None:
                    amend(result, row, classes, k, numbers, operands)

    return drive


def over_blocks(split, pick, reduce, amend):
    """Make the driver for rows of several blocks, of which the exponentials are written.

    ``extra`` is (nontemporal, maxima): True where the results are written past the caches, else
    None, and memory of shape (rows, blocks).  ``pick(row, operands)`` and
    ``reduce(row, m, total, below, picked, numbers, operands)`` get one row; reduce returns the
    factor of its probabilities.
    """

    @inlined
    def drive(x, scale, out, operands, extra, start, stop):
        nontemporal, maxima = extra
        drive_blocks(
            pointer(x), scale, pointer(out), operands, nontemporal, pointer(maxima),
            maxima.shape[1], x.shape[1], start, stop,
        )  # fmt: skip

    @inlined
    def drive_blocks(x, scale, out, operands, nontemporal, maxima, blocks, classes, start, stop):
        numbers = scratch(x, NUMBERS)
        for row in range(start, stop):
            base, block_max = row * classes, pointer_to(maxima, row * blocks)
            picked = pick(row, operands)
            if nontemporal is None:
                m, total, below = block_exponentials(
                    x, base, classes, scale, split, out, block_max, None, None
                )
            else:
                m, total, below = block_exponentials(
                    x, base, classes, scale, split, None, block_max, None, None
                )
            factor = reduce(row, m, total, below, picked, numbers, operands)
            if out is not None:
                if nontemporal is None:
                    factor *= SCALE / total
                    rescale_blocks(out, base, classes, scale, block_max, m, factor)
                else:
                    write_softmax(x, base, classes, m, scale, factor / total, out, nontemporal)
                if amend is not None:
                    amend(out, row, classes, 0, numbers, operands)
        if nontemporal is not None:
            store_fence()

    return drive
