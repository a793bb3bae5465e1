"""Run a long check and keep its figures; the page "How this book is checked" shows them.

    python tools/trust.py fuzz [ROUNDS]      random calls of every public function
    python tools/trust.py endurance [NAME]   threads, processes, kills, a full disk
    python tools/trust.py mutation [MODULE]  how many small faults the tests notice
    python tools/trust.py coverage           lines and branches that the tests run
    python tools/trust.py package            the tests of the package, with this Python
    python tools/trust.py notebooks          every notebook against its outputs, with this Python
    python tools/trust.py page [--check]     write the page again from what is kept, or compare

A result is a file in book/reference/checks with its figures in tables, the date and the machine.
The tables of the page are written from these files, and from ``tests/mutants_survivors.txt``, which
says why a fault that no test notices is none.
"""

import copy
import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
for folder in (ROOT, ROOT / "tests"):
    sys.path.insert(0, str(folder))
KEPT = ROOT / "book" / "reference" / "checks"
PAGE = ROOT / "book" / "reference" / "checks.md"
SURVIVORS = ROOT / "tests" / "mutants_survivors.txt"
ALL_TESTS = ("tests", "--ignore=tests/book")
#: Tests that reach every kernel.
OF_KERNELS = tuple(
    f"tests/test_{name}.py"
    for name in (
        "attention", "conformance", "cross_entropy", "ctc", "images", "kernels", "optim",
        "sampling", "sequences", "vocabulary",
    )
)  # fmt: skip
#: Left out where lines are counted: an interrupt would leave the lock held that the counting takes.
INTERRUPTED = "tests/test_endurance.py::test_it_holds[interrupted]"
#: Notebooks that show what numba does, or train for so long that it takes compiled loops.
NEED_NUMBA = ("actions", "bugs", "making-softmax-fast", "softmax-on-a-gpu", "speed")
BEGIN, END = "% what tools/trust.py keeps", "% end of what tools/trust.py keeps"


# ------------------------------------------------------------------ the checks
# Each yields the name of a part and its table: the heads of its columns, and its rows.


def fuzz(rounds=200):
    """Make random calls, each of them three times."""
    import fuzz
    import fuzzing

    rounds = int(rounds)
    found = 0
    for start in range(0, rounds, fuzz.TOGETHER):
        for fault in fuzz.faults(start, min(fuzz.TOGETHER, rounds - start)):
            print(fault, flush=True)
            found += 1
    columns = ("functions and layers", "random calls", "faults")
    yield "", columns, [(len(fuzzing.NAMES), rounds * len(fuzzing.NAMES), found)]


def endurance(*names):
    """Do to the package what a user's program may do, often."""
    import endurance

    for function, options in endurance.LONG.items():
        if not names or function.__name__ in names:
            row = (function.__doc__.splitlines()[0], function(**options))
            print(*row, flush=True)
            yield function.__name__, ("what is done", "how often, and what came of it"), [row]


def mutation(*modules):
    """Put faults into modules, one at a time, and run their tests."""
    import mutants

    os.environ["NUMBA_DISABLE_JIT"] = "1"
    for module in modules or mutants.MODULES:
        tried, survivors = mutants.score(module)
        share, error = mutants.share(tried, survivors)
        row = (module, tried, len(survivors), f"{share:.0%} ± {error:.0%}")
        columns = ("module", "faults", "not noticed", "noticed")
        yield module, columns, [row], [[module, *survivor] for survivor in survivors]


def coverage():
    """Run the tests of the package and count what they reach, kernels too, which then are Python.

    Interpreted, the tests that train or compute much would take hours, so all run compiled, and
    those in ``OF_KERNELS`` once more interpreted, but for the longest; a line counts if it was
    reached in either run.
    """
    import mutants

    of_kernels = *OF_KERNELS, *mutants.left_out()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "COVERAGE_FILE": f"{folder}/data",
            "NUMBA_CACHE_DIR": folder,  # empty, as what compiles a kernel is to be run too
            "OPENBLAS_NUM_THREADS": "1",
        }
        run = [sys.executable, "-m", "coverage"]
        compiled = *ALL_TESTS, "--deselect", INTERRUPTED
        for tests, interpreted in (compiled, "0"), (of_kernels, "1"):
            pytest = [*"-m pytest -q -n0 -o addopts= -p no:cacheprovider".split(), *tests]
            done = subprocess.run(
                [*run, "run", "--parallel-mode", "--branch", "--source", "smnn", *pytest],
                cwd=ROOT,
                env=environment | {"NUMBA_DISABLE_JIT": interpreted},
            )
            if done.returncode:
                raise RuntimeError(f"the tests ended with {done.returncode}")
        out = f"{folder}/report.json"
        for command in ["combine", "-q", folder], ["json", "-q", "-o", out]:
            subprocess.run([*run, *command], cwd=ROOT, env=environment, check=True)
        report = json.loads(Path(out).read_text())

    def row(name, found):
        branches = found["num_branches"]
        reached = found["covered_branches"] / branches if branches else 1.0
        return name, found["covered_lines"] / found["num_statements"], reached

    rows = [row("all", report["totals"])]
    files = (
        row(f"`{name}`", one["summary"])
        for name, one in report["files"].items()
        if one["summary"]["num_statements"]
    )
    rows += sorted(one for one in files if min(one[1:]) < 0.95)
    rows = [(name, f"{lines:.1%}", f"{branches:.1%}") for name, lines, branches in rows]
    yield "", ("files", "lines", "branches"), rows


