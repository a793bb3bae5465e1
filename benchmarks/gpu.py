"""The kernels of the chapter on GPUs, on the GPU that is there, beside PyTorch where installed.

    python -m benchmarks.gpu

Needs an NVIDIA card, its driver, and a `numba.cuda` that works with both: numba's own, or the
package numba-cuda, whose version 0.30.4 needs NumPy before 2.5.  Every kernel is first held to
`smnn.softmax`.  Then it is timed with events of the device: the median of the launches, before
each of which an array larger than the caches is copied, so that the kernel finds nothing there
and does not wait for the host.  Beside the kernels runs a copy of the same array, which is as
fast as reading once and writing once can be.

The rate is that of a program that reads and writes every number once, whatever the kernel does.
A call on a small array is timed by the host instead, and most of it is the host's own work.
Results are kept, with the card and the versions, in ``smnn_book/data/gpu.json``.
"""

import argparse
import json
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numba import cuda, float32

import smnn
from benchmarks import machine
from smnn_book import gpu, results_folder

SHAPES = ((65_536, 10), (4096, 1000), (32_768, 2048), (8192, 8192))
SMALL = (64, 10)
LAUNCHES = 30
CALLS, REPEATS = 2000, 7  # of a small array
FLUSH_BYTES = 256 << 20  # several times the largest cache of today's cards
REGISTERS = 16  # of a thread that hold its part of the row
RESULT = results_folder() / "gpu.json"


@cuda.jit
def copy(x, y):
    """Read once, write once, of flat arrays: a thread has many reads on the way at once."""
    kept = cuda.local.array(REGISTERS, float32)
    first = cuda.blockIdx.x * cuda.blockDim.x * REGISTERS + cuda.threadIdx.x
    for k in range(REGISTERS):
        i = first + k * cuda.blockDim.x
        if i < x.size:
            kept[k] = x[i]
    for k in range(REGISTERS):
        i = first + k * cuda.blockDim.x
        if i < x.size:
            y[i] = kept[k]


