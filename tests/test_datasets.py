"""Data sets: shapes, ranges, names, known facts, and what is refused."""

import sys

import numpy as np
import pytest

import smnn
from smnn import datasets


@pytest.mark.parametrize(
    ("load", "shape", "counts"),
    [
        (datasets.load_digits, (1797, 64), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]),
        (datasets.load_iris, (150, 4), [50, 50, 50]),
        (datasets.load_wine, (178, 13), [59, 71, 48]),
        (datasets.load_breast_cancer, (569, 30), [212, 357]),
    ],
)
def test_real_sets_have_their_published_shape_and_counts(load, shape, counts):
    data = load()
    assert data.x.shape == shape
    assert data.x.dtype == np.float64
    assert np.bincount(data.y).tolist() == counts
    assert len(data.feature_names) == shape[1]
    assert len(data.class_names) == len(counts)
    assert all(type(name) is str for name in data.feature_names + data.class_names)


def test_digits_are_scaled_to_one():
    x = smnn.load_digits().x
    assert x.min() == 0 and x.max() == 1
    assert np.array_equal(x * 16, np.round(x * 16))


def test_unpacks_into_its_arrays():
    data = smnn.load_iris()
    x, y = data
    assert x is data.x and y is data.y


def test_repr_is_one_short_line():
    assert repr(smnn.make_xor()) == "Dataset(x: (4, 2) float64, y: (4,), classes: 0, 1)"


def test_split_parts_the_rows_and_keeps_the_pairs():
    data = smnn.Dataset(np.arange(10.0)[:, None], np.arange(10), ("n",), tuple("abcdefghij"))
    train, test = data.split(3, rng=0)
    assert len(train.x) == 7 and len(test.x) == 3
    assert sorted([*train.y, *test.y]) == list(range(10))
    for part in (train, test):
        assert np.array_equal(part.x[:, 0], part.y)
        assert part.class_names == data.class_names
    assert sorted(test.y) != [0, 1, 2], "split must shuffle"
    assert np.array_equal(data.split(3, rng=0)[1].y, test.y)


@pytest.mark.parametrize("n_test", [0, 4, 5, -1])
def test_split_refuses_an_empty_part(n_test):
    with pytest.raises(ValueError, match=rf"from 1 to 3 for 4 examples, got {n_test}"):
        smnn.make_xor().split(n_test)


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


def test_without_scikit_learn_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r'load_iris needs scikit-learn: pip install "smnn\[data'):
        smnn.load_iris()
