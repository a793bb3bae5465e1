"""Shapes to learn, drawn with a generator: spirals, blobs, moons and exclusive or.

Each has two features, so that it can be drawn, and a formula, so that you know what is
there to be found.  The classes come one after the other; training shuffles them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._core.validation import float_array, generator, not_negative, positive_integer
from .dataset import Dataset


def make_spirals(
    n_per_class: int = 100, n_classes: int = 3, *, noise: float = 0.2, rng: Any = None
) -> Dataset:
    r"""Return spiral arms that no straight line can separate, as in the Stanford course CS231n.

    Along arm k the radius r grows from 0 to 1 while the angle t turns from 4k to
    4(k + 1) radians; the angle is disturbed:

    .. math:: x = (r \sin t, \; r \cos t), \qquad t = 4(k + r) + \text{noise} \cdot \epsilon

    Parameters
    ----------
    n_per_class : int
        Points along each arm.
    n_classes : int
        Number of arms.
    noise : float
        Standard deviation of the angle, in radians.
    rng : None, int or numpy.random.Generator

    Returns
    -------
    Dataset
        ``x`` has shape (n_per_class * n_classes, 2).

    References
    ----------
    CS231n, Stanford University, "Putting it together: minimal neural network case study".

    Examples
    --------
    >>> from smnn import make_spirals
    >>> x, y = make_spirals(rng=0)
    >>> x.shape, y[[0, 100, 200]]
    ((300, 2), array([0, 1, 2]))
    """
    y = _labels(n_per_class, n_classes)
    radius = np.tile(np.linspace(0, 1, n_per_class), n_classes)
    angle = 4 * (y + radius) + _noise(noise, "noise", rng, y.shape)
    return _in_the_plane(radius * np.sin(angle), radius * np.cos(angle), y)


def make_blobs(
    n_per_class: int = 100, centers: ArrayLike = 3, *, spread: float = 1.0, rng: Any = None
) -> Dataset:
    """Return round clouds, one per class: the case that softmax regression is made for.

    Parameters
    ----------
    n_per_class : int
        Points in each cloud.
    centers : int or array_like, shape (K, D)
        The centers of the clouds.  A number K puts them at equal steps around a circle of
        radius 4, in the plane.
    spread : float
        Standard deviation of each coordinate.
    rng : None, int or numpy.random.Generator

    Returns
    -------
    Dataset
        ``x`` has shape (n_per_class * K, D).

    Examples
    --------
    >>> from smnn import make_blobs
    >>> x, y = make_blobs(50, [[0, 0], [3, 3]], rng=0)
    >>> x.shape, y[[0, 50]]
    ((100, 2), array([0, 1]))
    """
    if np.ndim(centers) == 0:
        n_classes = positive_integer(centers, "centers")
        angle = 2 * np.pi * np.arange(n_classes) / n_classes
        centers = 4 * np.column_stack([np.cos(angle), np.sin(angle)])
    middles = float_array(centers, "centers").astype(float, copy=False)
    if middles.ndim != 2 or not middles.size:
        raise ValueError(f"centers must be a number or have shape (K, D), got {middles.shape}")
    y = _labels(n_per_class, len(middles))
    x = middles[y] + _noise(spread, "spread", rng, (len(y), middles.shape[1]))
    return Dataset(x, y, _feature_names(x.shape[1]), _class_names(y))


def make_moons(n_per_class: int = 100, *, noise: float = 0.1, rng: Any = None) -> Dataset:
    """Return two half moons that reach into each other.

    Parameters
    ----------
    n_per_class : int
        Points along each moon.
    noise : float
        Standard deviation of each coordinate around the moon's line.
    rng : None, int or numpy.random.Generator

    Returns
    -------
    Dataset
        ``x`` has shape (2 * n_per_class, 2).

    Examples
    --------
    >>> from smnn import make_moons
    >>> x, y = make_moons(2, noise=0)
    >>> x.round(1) + 0.0
    array([[ 1. ,  0. ],
           [-1. ,  0. ],
           [ 0. ,  0.5],
           [ 2. ,  0.5]])
    """
    y = _labels(n_per_class, 2)
    angle = np.tile(np.linspace(0, np.pi, n_per_class), 2)
    disturbance = _noise(noise, "noise", rng, (len(y), 2))
    upper = y == 0
    first = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    second = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return _in_the_plane(first + disturbance[:, 0], second + disturbance[:, 1], y)


def make_xor(n_per_corner: int = 1, *, noise: float = 0.0, rng: Any = None) -> Dataset:
    """Return exclusive or: class 1 where exactly one of two inputs is on.

    Parameters
    ----------
    n_per_corner : int
        Points at each of the four corners.  With 1 and no noise this is the truth table.
    noise : float
        Standard deviation of each coordinate around its corner.
    rng : None, int or numpy.random.Generator

    Returns
    -------
    Dataset
        ``x`` has shape (4 * n_per_corner, 2).

    Examples
    --------
    >>> from smnn import make_xor
    >>> x, y = make_xor()
    >>> x
    array([[0., 0.],
           [0., 1.],
           [1., 0.],
           [1., 1.]])
    >>> y
    array([0, 1, 1, 0])
    """
    corner = _labels(n_per_corner, 4)
    first, second = corner // 2, corner % 2
    disturbance = _noise(noise, "noise", rng, (len(corner), 2))
    return _in_the_plane(first + disturbance[:, 0], second + disturbance[:, 1], first ^ second)


def _labels(n_per_class, n_classes):
    n_per_class = positive_integer(n_per_class, "the number of points in each class")
    return np.repeat(np.arange(positive_integer(n_classes, "the number of classes")), n_per_class)


def _noise(deviation, name, rng, shape):
    return not_negative(deviation, name) * generator(rng).standard_normal(shape)


def _in_the_plane(first, second, y):
    return Dataset(np.column_stack([first, second]), y, _feature_names(2), _class_names(y))


def _feature_names(n_features):
    return tuple(f"x{i + 1}" for i in range(n_features))


def _class_names(y):
    return tuple(str(k) for k in range(y.max() + 1))
