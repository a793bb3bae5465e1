"""Threads that share a call.

The threads are started on first use and end with the process; each does one job after another.
A forked child has none of them, forgets its parent's and starts its own.

The rows of a kernel are handed to them in compiled code (``_kernels/sharing.py``).  What is
written in Python around several kernels, such as attention, is a task for `parallel_rows`: neither
kernels nor products of matrices hold Python's lock, so that plain threads run them side by side.
The rows are cut into parts; the calling thread and the workers each take the next part until none
is left.  The caller works too and never waits for a worker that has not begun: a part that nobody
else took, it does itself.  So a call from any thread, or from many at once, ends, and with busy
workers it is as fast as it would be alone.
"""

from __future__ import annotations

import math
import os
import queue
import threading
from pathlib import Path

from . import validation as check

# A part takes at least some ten microseconds, or handing it over costs more than it brings.
BYTES_PER_PART = 1 << 17
PARTS_PER_THREAD = 4
ROWS_PER_STEP = 16  # parts begin at multiples of this: so many rows stand side by side

_threads = None
_workers = 0
jobs: queue.SimpleQueue = queue.SimpleQueue()
_start = threading.Lock()


def get_num_threads() -> int:
    """Return how many threads a large call uses.

    At first it is the number in the environment variable SMNN_NUM_THREADS,
    NUMBA_NUM_THREADS or OMP_NUM_THREADS, the first that is set (of a list, as "4,2", its first
    entry), and otherwise the number of processors that this process may use, or as many as
    the quota of its container is worth.

    Returns
    -------
    int
        The number of threads.

    Examples
    --------
    >>> from smnn import get_num_threads
    >>> get_num_threads() >= 1
    True
    """
    global _threads
    if _threads is None:
        _threads = _default_threads()
    return _threads


def set_num_threads(threads: int) -> None:
    """Set how many threads a large call uses.

    Results do not depend on it.

    Parameters
    ----------
    threads : int
        At least 1.

    Raises
    ------
    TypeError, ValueError
        If `threads` is not an integer of at least 1.

    Examples
    --------
    >>> from smnn import get_num_threads, set_num_threads
    >>> before = get_num_threads()
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    >>> set_num_threads(before)
    """
    global _threads
    _threads = check.positive_integer(threads, "threads")


def _default_threads():
    for name in ("SMNN_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "").partition(",")[0].strip()
        if value.isdecimal() and int(value) > 0:
            return int(value)
    if hasattr(os, "sched_getaffinity"):
        processors = len(os.sched_getaffinity(0))
    else:
        processors = os.cpu_count() or 1
    return max(1, min(processors, math.ceil(min(_quota(), processors))))


def _quota(root=Path("/sys/fs/cgroup"), groups=Path("/proc/self/cgroup")):
    """Return how many processors' time Linux grants the control groups of this process.

    A group may grant less than the groups around it, or more.  The least holds; inf is no limit.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return math.inf
    quota = math.inf
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "cpu" if controllers else root  # version 1 of the interface, or 2
        group = top / path.lstrip("/")
        for folder in (group, *group.parents):
            quota = min(quota, _granted(folder))
            if folder == top:
                break
    return quota


def _granted(folder):
    """Return how many processors' time one control group grants."""
    try:
        if (folder / "cpu.max").exists():
            limit, period = (folder / "cpu.max").read_text().split()
        else:
            limit, period = (
                (folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period")
            )
        return math.inf if limit in ("max", "-1") else int(limit) / int(period)
    except (OSError, ValueError):
        return math.inf


def parallel_rows(task, rows, size):
    """Run ``task(start, stop)`` over all rows, in parts, on several threads if it pays.

    ``size`` is how many bytes the rows hold in all.  Returns a list of the results.
    """
    threads = get_num_threads()
    parts = min(threads * PARTS_PER_THREAD, size // BYTES_PER_PART, rows)
    if threads == 1 or parts < 2:
        return [task(0, rows)]
    step = -(-rows // parts)
    if rows > ROWS_PER_STEP * threads:
        step += -step % ROWS_PER_STEP
    bounds = [(start, min(start + step, rows)) for start in range(0, rows, step)]
    job = _Job(task, bounds)
    for _ in range(min(hire(threads - 1), len(bounds) - 1)):
        jobs.put(job.work)
    job.work()
    return job.finish()


class _Job:
    """A task cut into parts, and how many of them are not done."""

    def __init__(self, task, bounds):
        self.task = task
        self.bounds = iter(bounds)
        self.left = len(bounds)
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.results, self.error = [], None

    def work(self):
        while True:
            with self.lock:
                part = next(self.bounds, None)
            if part is None:
                return
            try:
                self.results.append(self.task(*part))
            except BaseException as error:
                self.error = error
            with self.lock:
                self.left -= 1
                if self.left == 0:
                    self.done.set()

    def finish(self):
        self.done.wait()
        if self.error is not None:
            raise self.error
        return self.results


def hire(workers):
    """Start threads until there are this many workers, which do what is put into ``jobs``.

    Returns how many of them there are: fewer where the system or the end of Python allows no more.
    """
    global _workers
    with _start:
        for _ in range(_workers, workers):
            try:
                threading.Thread(target=_serve, args=(jobs,), name="smnn", daemon=True).start()
            except RuntimeError:
                break
            _workers += 1
        return min(_workers, workers)


def _serve(jobs):
    while True:
        jobs.get()()


def _forget_workers():
    global _workers, jobs, _start
    _workers, jobs, _start = 0, queue.SimpleQueue(), threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)
