"""Flatten: every example as one row."""

import math

import numpy as np

from .base import Layer


class Flatten(Layer):
    """Lay every example out as one row.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import Flatten
    >>> Flatten()(np.zeros((2, 3, 4))).shape
    (2, 12)
    """

    def build(self, input_shape, dtype="float64", rng=None):
        return (math.prod(input_shape),)

    def forward(self, x, training=False):
        x = np.asarray(x)
        y = x.reshape(len(x), math.prod(x.shape[1:]))
        return y, lambda dy: (dy.reshape(x.shape), {})
