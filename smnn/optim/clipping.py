"""Gradient clipping: a step is never longer than you allow."""

from __future__ import annotations

import math

import numpy as np

from .._core.types import Arrays
from .._core.validation import not_negative


def clip_gradients(grads: Arrays, max_norm: float) -> float:
    """Scale all gradients down, in place, until their common norm is at most ``max_norm``.

    Parameters
    ----------
    grads : mapping of str to ndarray
        They count as one long vector, so their direction stays.
    max_norm : float

    Returns
    -------
    float
        The norm before.

    Raises
    ------
    ValueError
        If ``max_norm`` is negative.

    References
    ----------
    Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks",
    2013.

    Examples
    --------
    >>> grads = {"W": np.array([3.0]), "b": np.array([4.0])}
    >>> clip_gradients(grads, 1.0)
    5.0
    >>> grads["W"].round(3), grads["b"].round(3)
    (array([0.6]), array([0.8]))
    """
    max_norm = not_negative(max_norm, "max_norm")
    norm = math.hypot(*(np.linalg.norm(np.asarray(grad, np.float64)) for grad in grads.values()))
    if norm > max_norm:
        # First all products, then all writing: gradients may share memory.
        scaled = [grad * grad.dtype.type(max_norm / norm) for grad in grads.values()]
        for grad, value in zip(grads.values(), scaled, strict=True):
            grad[...] = value
    return norm
