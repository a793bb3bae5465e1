"""Sound in shallow water: normal modes of a guide, what an array of hydrophones receives, and where
the source may be.

The guide is that of Pekeris: water of one sound speed over a bottom of one, faster, sound speed.
Its pressure is a sum over a few modes, each of which moves along the guide with a wavenumber of its
own, so that their interference is a fingerprint of the range.  Depths, ranges and wavelengths are
in meters, wavenumbers in 1/m.
"""

from typing import NamedTuple

import numpy as np

RANGES = 100 + 20 * np.arange(139)  # the borders of 138 cells
CENTERS = (RANGES[1:] + RANGES[:-1]) / 2
HYDROPHONES = np.arange(125.0, 141.0)
SOURCE_DEPTH, FREQUENCY = 5.0, 300.0


class Waveguide(NamedTuple):
    """A layer of water over a bottom without end.

    The density of the bottom is relative to water; attenuation is in dB per wavelength in the
    bottom.
    """

    depth: float = 150.0
    water_speed: float = 1500.0
    bottom_speed: float = 1600.0
    bottom_density: float = 1.8
    attenuation: float = 0.2


class Modes(NamedTuple):
    """The trapped modes of a guide at one frequency, from the slowest vertical change on.

    ``horizontal`` has the wavenumbers along the guide, complex where the bottom takes energy;
    ``vertical`` those in the water across it; a mode is ``amplitude * sin(vertical * z)``.
    """

    horizontal: np.ndarray
    vertical: np.ndarray
    amplitude: np.ndarray


def normal_modes(guide, frequency=FREQUENCY):
    r"""Return the trapped modes of a guide.

    With the vertical wavenumbers γ in the water and iη in the bottom, pressure and vertical
    velocity are continuous at the bottom z = D where

    .. math:: F(γ) = η \sin γD + ρ γ \cos γD = 0, \qquad η = \sqrt{γ_{max}^2 - γ^2}.

    F has one sign at γD = (m − ½)π and the other at γD = mπ, or at γ_max where that is less, and
    one root in between, which bisection finds to the last bit.

    Parameters
    ----------
    guide : Waveguide
    frequency : float
        In Hz.

    Returns
    -------
    Modes
        Arrays of length M, the number of modes.

    Raises
    ------
    ValueError
        If the bottom is not faster than the water, or no mode is trapped.

    Examples
    --------
    >>> modes = normal_modes(Waveguide(), 300.0)
    >>> len(modes.horizontal)
    21
    >>> modes.horizontal[[0, -1]].real.round(4)
    array([1.2565, 1.1808])
    """
    omega = 2 * np.pi * frequency
    depth, density = guide.depth, guide.bottom_density
    in_water, in_bottom = omega / guide.water_speed, omega / guide.bottom_speed
    if not in_water > in_bottom:
        raise ValueError(
            f"the bottom must be faster than the water, got {guide.bottom_speed} m/s under"
            f" {guide.water_speed} m/s"
        )
    largest = np.sqrt(in_water**2 - in_bottom**2)
    number = np.arange(1, int(largest * depth / np.pi + 0.5) + 1)
    if number.size == 0:
        raise ValueError(f"no mode is trapped at {frequency} Hz in {depth} m of water")
    low, high = (number - 0.5) * np.pi / depth, np.minimum(number * np.pi / depth, largest)
    for _ in range(64):
        middle = (low + high) / 2
        decay = np.sqrt(largest**2 - middle**2)
        value = decay * np.sin(middle * depth) + density * middle * np.cos(middle * depth)
        is_below = value * (-1.0) ** number < 0
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    vertical = (low + high) / 2
    decay = np.sqrt(largest**2 - vertical**2)
    horizontal = np.sqrt(in_water**2 - vertical**2)
    at_bottom = np.sin(vertical * depth) ** 2 / (2 * decay * density)  # ∫ψ²/ρ below, per amplitude²
    inside = depth / 2 - np.sin(2 * vertical * depth) / (4 * vertical)
    amplitude = 1 / np.sqrt(inside + at_bottom)
    nepers = guide.attenuation * frequency / (20 / np.log(10) * guide.bottom_speed)
    loss = in_bottom / horizontal * nepers * amplitude**2 * at_bottom
    return Modes(horizontal + 1j * loss, vertical, amplitude)


