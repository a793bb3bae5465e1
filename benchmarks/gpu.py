"""The kernels of the chapter on GPUs, on the GPU that is there.

    python -m benchmarks.gpu

Needs an NVIDIA card, its driver, and a `numba.cuda` that works with both (numba's own or the
package numba-cuda).  Every kernel is first held to `smnn.softmax`.  Then it is timed with events
of the device: the median of the launches, before each of which an array larger than the caches is
copied, so that the kernel finds nothing there and does not wait for the host.  Beside the kernels
runs a copy of the same array, which is as fast as reading once and writing once can be.

The rate is that of a program that reads and writes every number once, whatever the kernel does.
Results are kept, with the card and the versions, in ``smnn_book/data/gpu.json``.
"""

import argparse
import json
from pathlib import Path
from statistics import median

import numpy as np
from numba import cuda

import smnn
from benchmarks import machine
from smnn_book import gpu, results_folder

SHAPES = ((65_536, 10), (4096, 1000), (8192, 8192))
THREADS = 256
LAUNCHES = 30
FLUSH_BYTES = 256 << 20  # several times the largest cache of today's cards
MOST_PER_LANE = 64  # registers of a thread that may hold the row
RESULT = results_folder() / "gpu.json"


@cuda.jit
def copy(x, y):
    """Read once, write once: an element per thread and turn."""
    classes = x.shape[1]
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        y[i // classes, i % classes] = x[i // classes, i % classes]


def contestants(rows, classes):
    """Return name to (compiled kernel, blocks, threads) of all that can do rows of this length."""
    found = {"copy": (copy, min(rows * classes // THREADS + 1, 4096), THREADS)}
    for name, kernel in gpu.LADDER.items():
        if kernel is not gpu.row_kept or classes <= gpu.MOST_CLASSES:
            blocks = gpu.blocks_for(kernel, rows, THREADS)
            found[name] = cuda.jit(kernel), blocks, THREADS
    per_lane = -(-classes // gpu.WARP)
    if per_lane <= MOST_PER_LANE:
        rows_of_block = 4
        kernel = cuda.jit(gpu.row_in_registers(per_lane))
        found["row in registers"] = kernel, -(-rows // rows_of_block), (gpu.WARP, rows_of_block)
    return found


def check(name, result, x):
    """Raise if a contestant's result is not the softmax of x, or, for the copy, not x."""
    if name == "copy":
        np.testing.assert_array_equal(result, x)
    else:
        np.testing.assert_allclose(result, smnn.softmax(x), rtol=1e-3, atol=1e-7, err_msg=name)


def time_launches(kernel, arrays, flush):
    """Return the median seconds of a configured kernel, by events of the device."""
    seconds = []
    for _ in range(LAUNCHES):
        flush()
        start, stop = cuda.event(), cuda.event()
        start.record()
        kernel(*arrays)
        stop.record()
        stop.synchronize()
        seconds.append(cuda.event_elapsed_time(start, stop) / 1e3)
    return median(seconds)


def measure():
    """Return the record of all contestants at all shapes."""
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else device.name
    cache = cuda.to_device(np.zeros((FLUSH_BYTES // 4096, 1024), np.float32))
    elsewhere = cuda.device_array_like(cache)

    def flush():
        copy[4096, THREADS](cache, elsewhere)

    records = []
    for rows, classes in SHAPES:
        x = np.random.default_rng(0).normal(size=(rows, classes)).astype(np.float32)
        there = cuda.to_device(x)
        for step, (kernel, blocks, threads) in contestants(rows, classes).items():
            # A number that no softmax has: what a kernel leaves out shows.
            result = cuda.to_device(np.full_like(x, -7))
            kernel[blocks, threads](there, result)
            check(step, result.copy_to_host(), x)
            seconds = time_launches(kernel[blocks, threads], (there, result), flush)
            records.append({"shape": [rows, classes], "step": step, "seconds": seconds})
    return {
        "card": name,
        "compute_capability": list(device.compute_capability),
        "machine": machine.describe(),
        "launches": LAUNCHES,
        "records": records,
    }


def report(record):
    """Return the table: the rate of each step, and its share of the copy's."""
    lines = [f"{record['card']}, median of {record['launches']} launches"]
    copies = {tuple(r["shape"]): r["seconds"] for r in record["records"] if r["step"] == "copy"}
    for entry in record["records"]:
        rows, classes = shape = tuple(entry["shape"])
        rate = 8 * rows * classes / entry["seconds"] / 1e9
        share = copies[shape] / entry["seconds"]
        lines.append(f"{rows:7,} × {classes:<7,}{entry['step']:18}{rate:8,.0f} GB/s {share:6.0%}")
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
