r"""Cross-entropy: the loss, its gradient, and both for a linear layer without its logits."""

import math

import numpy as np
from numpy import empty, ndarray

from .._core import validation as check
from .._core.buffers import LARGE_BYTES, new_array
from .._core.rows import RowLayout, compute_dtype, fits, in_one_piece, is_plain
from .backend import kernels

_REDUCTIONS = ("mean", "sum", "none")
_INT64 = np.dtype("int64")
# The values of arguments that were not given: see functional.py.
_IGNORED, _MEAN, _NONE = -100, "mean", 0.0
_CHUNK_BYTES = 1 << 25  # of logits at a time in linear_cross_entropy
_CHUNK_COLUMNS = 2048  # of the gradient of the weights at a time


def cross_entropy(
    logits,
    target,
    *,
    weight=None,
    ignore_index=_IGNORED,
    reduction=_MEAN,
    label_smoothing=_NONE,
):
    r"""Return the cross-entropy of softmax(logits) against a target.

    With :math:`\log p` the log-softmax of a row, a label y costs
    :math:`-w_y \log p_y`, and a row of probabilities Q costs
    :math:`-\sum_c w_c Q_c \log p_c`.

    Parameters
    ----------
    logits : array_like, shape (..., C)
        The scores, classes last.
    target : array_like
        Integer labels from 0 to C − 1, of shape (...), or probabilities of shape (..., C).
    weight : array_like, shape (C,), optional
        A weight for each class, 1 unless given.
    ignore_index : int, default -100
        Rows with this label cost nothing, have gradient 0 and do not count in the mean,
        even if their logits are nan.  Not with probability targets.
    reduction : {"mean", "sum", "none"}, default "mean"
        For labels the mean divides by the sum of the weights of the labels that are not
        ignored, for probabilities by the number of rows.  "none" returns a loss for
        each row.
    label_smoothing : float, default 0.0
        :math:`\varepsilon` in [0, 1]: the target is mixed with the uniform distribution,
        :math:`(1-\varepsilon) Q + \varepsilon / C`.

    Returns
    -------
    scalar, or ndarray of shape (...)
        The loss, in the floating dtype of `logits`.

    Raises
    ------
    IndexError
        If a label is out of range; it names the row, the label and the range.
    TypeError
        If labels are not integers, or something does not hold real numbers.
    ValueError
        If an argument has the wrong shape or value.

    Notes
    -----
    Arguments and results agree with ``torch.nn.functional.cross_entropy``, except that
    classes are the last axis.  Where it is inexact, this function is not: the loss of a
    confident prediction is the small number that it is and not 0, an ignored row has
    gradient 0 even where its logits are nan, and a target of 0 against a logit of −inf
    contributes 0.  A mean over no rows is nan.

    References
    ----------
    C. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016
    (label smoothing).

    Examples
    --------
    >>> from smnn import cross_entropy
    >>> round(float(cross_entropy([[0.0, 0.0], [3.0, 0.0]], [1, 0])), 3)
    0.371
    >>> cross_entropy([[0.0, 0.0], [3.0, 0.0]], [1, 0], reduction="none").round(3)
    array([0.693, 0.049])
    """
    if (
        reduction is _MEAN
        and weight is None
        and ignore_index is _IGNORED
        and label_smoothing is _NONE
        and is_plain(logits)
        and _is_plain_target(target, logits)
    ):
        return _mean_loss(logits, target, None)
    return _loss(logits, target, weight, ignore_index, reduction, label_smoothing, False, None)[0]


