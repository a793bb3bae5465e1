r"""Losses: one number that says how wrong, and the gradient that says which way.

A loss takes (prediction, target), and returns the loss together with its gradient with
respect to the prediction.  A loss of your own is any function that does so.

For classification the loss is `smnn.softmax_cross_entropy`; here are its neighbors.
Those that work on probabilities take the scores before them, and do both steps at once,
which cannot overflow.
"""

import math

import numpy as np

from ._core.validation import float_array, raise_label, real_number, same_shape
from .activations import sigmoid, softplus


def mse(pred, target):
    r"""Return the mean squared error and its gradient.

    .. math:: L = \frac{1}{n} \sum_i (\hat y_i - t_i)^2, \qquad
              \frac{∂L}{∂\hat y_i} = \frac{2}{n} (\hat y_i - t_i)

    The mean is over all n numbers, over rows and outputs alike, as in PyTorch and
    scikit-learn.  Textbooks often take ½ Σ over the outputs instead, which is n/2 times
    as much.

    Parameters
    ----------
    pred, target : array_like of one shape
        Nothing is broadcast: (N, 1) against (N,) would compare every row with every other.

    Returns
    -------
    loss : float
    dpred : ndarray
        Of the shape of ``pred``.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> mse([1.0, 2.0], [1.0, 4.0])
    (2.0, array([ 0., -2.]))
    """
    pred, target = _pair(pred, target, "pred")
    error = pred - target
    return _mean(error * error), error * (2 / max(error.size, 1))


def binary_cross_entropy(logits, target):
    r"""Return the log loss of independent yes-or-no answers, and its gradient.

    .. math:: L = -\frac{1}{n} \sum_i t_i \log σ(z_i) + (1 - t_i) \log σ(-z_i), \qquad
              \frac{∂L}{∂z_i} = \frac{σ(z_i) - t_i}{n}

    since 1 − σ(z) = σ(−z), and −log σ(z) is the softplus of −z.

    The mean is over all n numbers.  With several columns each is a question of its own:
    any number of labels may be true at once.

    Parameters
    ----------
    logits : array_like
        The scores before the sigmoid.
    target : array_like of the same shape
        From 0 to 1.

    Returns
    -------
    loss : float
    dlogits : ndarray

    Raises
    ------
    ValueError
        If the shapes differ or a target is outside [0, 1].

    Examples
    --------
    >>> loss, dlogits = binary_cross_entropy([0.0, 1e4], [1.0, 1.0])
    >>> round(loss, 4), dlogits
    (0.3466, array([-0.25,  0.  ]))
    """
    logits, target = _pair(logits, target, "logits")
    outside = (target < 0) | (target > 1)
    if outside.any():
        raise ValueError(f"target must lie in [0, 1], got {target[outside].ravel()[0]}")
    loss = target * softplus(-logits) + (1 - target) * softplus(logits)
    # σ(z) − t, in a form that keeps its digits where σ(z) rounds to 1
    dlogits = (1 - target) * sigmoid(logits) - target * sigmoid(-logits)
    return _mean(loss), dlogits / max(logits.size, 1)


def multiclass_hinge(scores, target, *, margin=1.0):
    r"""Return the hinge loss of a linear support vector machine, and its gradient.

    .. math:: L = \frac{1}{N} \sum_i \sum_{j ≠ t_i} \max(0, s_{ij} - s_{i t_i} + Δ)

    The true class must lead every other by the margin Δ.  Once it does, the loss is
    exactly 0 and the example teaches nothing more; cross-entropy never says so.

    Parameters
    ----------
    scores : (N, C) array_like
    target : (N,) array_like of int
        The true classes.
    margin : float
        Δ.

    Returns
    -------
    loss : float
    dscores : (N, C) ndarray

    Raises
    ------
    IndexError
        If a label names no class.

    References
    ----------
    Weston, Watkins, "Support vector machines for multi-class pattern recognition", 1999;
    the form of Stanford's CS231n notes.

    Examples
    --------
    >>> loss, dscores = multiclass_hinge([[3.0, 5.0, -1.0]], [0])
    >>> loss, dscores
    (3.0, array([[-1.,  1.,  0.]]))
    """
    scores = float_array(scores, "scores")
    target = _labels(target, scores)
    rows = np.arange(len(target))
    excess = scores - scores[rows, target][:, None] + real_number(margin, "margin")
    excess[rows, target] = 0
    losses = np.maximum(excess, 0).sum(axis=1)
    dscores = (excess > 0).astype(scores.dtype)
    dscores[rows, target] = -dscores.sum(axis=1)
    return _mean(losses), dscores / max(len(rows), 1)


def _mean(losses):
    """Return the mean as a float; that of no losses is nan, as in PyTorch."""
    return float(losses.mean(dtype=np.float64)) if losses.size else math.nan


def _pair(pred, target, name):
    pred, target = float_array(pred, name), float_array(target, "target")
    same_shape(target, pred, "target", name)
    return pred, target.astype(pred.dtype, copy=False)


def _labels(target, scores):
    """Return labels that fit scores of shape (N, C)."""
    target = np.asarray(target)
    if scores.ndim != 2 or target.shape != scores.shape[:1]:
        raise ValueError(
            "scores must have shape (N, C) and target shape (N,), "
            f"got {scores.shape} and {target.shape}"
        )
    if target.dtype.kind not in "iu":
        raise TypeError(f"target must hold integer labels, got dtype {target.dtype}")
    outside = (target < 0) | (target >= scores.shape[1])
    if outside.any():
        raise_label(target, int(outside.argmax()), scores.shape[1])
    return target
