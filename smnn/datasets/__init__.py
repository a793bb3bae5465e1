"""Data to learn from: real sets, small enough to come with scikit-learn.

Every loader returns a :class:`Dataset`: the examples ``x``, one a row, their class
indices ``y``, and the names of the features and the classes.  A dataset unpacks into
its two arrays: ``x, y = load_iris()``.

Pictures come as rows of pixels from 0 (empty) to 1 (full ink).  A row of the digits turns
back into a picture with ``x[0].reshape(8, 8)``.  Sets that are made, not measured, are in
``synthetic.py``; MNIST, which has to be found and verified, is in ``mnist.py``.
"""

from .dataset import Dataset
from .loaders import load_breast_cancer, load_digits, load_iris, load_wine
from .mnist import load_mnist, load_mnist_subset, read_idx
from .synthetic import make_blobs, make_moons, make_spirals, make_xor

__all__ = [
    "Dataset",
    "load_breast_cancer",
    "load_digits",
    "load_iris",
    "load_mnist",
    "load_mnist_subset",
    "load_wine",
    "make_blobs",
    "make_moons",
    "make_spirals",
    "make_xor",
    "read_idx",
]
