r"""Activation functions, each followed by its derivative.

Without an activation between them, two linear layers are one linear layer.  An
activation bends the line, one number at a time; `softmax` alone looks at a whole row.

Conventions, the same for every pair:

- ``y = f(x)`` takes numbers or an array of any shape, keeps a floating dtype, turns
  integers and booleans into float64, and gives nan where it gets nan.
- ``dx = f_vjp(dy, y, x)`` takes the gradient ``dy`` of some loss with respect to
  ``y`` and returns the gradient with respect to ``x``.  For an elementwise function
  that is ``dy * f'(x)``.  Both ``y`` and ``x`` are passed, because some derivatives
  are shorter in the one and some in the other; ``x`` may be left out where the formula
  has y only.  ``dy=1`` gives the derivative.
- Options such as a slope are numbers, keyword-only, and the same for ``f`` and ``f_vjp``.
- At the kink of ReLU and its kin the derivative is the slope on the left; hard tanh
  counts as flat at −1 and 1.  PyTorch decides the same.
- ``exp`` is never given a large positive number, so nothing overflows.

`ACTIVATIONS` maps each name to its pair.
"""

from __future__ import annotations

import math

import numpy as np

from ._core.types import Array, ArrayLike
from ._core.validation import float_array, real_number
from .functional import softmax, softmax_vjp
from .functional.backend import kernels
from .pullback import unbroadcast


def _values(x):
    return float_array(x, "x", booleans=True)


def _gradients(dy, y, x, needs_x=None):
    """Return dy, y and x as floating arrays; a plain number for dy takes the dtype of y."""
    if x is not None:
        x = _values(x)
    elif needs_x:
        raise TypeError(f"{needs_x} needs x, the input of the activation, got None")
    y = float_array(y, "y")
    if isinstance(dy, int | float):
        return y.dtype.type(dy), y, x
    return float_array(dy, "dy"), y, x


def _slope(slope):
    """Return one slope as a plain number, which keeps the dtype of x, or an array of them."""
    return real_number(slope, "slope") if np.ndim(slope) == 0 else float_array(slope, "slope")


def identity(x: ArrayLike) -> Array:
    """Return x itself: the output of a linear unit.

    >>> identity([-1.0, 2.0])
    array([-1.,  2.])
    """
    return _values(x)


def identity_vjp(dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None) -> Array:
    """Return dy: the derivative is 1.

    >>> identity_vjp([3.0, -1.0], y=[2.0, 0.0])
    array([ 3., -1.])
    """
    dy, _, _ = _gradients(dy, y, x)
    return dy


def step(x: ArrayLike) -> Array:
    """Return 1 where x >= 0, else 0: the switch of McCulloch and Pitts (1943).

    >>> step([-0.5, 0.0, 2.0])
    array([0., 1., 1.])
    """
    x = _values(x)
    return np.heaviside(x, x.dtype.type(1))


def step_vjp(dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None) -> Array:
    """Return 0: a switch is flat on both sides, so it tells a learner nothing.

    >>> step_vjp(np.ones(2), step([-0.5, 2.0]), [-0.5, 2.0])
    array([0., 0.])
    """
    dy, y, _ = _gradients(dy, y, x)
    return dy * np.zeros_like(y)


def sigmoid(x: ArrayLike, *, scale: float = 1.0, shift: float = 0.0) -> Array:
    r"""Return the logistic function, a smooth switch from 0 to 1.

    .. math:: σ(s (x - v)) = \frac{1}{1 + e^{-s (x - v)}}

    Parameters
    ----------
    x : array_like
    scale : float
        s, how steep; a large scale makes a hard switch at ``shift``.
    shift : float
        v, where the output is one half.

    Returns
    -------
    ndarray
        In [0, 1], of the shape of x.

    Examples
    --------
    >>> sigmoid([-2.0, 0.0, 2.0]).round(4)
    array([0.1192, 0.5   , 0.8808])
    >>> sigmoid([0.9, 1.1], scale=100, shift=1.0).round(4)
    array([0., 1.])
    """
    x = _values(x)
    scale, shift = real_number(scale, "scale"), real_number(shift, "shift")
    if scale != 1 or shift != 0:
        x = (x - shift) * scale
    small = np.exp(-np.abs(x))  # at most 1, whatever the sign of x
    return np.where(x >= 0, x.dtype.type(1), small) / (1 + small)


