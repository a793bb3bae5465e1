"""Measure the exponential of the kernels: its largest error in ULP.

    python -m tools.exp_ulp

In float32 it goes through every number from 0 down to -104, about 1.1 thousand million of them,
against exp in float64.  In float64 it takes a dense sample against extended precision, and
judges the worst of it with mpmath.  One ULP, the unit in the last place, is the distance between
the neighboring numbers of the type around the exact result.  The kernels compute
2**64 exp(x), which no x in range brings below the smallest normal number.

The result is kept in ``benchmarks/results/exp_ulp.json``.
"""

import json
from pathlib import Path

import mpmath
import numba
import numpy as np

from benchmarks.machine import processor_name
from smnn._kernels import exponential
from tools.exp_coefficients import FLOAT32, FLOAT64, error_in_ulp

RESULT = Path(__file__).parents[1] / "benchmarks" / "results" / "exp_ulp.json"
CHUNK = 1 << 22
MINUS_ZERO_BITS = 0x8000_0000  # as integers the negative numbers follow, away from zero


@numba.njit
def fill_with_exp(x, out):
    for i in range(x.size):
        out[i] = exponential.exp(x[i])


def kernel_exp(x):
    """2**64 exp(x), as the kernels compute it, of every element."""
    out = np.empty_like(x)
    fill_with_exp(x, out)
    return out


def float32_chunks(step=1):
    """Every ``step``-th float32 from -0 down to where exp becomes 0, in chunks."""
    last = int(exponential.LOWEST_32.view(np.uint32))
    for start in range(MINUS_ZERO_BITS, last + 1, CHUNK * step):
        stop = min(start + CHUNK * step, last + 1)
        yield np.arange(start, stop, step, dtype=np.uint32).view(np.float32)


def sweep_float32(step=1):
    """Largest error in ULP over every ``step``-th float32, where it is, and how many there are."""
    largest, where, count = 0.0, 0.0, 0
    for x in float32_chunks(step):
        errors = error_in_ulp(
            kernel_exp(x), exponential.SCALE * np.exp(x.astype(np.float64)), FLOAT32
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
    results = {
        "processor": processor_name(),
        "float32": {"lowest": float(exponential.LOWEST_32), **sweep_float32()},
        "float64": {"lowest": float(exponential.LOWEST_64), **sweep_float64(20_000_000)},
    }
    for name in ("float32", "float64"):
        entry = results[name]
        print(
            f"{name}: largest error {entry['largest_ulp']:.4f} ULP at {entry['at']!r}, "
            f"{entry['values']:,} values"
        )
    RESULT.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
