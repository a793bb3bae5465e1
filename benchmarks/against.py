"""Time this checkout against another one, side by side.

Three processes take turns: one with the package of this checkout (new) and two with that of the
other (old).  Each runs a block of calls when it is asked to and sleeps in between, so that a slow
moment of the machine hurts all of them.  What the two old ones differ by is the spread: it comes
from the machine and from where the arrays lie, and a smaller difference says nothing.

They are processes, and not two packages in one, because numba finds compiled code by its name.
"""

import json
import random
import subprocess
import sys
from contextlib import ExitStack
from math import ceil, sqrt
from pathlib import Path

from benchmarks import machine
from benchmarks.ratios import shape_text
from benchmarks.timing import BLOCK_SECONDS, FEWEST_ROUNDS, clock_of, seconds_per_call

HERE = Path(__file__).parents[1]
MARGIN = 0.03  # a case is slower if it takes this much longer beyond the spread
MOST_ROUNDS = 60


def start(checkout, threads):
    """Start a process that runs the package of one checkout."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, str(checkout), str(threads)],
        env=machine.thread_environment(threads) | {"PYTHONPATH": str(HERE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answer(process):
    """Return what a process says next."""
    line = process.stdout.readline()
    if not line:
        raise SystemExit("a process of the comparison failed: see the error above")
    return json.loads(line)


def ask(process, order):
    """Send an order, a case or a number of calls, and return the seconds per call."""
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    return answer(process)


def measure(chosen, other, threads, budget_seconds):
    """Yield a record for each case: the best seconds of new, old and old again."""
    checkouts = {"new": HERE, "old": other, "old again": other}
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(start(path, threads)) for name, path in checkouts.items()
        }
        for process in processes.values():
            answer(process)  # when it has loaded the package
        for case in chosen:
            seconds = race(processes, case, budget_seconds)
            yield case.as_dict() | {"threads": threads, "seconds": seconds}


def race(processes, case, budget_seconds):
    """Let the processes take turns at a case; return the best seconds of each."""
    once = max(ask(process, case.as_dict()) for process in processes.values())
    calls = ceil(BLOCK_SECONDS / max(once, 1e-7))
    rounds = int(budget_seconds / (len(processes) * calls * once))
    seconds = dict.fromkeys(processes, float("inf"))
    order, shuffle = list(processes), random.Random(0).shuffle
    for _ in range(min(MOST_ROUNDS, max(FEWEST_ROUNDS, rounds))):
        shuffle(order)
        for name in order:
            seconds[name] = min(seconds[name], ask(processes[name], calls))
    return seconds


def change(record):
    """Return by which share new takes longer than old; below 0 it is faster."""
    seconds = record["seconds"]
    return seconds["new"] / sqrt(seconds["old"] * seconds["old again"]) - 1


def spread(record):
    """Return by which share the two old ones differ."""
    first, second = sorted((record["seconds"]["old"], record["seconds"]["old again"]))
    return second / first - 1


def is_slower(record):
    return change(record) > MARGIN + spread(record)


def text(records):
    """Return the table and, below it, the cases that are slower."""
    lines = [
        f"{'':<64}{'old, µs':>11}{'new, µs':>11}{'change':>9}{'spread':>8}",
        *(row_text(record) for record in records),
    ]
    slower = [record for record in records if is_slower(record)]
    mean = sum(change(record) for record in records) / len(records)
    lines.append(f"\nmean change {mean:+.1%} over {len(records)} cases")
    lines.append(f"{len(slower)} slower by more than {MARGIN:.0%} beyond the spread")
    return "\n".join(lines + [row_text(record) for record in slower])


def row_text(record):
    seconds = record["seconds"]
    old = sqrt(seconds["old"] * seconds["old again"])
    words = record["operation"], shape_text(record), record["dtype"]
    kind = "reused" if record["reuse"] else "fresh"
    threads = f"{record['threads']} thread{'s' if record['threads'] > 1 else ''}"
    what = f"{words[0]:<22}{words[1]:>12}  {words[2]} {kind:<7}{threads}"
    return (
        f"{what:<64}{old * 1e6:11.2f}{seconds['new'] * 1e6:11.2f}"
        f"{change(record):+9.1%}{spread(record):8.1%}"
    )


def cold_text(old, new):
    """Return a table of the seconds to compile, by name."""
    lines = [f"{'With an empty cache, seconds of processor time':<64}{'old':>11}{'new':>11}"]
    lines += [f"{name:<64}{old[name]:11.2f}{new[name]:11.2f}" for name in new]
    return "\n".join(lines)


def serve(checkout, threads):
    """Run blocks of calls with the package in a folder, as asked on standard input."""
    machine.pin_to_processors(threads)
    sys.path.insert(0, str(checkout))
    from benchmarks.cases import Case, make_data
    from benchmarks.peers.smnn_peer import contestants, smnn

    if not Path(smnn.__file__).is_relative_to(checkout.resolve()):
        raise SystemExit(f"the package came from {smnn.__file__} and not from {checkout}")
    clock, function = clock_of(threads), None
    print(json.dumps(True), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if isinstance(order, dict):
            case = Case(**(order | {"shape": tuple(order["shape"])}))
            function = contestants(case, make_data(case))["smnn"]
            function()
            calls = 3
        else:
            calls = order
        function()  # the others have had the caches
        print(seconds_per_call(function, calls, clock), flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
