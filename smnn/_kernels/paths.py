"""Kernel for a sum over all paths: connectionist temporal classification, loss and gradient.

A probability of many frames is too small for a float.  Here it is a pair (m, s) that means
s · 2ᵐ, and two of them are added by the operator that merges the parts of a log-sum-exp, with 2
for e: (m₁, s₁) ⊕ (m₂, s₂) = (m, s₁ 2^(m₁ − m) + s₂ 2^(m₂ − m)), where m is the larger of both.
So no exponential and no logarithm is taken where paths meet.  No path has m = −inf.

A sequence of L labels has L + 1 places for blanks.  From one frame to the next

    blank j  receives from  blank j, label j − 1,
    label j  receives from  label j, blank j, and label j − 1 if that is another class.

Blanks and labels lie in arrays of their own, a lane for each.  A row of ``work`` has six such
arrays, each after a vector that is free, so that there is something before the first label and
after the last.  Row t + 1 holds m and s of the labels and of the blanks after frame t, and what
frame t gives: to the labels and, in the lane after the last of them, to every blank.
"""

import numpy as np

from .exponential import SCALE, exp_parts, power
from .passes import last_exponentials, max_of_row
from .plan import BLOCK
from .simd.compile import inlined, kernel, noinline
from .simd.emulation import VECTOR_BYTES
from .simd.memory import broadcast, fill, lanes_of, load, pointer, store
from .simd.vectors import exponent, max_across, maximum, select, significand, sum_across

ARRAYS = 6  # of a row of ``work``
FURTHEST = -100.0  # powers of 2: what is smaller than another by more is not seen beside it
LARGE = 1e200


