"""Threads share the rows of a kernel: every row is done once, and whoever waits goes to sleep."""

import queue
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import smnn
from smnn import get_num_threads, set_num_threads
from smnn._core import threads as thread_pool

kernels = pytest.importorskip("smnn._kernels", reason="needs numba")

from smnn._kernels import plan, sharing  # noqa: E402
from smnn._kernels.attention import merge_of_rows  # noqa: E402

pytestmark = pytest.mark.skipif(kernels.INTERPRETED, reason="Python's rows are not shared")


@pytest.fixture
def two_threads():
    before = get_num_threads()
    set_num_threads(2)
    yield
    set_num_threads(before)


def add_one(out, step):
    """Add 1 to every row, by a kernel that would add it twice to a row that it is given twice."""
    ones = np.ones(len(out), out.dtype)
    sharing.share_rows(merge_of_rows, (out, ones, np.ones_like(out)), len(out), step)


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        yield


@pytest.mark.parametrize("step", [1, 16, 100, 1003, 10**6])
def test_every_row_is_done_once(step, two_threads):
    out = np.zeros((1003, 7))
    for count in range(1, 200):
        add_one(out, step)
        assert (out == count).all()


def test_calls_from_many_threads_at_once(two_threads):
    outs = [np.zeros((300 + 50 * k, 5)) for k in range(5)]

    def call(out):
        for _ in range(200):
            add_one(out, 16)

    callers = [threading.Thread(target=call, args=(out,)) for out in outs]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert all((out == 200).all() for out in outs)
    assert sharing._table[sharing.STATE] == sharing.FREE
    assert sharing._table[sharing.INSIDE] == 0


def test_a_caller_who_finds_the_pool_taken_does_all_rows(two_threads):
    out = np.zeros((100, 5))
    add_one(out, 16)
    sharing._table[sharing.STATE] = sharing.TAKEN
    try:
        add_one(out, 16)
    finally:
        sharing._table[sharing.STATE] = sharing.FREE
    assert (out == 2).all()


def test_threads_wake_when_calls_follow_and_sleep_when_none_comes(two_threads):
    x = np.random.default_rng(0).standard_normal((256, 1000), dtype=np.float32)
    expected = smnn.softmax(x)
    assert x.nbytes < plan.SHARED_BYTES
    awake = [0]
    for _ in wait_until(lambda: awake[-1]):
        found = [smnn.softmax(x) for _ in range(20)]
        awake.append(sharing._table[sharing.AWAKE])
        np.testing.assert_array_equal(found, [expected] * 20)
    for _ in wait_until(lambda: sharing._called == 0):
        time.sleep(0.01)
    assert sharing._table[sharing.AWAKE] == 0
    smnn.softmax(x)  # comes too late to follow
    assert sharing._called == 0


def test_one_thread_wakes_nobody():
    before = get_num_threads()
    set_num_threads(1)
    try:
        x = np.zeros((256, 1000), np.float32)
        for _ in range(50):
            smnn.softmax(x)
        assert not plan.is_shared(np.zeros((4096, 1000), np.float32))
        for _ in wait_until(lambda: sharing._called == 0):
            time.sleep(0.01)
    finally:
        set_num_threads(before)


def test_small_arrays_and_single_rows_are_not_shared(two_threads):
    for shape in (0, 10), (1, 10_000_000), (20, 100):
        assert not plan.is_shared(np.empty(shape, np.float32))


@pytest.mark.parametrize("rows, classes", [(2, 10**7), (300, 1000), (40_000, 10), (10**6, 10)])
def test_each_thread_has_as_many_parts(rows, classes, two_threads):
    x = np.empty((rows, classes), np.float32)
    step = plan.rows_per_part(x)
    assert step * 2 * plan.PARTS_PER_THREAD >= rows
    assert -(-rows // step) % 2 == 0
    assert rows < 2 * plan.ROWS_PER_STEP or step % plan.ROWS_PER_STEP == 0


def test_what_costs_more_than_it_earns_rests(two_threads, monkeypatch):
    for name in ("_credit", "_rest_end", "_last_end"):
        monkeypatch.setattr(sharing, name, getattr(sharing, name))
    add_one(np.zeros((100, 5)), 16)  # compiles
    sharing.note_end()
    assert sharing.calls_follow()
    lost = int(sharing.MOST_CREDIT / 1e-4) + 2
    for _ in range(lost):  # of calls that waited for half of their time
        sharing._settle(1e-4, sharing._patience // 5)
    sharing.note_end()
    assert not sharing.calls_follow()
    monkeypatch.setattr(sharing, "_rest_end", 0.0)
    assert sharing.calls_follow()
    for _ in range(lost):
        sharing._settle(1e-4, 0)
    assert sharing._credit == sharing.MOST_CREDIT


def test_where_no_thread_can_be_started_the_caller_does_all(two_threads, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(thread_pool, "_workers", 0)
    monkeypatch.setattr(thread_pool, "jobs", queue.SimpleQueue())  # the other may hold calls
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert thread_pool.hire(3) == 0
    tasks = thread_pool.parallel_rows(lambda start, stop: stop - start, 1000, 1 << 24)
    assert sum(tasks) == 1000 and thread_pool.jobs.empty()
    out = np.zeros((100, 5))
    add_one(out, 16)
    assert (out == 1).all()


FIRST_CALL = """
import numpy as np
import smnn
from smnn._kernels import sharing
from smnn._kernels.attention import merge_of_rows

smnn.set_num_threads(1)
out, ones = np.zeros((100, 5)), np.ones(100)
sharing.share_rows(merge_of_rows, (out, ones, np.ones_like(out)), 100, 16)
assert (out == 1).all()
"""


def test_a_first_call_is_safe_when_the_number_of_threads_has_just_become_one():
    """In a process of its own, as it would crash."""
    subprocess.run([sys.executable, "-c", FIRST_CALL], check=True, timeout=300)
