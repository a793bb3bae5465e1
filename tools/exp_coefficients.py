"""Derive the constants of the exponential in ``smnn/_kernels/exponential.py``.

The kernel computes exp(x) for x <= 0 by the classical method (Cody and Waite, 1980;
Muller, 2016, chapters 3 and 11).

1. Range reduction.  n is the integer nearest to x log2(e), and r = x - n ln 2, so that
   |r| <= ln(2) / 2.  Adding and subtracting the number 1.5 * 2**(p-1) (p is the precision:
   24 or 53 bits) rounds to an integer.  ln 2 is held in two parts.  The high part has so few
   bits that n times it is exact, and the low part carries the rest.
2. Polynomial.  exp(r) = 1 + r + r**2 (c2 + c3 r + ... + cd r**(d-2)).  The first two
   coefficients stay exactly 1, so that exp(0) = 1.  The others make the largest relative
   error smallest: the exchange algorithm of Remez finds them.
3. Scaling.  exp(x) = 2**n exp(r), with 2**n written into the exponent bits.  The kernel
   writes 2**(n+64): its results are then normal numbers even where exp(x) is not, and the
   division that follows rounds once.

The coefficients are rounded to the type.  That spoils the minimax property a little: the
script prints the error of the rounded polynomial, which is what counts.

**With a table** (Tang, 1989).  Where a processor picks numbers out of a register by their place,
k is the integer nearest to 16 x log2(e), and |r| <= ln(2) / 32 is so small that a polynomial of
degree 3 does.  2**(k/16) is the entry of a table at the last four bits of k, with the other bits
added to its exponent.  The entries are rounded, and an entry that is half a unit off would cost
half a unit.  So the table holds 2**((j + offset) / 16), with an offset for which all sixteen
happen to lie near numbers of the type, and the polynomial makes up for the offset.  It gives
q = exp(r) / 2**(offset/16) - 1, and the result is T + T q, rounded once.

    python -m tools.exp_coefficients

prints the constants as Python source and the error of the emulated arithmetic.

References
----------
Cody, W. J. and Waite, W. (1980). *Software Manual for the Elementary Functions.*
Prentice-Hall.
Remez, E. (1934). "Sur la determination des polynomes d'approximation de degre donnee."
*Comm. Soc. Math. Kharkov* 10.
Muller, J.-M. (2016). *Elementary Functions: Algorithms and Implementation*, 3rd ed.
Birkhauser.
Tang, P. T. P. (1989). "Table-driven implementation of the exponential function in IEEE
floating-point arithmetic." *ACM Transactions on Mathematical Software* 15(2).
"""

from dataclasses import dataclass

import mpmath
import numpy as np

# The rounding of x log2(e) may choose the neighbor of the nearest integer when x is near a
# midpoint.  The fit covers that with a range a shade wider than ln(2) / 2.
RANGE_SLACK = 1e-4


@dataclass(frozen=True)
class Format:
    """A floating type as the derivation sees it."""

    dtype: type
    precision: int  # bits of the significand
    exponent_bits: int  # bits of the largest |n|: the high part of ln 2 leaves them free
    degree: int  # degree of the polynomial
    wider: type  # the type in which a fused multiply-add is emulated

    @property
    def suffix(self):
        return str(np.dtype(self.dtype).itemsize * 8)


FLOAT32 = Format(np.float32, 24, 8, 6, np.float64)
FLOAT64 = Format(np.float64, 53, 11, 11, np.longdouble)
ENTRIES = 16  # of the table for float32: a register of 512 bits
TABLE32 = Format(np.float32, 24, 8 + 4, 3, np.float64)


@dataclass(frozen=True)
class ExpConstants:
    """What the kernel needs, every number already rounded to the type."""

    magic: float
    log2e: float
    ln2_high: float
    ln2_low: float
    coefficients: tuple  # c0, c1, ..., cd


def round_to_bits(value, bits):
    """Round an mpmath number to the given number of significant bits."""
    mantissa, exponent = mpmath.frexp(value)
    return mpmath.ldexp(mpmath.nint(mpmath.ldexp(mantissa, bits)), exponent - bits)


@dataclass(frozen=True)
class TableConstants:
    """The same where a table is used; the coefficients are those of q."""

    magic: float
    log2e: float  # 16 log2(e), and ln 2 / 16 in two parts
    ln2_high: float
    ln2_low: float
    offset: float
    powers: tuple
    coefficients: tuple


def relative_error(coefficients, r):
    """Relative error of the polynomial at r, in the working precision of mpmath."""
    value = mpmath.fsum(c * r**k for k, c in enumerate(coefficients))
    return value / mpmath.exp(r) - 1


