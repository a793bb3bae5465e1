"""Measure cases in a process of its own, so that the number of threads holds for every library.

The parent sends the cases as JSON on standard input; one JSON record a line comes back.
"""

import json
import os
import sys

from benchmarks import machine

THREADS = int(os.environ["OMP_NUM_THREADS"])
machine.pin_to_processors(THREADS)

# Libraries read their threads when they are loaded.
from benchmarks.cases import Case, make_data  # noqa: E402
from benchmarks.peers import all_contestants, check_results  # noqa: E402
from benchmarks.roofline import limits_of  # noqa: E402
from benchmarks.sharing import other_choice  # noqa: E402
from benchmarks.timing import race, summary  # noqa: E402


def measure(case, budget_seconds, libraries):
    data = make_data(case)
    functions = all_contestants(case, data, libraries)
    check_results(case, functions)
    beside = {}
    if case.operation != "linear_cross_entropy":
        beside = limits_of(case.operation, data.x, THREADS)
        if THREADS > 1 and (other := other_choice(functions["smnn"], data.x)):
            beside |= [other]
    seconds = race({**functions, **beside}, budget_seconds, THREADS)
    record = case.as_dict() | {"threads": THREADS}
    record["seconds"] = {name: summary(seconds[name]) for name in functions}
    for name in ("copy", "arithmetic", "call", "one thread"):
        forms = [summary(seconds[form]) for form in beside if form.startswith(name)]
        if forms:
            record[f"{name.replace(' ', '_')}_seconds"] = min(forms, key=best)
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
