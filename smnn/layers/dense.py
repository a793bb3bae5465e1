"""The dense layer: every input is connected to every unit."""

import numpy as np

from .._core.validation import generator, positive_integer
from ..initializers import get_initializer
from .activation import Activation
from .base import Layer


class Dense(Layer):
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
    >>> layer = Dense(2, input_shape=(3,), init="zeros")
    >>> layer.build((3,))
    (2,)
    >>> y, backward = layer.forward(np.ones((4, 3)))
    >>> dx, grads = backward(np.ones((4, 2)))
    >>> grads["b"]
    array([4., 4.])
    """

    def __init__(
        self, units, activation=None, *, input_shape=None, use_bias=True, init="auto", rng=None
    ):
        super().__init__(input_shape=input_shape, rng=rng)
        self.units = positive_integer(units, "units")
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

    def build(self, input_shape, dtype="float64", rng=None):
        self._expect(len(input_shape) > 0, "(…, features)", tuple(input_shape))
        if not self.params:
            rng = generator(rng) if self.rng is None else self.rng
            initializer = get_initializer(self.init, self.next_activation)
            shape = (input_shape[-1], self.units)
            self.params["W"] = initializer(shape, rng=rng, dtype=dtype)
            if self.use_bias:
                self.params["b"] = np.zeros(self.units, dtype)
        self._expect_features(input_shape)
        return (*input_shape[:-1], self.units)

    def forward(self, x, training=False):
        return self._forward(x, self._activation and self._activation.forward)

    def forward_logits(self, x, training=False, output_activation="softmax"):
        def activation(z):
            return self._activation.forward_logits(z, output_activation=output_activation)

        return self._forward(x, self._activation and activation)

    def __call__(self, x):
        z = self._scores(self._floats(x))
        return self._activation(z) if self._activation else z

    def _scores(self, x):
        """Return Z = XW + b."""
        if not self.params:
            self.build(x.shape[1:], x.dtype)
        self._expect_features(x.shape)
        z = x @ self.params["W"]
        if self.use_bias:
            z += self.params["b"]
        return z

    def _forward(self, x, activation):
        x = self._floats(x)
        z = self._scores(x)
        W = self.params["W"].copy()  # an optimizer may move it before the way back is taken
        y, activation_backward = activation(z) if activation else (z, None)

        def backward(dy, input_gradient=True):
            dz = activation_backward(dy)[0] if activation else dy
            rows = x.reshape(-1, x.shape[-1])
            dz_rows = dz.reshape(-1, self.units)
            grads = {"W": rows.T @ dz_rows}
            if self.use_bias:
                grads["b"] = dz_rows.sum(axis=0)
            return dz @ W.T if input_gradient else None, grads

        return y, backward

    def _expect_features(self, shape):
        features = len(self.params["W"])
        self._expect(shape[-1:] == (features,), f"(…, {features})", tuple(shape))
