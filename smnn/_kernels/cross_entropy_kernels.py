"""Kernels for cross-entropy: the losses, and unless None the gradient in the same pass.

The gradient is p Σ a − a with the coefficients a of the log-probabilities.  The exponentials
are written where it will stand, and multiplied when their sum is known.  With plain labels,
a is w at the label and 0 elsewhere, and the gradient at the label is −w (1 − p).  That share
of the others, 1 − p, is what they sum to: no digit of it is lost where p rounds to 1.

The logits may be overwritten by their gradient: what is needed of them is read before.
"""

import numpy as np
from numba import njit

from .compile import helper, kernel
from .exponential import SCALE, exp, log_sum
from .memory import (
    end_streams,
    first_of,
    lanes_of,
    load,
    load_labels,
    load_part,
    load_some,
    only_if,
    pointer,
    room_for,
    spread,
    store,
    store_part,
    store_some,
)
from .rows import (
    BLOCK,
    add_exponential,
    block_exponentials,
    exponentials,
    finish_row,
    gather_next,
    largest_of_columns,
    multiply_blocks,
    pass_exponentials,
    pass_sums,
    row_largest,
    scatter_rows,
    store_lanes,
    times,
    vectors_for_columns,
    vectors_for_group,
    write_softmax,
)
from .vectors import choose, choose_equal, max_across, sum_across

# --- Before and after -------------------------------------------------------------------


@helper
def weight_of(weight, label):
    """The weight of a class, 1 where there are no weights."""
    if weight is None:
        return 1.0
    return weight[label]


@kernel
def check_labels(labels, classes, ignore_index, weight):
    """See ``reference.check_labels``."""
    return count_labels(labels, classes, ignore_index, weight, 0, labels.size)


@helper
def count_labels(labels, classes, ignore_index, weight, start, stop):
    """The row of a label out of range or −1, and the sum of the weights of the labels.

    A kernel that is given a part of the rows leaves this to its caller.
    """
    if stop - start < labels.size:
        return -1, 0.0
    kept, wrong = 0, 0  # counted without a branch, so that it is packed code
    for row in range(labels.size):
        is_kept = labels[row] != ignore_index
        kept += is_kept
        wrong += is_kept & ((labels[row] < 0) | (labels[row] >= classes))
    if wrong:
        row = 0
        while labels[row] == ignore_index or 0 <= labels[row] < classes:
            row += 1
        return row, 0.0
    if weight is None:
        return -1, float(kept)
    total = np.float64(0.0)
    for row in range(labels.size):
        if labels[row] != ignore_index:
            total += weight[labels[row]]
    return -1, total


@kernel
def sum_losses(losses):
    """The sum in float64."""
    return sum_if_all(losses, 0, losses.size)


@njit(fastmath={"reassoc"}, forceinline=True)
def sum_if_all(losses, start, stop):
    """The sum of all losses in float64, or 0 where only a part was computed."""
    total = np.float64(0.0)
    if stop - start == losses.size:
        for i in range(losses.size):
            total += losses[i]
    return total


# --- Labels -----------------------------------------------------------------------------


@helper
def at_its_label(x, row, classes, labels, ignore_index, weight):
    """The logit and the weight at a row's label; 0 and 0 for an ignored row."""
    label = labels[row]
    if label == ignore_index:
        return 0.0, 0.0
    return x[row * classes + label], weight_of(weight, label)


@helper
def share_of_others(m, logits, total, rest):
    """1 − p at the label."""
    all_but_largest = choose(total, 2.0 * SCALE, rest, total - SCALE)
    return choose(logits, m, total - exp(logits - m), all_but_largest) / total


@helper
def finish_label(dx, row, classes, labels, ignore_index, at_label):
    """Write what is different at the label, or the zeros of an ignored row."""
    label, base = labels[row], row * classes
    if label == ignore_index:
        for i in range(base, base + classes):
            dx[i] = 0.0
    else:
        dx[base + label] = at_label


@helper
def logits_at_labels(columns, classes, wanted):
    """The number of each row that stands in ``columns`` at its label, 0 without a label."""
    lanes = lanes_of(columns)
    found, label = spread(columns, 0.0), spread(columns, 0.0)
    for j in range(0, classes * lanes, lanes):
        found = choose_equal(label, wanted, load(columns, j), found)
        label = label + 1.0
    return found


