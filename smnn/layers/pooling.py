"""Pooling: one number for each window and channel of an image, the largest or the mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.types import Array, DType, Pullback, Random, Shape
from .base import Layer
from .windows import Windows, pair


class _Pooling(Layer):
    """Windows over images, and what is made of them in ``_pool(images, counts)``."""

    def __init__(
        self,
        pool_size: int | tuple[int, int] = 2,
        strides: int | tuple[int, int] | None = None,
        padding: str = "valid",
        *,
        input_shape: Shape | None = None,
    ) -> None:
        super().__init__(input_shape=input_shape)
        self.pool_size, self.strides, self.padding = pool_size, strides, padding
        size = pair(pool_size, "pool_size")
        apart = size if strides is None else pair(strides, "strides")
        self._windows = Windows(size, apart, padding)

    def build(self, input_shape: Shape, dtype: DType = "float64", rng: Random = None) -> Shape:
        return self._output_shape(tuple(input_shape))

    def _output_shape(self, shape):
        self._expect(len(shape) >= 3, "(…, height, width, channels)", shape)
        counts = self._windows.counts(shape[-3:-1])
        least = "×".join(map(str, self._windows.size))
        self._expect(all(counts), f"(…, height, width, channels) with at least {least}", shape)
        return (*shape[:-3], *counts, shape[-1])

    def _pool(self, images, counts):
        raise NotImplementedError

    def forward(self, x: Any, training: bool = False) -> tuple[Array, Pullback]:
        x = self._floats(x)
        shape = self._output_shape(x.shape)
        y, pull_back = self._pool(x.reshape(-1, *x.shape[-3:]), shape[-3:-1])

        def backward(dy):
            dy = np.asarray(dy).reshape(y.shape)
            dx = self._windows.without_padding(pull_back(dy), x.shape[-3:-1])
            return dx.reshape(x.shape), {}

        return y.reshape(shape), backward


class MaxPooling2D(_Pooling):
    r"""Take the largest number of every window, in each channel.

    .. math:: y_{nijc} = \max_{u,v} \, x_{n,\, i s + u,\, j s + v,\, c}

    The gradient goes to the largest number; of equal ones to the first, row by row.

    Parameters
    ----------
    pool_size : int or pair of int, default 2
    strides : int or pair of int, optional
        The pool size if not given, so that windows do not overlap.
    padding : {"valid", "same"}, default "valid"
        As for `Conv2D`; what is added never is the largest.
    input_shape : (height, width, channels), optional

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import MaxPooling2D
    >>> y, backward = MaxPooling2D().forward(np.arange(16.0).reshape(1, 4, 4, 1))
    >>> y[0, ..., 0]
    array([[ 5.,  7.],
           [13., 15.]])
    >>> backward(y)[0][0, ..., 0]
    array([[ 0.,  0.,  0.,  0.],
           [ 0.,  5.,  0.,  7.],
           [ 0.,  0.,  0.,  0.],
           [ 0., 13.,  0., 15.]])
    """

    def _pool(self, images, counts):
        padded = self._windows.padded(images, -np.inf)
        y = np.full((len(images), *counts, images.shape[-1]), -np.inf, images.dtype)
        for _, _, part in self._windows.parts(padded, counts):
            np.maximum(y, part, out=y)

        def pull_back(dy):
            dx = np.zeros(padded.shape, np.result_type(dy, y))
            free = np.ones(y.shape, bool)
            for (_, _, part), (_, _, place) in zip(
                self._windows.parts(padded, counts), self._windows.parts(dx, counts), strict=True
            ):
                chosen = free & ((part == y) | (part != part))  # a nan is the largest
                place += np.where(chosen, dy, dy.dtype.type(0))
                free &= ~chosen
            return dx

        return y, pull_back


class AveragePooling2D(_Pooling):
    r"""Take the mean of every window, in each channel.

    .. math:: y_{nijc} = \frac{1}{|W|} \sum_{(u,v) \in W} x_{n,\, i s + u,\, j s + v,\, c}

    Parameters
    ----------
    pool_size, strides, input_shape
        As for `MaxPooling2D`.
    padding : {"valid", "same"}, default "valid"
        As for `Conv2D`; what is added does not count in the mean.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import AveragePooling2D
    >>> AveragePooling2D()(np.arange(16.0).reshape(1, 4, 4, 1))[0, ..., 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """

    def _pool(self, images, counts):
        padded = self._windows.padded(images)
        y = np.zeros((len(images), *counts, images.shape[-1]), images.dtype)
        for _, _, part in self._windows.parts(padded, counts):
            y += part
        inside = self._windows.padded(np.ones((1, *images.shape[1:3], 1), images.dtype))
        size = np.zeros((1, *counts, 1), images.dtype)
        for _, _, part in self._windows.parts(inside, counts):
            size += part
        y /= size

        def pull_back(dy):
            dx = np.zeros(padded.shape, np.result_type(dy, y))
            share = dy / size
            for _, _, place in self._windows.parts(dx, counts):
                place += share
            return dx

        return y, pull_back
