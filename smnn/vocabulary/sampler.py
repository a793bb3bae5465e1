"""Draw classes by how often they occur, each draw in constant time."""

from __future__ import annotations

import math

import numpy as np

from .._core import validation as check
from .._core.types import Array, ArrayLike, Random, Shape
from ..functional.backend import kernels


class UnigramSampler:
    r"""Draw classes with probabilities proportional to a power of their counts.

    .. math:: q_c = \frac{n_c^{\,\alpha}}{\sum_j n_j^{\,\alpha}}

    A draw takes constant time, however many classes there are, by the alias method: V columns
    of equal width hold a class each and, above a threshold, a second one, so that one uniform
    number picks the column and the class in it.

    Parameters
    ----------
    counts : array_like, shape (V,)
        How often each class occurs, or its probability: numbers of at least 0, not all 0.
    power : float, default 0.75
        :math:`\alpha`, at least 0.  1 keeps the proportions, and 0 makes all classes that occur
        equally likely.  Below 1, rare classes are drawn more often than they occur; .75 is
        word2vec's.

    Attributes
    ----------
    probs : ndarray, shape (V,)
        :math:`q`.  A class with count 0 has probability 0 and is never drawn.

    Raises
    ------
    TypeError
        If the counts are not real numbers.
    ValueError
        If there is no count, one is negative, infinite or nan, or all are 0.

    References
    ----------
    A. J. Walker, "An Efficient Method for Generating Discrete Random Variables with General
    Distributions", 1977; M. D. Vose, "A Linear Algorithm for Generating Random Numbers with a
    Given Distribution", 1991.

    Examples
    --------
    >>> from smnn import UnigramSampler
    >>> noise = UnigramSampler([16, 1, 0])
    >>> noise.probs.round(3)
    array([0.889, 0.111, 0.   ])
    >>> noise.sample((2, 4), rng=3).shape
    (2, 4)
    """

    def __init__(self, counts: ArrayLike, power: float = 0.75) -> None:
        counts = class_counts(counts).astype(np.float64)
        self.power = check.not_negative(power, "power")
        # Over the largest first: a power of it alone may overflow.
        weights = np.where(counts > 0, (counts / counts.max()) ** self.power, 0)
        self.probs: Array = weights / weights.sum()
        self.probs.flags.writeable = False
        self._threshold, self._choices = alias_table(self.probs)

    def __repr__(self) -> str:
        return f"UnigramSampler({len(self.probs)} classes, power={self.power:g})"

    def sample(self, size: int | Shape, rng: Random = None) -> Array:
        """Return independent draws.

        Parameters
        ----------
        size : int or tuple of int
            The shape of the result.
        rng : None, int or Generator

        Returns
        -------
        ndarray of int64
            Classes from 0 to V − 1.
        """
        shape = size if isinstance(size, tuple) else (size,)
        shape = tuple(check.integer(length, "size") for length in shape)
        if min(shape, default=0) < 0:
            raise ValueError(f"size must hold lengths of at least 0, got {size}")
        u = check.generator(rng).random(math.prod(shape))
        draws = np.empty(len(u), np.int64)
        kernels.draw_alias(u, self._threshold, self._choices, draws)
        return draws.reshape(shape)


def class_counts(counts):
    """Return counts as a vector of finite numbers of at least 0, not all of them 0."""
    counts = check.float_array(counts, "counts")
    if counts.ndim != 1 or not counts.size:
        raise ValueError(f"counts must hold one number per class, got shape {counts.shape}")
    wrong = ~((counts >= 0) & (counts < np.inf))
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(
            f"counts must be at least 0 and finite, got {counts[place]} for class {place}"
        )
    if not counts.any():
        raise ValueError("counts must not all be 0: no class would ever occur")
    return counts


def alias_table(probs):
    """Return the thresholds of the columns, and the two classes in each (Vose's algorithm).

    The second class is drawn below the threshold, and the first above.  Each column is as wide as
    an average class.  A class that is narrower fills its column up with a part of one that is
    wider, which then has that much less to place.
    """
    classes = len(probs)
    widths = (probs * classes).tolist()
    threshold, alias = [1.0] * classes, list(range(classes))
    narrow = [c for c, width in enumerate(widths) if width < 1]
    wide = [c for c, width in enumerate(widths) if width >= 1]
    while narrow and wide:
        low, high = narrow.pop(), wide[-1]
        threshold[low], alias[low] = widths[low], high
        widths[high] -= 1 - widths[low]
        if widths[high] < 1:
            narrow.append(wide.pop())
    # What is left is 1 wide but for rounding.  Only a class of probability 0 may not stay.
    for c in narrow:
        if probs[c] == 0:
            threshold[c], alias[c] = 0.0, int(probs.argmax())
    return np.array(threshold), np.column_stack([alias, np.arange(classes)])
