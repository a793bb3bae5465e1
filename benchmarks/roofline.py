"""The roofline of every operation: what the memory, the arithmetic and a call allow.

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
def known_pass(x, out, m, number, split, logs, repeats):
    """Pass over x again and again; up to two vectors at its end are left out.

    The results, times ``number`` or with ``logs`` minus it, go to ``out`` unless None; with
    ``split`` both sums are kept.  Returns their sum, so that no compiler leaves them out.
    """
    size, numbers, results = x.size, pointer(x), pointer(out)
    lanes, total = lanes_of(numbers), broadcast(numbers, 0)
    vector_max = broadcast(numbers, lowest_of(numbers))
    below, total2, below2 = total, total, total
    for _ in range(repeats):
        for i in range(0, size - 2 * lanes + 1, 2 * lanes):
            v, v2 = load(numbers, i), load(numbers, i + lanes)
            vector_max = maximum(v2, maximum(v, vector_max))
            d, d2 = v - m, v2 - m
            total, below, e = add_exponential(total, below, d, split)
            total2, below2, e2 = add_exponential(total2, below2, d2, split)
            if logs is not None:
                store(results, i, d - number)
                store(results, i + lanes, d2 - number)
            elif out is not None:
                store(results, i, e * number)
                store(results, i + lanes, e2 * number)
    return sum_across(total + total2) + sum_across(below + below2) + sum_across(vector_max)


def arithmetic(operation, x):
    """Return a function that does the arithmetic of an operation on as many numbers as x has."""
    repeats = -(-x.nbytes // NEAREST_BYTES)
    near = x.ravel()[: x.size // repeats]
    out = None if operation == "cross_entropy" else np.empty_like(near)
    split = None if operation == "softmax" else True
    logs = True if operation == "log_softmax" else None
    largest, number = near.max(), near.dtype.type(0.5)
    return partial(known_pass, near, out, largest, number, split, logs, repeats)


def limits_of(operation, x, threads):
    """Return functions by name: a copy of x, the arithmetic, and a call without work."""
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
