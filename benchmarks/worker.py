"""Measure cases in a process of its own, so that the number of threads holds for every library.

The parent sends the cases as JSON on standard input; one JSON record a line comes back.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from benchmarks import machine

THREADS = int(os.environ["OMP_NUM_THREADS"])
machine.pin_to_processors(THREADS)

import numpy as np  # noqa: E402  (libraries read their threads when they are loaded)

from benchmarks.cases import Case, make_data  # noqa: E402
from benchmarks.peers import all_contestants, check_results  # noqa: E402
from benchmarks.timing import race, summary  # noqa: E402


def copy_functions(x):
    """Copies of the input: the memory's own speed, for the roof of every operation."""
    out = np.empty_like(x)
    functions = {"copy": partial(np.copyto, out, x)}
    if THREADS > 1:
        pool = ThreadPoolExecutor(THREADS)
        outs, parts = (np.array_split(array.ravel(), THREADS) for array in (out, x))
        functions["copy in threads"] = lambda: list(pool.map(np.copyto, outs, parts))
    return functions


def measure(case, budget_seconds, libraries):
    data = make_data(case)
    functions = all_contestants(case, data, libraries)
    check_results(case, functions)
    copies = {} if case.operation == "linear_cross_entropy" else copy_functions(data.x)
    seconds = race({**functions, **copies}, budget_seconds, THREADS)
    record = case.as_dict() | {"threads": THREADS}
    record["seconds"] = {name: summary(seconds[name]) for name in functions}
    if copies:
        record["copy_seconds"] = min((summary(seconds[name]) for name in copies), key=best)
    return record


def best(entry):
    return entry["best"]


def main():
    order = json.load(sys.stdin)
    for fields in order["cases"]:
        case = Case(**(fields | {"shape": tuple(fields["shape"])}))
        record = measure(case, order["budget_seconds"], order["libraries"])
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