def pressure(guide, ranges, depths=HYDROPHONES, *, source=SOURCE_DEPTH, frequency=FREQUENCY):
    r"""Return the pressure of a source of unit strength, far from it.

    .. math:: p(r, z) = \frac{i e^{-i\pi/4}}{\sqrt{8 \pi r}}
              \sum_m ψ_m(z_s)\, ψ_m(z) \frac{e^{i k_m r}}{\sqrt{k_m}}

    Parameters
    ----------
    guide : Waveguide
    ranges : array_like, shape (R,)
    depths : array_like, shape (L,)
        In the water.
    source : float
        The depth of the source.
    frequency : float
        In Hz.

    Returns
    -------
    ndarray of complex, shape (R, L)

    Examples
    --------
    >>> p = pressure(Waveguide(), [1000.0, 2000.0])
    >>> p.shape
    (2, 16)
    """
    modes = normal_modes(guide, frequency)
    ranges = np.asarray(ranges, dtype=np.float64)[:, None]
    weights = modes.amplitude**2 * np.sin(modes.vertical * source) / np.sqrt(modes.horizontal)
    along = weights * np.exp(1j * modes.horizontal * ranges)  # (R, M)
    across = np.sin(modes.vertical[:, None] * np.asarray(depths))  # (M, L)
    return 1j * np.exp(-0.25j * np.pi) / np.sqrt(8 * np.pi * ranges) * (along @ across)


def replicas(guide, ranges=CENTERS, **options):
    """Return the pressure of a source at each range, scaled to the norm 1, (R, L)."""
    p = pressure(guide, ranges, **options)
    return p / np.linalg.norm(p, axis=-1, keepdims=True)


def snapshots(directions, number, snr, rng):
    """Return what the hydrophones receive, with noise.

    A snapshot is a complex amplitude of the source, drawn anew with random phase and level, times
    its direction, plus noise that is independent at every hydrophone.  The noise has the
    variance 1, and the signal ``10**(snr/10)`` on the mean of all hydrophones.  So the signal to
    noise ratio is the same at all ranges, and none is known by its loudness.

    Parameters
    ----------
    directions : ndarray of complex, shape (N, L)
        With the norm 1.
    number : int
        Of snapshots of each.
    snr : float
        In dB.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of complex, shape (N, number, L)
    """
    n, length = directions.shape

    def gaussian(*shape):
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)

    level = np.sqrt(length * 10 ** (snr / 10))
    return level * gaussian(n, number, 1) * directions[:, None] + gaussian(n, number, length)


def sample_covariance(p, *, normalized=True):
    """Return the mean of p pᴴ over the snapshots, (..., S, L) to (..., L, L).

    A phase that all hydrophones share leaves it.  Each snapshot is first scaled to the norm 1,
    unless ``normalized`` is false.
    """
    if normalized:
        p = p / np.linalg.norm(p, axis=-1, keepdims=True)
    return np.swapaxes(p, -1, -2) @ p.conj() / p.shape[-2]


def as_vectors(matrices):
    """Return Hermitian matrices (..., L, L) as real vectors (..., L²) with the same products.

    The vector has the diagonal, and √2 times the real and the imaginary parts above it, so that
    the product of two vectors is the trace of the product of their matrices.

    Examples
    --------
    >>> as_vectors(np.array([[0.5, -0.5j], [0.5j, 0.5]])).round(4)
    array([ 0.5   ,  0.5   ,  0.    , -0.7071])
    """
    length = matrices.shape[-1]
    above = np.sqrt(2) * matrices[..., *np.triu_indices(length, 1)]
    diagonal = np.diagonal(matrices, axis1=-2, axis2=-1).real
    return np.concatenate([diagonal, above.real, above.imag], axis=-1)


def cell_of(ranges):
    """Return the class of each range: the number of its cell, from 0 to 137."""
    return np.digitize(ranges, RANGES[1:-1])


def draw(guide, n, number, snr, rng):
    """Return n sources at random ranges: their snapshots (n, number, L) and their ranges (n,)."""
    ranges = rng.uniform(RANGES[0], RANGES[-1], size=n)
    return snapshots(replicas(guide, ranges), number, snr, rng), ranges
