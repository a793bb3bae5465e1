"""Canvases: small handwritten digits on noise, with the class of every pixel."""

from functools import cache

import numpy as np

import smnn

#: The height and width of a digit, half of those of an MNIST image.
DIGIT = 14
#: A pixel with more ink than this belongs to its digit.
LEAST_INK = 0.3


class SmallDigits:
    """The images of `smnn.load_mnist_subset` at half their size, in three parts.

    Of the images, which are shuffled, 70% are for training, 10% for validation and 20% for the
    test.

    Parameters
    ----------
    classes : int
        Only the digits below this number are taken.

    Attributes
    ----------
    images : ndarray, shape (n, 14, 14)
        Ink from 0 to 1; each pixel is the mean of four.
    labels : ndarray of int, shape (n,)
    parts : dict of str to slice
        Where the images for ``"train"``, ``"validation"`` and ``"test"`` are.

    Examples
    --------
    >>> digits = SmallDigits(2)
    >>> digits.images.shape, np.bincount(digits.labels)
    ((1000, 14, 14), array([500, 500]))
    >>> canvases, classes = digits.draw("train", 3, size=20, rng=0)
    >>> canvases.shape, classes.shape, np.unique(classes)
    ((3, 20, 20, 1), (3, 20, 20), array([0, 1, 2]))
    """

    def __init__(self, classes=10):
        images, labels = _half_size()
        order = np.random.default_rng(0).permutation(len(labels))
        order = order[labels[order] < classes]
        self.images, self.labels = images[order], labels[order]
        first, second = (int(len(order) * share) for share in (0.7, 0.8))
        self.parts = {
            "train": slice(0, first),
            "validation": slice(first, second),
            "test": slice(second, len(order)),
        }

    def draw(self, part, count, *, size=24, per_canvas=2, noise=0.15, rng=None):
        """Return canvases and the class of each pixel.

        The digits lie anywhere on the canvas.  Where two overlap, the ink is the larger of both,
        and the class is that of the one that came last.

        Parameters
        ----------
        part : {"train", "validation", "test"}
        count : int
            How many canvases.
        size : int
            Their height and width, at least 14.
        per_canvas : int
            How many digits on each.
        noise : float
            The standard deviation of what is added to every pixel.
        rng : None, int or Generator

        Returns
        -------
        canvases : ndarray, shape (count, size, size, 1)
        classes : ndarray of int, shape (count, size, size)
            0 for the background, and 1 + d for the digit d.
        """
        rng = np.random.default_rng(rng)
        images, labels = self.images[self.parts[part]], self.labels[self.parts[part]]
        canvases = np.zeros((count, size, size))
        classes = np.zeros((count, size, size), int)
        for canvas, classes_of_canvas in zip(canvases, classes, strict=True):
            for chosen in rng.choice(len(images), per_canvas, replace=False):
                row, column = rng.integers(size - DIGIT + 1, size=2)
                place = np.s_[row : row + DIGIT, column : column + DIGIT]
                np.maximum(canvas[place], images[chosen], out=canvas[place])
                classes_of_canvas[place][images[chosen] > LEAST_INK] = 1 + labels[chosen]
        canvases += noise * rng.normal(size=canvases.shape)
        return canvases[..., None], classes


@cache
def _half_size():
    """Return the images at half their size, and their labels."""
    x, y = smnn.load_mnist_subset(dtype="float64")
    return x.reshape(-1, DIGIT, 2, DIGIT, 2).mean(axis=(2, 4)), y
