"""Data to learn from: real sets that are small, and shapes drawn with a generator.

Every loader returns a :class:`Dataset`: the examples ``x``, one a row, their class
indices ``y``, and the names of the features and the classes.  A data set unpacks into
its two arrays: ``x, y = load_iris()``.

Pictures come as rows of pixels from 0 (empty) to 1 (full ink).  A row of the digits turns
back into a picture with ``x[0].reshape(8, 8)``.  The made sets (spirals, blobs, moons,
xor) list one class after the other; training shuffles them.  MNIST has a file of its own,
because it has to be found, downloaded and verified.
"""

from dataclasses import dataclass

import numpy as np

from ._validation import generator, integer


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples with their classes; unpacks as ``x, y = dataset``.

    Parameters
    ----------
    x : ndarray, shape (N, D)
        The examples, one a row.
    y : ndarray of int, shape (N,)
        The class of each example, from 0 to K - 1.
    feature_names : tuple of str, length D
        What each column of ``x`` holds.
    class_names : tuple of str, length K
        What each class is called.

    Examples
    --------
    >>> from smnn import make_xor
    >>> data = make_xor()
    >>> data
    Dataset(x: (4, 2) float64, y: (4,), classes: 0, 1)
    >>> x, y = data
    >>> y
    array([0, 1, 1, 0])
    """

    x: np.ndarray
    y: np.ndarray
    feature_names: tuple
    class_names: tuple

    def __iter__(self):
        return iter((self.x, self.y))

    def __repr__(self):
        names = ", ".join(self.class_names)
        return f"Dataset(x: {self.x.shape} {self.x.dtype}, y: {self.y.shape}, classes: {names})"

    def split(self, n_test, *, rng=None):
        """Shuffle the examples and set some of them aside for the test.

        Parameters
        ----------
        n_test : int
            How many examples go into the test set, from 1 to N - 1.
        rng : None, int or numpy.random.Generator
            Where the shuffle comes from.

        Returns
        -------
        train, test : Dataset

        Examples
        --------
        >>> from smnn import load_iris
        >>> train, test = load_iris().split(30, rng=0)
        >>> train.x.shape, test.x.shape
        ((120, 4), (30, 4))
        """
        n, n_test = len(self.x), integer(n_test, "n_test")
        if not 1 <= n_test < n:
            raise ValueError(f"n_test must be from 1 to {n - 1} for {n} examples, got {n_test}")
        order = generator(rng).permutation(n)
        return self._rows(order[n_test:]), self._rows(order[:n_test])

    def _rows(self, index):
        return Dataset(self.x[index], self.y[index], self.feature_names, self.class_names)


# Real sets that come with scikit-learn


def load_digits():
    """Handwritten digits: 1,797 pictures of 8 x 8 pixels, ten classes.

    Returns
    -------
    Dataset
        ``x`` has shape (1797, 64) with pixels from 0 to 1.  The source counts ink from 0
        to 16; it is divided by 16 here.

    References
    ----------
    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, 1998.

    Examples
    --------
    >>> from smnn import load_digits
    >>> digits = load_digits()
    >>> digits.x.shape, float(digits.x.max()), digits.y[:5]
    ((1797, 64), 1.0, array([0, 1, 2, 3, 4]))
    """
    digits = _from_scikit_learn("load_digits")
    return Dataset(digits.x / 16, digits.y, digits.feature_names, digits.class_names)


def load_iris():
    """Fisher's iris: 150 flowers, four lengths in centimeters, three species.

    Returns
    -------
    Dataset
        ``x`` has shape (150, 4), as measured, with no scaling.

    References
    ----------
    R. A. Fisher, The use of multiple measurements in taxonomic problems, Annals of
    Eugenics 7, 1936.

    Examples
    --------
    >>> from smnn import load_iris
    >>> load_iris()
    Dataset(x: (150, 4) float64, y: (150,), classes: setosa, versicolor, virginica)
    """
    return _from_scikit_learn("load_iris")


def load_wine():
    """Wines of three growers: 178 bottles, thirteen chemical measurements.

    Returns
    -------
    Dataset
        ``x`` has shape (178, 13), as measured.  The columns differ in scale a thousandfold:
        standardize before you train.

    References
    ----------
    S. Aeberhard and M. Forina, Wine, UCI Machine Learning Repository, 1991.

    Examples
    --------
    >>> from smnn import load_wine
    >>> load_wine()
    Dataset(x: (178, 13) float64, y: (178,), classes: class_0, class_1, class_2)
    """
    return _from_scikit_learn("load_wine")


def load_breast_cancer():
    """Breast cancer Wisconsin: 569 tumors, thirty measurements, two classes.

    Returns
    -------
    Dataset
        ``x`` has shape (569, 30), as measured: standardize before you train.  Class 0 is
        malignant, class 1 is benign.

    References
    ----------
    W. Wolberg, O. Mangasarian, N. Street and W. Street, Breast Cancer Wisconsin
    (Diagnostic), UCI Machine Learning Repository, 1993.

    Examples
    --------
    >>> from smnn import load_breast_cancer
    >>> load_breast_cancer()
    Dataset(x: (569, 30) float64, y: (569,), classes: malignant, benign)
    """
    return _from_scikit_learn("load_breast_cancer")


def _from_scikit_learn(name):
    try:
        import sklearn.datasets
    except ImportError as error:
        raise ImportError(_needs("scikit-learn", name)) from error
    source = getattr(sklearn.datasets, name)()
    return Dataset(
        source.data,
        source.target,
        tuple(str(feature) for feature in source.feature_names),
        tuple(str(label) for label in source.target_names),
    )


def _needs(package, loader):
    return f"{loader} needs {package}: pip install \"smnn[data]\""


# Sets that are made here


def make_spirals(n_per_class=100, n_classes=3, *, noise=0.2, rng=None):
    r"""Spiral arms that no straight line can part, as in the Stanford course CS231n.

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
    angle = 4 * (y + radius) + noise * _normal(rng, y.shape)
    return _in_the_plane(radius * np.sin(angle), radius * np.cos(angle), y)


