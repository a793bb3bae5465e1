"""The dense layer: every input is connected to every unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._core.types import Array, DType, Random, Shape
from .._core.validation import positive_integer
from .affine import Affine


class Dense(Affine):
    """Connect every input to every unit: Z = XW + b, then an activation.

    ::

        Z     (N, units) = X (N, D) W (D, units) + b (units,)
        dX    (N, D)     = dZ (N, units) Wᵀ (units, D)
        dW    (D, units) = Xᵀ (D, N) dZ (N, units)
        db    (units,)   = the rows of dZ, summed: every example used the same b

    Parameters
    ----------
    units : int
        How many outputs.
    activation : str, callable or Activation, optional
        What `Activation` takes, or one such layer.
    input_shape : tuple of int, optional
        The shape of one example.  The last axis is connected; others are kept.
    use_bias : bool
    init : str or callable
        See `get_initializer`; ``"auto"`` follows the activation.
    rng : None, int or Generator

    Attributes
    ----------
    params : dict
        ``"W"`` of shape (D, units), and ``"b"`` of shape (units,).

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import Dense
    >>> layer = Dense(2, input_shape=(3,), init="zeros")
    >>> layer.build((3,))
    (2,)
    >>> y, backward = layer.forward(np.ones((4, 3)))
    >>> dx, grads = backward(np.ones((4, 2)))
    >>> grads["b"]
    array([4., 4.])
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        *,
        input_shape: Shape | None = None,
        use_bias: bool = True,
        init: str | Callable[..., Array] = "auto",
        rng: Random = None,
    ) -> None:
        super().__init__(activation, input_shape=input_shape, use_bias=use_bias, init=init, rng=rng)
        self.units = positive_integer(units, "units")

    def build(self, input_shape: Shape, dtype: DType = "float64", rng: Random = None) -> Shape:
        self._expect(len(input_shape) > 0, "(…, features)", tuple(input_shape))
        self._make_params((input_shape[-1], self.units), self.units, dtype, rng)
        return self._output_shape(tuple(input_shape), self.params["W"])

    def _output_shape(self, shape, W):
        features = len(W)
        self._expect(shape[-1:] == (features,), f"(…, {features})", shape)
        return (*shape[:-1], self.units)

    def _apply(self, x, W):
        return x @ W

    def _pull_back(self, dz, x, W):
        rows, dz_rows = x.reshape(-1, x.shape[-1]), dz.reshape(-1, self.units)
        return dz @ W.T if W is not None else None, rows.T @ dz_rows
