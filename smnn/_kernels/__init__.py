"""The kernels: what ``reference.py`` defines, compiled by numba.

This is the only folder that imports numba.  This file holds what the package calls, under the
names of ``reference.py``: it asks `plan` for a way and shares the rows among threads.

Why they are fast, in the order of what it brings, and where to read it.

1. **Vectors are spelled out** (``simd/``).  The kernels work on a type of their own, of 512
   bits, and not on loops that a compiler may or may not turn into packed instructions.
2. **Short rows lie side by side** (``simd/transpose.py``).  A row of 10 classes fills no
   register.  Sixteen rows are transposed, in registers, so that each has a lane of its own.
   The maximum, the exponential and the sum of sixteen rows then cost what those of one cost.
3. **Three rows at once** (``passes.py``).  The exponentials of a row keep the multipliers busy
   and leave the ways to memory idle.  So the same pass finds the maximum of the next row and
   writes the result of the previous one, whose sum is known.  Rows that come from beyond the
   caches and are longer than a block are cut into blocks, and read once from memory.
4. **Loss and gradient are one pass** (``cross_entropy.py``).  What is kept of a row becomes
   its gradient.  No array of probabilities or log-probabilities is written and read back.
5. **The exponential is ours** (``exponential.py``): no call, no branch, and where the processor
   allows it a table that fits a register and halves the polynomial.
6. **Small arrays have kernels of their own** (``simd/direct.py``).  Their calls skip what numba
   does to find the code for a call, and take an array of any shape as it is.
7. **Threads wait in compiled code** (``sharing.py``).  While calls follow one another, a thread
   begins its part of the next one within a microsecond.

``drivers.py`` has one driver for each way through an array, ``plan.py`` chooses between them and
holds every number that was tuned.  The result for a row does not depend on the number of
threads.  That of a row of one block does not depend on the rows around it either; in a longer
row the last digits may.

To add an operation:

1. Define it in ``reference.py``, on rows; the arrays that receive results are its last arguments.
2. Write its kernel: a top-level function ``name(arrays…, start, stop)``, decorated with `kernel`,
   that works on the rows from start to stop.  Where it needs the sums of exponentials, make
   drivers for it: what they ask for is at the top of ``drivers.py``, and softmax is the
   shortest example.  Where it is a pass or two of its own, `logsumexp_of_weighted` is one.
   It may call functions decorated with `inlined` or `noinline`, and operations of ``simd/``.
   An argument may be None: test ``if argument is None`` on the argument itself, which numba
   decides when it compiles, and not on a variable or an attribute.
3. Add a function of the name that ``reference.py`` has to this file, which calls `run`.  Where
   calls on small arrays are common, make kernels with few arguments for these, and a `SmallKernel`.
4. Hold it against ``reference.py`` in ``tests/test_kernels.py``, and add a call of it to
   ``smnn/__main__.py``, which compiles all kernels in advance.

The budget: for a dtype, a kernel of a new operation compiles in 2 seconds of processor time.
"""

import numpy as np
from numba import types

from .._core.rows import as_rows
from .._core.threads import parallel_rows
from .attention import end_of_rows, exponentials_of_tile, gradients_of_tile, merge_of_rows
from .cross_entropy import (
    check_labels,
    labels_blocks,
    labels_long,
    labels_short,
    mean_loss_small_long,
    mean_loss_small_short,
    probabilities,
    smoothed_labels,
    sum_losses,
)
from .draws import draw_classes
from .exponential import exp_float32, exp_float64
from .paths import paths_of_sequences, work_shape
from .plan import BLOCK, FOLLOWING_BYTES, choose_way, is_shared, rows_per_part, small_way
from .recurrent import (
    find_gru_gates,
    find_gru_state,
    pull_gru_reset,
    pull_gru_state,
    step_lstm,
    step_lstm_vjp,
)
from .sharing import note_end, share_rows
from .simd.compile import INTERPRETED
from .simd.direct import ROWS, Rows, SmallKernel
from .softmax import (
    log_softmax_blocks,
    log_softmax_long,
    log_softmax_pullback,
    log_softmax_short,
    log_softmax_small_long,
    log_softmax_small_short,
    logsumexp_blocks,
    logsumexp_long,
    logsumexp_of_weighted,
    logsumexp_pullback,
    logsumexp_short,
    softmax_blocks,
    softmax_long,
    softmax_pullback,
    softmax_short,
    softmax_small_long,
    softmax_small_short,
)
from .training import adam_step, erfc, sgd_step
from .vocabulary import (
    add_rows,
    distinct_rows,
    draw_alias,
    gather_paths,
    logistic_loss,
    row_gradients,
    row_scores,
    take_rows,
)
from .windows import rows_to_windows, windows_to_rows

