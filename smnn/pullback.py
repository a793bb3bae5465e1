r"""The one idea: every differentiable thing returns its value and its pullback.

A *pullback* takes the gradient of some loss with respect to the output, ``dy``, and returns
the gradient with respect to the input, ``dx``.  For :math:`y = f(x)` with Jacobian J that is
:math:`dx = J^\top dy`, a product that is computed without building J.

The package has three kinds of differentiable things, and this file turns each into the same
form, a function ``forward(*inputs) -> (y, backward)`` with ``backward(dy)`` giving one gradient
per input:

=====================================================  ===========================
a function and its derivative, ``vjp(dy, y, *inputs)``  `with_pullback`
a layer, ``layer.forward(x) -> (y, backward)``          `of_layer`
a loss, ``loss(pred, target) -> (value, gradient)``     `of_loss`
=====================================================  ===========================

`chain` puts such functions one after the other.  That is the chain rule, and there is nothing
else to backpropagation: the model, the tape of `smnn.autograd` and the gradient check of
`smnn.gradcheck` are built of these pieces.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ._core.types import Array, ArrayLike, Shape


def with_pullback(
    f: Callable[..., Any], vjp: Callable[..., Any], **options: Any
) -> Callable[..., Any]:
    """Return the function ``x -> (f(x), backward)`` made from a value and its derivative.

    Parameters
    ----------
    f : callable
        ``f(*inputs, **options) -> y``.
    vjp : callable
        ``vjp(dy, y, *inputs, **options)``: the gradient with respect to the input, or a tuple
        with one for each of several inputs.
    **options
        Passed on to both, for example ``axis=0``.

    Returns
    -------
    callable

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import tanh, tanh_vjp, with_pullback
    >>> y, backward = with_pullback(tanh, tanh_vjp)(np.array([0.0, 1.0]))
    >>> backward(1.0).round(4)
    array([1.  , 0.42])
    """

    def forward(*inputs):
        y = f(*inputs, **options)
        return y, lambda dy: vjp(dy, y, *inputs, **options)

    return forward


def chain(*steps: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that applies the steps one after the other, with its pullback.

    Parameters
    ----------
    *steps : callable
        Each ``x -> (y, backward)``, with one input and one gradient.

    Returns
    -------
    callable
        Forward, each value is the next step's input.  Backward, the pullbacks are called in
        reverse order.

    Examples
    --------
    >>> import numpy as np
    >>> double = lambda x: (2 * x, lambda dy: 2 * dy)
    >>> square = lambda x: (x * x, lambda dy: 2 * x * dy)
    >>> y, backward = chain(double, square)(np.array([1.0, 3.0]))
    >>> y, backward(np.ones(2))
    (array([ 4., 36.]), array([ 8., 24.]))
    """

    def forward(x):
        pullbacks = []
        for step in steps:
            x, pullback = step(x)
            pullbacks.append(pullback)

        def backward(dy):
            for pullback in reversed(pullbacks):
                dy = pullback(dy)
            return dy

        return x, backward

    return forward


def of_layer(layer: Any, *, training: bool = False) -> Callable[..., Any]:
    """Return a layer as a function of its input and of its parameters.

    Parameters
    ----------
    layer : Layer
        Built, so that it has its parameters.
    training : bool
        Whether layers such as dropout do what they do in training.

    Returns
    -------
    callable
        ``forward(x, *params) -> (y, backward)`` with ``backward(dy) -> (dx, *dparams)``, the
        parameters in the order of ``layer.params``.  Arrays that are the layer's own are used
        as they are; others go into a copy, and the layer stays what it was.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import Dense
    >>> layer = Dense(1, init="zeros", input_shape=(2,))
    >>> _ = layer.build((2,))
    >>> y, backward = of_layer(layer)(np.array([[1.0, 2.0]]), np.ones((2, 1)), np.ones(1))
    >>> y, backward(np.ones((1, 1)))[0]
    (array([[4.]]), array([[1., 1.]]))
    """
    names = list(layer.params)

    def forward(x, *params):
        y, backward = _with_parameters(layer, names, params).forward(x, training)

        def pullback(dy):
            dx, grads = backward(dy)
            return (dx, *(grads[name] for name in names))

        return y, pullback

    return forward


def _with_parameters(layer, names, params):
    """Return the layer if the parameters are its own arrays, else a copy that holds them."""
    if all(layer.params[name] is value for name, value in zip(names, params, strict=True)):
        return layer
    layer = copy.deepcopy(layer)
    for name, value in zip(names, params, strict=True):
        layer.params[name][...] = value
    return layer


def of_loss(loss: Callable[..., Any], target: ArrayLike) -> Callable[..., Any]:
    """Return a loss against a fixed target as a function of the prediction.

    Parameters
    ----------
    loss : callable
        ``loss(pred, target) -> (value, gradient)``: one value, or one for each row.
    target
        What the loss takes.

    Returns
    -------
    callable
        ``forward(pred) -> (value, backward)``.

    Examples
    --------
    >>> from smnn import softmax_cross_entropy
    >>> value, backward = of_loss(softmax_cross_entropy, [1])([[0.0, 0.0]])
    >>> round(float(value), 3), backward(2.0)
    (0.693, array([[ 1., -1.]]))
    """

    def forward(pred):
        value, dpred = loss(pred, target)

        def backward(dvalue):
            dvalue = np.asarray(dvalue)
            return dvalue.reshape(dvalue.shape + (1,) * (np.ndim(dpred) - dvalue.ndim)) * dpred

        return value, backward

    return forward


def unbroadcast(dy: Array, shape: Shape) -> Array:
    """Sum ``dy`` down to ``shape``: what was copied forward is summed backward.

    Parameters
    ----------
    dy : ndarray
        The gradient with respect to the broadcast array.
    shape : tuple of int
        The shape before broadcasting.

    Returns
    -------
    ndarray
        The gradient with respect to the array of that shape.

    Examples
    --------
    >>> import numpy as np
    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    """
    added = tuple(range(dy.ndim - len(shape)))
    dy = dy.sum(axis=added)
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1 != dy.shape[axis])
    return dy.sum(axis=stretched, keepdims=True)