def remez(degree, half_width, fixed=2):
    """Minimax relative approximation of exp on [-half_width, half_width].

    The first ``fixed`` coefficients are 1.  Returns c0 to cd.  The exchange solves for
    coefficients whose error has the same size and alternating signs at as many points as there
    are unknowns and one more, moves the points to the extrema of that error, and repeats until
    all extrema are level.
    """
    unknowns = degree + 1 - fixed
    count = unknowns + 1
    known = [mpmath.mpf(1)] * fixed
    # An even number of steps would put a point on r = 0, where r**2 vanishes: hence the 0.3.
    points = [-half_width * mpmath.cos(mpmath.pi * (k + 0.3) / count) for k in range(count)]
    for _ in range(30):
        system = mpmath.matrix(count)
        target = mpmath.matrix(count, 1)
        for row, r in enumerate(points):
            for column in range(unknowns):
                system[row, column] = r ** (fixed + column) / mpmath.exp(r)
            system[row, unknowns] = (-1) ** row
            target[row] = -relative_error(known, r)
        coefficients = [*known, *mpmath.lu_solve(system, target)[:unknowns]]
        points, heights = alternating_extrema(coefficients, count, half_width)
        if max(heights) < min(heights) * (1 + mpmath.mpf("1e-3")):
            return coefficients
    raise ArithmeticError(f"the exchange did not settle; extrema are {heights}")


def alternating_extrema(coefficients, count, half_width):
    """The points of largest error, one for each run of one sign, and their heights."""
    runs = []  # [height, point] for each run of one sign
    previous_sign = 0
    for k in range(-1000, 1001):
        r = half_width * k / 1000
        error = relative_error(coefficients, r)
        sign = mpmath.sign(error)
        if sign not in (0, previous_sign):
            runs.append([mpmath.mpf(0), r])
            previous_sign = sign
        if abs(error) > runs[-1][0]:
            runs[-1] = [abs(error), r]
    if len(runs) != count:
        raise ArithmeticError(f"expected {count} alternations, found {len(runs)}")
    return [r for _, r in runs], [height for height, _ in runs]


def reduction(fmt, entries=1):
    """The constants that find n and r; n counts parts of which ``entries`` make ln 2."""
    part = mpmath.ln2() / entries
    high = round_to_bits(part, fmt.precision - fmt.exponent_bits)
    return {
        "magic": 1.5 * 2.0 ** (fmt.precision - 1),
        "log2e": float(round_to_bits(1 / part, fmt.precision)),
        "ln2_high": float(high),
        "ln2_low": float(round_to_bits(part - high, fmt.precision)),
    }


def rounded(coefficients, fmt):
    return tuple(float(round_to_bits(c, fmt.precision)) for c in coefficients)


def derive(fmt):
    """All constants of one type, without a table."""
    with mpmath.workprec(160):
        coefficients = remez(fmt.degree, mpmath.ln2() / 2 * (1 + RANGE_SLACK))
        return ExpConstants(**reduction(fmt), coefficients=rounded(coefficients, fmt))


def find_offset(steps=1 << 20):
    """The offset between -1/2 and 1/2 for which the worst entry of the table is best.

    The error of an entry counts in units of the smallest result that is made from it.  That
    of the first entry may be below 1, where the units are half as large.
    """
    smallest_unit = np.ldexp(1.0, -(FLOAT32.precision - 1) - (np.arange(ENTRIES) == 0))
    best, best_error = 0.0, np.inf
    for offsets in np.array_split(np.arange(steps) / steps - 0.5, 64):
        powers = np.exp2((np.arange(ENTRIES) + offsets[:, None]) / ENTRIES)
        errors = np.abs(powers.astype(np.float32) - powers) / smallest_unit
        worst = errors.max(axis=1)
        if worst.min() < best_error:
            best, best_error = float(offsets[worst.argmin()]), worst.min()
    return best


def derive_table():
    """All constants of float32 with a table."""
    offset = find_offset()
    with mpmath.workprec(160):
        part = mpmath.ln2() / ENTRIES
        made_up = mpmath.exp(-offset * part)  # what the entries are too large
        c0, *others = remez(TABLE32.degree, part / 2 * (1 + RANGE_SLACK), fixed=0)
        return TableConstants(
            **reduction(TABLE32, ENTRIES),
            offset=offset,
            powers=rounded([mpmath.exp((j + offset) * part) for j in range(ENTRIES)], TABLE32),
            coefficients=rounded([c0 * made_up - 1, *(c * made_up for c in others)], TABLE32),
        )


