"""A few random calls of every public function, and all that ever broke one.

They run in a process of their own: one that dies there is a failure here.  ``make fuzz`` runs
many more.
"""

import subprocess
import sys
from pathlib import Path

import fuzzing
import numpy as np
import pytest

import smnn

TESTS = Path(__file__).parent
KEPT = (TESTS / "fuzz_corpus.txt").read_text(encoding="utf-8").splitlines()
CORPUS = [line.split()[0] for line in KEPT if not line.startswith("#")]


@pytest.mark.parametrize("first", range(0, 4, 2))
def test_no_call_breaks_a_promise(first):
    done = subprocess.run(
        [sys.executable, TESTS / "fuzzing.py", str(first), "2"], capture_output=True, text=True
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (lines[-1:], done.stderr[-2000:])
    assert sum(line.startswith("> ") for line in lines) == 2 * len(fuzzing.NAMES)
    assert [line for line in lines if line.startswith("FAULT")] == []


@pytest.mark.parametrize("case", CORPUS)
def test_what_broke_once_holds(case):
    name, number = case.split(":")
    fuzzing.check(name, int(number))


FAULTS = {
    "writes": (lambda x: np.multiply(x, 2, out=x), "written to"),
    "gives its input back": (lambda x: x, "shares its memory"),
    "depends on the layout": (lambda x: np.array(float(x.flags.c_contiguous)), "layout changes"),
    "depends on the dtype": (lambda x: x * x.itemsize, "float64 changes"),
    "refuses": (lambda x: smnn.softmax(x, axis=9), "refuses what it should take"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_found(kind, monkeypatch):
    function, words = FAULTS[kind]
    monkeypatch.setitem(fuzzing.CASES, "one", lambda draw: (function, (draw.small((3, 4)),), {}))
    with pytest.raises(fuzzing.Fault, match=words):
        for number in range(40):
            fuzzing.check("one", number)


def test_a_refusal_without_a_sentence_is_found(monkeypatch):
    def call(draw):
        return (lambda x: np.linalg.norm(x, axis=1)), (draw.small((3, 4)),), {}

    monkeypatch.setitem(fuzzing.CASES, "one", call)
    with pytest.raises(fuzzing.Fault, match="without a sentence of its own"):
        for number in range(200):
            fuzzing.check("one", number)
