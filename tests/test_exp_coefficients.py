"""The constants of the exponential are those that the script derives, and its error is small."""

import json

import numpy as np
import pytest

from tools import exp_coefficients
from tools.exp_coefficients import FLOAT32, FLOAT64, derive, emulate, error_in_ulp

pytest.importorskip("numba")

from smnn._kernels import INTERPRETED, exponential
from tools import exp_ulp

compiled_only = pytest.mark.skipif(INTERPRETED, reason="millions of values take too long in Python")


@pytest.fixture(scope="module", params=[FLOAT32, FLOAT64], ids=lambda fmt: f"float{fmt.suffix}")
def fmt(request):
    return request.param


@pytest.fixture(scope="module")
def constants(fmt):
    return derive(fmt)


def test_the_kernels_hold_the_derived_constants(fmt, constants):
    source = exp_coefficients.python_source(constants, fmt)
    derived = {}
    exec(source, {"np": np}, derived)
    assert len(derived) == 4 + fmt.degree - 1
    for name, value in derived.items():
        held = getattr(exponential, name)
        assert held == value and held.dtype == fmt.dtype, name


@pytest.fixture(scope="module")
def table():
    return exp_coefficients.derive_table()


def test_the_kernels_hold_the_derived_table(table):
    derived = {}
    exec(exp_coefficients.table_source(table), {"np": np}, derived)
    assert len(derived) == 3 + 4 + 1
    for name, value in derived.items():
        assert getattr(exponential, name) == value, name
    assert np.array_equal(np.float32(exponential.TABLE_POWERS), exponential.TABLE_POWERS)


def test_the_entries_of_the_table_lie_near_numbers_of_the_type(table):
    exact = np.exp2((np.arange(16) + table.offset) / 16)
    errors = np.abs(exact - table.powers) / np.spacing(np.float32(table.powers))
    assert errors.max() < 0.2
    rounded = np.exp2(np.arange(16) / 16)
    without_offset = np.abs(rounded.astype(np.float32) - rounded) / np.spacing(np.float32(rounded))
    assert without_offset.max() > 0.4


@pytest.mark.parametrize("fused", [True, False])
def test_the_emulated_arithmetic_of_the_table(table, fused):
    x = np.linspace(-103, 0, 100_003).astype(np.float32)
    exact = 2.0**64 * np.exp(x.astype(np.float64))
    errors = error_in_ulp(emulate(x, table, exp_coefficients.TABLE32, fused), exact, FLOAT32)
    assert 0.5 < errors.max() <= 0.8
    assert emulate(np.zeros(1), table, exp_coefficients.TABLE32, fused) == 2.0**64


def test_the_polynomial_is_far_more_exact_than_the_type(fmt, constants):
    assert exp_coefficients.approximation_error(constants) < 0.1 * 2.0**-fmt.precision


def test_ln2_times_n_is_exact_in_the_high_part(fmt, constants):
    mantissa, _ = np.frexp(constants.ln2_high)
    assert (mantissa * 2.0 ** (fmt.precision - fmt.exponent_bits)).is_integer()
    assert abs(constants.ln2_low) < 2.0 ** -(fmt.precision - fmt.exponent_bits)


@pytest.mark.parametrize(("fused", "bound"), [(True, 1.0), (False, 1.25)])
def test_the_emulated_arithmetic(fmt, constants, fused, bound):
    x = np.linspace(-103 if fmt is FLOAT32 else -744, 0, 100_003).astype(fmt.dtype)
    exact = 2.0**64 * np.exp(x.astype(fmt.wider))
    largest = error_in_ulp(emulate(x, constants, fmt, fused), exact, fmt).max()
    assert 0.5 < largest <= bound


def test_remez_levels_the_error():
    """Chebyshev: the best polynomial's error is equally large at one point more than unknowns."""
    coefficients = exp_coefficients.remez(4, 0.3)
    _, heights = exp_coefficients.alternating_extrema(coefficients, 4, 0.3)
    assert max(heights) < 1.001 * min(heights)
    spoiled = [*coefficients[:-1], coefficients[-1] * 1.001]
    worse = max(abs(exp_coefficients.relative_error(spoiled, r)) for r in (-0.3, 0.3))
    assert worse > max(heights)


@compiled_only
def test_the_compiled_exponential_is_within_one_ulp():
    """Every 97th float32; ``python -m tools.exp_ulp`` goes through all of them."""
    for in_vectors in (False, True):
        assert 0.5 < exp_ulp.sweep_float32(97, in_vectors)["largest_ulp"] <= 1.0
    assert 0.5 < exp_ulp.sweep_float64(200_000)["largest_ulp"] <= 1.0


@compiled_only
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_ends_of_the_range(dtype):
    lowest = exponential.LOWEST_32 if dtype == np.float32 else exponential.LOWEST_64
    below = np.nextafter(lowest, dtype(-np.inf))
    x = np.array([0.0, -0.0, -1e-30, below, 2 * lowest, -np.inf, np.nan], dtype)
    expected = np.array([1, 1, 1, 0, 0, 0, np.nan], dtype) * dtype(exponential.SCALE)
    for in_vectors in (False, True):
        np.testing.assert_array_equal(exp_ulp.kernel_exp(x, in_vectors), expected)
        # Just above, the result is not yet 0, and divides to the nearest number of the type.
        smallest = exp_ulp.kernel_exp(np.array([lowest], dtype), in_vectors)
        assert 0 < smallest[0] < np.finfo(dtype).smallest_subnormal * exponential.SCALE / 2


@compiled_only
def test_a_nan_stays_a_nan_whatever_it_carries():
    bits = np.array([0x7FC00000, 0xFFC00000, 0x7FC12345, 0xFFC00001, 0x7FFFFFFF], np.uint32)
    for in_vectors in (False, True):
        assert np.isnan(exp_ulp.kernel_exp(bits.view(np.float32), in_vectors)).all()


def test_the_kept_sweep_is_within_one_ulp():
    kept = json.loads(exp_ulp.RESULT.read_text())
    for name in ("float32", "float32 with a table"):
        assert kept[name]["values"] > 1.1e9
        assert kept[name]["largest_ulp"] <= 1.0
    assert kept["float64"]["largest_ulp"] <= 1.0
