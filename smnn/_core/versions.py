"""What a report of a fault should say about the machine it happened on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "smnn",
    "numpy",
    "numba",
    "llvmlite",
    "scipy",
    "scikit-learn",
    "matplotlib",
    "safetensors",
    "tqdm",
    "dask",
)


def show_versions() -> None:
    """Print the versions of Python, of this package and of what it works with.

    Examples
    --------
    >>> from smnn import show_versions
    >>> show_versions()  # doctest: +ELLIPSIS
    Python        ...
    """
    print(f"{'Python':13} {sys.version.split()[0]} on {platform.platform()}")
    print(f"{'processors':13} {os.cpu_count()}, {platform.machine()}")
    for name in PACKAGES:
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "not installed"
        print(f"{name:13} {found}")
