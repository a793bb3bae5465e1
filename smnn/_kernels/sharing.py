"""Threads that share the rows of a kernel.

The threads are those of ``_core/threads.py``.  While calls follow one another they wait here, in
compiled code, for the next one, and take parts of it without Python's lock: they begin within a
microsecond, where to wake a sleeping thread takes a hundred.  When no call has come for a while
they go to sleep.  The caller works too and never waits for a thread that has not begun, so that
a call from any thread, or from many at once, ends.  One call at a time is shared; another one
that comes meanwhile is done by its caller.

The pool is a table of integers that all read and write by atomic operations.  A kernel and its
arguments come as the addresses that ``simd/shared_entry.py`` makes.
"""

import atexit
import os
import sys
import threading
import time

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .._core import threads
from .simd.compile import address_of, inlined, kernel
from .simd.shared_entry import PART
from .simd.vectors import call_llvm

LINE = 8  # integers of a cache line: what is written often has one to itself
SHARE, KERNEL, FRAME, ROWS, STEP = range(5)  # the way in, and what a call consists of
STATE, NEXT, INSIDE, CALLS, AWAKE, WAITED, PROCESSOR = (LINE * k for k in range(1, 8))
FREE, TAKEN, OPEN = range(3)  # values of STATE; while it is OPEN, parts may be taken
ROUNDS_TO_LOOK = 64  # of waiting, after which a thread looks where it is
ROUNDS_TO_YIELD = 1 << 11  # of waiting: whoever is waited for may need this processor


# --- Operations on the integers of the pool, in one order for all threads ------------------

INTEGER = ir.IntType(64)


def _place(builder, pool, i):
    return builder.gep(builder.inttoptr(pool, INTEGER.as_pointer()), [i])


@intrinsic
def read(typingctx, pool, i):
    """Return ``pool[i]`` of the pool at an address."""

    def codegen(context, builder, signature, values):
        return builder.load_atomic(_place(builder, *values), "seq_cst", 8)

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def write(typingctx, pool, i, value):
    """Write ``pool[i]``."""

    def codegen(context, builder, signature, values):
        pool, i, value = values
        builder.store_atomic(value, _place(builder, pool, i), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@intrinsic
def add(typingctx, pool, i, value):
    """Add to ``pool[i]``, and return what it was before."""

    def codegen(context, builder, signature, values):
        pool, i, value = values
        return builder.atomic_rmw("add", _place(builder, pool, i), value, "seq_cst")

    return types.int64(types.int64, types.int64, types.int64), codegen


@intrinsic
def replace(typingctx, pool, i, expected, value):
    """Write ``pool[i]`` if it is as expected, and return whether it was."""

    def codegen(context, builder, signature, values):
        pool, i, expected, value = values
        place = _place(builder, pool, i)
        return builder.extract_value(
            builder.cmpxchg(place, expected, value, "seq_cst", "seq_cst"), 1
        )

    return types.boolean(types.int64, types.int64, types.int64, types.int64), codegen


@intrinsic
def call(typingctx, kernel, frame, start, stop):
    """Call a kernel for the rows from start to stop."""

    def codegen(context, builder, signature, values):
        kernel, frame, start, stop = values
        kernel, frame = (
            builder.inttoptr(address, kind)
            for address, kind in ((kernel, PART.as_pointer()), (frame, PART.args[0]))
        )
        builder.call(kernel, [frame, start, stop])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), codegen


@intrinsic
def relax(typingctx):
    """Tell the processor that this thread waits in a loop."""

    def codegen(context, builder, signature, values):
        processor = builder.module.triple.partition("-")[0]
        if processor == "x86_64":
            call_llvm(builder, "x86.sse2.pause", ir.VoidType(), [])
        elif processor in ("aarch64", "arm64"):
            call_llvm(builder, "aarch64.isb", ir.VoidType(), [ir.Constant(ir.IntType(32), 15)])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def yield_processor(typingctx):
    """Let another thread have the processor, where the system has a name for it that LLVM knows."""

    def codegen(context, builder, signature, values):
        if os.name == "posix":
            kind = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def processor(typingctx):
    """Return the number of the processor that runs this, or −1 where the system does not say."""

    def codegen(context, builder, signature, values):
        if sys.platform != "linux":
            return INTEGER(-1)
        kind = ir.FunctionType(ir.IntType(32), [])
        call = cgutils.get_or_insert_function(builder.module, kind, "sched_getcpu")
        return builder.sext(builder.call(call, []), INTEGER)

    return types.int64(), codegen


# --- What the caller and the threads do -------------------------------------------------


@inlined
def take_parts(pool):
    """Call the kernel for part after part, until none is left."""
    rows, step = read(pool, ROWS), read(pool, STEP)
    start = add(pool, NEXT, step)
    while start < rows:
        call(read(pool, KERNEL), read(pool, FRAME), start, min(start + step, rows))
        start = add(pool, NEXT, step)


