"""A dataset: examples, their classes, and the names of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from .._core.validation import generator, integer


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples with their classes, which unpack as ``x, y = dataset``.

    Parameters
    ----------
    x : ndarray, shape (N, D)
        The examples, one per row.
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

    x: NDArray
    y: NDArray
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]

    def __iter__(self) -> Iterator[NDArray]:
        return iter((self.x, self.y))

    def __repr__(self) -> str:
        names = ", ".join(self.class_names)
        return f"Dataset(x: {self.x.shape} {self.x.dtype}, y: {self.y.shape}, classes: {names})"

    def split(self, n_test: int, *, rng: Any = None) -> tuple[Dataset, Dataset]:
        """Return the examples, shuffled, in two parts: to train on and to test with.

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