def sigmoid_vjp(
    dy: ArrayLike,
    y: ArrayLike,
    x: ArrayLike | None = None,
    *,
    scale: float = 1.0,
    shift: float = 0.0,
) -> Array:
    """Return dy · s y (1 − y): at most a quarter of s, and almost 0 on both flanks.

    >>> x = np.array([-4.0, 0.0, 4.0])
    >>> sigmoid_vjp(1.0, sigmoid(x), x).round(4)
    array([0.0177, 0.25  , 0.0177])
    """
    dy, y, _ = _gradients(dy, y, x)
    return dy * (real_number(scale, "scale") * y * (1 - y))


def tanh(x: ArrayLike) -> Array:
    """Return the hyperbolic tangent, 2σ(2x) − 1: a sigmoid from −1 to 1.

    >>> tanh([-1.0, 0.0, 1.0]).round(4)
    array([-0.7616,  0.    ,  0.7616])
    """
    return np.tanh(_values(x))


def tanh_vjp(dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None) -> Array:
    """Return dy (1 − y²).

    >>> x = np.array([-2.0, 0.0, 2.0])
    >>> tanh_vjp(1.0, tanh(x), x).round(4)
    array([0.0707, 1.    , 0.0707])
    """
    dy, y, _ = _gradients(dy, y, x)
    return dy * (1 - y * y)


def hard_tanh(x: ArrayLike) -> Array:
    """Return x cut off at −1 and 1: tanh from three straight lines.

    >>> hard_tanh([-3.0, 0.5, 3.0])
    array([-1. ,  0.5,  1. ])
    """
    return np.clip(_values(x), -1, 1)


def hard_tanh_vjp(dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None) -> Array:
    """Return dy where −1 < x < 1, else 0.

    >>> x = np.array([-3.0, 0.5, 3.0])
    >>> hard_tanh_vjp(np.ones(3), hard_tanh(x), x)
    array([0., 1., 0.])
    """
    dy, y, _ = _gradients(dy, y, x)
    return dy * (np.abs(y) < 1)


def relu(x: ArrayLike) -> Array:
    """Return the positive part max(x, 0), the rectified linear unit.

    >>> relu([-2.0, 0.0, 3.0])
    array([0., 0., 3.])
    """
    return np.maximum(_values(x), 0)


def relu_vjp(dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None) -> Array:
    """Return dy where the unit is on, else 0.

    The test is ``y > 0``.  After the ReLU, ``y >= 0`` is true everywhere.

    >>> x = np.array([-2.0, 0.0, 3.0])
    >>> relu_vjp(np.ones(3), relu(x), x)
    array([0., 0., 1.])
    """
    dy, y, _ = _gradients(dy, y, x)
    return dy * (y > 0)


def leaky_relu(x: ArrayLike, *, slope: ArrayLike = 0.01) -> Array:
    """Return x where positive, slope · x elsewhere: a ReLU that is never quite off.

    >>> leaky_relu([-2.0, 3.0])
    array([-0.02,  3.  ])
    """
    x = _values(x)
    return np.where(x > 0, x, real_number(slope, "slope") * x)


def leaky_relu_vjp(
    dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None, *, slope: ArrayLike = 0.01
) -> Array:
    """Return dy where x is positive, slope · dy elsewhere.

    >>> x = np.array([-2.0, 3.0])
    >>> leaky_relu_vjp(np.ones(2), leaky_relu(x), x)
    array([0.01, 1.  ])
    """
    dy, y, x = _gradients(dy, y, x, needs_x="leaky_relu_vjp")
    return dy * np.where(x > 0, x.dtype.type(1), x.dtype.type(real_number(slope, "slope")))


