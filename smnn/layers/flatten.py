"""Flatten: every example as one row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.types import Array, DType, Pullback, Random, Shape
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

    def build(self, input_shape: Shape, dtype: DType = "float64", rng: Random = None) -> Shape:
        return (math.prod(input_shape),)

    def forward(self, x: Any, training: bool = False) -> tuple[Array, Pullback]:
        x = np.asarray(x)
        y = x.reshape(len(x), math.prod(x.shape[1:]))
        return y, lambda dy: (dy.reshape(x.shape), {})
