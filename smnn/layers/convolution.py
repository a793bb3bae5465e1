r"""Convolution and its transpose: one small set of weights for every place of an image.

A convolution multiplies each window of an image with the same weights W:

.. math:: y_{nijf} = b_f + \sum_{u,v,c} x_{n,\, i s + u,\, j s + v,\, c} \, W_{uvcf}

It is linear in the image, and its pullback adds each dy, times the same weights, to the window
that it came from.  That pullback, taken for itself, is the transposed convolution, which makes
images larger.  Both are products of matrices: the windows, written one below the other, times
the weights.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.rows import contiguous
from .._core.types import Array, DType, Random, Shape
from .._core.validation import positive_integer
from ..functional.backend import kernels
from .affine import Affine
from .windows import Windows, pair

_WINDOW_BYTES = 1 << 20  # the windows of a few images, which stay in the L2 cache


class _Convolution(Affine):
    """Filters for windows of one size: what a convolution and its transpose are made of."""

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        activation: Any = None,
        *,
        strides: int | tuple[int, int] = 1,
        padding: str = "valid",
        input_shape: Shape | None = None,
        use_bias: bool = True,
        init: str | Callable[..., Array] = "auto",
        rng: Random = None,
    ) -> None:
        super().__init__(activation, input_shape=input_shape, use_bias=use_bias, init=init, rng=rng)
        self.filters = positive_integer(filters, "filters")
        self.kernel_size, self.strides, self.padding = kernel_size, strides, padding
        self._windows = Windows(pair(kernel_size, "kernel_size"), pair(strides, "strides"), padding)


class Conv2D(_Convolution):
    r"""Multiply every window of an image with the same weights, then an activation.

    .. math:: y_{nijf} = b_f + \sum_{u,v,c} x_{n,\, i s + u,\, j s + v,\, c} \, W_{uvcf}

    As everywhere in this field the kernel is not turned over, so this is what mathematics
    calls a cross-correlation.

    Parameters
    ----------
    filters : int
        How many channels come out.
    kernel_size : int or pair of int
        Height and width of a window.
    activation : str, callable or Activation, optional
        What `Activation` takes, or one such layer.
    strides : int or pair of int, default 1
        How far apart windows lie.
    padding : {"valid", "same"}, default "valid"
        ``"valid"`` takes the windows that lie in the image whole, ⌊(n − k)/s⌋ + 1 of them
        along an axis.  ``"same"`` adds zeros around it until there are ⌈n/s⌉.
    input_shape : (height, width, channels), optional
    use_bias : bool
    init : str or callable
        See `get_initializer`; ``"auto"`` follows the activation.
    rng : None, int or Generator

    Attributes
    ----------
    params : dict
        ``"W"`` of shape (height, width, channels, filters) of the kernel, and ``"b"`` of shape
        (filters,).

    References
    ----------
    Y. LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import Conv2D
    >>> layer = Conv2D(6, 5, "tanh")
    >>> layer(np.zeros((2, 32, 32, 1))).shape
    (2, 28, 28, 6)
    >>> sum(value.size for value in layer.params.values())
    156
    """

    def build(self, input_shape: Shape, dtype: DType = "float64", rng: Random = None) -> Shape:
        shape = tuple(input_shape)
        self._expect(len(shape) >= 3, "(height, width, channels)", shape)
        self._make_params((*self._windows.size, shape[-1], self.filters), self.filters, dtype, rng)
        return self._output_shape(shape, self.params["W"])

    def _output_shape(self, shape, W):
        channels = W.shape[2]
        self._expect(
            len(shape) >= 3 and shape[-1] == channels, f"(…, height, width, {channels})", shape
        )
        counts = self._windows.counts(shape[-3:-1])
        least = "×".join(map(str, self._windows.size))
        self._expect(all(counts), f"(…, height, width, {channels}) with at least {least}", shape)
        return (*shape[:-3], *counts, self.filters)

    def _apply(self, x, W):
        y = convolve(x.reshape(-1, *x.shape[-3:]), W, self._windows)
        return y.reshape(*x.shape[:-3], *y.shape[1:])

    def _pull_back(self, dz, x, W):
        images, dz = x.reshape(-1, *x.shape[-3:]), dz.reshape(-1, *dz.shape[-3:])
        dW = weight_gradient(dz, images, self._windows)
        if W is None:
            return None, dW
        return spread(dz, W, images.shape[1:3], self._windows).reshape(x.shape), dW


class Conv2DTranspose(_Convolution):
    r"""Add to every window of a larger image what one place gives: the pullback of `Conv2D`.

    .. math:: y_{n,\, i s + u,\, j s + v,\, f} \mathrel{+}= \sum_{c} x_{nijc} \, W_{uvfc}

    Parameters
    ----------
    filters, kernel_size, activation, strides, input_shape, use_bias, init, rng
        As for `Conv2D`.
    padding : {"valid", "same"}, default "valid"
        An axis of length n becomes one of length n·s + max(k − s, 0), or with ``"same"`` n·s, as
        in Keras: a length from which a convolution with the same options makes n.

    Attributes
    ----------
    params : dict
        ``"W"`` of shape (height, width, filters, channels), as in Keras: the weights of the
        convolution that it is the pullback of.  And ``"b"`` of shape (filters,).

    References
    ----------
    M. Zeiler, D. Krishnan, G. Taylor and R. Fergus, "Deconvolutional Networks", 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import Conv2DTranspose
    >>> layer = Conv2DTranspose(1, 3, strides=2, padding="same")
    >>> layer(np.zeros((2, 7, 7, 4))).shape
    (2, 14, 14, 1)
    """

    def build(self, input_shape: Shape, dtype: DType = "float64", rng: Random = None) -> Shape:
        shape = tuple(input_shape)
        self._expect(len(shape) >= 3, "(height, width, channels)", shape)
        if not self.params:
            # An initializer takes the inputs before the outputs; here the outputs come first.
            self._make_params(
                (*self._windows.size, shape[-1], self.filters), self.filters, dtype, rng
            )
            self.params["W"] = np.ascontiguousarray(np.swapaxes(self.params["W"], 2, 3))
        return self._output_shape(shape, self.params["W"])

    def _output_shape(self, shape, W):
        channels = W.shape[3]
        self._expect(
            len(shape) >= 3 and shape[-1] == channels and min(shape[-3:-1]) > 0,
            f"(…, height, width, {channels})",
            shape,
        )
        return (*shape[:-3], *self._size(shape[-3:-1]), self.filters)

    def _size(self, counts):
        """Return the height and width of the images whose windows these are."""
        triples = zip(counts, self._windows.size, self._windows.strides, strict=True)
        if self.padding == "same":
            return tuple(n * stride for n, _, stride in triples)
        return tuple(n * stride + max(size - stride, 0) for n, size, stride in triples)

    def _apply(self, x, W):
        images = x.reshape(-1, *x.shape[-3:])
        y = spread(images, W, self._size(x.shape[-3:-1]), self._windows)
        return y.reshape(*x.shape[:-3], *y.shape[1:])

    def _pull_back(self, dz, x, W):
        images, dz = x.reshape(-1, *x.shape[-3:]), dz.reshape(-1, *dz.shape[-3:])
        dW = weight_gradient(images, dz, self._windows)
        return None if W is None else convolve(dz, W, self._windows).reshape(x.shape), dW


def _with_float32(function):
    """Let a function of two arrays compute float16 in float32, as kernels do."""

    @functools.wraps(function)
    def call(a, b, *rest):
        if np.float16 not in (a.dtype, b.dtype):
            return function(a, b, *rest)
        wide = [x.astype(np.float32) if x.dtype == np.float16 else x for x in (a, b)]
        return function(*wide, *rest).astype(np.result_type(a, b), copy=False)

    return call


@_with_float32
def convolve(x, W, windows):
    """Return the convolution of images (N, height, width, C) with W (kernel, C, F)."""
    counts = windows.counts(x.shape[1:3])
    y = np.empty((len(x), *counts, W.shape[-1]), np.result_type(x, W))
    flat = W.reshape(-1, W.shape[-1])
    for some, rows in _window_blocks(windows.padded(x), counts, windows):
        np.matmul(rows, flat, out=y[some].reshape(-1, W.shape[-1]))
    return y


@_with_float32
def weight_gradient(dy, x, windows):
    """Return the gradient of `convolve` with respect to W."""
    counts, filters = dy.shape[1:3], dy.shape[-1]
    total = np.zeros((*windows.size, x.shape[-1], filters), np.result_type(dy, x))
    flat = total.reshape(-1, filters)
    for some, rows in _window_blocks(windows.padded(x), counts, windows):
        flat += rows.T @ dy[some].reshape(-1, filters)
    return total


@_with_float32
def spread(dy, W, shape, windows):
    """Return the gradient of `convolve` with respect to images of this height and width."""
    counts, filters = dy.shape[1:3], dy.shape[-1]
    margins = windows.margins(shape)
    size = tuple(n + sum(margin) for n, margin in zip(shape, margins, strict=True))
    padded = np.zeros((len(dy), *size, W.shape[2]), np.result_type(dy, W))
    flat = W.reshape(-1, filters).T.astype(padded.dtype, order="C", copy=False)
    for some, rows in _row_blocks(padded, counts, windows):
        np.matmul(dy[some].reshape(-1, filters), flat, out=rows.reshape(-1, flat.shape[1]))
        kernels.rows_to_windows(rows, *windows.strides, padded[some], 0, len(rows))
    return np.ascontiguousarray(windows.without_padding(padded, shape))


def _row_blocks(padded, counts, windows):
    """Yield slices of images, and memory for their windows that stays in a cache."""
    width = windows.size[1] * padded.shape[-1]
    of_image = (*counts, windows.size[0], width)
    size = max(1, _WINDOW_BYTES // max(1, math.prod(of_image) * padded.itemsize))
    memory = np.empty((min(size, len(padded)), *of_image), padded.dtype)
    for start in range(0, len(padded), size):
        some = slice(start, min(start + size, len(padded)))
        yield some, memory[: some.stop - start]


def _window_blocks(padded, counts, windows):
    """Yield slices of images and their windows, one in each row."""
    padded = contiguous(padded, padded.dtype)
    for some, rows in _row_blocks(padded, counts, windows):
        kernels.windows_to_rows(padded[some], *windows.strides, rows, 0, len(rows))
        yield some, rows.reshape(-1, rows.shape[3] * rows.shape[4])
