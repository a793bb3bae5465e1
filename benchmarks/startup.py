"""Time to import and to make a first call, each in fresh processes, with a warm cache, and the
time that numba takes to compile with an empty one.

The import is what it adds to a process that has NumPy.  A first call includes whatever a
library loads or compiles for it.  The times are processor time: other programs do not
stretch them.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

REPEATS = 7

SCRIPT = """
import json, time
import numpy as np
x = np.zeros((64, 10), np.float32)
y = np.zeros(64, np.int64)
start = time.process_time()
{load}
loaded = time.process_time()
{call}
called = time.process_time()
print(json.dumps([loaded - start, called - loaded]))
"""

# name: (import, first call)
SNIPPETS = {
    "smnn softmax": ("import smnn", "smnn.softmax(x)"),
    "smnn loss and gradient": ("import smnn", "smnn.softmax_cross_entropy(x, y)"),
    "numba, empty function": ("pass", "from benchmarks.empty_kernel import *; do_nothing(x)"),
    "SciPy softmax": ("import scipy.special", "scipy.special.softmax(x, axis=1)"),
    "PyTorch softmax": ("import torch", "torch.softmax(torch.from_numpy(x), 1)"),
    "JAX softmax": ("import jax", "jax.jit(jax.nn.softmax)(x).block_until_ready()"),
    "NumPy alone": ("import numpy", "np.exp(x)"),
}


# name: first calls with an empty cache
COLD_CALLS = {
    "first softmax": ("softmax(x)",),
    "first loss and gradient": ("softmax_cross_entropy(x, y)",),
    "sixteen first calls": (
        *(f"{name}({rows})" for name in ("softmax", "log_softmax", "logsumexp") for rows in "xXB"),
        *(f"cross_entropy({pair})" for pair in ("x, y", "X, y", "B, y[:4]")),
        *(f"softmax_cross_entropy({pair})" for pair in ("x, y", "X, y", "B, y[:4]")),
        "softmax(x.astype(float))",
    ),
}
COLD_ARRAYS = "X, B = np.zeros((64, 100), np.float32), np.zeros((4, 50_000), np.float32)"


def measure_once(load, call, checkout=None, **environment):
    """Return the seconds to load and to call; the package is that of a checkout, or of this one."""
    output = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(load=load, call=call)],
        env=os.environ | environment,
        cwd=checkout,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    return json.loads(output)


def measure_all():
    """Best and median seconds of the import and the first call, by name."""
    results = {}
    for name, (load, call) in SNIPPETS.items():
        measure_once(load, call)  # fills the caches
        pairs = [measure_once(load, call) for _ in range(REPEATS)]
        results[name] = {
            what: {"best": min(times), "median": statistics.median(times)}
            for what, times in zip(("import", "first_call"), zip(*pairs, strict=True), strict=True)
        }
    return results


def measure_cold(checkout=None):
    """Return the seconds of processor time to compile and run first calls, by name, once."""
    results = {}
    for name, calls in COLD_CALLS.items():
        load = f"import smnn, smnn._kernels; {COLD_ARRAYS}"
        call = "; ".join(f"smnn.{call}" for call in calls)
        with tempfile.TemporaryDirectory() as folder:
            results[name] = measure_once(load, call, checkout, NUMBA_CACHE_DIR=folder)[1]
    return results
