r"""Cross-entropy: the loss, its gradient, and both for a linear layer without its logits."""

import math
from typing import Any

import numpy as np
from numpy import empty, ndarray

from .._core import validation as check
from .._core.buffers import LARGE_BYTES, new_array
from .._core.rows import RowLayout, can_hold_result, compute_dtype, contiguous, kernel_rows
from .._core.types import Array, ArrayLike
from .backend import kernels

_REDUCTIONS = ("mean", "sum", "none")
_INT64 = np.dtype("int64")
_IGNORED = -100  # the default of ignore_index
_CHUNK_BYTES = 1 << 25  # of logits at a time in linear_cross_entropy
_CHUNK_COLUMNS = 2048  # of the gradient of the weights at a time


def cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
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
        PyTorch has the classes second, (N, C, T); here they are last: ``np.moveaxis(x, 1, -1)``.
    weight : array_like, shape (C,), optional
        A finite weight for each class; all 1 if not given.
    sample_weight : array_like, shape (...), optional
        A weight of at least 0 for each row, by which its loss is multiplied.  A row of weight
        0 costs nothing, even if its logits are nan.
    ignore_index : int, default -100
        Rows with this label cost nothing, have gradient 0 and do not count in the mean,
        even if their logits are nan.  Not with probability targets.
    reduction : {"mean", "sum", "none"}, default "mean"
        For labels the mean divides by the sum of :math:`s_i w_{y_i}` over the rows that are
        not ignored, with :math:`s_i` the weight of row i; for probabilities by the sum of
        the :math:`s_i`, which without weights is the number of rows.  "none" returns a loss
        for each row.
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
        weight is None
        and sample_weight is None
        and reduction.__class__ is str
        and reduction == "mean"
        and (label_smoothing.__class__ is float or label_smoothing.__class__ is int)
        and label_smoothing == 0
    ):
        rows = kernel_rows(logits)
        labels = None if rows is None else _kernel_labels(target, logits.shape)
        if labels is not None and ignore_index.__class__ is int:
            return _mean_loss(rows, labels, ignore_index, None, target)
    options = weight, sample_weight, ignore_index, reduction, label_smoothing
    return _loss(logits, target, options, False, None)[0]


