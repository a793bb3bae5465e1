"""What dense and convolutional layers share: weights, a bias, and an activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.types import Array, ArrayLike, Pullback, Random, Shape
from .._core.validation import generator
from ..initializers import get_initializer
from .activation import Activation
from .base import Layer


class Affine(Layer):
    """A map that is linear in its input and in its weights, plus a bias, then an activation.

    A subclass says what the map is:

    ``_output_shape(shape, W)``
        The shape of what the map makes of an array of this shape; raises if the two do not fit.
    ``_apply(x, W)``
        Its value.
    ``_pull_back(dz, x, W)``
        Its gradients (dx, dW); dx is None if W is.
    """

    def __init__(
        self,
        activation: Any = None,
        *,
        input_shape: Shape | None = None,
        use_bias: bool = True,
        init: str | Callable[..., Array] = "auto",
        rng: Random = None,
    ) -> None:
        super().__init__(input_shape=input_shape, rng=rng)
        self.activation = activation
        self.use_bias = use_bias
        self.init = init
        if activation is None or isinstance(activation, Activation):
            self._activation = activation
        else:
            self._activation = Activation(activation)
        # What "auto" follows; a model sets it to the name of the activation that comes next.
        self.next_activation = self._activation and self._activation.function
        get_initializer(init)  # refuses an unknown name here and not at the first batch

    def _make_params(self, weight_shape, outputs, dtype, rng):
        """Make the weights and the bias, unless they are there."""
        if not self.params:
            rng = generator(rng) if self.rng is None else self.rng
            initializer = get_initializer(self.init, self.next_activation)
            self.params["W"] = initializer(weight_shape, rng=rng, dtype=dtype)
            if self.use_bias:
                self.params["b"] = np.zeros(outputs, dtype)

    def _output_shape(self, shape, W):
        raise NotImplementedError

    def _apply(self, x, W):
        raise NotImplementedError

    def _pull_back(self, dz, x, W):
        raise NotImplementedError

    def forward(self, x: Any, training: bool = False) -> tuple[Array, Pullback]:
        return self._forward(x, self._activation and self._activation.forward)

    def forward_logits(
        self, x: ArrayLike, training: bool = False, output_activation: str = "softmax"
    ) -> tuple[Array, Pullback]:
        def activation(z):
            return self._activation.forward_logits(z, output_activation=output_activation)

        return self._forward(x, self._activation and activation)

    def forward_first(self, x, training=False):
        activation = self._activation and self._activation.forward
        return self._forward(x, activation, input_gradient=False)

    def __call__(self, x: ArrayLike) -> Array:
        z = self._scores(self._floats(x))
        return self._activation(z) if self._activation else z

    def _scores(self, x):
        """Return what goes into the activation."""
        if not self.params:
            self.build(x.shape[1:], x.dtype)
        self._output_shape(x.shape, self.params["W"])
        z = self._apply(x, self.params["W"])
        if self.use_bias:
            z += self.params["b"]
        return z

    def _forward(self, x, activation, input_gradient=True):
        x = self._floats(x)
        z = self._scores(x)
        # An optimizer may move the weights before the way back is taken.
        W = self.params["W"].copy() if input_gradient else None
        y, activation_backward = activation(z) if activation else (z, None)

        def backward(dy, input_gradient=input_gradient):
            dz = activation_backward(dy)[0] if activation else dy
            dx, dW = self._pull_back(dz, x, W if input_gradient else None)
            grads = {"W": dW}
            if self.use_bias:
                grads["b"] = _sum_of_rows(dz)
            return dx, grads

        return y, backward


def _sum_of_rows(dz):
    """Return the sum over all axes but the last; many short rows are summed faster by a product."""
    rows = dz.reshape(-1, dz.shape[-1])
    return rows.sum(axis=0) if dz.ndim == 2 else np.ones(len(rows), rows.dtype) @ rows
