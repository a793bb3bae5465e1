"""What a user's program may do to the package, with counts that can be raised.

Each function does one such thing, raises if a promise breaks, and returns a figure.  The tests
run them with small counts; ``python tests/endurance.py`` runs them with large ones and prints
the figures.
"""

import asyncio
import gc
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fuzzing
import numpy as np

import smnn

MEGABYTE = 1 << 20


def calls(seeds):
    """Return calls of every function that the random cases know, and their results."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in fuzzing.CASES:
            for seed in range(seeds):
                draw = fuzzing.Draw(fuzzing.seed_of(name, seed))
                function, args, options = fuzzing.CASES[name](draw)
                result = fuzzing.parts_of(function(*args, **options))
                found.append((name, function, args, options, result))
    return found


def check_call(call):
    """Make one call again; its result is the one that it had, bit for bit."""
    name, function, args, options, expected = call
    for one, other in zip(fuzzing.parts_of(function(*args, **options)), expected, strict=True):
        if not np.array_equal(one, other, equal_nan=one.dtype.kind == "f"):
            raise AssertionError(f"{name} gives another result")


def threads_at_once(threads=16, rounds=1, seeds=1):
    """Call everything from many threads, in an order of its own in each."""
    everything = calls(seeds)

    def work(number):
        order = random.Random(number)
        for _ in range(rounds):
            for call in order.sample(everything, len(everything)):
                check_call(call)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
    return f"{threads * rounds * len(everything):,} calls from {threads} threads"


def in_an_event_loop(count=50):
    """Call from the executor of an event loop, which goes on meanwhile."""
    x = np.random.default_rng(0).standard_normal((300, 1000), dtype=np.float32)
    expected = smnn.softmax(x)

    async def main():
        results = await asyncio.gather(*(asyncio.to_thread(smnn.softmax, x) for _ in range(count)))
        assert all(np.array_equal(result, expected) for result in results)

    asyncio.run(main())
    return f"{count} calls from an event loop"


def loss_of(seed):
    """Return a loss, for another process to compute."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((200, 700), dtype=np.float32)
    return smnn.softmax_cross_entropy(x, rng.integers(0, 700, 200))[0]


def in_processes(ways=("fork", "spawn"), count=8):
    """Call from pools of processes that begin in each of these ways."""
    expected = [loss_of(seed) for seed in range(count)]
    for way in ways:
        if way in multiprocessing.get_all_start_methods():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads
                with multiprocessing.get_context(way).Pool(2) as pool:
                    assert pool.map(loss_of, range(count)) == expected, way
    return f"{count} calls from two processes, for each of {', '.join(ways)}"


def flat_memory(steps=400):
    """Train and compute for many steps; the memory in use stays where it was."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((64, 100)), rng.integers(0, 10, 64)
    model = smnn.Sequential([smnn.Dense(30, "relu"), smnn.Dense(10)], input_shape=(100,), rng=0)
    wide = rng.standard_normal((500, 700), dtype=np.float32)
    optimizer = smnn.Adam()

    def work(count):
        for _ in range(count):
            smnn.fit(model, x, y, epochs=1, optimizer=optimizer, progress=False)
            smnn.softmax_cross_entropy(wide, np.zeros(500, int))
            try:
                smnn.softmax(wide, axis=7)
            except ValueError:
                pass
        gc.collect()
        return memory_in_use()

    before = work(max(50, steps // 10))
    more = work(steps) - before
    if more > 8 * MEGABYTE:
        raise AssertionError(f"{steps} steps took {more / MEGABYTE:.0f} MB more memory")
    return f"{steps:,} steps, {more / MEGABYTE:+.1f} MB"


def memory_in_use():
    """Return the bytes that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def train(path, epochs=12):
    """Train, with a checkpoint after every epoch; go on from it where there is one."""
    data = smnn.make_spirals(60, rng=0)
    model = smnn.Sequential(
        [smnn.Dense(8, "relu", input_shape=(2,)), smnn.Dropout(0.2), smnn.Dense(3)], rng=0
    )
    smnn.fit(
        model, *data, epochs=epochs, optimizer="adam", rng=1, progress=False,
        callbacks=[smnn.Checkpoint(path, resume=True)],
    )  # fmt: skip
    return b"".join(model.params[name].tobytes() for name in sorted(model.params))


