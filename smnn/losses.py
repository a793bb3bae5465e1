r"""Losses: one number that says how wrong, and the gradient that says which way.

A loss takes (prediction, target), and returns the loss together with its gradient with
respect to the prediction.  A loss of your own is any function that does so.

For classification the loss is `smnn.softmax_cross_entropy`; here are its neighbors.
Those that work on probabilities take the scores before them, and do both steps at once,
which cannot overflow.
"""

from __future__ import annotations

import math

import numpy as np

from ._core import validation as check
from ._core.types import Array, ArrayLike
from ._core.validation import (
    class_labels,
    float_array,
    integer_array,
    positive,
    real_number,
    same_shape,
)
from .activations import sigmoid, softplus
from .functional import entmax, log_softmax


def mse(pred: ArrayLike, target: ArrayLike) -> tuple[float, Array]:
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


def huber(pred: ArrayLike, target: ArrayLike, *, delta: float = 1.0) -> tuple[float, Array]:
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


def binary_cross_entropy_with_logits(logits: ArrayLike, target: ArrayLike) -> tuple[float, Array]:
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


def multiclass_hinge(
    scores: ArrayLike, target: ArrayLike, *, margin: float = 1.0
) -> tuple[float, Array]:
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
    losses = np.maximum(excess, 0).sum(axis=1, dtype=np.float64)
    dscores = (excess > 0).astype(scores.dtype)
    dscores[rows, target] = -dscores.sum(axis=1)
    return _mean(losses), dscores / max(len(rows), 1)


def fenchel_young_loss(
    scores: ArrayLike, target: ArrayLike, *, alpha: float
) -> tuple[float, Array]:
    r"""Return the loss that belongs to `smnn.entmax`, and its gradient p − y.

    .. math:: L = \frac{1}{N} \sum_i Ω^*(z_i) + Ω(y_i) - \langle z_i, y_i \rangle, \qquad
              \frac{∂L}{∂z_i} = \frac{p_i - y_i}{N}, \qquad
              Ω(p) = \frac{\sum_j p_j^α - 1}{α (α - 1)}

    with p = entmax(z) and :math:`Ω^*(z) = \max_p \langle z, p \rangle - Ω(p)`.  For α = 1 it is
    cross-entropy, for α = 2 the sparsemax loss.  For α > 1 the loss is exactly 0 once the true
    class leads all others by 1/(α − 1).

    Parameters
    ----------
    scores : (..., C) array_like
        Classes last.
    target : array_like
        Labels of shape (...), or probabilities of shape (..., C) whose rows sum to 1.
    alpha : float
        α, at least 1 and finite.

    Returns
    -------
    loss : float
        At least 0, and 0 only for p = y.
    dscores : (..., C) ndarray

    Raises
    ------
    IndexError, TypeError
        As `smnn.cross_entropy`.
    ValueError
        If an argument has the wrong shape or value, or a row of probabilities has negative
        entries or does not sum to 1.

    Notes
    -----
    For probabilities and α = 1 it is the divergence KL(y‖p), which is cross-entropy less the
    entropy of the target.  The loss is computed as a sum of terms of which none is negative, and
    the gradient of the true class as minus the sum of the others, so that small values keep
    their digits.

    References
    ----------
    M. Blondel, A. Martins, V. Niculae, "Learning with Fenchel-Young Losses", 2020.

    Examples
    --------
    >>> loss, dscores = fenchel_young_loss([[1.0, 0.5, 0.0]], [0], alpha=2.0)
    >>> round(loss, 4), dscores
    (0.0625, array([[-0.25,  0.25,  0.  ]]))
    >>> fenchel_young_loss([[1.5, 0.5, 0.0]], [0], alpha=2.0)
    (0.0, array([[0., 0., 0.]]))
    """
    scores = float_array(scores, "scores")
    z, y, true = _rows_and_target(scores, target, "scores")
    p = entmax(z, alpha=alpha)
    excess = _less_target(p, y, true)  # p − y
    if alpha == 1:
        losses = _divergence(_log(y), log_softmax(z)).sum(axis=1)
    else:
        losses = _bregman(p, y, excess, float(alpha)).sum(axis=1)
        losses += _price_of_zeros(z, p, y, float(alpha)).sum(axis=1)
    return _mean(losses), _mean_gradient(excess, scores)


