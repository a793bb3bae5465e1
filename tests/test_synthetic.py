"""Shapes: on their formulas, fixed by a seed, and what is refused."""

import numpy as np
import pytest

import smnn


def test_spirals_lie_on_the_formula():
    x, y = smnn.make_spirals(50, 4, noise=0)
    radius = np.hypot(*x.T)
    assert np.allclose(radius, np.tile(np.linspace(0, 1, 50), 4))
    angle = 4 * (y + radius)
    assert np.allclose(x, radius[:, None] * np.column_stack([np.sin(angle), np.cos(angle)]))


def test_spiral_noise_turns_and_keeps_the_radius():
    x, _ = smnn.make_spirals(rng=1)
    still, _ = smnn.make_spirals(noise=0)
    assert np.allclose(np.hypot(*x.T), np.hypot(*still.T))
    assert not np.allclose(x, still)


def test_blobs_stand_around_a_circle():
    x, y = smnn.make_blobs(5, 4, spread=0)
    assert np.allclose(x[y == 0], [4, 0])
    assert np.allclose(x[y == 1], [0, 4])


def test_blobs_take_centers_of_any_dimension_and_their_spread():
    centers = [[0, 0, 9], [5, 5, 5]]
    x, y = smnn.make_blobs(4000, centers, spread=0.5, rng=0)
    for k, center in enumerate(centers):
        assert np.allclose(x[y == k].mean(axis=0), center, atol=0.05)
        assert np.allclose(x[y == k].std(axis=0), 0.5, atol=0.03)


def test_moons_are_half_circles():
    x, y = smnn.make_moons(40, noise=0)
    assert np.allclose(np.hypot(*x[y == 0].T), 1)
    assert np.allclose(np.hypot(*(x[y == 1] - [1, 0.5]).T), 1)
    assert (x[y == 0, 1] >= -1e-12).all() and (x[y == 1, 1] <= 0.5 + 1e-12).all()


def test_xor_is_the_truth_table_and_its_noisy_copies():
    x, y = smnn.make_xor(25, noise=0.05, rng=0)
    corners = np.round(x).astype(int)
    assert np.array_equal(corners[:, 0] ^ corners[:, 1], y)
    assert len(x) == 100 and not np.array_equal(x, np.round(x))


@pytest.mark.parametrize("make", [smnn.make_spirals, smnn.make_blobs, smnn.make_moons])
def test_a_seed_fixes_the_data_and_a_generator_moves_on(make):
    assert np.array_equal(make(rng=3).x, make(rng=3).x)
    assert not np.array_equal(make(rng=3).x, make(rng=4).x)
    rng = np.random.default_rng(3)
    assert np.array_equal(make(rng=rng).x, make(rng=3).x)
    assert not np.array_equal(make(rng=rng).x, make(rng=3).x)


@pytest.mark.parametrize("make", [smnn.make_spirals, smnn.make_blobs, smnn.make_moons])
def test_counts_must_be_positive_whole_numbers(make):
    for n in (0, -3):
        with pytest.raises(ValueError, match=rf"must be at least 1, got {n}"):
            make(n)
    with pytest.raises(TypeError, match=r"must be an integer, got 2\.5"):
        make(2.5)


def test_blobs_refuse_centers_of_the_wrong_shape():
    with pytest.raises(ValueError, match=r"shape \(K, D\), got \(3,\)"):
        smnn.make_blobs(10, [1, 2, 3])
    with pytest.raises(ValueError, match="centers must be at least 1, got 0"):
        smnn.make_blobs(10, 0)
