"""How long it takes until a sleeping thread begins its part of a call.

Two threads share calls whose parts are long enough for both to get one.  Between the calls
the second thread has time to fall asleep.  An array that one thread has done with sooner is
not worth sharing.  Calls that follow each other at once show how much of it is the sleep.
"""

import json
import subprocess
import sys
import threading
import time

from benchmarks import machine

CALLS = 200
PART_NUMBERS = 1 << 18  # some 50 microseconds of work


def measure(pause_seconds):
    """Return best and median seconds until the second thread begins."""
    import numpy as np

    from benchmarks.roofline import arithmetic
    from benchmarks.timing import summary
    from smnn import set_num_threads
    from smnn._core.threads import BYTES_PER_PART, ROWS_PER_STEP, parallel_rows

    set_num_threads(2)
    work = arithmetic("softmax", np.zeros((1, PART_NUMBERS), np.float32))
    caller, begun, seconds = threading.get_ident(), [], []

    def part(start, stop):
        if threading.get_ident() != caller:
            begun.append(time.perf_counter())
        work()

    for _ in range(CALLS):
        begun.clear()
        if pause_seconds:
            time.sleep(pause_seconds)
        start = time.perf_counter()
        parallel_rows(part, 8 * ROWS_PER_STEP, 8 * BYTES_PER_PART)
        seconds += [moment - start for moment in begun[:1]]
    return summary(seconds)


def measure_alone():
    """Return best and median seconds after a pause, and without one, from an own process."""
    output = subprocess.run(
        [sys.executable, "-m", "benchmarks.wakeup"],
        env=machine.thread_environment(2),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    return json.loads(output)


if __name__ == "__main__":
    from benchmarks.timing import PAUSE_SECONDS

    print(json.dumps(measure(PAUSE_SECONDS) | {"at_once": measure(0)}))
