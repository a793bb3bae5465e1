"""The roofline of this machine: its roofs, what a program moves, and pictures of its times.

A roofline (Williams, Waterman and Patterson, 2009) has the arithmetic intensity of a program on
its horizontal axis, in operations for each byte that travels to or from memory, and its speed
on the vertical one.  The slanted roof is what the memory delivers, the flat one what the
processor computes.

Both roofs are measured by kernels of a few lines, with one thread, so they are what compiled
code reached in that moment, and not what a data sheet says.
"""

import time
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.ticker import NullLocator

import smnn
from smnn.plot import INK, pyplot, readable, series_color, series_style

WORD = 4  # bytes of a float32
DEGREE = 16  # of the polynomial that measures the flat roof
NEAR = 2048  # numbers that stay in the nearest cache


class Roofs(NamedTuple):
    """What this machine can do: bytes a second from memory, and operations a second."""

    bandwidth: float
    peak: float

    def limit(self, intensity):
        """Return the highest speed, in operations a second, at so many operations a byte."""
        return np.minimum(self.peak, self.bandwidth * np.asarray(intensity))


# --- Counting ---------------------------------------------------------------------------


class _Watched(np.ndarray):
    """An array that counts how often NumPy goes over arrays of its size."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        count, size = self.count, self.full_size
        plain = [np.asarray(i) if isinstance(i, _Watched) else i for i in inputs]
        if out is not None:
            options["out"] = tuple(np.asarray(o) for o in out)
        results = getattr(ufunc, method)(*plain, **options)
        count[0] += sum(np.size(i) == size for i in plain)
        count[1] += np.size(results) == size
        if out is not None:
            return out[0]
        return _watch(results, count, size) if isinstance(results, np.ndarray) else results

    def __array_finalize__(self, parent):
        self.count = getattr(parent, "count", None)
        self.full_size = getattr(parent, "full_size", None)


def _watch(array, count, size):
    watched = array.view(_Watched)
    watched.count, watched.full_size = count, size
    return watched


def count_passes(function, x):
    """Return how often a NumPy function reads and writes arrays of the size of its argument.

    Every arithmetic operation and every reduction is a pass of its own.  Smaller arrays, with one
    number for each row, are not counted, nor are copies and indexing.

    Parameters
    ----------
    function : callable
        Takes an array and works on it with NumPy's arithmetic.
    x : numpy.ndarray
        Its argument.

    Returns
    -------
    tuple of int
        Passes that read, and passes that write.

    Examples
    --------
    >>> count_passes(lambda x: np.exp(x) / np.exp(x).sum(), np.zeros((3, 4)))
    (4, 3)
    """
    count = [0, 0]
    function(_watch(np.array(x), count, np.size(x)))
    return tuple(int(n) for n in count)


class _CountedList(list):
    loads = stores = 0

    def __getitem__(self, i):
        self.loads += 1
        return super().__getitem__(i)

    def __setitem__(self, i, value):
        self.stores += 1
        super().__setitem__(i, value)

    def __iter__(self):
        return (self[i] for i in range(len(self)))


def count_accesses(function, scores):
    """Return how often a loop loads and stores an element of the vector that it works on.

    Parameters
    ----------
    function : callable
        Takes a list of scores and a list for its results, which count as one vector.
    scores : sequence of float

    Returns
    -------
    tuple of float
        Loads and stores for each element.

    Examples
    --------
    >>> def double(x, out):
    ...     for i in range(len(x)):
    ...         out[i] = 2 * x[i]
    >>> count_accesses(double, [1.0, 2.0, 3.0])
    (1.0, 1.0)
    """
    x, out = _CountedList(scores), _CountedList([0.0] * len(scores))
    function(x, out)
    size = len(scores)
    return (x.loads + out.loads) / size, (x.stores + out.stores) / size


# --- Measuring --------------------------------------------------------------------------


def race(functions, seconds=0.15, clock=time.process_time):
    """Return the best time of each function, which take turns until the time is up.

    Parameters
    ----------
    functions : dict of str to callable
        Name to a function of no arguments.  Each is called once beforehand, to be compiled.
    seconds : float
        For each function.
    clock : callable
        Processor time, which other programs cannot stretch; where there are several threads
        it must be ``time.perf_counter``.

    Returns
    -------
    dict of str to float
        Seconds for a call.  Each function runs in three rounds or more.
    """
    calls, best = {}, {}
    for name, function in functions.items():
        function()
        start = clock()
        function()
        once = max(clock() - start, 1e-7)
        calls[name], best[name] = max(1, int(1e-3 / once)), once
    rounds = sum(best[name] * calls[name] for name in functions)
    for _ in range(int(min(50, max(3, seconds * len(functions) / rounds)))):
        for name, function in functions.items():
            start = clock()
            for _ in range(calls[name]):
                function()
            best[name] = min(best[name], (clock() - start) / calls[name])
    return best


def _triad(a, b, c, times):
    for k in range(times):
        factor = np.float32(k)
        for i in range(a.size):
            a[i] = b[i] + factor * c[i]


def _polynomial(x, out, times):
    low, high = np.float32(0.5), np.float32(0.25)
    for _ in range(times):
        for i in range(x.size):
            v = x[i]
            p = v
            for _ in range(DEGREE // 2):
                p = p * v + low
                p = p * v + high
            out[i] = p


@cache
def _compiled_loops():
    """Return `_triad` and `_polynomial`, compiled."""
    from numba import njit  # here, as a chapter that only counts or compares does without

    triad = njit(error_model="numpy")(_triad)
    return triad, njit(fastmath={"contract"}, error_model="numpy")(_polynomial)


def bandwidth(nbytes):
    """Return the bytes a second that a triad, ``a = b + k c``, moves with arrays of this size.

    It reads two arrays and writes one, and a store fetches what was there before: four words for
    each element.
    """
    # Ones, because pages of zeros that nobody has written are all the same page.
    a, b, c = (np.ones(max(nbytes // WORD, 16), np.float32) for _ in range(3))
    times = max(1, (1 << 18) // a.size)
    triad, _ = _compiled_loops()
    seconds = race({"triad": lambda: triad(a, b, c, times)})["triad"]
    return 4 * times * a.nbytes / seconds


def peak():
    """Return the operations a second of a polynomial on numbers in the nearest cache."""
    x, out, times = np.full(NEAR, 0.5, np.float32), np.zeros(NEAR, np.float32), 64
    _, polynomial = _compiled_loops()
    seconds = race({"polynomial": lambda: polynomial(x, out, times)})["polynomial"]
    return 2 * DEGREE * NEAR * times / seconds


def measure_roofs(nbytes):
    """Return both roofs of this machine, with one thread, for arrays of this many bytes.

    Returns
    -------
    Roofs
    """
    return Roofs(bandwidth(nbytes), peak())


def limits(shape, operations, flat):
    """Return what each of three limits alone would let a softmax take, in seconds.

    Parameters
    ----------
    shape : tuple of int
        Of an array of float32.
    operations : float
        For each element.
    flat : float
        Operations a second, as `peak` returns them.

    Returns
    -------
    dict of str to float
        ``call``: a softmax of no rows.  ``arithmetic``: the operations at the flat roof.
        ``memory``: one read, and one write with the fetch before it, at the bandwidth of arrays
        of this size, in whichever cache they are.
    """
    rows, classes = shape
    nothing = np.empty((0, classes), np.float32)
    size = rows * classes
    return {
        "call": race({"call": lambda: smnn.softmax(nothing)}, 0.05)["call"],
        "arithmetic": operations * size / flat,
        "memory": 3 * WORD * size / bandwidth(WORD * size),
    }


def softmax_by_blocks(x, out, past_caches):
    """Write the softmax of long rows by the package's kernel, past the caches or through them."""
    from smnn._kernels.softmax import softmax_blocks

    maxima = np.empty((len(x), -(-x.shape[1] // 1024)), x.dtype)
    softmax_blocks(x, None, out, True if past_caches else None, maxima, 0, len(x))


def show_race(functions, sizes, seconds=0.15):
    """Print nanoseconds per element, each beside the previous line, and return them.

    Parameters
    ----------
    functions : dict of str to callable
        The steps, in order.
    sizes : dict of str to int
        How many elements a call of each works on.
    seconds : float
        For each function.

    Returns
    -------
    dict of str to float
        Nanoseconds per element.
    """
    times = race(functions, seconds)
    times = {name: 1e9 * times[name] / sizes[name] for name in functions}
    width, previous = max(map(len, times)), None
    for name, time_ in times.items():
        gain = "" if previous is None else f"   {previous / time_:5.1f} times as fast"
        print(f"{name:{width}} {time_:8.2f} ns per element{gain}")
        previous = time_
    return times


# --- The pictures ------------------------------------------------------------------------


def draw_roofline(roofs, dots, joined=True):
    """Return a roofline with a dot for each step.

    Parameters
    ----------
    roofs : Roofs
    dots : dict of str to tuple
        The name of a step to its operations a byte and its operations a second.
    joined : bool
        Whether a line leads from each dot to the next.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = pyplot.subplots(figsize=(6.0, 4.4))
    places = np.array(list(dots.values()))
    left, right = min(0.2, places[:, 0].min() / 2), max(20.0, places[:, 0].max() * 4)
    x = np.geomspace(left, right, 400)
    axes.plot(x, roofs.limit(x) / 1e9, color=INK, linewidth=2)
    lowest, highest = places[:, 1].min() / 2.5e9, 2 * max(roofs.peak, places[:, 1].max()) / 1e9
    axes.fill_between(x, roofs.limit(x) / 1e9, highest, color=INK, alpha=0.12, linewidth=0)
    axes.set(xscale="log", yscale="log", xlim=(left, right), ylim=(lowest, highest))
    axes.set(xlabel="operations for each byte moved", ylabel="billion operations a second")
    _plain_ticks(axes.xaxis, left, right)
    _plain_ticks(axes.yaxis, lowest, highest)
    if joined:
        axes.plot(places[:, 0], places[:, 1] / 1e9, color=INK, linewidth=0.8, linestyle=":")
    heights = np.log(places[:, 1] / 1e9)
    labels = np.exp(_spread(heights, 0.045 * np.log(highest / lowest)))
    for k, (name, label) in enumerate(zip(dots, labels, strict=True)):
        color = series_color(k)
        axes.plot(places[k, 0], places[k, 1] / 1e9, "o", color=color, markersize=8)
        axes.annotate(
            name, (places[k, 0], label), xytext=(9, -3), textcoords="offset points",
            color=readable(color), size=9,
        )  # fmt: skip
    middle = np.sqrt(left * roofs.peak / roofs.bandwidth)
    axes.annotate(
        "memory", (middle, roofs.limit(middle) / 1e9), xytext=(-4, 6),
        textcoords="offset points", color=INK, size=9, ha="right",
    )  # fmt: skip
    axes.annotate(
        "arithmetic", (right / 1.1, roofs.peak / 1e9), xytext=(0, 5),
        textcoords="offset points", color=INK, size=9, ha="right",
    )  # fmt: skip
    return figure


def draw_lines(x, lines, xlabel, ylabel="nanoseconds per element"):
    """Return a figure of times against a size, both on logarithmic axes.

    Parameters
    ----------
    x : sequence of float
    lines : dict of str to sequence of float
        The name of a line, which is written at its end, to its times.
    xlabel, ylabel : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = pyplot.subplots(figsize=(6.0, 3.8))
    every = np.log([value for values in lines.values() for value in values])
    gap = 0.055 * max(np.ptp(every), np.log(4))
    ends = _spread(np.log([values[-1] for values in lines.values()]), gap)
    for k, ((name, values), end) in enumerate(zip(lines.items(), ends, strict=True)):
        axes.plot(x, values, marker="o", markersize=4, **series_style(k))
        axes.annotate(
            name, (x[-1], np.exp(end)), xytext=(9, -3), textcoords="offset points",
            color=readable(series_color(k)), size=9,
        )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.set_xlim(min(x) / 1.3, max(x) * (max(x) / min(x)) ** 0.35)
    axes.set_xticks(x, [f"{size:,}" for size in x])
    low, high = axes.get_ylim()
    low, high = min(low, high / 4), max(high, 4 * low)
    axes.set_ylim(low, high)
    _plain_ticks(axes.yaxis, low, high)
    axes.xaxis.set_minor_locator(NullLocator())
    return figure


def _plain_ticks(axis, low, high):
    """Write the ticks of a logarithmic axis as plain numbers: 1, 2, 5, 10, or only 1, 10."""
    steps = (1, 2, 5) if high / low < 200 else (1,)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [step * 10.0**power for power in powers for step in steps]
    ticks = [tick for tick in ticks if low <= tick <= high]
    axis.set_ticks(ticks, [f"{tick:,.10g}" for tick in ticks])
    axis.set_minor_locator(NullLocator())


def _spread(heights, gap):
    """Return heights of labels, moved apart where they would lie on each other."""
    placed = np.array(heights, float)
    order = np.argsort(placed)
    for lower, upper in pairwise(order):
        placed[upper] = max(placed[upper], placed[lower] + gap)
    return placed


def draw_savings(pairs):
    """Return a figure of bars: what is left of a time after a change.

    Parameters
    ----------
    pairs : dict of str to tuple
        What was changed, to the times before and after.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = pyplot.subplots(figsize=(6.0, 0.6 + 0.55 * len(pairs)))
    names = list(pairs)[::-1]
    left = np.array([pairs[name][1] / pairs[name][0] for name in names])
    axes.barh(range(len(names)), left, color=series_color(0), height=0.55)
    axes.axvline(1, color=INK, linewidth=0.8)
    for k, share in enumerate(left):
        axes.annotate(
            f"{share:.0%}", (share, k), xytext=(4, -4), textcoords="offset points", color=INK
        )
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(0, max(1.15, 1.15 * left.max())), xlabel="time after the change over before")
    return figure


def draw_limits(found):
    """Return a figure of three bars for each shape: what each limit alone would take.

    Parameters
    ----------
    found : dict of str to dict
        The name of a shape to what `limits` returns for it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = pyplot.subplots(figsize=(6.0, 3.6))
    for k, kind in enumerate(("call", "arithmetic", "memory")):
        heights = [1e6 * found[shape][kind] for shape in found]
        places = np.arange(len(found)) + 0.27 * (k - 1)
        axes.bar(places, heights, 0.24, color=series_color(k))
        axes.annotate(
            kind, (places[0], heights[0]), xytext=(0, 4), textcoords="offset points",
            color=readable(series_color(k)), size=9, rotation=90, ha="center",
        )  # fmt: skip
    axes.set(yscale="log", ylabel="microseconds, by this limit alone")
    axes.set_xticks(range(len(found)), list(found))
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * 3)
    _plain_ticks(axes.yaxis, low, high)
    return figure
