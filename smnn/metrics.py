r"""How good is a classifier?  Counts, ranks and probabilities.

Three questions, from coarse to fine: whether the first choice is right (accuracy, confusion
matrix), whether the true class is among the first k (top-k accuracy), and how much probability
the true class gets.  With :math:`p_{n,y_n}` for that probability,

.. math::
    \mathrm{NLL} = -\frac1N \sum_n \ln p_{n,y_n}, \qquad \mathrm{perplexity} = e^{\mathrm{NLL}}

A last question is whether confidence is justified: of all predictions made with confidence
0.8, 80% should be right.  The expected calibration error measures how far from it they are.

Every metric takes ``(y_true, y_pred)``, as scikit-learn does.  Losses, which are for
training, take (prediction, target).  No probability is clipped: a true class with probability
0 costs infinity.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._core.validation import (
    float_array,
    integer,
    integer_array,
    plain_array,
    positive_integer,
    raise_label,
    target_array,
)


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the share of examples whose first choice is right.

    Parameters
    ----------
    y_true : array_like of int, shape (N,), or of float, shape (N, K)
        Class indices, or probabilities whose largest marks the class.
    y_pred : array_like of int, shape (N,), or of float, shape (N, K)
        Predicted class indices, or one score per class: logits or probabilities.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> from smnn import accuracy
    >>> accuracy([0, 1, 2, 1], [0, 1, 2, 2])
    0.75
    >>> accuracy([0, 1], [[0.9, 0.1], [0.8, 0.2]])
    0.5
    """
    given = plain_array(y_true, "y_true"), plain_array(y_pred, "y_pred")
    true, pred = _classes(given[0], "y_true"), _classes(given[1], "y_pred")
    _same_length(true, pred)
    for scores in given:
        if scores.ndim == 2:
            _check_range(true, scores.shape[1])
            _check_range(pred, scores.shape[1])
    return float(np.mean(true == pred))


def top_k_accuracy(y_true: ArrayLike, scores: ArrayLike, k: int = 5) -> float:
    """Return the share of examples whose class is among the k highest scores.

    Equal scores are ranked by class index, as ``argmax`` does.  So k = 1 is accuracy.

    Parameters
    ----------
    y_true : array_like of int, shape (N,)
    scores : array_like of float, shape (N, K)
        Logits or probabilities.
    k : int
        From 1 to K.

    Returns
    -------
    float

    Examples
    --------
    >>> from smnn import top_k_accuracy
    >>> top_k_accuracy([2, 0], [[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]], k=2)
    0.5
    """
    of_classes = _scores(scores, "scores")
    labels = _labels_for(y_true, of_classes)[:, None]
    n_classes = of_classes.shape[1]
    if not 1 <= integer(k, "k") <= n_classes:
        raise ValueError(f"k must be from 1 to {n_classes}, the number of classes, got {k}")
    own = np.take_along_axis(of_classes, labels, axis=1)
    before = np.arange(n_classes) < labels
    rank = np.sum((of_classes > own) | ((of_classes == own) & before), axis=1)
    return float(np.mean(rank < k))


def confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, *, n_classes: int | None = None
) -> NDArray[np.int64]:
    """Return how often each class was taken for each other: rows are true, columns predicted.

    Parameters
    ----------
    y_true : array_like of int, shape (N,)
    y_pred : array_like of int, shape (N,), or of float, shape (N, K)
        Predicted class indices, or one score per class.
    n_classes : int, optional
        The number of classes K; by default as many as occur.

    Returns
    -------
    ndarray of int, shape (K, K)

    Examples
    --------
    >>> from smnn import confusion_matrix
    >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2])
    array([[1, 1, 0],
           [0, 1, 0],
           [0, 0, 1]])
    """
    given = plain_array(y_pred, "y_pred")
    seen = given.shape[1] if given.ndim == 2 else 0
    true, pred = _classes(y_true, "y_true"), _classes(given, "y_pred")
    _same_length(true, pred)
    if n_classes is None:
        n_classes = max(seen, 1 + int(max(true.max(), pred.max())))
    n_classes = positive_integer(n_classes, "n_classes")
    for labels in (true, pred):
        _check_range(labels, n_classes)
    try:
        counts = np.zeros((n_classes, n_classes), np.int64)
    except (MemoryError, ValueError):
        raise ValueError(f"{n_classes} classes are too many for a table of all pairs") from None
    np.add.at(counts, (true, pred), 1)
    return counts


