"""Kernels for cross-entropy: the losses, and unless None the gradient in the same pass.

The gradient is p Σ a − a with the coefficients a of the log-probabilities.  The exponentials
are written where it will be, and multiplied when their sum is known.  With plain labels, a is
w at the label and 0 elsewhere, and the gradient at the label is −w (1 − p).  1 − p is what the
other probabilities sum to: none of its digits are lost where p rounds to 1.

The logits may be overwritten by their gradient: what is needed of them is read before.

All labels are checked before anything is written.  They are checked again where they are used,
as another thread may change them in between: a label that is then out of range is taken for an
ignored one, and reported.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from .drivers import near_group, over_blocks, over_long_rows, over_short_rows, store_lanes
from .exponential import SCALE, exp, log_sum
from .passes import (
    add_exponential,
    keep_exponential,
    max_of_row,
    scale_kept,
)
from .plan import BLOCK
from .simd.compile import INLINED_OPTIONS, inlined, kernel
from .simd.memory import (
    broadcast,
    first_lanes,
    lanes_of,
    load,
    load_labels,
    load_part,
    load_some,
    pointer,
    scratch,
    store,
    store_part,
    store_some,
)
from .simd.vectors import max_across, maximum, select, select_equal, sum_across

IGNORED, OUT_OF_RANGE = -1, -2  # instead of a label


class Labels(NamedTuple):
    """The operands of a pass; see ``drivers.py``.  Arrays are pointers, or None."""

    logits: object
    labels: object
    ignore_index: int
    weight: object
    scale: float  # of the gradient: 1 over what the mean divides by
    losses: object
    has_gradient: bool
    classes: int
    worst: object  # the largest −label so far as `load_labels` gives them, lane by lane


# --- Labels -----------------------------------------------------------------------------


@inlined
def label_of(labels, row, classes, ignore_index):
    """Return a row's label, IGNORED or OUT_OF_RANGE."""
    label = labels[row]
    if label == ignore_index:
        return IGNORED
    return label if 0 <= label < classes else OUT_OF_RANGE


@inlined
def weight_of(weight, label):
    """Return the weight of a class; 1 where there are no weights, 0 for no class."""
    if label < 0:
        return 0.0
    if weight is None:
        return 1.0
    return np.float64(weight[label])


@inlined
def first_bad_label(labels, classes, ignore_index, start, stop):
    """Return the first row whose label is out of range; ``start`` if there is none any more."""
    for row in range(start, stop):
        if label_of(labels, row, classes, ignore_index) == OUT_OF_RANGE:
            return row
    return start


@inlined
def count_labels(labels, rows, classes, ignore_index, weight):
    """Return the row of the first label out of range or −1, and the sum of the weights."""
    kept, bad = 0, 0  # counted without a branch, so that it is packed code
    for row in range(rows):
        is_kept = labels[row] != ignore_index
        kept += is_kept
        bad += is_kept & ((labels[row] < 0) | (labels[row] >= classes))
    if bad:
        return first_bad_label(labels, classes, ignore_index, 0, rows), 0.0
    if weight is None:
        return -1, float(kept)
    total = np.float64(0.0)
    for row in range(rows):
        total += weight_of(weight, label_of(labels, row, classes, ignore_index))
    return -1, total


@kernel
def check_labels(labels, classes, ignore_index, weight):
    """See ``reference.check_labels``."""
    return count_labels(pointer(labels), labels.size, classes, ignore_index, weight)


def inlined_sum(function):
    """Compile a function that adds numbers up in the order that is fastest."""
    return njit(**INLINED_OPTIONS, fastmath={"reassoc"})(function)


@inlined_sum
def sum_in_float64(losses, rows):
    """Return the sum of the losses."""
    total = np.float64(0.0)
    for i in range(rows):
        total += losses[i]
    return total


@kernel
def sum_losses(losses):
    """Return the sum in float64."""
    return sum_in_float64(pointer(losses), losses.size)


def with_labels(drive):
    """Make a function of labels of a driver: all that is done before and after the pass.

    It returns the row of a label out of range or −1, Σ losses and Σ weights.  Where it is given
    only a part of the rows, its caller checks the labels before and adds up the losses after.
    """

    @inlined
    def run(x, labels, ignore_index, weight, divisor, losses, dx, extra, start, stop):
        classes, is_whole = x.shape[1], stop - start == losses.size
        logits, labels, rows = pointer(x), pointer(labels), losses.size
        losses = pointer(losses)
        bad, weights_sum = -1, 0.0
        if is_whole:
            bad, weights_sum = count_labels(labels, rows, classes, ignore_index, weight)
            if bad >= 0:
                return bad, 0.0, 0.0
        scale = np.float64(1.0) / (divisor if divisor != 0.0 else weights_sum)
        worst = scratch(logits, 1)
        store(worst, 0, broadcast(worst, 0.0))
        operands = Labels(
            logits, labels, ignore_index, pointer(weight), scale, losses, dx is not None,
            classes, worst,
        )  # fmt: skip
        drive(x, None, dx, operands, extra, start, stop)
        if max_across(load(worst, 0)) > 1.5:
            bad = first_bad_label(labels, classes, ignore_index, start, stop)
        return bad, sum_in_float64(losses, rows) if is_whole else 0.0, weights_sum

    return run


