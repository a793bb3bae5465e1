"""Layer normalization: every row gets mean 0 and variance 1, then a scale and a shift."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.rows import compute_dtype
from .._core.types import Array, DType, Pullback, Random, Shape
from .._core.validation import positive
from .base import Layer


class LayerNorm(Layer):
    r"""Give every row mean 0 and variance 1, then scale and shift each feature.

    .. math:: y = γ ∘ \hat x + β, \qquad
              \hat x = \frac{x - \mu}{\sqrt{σ^2 + ε}}

    with mean μ and variance σ² of the row, over the last axis.

    Parameters
    ----------
    eps : float, default 1e-5
        ε, so that a row of equal numbers becomes β.
    input_shape : tuple of int, optional

    Attributes
    ----------
    params : dict
        ``"gamma"``, at first 1, and ``"beta"``, at first 0, both of shape (features,).

    References
    ----------
    J. Ba, J. Kiros and G. Hinton, "Layer Normalization", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import LayerNorm
    >>> LayerNorm()(np.array([[1.0, 2.0, 3.0]])).round(4)
    array([[-1.2247,  0.    ,  1.2247]])
    """

    def __init__(self, *, eps: float = 1e-5, input_shape: Shape | None = None) -> None:
        super().__init__(input_shape=input_shape)
        self.eps = positive(eps, "eps")

    def build(self, input_shape: Shape, dtype: DType = "float64", rng: Random = None) -> Shape:
        shape = tuple(input_shape)
        self._expect(len(shape) >= 1 and shape[-1] > 0, "(…, features)", shape)
        if not self.params:
            self.params["gamma"] = np.ones(shape[-1], dtype)
            self.params["beta"] = np.zeros(shape[-1], dtype)
        features = len(self.params["gamma"])
        self._expect(shape[-1] == features, f"(…, {features})", shape)
        return shape

    def forward(self, x: Any, training: bool = False) -> tuple[Array, Pullback]:
        x = self._floats(x)
        self.build(x.shape[1:], x.dtype)
        gamma, beta = self.params["gamma"].copy(), self.params["beta"]
        dtype = np.result_type(x, gamma)
        centered = x.astype(compute_dtype(dtype))
        centered -= centered.mean(axis=-1, keepdims=True)
        variance = np.einsum("...i,...i->...", centered, centered)[..., None] / x.shape[-1]
        factor = 1 / np.sqrt(variance + centered.dtype.type(self.eps))
        normal = np.multiply(centered, factor, out=centered)

        def backward(dy, input_gradient=True):
            dy = np.asarray(dy, normal.dtype)
            rows = dy.reshape(-1, len(gamma)), normal.reshape(-1, len(gamma))
            grads = {
                "gamma": np.einsum("ij,ij->j", *rows).astype(gamma.dtype),
                "beta": rows[0].sum(axis=0).astype(gamma.dtype),
            }
            if not input_gradient:
                return None, grads
            dx = dy * gamma
            mean = dx.mean(axis=-1, keepdims=True)
            share = np.einsum("...i,...i->...", dx, normal)[..., None] / len(gamma)
            dx -= mean
            dx -= share * normal
            dx *= factor
            return dx.astype(dtype, copy=False), grads

        return (normal * gamma + beta).astype(dtype, copy=False), backward