__all__ = [
    "INTERPRETED", "adam_step", "add_rows", "attention_end", "attention_merge",
    "attention_tile", "attention_tile_vjp", "check_labels", "cross_entropy_labels",
    "cross_entropy_probs", "ctc",
    "distinct_rows", "draw", "draw_alias", "erfc", "exp_float32", "exp_float64", "gather_paths",
    "gru_gates", "gru_reset_vjp", "gru_state", "gru_state_vjp",
    "log_softmax", "log_softmax_vjp", "logistic_loss", "logsumexp", "logsumexp_vjp",
    "logsumexp_weighted", "lstm_step", "lstm_step_vjp", "mean_loss", "row_gradients",
    "row_scores", "rows_to_windows", "sgd_step", "softmax", "softmax_vjp", "take_rows",
    "windows_to_rows",
]  # fmt: skip

# The kernels of an operation in the order SHORT, LONG, BLOCKS of the ways.
SOFTMAX = softmax_short, softmax_long, softmax_blocks
LOG_SOFTMAX = log_softmax_short, log_softmax_long, log_softmax_blocks
LOGSUMEXP = logsumexp_short, logsumexp_long, logsumexp_blocks
LABELS = labels_short, labels_long, labels_blocks
# Those for small arrays, in the order of `small_way`.
SMALL_SOFTMAX = [
    SmallKernel(each, ROWS, ROWS) for each in (softmax_small_short, softmax_small_long)
]
SMALL_LOG_SOFTMAX = [
    SmallKernel(each, ROWS, ROWS) for each in (log_softmax_small_short, log_softmax_small_long)
]
SMALL_LOSS, SMALL_LOSS_AND_GRADIENT = (
    [
        SmallKernel(each, ROWS, Rows(types.int64), types.intp, gradient)
        for each in (mean_loss_small_short, mean_loss_small_long)
    ]
    for gradient in (types.none, ROWS)
)

UNREAD = np.full(1, -1)  # where kernels report what they also return


def run(kernel, arguments, x, shared=None):
    """Run a kernel over all rows of x, on several threads if there is work for them.

    ``shared`` is what `is_shared` says, where it was asked before.  Returns what the kernel
    returns, or None if the rows were shared.
    """
    if is_shared(x) if shared is None else shared:
        result = share_rows(kernel, arguments, len(x), rows_per_part(x))
    else:
        result = kernel(*arguments, 0, len(x))
    if x.nbytes >= FOLLOWING_BYTES:
        note_end()
    return result


def softmax(x, scale, out):
    """See ``reference.softmax``."""
    if scale == 1.0:
        small = small_way(x)
        if small is not None:
            return SMALL_SOFTMAX[small][x.dtype](x, out)
        scale = None
    x, out = as_rows(x), as_rows(out)
    way, extra = choose_way(x, out)
    run(SOFTMAX[way], (x, scale, out, *extra), x)


def log_softmax(x, scale, out):
    """See ``reference.log_softmax``."""
    if scale == 1.0:
        small = small_way(x)
        if small is not None:
            return SMALL_LOG_SOFTMAX[small][x.dtype](x, out)
        scale = None
    x, out = as_rows(x), as_rows(out)
    way, extra = choose_way(x, out, recomputes=False)
    run(LOG_SOFTMAX[way], (x, scale, out, *extra), x)


def logsumexp(x, out):
    """See ``reference.logsumexp``."""
    way, extra = choose_way(x, None)
    run(LOGSUMEXP[way], (x, out, *extra), x)


def logsumexp_weighted(x, b, out, sign):
    """See ``reference.logsumexp_weighted``."""
    run(logsumexp_of_weighted, (x, b, out, sign), x)


