"""Make random calls of every public function until something breaks, or for a number of rounds.

    python tools/fuzz.py [ROUNDS [FIRST]]

A round is one case of every name of tests/fuzzing.py.  Rounds run in processes of their own, so
that one which dies is told like every other fault.  What is found can be added to
the corpus in tests, which they run again.
"""

import subprocess
import sys
from pathlib import Path

from tqdm import tqdm

FUZZING = Path(__file__).parent.parent / "tests" / "fuzzing.py"
TOGETHER = 10  # rounds for each process


def faults(first, count):
    """Yield what broke in some rounds."""
    done = subprocess.run(
        [sys.executable, FUZZING, str(first), str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = done.stdout.splitlines()
    yield from (line for line in lines if line.startswith("FAULT"))
    if done.returncode:
        last = [line for line in lines if line.startswith("> ")][-1:]
        yield f"FAULT the process ended with {done.returncode} in {last}: {lines[-1:]}"


def main(rounds=200, first=0):
    """Run the rounds; return how many faults there were."""
    found = 0
    blocks = range(first, first + rounds, TOGETHER)
    for start in tqdm(blocks, unit=f" × {TOGETHER} rounds", disable=not sys.stderr.isatty()):
        for fault in faults(start, min(TOGETHER, first + rounds - start)):
            print(fault, flush=True)
            found += 1
    print(f"{rounds} rounds from {first} on: {found or 'no'} faults")
    return found


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])) > 0)