# --- Losses and gradients of labels -----------------------------------------------------

FACTOR, AT_LABEL, WANTED = range(3)  # vectors of ``numbers``


@inlined
def loss_of(m, logit, total, below, weight, label):
    """Return the loss of a label, 0 for an ignored row whatever its logits are."""
    return select(label, 0.0, 0.0, ((m - logit) + log_sum(total, below)) * weight)


@inlined
def gradient_at_label(m, logit, total, below, scaled_weight):
    """Return −w (1 − p); 1 − p is the sum of the others over the total."""
    all_but_largest = select(total, 2.0 * SCALE, below, total - SCALE)
    others = select(logit, m, total - exp(logit - m), all_but_largest)
    return 0.0 - others / total * scaled_weight


@inlined
def label_of_row(row, operands):
    """Do `label_of` for a row of a pass."""
    return label_of(operands.labels, row, operands.classes, operands.ignore_index)


@inlined
def labels_of_rows(row, rows, operands):
    """Do `load_labels` for up to a vector's lanes of rows."""
    return load_labels(
        operands.logits, operands.labels, row, rows, operands.classes, operands.ignore_index
    )


@inlined
def pick_of_columns(columns, classes, row, rows, numbers, operands):
    """Return the labels of rows that lie in ``columns``, and their logits at them."""
    lanes = lanes_of(columns)
    wanted = labels_of_rows(row, rows, operands)
    found, label = broadcast(columns, 0.0), broadcast(columns, 0.0)
    for j in range(0, classes * lanes, lanes):
        found = select_equal(label, wanted, load(columns, j), found)
        label = label + 1.0
    return wanted, found


@inlined
def pick_of_rows(x, classes, row, rows, numbers, operands):
    """Return the labels of the rows of a group, and their logits at them, any without a label."""
    wanted = labels_of_rows(row, rows, operands)
    slot = AT_LABEL * lanes_of(x)
    for k in range(rows):
        label = operands.labels[row + k]
        numbers[slot + k] = x[(row + k) * classes + (label if 0 <= label < classes else 0)]
    return wanted, load(numbers, slot)


@inlined
def weights_of_rows(weight, row, rows, wanted, numbers, operands):
    """Return the weights of the rows of a group; 0 for ignored ones."""
    if weight is None:
        return select(wanted, 0.0, 0.0, 1.0)
    slot = AT_LABEL * lanes_of(numbers)
    for k in range(rows):
        numbers[slot + k] = weight_of(weight, label_of_row(row + k, operands))
    return load(numbers, slot)


@inlined
def lose_rows(row, rows, group_size, m, total, below, picked, numbers, operands):
    """Write the losses of a group, and keep what finishes its gradient."""
    wanted, logits = picked
    worst = operands.worst
    store(worst, 0, maximum(0.0 - wanted, load(worst, 0)))
    weights = weights_of_rows(operands.weight, row, rows, wanted, numbers, operands)
    store_part(operands.losses, row, rows, loss_of(m, logits, total, below, weights, wanted))
    if operands.has_gradient:
        lanes, scaled = lanes_of(numbers), weights * operands.scale
        at_label = gradient_at_label(m, logits, total, below, scaled)
        store_lanes(numbers, FACTOR * lanes, rows, group_size, scaled / total)
        store_lanes(numbers, AT_LABEL * lanes, rows, group_size, at_label)
        store_lanes(numbers, WANTED * lanes, rows, group_size, wanted)


@inlined
def read_label(row, operands):
    """Return a row's label or a number below 0, its logit and its weight; note a bad label."""
    label = label_of_row(row, operands)
    if label == OUT_OF_RANGE:
        operands.worst[0] = -OUT_OF_RANGE
    if label < 0:
        return label, 0.0, 0.0
    logit = operands.logits[row * operands.classes + label]
    return label, np.float64(logit), weight_of(operands.weight, label)


