"""smnn's own choice between one thread and several, taken the other way."""

from smnn import get_num_threads, set_num_threads
from smnn._core.threads import BYTES_PER_PART
from smnn._kernels import plan


def other_choice(function, x):
    """Return (name, function) of the same call with the other choice, or None if there is none.

    What is shared among threads is done by one, and what one does is shared: only on long rows,
    as a short way of its own decides about the others.
    """
    if plan.is_shared(x):
        return "one thread", lambda: with_one_thread(function)
    if x.nbytes >= 2 * BYTES_PER_PART and x.nbytes > plan.SHORT_ROW_BYTES * len(x):
        return "shared anyway", lambda: shared_anyway(function)
    return None


def with_one_thread(function):
    """Run a function of smnn, which alone is told, on one thread."""
    threads = get_num_threads()
    set_num_threads(1)
    try:
        function()
    finally:
        set_num_threads(threads)


def shared_anyway(function):
    """Run a function of smnn on several threads, however small its array is."""
    limit, plan.SHARED_BYTES = plan.SHARED_BYTES, 0
    try:
        function()
    finally:
        plan.SHARED_BYTES = limit
