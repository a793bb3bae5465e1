"""Compile the kernels in advance.

    python -m smnn warm-up                   float32 and float64
    python -m smnn warm-up --dtypes float32

numba compiles a kernel when it is first called and keeps it on disk.  This calls each one
once, so that no call has to wait later, and says what it compiled.
"""

import argparse
import time

import numpy as np

from . import functional, optim, vocabulary
from ._core.progress import bar_is_wanted
from .functional.backend import kernels

# A shape for each way through an array, small or not; the last results are written past the caches.
SHAPES = {
    "small, short": (20, 10),
    "small, long": (20, 100),
    "short": (60_000, 10),
    "long": (6_000, 100),
    "blocks": (2, 40_000),
    "nontemporal": (200, 40_000),
}


def calls(dtype):
    """Return the calls that need every kernel, by name, for a dtype."""
    found = {}
    for way, shape in SHAPES.items():
        x, y = np.zeros(shape, dtype), np.zeros(shape[0], np.int64)
        weight = np.ones(shape[1], dtype)
        for name in ("softmax", "log_softmax"):
            found[f"{name}, {way}"] = (getattr(functional, name), (x,), {})
            temperature = {"temperature": 2.0}
            found[f"{name}, {way}, temperature"] = (getattr(functional, name), (x,), temperature)
        found[f"logsumexp, {way}"] = functional.logsumexp, (x,), {}
        for name in ("cross_entropy", "softmax_cross_entropy"):
            loss = getattr(functional, name)
            found[f"{name}, {way}"] = loss, (x, y), {}
            found[f"{name}, {way}, sum"] = loss, (x, y), {"reduction": "sum"}
            found[f"{name}, {way}, weights"] = loss, (x, y), {"weight": weight}
    x, y = np.zeros((20, 10), dtype), np.zeros(20, np.int64)
    for name in ("cross_entropy", "softmax_cross_entropy"):
        loss = getattr(functional, name)
        found[f"{name}, label smoothing"] = loss, (x, y), {"label_smoothing": 0.1}
        found[f"{name}, probabilities"] = loss, (x, x), {}
    for name in ("softmax_vjp", "log_softmax_vjp"):
        found[name] = getattr(functional, name), (x, x), {}
    found["logsumexp_vjp"] = functional.logsumexp_vjp, (x[:, 0], x[:, 0], x), {}
    uniform = np.zeros((len(x), 1)), np.zeros((len(x), 1), np.int64)
    frames, lengths = np.zeros((3, 1, 2), dtype), np.ones(1, np.int64)
    paths = np.ones((1, 1), np.int64), lengths, lengths, 0, np.ones(1, dtype), np.empty(1, dtype)
    found["ctc"] = kernels.ctc, (frames, *paths, np.empty_like(frames)), {}
    found["draw"] = kernels.draw, (x, 1.0, *uniform), {}
    found["draw, temperature"] = kernels.draw, (x, 2.0, *uniform), {}
    images, rows = np.zeros((1, 3, 3, 1), dtype), np.zeros((1, 2, 2, 2, 2), dtype)
    found["windows_to_rows"] = kernels.windows_to_rows, (images, 1, 1, rows, 0, 1), {}
    found["rows_to_windows"] = kernels.rows_to_windows, (rows, 1, 1, images, 0, 1), {}
    for name, options in (("attention", {}), ("attention, softcap", {"softcap": 1.0})):
        found[name] = _attention_and_back, (x,), options
    states, gates, steps = (
        np.zeros((2, 1), dtype), np.zeros((2, 4), dtype), (np.zeros(2, np.int64), 0)
    )  # fmt: skip
    three, two = gates.ravel()[:6].reshape(2, 3), gates.ravel()[:4].reshape(2, 2)
    for name, arguments in {
        "lstm_step": (gates, gates, states, states, *steps, states, states, states),
        "lstm_step_vjp": (gates, states, states, states, *steps, states, states, gates),
        "gru_gates": (three, two, states, *steps, states),
        "gru_state": (three, states, states, *steps, states),
        "gru_state_vjp": (three, states, states, *steps, states, three),
        "gru_reset_vjp": (three, states, states, states, three),
    }.items():
        found[name] = getattr(kernels, name), arguments, {}
    sums = np.empty(len(x), dtype), np.empty(len(x), dtype)
    found["logsumexp, weighted"] = kernels.logsumexp_weighted, (x, x, *sums), {}
    rows, noise = np.ones((4, 3), dtype), vocabulary.UnigramSampler([1, 1, 1, 1])
    for name in ("negative_sampling_loss", "nce_loss"):
        loss = getattr(vocabulary, name)
        found[name] = loss, (rows, rows, y[:4]), {"noise": noise}
        found[f"{name}, biases"] = loss, (rows, rows, y[:4]), {"noise": noise, "b": rows[:, 0]}
    tree = vocabulary.HierarchicalSoftmax.from_counts([1, 1, 1], 3)
    tree.params["W"] = tree.params["W"].astype(dtype)
    found["HierarchicalSoftmax"] = tree.loss, (rows, y[:4]), {}
    found["sum_rows"] = vocabulary.sum_rows, (y[:4], rows), {}
    for optimizer in (optim.SGD(0.1), optim.SGD(0.1, momentum=0.9), optim.Adam(0.1)):
        params = {"w": np.zeros(4, dtype)}
        name = f"{type(optimizer).__name__}{', momentum' if optimizer.state else ''}"
        found[name] = optimizer.step, (params, {"w": np.ones(4, dtype)}), {}
    return found


def _attention_and_back(x, **options):
    keys = np.zeros((300, x.shape[1]), x.dtype)  # of more than one tile
    out, backward = functional.attention(x, keys, keys, **options)
    backward(out)


def warm_up(dtypes):
    """Call every kernel; return the seconds of the calls that compiled something, by name."""
    from ._kernels.simd.compile import compiled_count

    todo = {f"{name}, {dtype}": call for dtype in dtypes for name, call in calls(dtype).items()}
    names = list(todo)
    if bar_is_wanted():
        from tqdm import tqdm

        names = tqdm(names)
    seconds = {}
    for name in names:
        function, arguments, options = todo[name]
        before, start = compiled_count(), time.perf_counter()
        function(*arguments, **options)
        if compiled_count() > before:
            seconds[name] = time.perf_counter() - start
    return seconds


def main():
    parser = argparse.ArgumentParser(
        prog="python -m smnn",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["warm-up"])
    parser.add_argument(
        "--dtypes", nargs="+", choices=["float32", "float64"], default=["float32", "float64"]
    )
    arguments = parser.parse_args()
    if not hasattr(kernels, "INTERPRETED"):
        parser.exit(1, "numba is not installed: there is nothing to compile\n")
    if kernels.INTERPRETED:
        parser.exit(1, "NUMBA_DISABLE_JIT is set: there is nothing to compile\n")
    seconds = warm_up(arguments.dtypes)
    for name, value in seconds.items():
        print(f"{value:6.2f} s  {name}")
    print(f"{len(seconds)} kernels compiled in {sum(seconds.values()):.1f} s; the others were kept")


if __name__ == "__main__":
    main()
