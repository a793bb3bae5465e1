r"""Losses: one number that says how wrong, and the gradient that says which way.

A loss takes (prediction, target), and returns the loss together with its gradient with
respect to the prediction.  A loss of your own is any function that does so.

For classification the loss is `smnn.softmax_cross_entropy`; here are its neighbors.
Those that work on probabilities take the scores before them, and do both steps at once,
which cannot overflow.
"""

import math

import numpy as np

from ._core.validation import class_labels, float_array, positive, real_number, same_shape
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


def huber(pred, target, *, delta=1.0):
    r"""Return the Huber loss and its gradient: squared for small errors, linear for large ones.

    .. math:: L = \frac{1}{n} \sum_i \begin{cases} \tfrac12 e_i^2 & |e_i| \le δ \\
              δ (|e_i| - \tfrac12 δ) & \text{otherwise} \end{cases}, \qquad
              \frac{∂L}{∂\hat y_i} = \frac{\mathrm{clip}(e_i, -δ, δ)}{n}

    with the error :math:`e_i = \hat y_i - t_i`.  One wrong target pulls no harder than δ.

    Parameters
    ----------
    pred, target : array_like of one shape
    delta : float
        δ, positive and finite.

    Returns
    -------
    loss : float
    dpred : ndarray
        Of the shape of ``pred``.

    Raises
    ------
    ValueError
        If the shapes differ or ``delta`` is not positive.

    References
    ----------
    Huber, "Robust estimation of a location parameter", 1964.

    Examples
    --------
    >>> huber([0.5, 3.0], [0.0, 0.0])
    (1.3125, array([0.25, 0.5 ]))
    """
    pred, target = _pair(pred, target, "pred")
    delta = positive(delta, "delta")
    error = pred - target
    clipped = np.clip(error, -delta, delta)
    return _mean(clipped * (error - clipped / 2)), clipped / max(error.size, 1)


def binary_cross_entropy_with_logits(logits, target):
    r"""Return the log loss of independent yes-or-no answers, and its gradient.

    .. math:: L = -\frac{1}{n} \sum_i t_i \log σ(z_i) + (1 - t_i) \log σ(-z_i), \qquad
              \frac{∂L}{∂z_i} = \frac{σ(z_i) - t_i}{n}

    since 1 − σ(z) = σ(−z), and −log σ(z) is the softplus of −z.

    The mean is over all n numbers.  With several columns each is a question of its own:
    any number of labels may be true at once.

    It takes *logits*, the scores before the sigmoid.  PyTorch and Keras have a function of the
    short name ``binary_cross_entropy`` that takes probabilities; the one here is this one.

    Parameters
    ----------
    logits : array_like
        The scores before the sigmoid.
    target : array_like of the same shape
        From 0 to 1, or booleans.

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
    >>> loss, dlogits = binary_cross_entropy_with_logits([0.0, 1e4], [1.0, 1.0])
    >>> round(loss, 4), dlogits
    (0.3466, array([-0.25,  0.  ]))
    """
    logits, target = _pair(logits, target, "logits")
    outside = (target < 0) | (target > 1)
    if outside.any():
        raise ValueError(f"target must lie in [0, 1], got {target[outside].ravel()[0]}")
    # An answer that is certain and right costs 0, although 0 · ∞ would be nan.
    yes = np.multiply(target, softplus(-logits), out=np.zeros_like(logits), where=target != 0)
    no = np.multiply(1 - target, softplus(logits), out=np.zeros_like(logits), where=target != 1)
    # σ(z) − t, in a form that keeps its digits where σ(z) rounds to 1
    dlogits = (1 - target) * sigmoid(logits) - target * sigmoid(-logits)
    return _mean(yes + no), dlogits / max(logits.size, 1)


#: Short for `binary_cross_entropy_with_logits`, with its arguments and its result.
binary_cross_entropy = binary_cross_entropy_with_logits


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
    if scores.ndim != 2:
        raise ValueError(f"scores must have shape (N, C), got shape {scores.shape}")
    target = class_labels(target, scores.shape[:1], scores.shape[1])
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
    pred, target = float_array(pred, name), float_array(target, "target", booleans=True)
    same_shape(target, pred, "target", name)
    return pred, target.astype(pred.dtype, copy=False)
