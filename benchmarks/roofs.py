"""The three roofs over every operation: the memory's, the arithmetic's and the call's.

A copy of the input is what the memory can do.  What the arithmetic can do is one pass over
numbers that are in the nearest cache already, as if the largest number and the sum of every
row were known: each number is compared, shifted, taken the exponential of, added up and
finished.  A softmax of no rows is what a call costs in which nothing is computed.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

import smnn
from smnn._kernels.passes import add_exponential
from smnn._kernels.simd.compile import kernel
from smnn._kernels.simd.memory import broadcast, lanes_of, load, lowest_of, pointer, store
from smnn._kernels.simd.vectors import maximum, sum_across

NEAREST_BYTES = 1 << 13  # of input and of output, which together fit the nearest cache


@kernel
def known_pass(x, out, m, number, rests, logs, times):
    """Pass over x so many times; a few numbers at the end are left out.

    The results, times ``number`` or with ``logs`` minus it, go to ``out`` unless None; with
    ``rests`` both sums are kept.  Returns what was added up, so that it is.
    """
    size, numbers, results = x.size, pointer(x), pointer(out)
    lanes, total = lanes_of(numbers), broadcast(numbers, 0)
    peak = broadcast(numbers, lowest_of(numbers))
    rest, total_too, rest_too = total, total, total
    for _ in range(times):
        for i in range(0, size - 2 * lanes + 1, 2 * lanes):
            v, v_too = load(numbers, i), load(numbers, i + lanes)
            peak = maximum(v_too, maximum(v, peak))
            d, d_too = v - m, v_too - m
            total, rest, e = add_exponential(total, rest, d, rests)
            total_too, rest_too, e_too = add_exponential(total_too, rest_too, d_too, rests)
            if logs is not None:
                store(results, i, d - number)
                store(results, i + lanes, d_too - number)
            elif out is not None:
                store(results, i, e * number)
                store(results, i + lanes, e_too * number)
    return sum_across(total + total_too) + sum_across(rest + rest_too) + sum_across(peak)


def arithmetic(operation, x):
    """What the arithmetic of an operation takes on x."""
    times = -(-x.nbytes // NEAREST_BYTES)
    near = x.ravel()[: x.size // times]
    out = None if operation == "cross_entropy" else np.empty_like(near)
    rests = None if operation == "softmax" else True
    logs = True if operation == "log_softmax" else None
    largest, number = near.max(), near.dtype.type(0.5)
    return partial(known_pass, near, out, largest, number, rests, logs, times)


def roof_functions(operation, x, threads):
    """Name to function: a copy of x, the arithmetic, and a call without work."""
    out = np.empty_like(x)
    functions = {
        "copy": partial(np.copyto, out, x),
        "arithmetic": arithmetic(operation, x),
        "call": partial(smnn.softmax, np.empty((0, x.shape[1]), x.dtype)),
    }
    if threads > 1:
        pool = ThreadPoolExecutor(threads)
        outs, xs = (np.array_split(array.ravel(), threads) for array in (out, x))
        parts = [arithmetic(operation, part) for part in xs]
        functions["copy in threads"] = lambda: list(pool.map(np.copyto, outs, xs))
        functions["arithmetic in threads"] = lambda: list(pool.map(run, parts))
    for function in functions.values():
        function()
    return functions


def run(function):
    return function()
