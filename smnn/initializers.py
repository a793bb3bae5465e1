r"""Where learning starts: random weights that keep signals the same size.

A unit adds up ``fan_in`` products.  If weights have variance v and inputs have mean
square q, the sum has variance ``fan_in · v · q``.  Choose v so that this neither grows
nor shrinks from layer to layer, and the signal reaches the last one:

============  =====================  ==================================
LeCun         1 / fan_in             keeps the forward signal
Glorot        2 / (fan_in + fan_out)  a compromise with the backward one
He            2 / fan_in             ReLU has thrown half of it away
============  =====================  ==================================

All weights equal, zero for instance, would make all units of a layer the same for ever:
they would receive the same gradient.  Biases may start at zero.

Each initializer takes a shape ``(fan_in, fan_out)`` and returns an array.  The weights of a
convolution have axes in front of these two, the places of the kernel, of which each multiplies
both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ._core.types import Array, DType, Random, Shape
from ._core.validation import choice, generator


def zeros(shape: Shape, *, rng: Random = None, dtype: DType = "float64") -> Array:
    """Return zeros: right for biases, and for weights with no hidden layer above them.

    >>> zeros((2, 2))
    array([[0., 0.],
           [0., 0.]])
    """
    return np.zeros(shape, dtype)


def lecun(shape: Shape, *, rng: Random = None, dtype: DType = "float64") -> Array:
    """Draw from a normal distribution with variance 1 / fan_in.

    Parameters
    ----------
    shape : (..., fan_in, fan_out)
    rng : None, int or Generator
    dtype : floating dtype

    Returns
    -------
    ndarray

    References
    ----------
    LeCun, Bottou, Orr, Müller, "Efficient backprop", 1998.

    Examples
    --------
    >>> lecun((400, 300), rng=0).var().round(4)  # 1/400
    np.float64(0.0025)
    """
    return _normal(shape, 1 / math.prod(shape[:-1]), rng, dtype)


def he(shape: Shape, *, rng: Random = None, dtype: DType = "float64") -> Array:
    """Draw from a normal distribution with variance 2 / fan_in, made for ReLU.

    Parameters and result are those of `lecun`.

    References
    ----------
    He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.

    Examples
    --------
    >>> he((400, 300), rng=0).var().round(4)  # 2/400
    np.float64(0.005)
    """
    return _normal(shape, 2 / math.prod(shape[:-1]), rng, dtype)


def glorot(shape: Shape, *, rng: Random = None, dtype: DType = "float64") -> Array:
    """Draw from a uniform distribution with variance 2 / (fan_in + fan_out).

    A uniform distribution on [−a, a] has variance a²/3.  Parameters and result are
    those of `lecun`.

    References
    ----------
    Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010.

    Examples
    --------
    >>> weights = glorot((400, 100), rng=0)
    >>> weights.var().round(4)  # 2/500
    np.float64(0.004)
    >>> abs(weights).max() <= np.sqrt(6 / 500)
    np.True_
    """
    fans = math.prod(shape[:-2]) * (shape[-2] + shape[-1])
    limit = math.sqrt(6 / fans)
    return generator(rng).uniform(-limit, limit, shape).astype(dtype)


def orthogonal(shape: Shape, *, rng: Random = None, dtype: DType = "float64") -> Array:
    """Draw a matrix whose columns, or rows if those are fewer, are orthonormal.

    Such a layer turns its input without stretching it.  Parameters and result are those
    of `lecun`.

    References
    ----------
    Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks", 2014.

    Examples
    --------
    >>> weights = orthogonal((4, 2), rng=0)
    >>> abs((weights.T @ weights).round(12))
    array([[1., 0.],
           [0., 1.]])
    """
    rows, columns = math.prod(shape[:-1]), shape[-1]
    tall = generator(rng).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diag(r))  # makes every orthogonal matrix equally likely
    return (q if rows >= columns else q.T).astype(dtype, order="C").reshape(shape)


def _normal(shape, variance, rng, dtype):
    return (generator(rng).standard_normal(shape) * math.sqrt(variance)).astype(dtype)


#: Every initializer by the name that ``init=`` of a layer takes.
INITIALIZERS = {
    "zeros": zeros,
    "lecun": lecun,
    "he": he,
    "glorot": glorot,
    "orthogonal": orthogonal,
}

_FOR_ACTIVATION = {
    **dict.fromkeys(("relu", "leaky_relu", "prelu", "elu", "softplus", "silu", "gelu"), he),
    "selu": lecun,
}


def get_initializer(
    init: str | Callable[..., Array], activation: Any = None
) -> Callable[..., Array]:
    """Return the initializer that a layer's ``init`` means.

    Parameters
    ----------
    init : str or callable
        A name in `INITIALIZERS`; a callable ``(shape, *, rng, dtype) -> array``; or
        ``"auto"``, which follows the activation: He for ReLU and its kin, LeCun for
        SELU, Glorot for everything else.
    activation : str, optional
        The name of the activation that comes after the weights.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If the name is not known.

    Examples
    --------
    >>> get_initializer("auto", "relu").__name__
    'he'
    """
    if callable(init):
        return init
    if init == "auto":
        return _FOR_ACTIVATION.get(activation, glorot)
    return INITIALIZERS[choice(init, ("auto", *INITIALIZERS), "init")]
