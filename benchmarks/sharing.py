"""A call of smnn that may be shared among threads, taken with one thread."""

from smnn import get_num_threads, set_num_threads
from smnn._kernels import plan


def other_choice(function, x):
    """Return (name, function) of the same call with one thread, or None if it takes one."""
    if x.nbytes < plan.FOLLOWING_BYTES:
        return None
    return "one thread", lambda: with_one_thread(function)


def with_one_thread(function):
    """Run a function of smnn, which alone is told, on one thread."""
    threads = get_num_threads()
    set_num_threads(1)
    try:
        function()
    finally:
        set_num_threads(threads)
