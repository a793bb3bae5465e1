"""The exponential and the logarithm, for vectors and for numbers.

exp(d) for d ≤ 0 by the classical method: d = n ln 2 + r, a polynomial for exp(r), and 2ⁿ
written into the exponent bits.  No call, no branch.  Where the processor can pick numbers out
of a register, one holds the powers of 2 in steps of a sixteenth: then r is so small that
half the polynomial does.  ``tools/exp_coefficients.py`` derives the constants and says why it
is done so; ``tools/exp_ulp.py`` measures the error.

Results are **2**64 times too large**.  The smallest denormal is then a normal number and
keeps its digits.  The division by the sum, which is too large by the same factor, rounds
once.
"""

import numpy as np
from numba import types
from numba.extending import overload

from .simd.compile import INLINED_OPTIONS, has_feature, inlined
from .simd.vectors import (
    PICKS,
    Vector,
    exponent,
    fma,
    maximum,
    power_by_table,
    power_of_two,
    select,
    significand,
)

SCALE = 2.0**64

MAGIC_32 = np.float32(12582912.0)
LOG2E_32 = np.float32(1.4426950216293335)
LN2_HIGH_32 = np.float32(0.693145751953125)
LN2_LOW_32 = np.float32(1.428606765330187e-06)
EXP_C2_32 = np.float32(0.4999999403953552)
EXP_C3_32 = np.float32(0.1666652113199234)
EXP_C4_32 = np.float32(0.04166838899254799)
EXP_C5_32 = np.float32(0.00836871936917305)
EXP_C6_32 = np.float32(0.001381460577249527)

MAGIC_64 = np.float64(6755399441055744.0)
LOG2E_64 = np.float64(1.4426950408889634)
LN2_HIGH_64 = np.float64(0.6931471805598903)
LN2_LOW_64 = np.float64(5.497923018708371e-14)
EXP_C2_64 = np.float64(0.5000000000000011)
EXP_C3_64 = np.float64(0.16666666666666413)
EXP_C4_64 = np.float64(0.041666666666530155)
EXP_C5_64 = np.float64(0.008333333333494461)
EXP_C6_64 = np.float64(0.0013888888943630134)
EXP_C7_64 = np.float64(0.00019841269506578723)
EXP_C8_64 = np.float64(2.480149309888739e-05)
EXP_C9_64 = np.float64(2.755758637378518e-06)
EXP_C10_64 = np.float64(2.763024838532302e-07)
EXP_C11_64 = np.float64(2.500006162553128e-08)

TABLE_LOG2E = np.float32(23.083120346069336)
TABLE_LN2_HIGH = np.float32(0.0433197021484375)
TABLE_LN2_LOW = np.float32(1.9966364561696537e-06)
TABLE_C0 = np.float32(0.011534546501934528)
TABLE_C1 = np.float32(1.011534571647644)
TABLE_C2 = np.float32(0.5057870745658875)
TABLE_C3 = np.float32(0.1685851514339447)
TABLE_POWERS = (
    0.9885969758033752,
    1.0323659181594849,
    1.0780726671218872,
    1.125802993774414,
    1.1756465435028076,
    1.2276968955993652,
    1.282051682472229,
    1.3388129472732544,
    1.3980872631072998,
    1.4599858522415161,
    1.5246249437332153,
    1.5921258926391602,
    1.6626152992248535,
    1.7362256050109863,
    1.8130948543548584,
    1.8933674097061157,
)
table_power = power_by_table(TABLE_POWERS)

# Adding this rounds to an integer n and leaves n + bias + 64, the exponent field of
# 2**(n + 64), in the lowest bits.
ROUND_32 = MAGIC_32 + np.float32(127 + 64)
ROUND_64 = MAGIC_64 + np.float64(1023 + 64)
ROUND_TABLE = MAGIC_32 + np.float32(16 * 64)  # n counts sixteenths; the table has the bias
# Below, exp is 0.
LOWEST_32, LOWEST_64 = np.float32(-104.0), np.float64(-745.2)


@inlined
def polynomial_float32(r):
    """exp(r) for |r| of at most half of log 2."""
    p = fma(r, EXP_C6_32, EXP_C5_32)
    p = fma(r, p, EXP_C4_32)
    p = fma(r, p, EXP_C3_32)
    p = fma(r, p, EXP_C2_32)
    p = fma(r, p, np.float32(1.0))
    return fma(r, p, np.float32(1.0))


@inlined
def exp_float32(d):
    """2**64 · exp(d) for d ≤ 0."""
    t = fma(d, LOG2E_32, ROUND_32)
    n = t - ROUND_32
    p = polynomial_float32(fma(n, -LN2_LOW_32, fma(n, -LN2_HIGH_32, d)))
    return select(d, LOWEST_32, np.float32(0.0), p * power_of_two(t))


@inlined
def exp_by_table(d):
    """2**64 · exp(d) for d ≤ 0, of vectors of float32."""
    t = fma(d, TABLE_LOG2E, ROUND_TABLE)
    n = t - ROUND_TABLE
    r = fma(n, -TABLE_LN2_LOW, fma(n, -TABLE_LN2_HIGH, d))
    q = fma(r, TABLE_C3, TABLE_C2)
    q = fma(r, q, TABLE_C1)
    q = fma(r, q, TABLE_C0)
    power = table_power(t)
    return select(d, LOWEST_32, np.float32(0.0), fma(power, q, power))