def make_blobs(n_per_class=100, centers=3, *, spread=1.0, rng=None):
    """Round clouds, one a class: the case that softmax regression is made for.

    Parameters
    ----------
    n_per_class : int
        Points in each cloud.
    centers : int or array_like, shape (K, D)
        The middles of the clouds.  A number K puts them at equal steps around a circle of
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
        angle = 2 * np.pi * np.arange(centers) / _at_least_one("centers", centers)
        centers = 4 * np.column_stack([np.cos(angle), np.sin(angle)])
    centers = np.asarray(centers, dtype=float)
    if centers.ndim != 2:
        raise ValueError(f"centers must be a number or have shape (K, D), got {centers.shape}")
    y = _labels(n_per_class, len(centers))
    x = centers[y] + spread * _normal(rng, (len(y), centers.shape[1]))
    return Dataset(x, y, _feature_names(x.shape[1]), _class_names(y))


def make_moons(n_per_class=100, *, noise=0.1, rng=None):
    """Two half moons that reach into each other.

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
    disturbance = noise * _normal(rng, (len(y), 2))
    upper = y == 0
    first = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    second = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return _in_the_plane(first + disturbance[:, 0], second + disturbance[:, 1], y)


def make_xor(n_per_corner=1, *, noise=0.0, rng=None):
    """Exclusive or: class 1 where exactly one of two inputs is on.

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
    disturbance = noise * _normal(rng, (len(corner), 2))
    return _in_the_plane(first + disturbance[:, 0], second + disturbance[:, 1], first ^ second)


def _labels(n_per_class, n_classes):
    _at_least_one("the number of points in each class", n_per_class)
    return np.repeat(np.arange(_at_least_one("the number of classes", n_classes)), n_per_class)


def _at_least_one(what, number):
    number = integer(number, what)
    if number < 1:
        raise ValueError(f"{what} must be at least 1, got {number}")
    return number


def _normal(rng, shape):
    return generator(rng).standard_normal(shape)


def _in_the_plane(first, second, y):
    return Dataset(np.column_stack([first, second]), y, _feature_names(2), _class_names(y))


def _feature_names(n_features):
    return tuple(f"x{i + 1}" for i in range(n_features))


def _class_names(y):
    return tuple(str(k) for k in range(y.max() + 1))
