"""Canvases of digits: what lies where, and that no image is in two parts."""

import numpy as np
import pytest

from smnn_book.canvases import LEAST_INK, SmallDigits


@pytest.fixture(scope="module")
def digits():
    return SmallDigits(3)


def test_the_parts_share_no_image_and_lose_none(digits):
    places = [np.arange(1500)[part] for part in digits.parts.values()]
    np.testing.assert_array_equal(np.concatenate(places), np.arange(1500))
    assert [len(part) for part in places] == [1050, 150, 300]


def test_pixels_of_a_digit_are_those_with_its_ink(digits):
    canvases, classes = digits.draw("test", 20, per_canvas=1, noise=0, rng=1)
    np.testing.assert_array_equal(classes > 0, canvases[..., 0] > LEAST_INK)
    of_canvas = [np.unique(c[c > 0]) for c in classes]
    assert all(len(found) == 1 for found in of_canvas)
    ink = canvases.sum(axis=(1, 2, 3))
    part = digits.parts["test"]
    whole = digits.images[part].sum(axis=(1, 2))
    for found, total in zip(of_canvas, ink, strict=True):
        nearest = np.abs(whole - total).argmin()
        assert whole[nearest] == pytest.approx(total)
        assert digits.labels[part][nearest] == found[0] - 1


def test_the_digit_that_comes_last_owns_the_overlap(digits):
    canvases, classes = digits.draw("train", 10, size=14, per_canvas=9, noise=0, rng=2)
    inked = classes > 0
    np.testing.assert_array_equal(inked, canvases[..., 0] > LEAST_INK)
    assert max(len(np.unique(c)) for c in classes) == 4


def test_noise_is_all_that_an_empty_canvas_has(digits):
    canvases, classes = digits.draw("train", 50, per_canvas=0, noise=0.2, rng=3)
    assert not classes.any()
    assert canvases.std() == pytest.approx(0.2, rel=0.02)