def softmax_cross_entropy(
    logits,
    target,
    *,
    weight=None,
    ignore_index=_IGNORED,
    reduction=_MEAN,
    label_smoothing=_NONE,
    out=None,
):
    r"""Return the cross-entropy and its gradient, both from one pass over the logits.

    For a label y the gradient is :math:`w_y (p - e_y)` times 1 over what the mean
    divides by; for coefficients :math:`a_c = w_c Q_c` it is
    :math:`p \sum_c a_c - a`.

    Parameters
    ----------
    logits, target, weight, ignore_index, reduction, label_smoothing
        As `cross_entropy`.
    out : ndarray, optional
        Receives the gradient: the shape and dtype of `logits`.  It may be `logits`
        itself.

    Returns
    -------
    loss : scalar, or ndarray of shape (...)
        As `cross_entropy`.
    dlogits : ndarray, shape (..., C)
        The gradient of the loss; for ``reduction="none"``, of each row's own loss.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `cross_entropy`.

    Examples
    --------
    >>> from smnn import softmax_cross_entropy
    >>> loss, dlogits = softmax_cross_entropy([[0.0, 0.0]], [1])
    >>> round(float(loss), 3), dlogits
    (0.693, array([[ 0.5, -0.5]]))
    """
    if (
        reduction is _MEAN
        and weight is None
        and ignore_index is _IGNORED
        and label_smoothing is _NONE
        and is_plain(logits)
        and _is_plain_target(target, logits)
        and (out is None or fits(out, logits))
    ):
        if out is not None:
            dlogits = out
        elif logits.nbytes < LARGE_BYTES:
            dlogits = empty(logits.shape, logits.dtype)
        else:
            dlogits = new_array(logits.shape, logits.dtype)
        return _mean_loss(logits, target, dlogits), dlogits
    return _loss(logits, target, weight, ignore_index, reduction, label_smoothing, True, out)


def linear_cross_entropy(
    x,
    W,
    target,
    b=None,
    *,
    weight=None,
    ignore_index=_IGNORED,
    reduction=_MEAN,
    label_smoothing=_NONE,
):
    r"""Return the cross-entropy of a linear layer and its gradients, without the logits.

    The logits :math:`XW + b` are formed a few rows at a time, turned into their gradient
    where they stand, multiplied into the gradients of X, W and b, and forgotten.  For a
    large vocabulary the (N, C) array that is never stored is most of the memory of
    training.

    Parameters
    ----------
    x : array_like, shape (..., d)
        The inputs of the layer.
    W : array_like, shape (d, C)
        Its weights.
    target : array_like
        As `cross_entropy`.
    b : array_like, shape (C,), optional
        Its biases.
    weight, ignore_index, reduction, label_smoothing
        As `cross_entropy`.

    Returns
    -------
    loss : scalar, or ndarray of shape (...)
        As `cross_entropy`.
    gradients : tuple (dx, dW, db)
        The gradients of the loss; for ``reduction="none"``, of the sum of the losses.
        ``db`` is None if `b` is None.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `cross_entropy`.

    References
    ----------
    E. Wijmans et al., "Cut Your Losses in Large-Vocabulary Language Models", 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import linear_cross_entropy
    >>> loss, (dx, dW, db) = linear_cross_entropy([[1.0, 2.0]], np.zeros((2, 2)), [0])
    >>> round(float(loss), 3), dW, db
    (0.693, array([[-0.5,  0.5],
           [-1. ,  1. ]]), None)
    """
    x, W = check.float_array(x, "x"), check.float_array(W, "W")
    if x.ndim == 0 or W.ndim != 2 or x.shape[-1] != W.shape[0]:
        raise ValueError(
            "x must have shape (..., d) and W shape (d, C), "
            f"got x of shape {x.shape} and W of shape {W.shape}"
        )
    dtype = np.result_type(x, W)
    if b is not None:
        b = check.float_array(b, "b")
        if b.shape != (W.shape[1],):
            raise ValueError(f"b must have shape ({W.shape[1]},), got shape {b.shape}")
        dtype = np.result_type(dtype, b)
    real = compute_dtype(dtype)
    rows = in_one_piece(x, real).reshape(math.prod(x.shape[:-1]), x.shape[-1])
    objective = _Objective(
        target,
        (*x.shape[:-1], W.shape[1]),
        real,
        weight,
        ignore_index,
        reduction,
        label_smoothing,
    )
    losses = np.empty(len(rows), real)
    b = None if b is None else b.astype(real, copy=False)
    gradients = _linear_pass(rows, W.astype(real, copy=False), b, objective, losses)
    dx, dW, db = (None if g is None else g.astype(dtype, copy=False) for g in gradients)
    loss = objective.reduce(float(losses.sum(dtype=np.float64)), losses, dtype)
    return loss, (dx.reshape(x.shape), dW, db)