def work_shape(frames, longest, dtype):
    """Return the shape of ``work`` for sequences of up to so many frames and labels.

    The two rows after the frames serve the way back.
    """
    lanes = VECTOR_BYTES // dtype.itemsize
    return frames + 3, ARRAYS, (1 + -(-(longest + 1) // lanes)) * lanes


@inlined
def share_of(m, s, top):
    """s · 2^(m − top), where m is at most top."""
    return s * power(maximum(m - top, FURTHEST))


@inlined
def merge(m, s, m2, s2):
    """(m, s) ⊕ (m2, s2)."""
    top = maximum(m, m2)
    return top, share_of(m, s, top) + share_of(m2, s2, top)


@inlined
def store_pair(work, i, width, m, s):
    """Store m, and s in the array after its own, so that s is from 1 to 2."""
    store(work, i, m + exponent(s))
    store(work, i + width, significand(s))


@noinline
def fill_pairs(work, i, width, count):
    """Write that no path comes by to the labels and the blanks of a row, whole vectors of them."""
    for j in range(i, i + count, lanes_of(work)):
        for k in range(j, j + 4 * width, 2 * width):
            store(work, k, broadcast(work, -np.inf))
            store(work, k + width, broadcast(work, 1.0))


@noinline
def read_frame(x, dx, base, classes, weight):
    """Put ``weight`` times the softmax of a row of x into dx.

    Returns the maximum of the row, and the sum of exp(x − maximum), which is no positive number
    where softmax is not defined.
    """
    m = max_across(max_of_row(x, base, classes))
    total = 0.0
    for first in range(0, classes, BLOCK):
        count = min(BLOCK, classes - first)
        block, _ = last_exponentials(x, base + first, count, m, None, None, dx)
        total += np.float64(sum_across(block))
    factor = weight / total
    end = base + classes
    whole = end - classes % lanes_of(x)
    for i in range(base, whole, lanes_of(x)):
        store(dx, i, load(dx, i) * factor)
    for i in range(whole, end):
        dx[i] *= factor
    return m, total * (1.0 / SCALE)


@noinline
def step_forward(work, i, width, count, skips):
    """Lead the paths on by a frame.

    ``i`` is where the labels of a row of ``work`` begin.  The next row holds what the frame gives,
    and receives the paths.
    """
    lanes, row = lanes_of(work), ARRAYS * width
    work[i - 1], work[i - 1 + width] = -np.inf, 1.0  # there is no label before the first
    for_blanks = i + row + count
    for_blanks_m, for_blanks_s = work[for_blanks + 4 * width], work[for_blanks + 5 * width]
    for j in range(i, i + count + 1, lanes):
        m, s = load(work, j), load(work, j + width)
        blank_m, blank_s = load(work, j + 2 * width), load(work, j + 3 * width)
        before_m, before_s = load(work, j - 1), load(work, j - 1 + width)
        for_m, for_s = load(work, j + row + 4 * width), load(work, j + row + 5 * width)
        top, total = merge(blank_m, blank_s, before_m, before_s)
        store_pair(work, j + row + 2 * width, width, top + for_blanks_m, total * for_blanks_s)
        top, total = merge(blank_m, blank_s, before_m + load(work, skips + j - i), before_s)
        top, total = merge(top, total, m, s)
        store_pair(work, j + row, width, top + for_m, total * for_s)


@noinline
def step_back(work, i, later, found, width, count, skips):
    """Lead the ends of paths back by a frame, and join them with their beginnings.

    ``later``, a row of ``work`` as the one at ``i``, holds the ends from the next frame on, and
    becomes those from this frame on.  The pairs of whole paths go to ``found``; the largest m of
    them is returned.
    """
    lanes = lanes_of(work)
    for_blanks_m, for_blanks_s = work[i + count + 4 * width], work[i + count + 5 * width]
    largest = broadcast(work, -np.inf)
    for j in range(0, count + 1, lanes):
        k, to = later + j, found + j
        m, s = load(work, k), load(work, k + width)
        blank_m, blank_s = load(work, k + 2 * width), load(work, k + 3 * width)
        after_m, after_s = load(work, k + 1), load(work, k + 1 + width)
        next_m, next_s = load(work, k + 1 + 2 * width), load(work, k + 1 + 3 * width)
        for_m, for_s = load(work, i + j + 4 * width), load(work, i + j + 5 * width)
        blank_m, blank_s = merge(blank_m, blank_s, m, s)
        store_pair(work, k + 2 * width, width, blank_m + for_blanks_m, blank_s * for_blanks_s)
        next_m, next_s = merge(next_m, next_s, after_m + load(work, skips + j + 1), after_s)
        m, s = merge(m, s, next_m, next_s)
        store_pair(work, k, width, m + for_m, s * for_s)
        m, blank_m = m + load(work, i + j), blank_m + load(work, i + j + 2 * width)
        store(work, to, m)
        store(work, to + width, s * load(work, i + j + width))
        store(work, to + 2 * width, blank_m)
        store(work, to + 3 * width, blank_s * load(work, i + j + 3 * width))
        largest = maximum(maximum(m, blank_m), largest)
    return max_across(largest)


@inlined
def put_shares(work, i, width, count, top):
    """Put s · 2^(m − top) in place of s, 0 where it is far below 1; return the sum."""
    total = broadcast(work, 0.0)
    for j in range(i, i + count + 1, lanes_of(work)):
        m = load(work, j)
        share = select(m - top, FURTHEST, 0.0, share_of(m, load(work, j + width), top))
        store(work, j + width, share)
        total = total + share
    return np.float64(sum_across(total))


@noinline
def subtract_shares(work, found, width, count, top, dx, base, labels, blank, weight):
    """Subtract from a row of dx the shares that labels and blanks have in all paths."""
    of_blanks = put_shares(work, found + 2 * width, width, count, top)
    factor = weight / (put_shares(work, found, width, count, top) + of_blanks)
    dx[base + blank] -= of_blanks * factor
    for j in range(count):
        dx[base + labels[j]] -= work[found + width + j] * factor


@noinline
def add_paths(x, dx, n, sequences, classes, length, labels, count, blank, weight, work, width):
    """Return −log of the sum over all paths; put the gradient into dx, but for `subtract_shares`.

    The gradient of what has no path is not written.
    """
    lanes = lanes_of(work)
    row, size = ARRAYS * width, -(-(count + 1) // lanes) * lanes
    fill_pairs(work, lanes, width, size)
    work[lanes + 2 * width] = 0.0  # a path begins before the first blank
    skips = (length + 2) * row + lanes + 4 * width
    fill(work, skips, size + lanes, -np.inf)
    for j in range(1, count):
        if labels[j] != labels[j - 1]:
            work[skips + j] = 0.0
    log_totals, product = 0.0, 1.0
    for t in range(length):
        i, base = t * row + lanes, (t * sequences + n) * classes
        m, total = read_frame(x, dx, base, classes, weight)
        if not 0.0 < total < np.inf:
            return np.nan
        product *= total
        if product > LARGE:
            log_totals, product = log_totals + np.log(product), 1.0
        frame = i + row + 4 * width
        store(work, frame + size - lanes, broadcast(work, 0.0))
        for j in range(count):
            work[frame + j] = x[base + labels[j]] - m
        work[frame + count] = x[base + blank] - m
        for j in range(frame, frame + size, lanes):
            power_m, power_s = exp_parts(load(work, j))
            store(work, j, power_m)
            store(work, j + width, power_s)
        step_forward(work, i, width, count, skips)
    last = length * row + lanes + count
    top, s = work[last + 2 * width], np.float64(work[last + 3 * width])
    if count:
        m, s_label = work[last - 1], np.float64(work[last - 1 + width])
        larger = max(top, m)
        if larger > -np.inf:
            s = s * np.exp2(np.float64(top - larger)) + s_label * np.exp2(np.float64(m - larger))
        top = larger
    if top == -np.inf:
        return np.inf
    loss = log_totals + np.log(product) - np.log(s) - np.float64(top) * np.log(2.0)
    return max(loss, 0.0)  # rounding may leave a probability that is larger than 1


@noinline
def subtract_paths(dx, n, sequences, classes, length, labels, count, blank, weight, work, width):
    """Subtract from the rows of a sequence what its paths take of each class."""
    lanes = lanes_of(work)
    row, size = ARRAYS * width, -(-(count + 1) // lanes) * lanes
    later = (length + 1) * row + lanes
    found = later + row
    fill_pairs(work, later, width, size + lanes)
    work[later + 2 * width + count] = 0.0  # a path ends after the last blank
    for t in range(length - 1, -1, -1):
        i, base = (t + 1) * row + lanes, (t * sequences + n) * classes
        top = step_back(work, i, later, found, width, count, found + 4 * width)
        subtract_shares(work, found, width, count, top, dx, base, labels, blank, weight)


@kernel
def paths_of_sequences(
    x, labels, input_lengths, label_lengths, blank, weights, losses, dx, work, start, stop
):
    """See ``reference.ctc``."""
    frames, sequences, classes = x.shape
    width = work.shape[2]
    x, dx, work = pointer(x), pointer(dx), pointer(work)
    for n in range(start, stop):
        length, count, weight = input_lengths[n], label_lengths[n], weights[n]
        of_sequence = labels[n]
        loss = add_paths(
            x, dx, n, sequences, classes, length, of_sequence, count, blank, weight, work, width
        )
        losses[n] = loss
        if loss < np.inf:
            subtract_paths(
                dx, n, sequences, classes, length, of_sequence, count, blank, weight, work, width
            )
        else:  # no path, and no gradient; or nan
            for t in range(length):
                base = (t * sequences + n) * classes
                fill(dx, base, classes, 0.0 if loss == np.inf else np.nan)
        for t in range(length, frames):
            fill(dx, (t * sequences + n) * classes, classes, 0.0)
