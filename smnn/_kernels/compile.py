"""How kernels are compiled, and how the result is kept.

A **kernel** is what Python calls.  numba compiles it when it is first called, for the types
that it is called with, and keeps the result on disk.  A **helper** is what kernels call: its
code is put inside theirs, unless it is to stay **outside**.

numba takes a kept result for good until the file changes in which the kernel stands.  But a
kernel is made of helpers in other files too.  So what a kept result is compared with is the
date and size of every file in this folder.

With NUMBA_DISABLE_JIT=1 all of it runs as Python.
"""

from pathlib import Path

import numpy as np
from numba import config, njit, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

INTERPRETED = bool(config.DISABLE_JIT)


def helper(function):
    """Compile a function that kernels call."""
    return njit(error_model="numpy", forceinline=True)(function)


def outside(function):
    """Compile a function that kernels call and that is not put inside them.

    It begins with `stay_outside`.  In a function of its own a loop has all registers for its
    constants, those of the exponential above all.  Inside a kernel it shares them with all
    that surrounds it, and a compiler may load the constants anew in every round.
    """
    return njit(error_model="numpy", forceinline=False)(function)


@intrinsic
def _stay_outside(typingctx):
    def codegen(context, builder, signature, values):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.none(), codegen


stay_outside = (lambda: None) if INTERPRETED else _stay_outside


def has_feature(name):
    """Whether the processor that is compiled for has a feature, by LLVM's name for it."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return f"+{name}" in features.split(",")


def kernel(function):
    """Compile a function that Python calls.

    Where nothing can be written, as in a read-only installation without a home, it is
    compiled anew in every process.
    """
    if INTERPRETED:
        return np.errstate(all="ignore")(function)
    try:
        compiled = njit(error_model="numpy", nogil=True, cache=True)(function)
        compiled._cache._cache_file._source_stamp = _stamp()
    except (RuntimeError, OSError, AttributeError):
        compiled = njit(error_model="numpy", nogil=True)(function)
    return compiled


def _stamp():
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple((file.name, file.stat().st_mtime, file.stat().st_size) for file in files)
