"""``python -m smnn warm-up``: every kernel is compiled in advance."""

import gc
import os
import subprocess
import sys

import pytest

pytest.importorskip("numba")

from numba import types
from numba.extending import intrinsic

from smnn import __main__ as program
from smnn import _kernels as kernels
from smnn._kernels.simd import compile as compiling

SHORT_ONLY = """
import sys
from smnn import __main__ as program

program.SHAPES = {"short": (20, 10)}
chosen = program.calls
program.calls = lambda dtype: {
    name: call for name, call in chosen(dtype).items() if name in ("softmax, short", "SGD")
}
sys.argv = ["smnn", "warm-up", "--dtypes", "float32"]
program.main()
"""


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(kernels.INTERPRETED, reason="there is nothing compiled")
def test_it_says_what_it_compiled_and_finds_it_again(tmp_path):
    status, first, errors = run(SHORT_ONLY, NUMBA_CACHE_DIR=str(tmp_path))
    assert status == 0, errors
    lines = first.splitlines()
    compiled = [line.split(" s  ")[1] for line in lines[:-1]]
    assert compiled == ["softmax, short, float32", "SGD, float32"]
    assert lines[-1].startswith("2 kernels compiled in ")
    status, second, errors = run(SHORT_ONLY, NUMBA_CACHE_DIR=str(tmp_path))
    assert status == 0, errors
    assert second.startswith("0 kernels compiled")


def test_there_is_nothing_to_compile_without_a_compiler():
    code = "import sys; sys.argv = ['smnn', 'warm-up']; from smnn.__main__ import main; main()"
    status, _, errors = run(code, NUMBA_DISABLE_JIT="1")
    assert status == 1 and "nothing to compile" in errors


def test_every_kernel_is_called():
    """By name, in the calls that are made and in what the package calls of the kernels."""
    names = {name.split(",")[0] for name in program.calls("float32")}
    asked = {"softmax", "log_softmax", "logsumexp", "cross_entropy", "softmax_cross_entropy"}
    assert asked | {"softmax_vjp", "log_softmax_vjp", "logsumexp_vjp", "SGD", "Adam"} <= names
    if not kernels.INTERPRETED:
        assert len(compiling.KERNELS) > 20


@pytest.mark.skipif(kernels.INTERPRETED, reason="there is nothing compiled")
@pytest.mark.parametrize("collects", [True, False])
def test_the_garbage_collector_waits_while_a_kernel_is_compiled(collects, monkeypatch):
    monkeypatch.setattr(compiling, "KERNELS", [])
    collected = []

    @intrinsic
    def note(typingctx):  # numba calls this when it compiles
        collected.append(gc.isenabled())
        return types.intp(), lambda context, *_: context.get_constant(types.intp, 0)

    @compiling.kernel
    def noting():
        return note()

    before = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        assert noting() == 0
        assert collected and not any(collected)
        assert gc.isenabled() is collects
    finally:
        (gc.enable if before else gc.disable)()
