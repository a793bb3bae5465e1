"""Peak memory of the linear layer with cross-entropy, each library in a process of its own.

The peak is how far the process's high-water mark of resident memory rises in the call.  The
inputs stand before it, and a small call has loaded and compiled everything.
"""

import json
import resource
import subprocess
import sys

from benchmarks import machine
from benchmarks.cases import Case, make_data

NAMES = {
    "smnn": "smnn",
    "NumPy": "NumPy",
    "PyTorch": "PyTorch",
    "PyTorch chunked": "PyTorch",
    "JAX": "JAX",
}
SMALL_SHAPE = (16, 8, 100)


def high_water_bytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes on Linux


def measure(name, shape):
    from benchmarks.peers import contestants_of

    small = Case("linear_cross_entropy", SMALL_SHAPE, "float32")
    contestants_of(NAMES[name], small, make_data(small))[name]()
    case = Case("linear_cross_entropy", shape, "float32")
    function = contestants_of(NAMES[name], case, make_data(case))[name]
    before = high_water_bytes()
    result = function()
    rise = high_water_bytes() - before
    del result
    return rise


def measure_all(shape):
    """Peak bytes by contestant, and the size of the logits that the unfused way stores."""
    n, _, c = shape
    peaks = {}
    for name in NAMES:
        line = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", name, "x".join(map(str, shape))],
            env=machine.thread_environment(1),
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout
        peaks[name] = json.loads(line)
    return {"shape": shape, "logits_bytes": 4 * n * c, "peak_bytes": peaks}


if __name__ == "__main__":
    print(measure(sys.argv[1], tuple(int(size) for size in sys.argv[2].split("x"))))
