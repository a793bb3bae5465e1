"""The kernels of the chapter on GPUs, in numba's simulator, and what is counted of them."""

import warnings

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from numba import cuda, float32

import smnn
from benchmarks import gpu as bench
from smnn import plot
from smnn_book import gpu

INF = np.inf
every_kernel = pytest.mark.parametrize("kernel", gpu.LADDER.values(), ids=list(gpu.LADDER))
on_a_card = pytest.mark.skipif(not cuda.is_available(), reason="numba.cuda finds no GPU here")


@pytest.fixture(autouse=True)
def _close():
    yield
    plot.pyplot.close("all")


def scores(rows, classes, seed=0):
    return np.random.default_rng(seed).normal(scale=4, size=(rows, classes)).astype(np.float32)


def same(p, x, rtol=3e-6):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = smnn.softmax(x)
    np.testing.assert_allclose(p, expected, rtol=rtol, atol=1e-30)


@every_kernel
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(
    ("rows", "classes", "threads"), [(3, 32, 8), (5, 37, 16), (2, 3, 16), (1, 1, 4), (4, 9, 1)]
)
def test_kernels_are_softmax(kernel, rows, classes, threads, backward):
    x = scores(rows, classes)
    p, run = gpu.softmax(x, kernel, threads, backward=backward)
    same(p, x)
    assert run.races == ()


