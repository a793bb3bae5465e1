"""Softmax on a GPU: five kernels, a simulator that counts what they do, and a picture of it.

The kernels are plain functions in the language of `numba.cuda`.  ``numba.cuda.jit`` compiles them
where there is a GPU, and `simulate` runs the first four of them anywhere, in numba's simulator.
It makes every thread of a block a thread of Python, so it is slow, and good for small arrays only.

Each kernel takes ``x`` and ``y``, both (N, K) in float32, and writes the softmax of every row of x.
"""

import inspect
import math
import sys
import threading
from collections import defaultdict
from functools import partial
from itertools import pairwise
from typing import NamedTuple
from unittest import mock
from warnings import catch_warnings, simplefilter

import numpy as np
from numba import cuda, float32
from numba.cuda.simulator import kernel as simulator
from numba.cuda.simulator.kernelapi import FakeCUDAModule
from numba.np.numpy_support import as_dtype

from smnn.plot import INK, pyplot, series_color

WARP = 32  # threads that take their steps together
SECTOR = 32  # bytes that the memory delivers at once
MOST_THREADS = 256  # of a block: the room that the kernels have for partial results
MOST_CLASSES = 8192  # of a row kept in shared memory, 32 of its 48 kilobytes
INF = np.float32(math.inf)
ZERO, ONE = np.float32(0), np.float32(1)


# --- The kernels --------------------------------------------------------------------------


def thread_per_row(x, y):
    """A thread per row: three passes."""
    row = cuda.grid(1)
    if row < x.shape[0]:
        m = -INF
        for j in range(x.shape[1]):
            m = max(m, x[row, j])
        s = ZERO
        for j in range(x.shape[1]):
            s += math.exp(x[row, j] - m)
        for j in range(x.shape[1]):
            y[row, j] = math.exp(x[row, j] - m) / s


def block_per_row(x, y):
    """A block per row: three passes, and two trees in shared memory."""
    room = cuda.shared.array(MOST_THREADS, float32)
    t, n, row = cuda.threadIdx.x, cuda.blockDim.x, cuda.blockIdx.x
    m = -INF
    for j in range(t, x.shape[1], n):
        m = max(m, x[row, j])
    room[t] = m
    cuda.syncthreads()
    half = n // 2
    while half > 0:
        if t < half:
            room[t] = max(room[t], room[t + half])
        cuda.syncthreads()
        half //= 2
    m = room[0]
    cuda.syncthreads()  # every thread has read the maximum
    s = ZERO
    for j in range(t, x.shape[1], n):
        s += math.exp(x[row, j] - m)
    room[t] = s
    cuda.syncthreads()
    half = n // 2
    while half > 0:
        if t < half:
            room[t] += room[t + half]
        cuda.syncthreads()
        half //= 2
    s = room[0]
    for j in range(t, x.shape[1], n):
        y[row, j] = math.exp(x[row, j] - m) / s


def online(x, y):
    """A pair (m, s) per thread in one pass, and ⊕ as a tree."""
    maxima = cuda.shared.array(MOST_THREADS, float32)
    sums = cuda.shared.array(MOST_THREADS, float32)
    t, n, row = cuda.threadIdx.x, cuda.blockDim.x, cuda.blockIdx.x
    m, s = -INF, ZERO
    for j in range(t, x.shape[1], n):
        v = x[row, j]
        if v > m:
            s = s * math.exp(m - v) + ONE
            m = v
        elif v != -INF:
            s += math.exp(v - m)
    maxima[t] = m
    sums[t] = s
    cuda.syncthreads()
    half = n // 2
    while half > 0:
        if t < half:
            a, b = maxima[t], maxima[t + half]
            m = max(a, b)
            if m > -INF:
                s = sums[t] * math.exp(a - m)
                sums[t] = s + sums[t + half] * math.exp(b - m)
            else:  # two empty pairs, whose sums are 0, or nan
                sums[t] += sums[t + half]
            maxima[t] = m
        cuda.syncthreads()
        half //= 2
    m, s = maxima[0], sums[0]
    for j in range(t, x.shape[1], n):
        y[row, j] = math.exp(x[row, j] - m) / s