@kernel
def share(pool, kernel, frame, rows):
    """Do a call: open it to the threads, take parts, and wait until nobody is inside.

    What a thread reads of the call it reads while it is inside; so the frame, which lies on the
    stack of the caller, and all arrays are still there.
    """
    if not replace(pool, STATE, FREE, TAKEN):
        call(kernel, frame, 0, rows)
        return
    write(pool, KERNEL, kernel)
    write(pool, FRAME, frame)
    write(pool, ROWS, rows)
    write(pool, PROCESSOR, processor())
    write(pool, NEXT, 0)
    write(pool, STATE, OPEN)
    add(pool, CALLS, 1)
    take_parts(pool)
    write(pool, STATE, TAKEN)
    rounds = 0
    while read(pool, INSIDE) > 0:
        rounds += 1
        if rounds < ROUNDS_TO_YIELD:
            relax()
        else:
            yield_processor()
    write(pool, WAITED, rounds)
    write(pool, STATE, FREE)


@kernel
def serve(pool, patience):
    """Take parts of calls, until none has come for as many rounds of waiting.

    A thread that waits on the processor of the caller takes time from it, and lets it go first.
    """
    add(pool, AWAKE, 1)
    rounds = 0
    while rounds < patience:
        calls = read(pool, CALLS)
        add(pool, INSIDE, 1)
        if read(pool, STATE) == OPEN:
            take_parts(pool)
        add(pool, INSIDE, -1)
        rounds = 0
        while rounds < patience and read(pool, CALLS) == calls:
            relax()
            rounds += 1
            if rounds % ROUNDS_TO_LOOK == 0:
                here = processor()
                if here >= 0 and here == read(pool, PROCESSOR):
                    yield_processor()
    add(pool, AWAKE, -1)


# --- What Python does -------------------------------------------------------------------

FOLLOW_SECONDS = 250e-6  # of waiting for the next call
# Where other programs, or the threads of other libraries, want the processors too, a thread may
# be stopped in the middle of its part, and the caller waits for milliseconds.  So sharing has to
# earn what it costs: a call earns its seconds, and one that waited for a third of them loses them.
YIELD_SECONDS = 3e-7  # at least, of a round that yields
MOST_CREDIT, FIRST_CREDIT, REST_SECONDS = 1e-3, 2e-4, 0.2

_memory = np.zeros(9 * LINE, np.int64)
_memory = _memory[-_memory.ctypes.data // 8 % LINE :]  # begins with a cache line
_pool = _memory.ctypes.data
_table = memoryview(_memory)  # of which Python reads an integer in less time
_patience = None  # rounds of waiting that take FOLLOW_SECONDS
_called = 0  # threads that are awake, or will be
_last_end = 0.0  # of a call
_credit, _rest_end = MOST_CREDIT, 0.0  # seconds earned; until when nothing is shared
_lock = threading.Lock()


def calls_follow():
    """Return whether a call comes so soon after another one that it should be shared."""
    now = time.perf_counter()
    return now - _last_end < FOLLOW_SECONDS and now > _rest_end


def are_awake():
    """Return whether a thread waits for calls, and wake those that do not."""
    if _called < threads.get_num_threads() - 1:
        _wake()
    return _table[AWAKE] > 0


def note_end(after=0.0):
    """Note that a call ends now, or so many seconds after."""
    global _last_end
    _last_end = time.perf_counter() + after


def share_rows(kernel, arguments, rows, step):
    """Call ``kernel(*arguments, start, stop)`` for all rows, step by step, on several threads."""
    if _patience is None or _called < threads.get_num_threads() - 1:
        _wake()
    _table[STEP] = step  # if another call changes it, its parts are as good
    start = time.perf_counter()
    kernel(*arguments, -_pool, rows)
    _settle(time.perf_counter() - start, _table[WAITED])


def _settle(seconds, rounds):
    """Count what a shared call has earned or lost; stop sharing for a while if that is too much."""
    global _credit, _rest_end
    waited = rounds * FOLLOW_SECONDS / _patience
    if rounds > ROUNDS_TO_YIELD:
        waited += (rounds - ROUNDS_TO_YIELD) * YIELD_SECONDS
    _credit = min(_credit + (seconds if waited < seconds / 3 else -seconds), MOST_CREDIT)
    if _credit < 0.0:
        _credit, _rest_end = FIRST_CREDIT, time.perf_counter() + REST_SECONDS


def _wake():
    """Call threads into the pool, as many as there shall be."""
    global _called, _patience
    workers = threads.hire(threads.get_num_threads() - 1)
    with _lock:
        if _patience is None:
            _patience = _prepare()
        missing = max(workers - _called, 0)
        _called += missing
    for _ in range(missing):
        threads.jobs.put(_work)


def _prepare():
    """Compile what callers and threads do; return how many rounds of waiting are enough."""
    _table[SHARE] = address_of(share, *[types.int64] * 4)
    rounds, seconds = 1 << 12, []
    for _ in range(4):  # the first one compiles
        start = time.perf_counter()
        serve(_pool, rounds)
        seconds.append(time.perf_counter() - start)
    return int(rounds * FOLLOW_SECONDS / min(seconds)) + 1


def _work():
    global _called
    serve(_pool, _patience)
    with _lock:
        _called -= 1


@atexit.register
def _see_threads_off():
    """Wait until no thread is in the pool any more, before Python takes it away at its end."""
    for _ in range(1000):
        if _table[AWAKE] == 0:
            break
        time.sleep(1e-4)


def _forget_threads():
    """Begin anew in a forked child, which has none of the threads."""
    global _called, _lock
    _called, _lock = 0, threading.Lock()
    _memory[LINE:] = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