def prelu(x: ArrayLike, slope: ArrayLike) -> Array:
    """Return x where positive, slope · x elsewhere, for a slope that is learned.

    Parameters
    ----------
    x : (..., C) array_like
    slope : (C,) or () array_like
        One slope for each feature, or one for all.

    References
    ----------
    He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.

    Examples
    --------
    >>> prelu([[-2.0, -2.0]], [0.1, 0.5])
    array([[-0.2, -1. ]])
    """
    x = _values(x)
    return np.where(x > 0, x, _slope(slope) * x)


def prelu_vjp(dy: ArrayLike, y: ArrayLike, x: ArrayLike, slope: ArrayLike) -> tuple[Array, Array]:
    """Return the gradients (dx, dslope); a slope's sums over all the rows it served.

    >>> x, slope = np.array([[-2.0], [3.0], [-1.0]]), np.array([0.1])
    >>> dx, dslope = prelu_vjp(np.ones((3, 1)), prelu(x, slope), x, slope)
    >>> dx.ravel(), dslope
    (array([0.1, 1. , 0.1]), array([-3.]))
    """
    dy, y, x = _gradients(dy, y, x, needs_x="prelu_vjp")
    dx = np.where(x > 0, dy, _slope(slope) * dy)
    return dx, unbroadcast(dy * np.minimum(x, 0), np.shape(slope))


def elu(x: ArrayLike, *, alpha: float = 1.0) -> Array:
    """Return x where positive, α(eˣ − 1) elsewhere: it levels off at −α.

    >>> elu([-1.0, 2.0]).round(4)
    array([-0.6321,  2.    ])
    """
    x = _values(x)
    return np.where(x > 0, x, real_number(alpha, "alpha") * np.expm1(np.minimum(x, 0)))


def elu_vjp(
    dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None, *, alpha: float = 1.0
) -> Array:
    """Return dy where x is positive, dy · αeˣ = dy (y + α) elsewhere.

    >>> x = np.array([-1.0, 2.0])
    >>> elu_vjp(1.0, elu(x), x).round(4)
    array([0.3679, 1.    ])
    """
    dy, y, x = _gradients(dy, y, x, needs_x="elu_vjp")
    return dy * np.where(x > 0, x.dtype.type(1), y + real_number(alpha, "alpha"))


SELU_SCALE = 1.0507009873554804934193349852946
SELU_ALPHA = 1.6732632423543772848170429916717


def selu(x: ArrayLike) -> Array:
    """Return λ · elu(x, α) with the λ and α that keep mean 0 and variance 1.

    References
    ----------
    Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", 2017.

    Examples
    --------
    >>> selu([-1.0, 2.0]).round(4)
    array([-1.1113,  2.1014])
    """
    return SELU_SCALE * elu(x, alpha=SELU_ALPHA)


def selu_vjp(dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None) -> Array:
    """Return λ · dy where x is positive, dy · λαeˣ = dy (y + λα) elsewhere.

    >>> x = np.array([-1.0, 2.0])
    >>> selu_vjp(1.0, selu(x), x).round(4)
    array([0.6468, 1.0507])
    """
    dy, y, x = _gradients(dy, y, x, needs_x="selu_vjp")
    return dy * np.where(x > 0, x.dtype.type(SELU_SCALE), y + SELU_SCALE * SELU_ALPHA)


def softplus(x: ArrayLike) -> Array:
    """Return log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|), the smooth ReLU.

    >>> softplus([-2.0, 0.0, 2.0]).round(4)
    array([0.1269, 0.6931, 2.1269])
    """
    x = _values(x)
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softplus_vjp(dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None) -> Array:
    """Return dy · σ(x): the sigmoid is the slope of the softplus.

    >>> x = np.array([-2.0, 0.0, 2.0])
    >>> softplus_vjp(1.0, softplus(x), x).round(4)
    array([0.1192, 0.5   , 0.8808])
    """
    dy, _, x = _gradients(dy, y, x, needs_x="softplus_vjp")
    return dy * sigmoid(x)


def silu(x: ArrayLike) -> Array:
    """Return x σ(x), the sigmoid linear unit, also called swish.

    >>> silu([-1.0, 0.0, 1.0]).round(4)
    array([-0.2689,  0.    ,  0.7311])
    """
    x = _values(x)
    return x * sigmoid(x)