def negative_log_likelihood(y_true: ArrayLike, probs: ArrayLike) -> float:
    r"""Return the mean of minus the natural logarithm of the true class's probability.

    .. math:: -\frac1N \sum_n \ln p_{n,y_n}

    For targets that are distributions :math:`t_n` it is the mean of
    :math:`-\sum_k t_{nk} \ln p_{nk}`.

    Parameters
    ----------
    y_true : array_like of int, shape (N,), or of float, shape (N, K)
    probs : array_like of float, shape (N, K)
        Rows that are not negative and sum to 1.

    Returns
    -------
    float
        In nats; infinity when a class with probability 0 came true.

    Examples
    --------
    >>> from smnn import negative_log_likelihood
    >>> round(negative_log_likelihood([0, 1], [[0.5, 0.5], [0.2, 0.8]]), 4)
    0.4581
    """
    rows = _probabilities(probs)
    true = plain_array(y_true, "y_true")
    if true.dtype.kind == "b" and true.ndim == 1:
        true = true.astype(np.int64)
    target = target_array(true, rows.shape, rows.dtype)
    with np.errstate(divide="ignore"):
        information = -np.log(rows.astype(np.float64))
    if target.ndim == 1:
        _check_range(target, rows.shape[1])
        return float(np.mean(information[np.arange(len(target)), target])) + 0.0  # not −0
    _probabilities(target, "y_true")
    possible = target > 0
    return float(np.sum(target[possible] * information[possible]) / len(rows)) + 0.0


def perplexity(y_true: ArrayLike, probs: ArrayLike) -> float:
    r"""Return :math:`e^{\mathrm{NLL}}`: among how many equal classes a choice is as uncertain.

    Parameters
    ----------
    y_true : array_like of int, shape (N,)
    probs : array_like of float, shape (N, K)

    Returns
    -------
    float
        At least 1; K for uniform probabilities.

    Examples
    --------
    >>> from smnn import perplexity
    >>> round(perplexity([0, 3], [[0.25] * 4, [0.25] * 4]), 6)
    4.0
    """
    try:
        return math.exp(negative_log_likelihood(y_true, probs))
    except OverflowError:
        return math.inf


def expected_calibration_error(y_true: ArrayLike, probs: ArrayLike, *, n_bins: int = 15) -> float:
    r"""Return how far confidence is from accuracy, on average.

    Predictions are binned by their confidence, the probability of the first choice.  Over
    the bins B,

    .. math:: \mathrm{ECE} = \sum_B \frac{|B|}{N}
              \left|\mathrm{accuracy}(B) - \mathrm{confidence}(B)\right|

    Parameters
    ----------
    y_true : array_like of int, shape (N,)
    probs : array_like of float, shape (N, K)
    n_bins : int
        Bins of equal width from 0 to 1.

    Returns
    -------
    float
        From 0 to 1.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Weinberger, On calibration of modern neural networks,
    ICML 2017.

    Examples
    --------
    >>> from smnn import expected_calibration_error
    >>> round(expected_calibration_error([0, 1], [[0.8, 0.2], [0.8, 0.2]]), 6)
    0.3
    """
    confidence, correct, count = reliability_curve(y_true, probs, n_bins=n_bins)
    return float(np.sum(count * np.abs(correct - confidence)) / np.sum(count))