def row_kept(x, y):
    """The row kept in shared memory: read once, and one exponential per class."""
    kept = cuda.shared.array(MOST_CLASSES, float32)
    room = cuda.shared.array(MOST_THREADS, float32)
    t, n, row = cuda.threadIdx.x, cuda.blockDim.x, cuda.blockIdx.x
    m = -INF
    for j in range(t, x.shape[1], n):
        v = x[row, j]
        kept[j] = v
        m = max(m, v)
    room[t] = m
    cuda.syncthreads()
    half = n // 2
    while half > 0:
        if t < half:
            room[t] = max(room[t], room[t + half])
        cuda.syncthreads()
        half //= 2
    m = room[0]
    cuda.syncthreads()
    s = ZERO
    for j in range(t, x.shape[1], n):
        e = math.exp(kept[j] - m)
        kept[j] = e
        s += e
    room[t] = s
    cuda.syncthreads()
    half = n // 2
    while half > 0:
        if t < half:
            room[t] += room[t + half]
        cuda.syncthreads()
        half //= 2
    s = room[0]
    for j in range(t, x.shape[1], n):
        y[row, j] = kept[j] / s


def row_in_registers(per_thread):
    """Return the fifth kernel: a block per row, for at most per_thread · threads classes.

    A shuffle hands a number from lane to lane of a warp, so that shared memory and barriers are
    only for the results of the warps.  numba's simulator has no shuffles.
    """

    def kernel(x, y):
        kept = cuda.local.array(per_thread, float32)  # constant loops make registers of it
        maxima = cuda.shared.array(WARP, float32)  # of the warps, at most 32 in a block
        sums = cuda.shared.array(WARP, float32)
        t, n, row = cuda.threadIdx.x, cuda.blockDim.x, cuda.blockIdx.x
        lane, warp, warps = t % WARP, t // WARP, n // WARP
        m = -INF
        for k in range(per_thread):
            j = t + n * k
            kept[k] = x[row, j] if j < x.shape[1] else -INF
            m = max(m, kept[k])
        step = WARP // 2
        while step > 0:
            m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
            step //= 2
        if lane == 0:
            maxima[warp] = m
        cuda.syncthreads()
        m = maxima[lane] if lane < warps else -INF  # each warp merges all of them
        step = WARP // 2
        while step > 0:
            m = max(m, cuda.shfl_xor_sync(0xFFFFFFFF, m, step))
            step //= 2
        s = ZERO
        for k in range(per_thread):
            kept[k] = math.exp(kept[k] - m)
            s += kept[k]
        step = WARP // 2
        while step > 0:
            s += cuda.shfl_xor_sync(0xFFFFFFFF, s, step)
            step //= 2
        if lane == 0:
            sums[warp] = s
        cuda.syncthreads()
        s = sums[lane] if lane < warps else ZERO
        step = WARP // 2
        while step > 0:
            s += cuda.shfl_xor_sync(0xFFFFFFFF, s, step)
            step //= 2
        inverse = ONE / s  # one division a row, and a product for each number
        for k in range(per_thread):
            j = t + n * k
            if j < x.shape[1]:
                y[row, j] = kept[k] * inverse

    return kernel


LADDER = {
    "thread per row": thread_per_row,
    "block per row": block_per_row,
    "online": online,
    "row kept": row_kept,
}


