"""Datasets: shapes, ranges, names, known facts, and what is refused."""

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


def test_without_scikit_learn_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r'load_iris needs scikit-learn: pip install "smnn\[data'):
        smnn.load_iris()