@inlined
def lose_row(row, m, total, below, picked, numbers, operands):
    """Write the loss of a row, and keep what finishes its gradient."""
    label, logit, weight = picked
    operands.losses[row] = loss_of(m, logit, total, below, weight, np.float64(label))
    scaled = weight * operands.scale
    numbers[AT_LABEL * lanes_of(numbers)] = gradient_at_label(m, logit, total, below, scaled)
    return scaled


@inlined
def finish_gradients(columns, classes, numbers):
    """Make gradients of the exponentials in ``columns``: multiply them, but at the label."""
    lanes = lanes_of(columns)
    factor, wanted = load(numbers, FACTOR * lanes), load(numbers, WANTED * lanes)
    at_label, label = load(numbers, AT_LABEL * lanes), broadcast(columns, 0.0)
    for j in range(0, classes * lanes, lanes):
        others = select(wanted, 0.0, 0.0, load(columns, j) * factor)
        store(columns, j, select_equal(label, wanted, at_label, others))
        label = label + 1.0


@inlined
def write_at_label(dx, row, classes, at_label, operands):
    """Write what is different at the label, or the zeros of an ignored row."""
    label, base = label_of_row(row, operands), row * classes
    if label < 0:
        for i in range(base, base + classes):
            dx[i] = 0.0
    else:
        dx[base + label] = at_label


@inlined
def amend_gradient(dx, row, classes, k, numbers, operands):
    """Do `write_at_label` for the k-th row of a group."""
    write_at_label(dx, row, classes, numbers[AT_LABEL * lanes_of(dx) + k], operands)


@inlined
def reported(found, report):
    """Return what was found; of a part of the rows nobody sees it, so a bad label is reported."""
    if found[0] >= 0:
        report[0] = found[0]
    return found


run_short = with_labels(
    over_short_rows(keep_exponential, True, pick_of_columns, lose_rows, finish_gradients)
)
run_long = with_labels(
    over_long_rows(keep_exponential, True, pick_of_rows, lose_rows, scale_kept, amend_gradient)
)
run_blocks = with_labels(over_blocks(True, read_label, lose_row, amend_gradient))


@kernel
def labels_short(x, labels, ignore_index, weight, divisor, losses, dx, report, start, stop):
    """Cross-entropy against labels, of short rows; see `with_labels`."""
    found = run_short(x, labels, ignore_index, weight, divisor, losses, dx, None, start, stop)
    return reported(found, report)


@kernel
def labels_long(
    x, labels, ignore_index, weight, divisor, losses, dx, report, group_size, several, start, stop
):
    """Cross-entropy against labels, of long rows; see `with_labels`."""
    extra = group_size, several
    found = run_long(x, labels, ignore_index, weight, divisor, losses, dx, extra, start, stop)
    return reported(found, report)


@kernel
def labels_blocks(
    x, labels, ignore_index, weight, divisor, losses, dx, report, nontemporal, maxima, start, stop
):
    """Cross-entropy against labels, of rows of several blocks; see `with_labels`."""
    extra = nontemporal, maxima
    found = run_blocks(x, labels, ignore_index, weight, divisor, losses, dx, extra, start, stop)
    return reported(found, report)


@inlined
def mean_loss_of(run, x, labels, ignore_index, dx, extra):
    """The most common call, on a small array of which the labels are one row, or several."""
    losses = np.empty(len(x), x.dtype)
    bad, total, weights = run(x, labels, ignore_index, None, 0.0, losses, dx, extra, 0, len(x))
    return bad, np.float64(total) / weights


@kernel
def mean_loss_small_short(x, labels, ignore_index, dx):
    """Do `mean_loss_of` for short rows."""
    return mean_loss_of(run_short, x, labels, ignore_index, dx, None)


@kernel
def mean_loss_small_long(x, labels, ignore_index, dx):
    """Do `mean_loss_of` for long rows of one block."""
    return mean_loss_of(run_long, x, labels, ignore_index, dx, (near_group(x), None))


# --- Smoothed labels, and probabilities -------------------------------------------------


@inlined
def coefficients(probs, weight, row, j, count, classes, certain, uniform, x):
    """w · (certain · q + uniform) for classes j, j + 1, …; 0 beyond count."""
    a = broadcast(x, uniform)
    if probs is not None:
        a = load_some(probs, row * classes + j, count, 0.0) * certain + uniform
    if weight is not None:
        a = a * load_some(weight, j, count, 0.0)
    if count is not None:
        a = first_lanes(a, count)
    return a


@inlined
def add_terms(sums, x, i, count, m, a, dx):
    """Add to four sums: the total, what is below the maximum, a, and a · (m − x)."""
    total, below, weights, crossed = sums
    d = load_some(x, i, count, -np.inf) - m
    total, below, e = add_exponential(total, below, d, True)
    if dx is not None:
        store_some(dx, i, count, e)
    # A coefficient of 0 contributes 0, even against a logit of −inf.
    term = select(a, 0.0, a * d, select(0.0, a, a * d, 0.0))
    return total, below, weights + a, crossed - term