def focal_loss(logits: ArrayLike, target: ArrayLike, *, gamma: float = 2.0) -> tuple[float, Array]:
    r"""Return cross-entropy with less weight for what is already right, and its gradient.

    .. math:: L = -\frac{1}{N} \sum_i (1 - p_{it})^γ \log p_{it}, \qquad
              \frac{∂L}{∂z_{ik}} = \frac{p_{ik} - y_{ik}}{N} \,
              (1 - p_{it})^{γ-1} \bigl(1 - p_{it} - γ \, p_{it} \log p_{it}\bigr)

    with p the softmax of the logits, t the true class of row i, and y its one-hot row.  The
    weight belongs to each row, before the mean.

    Parameters
    ----------
    logits : (..., C) array_like
        The scores before the softmax, classes last.
    target : (...) array_like of int
        The true classes.
    gamma : float, default 2.0
        γ, at least 0 and finite.  At 0 it is cross-entropy.

    Returns
    -------
    loss : float
    dlogits : (..., C) ndarray

    Raises
    ------
    IndexError, TypeError, ValueError
        As `smnn.cross_entropy`.

    References
    ----------
    T.-Y. Lin et al., "Focal Loss for Dense Object Detection", 2017.

    Examples
    --------
    >>> loss, dlogits = focal_loss([[0.0, 0.0]], [0])
    >>> round(loss, 4), dlogits.round(4)
    (0.1733, array([[-0.2983,  0.2983]]))
    """
    logits = float_array(logits, "logits")
    z = _rows(logits, "logits")
    labels = class_labels(target, logits.shape[:-1], logits.shape[-1]).reshape(-1)
    gamma = check.not_negative(gamma, "gamma")
    log_p = log_softmax(z)
    of_true = log_p[np.arange(len(z)), labels]
    p, rest = np.exp(of_true), -np.expm1(of_true)  # rest = 1 − p, with all of its digits
    # (−log p) / (1 − p) is 1 in the limit of p = 1, and p · (−log p) is 0 at p = 0
    ratio = np.divide(-of_true, rest, out=np.ones_like(rest), where=(rest != 0) & (p != 0))
    weight = rest**gamma * (1 + gamma * p * ratio)
    excess = _less_target(np.exp(log_p), None, labels)
    return _mean(rest**gamma * -of_true), _mean_gradient(weight[:, None] * excess, logits)


def distillation_loss(
    logits: ArrayLike, teacher_logits: ArrayLike, *, temperature: float
) -> tuple[float, Array]:
    r"""Return how far softened predictions are from those of a teacher, and the gradient.

    .. math:: L = \frac{T^2}{N} \sum_i \mathrm{KL}(q_i \,\|\, p_i), \qquad
              \frac{∂L}{∂z_i} = \frac{T}{N} (p_i - q_i)

    with p = softmax(z/T), and q the same of the teacher.  The factor T² keeps gradients of one
    size: for large T the gradient is the difference of the centered logits over C N.

    Parameters
    ----------
    logits : (..., C) array_like
        The scores of the model that learns, classes last.
    teacher_logits : array_like of the same shape
        Those of the model that it learns from.
    temperature : float
        T, positive and finite.

    Returns
    -------
    loss : float
        The mean over rows, not over classes.
    dlogits : (..., C) ndarray
        With respect to `logits`; the teacher is a constant.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value.

    References
    ----------
    G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", 2015.

    Examples
    --------
    >>> loss, dlogits = distillation_loss([[0.0, 0.0]], [[2.0, 0.0]], temperature=2.0)
    >>> round(loss, 4), dlogits.round(4)
    (0.4438, array([[-0.4621,  0.4621]]))
    """
    logits, teacher = _pair(logits, float_array(teacher_logits, "teacher_logits"), "logits")
    z, t = _rows(logits, "logits"), _rows(teacher, "teacher_logits")
    T = positive(temperature, "temperature")
    log_p, log_q = log_softmax(z, temperature=T), log_softmax(t, temperature=T)
    losses = T * T * _divergence(log_q, log_p).sum(axis=1)
    return _mean(losses), _mean_gradient(T * (np.exp(log_p) - np.exp(log_q)), logits)