def begin_training(path, begun):
    """Say that a process is ready, and train."""
    begun.set()
    train(path)


def killed_and_resumed(kills=3):
    """Kill training at random moments and let it go on, until it has been killed often enough."""
    rng = random.Random(0)
    ways = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in ways else None)  # has all imports
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads
        train(Path(folder) / "first")  # compiles
        start = time.perf_counter()
        straight = train(Path(folder) / "straight")
        seconds = time.perf_counter() - start
        done = attempt = found = 0
        while done < kills:
            path = Path(folder) / f"killed{attempt}"
            attempt += 1
            for _ in range(2):
                begun = context.Event()
                process = context.Process(target=begin_training, args=(path, begun))
                process.start()
                begun.wait()
                time.sleep(rng.uniform(0, 2 * seconds))
                process.kill()
                process.join()
                done += process.exitcode == -signal.SIGKILL
            found += path.exists()
            if train(path) != straight:
                raise AssertionError(f"kill {done}: the resumed run gives other weights")
            left = [name for name in os.listdir(folder) if "part" in name]
            for name in left:  # of a process that died while it wrote; the file is whole
                (Path(folder) / name).unlink()
    if not found:
        raise AssertionError(f"none of {attempt} runs left a checkpoint to go on from")
    return f"{done} kills; {found} of {attempt} runs went on from a checkpoint, bit for bit"


def full_disk():
    """Save where the disk ends at every length; what was there stays."""
    code = """
import resource, signal, sys
import smnn
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
model = smnn.Sequential([smnn.Dense(5, input_shape=(40,))], rng=0)
model.save(sys.argv[1])
size = len(open(sys.argv[1], "rb").read())
other = smnn.Sequential([smnn.Dense(5, input_shape=(40,))], rng=1)
refused = 0
for limit in range(0, size, max(1, size // 40)):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        other.save(sys.argv[1])
    except OSError:
        refused += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
back = smnn.Sequential.load(sys.argv[1])
assert (back.params["0.W"] == model.params["0.W"]).all()
print(refused)
"""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        done = subprocess.run(
            [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
        )
        if os.listdir(folder) != ["model"]:
            raise AssertionError(f"left behind: {os.listdir(folder)}")
    return f"{done.stdout.strip()} ends of the disk"


def many_writers(writers=6, rounds=20):
    """Save to one file from many threads and read it meanwhile: it is always whole."""
    models = [
        smnn.Sequential([smnn.Dense(3, input_shape=(50,))], rng=seed) for seed in range(writers)
    ]
    weights = {model.params["0.W"].tobytes() for model in models}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        models[0].save(path)
        stop = threading.Event()

        def write(model):
            for _ in range(rounds):
                model.save(path)

        def read():
            count = 0
            while not stop.is_set():
                assert smnn.Sequential.load(path).params["0.W"].tobytes() in weights
                count += 1
            return count

        with ThreadPoolExecutor(writers + 1) as pool:
            reader = pool.submit(read)
            try:
                list(pool.map(write, models))
            finally:
                stop.set()
            count = reader.result()
        assert os.listdir(folder) == ["model"]
    return f"{writers * rounds} writes by {writers} threads, {count} readings"


def interrupted(count=20):
    """Interrupt calls by a signal at any moment; what comes after them is right."""
    x = np.random.default_rng(0).standard_normal((2000, 500), dtype=np.float32)
    expected = smnn.softmax(x)
    caught, rng = 0, random.Random(0)

    def stop(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    try:
        for _ in range(count):
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.0005, 0.02))
                while True:
                    smnn.softmax(x)
            except KeyboardInterrupt:
                caught += 1
            assert np.array_equal(smnn.softmax(x), expected)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return f"{caught} interruptions"


#: What is done, with the options of a long run.
LONG = {
    threads_at_once: {"rounds": 20, "seeds": 5},
    in_an_event_loop: {"count": 2000},
    in_processes: {"ways": ("fork", "spawn", "forkserver"), "count": 200},
    flat_memory: {"steps": 100_000},
    killed_and_resumed: {"kills": 200},
    full_disk: {},
    many_writers: {"rounds": 500},
    interrupted: {"count": 2000},
}


if __name__ == "__main__":
    for function, options in LONG.items():
        print(f"{function.__name__}: {function(**options)}", flush=True)
