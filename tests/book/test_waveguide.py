"""The modes of a guide, held to two other programs and to what they must fulfill."""

import numpy as np
import pytest

from smnn_book.waveguide import (
    CENTERS,
    RANGES,
    Waveguide,
    as_vectors,
    cell_of,
    normal_modes,
    pressure,
    replicas,
    sample_covariance,
    snapshots,
)

# 10 Hz in 5,000 m of water, 1,500 m/s over 2,000 m/s of twice the density, without losses: the
# first, second, third and last of 44 wavenumbers, and group speeds, in the tests of the package
# UnderwaterAcoustics.jl
DEEP = Waveguide(5000, 1500, 2000, 2.0, 0.0)
DEEP_WAVENUMBERS = {
    0: 0.04188332253060325,
    1: 0.04186958032482773,
    2: 0.04184666447436872,
    20: 0.03980933821300124,
    43: 0.03172822169111466,
}
DEEP_GROUP_SPEEDS = {0: 1499.8406693989984, 20: 1426.9117024670375}

# 50 Hz in 100 m, 1,500 m/s over 1,700 m/s of 1.5 times the density: what KRAKEN prints
SHALLOW = Waveguide(100, 1500, 1700, 1.5, 0.0)
KRAKEN_WAVENUMBERS = [0.2076486522, 0.2021046155, 0.1924505260]
KRAKEN_GROUP_SPEEDS = [1490.38, 1459.18, 1406.66]


def group_speeds(guide, frequency):
    step = 1e-3 * frequency
    low, high = (
        normal_modes(guide, f).horizontal.real for f in (frequency - step, frequency + step)
    )
    modes = len(normal_modes(guide, frequency).horizontal)
    return 4 * np.pi * step / (high[:modes] - low[:modes])


def test_wavenumbers_are_those_of_another_package():
    found = normal_modes(DEEP, 10.0).horizontal
    assert len(found) == 44
    np.testing.assert_allclose(
        found[list(DEEP_WAVENUMBERS)], list(DEEP_WAVENUMBERS.values()), rtol=1e-13
    )
    speeds = group_speeds(DEEP, 10.0)
    for mode, speed in DEEP_GROUP_SPEEDS.items():
        assert speeds[mode] == pytest.approx(speed, rel=1e-5)


def test_wavenumbers_are_those_that_kraken_prints():
    found = normal_modes(SHALLOW, 50.0).horizontal
    np.testing.assert_allclose(found.real, KRAKEN_WAVENUMBERS, rtol=0, atol=0.5001e-10)
    assert np.all(found.imag == 0)
    np.testing.assert_allclose(group_speeds(SHALLOW, 50.0), KRAKEN_GROUP_SPEEDS, rtol=1e-5)


@pytest.mark.parametrize("guide", [Waveguide(), SHALLOW])
def test_modes_are_orthonormal(guide):
    modes = normal_modes(guide, 300.0)
    largest = 2 * np.pi * 300 * np.sqrt(guide.water_speed**-2 - guide.bottom_speed**-2)
    decay = np.sqrt(largest**2 - modes.vertical**2)
    at_bottom = modes.amplitude * np.sin(modes.vertical * guide.depth)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    z = guide.depth * (nodes + 1) / 2
    inside = modes.amplitude[:, None] * np.sin(modes.vertical[:, None] * z)
    products = inside * weights @ inside.T * guide.depth / 2
    products += np.outer(at_bottom, at_bottom) / (decay[:, None] + decay) / guide.bottom_density
    np.testing.assert_allclose(products, np.eye(len(decay)), atol=1e-10)


def test_a_mode_goes_on_smoothly_below_the_bottom():
    guide = Waveguide()
    modes = normal_modes(guide, 300.0)
    largest = 2 * np.pi * 300 * np.sqrt(guide.water_speed**-2 - guide.bottom_speed**-2)
    decay = np.sqrt(largest**2 - modes.vertical**2)
    in_water = modes.vertical * np.cos(modes.vertical * guide.depth)  # slope per density
    in_bottom = -decay * np.sin(modes.vertical * guide.depth) / guide.bottom_density
    np.testing.assert_allclose(in_water, in_bottom, atol=1e-10)


