"""What the numbers were measured on: processor, versions; and how threads are set."""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "smnn", "numpy", "numba", "numba-cuda", "scipy", "torch", "jax", "jaxlib", "onnxruntime",
    "scikit-learn", "gensim",
)  # fmt: skip

# Every library reads its number of threads from one of these when it is loaded.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)

# Settings of OpenBLAS that a user does not have: the benchmark runs without them.
UNSET_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def processor_name():
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def vector_features():
    """The vector instruction sets, where the system tells them."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return []
    flags = set(cpuinfo.read_text().split())
    return [name for name in ("sse4_2", "avx2", "fma", "avx512f", "asimd") if name in flags]


def describe():
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "processor": processor_name(),
        "vector_features": vector_features(),
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "unset": list(UNSET_VARIABLES),
        "versions": versions,
    }


def thread_environment(threads):
    """The environment for a process in which every library uses this many threads."""
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))
    return {name: value for name, value in environment.items() if name not in UNSET_VARIABLES}


def pin_to_processors(count):
    """Keep this process on the first ``count`` processors, where the system can.

    JAX takes its number of threads from the processors that it may use.
    """
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
