"""The three roofs over every operation: the memory's, the arithmetic's and the call's.

A copy of the input is what the memory can do.  The exponentials alone, of numbers that are
already shifted, are what the arithmetic can do: every operation takes as many.  A softmax of
no rows is what a call costs in which nothing is computed.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

import smnn
from smnn._kernels.compile import kernel
from smnn._kernels.exponential import exp
from smnn._kernels.memory import lanes_of, load, pointer, store


@kernel
def only_exponentials(d, out):
    """Read d ≤ 0, write its exponentials; a few at the end are left out."""
    size = d.size
    d, out = pointer(d), pointer(out)
    for i in range(0, size - lanes_of(d) + 1, lanes_of(d)):
        store(out, i, exp(load(d, i)))


def roof_functions(x, threads):
    """Name to function: a copy of x, its exponentials, and a call without work."""
    out, d = np.empty_like(x), -np.abs(x)
    functions = {
        "copy": partial(np.copyto, out, x),
        "exponentials": partial(only_exponentials, d.ravel(), out.ravel()),
        "call": partial(smnn.softmax, np.empty((0, x.shape[1]), x.dtype)),
    }
    if threads > 1:
        pool = ThreadPoolExecutor(threads)
        outs, xs, ds = (np.array_split(array.ravel(), threads) for array in (out, x, d))
        functions["copy in threads"] = lambda: list(pool.map(np.copyto, outs, xs))
        functions["exponentials in threads"] = lambda: list(pool.map(only_exponentials, ds, outs))
    for function in functions.values():
        function()
    return functions