def test_a_bottom_with_losses_takes_energy_and_a_hard_one_gives_the_modes_of_a_rigid_guide():
    assert np.all(normal_modes(Waveguide()).horizontal.imag > 0)
    rigid = normal_modes(Waveguide(bottom_density=1e9, attenuation=0.0)).vertical
    expected = (np.arange(1, len(rigid) + 1) - 0.5) * np.pi / 150
    np.testing.assert_allclose(rigid[:-1], expected[:-1], rtol=1e-6)


def test_pressure_is_the_sum_over_modes():
    guide, r, z = Waveguide(), 1234.0, 60.0
    total = 0
    for k, gamma, a in zip(*normal_modes(guide, 200.0), strict=True):
        total += a**2 * np.sin(gamma * 5) * np.sin(gamma * z) * np.exp(1j * k * r) / np.sqrt(k)
    total *= 1j * np.exp(-0.25j * np.pi) / np.sqrt(8 * np.pi * r)
    found = pressure(guide, [r], [z], frequency=200.0)
    np.testing.assert_allclose(found, [[total]], rtol=1e-12)


def test_sound_is_the_same_in_both_directions():
    there = pressure(Waveguide(), [800.0], [100.0], source=20.0)
    back = pressure(Waveguide(), [800.0], [20.0], source=100.0)
    np.testing.assert_allclose(there, back, rtol=1e-12)


def test_a_slow_bottom_and_a_shallow_guide_are_refused():
    with pytest.raises(ValueError, match="faster than the water"):
        normal_modes(Waveguide(bottom_speed=1500.0))
    with pytest.raises(ValueError, match="no mode is trapped"):
        normal_modes(Waveguide(), 2.0)


def test_the_covariance_forgets_phase_and_level():
    rng = np.random.default_rng(0)
    p = rng.normal(size=(3, 5, 4)) + 1j * rng.normal(size=(3, 5, 4))
    turned = 7 * np.exp(1j * rng.uniform(0, 6, size=(3, 5, 1))) * p
    expected = sum(np.outer(v, v.conj()) / np.vdot(v, v).real for v in p[1]) / 5
    np.testing.assert_allclose(sample_covariance(p)[1], expected, atol=1e-12)
    np.testing.assert_allclose(sample_covariance(turned), sample_covariance(p), atol=1e-12)
    assert not np.allclose(sample_covariance(p, normalized=False)[1], expected)


def test_vectors_have_the_products_of_their_matrices():
    rng = np.random.default_rng(1)
    d = replicas(Waveguide())
    p = snapshots(d[:20], 3, 0.0, rng)
    bartlett = np.einsum("kl,nlm,km->nk", d.conj(), sample_covariance(p), d).real
    vectors = as_vectors(sample_covariance(p)) @ as_vectors(d[:, :, None] * d.conj()[:, None]).T
    assert vectors.shape == (20, 138)
    np.testing.assert_allclose(vectors, bartlett, atol=1e-12)


def test_snapshots_have_the_ratio_of_signal_to_noise_that_is_asked_for():
    rng = np.random.default_rng(2)
    d = replicas(Waveguide(), [500.0, 2500.0])
    loud = snapshots(d, 40_000, 5.0, rng)
    noise = snapshots(d, 40_000, -300.0, rng)
    ratio = (np.mean(np.abs(loud) ** 2, axis=(1, 2)) - 1) / np.mean(np.abs(noise) ** 2)
    np.testing.assert_allclose(10 * np.log10(ratio), 5.0, atol=0.1)


def test_cells():
    assert len(CENTERS) == 138
    assert RANGES[-1] == 2860
    np.testing.assert_array_equal(cell_of(CENTERS), np.arange(138))
    np.testing.assert_array_equal(cell_of([100.0, 119.9, 120.0, 2860.0]), [0, 0, 1, 137])