def blocks_of_copy(numbers):
    return -(-numbers // (gpu.MOST_THREADS * REGISTERS))


def threads_for(numbers, most):
    """Return the size of a block: the least power of two with a thread for each of the numbers.

    It is a warp at least, and at most ``most``.
    """
    threads = gpu.WARP
    while threads < min(numbers, most):
        threads *= 2
    return threads


def contestants(rows, classes):
    """Return name to (compiled kernel, blocks, threads) of all that can do rows of this length."""
    found = {"copy": (copy, blocks_of_copy(rows * classes), gpu.MOST_THREADS)}
    for name, kernel in gpu.LADDER.items():
        if kernel is gpu.thread_per_row:
            threads = gpu.MOST_THREADS
        else:
            threads = threads_for(classes, gpu.MOST_THREADS)
        if kernel is not gpu.row_kept or classes <= gpu.MOST_CLASSES:
            found[name] = cuda.jit(kernel), gpu.blocks_for(kernel, rows, threads), threads
    threads = threads_for(-(-classes // REGISTERS), gpu.WARP**2)  # it has room for 32 warps
    if (per_thread := -(-classes // threads)) <= REGISTERS:
        found["row in registers"] = cuda.jit(gpu.row_in_registers(per_thread)), rows, threads
    return found


def softmax_of_pytorch(x):
    """Return a launch of PyTorch's softmax on an array of the device; None without PyTorch."""
    try:
        import torch
    except ModuleNotFoundError:
        return None
    return partial(torch.softmax, torch.as_tensor(x, device="cuda"), 1)


def check(name, result, x):
    """Raise if a contestant's result is not the softmax of x, or, for the copy, not x."""
    if name == "copy":
        np.testing.assert_array_equal(result, x)
    else:
        np.testing.assert_allclose(result, smnn.softmax(x), rtol=1e-3, atol=1e-7, err_msg=name)


def time_launches(launch, flush):
    """Return the median seconds of a launch, by events of the device."""
    seconds = []
    for _ in range(LAUNCHES):
        flush()
        start, stop = cuda.event(), cuda.event()
        start.record()
        launch()
        stop.record()
        stop.synchronize()
        seconds.append(cuda.event_elapsed_time(start, stop) / 1e3)
    return median(seconds)


def time_calls(call):
    """Return the seconds of a call, lowest and median of the repeats, by the clock of the host."""
    call()
    seconds = []
    for _ in range(REPEATS):
        cuda.synchronize()
        start = perf_counter()
        for _ in range(CALLS):
            call()
        cuda.synchronize()
        seconds.append((perf_counter() - start) / CALLS)
    return min(seconds), median(seconds)


def scores(shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def launch_of(kernel, blocks, threads, x, y):
    """Return a launch of a kernel on arrays of the device; the copy takes them flat."""
    arrays = (x.ravel(), y.ravel()) if kernel is copy else (x, y)
    return partial(kernel[blocks, threads], *arrays)


def on_the_card(contestant, x):
    """Return what a contestant makes of an array of the host."""
    # A number that no softmax has: what a kernel leaves out shows.
    result = cuda.to_device(np.full_like(x, -7))
    launch_of(*contestant, cuda.to_device(x), result)()
    return result.copy_to_host()


def measure_shape(shape, flush):
    """Return the records of all contestants at a shape."""
    x = scores(shape)
    there, result = cuda.to_device(x), cuda.device_array(shape, np.float32)
    launches = {}
    for step, contestant in contestants(*shape).items():
        check(step, on_the_card(contestant, x), x)
        launches[step] = launch_of(*contestant, there, result)
    if launch := softmax_of_pytorch(there):
        check("torch.softmax", launch().cpu().numpy(), x)
        launches["torch.softmax"] = launch
    return [
        {"shape": shape, "step": step, "seconds": time_launches(launch, flush)}
        for step, launch in launches.items()
    ]


def measure_calls():
    """Return name to the seconds of a call on a small array, lowest and median."""
    x = scores(SMALL)
    there, result = cuda.to_device(x), cuda.device_array(SMALL, np.float32)
    kernel = contestants(*SMALL)["row in registers"]
    calls = {"numba, arrays on the device": launch_of(*kernel, there, result)}
    if launch := softmax_of_pytorch(there):
        calls["torch.softmax"] = launch
    calls["smnn.softmax, array of the host"] = partial(smnn.softmax, x)
    return {name: time_calls(call) for name, call in calls.items()}


def measure():
    """Return the record of all shapes, and of the calls on a small array."""
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else device.name
    cache = cuda.to_device(np.zeros(FLUSH_BYTES // 4, np.float32))
    blocks = blocks_of_copy(cache.size)
    flush = launch_of(copy, blocks, gpu.MOST_THREADS, cache, cuda.device_array_like(cache))
    return {
        "card": name,
        "compute_capability": list(device.compute_capability),
        "machine": machine.describe(),
        "launches": LAUNCHES,
        "records": [record for shape in SHAPES for record in measure_shape(shape, flush)],
        "small": SMALL,
        "calls": measure_calls(),
    }


def report(record):
    """Return the tables: the rate of each step and its share of the copy's, and the calls."""
    lines = [f"{record['card']}, median of {record['launches']} launches"]
    copies = {tuple(r["shape"]): r["seconds"] for r in record["records"] if r["step"] == "copy"}
    for entry in record["records"]:
        rows, classes = shape = tuple(entry["shape"])
        rate = 8 * rows * classes / entry["seconds"] / 1e9
        share = copies[shape] / entry["seconds"]
        lines.append(f"{rows:7,} × {classes:<7,}{entry['step']:18}{rate:8,.0f} GB/s {share:6.0%}")
    for name, (lowest, middle) in record["calls"].items():
        lines.append(f"{name:34}{lowest * 1e6:6.1f} µs a call, median {middle * 1e6:.1f}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    if not cuda.is_available():
        parser.error("numba.cuda finds no GPU here, so there is nothing to measure")
    record = measure()
    print(report(record))
    arguments.output.write_text(json.dumps(record, indent=1) + "\n")
    print(f"kept in {arguments.output}")


if __name__ == "__main__":
    main()