@inlined
def polynomial_float64(r):
    """exp(r) for |r| of at most half of log 2."""
    p = fma(r, EXP_C11_64, EXP_C10_64)
    p = fma(r, p, EXP_C9_64)
    p = fma(r, p, EXP_C8_64)
    p = fma(r, p, EXP_C7_64)
    p = fma(r, p, EXP_C6_64)
    p = fma(r, p, EXP_C5_64)
    p = fma(r, p, EXP_C4_64)
    p = fma(r, p, EXP_C3_64)
    p = fma(r, p, EXP_C2_64)
    p = fma(r, p, 1.0)
    return fma(r, p, 1.0)


@inlined
def exp_float64(d):
    """2**64 · exp(d) for d ≤ 0."""
    t = fma(d, LOG2E_64, ROUND_64)
    n = t - ROUND_64
    p = polynomial_float64(fma(n, -LN2_LOW_64, fma(n, -LN2_HIGH_64, d)))
    return select(d, LOWEST_64, 0.0, p * power_of_two(t))


def exp(d):
    """2**64 · exp(d) for d ≤ 0, in the type of d."""
    return exp_float32(d) if d.dtype == np.float32 else exp_float64(d)


@overload(exp, jit_options=INLINED_OPTIONS)
def _exp_of_type(d):
    if isinstance(d, Vector) and d.dtype is types.float32 and has_feature(PICKS):
        return exp_by_table.py_func
    if getattr(d, "dtype", d) is types.float32:
        return exp_float32.py_func
    return exp_float64.py_func


# --- As a power of 2 and a factor, which neither overflow nor underflow ------------------------


@inlined
def small_part(r):
    """What is left of d after whole powers of 2; 0 where d has no digits for it, or is −inf."""
    r = maximum(r, -0.5)
    return select(r, 0.5, r, 0.0)


@inlined
def exp_parts_float32(d):
    """(n, p) with exp(d) = p · 2ⁿ for d ≤ 0, n whole and p between 0.6 and 1.7."""
    n = fma(d, LOG2E_32, MAGIC_32) - MAGIC_32
    return n, polynomial_float32(small_part(fma(n, -LN2_LOW_32, fma(n, -LN2_HIGH_32, d))))


@inlined
def exp_parts_float64(d):
    """(n, p) with exp(d) = p · 2ⁿ for d ≤ 0, n whole and p between 0.6 and 1.7."""
    n = fma(d, LOG2E_64, MAGIC_64) - MAGIC_64
    return n, polynomial_float64(small_part(fma(n, -LN2_LOW_64, fma(n, -LN2_HIGH_64, d))))


def exp_parts(d):
    """(n, p) with exp(d) = p · 2ⁿ for d ≤ 0; n is −inf where d is."""
    return exp_parts_float32(d) if d.dtype == np.float32 else exp_parts_float64(d)


@overload(exp_parts, jit_options=INLINED_OPTIONS)
def _exp_parts_of_type(d):
    return (exp_parts_float32 if d.dtype is types.float32 else exp_parts_float64).py_func


@inlined
def power_float32(n):
    """2ⁿ for whole n from −100 to 100."""
    return power_of_two(n + (MAGIC_32 + np.float32(127)))


@inlined
def power_float64(n):
    """2ⁿ for whole n from −100 to 100."""
    return power_of_two(n + (MAGIC_64 + np.float64(1023)))


def power(n):
    """2ⁿ for whole n from −100 to 100, in the type of n."""
    return power_float32(n) if n.dtype == np.float32 else power_float64(n)


@overload(power, jit_options=INLINED_OPTIONS)
def _power_of_type(n):
    return (power_float32 if n.dtype is types.float32 else power_float64).py_func


@inlined
def log1p(s):
    """log(1 + s) for s ≥ 0.

    1 + s = 2**k · (1 + f) with 1 + f between √½ and √2; where k is 0, f is s itself.
    log(1 + f) = 2 artanh z with z = f / (2 + f), so small that ten terms of its series do.
    """
    u = s + 1.0
    k = exponent(u)
    m = significand(u)
    k = select(np.sqrt(2.0), m, k + 1.0, k)
    m = select(np.sqrt(2.0), m, m * 0.5, m)
    f = select(0.5, k, m - 1.0, s)
    z = f / (f + 2.0)
    w = z * z
    # In parallel as far as may be: the rows of a group wait for it.
    w2 = w * w
    w4 = w2 * w2
    low = fma(w2, fma(w, 1 / 9, 1 / 7), fma(w, 1 / 5, 1 / 3))
    high = fma(w2, fma(w, 1 / 17, 1 / 15), fma(w, 1 / 13, 1 / 11))
    p = fma(w4, fma(w4, fma(w, 1 / 21, 1 / 19), high), low)
    z = z + z
    log = fma(k, LN2_HIGH_64, fma(k, LN2_LOW_64, fma(z * w, p, z)))
    return select(s, np.inf, log, s)


@inlined
def log_sum(total, below_max):
    """log of a sum of exponentials, from the sum and from the sum without the largest.

    A sum below 2 has one largest term, which is 1.  The others may be far smaller than a
    unit in the last place of the sum and were added up without it.
    """
    total, below_max = total * (1.0 / SCALE), below_max * (1.0 / SCALE)
    log = log1p(select(total, 2.0, below_max, total - 1.0))
    return select(total, 0.5, -np.inf, log)  # no term at all: every number is −inf