@helper
def logits_of_rows(x, row, rows, classes, labels, ignore_index, room):
    """The logit of each row of a group at its label, 0 for an ignored one."""
    for k in range(rows):
        label = labels[row + k]
        room[k] = 0.0 if label == ignore_index else x[(row + k) * classes + label]
    return load(room, 0)


@helper
def load_weights(weight, labels, row, rows, ignore_index, wanted, room):
    """The weights of up to a vector's lanes of rows; 0 for ignored ones."""
    if weight is None:
        return choose(wanted, 0.0, 0.0, 1.0)
    for k in range(rows):
        label = labels[row + k]
        room[k] = 0.0 if label == ignore_index else weight[label]
    return load(room, 0)


@helper
def finish_columns(columns, classes, wanted, factors, at_label):
    """Make gradients of exponentials: multiply them, but at the label."""
    lanes = lanes_of(columns)
    label = spread(columns, 0.0)
    for j in range(0, classes * lanes, lanes):
        others = choose(wanted, 0.0, 0.0, load(columns, j) * factors)
        store(columns, j, choose_equal(label, wanted, at_label, others))
        label = label + 1.0


@helper
def pass_short(x, labels, ignore_index, weight, divisor, losses, dx, start, stop):
    """What `labels_short` does, as part of a kernel."""
    classes = x.shape[1]
    bad, weights_sum = count_labels(labels, classes, ignore_index, weight, start, stop)
    if bad >= 0:
        return bad, 0.0, 0.0
    scale = np.float64(1.0) / (divisor if divisor != 0.0 else weights_sum)
    all_losses = losses
    x, labels, losses = pointer(x), pointer(labels), pointer(losses)
    weight, gradient = pointer(weight), pointer(dx)
    lanes, vectors, zero = lanes_of(x), vectors_for_columns(x, classes), spread(x, 0.0)
    columns, ahead, behind = room_for(x, vectors), room_for(x, vectors), room_for(x, vectors)
    room, its_weights = room_for(x, vectors), room_for(x, 1)
    wanted, m, logits, total, rest = zero, zero, zero, zero, zero
    wanted_behind, factors_behind, at_label_behind = zero, zero, zero
    gather_next(x, start, stop, classes, columns, room)
    for row in range(start, stop + lanes, lanes):  # a round more, for the last rows
        rows = min(lanes, stop - row)
        if row < stop:
            wanted = load_labels(x, labels, row, rows, ignore_index)
            m = largest_of_columns(columns, classes)
            logits = logits_at_labels(columns, classes, wanted)
            total, rest = exponentials(
                columns, 0, classes * lanes, m, None, True, only_if(dx, columns)
            )
            gather_next(x, row + lanes, stop, classes, ahead, room)
        if dx is not None and row > start:
            finish_columns(behind, classes, wanted_behind, factors_behind, at_label_behind)
            scatter_rows(gradient, row - lanes, min(lanes, rows + lanes), classes, behind, room)
        if row < stop:
            weights = load_weights(weight, labels, row, rows, ignore_index, wanted, its_weights)
            loss = ((m - logits) + log_sum(total, rest)) * weights
            store_part(losses, row, rows, choose(wanted, 0.0, 0.0, loss))
            if dx is not None:
                wanted_behind, scaled = wanted, weights * scale
                at_label_behind = 0.0 - share_of_others(m, logits, total, rest) * scaled
                factors_behind = scaled / total
        columns, ahead, behind = ahead, behind, columns
    return -1, sum_if_all(all_losses, start, stop), weights_sum


@kernel
def labels_short(x, labels, ignore_index, weight, divisor, losses, dx, start, stop):
    return pass_short(x, labels, ignore_index, weight, divisor, losses, dx, start, stop)


@kernel
def mean_loss_short(x, labels, ignore_index, dx):
    """The most common call, with few arguments: on a small array each of them costs time."""
    losses = np.empty(len(x), x.dtype)
    bad, total, weights = pass_short(x, labels, ignore_index, None, 0.0, losses, dx, 0, len(x))
    return bad, np.float64(total) / weights


