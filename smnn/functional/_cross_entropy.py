r"""Cross-entropy: the loss, its gradient, and both for a linear layer without its logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import empty, ndarray

from .._core import validation as check
from .._core.buffers import LARGE_BYTES, new_array
from .._core.rows import (
    RowLayout,
    can_hold_result,
    compute_dtype,
    contiguous,
    lies_in_rows,
    may_overlap,
)
from .._core.types import Array, ArrayLike
from .backend import kernels

_REDUCTIONS = ("mean", "sum", "none")
_INT64 = np.dtype("int64")
_IGNORED = -100  # the default of ignore_index
# linear_cross_entropy: so many bytes of logits at a time.  From LARGE_LOGITS on, all that it needs
# beside inputs and results is a tenth of the logits, unless those are FEWEST_ROWS: with fewer at
# a time, adding up the gradient of the weights would take longer than the products.
# The share leaves room for what is one number for each row.
_CHUNK_BYTES, _LARGE_LOGITS, _LARGEST_SHARE = 1 << 25, 4_000_000, 1 / 11
# Numbers of the gradient of the weights at a time, which stay in the L2 cache.
_PANEL, _FEWEST_COLUMNS = 1 << 17, 64
_FEWEST_ROWS = 256
_Z_PANEL = 1 << 14  # of the gradient of the z-loss


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
        labels = _kernel_labels(target, logits.shape) if lies_in_rows(logits) else None
        if labels is not None and ignore_index.__class__ is int:
            return _mean_loss(logits, labels, ignore_index, None, target)
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
        labels = _kernel_labels(target, logits.shape) if lies_in_rows(logits) else None
        if (
            labels is not None
            and ignore_index.__class__ is int
            and (out is None or can_hold_result(out, logits))
        ):
            if out is not None:
                labels = labels.copy() if may_overlap(labels, out) else labels
                dlogits = out
            elif logits.nbytes < LARGE_BYTES:
                dlogits = empty(logits.shape, logits.dtype)
            else:
                dlogits = new_array(logits.shape, logits.dtype)
            return _mean_loss(logits, labels, ignore_index, dlogits, target), dlogits
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
    z_loss: float = 0.0,
    softcap: float | None = None,
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
    z_loss : float, default 0.0
        :math:`\lambda \ge 0`: each row costs :math:`\lambda \, \mathrm{logsumexp}(z)^2` more,
        which keeps the logits from drifting together.  `sample_weight` multiplies this term too,
        `weight` does not.  The mean divides it by what it divides the loss by, and an ignored
        row leaves it out.
    softcap : float, optional
        c > 0: the logits become :math:`z = c \tanh((xW + b) / c)`, between −c and c.

    Returns
    -------
    loss : scalar, or ndarray of shape (...)
        As `cross_entropy`, and the `z_loss` with it.
    gradients : tuple (dx, dW, db)
        The gradients of the loss; for ``reduction="none"``, of the sum of the losses.
        ``db`` is None if `b` is None.  Where the losses of the rows go on into something else,
        its gradient belongs into `sample_weight`: it cannot be multiplied in later.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `cross_entropy`.

    References
    ----------
    E. Wijmans et al., "Cut Your Losses in Large-Vocabulary Language Models", 2024.
    A. Chowdhery et al., "PaLM: Scaling Language Modeling with Pathways", 2022 (z-loss).

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
    z_loss = check.not_negative(z_loss, "z_loss")
    softcap = None if softcap is None else check.positive(softcap, "softcap")
    losses = np.empty(len(rows), real)
    b = None if b is None else b.astype(real, copy=False)
    W = W.astype(real, copy=False)
    dx, dW, db = _linear_pass(rows, W, b, objective, z_loss, softcap, losses)
    loss = objective.reduce(float(losses.sum(dtype=np.float64)), losses, dtype)
    dx, dW = dx.astype(dtype, copy=False).reshape(x.shape), dW.astype(dtype, copy=False)
    return loss, (dx, dW, None if db is None else db.astype(dtype, copy=False))


def _linear_pass(x, W, b, objective, z_loss, softcap, losses):
    """Fill the losses and return the gradients of x, W and b, a chunk of rows at a time."""
    (n, d), classes = x.shape, W.shape[1]
    dx, dW = np.empty((n, d), x.dtype), np.empty((d, classes), x.dtype)
    db = None if b is None else np.zeros(classes, x.dtype)
    apart = z_loss > 0 or softcap is not None  # the logits are needed beside their gradient
    ignored = objective.ignored(with_class_weights=z_loss == 0)
    columns, chunk = _sizes(n, d, classes, 1 + apart + objective.smooths, z_loss > 0, x.itemsize)
    panel = np.empty(d * columns, x.dtype)
    memory = [np.empty((chunk, classes), x.dtype) for _ in range(1 + apart)]
    if not n:
        dW.fill(0)
    for start in range(0, n, chunk):
        rows = slice(start, min(start + chunk, n))
        logits, gradient = memory[0][: rows.stop - start], memory[-1][: rows.stop - start]
        part = x[rows]
        if ignored[rows].any():  # 0 · nan is nan: what does not count must not meet a gradient of 0
            part = np.where(ignored[rows, None], x.dtype.type(0), part)
        np.matmul(part, W, out=logits)
        if b is not None:
            logits += b
        if softcap is not None:
            _cap(logits, softcap)
        objective.run(logits, rows, losses[rows], gradient)  # in place, if nothing is apart
        if z_loss:
            factors = objective.row_factors(rows, ignored)
            _add_z_loss(logits, z_loss, factors, losses[rows], gradient)
        if softcap is not None:
            logits *= x.dtype.type(1 / softcap)
            np.multiply(logits, logits, out=logits)
            gradient *= np.subtract(1, logits, out=logits)
        np.matmul(gradient, W.T, out=dx[rows])
        for first in range(0, classes, columns):
            of_columns = slice(first, min(first + columns, classes))
            if start == 0:
                np.matmul(part.T, gradient[:, of_columns], out=dW[:, of_columns])
            else:
                out = panel[: d * (of_columns.stop - first)].reshape(d, -1)
                dW[:, of_columns] += np.matmul(part.T, gradient[:, of_columns], out=out)
        if b is not None:
            db += gradient.sum(axis=0)
    return dx, dW, db


def _sizes(n, d, classes, arrays, with_z_loss, itemsize):
    """Return how many columns of dW, and how many rows of logits, are formed at a time.

    ``arrays`` counts the arrays of the size of these rows.
    """
    columns, row = _PANEL // max(1, d), max(1, arrays * classes)
    rows = _CHUNK_BYTES // (row * itemsize)
    if n * classes >= _LARGE_LOGITS:
        most = int(_LARGEST_SHARE * n * classes)
        columns = min(columns, most // (4 * max(1, d)))
        columns = min(classes, max(_FEWEST_COLUMNS, columns))
        z_panel = max(classes, _Z_PANEL) if with_z_loss else 0
        rows = min(rows, max(_FEWEST_ROWS // arrays, (most - d * columns - z_panel) // row))
    return min(classes, max(_FEWEST_COLUMNS, columns)), max(1, min(rows, n))


def _cap(logits, softcap):
    """Turn logits z into c tanh(z / c)."""
    logits *= logits.dtype.type(1 / softcap)
    np.tanh(logits, out=logits)
    logits *= logits.dtype.type(softcap)


def _add_z_loss(logits, z_loss, factors, losses, gradient):
    """Add z_loss · logsumexp² of each row, and its gradient, by the factors of both."""
    of_losses, of_gradients = factors
    lse = np.empty(len(logits), logits.dtype)
    kernels.logsumexp(logits, lse)
    counts = of_losses != 0
    with np.errstate(over="ignore", invalid="ignore"):
        losses += np.where(counts, z_loss * of_losses * lse * lse, 0)
        slope = np.where(counts, 2 * z_loss * of_gradients * lse, 0).astype(logits.dtype)
    few = max(1, _Z_PANEL // max(1, logits.shape[1]))
    for first in range(0, len(logits), few):
        rows = slice(first, first + few)
        of_rows = np.empty_like(logits[rows])
        kernels.logsumexp_vjp(slope[rows], lse[rows], logits[rows], of_rows)
        gradient[rows] += of_rows


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
        self.smooths, self.outside = False, None
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
        self.target = np.where(of_rows > 0, self.target, self.ignore_index)
        self.outside = self.target == self.ignore_index
        if without_class and self.smoothing:  # the other classes keep their part of the target
            self.sample_weight = np.where(kept, of_rows, 0).astype(self.weight.dtype)
            self.smooths = True
        else:
            self.target = np.where(of_labels != 0, self.target, self.ignore_index)

    def _smooth(self, target):
        """Return labels as rows of probabilities, with the smoothing in them."""
        kept = target != self.ignore_index
        probs = np.zeros((len(kept), self.classes), self.weight.dtype)
        probs[kept] = self.smoothing / self.classes
        probs[kept, target[kept]] += 1 - self.smoothing
        return probs

    def ignored(self, *, with_class_weights=True):
        """Return which rows do not count; among them those of a class of weight 0 or not."""
        if self.is_labels:
            if self.outside is not None and not with_class_weights:
                return self.outside
            return self.target == self.ignore_index
        if self.sample_weight is None:
            return np.zeros(len(self.target), bool)
        return self.sample_weight == 0

    def row_factors(self, rows, ignored):
        """Return by what a loss of each row is multiplied, and by what its gradient is."""
        factors = np.where(ignored[rows], 0.0, 1.0)
        if self.sample_weight is not None:
            factors *= self.sample_weight[rows]
        return factors, factors / (self.divisor or math.nan)

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
        if self.smooths:
            return self._run_probs(x, self._smooth(target), 0.0, divisor, losses, dx)
        if not self.is_labels:
            return self._run_probs(x, target, self.smoothing, divisor, losses, dx)
        bad, total, _ = kernels.cross_entropy_labels(
            x, target, self.ignore_index, self.weight, self.smoothing, divisor, losses, dx
        )
        if bad >= 0:  # only if another thread has written into the labels
            check.raise_label(target, bad, self.classes)
        return total

    def _run_probs(self, x, probs, smoothing, divisor, losses, dx):
        return kernels.cross_entropy_probs(x, probs, self.weight, smoothing, divisor, losses, dx)

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
    """Return the labels as the kernels take them, or None if that needs more care."""
    if target.__class__ is not ndarray or target.shape != logits_shape[:-1] or not target.size:
        return None
    if target.dtype is not _INT64 or not target.flags.carray:
        if target.dtype.kind not in "iu" or target.dtype == np.uint64:
            return None
        target = target.astype(np.int64, order="C")
    return target if target.ndim else target.reshape(1)


def _mean_loss(logits, labels, ignore_index, dx, given):
    """The common case, in which nothing has to be brought into another form."""
    bad, loss = kernels.mean_loss(logits, labels, ignore_index, dx)
    if bad >= 0:
        check.raise_label(given, bad, logits.shape[-1])
    return logits.dtype.type(loss)