def edges(classes):
    x = scores(7, classes)
    x[0, 2:9] = -INF
    x[1, : classes - 1] = -INF
    x[2] = -INF
    x[3, classes // 2] = INF
    x[4, classes - 4] = np.nan
    x[5] -= 20_000
    x[6, :2] = 3e38, -3e38
    return x


@every_kernel
def test_kernels_at_the_edges(kernel):
    x = edges(11)
    same(gpu.softmax(x, kernel, 8)[0], x)


@on_a_card
@pytest.mark.filterwarnings("ignore:.*Grid size")  # so few rows do not keep a card busy
@pytest.mark.parametrize("step", [*gpu.LADDER, "row in registers"])
@pytest.mark.parametrize("classes", [11, 32, 1000, 1025, 8192])
def test_kernels_on_a_card(step, classes):
    x = edges(classes)
    # A thread that adds all classes, one to the sum of the others, may be wrong by as many ε / 2.
    rtol = max(3e-6, classes * 2**-24) if step == "thread per row" else 3e-6
    same(bench.on_the_card(bench.contestants(*x.shape)[step], x), x, rtol)


@every_kernel
def test_a_kernel_is_found_out_if_it_leaves_numbers_out(kernel):
    short = gpu.changed(kernel, "y[row, j] =", "y[row, max(j, 1)] =")
    p, _ = gpu.softmax(scores(2, 8), short, 4)
    assert (p[:, 0] == -7).all()


@pytest.mark.parametrize(
    ("classes", "threads", "per_thread"), [(5, 32, 1), (32, 32, 1), (70, 32, 3), (70, 64, 2)]
)
def test_the_kernel_in_registers_with_shuffles_by_a_table(
    classes, threads, per_thread, monkeypatch
):
    table = {}

    def shuffle(self, mask, value, step):
        block, thread = self._log.here(self)
        table[block, thread] = value
        self.syncthreads()
        found = table[block, thread ^ step]
        self.syncthreads()
        return found

    monkeypatch.setattr(gpu._Module, "shfl_xor_sync", shuffle, raising=False)
    x = scores(3, classes)
    p, run = gpu.softmax(x, gpu.row_in_registers(per_thread), threads)
    same(p, x)
    assert (run.loads, run.stores) == (x.size, x.size)
    assert run.races == ()


def test_what_each_step_moves():
    x = scores(32, 64)
    runs = {name: gpu.softmax(x, kernel)[1] for name, kernel in gpu.LADDER.items()}
    moved = {name: (run.loads / x.size, run.stores / x.size) for name, run in runs.items()}
    assert list(moved.values()) == [(3, 1), (3, 1), (2, 1), (1, 1)]
    assert [run.sectors for run in runs.values()] == [32, 4, 4, 4]
    # A tree of 32 threads has five levels; a barrier before each, and one after the last.
    assert [run.barriers for run in runs.values()] == [0, 13, 6, 13]


@pytest.mark.parametrize(("classes", "sectors"), [(8, 32), (4, 16), (1, 4)])
def test_rows_that_share_sectors(classes, sectors):
    _, run = gpu.softmax(scores(32, classes), gpu.thread_per_row)
    assert run.sectors == sectors


def test_a_race_is_found_in_both_orders():
    racing = gpu.changed(gpu.online, "        cuda.syncthreads()\n        half", "        half")
    for backward in (False, True):
        p, run = gpu.softmax(scores(2, 16), racing, 8, backward=backward)
        assert {block for block, _, _ in run.races} == {0, 1}
        assert np.abs(p.sum(axis=1) - 1).min() > 1e-3


def test_a_read_by_two_threads_is_no_race_and_neither_is_a_write_after_a_barrier():
    def kernel(x, y):
        room = cuda.shared.array(4, float32)
        t = cuda.threadIdx.x
        if t == 0:
            room[0] = x[0]
        cuda.syncthreads()
        y[t] = room[0]

    run = gpu.simulate(kernel, 1, 4, np.ones(1, np.float32), np.zeros(4, np.float32))
    assert run.races == () and run.arrays[1].tolist() == [1] * 4 and run.barriers == 1


def test_faults_of_a_kernel_are_raised():
    def outside(x):
        cuda.syncthreads()
        x[cuda.threadIdx.x] = 0

    with pytest.raises(IndexError, match=r"index 2 is outside an array of shape \(2,\)"):
        gpu.simulate(outside, 1, 3, np.ones(2))
    with pytest.raises(ValueError, match="online has no 'nothing'"):
        gpu.changed(gpu.online, "nothing", "")


def test_pictures_say_what_was_counted():
    x = scores(32, 32)
    runs = {name: gpu.softmax(x, kernel)[1] for name, kernel in gpu.LADDER.items()}
    left, right = gpu.draw_counts(runs, x.size).axes
    assert [text.get_text() for text in left.texts] == ["8", "12", "16", "16"]
    assert [text.get_text() for text in right.texts] == ["4", "4", "4", "32"]
    tree = gpu.draw_tree([["a", "b"], ["c"]])
    assert [text.get_text() for text in tree.axes[0].texts][:4] == ["a", "b", "c", "idle"]


def test_the_benchmark_knows_which_steps_fit_and_reports_rates():
    assert list(bench.contestants(4, 10)) == ["copy", *gpu.LADDER, "row in registers"]
    assert "row kept" not in bench.contestants(4, gpu.MOST_CLASSES + 1)
    assert "row in registers" in bench.contestants(4, 16_384)
    assert "row in registers" not in bench.contestants(4, 16_385)
    assert [bench.threads_for(n, 256) for n in (1, 32, 33, 1000)] == [32, 32, 64, 256]
    record = {
        "card": "a card", "launches": 3,
        "records": [
            {"shape": [1000, 1000], "step": "copy", "seconds": 1e-3},
            {"shape": [1000, 1000], "step": "online", "seconds": 2e-3},
        ],
        "calls": {"smnn.softmax": [1.5e-6, 2e-6]},
    }  # fmt: skip
    assert bench.report(record).splitlines()[1:] == [
        "  1,000 × 1,000  copy                     8 GB/s   100%",
        "  1,000 × 1,000  online                   4 GB/s    50%",
        "smnn.softmax                         1.5 µs a call, median 2.0",
    ]
    with pytest.raises(AssertionError):
        bench.check("online", np.zeros((1, 2), np.float32), np.zeros((1, 2), np.float32))