def softmax_cross_entropy(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    out: Array | None = None,
) -> tuple[Any, Array]:
    r"""Return the cross-entropy and its gradient, both from one pass over the logits.

    For a label y the gradient is :math:`w_y (p - e_y)`, times the weight of the row, over what
    the mean divides by; for coefficients :math:`a_c = w_c Q_c` it is
    :math:`p \sum_c a_c - a`.

    Parameters
    ----------
    logits, target, weight, sample_weight, ignore_index, reduction, label_smoothing
        As `cross_entropy`.
    out : ndarray, optional
        Receives the gradient: the shape and dtype of `logits`.  It may be `logits`
        itself.  If a label is out of range, it is left as it was.

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
        weight is None
        and sample_weight is None
        and reduction.__class__ is str
        and reduction == "mean"
        and (label_smoothing.__class__ is float or label_smoothing.__class__ is int)
        and label_smoothing == 0
    ):
        rows = kernel_rows(logits)
        labels = None if rows is None else _kernel_labels(target, logits.shape)
        if (
            labels is not None
            and ignore_index.__class__ is int
            and (out is None or can_hold_result(out, logits))
        ):
            if out is not None:
                labels = _checked_before(out, labels, rows.shape[1], ignore_index, target)
                dlogits = out
            elif logits.nbytes < LARGE_BYTES:
                dlogits = empty(logits.shape, logits.dtype)
            else:
                dlogits = new_array(logits.shape, logits.dtype)
            dx = dlogits if dlogits.ndim == 2 else dlogits.reshape(rows.shape)
            return _mean_loss(rows, labels, ignore_index, dx, target), dlogits
    options = weight, sample_weight, ignore_index, reduction, label_smoothing
    return _loss(logits, target, options, True, out)


def linear_cross_entropy(
    x: ArrayLike,
    W: ArrayLike,
    target: ArrayLike,
    b: ArrayLike | None = None,
    *,
    weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> tuple[Any, tuple[Array, Array, Array | None]]:
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
    weight, sample_weight, ignore_index, reduction, label_smoothing
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
    rows = contiguous(x, real).reshape(math.prod(x.shape[:-1]), x.shape[-1])
    options = weight, sample_weight, ignore_index, reduction, label_smoothing
    objective = _Objective(target, (*x.shape[:-1], W.shape[1]), real, options)
    ignored = objective.ignored()
    if ignored.any():  # 0 · nan is nan: what does not count must not meet a gradient of 0
        rows = np.where(ignored[:, None], rows.dtype.type(0), rows)
    losses = np.empty(len(rows), real)
    b = None if b is None else b.astype(real, copy=False)
    dx, dW, db = _linear_pass(rows, W.astype(real, copy=False), b, objective, losses)
    loss = objective.reduce(float(losses.sum(dtype=np.float64)), losses, dtype)
    dx, dW = dx.astype(dtype, copy=False).reshape(x.shape), dW.astype(dtype, copy=False)
    return loss, (dx, dW, None if db is None else db.astype(dtype, copy=False))


def _linear_pass(x, W, b, objective, losses):
    """Fill the losses and return the gradients of x, W and b, a chunk of rows at a time."""
    (n, d), classes = x.shape, W.shape[1]
    dx, dW = np.empty((n, d), x.dtype), np.zeros((d, classes), x.dtype)
    db = None if b is None else np.zeros(classes, x.dtype)
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
    """A cross-entropy with its target and options checked, to be run on rows of logits.

    Rows that do not count are labeled ``ignore_index``: those with a label of that value, of
    sample weight 0, or of a class with weight 0.
    """

    def __init__(self, target, shape, dtype, options):
        weight, sample_weight, ignore_index, reduction, label_smoothing = options
        self.given, self.shape, self.classes = target, shape[:-1], shape[-1]
        self.reduction = check.choice(reduction, _REDUCTIONS, "reduction")
        self.smoothing = check.fraction(label_smoothing, "label_smoothing")
        self.ignore_index = check.integer(ignore_index, "ignore_index")
        self.weight = check.class_weights(weight, self.classes, dtype)
        self.sample_weight = check.row_weights(sample_weight, self.shape, dtype)
        self.target = check.target_array(target, shape, dtype)
        self.is_labels = self.target.ndim == 1
        if self.is_labels:
            self._count_labels()
        elif self.ignore_index != _IGNORED:
            raise ValueError(
                "ignore_index goes with labels, not with probability targets, "
                f"got ignore_index={self.ignore_index}"
            )
        elif self.sample_weight is None:
            self.divisor = float(len(self.target))
        else:
            self.divisor = float(self.sample_weight.sum(dtype=np.float64))
        if self.reduction != "mean":
            self.divisor = 1.0

    def _count_labels(self):
        """Check all labels, find what the mean divides by, and mark the rows without weight."""
        bad, self.divisor = kernels.check_labels(
            self.target, self.classes, self.ignore_index, self.weight
        )
        if bad >= 0:
            check.raise_label(self.given, bad, self.classes)
        without_class = self.weight is not None and (self.weight == 0).any()
        if self.sample_weight is None and not without_class:
            return
        kept = self.target != self.ignore_index
        of_rows = np.ones(len(kept)) if self.sample_weight is None else self.sample_weight
        of_classes = np.ones(self.classes) if self.weight is None else self.weight
        of_labels = np.zeros(len(kept))
        of_labels[kept] = of_classes[self.target[kept]]
        self.divisor = float((of_rows * of_labels).sum(dtype=np.float64))
        if without_class and self.smoothing:  # the other classes keep their part of the target
            self.sample_weight = np.where(kept, of_rows, 0).astype(self.weight.dtype)
            self._smooth(self.sample_weight > 0)
        else:
            self.target = np.where((of_rows > 0) & (of_labels != 0), self.target, self.ignore_index)

    def _smooth(self, kept):
        """Write the labels as rows of probabilities, with the smoothing in them."""
        probs = np.zeros((len(kept), self.classes), self.weight.dtype)
        probs[kept] = self.smoothing / self.classes
        probs[kept, self.target[kept]] += 1 - self.smoothing
        self.target, self.smoothing, self.is_labels = probs, 0.0, False

    def ignored(self):
        """Return which rows do not count."""
        if self.is_labels:
            return self.target == self.ignore_index
        if self.sample_weight is None:
            return np.zeros(len(self.target), bool)
        return self.sample_weight == 0

    def run(self, x, rows, losses, dx):
        """Fill the losses and, unless None, the gradient of these rows; return Σ losses."""
        divisor = self.divisor or math.nan
        if self.sample_weight is None:
            return self._run(x, self.target[rows], divisor, losses, dx)
        weights = self.sample_weight[rows]
        self._run(x, self.target[rows], 1.0, losses, dx)
        losses *= weights
        losses[weights == 0] = 0
        if dx is not None:
            dx *= (weights / x.dtype.type(divisor))[:, None]
            dx[weights == 0] = 0
        return float(losses.sum(dtype=np.float64))

    def _run(self, x, target, divisor, losses, dx):
        if not self.is_labels:
            return kernels.cross_entropy_probs(
                x, target, self.weight, self.smoothing, divisor, losses, dx
            )
        bad, total, _ = kernels.cross_entropy_labels(
            x, target, self.ignore_index, self.weight, self.smoothing, divisor, losses, dx
        )
        if bad >= 0:  # only if another thread has written into the labels
            check.raise_label(target, bad, self.classes)
        return total

    def reduce(self, total, losses, dtype):
        """Return the loss that the reduction asks for, from the sum or from the rows."""
        with np.errstate(over="ignore"):
            if self.reduction == "none":
                return losses.astype(dtype, copy=False).reshape(self.shape)[()]
            if self.reduction == "mean":
                total = total / self.divisor if self.divisor else math.nan
            return dtype.type(total)


def _loss(logits, target, options, wanted, out):
    """Return the loss, and its gradient if it is wanted."""
    logits = check.float_array(logits, "logits")
    if logits.ndim == 0:
        raise ValueError("logits must have shape (..., C), got a single number")
    layout = RowLayout(logits.shape, (logits.ndim - 1,))
    rows = layout.rows(logits)
    objective = _Objective(target, logits.shape, rows.dtype, options)
    losses = np.empty(len(rows), rows.dtype)
    if not wanted:
        return objective.reduce(
            objective.run(rows, slice(None), losses, None), losses, logits.dtype
        ), None
    if out is not None:
        check.output_array(out, logits.shape, logits.dtype)
        if np.may_share_memory(objective.target, out):
            objective.target = objective.target.copy()
    dx = layout.result_rows(out, logits.dtype, rows, logits)
    total = objective.run(rows, slice(None), losses, dx)
    dlogits = layout.array(dx, logits.dtype, out)
    return objective.reduce(total, losses, logits.dtype), dlogits


def _kernel_labels(target, logits_shape):
    """Return the labels of the rows as the kernels take them, or None if that needs more care."""
    if target.__class__ is not ndarray or target.shape != logits_shape[:-1]:
        return None
    if target.dtype is not _INT64 or not target.flags.carray:
        if target.dtype.kind not in "iu" or target.dtype == np.uint64:
            return None
        target = target.astype(np.int64, order="C")
    if target.ndim != 1:
        target = target.reshape(-1)
    return target if len(target) else None


def _checked_before(out, labels, classes, ignore_index, given):
    """Return labels that the result cannot overwrite; refuse wrong ones while all is as it was."""
    bad, _ = kernels.check_labels(labels, classes, ignore_index, None)
    if bad >= 0:
        check.raise_label(given, bad, classes)
    return labels.copy() if np.may_share_memory(labels, out) else labels


def _mean_loss(rows, labels, ignore_index, dx, given):
    """The common case, in which nothing has to be brought into another form."""
    bad, loss = kernels.mean_loss(rows, labels, ignore_index, dx)
    if bad >= 0:
        check.raise_label(given, bad, rows.shape[1])
    return rows.dtype.type(loss)
