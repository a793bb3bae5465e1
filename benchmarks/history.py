"""Which commit made a case slower: the ratios of every full run, and where they fell.

    python -m benchmarks.history [PERCENT]

A full run adds a line to ``results/history.jsonl``: the commit, the machine, and for each case how
many times faster than the fastest peer smnn was.  This command compares each run with the one
before it on the same machine, with the same versions of the peers, and shows the cases that fell by
more than 20 (or so many) percent and have not come back since.  Below them are the commits between
the two runs that touch the package; ``python -m benchmarks --against`` tells them apart.
"""

import datetime
import json
import subprocess
import sys
from pathlib import Path

from benchmarks import ratios

FOLDER = Path(__file__).parent
HISTORY = FOLDER / "results" / "history.jsonl"
CHANGED = "+changes"  # after the commit of a run whose files were not all committed


def git(*arguments):
    """Return what git says, in lines; none where there is no git, or no such commit."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=FOLDER.parent, capture_output=True, text=True
        )
    except OSError:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def commit():
    """Return the commit that is checked out, and whether files differ from it."""
    described = git("describe", "--always", "--exclude=*", "--abbrev=10", f"--dirty={CHANGED}")
    return described[0] if described else "unknown"


def line(results, commit, date):
    """Return a run as one line of JSON, with the ratios of each kind of case by shape."""
    machine, ours = results["machine"], {}
    for record in results["records"]:
        if ratios.fastest_peer(record):
            output = "reused" if record["reuse"] else "fresh"
            kind = f"{record['operation']} {record['dtype']} {output} {record['threads']}"
            ratio = float(f"{ratios.ratio(record):.3g}")
            ours.setdefault(kind, {})[ratios.shape_text(record)] = ratio
    names = "processor", "processors", "versions"
    run = {"commit": commit, "date": date, **{name: machine[name] for name in names}}
    return json.dumps(run | {"ratios": ours}, separators=(",", ":"))


def keep(results):
    """Add a run to the history, as that of the commit that is checked out."""
    with HISTORY.open("a", encoding="utf-8") as file:
        file.write(line(results, commit(), datetime.date.today().isoformat()) + "\n")


def runs():
    """Return the runs that are kept, in their order; a case is named by its kind and shape."""
    lines = HISTORY.read_text(encoding="utf-8").splitlines() if HISTORY.exists() else []
    found = [json.loads(line) for line in lines]
    for run in found:
        kinds = run["ratios"].items()
        run["ratios"] = {f"{kind} {shape}": r for kind, of in kinds for shape, r in of.items()}
    return found


def by_machine(runs):
    """Return lists of runs that can be compared: same processor, same versions of the peers."""
    groups = {}
    for run in runs:
        peers = sorted(item for item in run["versions"].items() if item[0] != "smnn")
        groups.setdefault((run["processor"], run["processors"], *peers), []).append(run)
    return list(groups.values())


def falls(runs, percent):
    """Yield where cases became slower: the run before, the run, and the cases with both ratios.

    A case that is as fast again in a later run is left out, as what fell by chance is.
    """
    for k in range(1, len(runs)):
        before, run = runs[k - 1 : k + 1]
        slower = []
        for case in before["ratios"].keys() & run["ratios"].keys():
            least = before["ratios"][case] * (1 - percent / 100)
            since = [later["ratios"][case] for later in runs[k:] if case in later["ratios"]]
            if max(since) < least:
                slower.append((case, before["ratios"][case], run["ratios"][case]))
        if slower:
            yield before, run, sorted(slower, key=lambda case: (case[2] / case[1], case))


def text(runs, percent):
    """Return which cases fell, and between which commits."""
    parts = []
    for group in by_machine(runs):
        first, last = group[0], group[-1]
        parts.append(
            f"{first['processor']}, {first['processors']} processors: {len(group)} runs from "
            f"{first['commit']} ({first['date']}) to {last['commit']} ({last['date']}), "
            f"{len(last['ratios'])} cases"
        )
        found = list(falls(group, percent))
        for before, run, slower in found:
            lines = [f"slower by more than {percent:g}% in {run['commit']} ({run['date']}):"]
            lines += [
                f"    {case:48} {was:6.2f} → {now:6.2f}  {now / was - 1:+.0%}"
                for case, was, now in slower
            ]
            ends = (one["commit"].removesuffix(CHANGED) for one in (before, run))
            lines += [f"  {one}" for one in git("log", "--oneline", "..".join(ends), "--", "smnn")]
            parts.append("\n".join(lines))
        if not found:
            parts.append(f"No case fell by more than {percent:g}% and stayed there.")
    return "\n\n".join(parts) or "No run is kept yet: python -m benchmarks"


if __name__ == "__main__":
    print(text(runs(), float(sys.argv[1]) if len(sys.argv) > 1 else 20))