def load_balancing_loss(gate_probs: ArrayLike, chosen: ArrayLike) -> tuple[float, Array]:
    r"""Return how unevenly a gate uses its experts, and the gradient.

    .. math:: L = E \sum_e f_e P_e, \qquad \frac{∂L}{∂p_{ne}} = \frac{E}{N} f_e

    with f the share of the choices that went to expert e, which counts as a constant, and P the
    mean of its gate probabilities.

    Parameters
    ----------
    gate_probs : (N, E) array_like
        The probabilities of the gate, all of them and not only those of the chosen experts.
    chosen : (N,) or (N, k) array_like of int
        The experts that were used for each row.

    Returns
    -------
    loss : float
        1 if all experts are chosen equally often, whatever the probabilities are.
    dgate_probs : (N, E) ndarray

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or there are no rows.

    Notes
    -----
    Equal use is not where the loss is smallest: f and P may differ, and the loss is below 1 where
    the gate is often and barely for one expert, and seldom but surely for another.  The example
    is such a case.  If f equals P it is at least 1.

    References
    ----------
    W. Fedus, B. Zoph, N. Shazeer, "Switch Transformers", 2022, section 2.2.

    Examples
    --------
    >>> loss, _ = load_balancing_loss([[0.51, 0.49], [0.51, 0.49], [0.01, 0.99]], [0, 0, 1])
    >>> round(loss, 4)
    0.8956
    """
    p = float_array(gate_probs, "gate_probs")
    if p.ndim != 2 or not p.size:
        raise ValueError(f"gate_probs must have shape (N, E), with rows, got {p.shape}")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(
            f"gate_probs must hold probabilities, got numbers from {p.min():g} to {p.max():g}"
        )
    choices = integer_array(chosen, "chosen")
    if choices.ndim not in (1, 2) or len(choices) != len(p) or not choices.size:
        raise ValueError(
            f"chosen must have shape ({len(p)},) or ({len(p)}, k) for gate_probs of shape "
            f"{p.shape}, got {choices.shape}"
        )
    if choices.min() < 0 or choices.max() >= p.shape[1]:
        raise ValueError(
            f"chosen must hold experts from 0 to {p.shape[1] - 1}, got integers from "
            f"{choices.min()} to {choices.max()}"
        )
    count = p.shape[1]
    share = np.bincount(choices.ravel(), minlength=count) / choices.size
    loss = count * float(share @ p.mean(axis=0, dtype=np.float64))
    return loss, np.broadcast_to(count / len(p) * share, p.shape).astype(p.dtype)


def _rows(x, name):
    """Return an array of scores as rows, in float64."""
    if x.ndim == 0:
        raise ValueError(f"{name} must have shape (..., C), got a single number")
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1]).astype(np.float64)


def _rows_and_target(scores, target, name):
    """Return scores and target as rows of float64, and the labels, None for probabilities."""
    z = _rows(scores, name)
    target = check.target_array(target, scores.shape, np.float64)
    if target.ndim == 1:
        labels = class_labels(target.reshape(scores.shape[:-1]), scores.shape[:-1], z.shape[1])
        y = np.zeros_like(z)
        y[np.arange(len(z)), labels.reshape(-1)] = 1
        return z, y, labels.reshape(-1)
    sums = target.sum(axis=1)
    wrong = (target < 0).any(axis=1) | (np.abs(sums - 1) > 1e-3)
    if wrong.any():
        raise ValueError(
            "target must hold labels or rows of probabilities that sum to 1, "
            f"got the row {target[wrong][0]}"
        )
    return z, target, None


def _less_target(p, y, labels):
    """Return p − y; with labels, what is true is minus the sum of the others, to all digits."""
    if labels is None:
        return p - y
    rows, excess = np.arange(len(p)), p.copy()
    excess[rows, labels] = 0
    excess[rows, labels] -= excess.sum(axis=1)
    return excess


def _mean_gradient(rows, like):
    """Return the gradient of a mean over rows, in shape and dtype of the scores."""
    return (rows / max(len(rows), 1)).reshape(like.shape).astype(like.dtype)


def _log(p):
    with np.errstate(divide="ignore"):
        return np.log(p)


def _divergence(log_q, log_p):
    """Return the terms of KL(q‖p) + Σp − Σq: none is negative, so no digits are lost."""
    q, p = np.exp(log_q), np.exp(log_p)
    with np.errstate(invalid="ignore", over="ignore"):
        ratio = log_p - log_q
        small = q * (np.expm1(ratio) - ratio)
        terms = np.where(np.abs(ratio) < 1, small, p - q - q * ratio)
    return np.where(q == 0, p, terms)


def _bregman(p, y, excess, alpha):
    """Return the terms of Ω(y) − Ω(p) − ⟨∇Ω(p), y − p⟩, of which none is negative."""
    ratio = np.divide(excess, y, out=np.zeros_like(y), where=y != 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where(ratio > -0.5, np.log1p(np.maximum(ratio, -1)), np.log(p / y))  # of p / y
    there = alpha * ratio * np.exp((alpha - 1) * log) - np.expm1(alpha * log)
    return np.where(y == 0, p**alpha, y**alpha * there / (alpha - 1)) / alpha


def _price_of_zeros(z, p, y, alpha):
    """Return y times how far a score lies below the threshold at which its class gets 0."""
    top = z.max(axis=1, keepdims=True, initial=-np.inf)
    threshold = top - p.max(axis=1, keepdims=True, initial=0) ** (alpha - 1) / (alpha - 1)
    return np.multiply(y, threshold - z, out=np.zeros_like(y), where=(p == 0) & (y != 0))


def _mean(losses):
    """Return the mean as a float; that of no losses is nan, as in PyTorch."""
    return float(losses.mean(dtype=np.float64)) if losses.size else math.nan


def _pair(pred, target, name):
    pred, target = float_array(pred, name), float_array(target, "target", booleans=True)
    same_shape(target, pred, "target", name)
    return pred, target.astype(pred.dtype, copy=False)