def approximation_error(constants):
    """Largest relative error of the rounded polynomial in exact arithmetic."""
    with mpmath.workprec(160):
        half_width = mpmath.ln2() / 2
        grid = [half_width * mpmath.mpf(k) / 1000 for k in range(-1000, 1001)]
        coefficients = [mpmath.mpf(c) for c in constants.coefficients]
        return float(max(abs(relative_error(coefficients, r)) for r in grid))


def emulate(x, constants, fmt, fused=True):
    """2**64 exp(x) by the kernel's arithmetic, in NumPy, for finite x <= 0.

    ``fused`` emulates a fused multiply-add by a wider type; otherwise the product and the sum
    are rounded one after the other, as on a processor that has no such instruction.
    """
    dtype = fmt.dtype
    x = np.asarray(x, dtype)

    def multiply_add(a, b, c):
        if fused:
            return (a.astype(fmt.wider) * b.astype(fmt.wider) + c).astype(dtype)
        return a * b + c

    magic = dtype(constants.magic)
    n = multiply_add(x, dtype(constants.log2e), magic) - magic
    r = multiply_add(n, dtype(-constants.ln2_high), x)
    r = multiply_add(n, dtype(-constants.ln2_low), r)
    result = np.full_like(r, constants.coefficients[-1])
    for coefficient in constants.coefficients[-2::-1]:
        result = multiply_add(result, r, dtype(coefficient))
    whole = n.astype(np.int32)
    if isinstance(constants, TableConstants):
        power = dtype(constants.powers)[whole % ENTRIES]
        result, whole = multiply_add(power, result, power), whole // ENTRIES
    return np.ldexp(result, whole + 64)


def error_in_ulp(computed, exact, fmt):
    """Distance from the exact value in units in the last place of the type.

    ``exact`` is in a wider type, and a normal number of this one.
    """
    _, exponent = np.frexp(exact)
    unit = np.ldexp(fmt.wider(1), exponent - fmt.precision)
    return np.abs(computed.astype(fmt.wider) - exact) / unit


def python_source(constants, fmt):
    """The constants as lines of Python."""
    name = f"np.float{fmt.suffix}"

    def line(label, value):
        return f"{label}_{fmt.suffix} = {name}({value!r})"

    lines = [
        line("MAGIC", constants.magic),
        line("LOG2E", constants.log2e),
        line("LN2_HIGH", constants.ln2_high),
        line("LN2_LOW", constants.ln2_low),
    ]
    lines += [line(f"EXP_C{k}", c) for k, c in enumerate(constants.coefficients) if k >= 2]
    return "\n".join(lines)


def table_source(constants):
    """The constants of the table as lines of Python."""
    named = {
        "TABLE_LOG2E": constants.log2e,
        "TABLE_LN2_HIGH": constants.ln2_high,
        "TABLE_LN2_LOW": constants.ln2_low,
    }
    named |= {f"TABLE_C{k}": c for k, c in enumerate(constants.coefficients)}
    lines = [f"{name} = np.float32({value!r})" for name, value in named.items()]
    return "\n".join([*lines, "TABLE_POWERS = (", *(f"    {p!r}," for p in constants.powers), ")"])


def print_errors(constants, fmt, x):
    """The largest error of the emulated arithmetic over x."""
    x = x.astype(fmt.dtype)
    exact = 2.0**64 * np.exp(x.astype(fmt.wider))
    for fused in (True, False):
        largest = error_in_ulp(emulate(x, constants, fmt, fused), exact, fmt).max()
        print(f"# emulated, {'with' if fused else 'without'} fused multiply-add:", end=" ")
        print(f"largest error {float(largest):.3f} ULP over {x.size} values")
    print()


def main():
    samples = {
        "32": np.linspace(-104, 0, 2_000_003),
        "64": np.linspace(-745, 0, 500_009),
    }
    for fmt in (FLOAT32, FLOAT64):
        constants = derive(fmt)
        print(f"# float{fmt.suffix}, degree {fmt.degree}, approximation error", end=" ")
        print(f"{approximation_error(constants) * 2.0**fmt.precision:.4f} * 2**-{fmt.precision}")
        print(python_source(constants, fmt))
        print_errors(constants, fmt, samples[fmt.suffix])
    constants = derive_table()
    print(f"# float32 with a table, degree {TABLE32.degree}, offset {constants.offset!r}")
    print(table_source(constants))
    print_errors(constants, TABLE32, samples["32"])


if __name__ == "__main__":
    main()