@kernel
def labels_long(x, labels, ignore_index, weight, divisor, losses, dx, many, blocks, start, stop):
    classes = x.shape[1]
    bad, weights_sum = count_labels(labels, classes, ignore_index, weight, start, stop)
    if bad >= 0:
        return bad, 0.0, 0.0
    scale = np.float64(1.0) / (divisor if divisor != 0.0 else weights_sum)
    all_losses = losses
    x, labels, losses = pointer(x), pointer(labels), pointer(losses)
    weight, gradient = pointer(weight), pointer(dx)
    room = room_for(x, vectors_for_group(x, 0 if dx is None else classes, many))
    factors, at_label, numbers = room_for(x, 1), room_for(x, 1), room_for(x, 1)
    for first in range(start, stop, many):
        rows = min(many, stop - first)
        if dx is None:
            peaks, totals, rests = pass_sums(
                x, first, start, stop, classes, many, blocks, None, True, None, None, room
            )
        else:
            peaks, totals, rests = pass_exponentials(
                x, first, start, stop, classes, many, blocks, None, True, factors, gradient, room
            )
        if dx is not None and first > start:
            for k in range(rows):
                row = first - many + k
                finish_label(gradient, row, classes, labels, ignore_index, at_label[k])
        wanted = load_labels(x, labels, first, rows, ignore_index)
        logits = logits_of_rows(x, first, rows, classes, labels, ignore_index, numbers)
        weights = load_weights(weight, labels, first, rows, ignore_index, wanted, numbers)
        loss = ((peaks - logits) + log_sum(totals, rests)) * weights
        store_part(losses, first, rows, choose(wanted, 0.0, 0.0, loss))
        if dx is not None:
            scaled = weights * scale
            share = share_of_others(peaks, logits, totals, rests)
            store_lanes(factors, 0, rows, many, scaled / totals)
            store_lanes(at_label, 0, rows, many, 0.0 - share * scaled)
    if dx is not None:
        for row in range(max(start, stop - many), stop):
            number = at_label[(row - start) % many]
            finish_row(x, row, start, classes, many, times, factors, gradient, room)
            finish_label(gradient, row, classes, labels, ignore_index, number)
    return -1, sum_if_all(all_losses, start, stop), weights_sum


@kernel
def labels_blocks(
    x, labels, ignore_index, weight, divisor, losses, dx, peaks, streams, start, stop
):
    classes, blocks = x.shape[1], peaks.shape[1]
    bad, weights_sum = count_labels(labels, classes, ignore_index, weight, start, stop)
    if bad >= 0:
        return bad, 0.0, 0.0
    scale = np.float64(1.0) / (divisor if divisor != 0.0 else weights_sum)
    all_losses = losses
    x, labels, losses, peaks = pointer(x), pointer(labels), pointer(losses), pointer(peaks)
    weight, gradient = pointer(weight), pointer(dx)
    for row in range(start, stop):
        base, slot = row * classes, row * blocks
        logit, its_weight = at_its_label(x, row, classes, labels, ignore_index, weight)
        if streams is None:
            m, total, rest = block_exponentials(
                x, base, classes, None, True, gradient, peaks, slot, None, None
            )
        else:
            m, total, rest = block_exponentials(
                x, base, classes, None, True, None, peaks, slot, None, None
            )
        losses[row] = ((m - logit) + log_sum(total, rest)) * its_weight
        if dx is not None:
            factor = its_weight * scale
            at_label = -share_of_others(m, logit, total, rest) * factor
            if streams is None:
                factor *= SCALE / total
                multiply_blocks(gradient, base, classes, None, peaks, slot, m, factor)
            else:
                write_softmax(x, base, classes, m, None, factor / total, gradient, streams)
            finish_label(gradient, row, classes, labels, ignore_index, at_label)
        if labels[row] == ignore_index:
            losses[row] = 0.0
    if streams is not None:
        end_streams()
    return -1, sum_if_all(all_losses, start, stop), weights_sum


# --- Smoothed labels, and probabilities -------------------------------------------------


@helper
def coefficients(probs, weight, row, j, count, classes, keep, uniform, x):
    """w · (keep · q + uniform) for classes j, j + 1, …; 0 beyond count."""
    a = spread(x, uniform)
    if probs is not None:
        a = load_some(probs, row * classes + j, count, 0.0) * keep + uniform
    if weight is not None:
        a = a * load_some(weight, j, count, 0.0)
    if count is not None:
        a = first_of(a, count)
    return a


@helper
def add_terms(sums, x, i, count, m, a, dx):
    """Add to four sums: the total, the rest, the coefficients a, and a · (m − x)."""
    total, rest, weights, crossed = sums
    d = load_some(x, i, count, -np.inf) - m
    total, rest, e = add_exponential(total, rest, d, True)
    if dx is not None:
        store_some(dx, i, count, e)
    # A coefficient of 0 contributes 0, even against a logit of −inf.
    term = choose(a, 0.0, a * d, choose(0.0, a, a * d, 0.0))
    return total, rest, weights + a, crossed - term


