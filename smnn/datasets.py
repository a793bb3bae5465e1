"""Data to learn from: real sets, small enough to come with scikit-learn.

Every loader returns a :class:`Dataset`: the examples ``x``, one a row, their class
indices ``y``, and the names of the features and the classes.  A dataset unpacks into
its two arrays: ``x, y = load_iris()``.

Pictures come as rows of pixels from 0 (empty) to 1 (full ink).  A row of the digits turns
back into a picture with ``x[0].reshape(8, 8)``.  Sets that are made, not measured, are in
``shapes.py``; MNIST, which has to be found and verified, is in ``mnist.py``.
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
