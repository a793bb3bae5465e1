"""How long it takes until a sleeping thread begins its part of a call.

Two threads share calls whose parts are long enough for both to get one.  Between the calls
the second thread has time to fall asleep.  An array that one thread has done with sooner is
not worth sharing.
"""

import json
import subprocess
import sys
import threading
import time

from benchmarks import machine

CALLS = 200
PART_NUMBERS = 1 << 18  # some 50 microseconds of work


def measure():
    import numpy as np

    from benchmarks.roofline import arithmetic
    from benchmarks.timing import PAUSE_SECONDS, summary
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
        time.sleep(PAUSE_SECONDS)
        start = time.perf_counter()
        parallel_rows(part, 8 * ROWS_PER_STEP, 8 * BYTES_PER_PART)
        seconds += [moment - start for moment in begun[:1]]
    return summary(seconds)


def measure_alone():
    """Best and median seconds, from a process of its own."""
    output = subprocess.run(
        [sys.executable, "-m", "benchmarks.wakeup"],
        env=machine.thread_environment(2),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    return json.loads(output)


if __name__ == "__main__":
    print(json.dumps(measure()))
