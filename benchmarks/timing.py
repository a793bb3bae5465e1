"""Time several functions against each other, fairly.

Processors change their speed and share it with other work.  So the functions take turns: in
each round every function runs once, in a new random order, for a block of calls long enough
for the clock.  A slow moment then hurts all of them.  Only times from one race are compared.

Where everything runs in one thread, the clock counts processor time, which the other programs
of the machine cannot stretch.  With several threads it has to be the clock on the wall.
"""

import random
import statistics
import time
from math import ceil

BLOCK_SECONDS = 2e-3
FEWEST_ROUNDS, MOST_ROUNDS = 5, 25
LONG_ROUND_SECONDS, LONG_ROUNDS = 10, 3
# Thread pools spin for a moment after their work.  A pause lets them fall asleep, so that
# they do not take a processor from the next function.
PAUSE_SECONDS = 2e-3


def clock_of(threads):
    """Return the clock for a race with this many threads."""
    return time.process_time if threads == 1 else time.perf_counter


def seconds_per_call(function, calls, clock):
    start = clock()
    for _ in range(calls):
        function()
    return (clock() - start) / calls


def race(functions, budget_seconds, threads=1):
    """Time the functions in turns.

    Parameters
    ----------
    functions : dict
        Name to a function of no arguments, already called once.
    budget_seconds : float
        Time for the whole race.  It holds at least FEWEST_ROUNDS rounds, or LONG_ROUNDS
        where one takes longer than LONG_ROUND_SECONDS.
    threads : int
        How many threads the functions use.

    Returns
    -------
    dict
        Name to the list of seconds per call, one for each round.
    """
    clock = clock_of(threads)
    calls = {}
    round_seconds = 0.0
    for name, function in functions.items():
        once = seconds_per_call(function, 1, clock)
        calls[name] = ceil(BLOCK_SECONDS / max(once, 1e-7))
        round_seconds += once * calls[name]
    fewest = FEWEST_ROUNDS if round_seconds < LONG_ROUND_SECONDS else LONG_ROUNDS
    rounds = int(min(MOST_ROUNDS, max(fewest, budget_seconds / round_seconds)))
    seconds = {name: [] for name in functions}
    order = list(functions)
    shuffle = random.Random(0).shuffle
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            if threads > 1:
                time.sleep(PAUSE_SECONDS)
                functions[name]()
            seconds[name].append(seconds_per_call(functions[name], calls[name], clock))
    return seconds


def summary(seconds):
    """Best and median of a list of seconds."""
    return {"best": min(seconds), "median": statistics.median(seconds)}