def reliability_curve(
    y_true: ArrayLike, probs: ArrayLike, *, n_bins: int = 15
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return mean confidence and accuracy of the predictions in each bin that is not empty.

    Parameters
    ----------
    y_true : array_like of int, shape (N,)
    probs : array_like of float, shape (N, K)
    n_bins : int
        Bins of equal width from 0 to 1, each with its upper end.

    Returns
    -------
    confidence, correct : ndarray of float, shape (B,)
        For each of the B bins that hold predictions.
    count : ndarray of int, shape (B,)
        How many predictions each holds.

    Examples
    --------
    >>> from smnn import reliability_curve
    >>> probs = [[0.75, 0.25], [0.75, 0.25], [0.5, 0.5]]
    >>> confidence, correct, count = reliability_curve([0, 1, 0], probs, n_bins=10)
    >>> confidence, correct, count
    (array([0.5 , 0.75]), array([1. , 0.5]), array([1, 2]))
    """
    n_bins = positive_integer(n_bins, "n_bins")
    rows = _probabilities(probs)
    confidence = rows.max(axis=1).astype(np.float64)
    correct = (rows.argmax(axis=1) == _labels_for(y_true, rows)).astype(np.float64)
    index = np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], confidence)
    count = np.bincount(index, minlength=n_bins)
    kept = count > 0
    mean = [
        np.bincount(index, values, n_bins)[kept] / count[kept] for values in (confidence, correct)
    ]
    return mean[0], mean[1], count[kept]


def _scores(scores, name):
    """Return one score per class for each example, at least one example, and none NaN."""
    scores = float_array(scores, name)
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(
            f"{name} must have shape (N, K) with at least two classes, got {scores.shape}"
            + ("; pass class indices as a row, with .ravel()" if scores.ndim == 2 else "")
        )
    _not_empty(scores, name)
    if np.isnan(scores).any():
        row = int(np.isnan(scores).any(axis=1).argmax())
        raise ValueError(f"{name} must not be NaN, got {scores[row]} in row {row}")
    return scores


def _probabilities(probs, name="probs"):
    probs = _scores(probs, name)
    tolerance = max(1e-6, 2 * probs.shape[1] * np.finfo(probs.dtype).eps)
    with np.errstate(invalid="ignore", over="ignore"):
        totals = probs.sum(axis=1, dtype=np.float64)
    wrong = (probs < 0).any(axis=1) | ~(np.abs(totals - 1) <= tolerance)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{name} must hold probabilities, rows that are not negative and sum to 1 "
            f"(pass logits through softmax first), got {probs[row]} in row {row}"
        )
    return probs


def _classes(values, name):
    """Return class indices, as they are or as the place of the largest score."""
    values = plain_array(values, name)
    if values.ndim == 2:
        return _scores(values, name).argmax(axis=1)
    if values.ndim != 1:
        raise ValueError(f"{name} must have shape (N,) or (N, K), got {values.shape}")
    _not_empty(values, name)
    if values.dtype.kind not in "iub":
        raise TypeError(
            f"{name} must hold class indices when it has one axis, got dtype {values.dtype}"
        )
    if values.dtype.kind == "i" and values.min() < 0:
        raise ValueError(f"{name} must hold class indices of at least 0, got {values.min()}")
    return integer_array(values.astype(np.int64) if values.dtype.kind == "b" else values, name)


def _labels_for(y_true, scores):
    y_true = _classes(y_true, "y_true")
    _same_length(y_true, scores)
    _check_range(y_true, scores.shape[1])
    return y_true


def _check_range(labels, n_classes):
    wrong = (labels < 0) | (labels >= n_classes)
    if wrong.any():
        raise_label(labels, int(wrong.argmax()), n_classes)


def _same_length(y_true, y_pred):
    if len(y_true) != len(y_pred):
        raise ValueError(
            f"y_true and y_pred must be equally long, got {len(y_true)} and {len(y_pred)}"
        )


def _not_empty(values, name):
    if len(values) == 0:
        raise ValueError(f"{name} must hold at least one example, got shape {values.shape}")