def _linear_pass(x, W, b, objective, losses):
    """Fill the losses and return the gradients of x, W and b, a chunk of rows at a time."""
    (n, d), classes = x.shape, W.shape[1]
    dx, dW = np.empty((n, d), x.dtype), np.zeros((d, classes), x.dtype)
    db = None if b is None else np.zeros(classes, x.dtype)
    objective.count()
    chunk = max(1, _CHUNK_BYTES // max(1, classes * x.itemsize))
    logits = np.empty((min(chunk, n), classes), x.dtype)
    for start in range(0, n, chunk):
        rows = slice(start, start + chunk)
        part = np.matmul(x[rows], W, out=logits[: len(x[rows])])
        if b is not None:
            part += b
        objective.run(part, rows, losses[rows], part)  # the gradient takes the logits' place
        np.matmul(part, W.T, out=dx[rows])
        for first in range(0, classes, _CHUNK_COLUMNS):
            columns = slice(first, first + _CHUNK_COLUMNS)
            dW[:, columns] += x[rows].T @ part[:, columns]
        if b is not None:
            db += part.sum(axis=0)
    return dx, dW, db


class _Objective:
    """A cross-entropy with its target and options checked, to be run on rows of logits."""

    def __init__(self, target, shape, dtype, weight, ignore_index, reduction, label_smoothing):
        self.given, self.shape, self.classes = target, shape[:-1], shape[-1]
        self.reduction = check.choice(reduction, _REDUCTIONS, "reduction")
        self.smoothing = check.fraction(label_smoothing, "label_smoothing")
        self.ignore_index = check.integer(ignore_index, "ignore_index")
        self.weight = check.class_weights(weight, self.classes, dtype)
        self.target = check.target_array(target, shape, dtype)
        self.is_labels = self.target.ndim == 1
        if not self.is_labels and self.ignore_index != _IGNORED:
            raise ValueError(
                "ignore_index goes with labels, not with probability targets, "
                f"got ignore_index={self.ignore_index}"
            )
        # What the mean divides by; 0 where it is yet to be found.
        self.divisor = 0.0 if self.is_labels else float(len(self.target))

    def count(self):
        """Check all labels and find what the mean divides by."""
        if self.is_labels:
            bad, self.divisor = kernels.check_labels(
                self.target, self.classes, self.ignore_index, self.weight
            )
            if bad >= 0:
                check.raise_label(self.given, bad, self.classes)
            self.divisor = self.divisor or math.nan

    def run(self, x, rows, losses, dx):
        """Fill the losses and, unless None, the gradient of these rows; return Σ losses."""
        divisor = self.divisor if self.reduction == "mean" else 1.0
        target = self.target[rows]
        if not self.is_labels:
            return kernels.cross_entropy_probs(
                x, target, self.weight, self.smoothing, divisor, losses, dx
            )
        bad, total, weights = kernels.cross_entropy_labels(
            x, target, self.ignore_index, self.weight, self.smoothing, divisor, losses, dx
        )
        if bad >= 0:
            check.raise_label(self.given, bad, self.classes)
        self.divisor = self.divisor or weights
        return total

    def reduce(self, total, losses, dtype):
        """Return the loss that the reduction asks for, from the sum or from the rows."""
        with np.errstate(over="ignore"):
            if self.reduction == "none":
                return losses.astype(dtype, copy=False).reshape(self.shape)[()]
            if self.reduction == "mean":
                total = total / self.divisor if self.divisor else math.nan
            return dtype.type(total)


def _loss(logits, target, weight, ignore_index, reduction, label_smoothing, wanted, out):
    """Return the loss, and its gradient if it is wanted."""
    logits = check.float_array(logits, "logits")
    if logits.ndim == 0:
        raise ValueError("logits must have shape (..., C), got a single number")
    if out is not None:
        check.output_array(out, logits.shape, logits.dtype)
    layout = RowLayout(logits.shape, (logits.ndim - 1,))
    rows = layout.rows(logits)
    objective = _Objective(
        target, logits.shape, rows.dtype, weight, ignore_index, reduction, label_smoothing
    )
    losses = np.empty(len(rows), rows.dtype)
    dx = layout.room(out, logits.dtype, rows) if wanted else None
    total = objective.run(rows, slice(None), losses, dx)
    dlogits = layout.array(dx, logits.dtype, out) if wanted else None
    return objective.reduce(total, losses, logits.dtype), dlogits


def _is_plain_target(target, logits):
    """Whether the kernels can take these labels as they are, and there are any."""
    return (
        type(target) is ndarray
        and target.dtype is _INT64
        and target.ndim == 1
        and 0 < len(target) == len(logits)
        and target.flags.carray
    )


def _mean_loss(logits, target, dlogits):
    """The common case, in which nothing has to be brought into another form."""
    bad, loss = kernels.mean_loss(logits, target, _IGNORED, dlogits)
    if bad >= 0:
        check.raise_label(target, bad, logits.shape[1])
    return logits.dtype.type(loss)