def draw(x, scale, uniform, out):
    """See ``reference.draw``."""
    sums = np.empty((len(x), -(-x.shape[1] // BLOCK)))
    run(draw_classes, (x, None if scale == 1.0 else scale, uniform, sums, out), x)


def softmax_vjp(dy, y, out):
    """See ``reference.softmax_vjp``."""
    run(softmax_pullback, (dy, y, out), y)


def log_softmax_vjp(dy, y, out):
    """See ``reference.log_softmax_vjp``."""
    run(log_softmax_pullback, (dy, y, out), y)


def logsumexp_vjp(dy, y, x, out):
    """See ``reference.logsumexp_vjp``."""
    run(logsumexp_pullback, (dy, y, x, out), x)


def cross_entropy_labels(x, labels, ignore_index, weight, smoothing, divisor, losses, dx):
    """See ``reference.cross_entropy_labels``."""
    shared = is_shared(x)
    if shared:  # each part has only some of the labels
        bad, weights = check_labels(labels, x.shape[1], ignore_index, weight)
        if bad >= 0:
            return bad, 0.0, 0.0
        divisor = divisor or weights
    if smoothing:
        kernel, extra = smoothed_labels, (smoothing,)
    else:
        way, extra = choose_way(x, dx)
        kernel = LABELS[way]
    report = np.full(1, -1) if shared else UNREAD
    arguments = x, labels, ignore_index, weight, divisor, losses, dx, report, *extra
    result = run(kernel, arguments, x, shared)
    return (report[0], sum_losses(losses), weights) if shared else result


def mean_loss(x, labels, ignore_index, dx):
    """See ``reference.mean_loss``."""
    small = small_way(x)
    if small is not None:
        ways = SMALL_LOSS if dx is None else SMALL_LOSS_AND_GRADIENT
        return ways[small][x.dtype](x, labels, ignore_index, dx)
    x, dx, labels = as_rows(x), None if dx is None else as_rows(dx), labels.reshape(-1)
    losses = np.empty(len(x), x.dtype)
    bad, total, weights = cross_entropy_labels(x, labels, ignore_index, None, 0.0, 0.0, losses, dx)
    return bad, total / weights if weights else np.nan


def cross_entropy_probs(x, probs, weight, smoothing, divisor, losses, dx):
    """See ``reference.cross_entropy_probs``."""
    run(probabilities, (x, probs, weight, smoothing, divisor, losses, dx), x)
    return sum_losses(losses)


def attention_tile(scores, limit, m, s, factor):
    """See ``reference.attention_tile``."""
    exponentials_of_tile(scores, limit, m, s, factor, 0, len(scores))


def attention_merge(out, factor, part):
    """See ``reference.attention_merge``."""
    merge_of_rows(out, factor, part, 0, len(out))


def attention_end(out, m, s, lse):
    """See ``reference.attention_end``."""
    end_of_rows(out, m, s, lse, 0, len(out))


def attention_tile_vjp(scores, dscores, limit, lse, delta, softcap):
    """See ``reference.attention_tile_vjp``."""
    inverse_cap = None if softcap is None else 1.0 / softcap
    gradients_of_tile(scores, dscores, limit, lse, delta, inverse_cap, 0, len(scores))


def lstm_step(gates, product, h_before, c_before, lengths, t, c, tanh_c, h):
    """See ``reference.lstm_step``."""
    run(step_lstm, (gates, product, h_before, c_before, lengths, t, c, tanh_c, h), gates)


def lstm_step_vjp(gates, c_before, tanh_c, product, lengths, t, dh, dc, dgates):
    """See ``reference.lstm_step_vjp``."""
    run(step_lstm_vjp, (gates, c_before, tanh_c, product, lengths, t, dh, dc, dgates), gates)


def gru_gates(gates, product, h_before, lengths, t, shown):
    """See ``reference.gru_gates``."""
    run(find_gru_gates, (gates, product, h_before, lengths, t, shown), gates)


def gru_state(gates, product, h_before, lengths, t, h):
    """See ``reference.gru_state``."""
    run(find_gru_state, (gates, product, h_before, lengths, t, h), gates)


def gru_state_vjp(gates, h_before, product, lengths, t, dh, dgates):
    """See ``reference.gru_state_vjp``."""
    run(pull_gru_state, (gates, h_before, product, lengths, t, dh, dgates), gates)


def gru_reset_vjp(gates, h_before, dshown, dh, dgates):
    """See ``reference.gru_reset_vjp``."""
    run(pull_gru_reset, (gates, h_before, dshown, dh, dgates), gates)


def ctc(x, labels, input_lengths, label_lengths, blank, weights, losses, dx):
    """See ``reference.ctc``."""
    frames, sequences, _ = x.shape

    def work(start, stop):
        memory = np.empty(work_shape(frames, labels.shape[1], x.dtype), x.dtype)
        paths_of_sequences(
            x, labels, input_lengths, label_lengths, blank, weights, losses, dx, memory, start, stop
        )

    parallel_rows(work, sequences, x.nbytes)