@inlined
def coefficient_sums(x, row, classes, m, probs, weight, certain, uniform, dx):
    """The sums of `add_terms` over a row, in float64 from block to block."""
    base, lanes = row * classes, lanes_of(x)
    part = classes % lanes
    total, below, weights, crossed = 0.0, 0.0, 0.0, 0.0
    for start in range(0, classes, BLOCK):
        zero = broadcast(x, 0.0)
        sums = (zero, zero, zero, zero)
        for j in range(start, min(start + BLOCK, classes - part), lanes):
            a = coefficients(probs, weight, row, j, None, classes, certain, uniform, x)
            sums = add_terms(sums, x, base + j, None, m, a, dx)
        if part and start + BLOCK >= classes:
            j = classes - part
            a = coefficients(probs, weight, row, j, part, classes, certain, uniform, x)
            sums = add_terms(sums, x, base + j, part, m, a, dx)
        total += np.float64(sum_across(sums[0]))
        below += np.float64(sum_across(sums[1]))
        weights += np.float64(sum_across(sums[2]))
        crossed += np.float64(sum_across(sums[3]))
    return total, below, weights, crossed


@inlined
def coefficient_gradient(dx, row, classes, probs, weight, certain, uniform, factor, scale):
    """dx = e · factor − a · scale along a row, where dx holds the exponentials e."""
    base, lanes = row * classes, lanes_of(dx)
    part = classes % lanes
    for j in range(0, classes - part, lanes):
        a = coefficients(probs, weight, row, j, None, classes, certain, uniform, dx)
        e = load(dx, base + j) * (1.0 / SCALE)
        store(dx, base + j, e * factor - a * scale)
    if part:
        j = classes - part
        a = coefficients(probs, weight, row, j, part, classes, certain, uniform, dx)
        e = load_part(dx, base + j, part, 0.0) * (1.0 / SCALE)
        store_part(dx, base + j, part, e * factor - a * scale)


@inlined
def over_coefficients(x, _, dx, operands, extra, start, stop):
    """Drive over rows of which every class has a coefficient; see ``drivers.py``.

    ``extra`` is (probs, smoothing).  There are either labels or probs; the others are None.
    """
    probs, smoothing = extra
    drive_coefficients(
        pointer(x), operands.labels, pointer(probs), operands.weight, smoothing, pointer(dx),
        operands, start, stop,
    )  # fmt: skip


@inlined
def drive_coefficients(x, labels, probs, weight, smoothing, dx, operands, start, stop):
    """Do `over_coefficients`."""
    classes = operands.classes
    certain, uniform = 1.0 - smoothing, np.float64(smoothing) / classes
    for row in range(start, stop):
        label, logit, at_label = 0, 0.0, 0.0
        if labels is not None:
            label, logit, at_label = read_label(row, operands)
            at_label *= certain
        m = max_across(max_of_row(x, row * classes, classes))
        total, below, weights, crossed = coefficient_sums(
            x, row, classes, m, probs, weight, certain, uniform, dx
        )
        if labels is not None:
            weights += at_label
            crossed += at_label * (m - logit)
        loss = weights * log_sum(total, below) + crossed
        operands.losses[row] = 0.0 if label < 0 else loss
        if dx is not None:
            factor = weights * operands.scale * SCALE / total
            coefficient_gradient(
                dx, row, classes, probs, weight, certain, uniform, factor, operands.scale
            )
            if labels is not None:
                if label < 0:
                    write_at_label(dx, row, classes, 0.0, operands)
                else:
                    dx[row * classes + label] -= at_label * operands.scale


run_smoothed = with_labels(over_coefficients)


@kernel
def smoothed_labels(
    x, labels, ignore_index, weight, divisor, losses, dx, report, smoothing, start, stop
):
    """Cross-entropy against smoothed labels; see `with_labels`."""
    extra = None, smoothing
    found = run_smoothed(x, labels, ignore_index, weight, divisor, losses, dx, extra, start, stop)
    return reported(found, report)


@kernel
def probabilities(x, probs, weight, smoothing, divisor, losses, dx, start, stop):
    """Cross-entropy against probabilities."""
    scale, classes = np.float64(1.0) / divisor, x.shape[1]
    operands = Labels(
        pointer(x), None, 0, pointer(weight), scale, pointer(losses), dx is not None, classes, None
    )
    over_coefficients(x, None, dx, operands, (probs, smoothing), start, stop)