def silu_vjp(dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None) -> Array:
    """Return dy · (σ + x σ (1 − σ)).

    >>> x = np.array([-2.0, 0.0, 2.0])
    >>> silu_vjp(1.0, silu(x), x).round(4)
    array([-0.0908,  0.5   ,  1.0908])
    """
    dy, y, x = _gradients(dy, y, x, needs_x="silu_vjp")
    gate = sigmoid(x)
    return dy * (gate + y * (1 - gate))


def _normal_cdf(x):
    """Return Φ(x), the share of a standard normal below x, exact in both tails."""
    tail = np.empty(x.shape)
    kernels.erfc(np.asarray(x * -math.sqrt(0.5), np.float64).reshape(-1), tail.reshape(-1))
    return (0.5 * tail).astype(x.dtype)


def gelu(x: ArrayLike) -> Array:
    """Return x Φ(x), with Φ the distribution function of the standard normal.

    Examples
    --------
    >>> gelu([-1.0, 0.0, 1.0]).round(4)
    array([-0.1587,  0.    ,  0.8413])

    Notes
    -----
    Φ(x) = erfc(−x/√2)/2 comes from ``math.erfc``, good to the last digit or two even
    where Φ is tiny; 1 + erf(x/√2) would cancel there.

    References
    ----------
    Hendrycks, Gimpel, "Gaussian error linear units (GELUs)", 2016.
    """
    x = _values(x)
    return x * _normal_cdf(x)


def gelu_vjp(dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None) -> Array:
    """Return dy · (Φ(x) + x φ(x)), with φ the density of the standard normal.

    >>> x = np.array([-2.0, 0.0, 2.0])
    >>> gelu_vjp(1.0, gelu(x), x).round(4)
    array([-0.0852,  0.5   ,  1.0852])
    """
    dy, y, x = _gradients(dy, y, x, needs_x="gelu_vjp")
    # y = x Φ(x) is known, and Φ is not asked for again.  Near 0 it is ½ to the last digit.
    away = np.abs(x) > np.finfo(x.dtype).eps
    cdf = np.divide(y, x, out=np.full_like(x, 0.5), where=away)
    density = gaussian(x * math.sqrt(0.5)) / math.sqrt(2 * math.pi)
    return dy * (cdf + x * density)


def gaussian(x: ArrayLike) -> Array:
    """Return exp(−x²), a bump: on near 0, off far from it on both sides.

    >>> gaussian([-1.0, 0.0, 1.0]).round(4)
    array([0.3679, 1.    , 0.3679])
    """
    # Beyond 28 the result is 0 in every dtype; the cut keeps the square from overflowing.
    x = np.minimum(np.abs(_values(x)), 28)
    return np.exp(-x * x)


def gaussian_vjp(dy: ArrayLike, y: ArrayLike, x: ArrayLike | None = None) -> Array:
    """Return −2x dy exp(−x²).

    >>> x = np.array([-1.0, 0.0, 1.0])
    >>> gaussian_vjp(1.0, gaussian(x), x).round(4)
    array([ 0.7358, -0.    , -0.7358])
    """
    dy, y, x = _gradients(dy, y, x, needs_x="gaussian_vjp")
    return dy * (-2 * (x * y))  # in this order 2x never overflows


#: Every activation with its pullback, by name: ``value, vjp = ACTIVATIONS["relu"]``.
ACTIVATIONS = {
    "identity": (identity, identity_vjp),
    "step": (step, step_vjp),
    "sigmoid": (sigmoid, sigmoid_vjp),
    "tanh": (tanh, tanh_vjp),
    "hard_tanh": (hard_tanh, hard_tanh_vjp),
    "relu": (relu, relu_vjp),
    "leaky_relu": (leaky_relu, leaky_relu_vjp),
    "elu": (elu, elu_vjp),
    "selu": (selu, selu_vjp),
    "softplus": (softplus, softplus_vjp),
    "silu": (silu, silu_vjp),
    "gelu": (gelu, gelu_vjp),
    "gaussian": (gaussian, gaussian_vjp),
    "softmax": (softmax, softmax_vjp),
}
