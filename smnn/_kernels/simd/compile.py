"""How kernels are compiled, and how the result is cached.

A **kernel** is what Python calls.  numba compiles it when it is first called, for the types
that it is called with, and caches the result on disk.  Kernels call **inlined** functions,
whose code becomes part of theirs, and **noinline** ones, whose code does not.  A kernel that
works on the rows from start to stop gets a second way in, by which threads share its rows
(``shared_entry.py``).

numba invalidates a cached kernel only when the kernel's own file changes, but a kernel is
made of functions from other files.  So a cached kernel is compared with the date and size of
every file in the folder of the kernels and below.

numba optimizes every function that it compiles, and once more where it is called.  Of what is
inlined only the typed code is kept, to be optimized where it is put.  That halves the time to
compile.  Steps of numba for what no kernel has are left out, and the garbage collector waits,
which takes off another sixth.

With NUMBA_DISABLE_JIT=1 everything runs as Python.
"""

import gc
import hashlib
import os
from pathlib import Path

import numpy as np
from numba import config, njit
from numba.core.caching import IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.registry import cpu_target
from numba.core.typed_passes import NativeLowering, NopythonRewrites
from numba.core.untyped_passes import InlineClosureLikes

from . import shared_entry

INTERPRETED = bool(config.DISABLE_JIT)
FOLDER = Path(__file__).parents[1]
KERNELS = []  # all that were decorated


def _state_of_sources():
    files = sorted(FOLDER.rglob("*.py"))
    states = [(str(file.relative_to(FOLDER)), file.stat()) for file in files]
    return tuple((name, state.st_mtime, state.st_size) for name, state in states)


# Taken before the other files are read: an edit between the two makes code that is newer than
# its stamp, which the next process compiles again, and never old code with a new stamp.
SOURCES = _state_of_sources()


class _PartLibrary(JITCodeLibrary):
    """Code that is only ever linked into that of a kernel: there is no machine code of it."""

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True


class _InlinedLibrary(_PartLibrary):
    """The same, and it is optimized where it is put."""

    def _optimize_functions(self, ll_module):
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self):
        pass


class _PartLower(Lower):
    """Writes the code of a part; one that keeps its loops for itself says so."""

    def setup_function(self, fndesc):
        super().setup_function(fndesc)
        if not self.flags.forceinline:
            self.function.attributes.add("noinline")


class _KernelLower(Lower):
    """Writes the code of a kernel, and the way by which threads share its rows if it has rows."""

    def create_cpython_wrapper(self, release_gil=False):
        if tuple(self.fndesc.args[-2:]) == shared_entry.ROWS:
            shared_entry.wrap(self, release_gil)
        else:
            super().create_cpython_wrapper(release_gil)


@register_pass(mutates_CFG=True, analysis_only=False)
class _KernelLowering(NativeLowering):
    _name = "kernel_lowering"
    lowering_class = _KernelLower


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):
    _name = "part_lowering"
    lowering_class = _PartLower

    def run_pass(self, state):
        library = _InlinedLibrary if state.flags.forceinline else _PartLibrary
        state.library = library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        # numba finds the code of a callee by its entry point.  There is none, and a builtin
        # that takes no arguments is one of a kind and raises if it is called by mistake.
        state["cr"] = result = state["cr"]._replace(cfunc=[].clear)
        state.targetctx.insert_user_function(result.cfunc, result.fndesc, [state.library])
        return True


class _Compiler(CompilerBase):
    """Leaves out the steps for functions within functions and for expressions of whole arrays."""

    left_out = (InlineClosureLikes, NopythonRewrites)

    def define_pipelines(self):
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [
            (self.lowering if step is NativeLowering else step, name)
            for step, name in passes.passes
            if step not in self.left_out
        ]
        passes._finalized = False
        passes.finalize()
        return [passes]


class _KernelCompiler(_Compiler):
    """Compiles a kernel and its parts while the garbage collector waits.

    numba makes a hundred thousand objects that live on, and the garbage collector would go
    through all of them again and again.
    """

    lowering = _KernelLowering

    def compile_extra(self, function):
        collects = gc.isenabled()
        gc.disable()
        try:
            return super().compile_extra(function)
        finally:
            if collects:
                gc.enable()


class _PartCompiler(_Compiler):
    lowering = _PartLowering

    def define_pipelines(self):
        # The name of a part in machine code ends with a number that numba counts up in each
        # process.  Parts that one factory made have the same name before it, so that kernels
        # compiled by two processes would bring different parts under one name from the cache,
        # and the linker would take one for the other.
        self.state.func_id.unique_id = int.from_bytes(os.urandom(8), "big")
        return super().define_pipelines()


NOINLINE_OPTIONS = {
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": _PartCompiler,
    "forceinline": False,  # said aloud: otherwise numba takes it over from the caller
}
INLINED_OPTIONS = NOINLINE_OPTIONS | {"forceinline": True}


def inlined(function):
    """Compile a function whose code becomes part of the kernels that call it."""
    return njit(**INLINED_OPTIONS)(function)


def noinline(function):
    """Compile a function that kernels call, which keeps its loops for itself.

    In a function of its own a loop has all registers for its constants, above all those of
    the exponential.  As part of a kernel it shares them with all that surrounds it, and the
    compiler may load the constants anew in every round.
    """
    return njit(**NOINLINE_OPTIONS)(function)


def has_feature(name):
    """Return whether the target processor has a feature, by LLVM's name for it."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return f"+{name}" in features.split(",")


class _CacheFile(IndexDataCacheFile):
    """The cached code of one kernel, which many processes may write at once.

    numba numbers the files of code.  Two processes that compile a kernel for different types at
    the same time take the same number, and one of them then runs the code of the other.  Here
    the name of a file is made of what it was compiled for and from, so that a process that was
    started before an edit never writes into a file of those started after it.
    """

    def save(self, key, data):
        name = hashlib.sha256(repr((key, self._source_stamp)).encode()).hexdigest()[:16]
        name = f"{self._index_name.removesuffix('.nbi')}.{name}.nbc"
        self._save_data(name, data)  # before the index leads there
        self._save_index(self._load_index() | {key: name})


def kernel(function):
    """Compile a function that Python calls.

    Where nothing can be written, as in a read-only installation without a home, it is
    compiled anew in every process.
    """
    if INTERPRETED:
        return np.errstate(all="ignore")(function)
    options = {
        "error_model": "numpy",
        "nogil": True,
        "no_cfunc_wrapper": True,
        "pipeline_class": _KernelCompiler,
    }
    try:
        compiled = njit(**options, cache=True)(function)
        compiled._cache._cache_file.__class__ = _CacheFile
        compiled._cache._cache_file._source_stamp = SOURCES
    except (RuntimeError, OSError, AttributeError):
        compiled = njit(**options)(function)
    KERNELS.append(compiled)
    return compiled


def address_of(function, *kinds):
    """Return the address of a kernel that is compiled for arguments of these types."""
    function.compile(kinds)
    code = function.overloads[kinds]
    return code.library.get_pointer_to_function(code.fndesc.llvm_func_name)


def compiled_count():
    """Return how many kernels this process has compiled, and not found on disk."""
    return sum(len(kernel.overloads) - sum(kernel.stats.cache_hits.values()) for kernel in KERNELS)
