"""Arrays for results, and the memory that is used again."""

import gc
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from smnn import softmax
from smnn._core import buffers
from smnn._core.buffers import LARGE_BYTES, LARGEST_BYTES, new_array

ROWS = LARGE_BYTES // 4096
SHAPE = (ROWS, 1024)


@pytest.fixture(autouse=True)
def nothing_kept():
    buffers._kept.clear()
    yield
    buffers._kept.clear()


def address(array):
    return array.ctypes.data


def test_the_memory_of_a_large_result_is_used_again():
    first = new_array(SHAPE, np.float32)
    place = address(first)
    del first
    again = new_array(SHAPE, np.float32)
    assert address(again) == place
    assert again.shape == SHAPE and again.dtype == np.float32
    assert again.flags.writeable and again.flags.c_contiguous and again.flags.aligned


def test_memory_is_not_used_again_while_a_view_lives():
    first = new_array(SHAPE, np.float32)
    view = first[3:5, ::2].T
    view[:] = 7
    place = address(first)
    del first
    gc.collect()
    second = new_array(SHAPE, np.float32)
    assert address(second) != place
    second[:] = 0
    assert (view == 7).all()
    del view
    gc.collect()
    del second


def test_one_piece_of_memory_is_kept_and_only_of_about_the_size():
    arrays = [new_array(SHAPE, np.float32) for _ in range(3)]
    del arrays
    assert len(buffers._kept) == 1
    far_larger = new_array((4 * ROWS, 1024), np.float32)
    assert len(buffers._kept) == 0
    del far_larger
    place = buffers._kept[0].ctypes.data
    assert address(new_array(SHAPE, np.float32)) != place


@pytest.mark.parametrize("size", [0, 100, LARGE_BYTES - 1, LARGEST_BYTES + 1])
def test_small_and_huge_results_are_numpys_own(size):
    array = new_array((size,), np.uint8)
    assert array.base is None and array.shape == (size,)
    del array
    assert not buffers._kept


def test_softmax_returns_results_that_stay():
    x = np.random.default_rng(0).standard_normal(SHAPE, dtype=np.float32)
    first = softmax(x)
    copy = first.copy()
    second = softmax(-x)
    np.testing.assert_array_equal(first, copy)
    assert not np.shares_memory(first, second)


STEPS = """
import resource
import numpy as np
from smnn import softmax
def step():
    return sum(array.nbytes for array in [np.ones(1 << 17) for _ in range(4)])
step(), step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
written = sum(step() for _ in range(50))
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults * resource.getpagesize() / written)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_the_c_library_keeps_the_memory_of_smaller_arrays():
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))
    }
    run = [sys.executable, "-c", STEPS]
    out = subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout
    assert float(out) < 0.05, "of the memory of a step is fetched from the system anew"