@helper
def coefficient_sums(x, row, classes, m, probs, weight, keep, uniform, dx):
    """The sums of `add_terms` over a row, in float64 from block to block."""
    base, lanes = row * classes, lanes_of(x)
    part = classes % lanes
    total, rest, weights, crossed = 0.0, 0.0, 0.0, 0.0
    for start in range(0, classes, BLOCK):
        zero = spread(x, 0.0)
        sums = (zero, zero, zero, zero)
        for j in range(start, min(start + BLOCK, classes - part), lanes):
            a = coefficients(probs, weight, row, j, None, classes, keep, uniform, x)
            sums = add_terms(sums, x, base + j, None, m, a, dx)
        if part and start + BLOCK >= classes:
            j = classes - part
            a = coefficients(probs, weight, row, j, part, classes, keep, uniform, x)
            sums = add_terms(sums, x, base + j, part, m, a, dx)
        total += np.float64(sum_across(sums[0]))
        rest += np.float64(sum_across(sums[1]))
        weights += np.float64(sum_across(sums[2]))
        crossed += np.float64(sum_across(sums[3]))
    return total, rest, weights, crossed


@helper
def coefficient_gradient(dx, row, classes, probs, weight, keep, uniform, factor, scale):
    """dx = e · factor − a · scale along a row, where dx holds the exponentials e."""
    base, lanes = row * classes, lanes_of(dx)
    part = classes % lanes
    for j in range(0, classes - part, lanes):
        a = coefficients(probs, weight, row, j, None, classes, keep, uniform, dx)
        e = load(dx, base + j) * (1.0 / SCALE)
        store(dx, base + j, e * factor - a * scale)
    if part:
        j = classes - part
        a = coefficients(probs, weight, row, j, part, classes, keep, uniform, dx)
        e = load_part(dx, base + j, part, 0.0) * (1.0 / SCALE)
        store_part(dx, base + j, part, e * factor - a * scale)


@kernel
def smoothed_labels(x, labels, ignore_index, weight, smoothing, divisor, losses, dx, start, stop):
    classes = x.shape[1]
    bad, weights_sum = count_labels(labels, classes, ignore_index, weight, start, stop)
    if bad >= 0:
        return bad, 0.0, 0.0
    scale = np.float64(1.0) / (divisor if divisor != 0.0 else weights_sum)
    all_losses = losses
    x, labels, losses = pointer(x), pointer(labels), pointer(losses)
    weight, gradient = pointer(weight), pointer(dx)
    keep, uniform = 1.0 - smoothing, np.float64(smoothing) / classes
    for row in range(start, stop):
        base, label = row * classes, labels[row]
        if label == ignore_index:
            losses[row] = 0.0
            if dx is not None:
                finish_label(gradient, row, classes, labels, ignore_index, 0.0)
            continue
        logit, at_label = x[base + label], keep * weight_of(weight, label)
        m = max_across(row_largest(x, base, classes))
        total, rest, weights, crossed = coefficient_sums(
            x, row, classes, m, None, weight, keep, uniform, gradient
        )
        if at_label != 0.0:
            weights += at_label
            crossed += at_label * (m - logit)
        losses[row] = weights * log_sum(total, rest) + crossed
        if dx is not None:
            factor = weights * scale * SCALE / total
            coefficient_gradient(gradient, row, classes, None, weight, keep, uniform, factor, scale)
            gradient[base + label] -= at_label * scale
    return -1, sum_if_all(all_losses, start, stop), weights_sum


@kernel
def probabilities(x, probs, weight, smoothing, divisor, losses, dx, start, stop):
    classes = x.shape[1]
    x, probs, losses = pointer(x), pointer(probs), pointer(losses)
    weight, gradient = pointer(weight), pointer(dx)
    keep, uniform = 1.0 - smoothing, np.float64(smoothing) / classes
    scale = np.float64(1.0) / divisor
    for row in range(start, stop):
        m = max_across(row_largest(x, row * classes, classes))
        total, rest, weights, crossed = coefficient_sums(
            x, row, classes, m, probs, weight, keep, uniform, gradient
        )
        losses[row] = weights * log_sum(total, rest) + crossed
        if dx is not None:
            factor = weights * scale * SCALE / total
            coefficient_gradient(
                gradient, row, classes, probs, weight, keep, uniform, factor, scale
            )
