"""Measure the exponential of the kernels: its largest error in ULP.

    python -m tools.exp_ulp

In float32 it goes through every number from 0 down to -104, about 1.1 thousand million of them,
against exp in float64.  In float64 it takes a dense sample against extended precision, and
judges the worst of it with mpmath.  One ULP, the unit in the last place, is the distance between
the neighboring numbers of the type around the exact result.  The kernels compute
2**64 exp(x), which no x in range brings below the smallest normal number.

Vectors of float32 are computed with a table where the processor allows it, and otherwise as
single numbers are.  Both are measured.

The result is kept in ``smnn_book/data/exp_ulp.json``.
"""

import json

import mpmath
import numpy as np

from benchmarks.machine import processor_name
from smnn._kernels import exponential
from smnn._kernels.simd.compile import has_feature, kernel
from smnn._kernels.simd.memory import lanes_of, load, pointer, store
from smnn._kernels.simd.vectors import PICKS, VECTOR_BYTES
from smnn_book import results_folder
from tools.exp_coefficients import FLOAT32, FLOAT64, error_in_ulp

RESULT = results_folder() / "exp_ulp.json"
CHUNK = 1 << 22
LANES = VECTOR_BYTES // 4
MINUS_ZERO_BITS = 0x8000_0000  # as integers the negative numbers follow, away from zero


@kernel
def fill_with_exp(x, out):
    for i in range(x.size):
        out[i] = exponential.exp(x[i])


@kernel
def fill_with_exp_of_vectors(x, out):
    """The numbers at the end that make no whole vector are left out."""
    size = x.size
    x, out = pointer(x), pointer(out)
    for i in range(0, size - lanes_of(x) + 1, lanes_of(x)):
        store(out, i, exponential.exp(load(x, i)))


def kernel_exp(x, in_vectors=False):
    """2**64 exp(x), as the kernels compute it, of every element."""
    out = np.empty_like(x)
    if in_vectors:
        padded = np.resize(x, -(-x.size // LANES) * LANES)
        out = np.empty_like(padded)
        fill_with_exp_of_vectors(padded, out)
        return out[: x.size]
    fill_with_exp(x, out)
    return out


def float32_chunks(step=1):
    """Every ``step``-th float32 from -0 down to where exp becomes 0, in chunks."""
    last = int(exponential.LOWEST_32.view(np.uint32))
    for start in range(MINUS_ZERO_BITS, last + 1, CHUNK * step):
        stop = min(start + CHUNK * step, last + 1)
        yield np.arange(start, stop, step, dtype=np.uint32).view(np.float32)


def sweep_float32(step=1, in_vectors=False):
    """Largest error in ULP over every ``step``-th float32, where it is, and how many there are."""
    largest, where, count = 0.0, 0.0, 0
    for x in float32_chunks(step):
        errors = error_in_ulp(
            kernel_exp(x, in_vectors), exponential.SCALE * np.exp(x.astype(np.float64)), FLOAT32
        )
        worst = int(errors.argmax())
        if errors[worst] > largest:
            largest, where = float(errors[worst]), float(x[worst])
        count += x.size
    return {"largest_ulp": round(largest, 4), "at": where, "values": count}


def float64_sample(count, seed=0):
    """Numbers of every size in range, and as many around the points where the rounding turns."""
    rng, lowest = np.random.default_rng(seed), exponential.LOWEST_64
    turns = -(rng.integers(0, 1074, count // 4) + 0.5) * np.log(2)
    return np.concatenate([
        rng.uniform(lowest, 0, count // 4),
        rng.uniform(-1, 0, count // 4),
        -np.exp(rng.uniform(np.log(1e-17), np.log(-lowest), count // 4)),
        turns * (1 + rng.uniform(-1e-6, 1e-6, turns.size)),
    ])  # fmt: skip


def sweep_float64(count, judged=200):
    """Largest error in ULP over a sample, confirmed by mpmath.

    Extended precision finds the candidates: it is exact enough where it exists.
    """
    x = float64_sample(count)
    computed = kernel_exp(x)
    errors = error_in_ulp(computed, exponential.SCALE * np.exp(x.astype(np.longdouble)), FLOAT64)
    worst = np.argsort(errors)[-judged:]
    confirmed = [exact_error(x[i], computed[i]) for i in worst]
    best = int(np.argmax(confirmed))
    return {
        "largest_ulp": round(confirmed[best], 4), "at": float(x[worst[best]]), "values": x.size
    }  # fmt: skip


def exact_error(x, computed):
    """Error in ULP of one float64 result, by mpmath."""
    with mpmath.workprec(200):
        exact = exponential.SCALE * mpmath.exp(mpmath.mpf(float(x)))
        unit = mpmath.ldexp(1, mpmath.frexp(exact)[1] - FLOAT64.precision)
        return float(abs(mpmath.mpf(float(computed)) - exact) / unit)


def main():
    lowest = {"float32": float(exponential.LOWEST_32), "float64": float(exponential.LOWEST_64)}
    results = {
        "processor": processor_name(),
        "float32": {"lowest": lowest["float32"], **sweep_float32()},
        "float64": {"lowest": lowest["float64"], **sweep_float64(20_000_000)},
    }
    if has_feature(PICKS):
        table = sweep_float32(in_vectors=True)
        results["float32 with a table"] = {"lowest": lowest["float32"], **table}
    for name, entry in results.items():
        if name != "processor":
            print(
                f"{name}: largest error {entry['largest_ulp']:.4f} ULP at {entry['at']!r}, "
                f"{entry['values']:,} values"
            )
    RESULT.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
