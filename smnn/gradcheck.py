r"""Is this gradient right?  Ask the function itself.

A derivative says how much the output moves when the input does, so move it and look:

.. math:: f'(x) ≈ \frac{f(x + h) - f(x - h)}{2h}

The centered difference is off by about h² from the bend of f, and by about ε/h from
rounding, ε = 2.2e-16 in float64.  Both are small at h = ∛ε = 6e-6, times \|x\| where that
is more than 1.

A pullback takes a cotangent dy, the gradient of some loss with respect to y.  The check
draws dy at random, which makes ⟨dy, f(x)⟩ one number, and compares the gradient of
that number with the pullback's answer.  A cotangent of ones would be a poor choice: the
outputs of a softmax sum to 1 whatever its input, so its pullback of ones is 0, and a
pullback that forgot everything would pass.

The relative error of two numbers a and n is \|a − n\| / max(\|a\|, \|n\|).  An entry less
than a thousandth of the largest is measured against that thousandth, because
rounding in f drowns it.  How close is close, after Stanford's CS231n notes:

==============  =================================================================
above 1e-2      wrong
1e-2 to 1e-4    doubtful
1e-4 to 1e-7    right only if the function has a kink nearby, as ReLU has
below 1e-7      right
==============  =================================================================

References
----------
A. Karpathy and others, CS231n "Neural Networks Part 3: Learning and Evaluation",
section "Gradient Checks", https://cs231n.github.io/neural-networks-3/#gradcheck.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._core.types import Array, ArrayLike, Random, Shape
from ._core.validation import generator
from .pullback import of_layer, with_pullback

STEP = np.finfo(np.float64).eps ** (1 / 3)


@dataclass(frozen=True)
class Comparison:
    """One gradient beside its numerical estimate.

    Attributes
    ----------
    analytic, numeric : ndarray
        The gradient that the pullback gave, and the centered difference.
    absolute, relative : float
        The largest errors over all entries.

    Examples
    --------
    >>> Comparison(np.array([2.0, 1.0]), np.array([2.0, 1.1])).verdict
    'wrong'
    """

    analytic: np.ndarray
    numeric: np.ndarray

    @property
    def absolute(self) -> float:
        return float(np.abs(self.analytic - self.numeric).max(initial=0))

    @property
    def relative(self) -> float:
        size = np.maximum(np.abs(self.analytic), np.abs(self.numeric))
        floor = max(1e-3 * size.max(initial=0), np.finfo(np.float64).tiny)
        error = np.abs(self.analytic - self.numeric) / np.maximum(size, floor)
        return float(error.max(initial=0))

    @property
    def verdict(self) -> str:
        if self.relative < 1e-7:
            return "right"
        if self.relative < 1e-4:
            return "right only if near a kink"
        return "doubtful" if self.relative < 1e-2 else "wrong"


@dataclass(frozen=True)
class GradientReport:
    """The result of a gradient check: a `Comparison` for each gradient.

    A report is true when every relative error is at most the tolerance, so a test may
    say ``assert check_layer(...)``.  Printed, it is a table.

    Attributes
    ----------
    parts : dict of str to Comparison
    tolerance : float

    Examples
    --------
    >>> report = check_vjp(np.sin, lambda dy, y, x: dy * np.cos(x), [0.5, 1.0])
    >>> report.ok, report.parts["dx"].verdict
    (True, 'right')
    """

    parts: dict
    tolerance: float

    @property
    def ok(self) -> bool:
        return self.relative <= self.tolerance

    @property
    def absolute(self) -> float:
        """The largest absolute error of all."""
        return max(part.absolute for part in self.parts.values())

    @property
    def relative(self) -> float:
        """The largest relative error of all; nan if any is nan."""
        return float(np.max([part.relative for part in self.parts.values()]))

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        lines = ["gradient        absolute  relative  verdict"]
        for name, part in self.parts.items():
            lines.append(f"{name:14}  {part.absolute:8.1e}  {part.relative:8.1e}  {part.verdict}")
        return "\n".join(lines)

    __repr__ = __str__


def centered_difference(f: Callable[..., Any], x: ArrayLike) -> Array:
    """Return the derivative of an elementwise function, to about nine digits.

    Parameters
    ----------
    f : callable
        Takes and returns an array; entry i of the result depends on entry i alone.
    x : array_like

    Returns
    -------
    ndarray
        f'(x), in float64.

    Examples
    --------
    >>> centered_difference(np.square, [1.0, 3.0]).round(6)
    array([2., 6.])
    """
    x = np.asarray(x, dtype=np.float64)
    step = STEP * np.maximum(1, np.abs(x))
    above, below = x + step, x - step
    return (f(above) - f(below)) / (above - below)


def numerical_jacobian(f: Callable[..., Any], x: ArrayLike) -> Array:
    """Return the matrix of all derivatives, by centered differences.

    Parameters
    ----------
    f : callable
        Takes an array and returns an array.
    x : array_like

    Returns
    -------
    ndarray
        Of shape ``y.shape + x.shape``: entry (i, j) is ∂yᵢ/∂xⱼ.

    Examples
    --------
    >>> numerical_jacobian(lambda x: np.array([x[0] * x[1], x[0]]), [2.0, 3.0]).round(6)
    array([[3., 2.],
           [1., 0.]])
    """
    x = np.array(x, dtype=np.float64)
    jacobian = np.empty(np.shape(f(x)) + x.shape)
    for index in np.ndindex(x.shape):
        jacobian[(..., *index)] = _partial(f, x, index)
    return jacobian


def _numerical_vjp(f, x, dy):
    """Return the gradient of ⟨dy, f(x)⟩ without storing the Jacobian."""
    dx = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        dx[index] = np.vdot(dy, _partial(f, x, index))
    return dx


def _partial(f, x, index):
    """Return ∂f/∂x[index]; x is moved and put back."""
    here = x[index]
    step = STEP * max(1.0, abs(here))
    x[index] = above = here + step
    y_above = np.array(f(x), dtype=np.float64)
    x[index] = below = here - step
    y_below = np.array(f(x), dtype=np.float64)
    x[index] = here
    return (y_above - y_below) / (above - below)


def check_pullback(
    forward: Callable[..., Any],
    *inputs: Any,
    names: Sequence[str] | None = None,
    rng: Random = 0,
    tolerance: float = 1e-6,
) -> GradientReport:
    """Check a function that returns its value and its pullback.

    Parameters
    ----------
    forward : callable
        ``forward(*inputs) -> (y, backward)``, and ``backward(dy)`` returns one gradient,
        or a tuple of them, one for each input.
    *inputs : array_like
        Where to check, in float64.  Keep away from kinks.
    names : sequence of str, optional
        What to call the inputs in the report.
    rng : None, int or Generator
        Draws the cotangent.
    tolerance : float
        The largest relative error that counts as right.

    Returns
    -------
    GradientReport
        True if the gradients are right.  Nothing is raised for a wrong number.

    Raises
    ------
    ValueError
        If a gradient has not the shape of its input.

    Examples
    --------
    >>> def product(a, b):
    ...     return a * b, lambda dy: (dy * b, dy * a)
    >>> bool(check_pullback(product, [1.0, 2.0], [3.0, 4.0]))
    True
    """
    inputs = [np.array(x, dtype=np.float64) for x in inputs]
    if names is None:
        names = ["x"] if len(inputs) == 1 else [f"x{i}" for i in range(len(inputs))]
    y, backward = forward(*inputs)
    dy = generator(rng).standard_normal(np.shape(y))
    gradients = backward(dy)
    if not isinstance(gradients, tuple):
        gradients = (gradients,)
    if len(gradients) != len(inputs):
        raise ValueError(f"{len(inputs)} inputs need as many gradients, got {len(gradients)}")

    parts = {}
    for position, (name, x, dx) in enumerate(zip(names, inputs, gradients, strict=True)):
        if np.shape(dx) != x.shape:
            raise ValueError(f"the gradient d{name} must have shape {x.shape}, got {np.shape(dx)}")

        def value(x, before=inputs[:position], after=inputs[position + 1 :]):
            return forward(*before, x, *after)[0]

        parts[f"d{name}"] = Comparison(np.asarray(dx), _numerical_vjp(value, x, dy))
    return GradientReport(parts, tolerance)


def check_vjp(
    f: Callable[..., Any],
    vjp: Callable[..., Any],
    *inputs: Any,
    rng: Random = 0,
    tolerance: float = 1e-6,
    **options: Any,
) -> GradientReport:
    """Check a function against its derivative written as ``vjp(dy, y, *inputs)``.

    Parameters
    ----------
    f : callable
        ``f(*inputs) -> y``.
    vjp : callable
        ``vjp(dy, y, *inputs)``, which returns one gradient or a tuple of them.
    *inputs, rng, tolerance
        As in `check_pullback`.
    **options
        Passed on to both functions, for example ``axis=0``.

    Returns
    -------
    GradientReport

    Examples
    --------
    >>> from smnn import softmax, softmax_vjp
    >>> print(check_vjp(softmax, softmax_vjp, [1.0, 2.0, 3.0]).parts["dx"].verdict)
    right
    >>> print(check_vjp(softmax, lambda dy, y, x: 0 * dy, [1.0, 2.0, 3.0]).parts["dx"].verdict)
    wrong
    """
    forward = with_pullback(f, vjp, **options)
    return check_pullback(forward, *inputs, rng=rng, tolerance=tolerance)


def check_layer(
    layer: Any,
    input_shape: Shape,
    *,
    x: ArrayLike | None = None,
    training: bool = False,
    rng: Random = 0,
    tolerance: float = 1e-6,
) -> GradientReport:
    """Check a layer or a whole model: its input gradient and that of every parameter.

    The layer itself is not changed.  All work is done on copies, so that a random layer
    draws the same numbers each time.

    Parameters
    ----------
    layer : Layer
        With float64 parameters, or not yet built.
    input_shape : tuple of int
        The shape of one example.
    x : array_like, optional
        The input; three random rows if not given.  An input of integers, such as the
        words for an embedding, is not differentiated.
    training, rng, tolerance
        As in `Layer.forward` and `check_pullback`.

    Returns
    -------
    GradientReport

    Examples
    --------
    >>> from smnn import Dense
    >>> sorted(check_layer(Dense(2, "tanh"), (3,)).parts)
    ['dW', 'db', 'dx']
    """
    rng = generator(rng)
    layer = copy.deepcopy(layer)
    # A generator of its own: copies of the layer draw the same, whatever is drawn beside.
    layer.build(tuple(input_shape), "float64", np.random.default_rng(rng.integers(2**63)))
    params = {}
    for name, value in layer.params.items():
        if value.dtype != np.float64:
            raise ValueError(f"gradients are checked in float64, got {name} in {value.dtype}")
        params[name] = value + 0.1 * rng.standard_normal(value.shape)  # no bias stays at 0
    x = rng.standard_normal((3, *input_shape)) if x is None else np.asarray(x)
    differentiable = [x] if x.dtype.kind == "f" else []

    def forward(*inputs):
        # A copy for each call: a random layer draws the same numbers every time.
        forward = of_layer(copy.deepcopy(layer), training=training)
        if differentiable:
            return forward(*inputs)
        y, backward = forward(x, *inputs)
        return y, lambda dy: backward(dy)[1:]

    names = [*["x"] * len(differentiable), *params]
    inputs = [*differentiable, *params.values()]
    return check_pullback(forward, *inputs, names=names, rng=rng, tolerance=tolerance)