def outcomes(*arguments):
    """Run pytest, and return what it says."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n1", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"}, text=True, stdout=subprocess.PIPE,
    ).stdout  # fmt: skip


def counts(said):
    """Return how many tests passed, failed and were skipped, by what pytest said."""
    found = re.findall(r"(\d+) (passed|failed|skipped)", said.rstrip().splitlines()[-1])
    by_outcome = {outcome: int(count) for count, outcome in found}
    if not by_outcome.get("passed"):
        raise RuntimeError(f"pytest ended otherwise: {said[-2000:]}")
    return [by_outcome.get(outcome, 0) for outcome in ("passed", "failed", "skipped")]


def package():
    """Run the tests of the package."""
    said = outcomes(*ALL_TESTS, "smnn")
    print(said[-20_000:])
    columns = ("Python", "NumPy", "passed", "failed", "skipped")
    python, numpy, _ = versions()
    yield minor(python), columns, [(python, numpy, *counts(said))]


def repeat_cells(notebook):
    """Append all cells of a notebook once more."""
    again = copy.deepcopy(notebook.cells)
    for cell in again:
        cell.id += "-again"
    notebook.cells += again


def notebooks():
    """Run every notebook twice in one process, in a folder of its own, and compare its outputs."""
    import nbformat

    books = sorted((ROOT / "book").rglob("*.ipynb"))
    if not find_spec("numba"):
        books = [path for path in books if path.stem not in NEED_NUMBA]
    books = [nbformat.read(path, 4) for path in books]
    with tempfile.TemporaryDirectory() as folder:
        for number, book in enumerate(books):
            repeat_cells(book)
            nbformat.write(book, f"{folder}/{number}.ipynb")
        said = outcomes(f"--config-file={ROOT}/pyproject.toml", f"--rootdir={folder}", folder)
    print(said[-20_000:])
    columns = ("Python", "NumPy", "numba", "notebooks", "cells as stored", "cells that differ")
    python, numpy, numba = versions()
    part = minor(python) + ("-without-numba" if numba == "none" else "")
    yield part, columns, [(python, numpy, numba, len(books), *counts(said)[:2])]


CHECKS = {
    check.__name__: check
    for check in (fuzz, endurance, mutation, coverage, package, notebooks)
}  # fmt: skip


# ------------------------------------------------------------------ what is kept


def minor(version):
    """Return 3.12 for a version such as 3.12.1."""
    return ".".join(version.split(".")[:2])


def versions():
    """Return the versions of Python, NumPy and numba, which may be "none"."""
    numba = metadata.version("numba") if find_spec("numba") else "none"
    return platform.python_version(), metadata.version("numpy"), numba


def keep(check, arguments, part, columns, rows, survivors=()):
    """Write the result of a check, or of a part of it."""
    from benchmarks.machine import processor_name

    KEPT.mkdir(exist_ok=True)
    record = {
        "check": check,
        "command": " ".join(("python tools/trust.py", check, *arguments)),
        "date": datetime.date.today().isoformat(),
        "processor": processor_name(),
        **dict(zip(("python", "numpy", "numba"), versions(), strict=True)),
        "columns": columns,
        "rows": rows,
        "survivors": survivors,
    }
    name = "-".join(filter(None, (check, part.replace("/", "."))))
    text = json.dumps(record, ensure_ascii=False, indent=1)
    (KEPT / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def kept(check):
    """Return the kept results of a check, in the order of their names."""
    records = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(KEPT.glob("*.json")))
    return [record for record in records if record["check"] == check]


def reasons():
    """Return why faults that no test notices are none, by module, function, before and after."""
    lines = SURVIVORS.read_text(encoding="utf-8").splitlines()
    parts = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {tuple(fault): reason for *fault, reason in parts}


# ------------------------------------------------------------------ the page


def cell(value):
    """Return a value as it is written into a table."""
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|")


def table(columns, rows):
    """Return a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *([cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def numba_of(record):
    """Return which numba was there, in words."""
    return "without numba" if record["numba"] == "none" else f"numba {record['numba']}"


def where(records):
    """Say when and where results were obtained."""
    places = dict.fromkeys(
        f"on {record['date']} ({record['processor']}, Python {record['python']}, "
        f"NumPy {record['numpy']}, {numba_of(record)})"
        for record in records
    )
    return ", ".join(places)


def section(check):
    """Return what the page says of a check: its tables, and when and where it was run."""
    records = kept(check)
    rows = [row for record in records for row in record["rows"]]
    said = [table(records[0]["columns"], rows)]
    survivors = [survivor for record in records for survivor in record["survivors"]]
    if survivors:
        why = reasons()
        said.append("What no test noticed, and why that is right:")
        said.append(
            "\n".join(
                f"- `{module}`, `{function}`: `{before}` became `{after}`. "
                f"{why[module, function, before, after]}"
                for module, _, function, before, after in survivors
            )
        )
    commands = {record["command"] for record in records}
    command = commands.pop() if len(commands) == 1 else f"python tools/trust.py {check}"
    said.append(f"`{command}` ran {where(records)}.")
    return "\n\n".join(said)


def page():
    """Return the text of the page with its sections written anew."""
    text = PAGE.read_text(encoding="utf-8")
    for check in CHECKS:
        begin, end = f"{BEGIN}: {check}\n", f"{END}\n"
        before, found, rest = text.partition(begin)
        if found:
            _, _, after = rest.partition(end)
            text = f"{before}{begin}\n{section(check)}\n\n{end}{after}"
    return text


def main(name, *arguments):
    """Run a check and keep what it finds, or write the page; return the exit status."""
    if name == "page":
        wanted = page()
        if "--check" in arguments:
            return wanted != PAGE.read_text("utf-8") and "out of date: python tools/trust.py page"
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    for part, *found in CHECKS[name](*arguments):
        keep(name, arguments, part, *found)
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in (*CHECKS, "page"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