def blocks_for(kernel, rows, threads):
    """Return how many blocks of so many threads a kernel of the ladder needs."""
    return -(-rows // threads) if kernel is thread_per_row else rows


def changed(kernel, old, new):
    """Return a kernel with one piece of its source replaced.

    Raises
    ------
    ValueError
        If the piece is not in the source.
    """
    source = inspect.getsource(kernel)
    if old not in source:
        raise ValueError(f"{kernel.__name__} has no {old!r}")
    names = {}
    exec(source.replace(old, new, 1), kernel.__globals__, names)
    return names[kernel.__name__]


# --- The simulator, watched ---------------------------------------------------------------


class Run(NamedTuple):
    """What a simulated launch did."""

    arrays: tuple  # the arguments afterwards
    loads: int  # of global memory, over all threads
    stores: int
    barriers: int  # that a thread passed
    sectors: float  # that the memory moves for an access of a warp, on average
    races: tuple  # places in shared memory, as (block, array, index)


class _Log:
    """Who touched what, between which barriers."""

    def __init__(self):
        self.memory = defaultdict(list)  # (array, kind, block, thread) to addresses in order
        self.shared = defaultdict(set)  # (block, array, index, barriers passed) to (thread, kind)
        self.barriers = defaultdict(int)  # (block, thread) to barriers passed

    @staticmethod
    def here(cuda_module):
        """Return the block and the number of the thread within it."""
        return tuple(cuda_module.blockIdx), cuda_module.thread_number

    def sectors(self):
        """Return how many sectors an access of a warp touches, on average.

        The n-th access of every lane to an array belongs together, which is what the hardware
        does where no lane has less to do than another.
        """
        steps = defaultdict(set)
        for (array, kind, block, thread), addresses in self.memory.items():
            for n, address in enumerate(addresses):
                steps[array, kind, block, thread // WARP, n].add(address // SECTOR)
        return sum(map(len, steps.values())) / len(steps) if steps else 0.0

    def races(self):
        """Return the places that two threads touch between two barriers, one of them to write."""
        found = set()
        for (block, array, index, _), touched in self.shared.items():
            writers = {thread for thread, kind in touched if kind == "store"}
            if writers and len({thread for thread, _ in touched}) > 1:
                found.add((block[0], array, index))
        return tuple(sorted(found))


class _Module(FakeCUDAModule):
    """The simulator's ``cuda``, which keeps a log."""

    def __init__(self, log, *dimensions):
        super().__init__(*dimensions)
        self._log, self._allocated = log, {}
        log.module = self

    @property
    def thread_number(self):
        return threading.current_thread().thread_id

    @property
    def shared(self):
        return self

    def array(self, shape, dtype):
        """Return the shared array of this line of the kernel, the same for the whole block."""
        line = tuple(self.blockIdx), sys._getframe(1).f_lineno
        if line not in self._allocated:
            number = sum(block == line[0] for block, _ in self._allocated)
            raw = np.full(shape, np.nan, as_dtype(dtype))  # as unknown as on a GPU
            self._allocated[line] = _SharedArray(self, raw, number)
        return self._allocated[line]

    def syncthreads(self):
        super().syncthreads()
        self._log.barriers[self._log.here(self)] += 1


class _Thread(simulator.BlockThread):
    """A thread that runs when it is told to, until its next barrier."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.go, self.paused, self.done = threading.Event(), threading.Event(), False

    def run(self):
        self._wait()
        super().run()
        self.done = True
        self.paused.set()

    def _wait(self):
        self.go.wait()
        self.go.clear()

    def syncthreads(self):
        self.paused.set()
        self._wait()
        if self.abort:
            raise RuntimeError("another thread of the block has failed")

    def advance(self):
        self.go.set()
        self.paused.wait()
        self.paused.clear()


class _Block(simulator.BlockManager):
    """The threads of a block in a fixed order, one after the other from barrier to barrier.

    numba's own manager lets the threads of Python run as they like, so that a kernel with a race
    is wrong on some runs only, and asks them again and again whether they have arrived.
    """

    def __init__(self, backward, *arguments):
        super().__init__(*arguments)
        self.backward = backward

    def run(self, grid_point, *arguments):
        live = []
        for place in np.ndindex(*self._block_dim):
            target = partial(self._f, *arguments)
            live.append(_Thread(target, self, grid_point, place, self._debug))
            live[-1].start()
        while live:
            for thread in reversed(live) if self.backward else live:
                thread.advance()
                if thread.exception:
                    for other in live:
                        other.abort = True
                        if not other.done:
                            other.advance()
                    raise thread.exception[0]
            live = [thread for thread in live if not thread.done]


class _SharedArray:
    def __init__(self, module, raw, number):
        self.module, self.raw, self.number = module, raw, number

    def _note(self, kind, index):
        log = self.module._log
        block, thread = here = log.here(self.module)
        log.shared[block, self.number, int(index), log.barriers[here]].add((thread, kind))

    def __getitem__(self, index):
        self._note("load", index)
        return self.raw[index]

    def __setitem__(self, index, value):
        self._note("store", index)
        self.raw[index] = value


class _GlobalArray:
    """An argument of a kernel.  An index outside it is an error, as it is not on a GPU."""

    def __init__(self, log, raw, number):
        self.log, self.raw, self.number, self.shape = log, raw, number, raw.shape

    def _note(self, kind, index):
        place = 0
        where = index if isinstance(index, tuple) else (index,)
        for i, size in zip(where, self.shape, strict=True):
            if not 0 <= i < size:
                raise IndexError(f"index {index} is outside an array of shape {self.shape}")
            place = place * size + int(i)
        block, thread = self.log.here(self.log.module)
        self.log.memory[self.number, kind, block, thread].append(place * self.raw.itemsize)

    def __getitem__(self, index):
        self._note("load", index)
        return self.raw[index]

    def __setitem__(self, index, value):
        self._note("store", index)
        self.raw[index] = value


def simulate(kernel, blocks, threads, *arrays, backward=False):
    """Run a kernel in numba's simulator, and count what it does.

    Parameters
    ----------
    kernel : callable
        A plain function that says ``cuda`` for `numba.cuda`, not compiled.
    blocks, threads : int or tuple of int
        The grid, and the size of a block.
    *arrays : numpy.ndarray
        C-contiguous arguments.  The kernel works on copies.
    backward : bool
        Between two barriers the threads take turns, the first one first, or the last one first.
        A kernel without a race does not notice.

    Returns
    -------
    Run

    Examples
    --------
    >>> def double(x, y):
    ...     t = cuda.grid(1)
    ...     y[t] = 2 * x[t]
    >>> run = simulate(double, 2, 4, np.arange(8.0), np.zeros(8))
    >>> print(run.arrays[1], run.loads, run.stores)
    [ 0.  2.  4.  6.  8. 10. 12. 14.] 8 8
    """
    log = _Log()
    copies = tuple(np.array(array, order="C") for array in arrays)
    arguments = [_GlobalArray(log, copy, number) for number, copy in enumerate(copies)]
    with (
        mock.patch.object(simulator, "FakeCUDAModule", partial(_Module, log)),
        mock.patch.object(simulator, "BlockManager", partial(_Block, backward)),
        catch_warnings(),
    ):
        simplefilter("ignore", RuntimeWarning)  # inf − inf in a row that is lost, as on a GPU
        simulator.FakeCUDAKernel(kernel, device=False)[blocks, threads](*arguments)
    counts = {"load": 0, "store": 0}
    for (_, kind, *_), addresses in log.memory.items():
        counts[kind] += len(addresses)
    barriers = max(log.barriers.values(), default=0)
    return Run(copies, counts["load"], counts["store"], barriers, log.sectors(), log.races())


def softmax(x, kernel=online, threads=WARP, backward=False):
    """Return the softmax of every row by a kernel of the ladder, simulated, and its counts.

    Parameters
    ----------
    x : numpy.ndarray
        (N, K), float32.
    kernel : callable
        A kernel of one block per row, or `thread_per_row`.
    threads : int
        Of a block.
    backward : bool
        As in `simulate`.

    Returns
    -------
    tuple of numpy.ndarray and Run
    """
    poison = np.full_like(x, -7)  # a number that no softmax has: what is not written shows
    blocks = blocks_for(kernel, len(x), threads)
    run = simulate(kernel, blocks, threads, x, poison, backward=backward)
    return run.arrays[1], run


# --- The pictures -------------------------------------------------------------------------


def draw_counts(runs, size):
    """Return a figure of two rows of bars: bytes per element, and sectors per access of a warp.

    Parameters
    ----------
    runs : dict of str to Run
        The steps, in order.
    size : int
        How many elements each worked on.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = list(runs)[::-1]
    figure, axes = pyplot.subplots(1, 2, figsize=(7.2, 2.6), sharey=True)
    bars = {
        "bytes moved per element": [4 * (runs[n].loads + runs[n].stores) / size for n in names],
        "transactions per access of a warp": [runs[n].sectors for n in names],
    }
    for ax, (label, lengths) in zip(axes, bars.items(), strict=True):
        ax.barh(range(len(names)), lengths, color=series_color(0), height=0.55)
        for place, length in enumerate(lengths):
            ax.annotate(
                f"{length:g}", (length, place), xytext=(4, -4), textcoords="offset points",
                color=INK,
            )  # fmt: skip
        ax.set(xlabel=label, xlim=(0, 1.18 * max(lengths)))
    axes[0].set_yticks(range(len(names)), names)
    return figure


def draw_tree(levels):
    """Return a figure of a tree in a block: which thread holds a partial result at each level.

    Parameters
    ----------
    levels : sequence of sequence of str
        What the threads at work hold, level by level; each level is half as long as the one above.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, ax = pyplot.subplots(figsize=(6.0, 0.5 + 0.75 * len(levels)))
    width = len(levels[0])
    for depth, (upper, lower) in enumerate(pairwise(levels)):
        for t in range(len(lower)):
            for source in (t, t + len(lower)):
                if source < len(upper):
                    ax.plot([source, t], [-depth - 0.2, -depth - 0.8], color=INK, linewidth=0.9)
    for depth, level in enumerate(levels):
        for t in range(width):
            if t < len(level):
                ax.text(t, -depth, level[t], ha="center", va="center", color=INK, size=9)
            else:
                ax.text(
                    t, -depth, "idle", ha="center", va="center", color=INK, size=8, style="italic"
                )
    ax.set(xlim=(-0.5, width - 0.5), ylim=(0.7 - len(levels), 0.7))
    for t in range(width):
        ax.text(t, 0.45, f"thread {t}", ha="center", color=INK, size=8)
    ax.axis("off")
    return figure
