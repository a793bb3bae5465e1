"""The history of the benchmark: a slower case is seen at the commit that made it."""

import subprocess

import pytest

from benchmarks import __main__ as main
from benchmarks import history

MACHINE = {"processor": "P", "processors": 2, "versions": {"smnn": "1", "torch": "2"}}


def results(smnn_seconds, **machine):
    """The results of a run with one case, in which the fastest peer takes 6 seconds."""
    seconds = {name: {"best": s} for name, s in (("smnn", smnn_seconds), ("A", 6), ("B", 7))}
    record = {"operation": "softmax", "shape": [64, 10], "dtype": "float32", "reuse": True,
              "threads": 2, "seconds": seconds}  # fmt: skip
    alone = record | {"reuse": False, "seconds": {"smnn": {"best": 1}}}
    return {"machine": MACHINE | machine, "records": [record, alone]}


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """Keep the run of a commit that took so long."""
    monkeypatch.setattr(history, "HISTORY", tmp_path / "history.jsonl")

    def keep(commit, smnn_seconds, **machine):
        monkeypatch.setattr(history, "commit", lambda: commit)
        history.keep(results(smnn_seconds, **machine))

    return keep


CASE = "softmax float32 reused 2 64x10"


def falls(percent=20):
    """Return the commits at which cases fell, with the ratios before and after."""
    found = []
    for group in history.by_machine(history.runs()):
        for _, run, slower in history.falls(group, percent):
            found.append((run["commit"], slower))
    return found


def test_a_run_is_one_line_with_its_ratios(keep):
    assert history.runs() == [] and "python -m benchmarks" in history.text([], 20)
    keep("a", 2.0)
    keep("b", 4.0)
    assert len(history.HISTORY.read_text().splitlines()) == 2
    first, second = history.runs()
    assert first["commit"] == "a" and first["processor"] == "P" and first["versions"]["torch"]
    assert (first["ratios"], second["ratios"]) == ({CASE: 3.0}, {CASE: 1.5})


def test_a_slower_case_is_seen_at_its_commit(keep):
    for commit, seconds in ("a", 2.0), ("b", 2.1), ("c", 3.0), ("d", 3.1):
        keep(commit, seconds)
    assert falls() == [("c", [(CASE, 2.86, 2.0)])]
    assert falls(40) == []
    text = history.text(history.runs(), 20)
    assert "4 runs from a (" in text and f"{CASE} " in text and "2.86 →   2.00  -30%" in text
    assert "No case fell by more than 40%" in history.text(history.runs(), 40)


def test_a_case_that_comes_back_did_not_fall(keep):
    for commit, seconds in ("a", 2.0), ("b", 4.0), ("c", 2.1):
        keep(commit, seconds)
    assert falls() == []


@pytest.mark.parametrize("other", [{"processor": "Q"}, {"versions": {"smnn": "1", "torch": "3"}}])
def test_runs_beside_other_peers_or_on_other_machines_are_not_compared(keep, other):
    keep("a", 2.0)
    keep("b", 4.0, **other)
    assert falls() == []
    keep("c", 4.0, versions={"smnn": "2", "torch": "2"})
    assert [commit for commit, _ in falls()] == ["c"]


def test_the_commits_between_are_those_that_touch_the_package(tmp_path, monkeypatch, keep):
    def git(*words):
        names = "-c user.name=n -c user.email=e -c commit.gpgsign=false".split()
        subprocess.run(["git", *names, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    monkeypatch.setattr(history, "FOLDER", tmp_path / "benchmarks")
    commit, commits = history.commit, []
    for name in ("smnn/first", "smnn/kernel", "book/page"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
        git("add", "smnn", *(["book"] if name[0] == "b" else []))
        git("commit", "-m", f"wrote {name}")
        commits.append(commit())
    (tmp_path / "smnn/kernel").write_text("changed")
    assert commit() == commits[-1] + history.CHANGED
    keep(commits[0], 2.0)
    keep(commits[2] + history.CHANGED, 4.0)
    said = history.text(history.runs(), 20)
    assert "wrote smnn/kernel" in said and "wrote book" not in said and "wrote smnn/f" not in said


@pytest.mark.parametrize("options, kept", [([], 1), (["--quick"], 0), (["--output"], 0)])
def test_full_runs_are_kept(options, kept, tmp_path, monkeypatch):
    if "--output" in options:
        options = [*options, str(tmp_path / "elsewhere.json")]
    monkeypatch.setattr(main.sys, "argv", ["benchmarks", *options])
    monkeypatch.setattr(history, "HISTORY", tmp_path / "history.jsonl")
    monkeypatch.setattr(main, "results_folder", lambda: tmp_path)
    monkeypatch.setattr(main, "measure_cases", lambda *_: results(2.0)["records"])
    for module, name in (
        (main.memory, "measure_all"), (main.startup, "measure_all"), (main.startup, "measure_cold"),
        (main.wakeup, "measure_alone"), (main.targets, "score"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, lambda *_: [])
    monkeypatch.setattr(main.report, "text", lambda _: "")
    monkeypatch.setattr(main.picture, "draw", lambda *_: None)
    main.main()
    assert len(history.runs()) == kept


def test_the_kept_history_can_be_read():
    kept = history.runs()
    assert len(kept) >= 7 and all(len(run["ratios"]) > 400 for run in kept)
    dates = [run["date"] for run in kept]
    assert dates == sorted(dates)
    assert history.text(kept, 20)
