"""Dropout: in training, a random share of the numbers is switched off."""

from __future__ import annotations

from typing import Any

from .._core.types import Array, DType, Pullback, Random, Shape
from .._core.validation import fraction, generator
from .base import Layer


class Dropout(Layer):
    """In training, switch off a random share p of the numbers and scale up the rest.

    What is kept is divided by 1 − p, so that the expected value stays what it was and
    nothing needs to change when training is over.

    Parameters
    ----------
    p : float
        The share that is dropped, at least 0 and less than 1.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: a simple way to
    prevent neural networks from overfitting", 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import Dropout
    >>> layer = Dropout(0.5, rng=0)
    >>> layer.forward(np.ones(4))[0]
    array([1., 1., 1., 1.])
    >>> layer.forward(np.ones(4), training=True)[0]
    array([2., 0., 0., 0.])
    """

    def __init__(
        self, p: float = 0.5, *, input_shape: Shape | None = None, rng: Random = None
    ) -> None:
        super().__init__(input_shape=input_shape, rng=rng)
        self.p = fraction(p, "p")
        if self.p == 1:
            raise ValueError("p must be less than 1, got 1: nothing would be left")

    def build(self, input_shape: Shape, dtype: DType = "float64", rng: Random = None) -> Shape:
        if self.rng is None:
            self.rng = generator(rng)
        return tuple(input_shape)

    def forward(self, x: Any, training: bool = False) -> tuple[Array, Pullback]:
        x = self._floats(x)
        if not training or self.p == 0:
            return x, lambda dy: (dy, {})
        if self.rng is None:
            self.rng = generator(None)
        kept = (self.rng.random(x.shape) >= self.p) / x.dtype.type(1 - self.p)
        return x * kept, lambda dy: (dy * kept, {})
