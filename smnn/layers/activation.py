"""Layers that apply one function to every number: a fixed one, or one with a learned slope."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .._core.types import Array, ArrayLike, DType, Pullback, Random, Shape
from .._core.validation import choice, real_number
from ..activations import ACTIVATIONS, prelu, prelu_vjp
from ..gradcheck import centered_difference
from .base import Layer, ShapeError


class Activation(Layer):
    """Apply one function to every number (softmax: to every row).

    Parameters
    ----------
    function : str or callable
        A name in `ACTIVATIONS`, or any elementwise function of an array.
    derivative : callable, optional
        The derivative of a function of your own, ``derivative(x)``.  It is compared
        with a centered difference, and refused if it is wrong.  Without it the
        derivative is the centered difference, good to about nine digits.
    **options
        Passed on to the function, for example ``slope=0.2`` for ``"leaky_relu"``.

    Raises
    ------
    ValueError
        If the name is not known or the derivative is wrong.

    Examples
    --------
    >>> Activation("relu")(np.array([-1.0, 2.0]))
    array([0., 2.])
    >>> y, backward = Activation(np.sin, derivative=np.cos).forward(np.array([0.0]))
    >>> backward(np.array([1.0]))
    (array([1.]), {})
    """

    def __init__(
        self,
        function: str | Callable[..., Any],
        derivative: Callable[..., Any] | None = None,
        *,
        input_shape: Shape | None = None,
        rng: Random = None,
        **options: Any,
    ) -> None:
        super().__init__(input_shape=input_shape, rng=rng)
        self.function, self._f, self._vjp = _differentiable(function, derivative, options)
        self.derivative, self.options = derivative, options
        probe = np.zeros((1, 1))
        if isinstance(self.function, str):  # options that are not the function's: TypeError
            self._vjp(probe, self._f(probe, **options), probe, **options)

    def forward(self, x: Any, training: bool = False) -> tuple[Array, Pullback]:
        x = self._floats(x)
        y = self._f(x, **self.options)
        if y.shape != x.shape:
            raise ShapeError(f"{self!r} must keep the shape {x.shape}, it gave {y.shape}")
        return y, lambda dy: (self._vjp(dy, y, x, **self.options), {})

    def forward_logits(
        self, x: ArrayLike, training: bool = False, output_activation: str = "softmax"
    ) -> tuple[Array, Pullback]:
        if self.function == output_activation and not self.options:
            return self._floats(x), lambda dy: (dy, {})
        return self.forward(x, training)


class PReLU(Layer):
    """A leaky ReLU whose slope, one for each feature, is learned.

    Parameters
    ----------
    slope : float
        Where learning starts.

    Examples
    --------
    >>> PReLU()(np.array([[-1.0, 2.0]]))
    array([[-0.25,  2.  ]])
    """

    function = "prelu"

    def __init__(
        self, slope: ArrayLike = 0.25, *, input_shape: Shape | None = None, rng: Random = None
    ) -> None:
        super().__init__(input_shape=input_shape, rng=rng)
        self.slope = real_number(slope, "slope")

    def build(self, input_shape: Shape, dtype: DType = "float64", rng: Random = None) -> Shape:
        if not self.params:
            self.params["slope"] = np.full(input_shape[-1:], self.slope, dtype)
        expected = self.params["slope"].shape
        self._expect(input_shape[-1:] == expected, f"(…, {expected[0]})", tuple(input_shape))
        return tuple(input_shape)

    def forward(self, x: Any, training: bool = False) -> tuple[Array, Pullback]:
        x = self._floats(x)
        self.build(x.shape[1:], x.dtype)
        slope = self.params["slope"].copy()  # the way back is that of this forward pass
        y = prelu(x, slope)

        def backward(dy, input_gradient=True):
            dx, dslope = prelu_vjp(dy, y, x, slope)
            return dx, {"slope": dslope}

        return y, backward


def _differentiable(function, derivative, options):
    """Return (name or function, f, vjp) for what `Activation` was given."""
    if isinstance(function, Layer):
        raise TypeError(f"an activation is a name or a function, got the layer {function!r}")
    for name, (known, _) in ACTIVATIONS.items():
        if function is known and derivative is None:
            function = name
    if not callable(function):
        return function, *ACTIVATIONS[choice(function, ACTIVATIONS, "activation")]

    if derivative is not None:
        _refuse_wrong(derivative, function, options)
    # Partial functions and not closures, so that the layer can be pickled with its function.
    return function, partial(_value, function), partial(_slope, function, derivative)


def _value(function, x, **options):
    """Return the value of a function of the reader's own, in the dtype of x."""
    return np.asarray(function(x, **options)).astype(x.dtype, copy=False)


def _slope(function, derivative, dy, y, x, **options):
    """Pull back through such a function: its derivative, or else a centered difference."""
    if derivative is not None:
        return dy * derivative(x, **options)
    slope = centered_difference(lambda x: function(x, **options), x)
    return dy * slope.astype(x.dtype)


def _refuse_wrong(derivative, function, options):
    """Raise ValueError unless the derivative agrees with a centered difference."""
    x = np.linspace(-3, 3, 61) + 0.0123  # no round number, where a kink might be
    with np.errstate(all="ignore"):
        given = np.broadcast_to(derivative(x, **options), x.shape)
        measured = centered_difference(lambda x: function(x, **options), x)
        agree = np.abs(given - measured) <= 1e-5 * np.maximum(1, np.abs(measured))
    wrong = np.flatnonzero(np.isfinite(measured) & ~agree)
    if wrong.size:
        first = wrong[0]
        raise ValueError(
            f"the derivative of {function!r} is wrong: at x = {x[first]:.4f} it gives "
            f"{given[first]:.6g}, and the function rises by {measured[first]:.6g}"
        )
