"""Measure smnn beside its peers, print the tables, keep the results and draw the picture.

    python -m benchmarks                 everything (about half an hour)
    python -m benchmarks --quick         a few shapes, float32, one thread
    python -m benchmarks --operations softmax --shapes 64x10,256x1000 --threads 1
    python -m benchmarks --against PATH  this checkout beside the one in another folder

A selection is printed and not kept, unless --output names a file.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks import (
    against,
    cases,
    history,
    machine,
    memory,
    picture,
    report,
    startup,
    targets,
    wakeup,
)
from benchmarks.peers import MODULES
from smnn_book import results_folder

PICTURE = Path(__file__).parent / "results" / "benchmark.svg"
SECTIONS = (*cases.OPERATIONS, "spellings", "memory", "startup", "cold", "wakeup")


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a few shapes, float32, one thread")
    parser.add_argument("--operations", type=names, help=f"from {', '.join(SECTIONS)}")
    parser.add_argument("--shapes", type=shapes, help="for example 64x10,256x1000")
    parser.add_argument("--dtypes", type=names, help="float32,float64")
    parser.add_argument("--threads", type=names, help="for example 1,2")
    parser.add_argument("--libraries", type=names, help=f"from {', '.join(MODULES)}")
    parser.add_argument("--budget", type=float, help="seconds for each race")
    parser.add_argument("--output", type=Path, help="file for the results, as JSON")
    parser.add_argument("--against", type=Path, help="folder of another checkout to race against")
    arguments = parser.parse_args()
    check_names(parser, arguments.operations, SECTIONS)
    check_names(parser, arguments.libraries, MODULES)
    return arguments


def names(text):
    return text.split(",")


def shapes(text):
    return [tuple(int(size) for size in shape.split("x")) for shape in text.split(",")]


def check_names(parser, given, known):
    for name in given or ():
        if name not in known:
            parser.error(f"{name!r} is none of {', '.join(known)}")


def choose_cases(arguments, operations):
    dtypes = arguments.dtypes or (["float32"] if arguments.quick else ["float32", "float64"])
    row_operations = [name for name in cases.ROW_OPERATIONS if name in operations]
    given = arguments.shapes or []
    row_shapes = [shape for shape in given if len(shape) == 2]
    linear_shapes = [shape for shape in given if len(shape) == 3]
    if not given:
        row_shapes = cases.QUICK_SHAPES if arguments.quick else cases.SHAPES
        linear_shapes = cases.QUICK_LINEAR_SHAPES if arguments.quick else cases.LINEAR_SHAPES
    chosen = cases.row_cases(row_operations, row_shapes, dtypes)
    if "linear_cross_entropy" in operations:
        chosen += [cases.Case("linear_cross_entropy", shape, "float32") for shape in linear_shapes]
    return chosen


def measure_cases(chosen, threads, libraries, budget_seconds):
    """Run one worker for each number of threads and collect its records."""
    from tqdm import tqdm

    records = []
    order = {"budget_seconds": budget_seconds, "libraries": libraries}
    order["cases"] = [case.as_dict() for case in chosen]
    # Silent unless a person watches.
    with tqdm(total=len(chosen) * len(threads), disable=not sys.stderr.isatty()) as progress:
        for count in threads:
            command = [sys.executable, "-m", "benchmarks.worker"]
            environment, pipe = machine.thread_environment(count), subprocess.PIPE
            with subprocess.Popen(
                command, env=environment, stdin=pipe, stdout=pipe, text=True
            ) as worker:
                worker.stdin.write(json.dumps(order))
                worker.stdin.close()
                for line in worker.stdout:
                    records.append(json.loads(line))
                    progress.update()
            if worker.returncode != 0:
                raise SystemExit(f"the worker with {count} threads failed: see the error above")
    return records


def compare(arguments, threads):
    """Print this checkout beside another one; keep the records if a file is named."""
    operations = arguments.operations or cases.ROW_OPERATIONS
    chosen = choose_cases(arguments, operations)
    records = [
        record
        for count in threads
        for record in against.measure(chosen, arguments.against, count, arguments.budget or 0.6)
    ]
    if records:
        print(against.text(records))
    if "cold" in operations:
        folders = arguments.against, against.HERE
        print(against.cold_text(*(startup.measure_cold(folder) for folder in folders)))
    if arguments.output:
        results = {"machine": machine.describe(), "records": records}
        arguments.output.write_text(json.dumps(results, indent=1) + "\n")


def main():
    arguments = parse_arguments()
    operations = arguments.operations or SECTIONS
    threads = [int(count) for count in arguments.threads or (["1"] if arguments.quick else "12")]
    if arguments.against:
        return compare(arguments, threads)
    libraries = arguments.libraries or list(MODULES)
    budget_seconds = arguments.budget or (0.3 if arguments.quick else 0.6)
    results = {"machine": machine.describe()}
    chosen = choose_cases(arguments, operations)
    results["records"] = measure_cases(chosen, threads, libraries, budget_seconds)
    if "spellings" in operations:
        spelled = cases.spelled_cases(["float32"])
        results["spellings"] = measure_cases(spelled, [1], libraries, budget_seconds)
    if "memory" in operations:
        shape = cases.LINEAR_SHAPES[1 if arguments.quick else -1]
        results["memory"] = memory.measure_all(shape)
    if "startup" in operations:
        results["startup"] = startup.measure_all()
    if "cold" in operations:
        results["cold"] = startup.measure_cold()
    if "wakeup" in operations:
        results["handover"] = wakeup.measure_alone()  # the name that the speed page reads
    results["goals"] = [list(goal) for goal in targets.score(results)]
    print(report.text(results))

    partial = any((arguments.quick, arguments.operations, arguments.shapes, arguments.dtypes,
                   arguments.threads, arguments.libraries))  # fmt: skip
    output = arguments.output or (None if partial else results_folder() / "benchmark.json")
    if output:
        output.write_text(json.dumps(results, indent=1) + "\n")
        # The numbers are data of the book; the README shows the picture.
        drawing = output.with_suffix(".svg") if arguments.output else PICTURE
        picture.draw(results, drawing)
        print(f"\nkept in {output} and {drawing}")
    if not partial and not arguments.output:
        history.keep(results)


if __name__ == "__main__":
    main()
