r"""Softmax and cross-entropy on Dask arrays, chunked along any axes, the classes too.

What a chunk knows of a row is a part of a log-sum-exp: the largest of its scores, m, and the sum
of the exponentials :math:`s = \sum_k e^{x_k - m}`.  Two parts merge by ⊕, `merge_logsumexp`, and
as ⊕ is associative, a row that lies in many chunks is merged along a tree.  The merged (m, s)
goes back to the chunks, and :math:`p = e^{x - m} / s` in each.

Where all classes lie in one chunk, the chunks are given to the functions of the same name in
`smnn`, and each row is what those return, bit for bit.  Where they do not, the result depends on
the tree in its last digits only, and the same chunks with the same `split_every` give the same
bits, on threads or on many machines.

Results are lazy, and no function holds all chunks at once.  Of one row of chunks all that
overlap it along the class axis are needed at the same time.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from . import functional
from ._core import validation as check
from ._core.rows import compute_dtype
from ._core.types import Axis
from .functional import merge_logsumexp

__all__ = ["cross_entropy", "log_softmax", "logsumexp", "softmax", "softmax_cross_entropy"]

_REDUCTIONS = ("mean", "sum", "none")
# What a chunk knows of a row.  Twice as exact as float32 where that is the dtype of the scores.
_PART = np.dtype([("m", "f8"), ("s", "f8"), ("picked", "f8")])


def softmax(x: Any, axis: Axis = -1) -> Any:
    r"""Return :math:`e^{x_j} / \sum_k e^{x_k}` along the given axes of a Dask array.

    Parameters
    ----------
    x : dask.array.Array
        Scores, chunked in any way.  The sizes of the chunks must be known.
    axis : int, tuple of int or None, default -1
        The classes; None for all axes.

    Returns
    -------
    dask.array.Array
        Lazy, of the shape, the chunks and the floating dtype of `x`; integers give float64.

    Raises
    ------
    TypeError
        If `x` is no Dask array, or does not hold real numbers.
    ValueError
        If the size of a chunk is not known.

    Examples
    --------
    >>> import dask.array as da
    >>> import smnn
    >>> x = da.from_array([[0.0, 1.0, 2.0]], chunks=(1, 2))
    >>> smnn.dask.softmax(x).compute().round(3)
    array([[0.09 , 0.245, 0.665]])
    """
    return _by_rows(x, axis, functional.softmax, _probabilities)


def log_softmax(x: Any, axis: Axis = -1) -> Any:
    r"""Return :math:`x_j - \log \sum_k e^{x_k}` along the given axes of a Dask array.

    Parameters and result are those of `softmax`.

    Examples
    --------
    >>> import dask.array as da
    >>> import smnn
    >>> x = da.from_array([[0.0, 1.0, 2.0]], chunks=(1, 2))
    >>> smnn.dask.log_softmax(x).compute().round(3)
    array([[-2.408, -1.408, -0.408]])
    """
    return _by_rows(x, axis, functional.log_softmax, _log_probabilities)


def logsumexp(
    x: Any, axis: Axis = -1, *, keepdims: bool = False, split_every: int | None = None
) -> Any:
    r"""Return :math:`\log \sum_k e^{x_k}` along the given axes of a Dask array.

    Parameters
    ----------
    x, axis
        As `softmax`.
    keepdims : bool, default False
        Whether the reduced axes stay, with length 1.
    split_every : int, optional
        How many parts are merged at a time: the tree.  Dask's own choice unless given.

    Returns
    -------
    dask.array.Array

    Examples
    --------
    >>> import dask.array as da
    >>> import smnn
    >>> x = da.from_array([[0.0, 1.0, 2.0]], chunks=(1, 2))
    >>> smnn.dask.logsumexp(x).compute().round(3)
    array([2.408])
    """
    x = known_array(x)
    axes = check.axis_tuple(axis, x.ndim)
    if _is_whole(x, axes):
        chunks = tuple((1,) if axis in axes else sizes for axis, sizes in enumerate(x.chunks))
        log = _blocks(
            functional.logsumexp, x, axis=axes, keepdims=True, dtype=x.dtype, chunks=chunks
        )
    else:
        log = _blocks(_log, _merged(x, axes, split_every), real=x.dtype, dtype=x.dtype)
    return log if keepdims else log.squeeze(axes)


def cross_entropy(
    logits: Any,
    target: Any,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    r"""Return the cross-entropy of softmax(logits) against labels, :math:`-\log p_y`.

    Parameters
    ----------
    logits : dask.array.Array, shape (..., C)
        The scores, classes last, chunked in any way.
    target : dask.array.Array or array_like of int, shape (...)
        Labels from 0 to C − 1.  They are chunked as the rows of the logits are.
    ignore_index : int, default -100
        Rows with this label cost nothing and do not count in the mean.
    reduction : {"mean", "sum", "none"}, default "mean"
        The mean is the sum of all losses over the number of rows that count, whatever the sizes
        of the chunks.  That number comes from the labels alone, so that no chunk of scores waits
        for it.  "none" returns a loss for each row.

    Returns
    -------
    dask.array.Array
        Lazy, in the floating dtype of the logits.

    Raises
    ------
    IndexError
        If a label is out of range: at once where the labels are an array in memory, and else
        when the result is computed.
    TypeError
        If the logits are no Dask array, or the labels are not integers.
    ValueError
        If shapes do not fit, or the size of a chunk is not known.

    Notes
    -----
    Where the classes are in several chunks, a loss is exact to some units in the last place of
    1, not of itself: the loss of a very confident prediction may be 0.

    Examples
    --------
    >>> import dask.array as da
    >>> import smnn
    >>> logits = da.from_array([[0.0, 0.0], [3.0, 0.0]], chunks=(1, 1))
    >>> round(float(smnn.dask.cross_entropy(logits, [1, 0]).compute()), 3)
    0.371
    """
    return _Objective(logits, target, ignore_index, reduction).loss()


def softmax_cross_entropy(
    logits: Any,
    target: Any,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> tuple[Any, Any]:
    r"""Return the cross-entropy and its gradient, :math:`(p - e_y)` over what the mean divides by.

    Parameters
    ----------
    logits, target, ignore_index, reduction
        As `cross_entropy`.

    Returns
    -------
    loss : dask.array.Array
        As `cross_entropy`.
    dlogits : dask.array.Array, shape (..., C)
        Chunked as the logits; for ``reduction="none"`` of each row's own loss.  Compute both in
        one call, ``dask.compute(loss, dlogits)``, so that the logits are loaded once.

    Examples
    --------
    >>> import dask
    >>> import dask.array as da
    >>> import smnn
    >>> logits = da.from_array([[0.0, 0.0]], chunks=(1, 1))
    >>> loss, dlogits = dask.compute(*smnn.dask.softmax_cross_entropy(logits, [1]))
    >>> round(float(loss), 3), dlogits
    (0.693, array([[ 0.5, -0.5]]))
    """
    objective = _Objective(logits, target, ignore_index, reduction)
    return objective.loss(), objective.gradient()


# --- Arrays and chunks ------------------------------------------------------------------


def _dask_array():
    """Return ``dask.array``, or say how it can be had."""
    try:
        import dask.array
    except ImportError as error:
        raise ImportError('smnn.dask needs Dask: pip install "smnn[dask]"') from error
    return dask.array


def known_array(x, name="x"):
    """Return a Dask array of known chunks as one of floating numbers, or raise."""
    da = _dask_array()
    if not isinstance(x, da.Array):
        raise TypeError(
            f"{name} must be a Dask array, got {type(x).__name__}: smnn has the functions of the "
            "same names for NumPy arrays"
        )
    if any(math.isnan(size) for sizes in x.chunks for size in sizes):
        raise ValueError(
            f"the sizes of the chunks of {name} must be known, got shape {x.shape}: call "
            f"{name}.compute_chunk_sizes() first"
        )
    kind = check.float_array(np.empty(0, x.dtype), name).dtype
    return x.astype(kind) if x.dtype != kind else x


def _is_whole(x, axes):
    """Whether every row along these axes lies in one chunk."""
    return all(len(x.chunks[axis]) == 1 for axis in axes)


def _blocks(function, *arrays, dtype, chunks=None, **options):
    """Apply a function to the chunks of arrays, without trying it out first."""
    dimensions = max(np.ndim(array) for array in arrays)
    meta = np.empty((0,) * dimensions, dtype)
    return _dask_array().map_blocks(
        function, *arrays, dtype=dtype, chunks=chunks, meta=meta, **options
    )


def _by_rows(x, axis, whole, with_part):
    """Apply a function of whole rows, or merge the parts of rows and give them to the chunks."""
    x = known_array(x)
    axes = check.axis_tuple(axis, x.ndim)
    if _is_whole(x, axes):
        return _blocks(whole, x, axis=axes, dtype=x.dtype)
    return _blocks(with_part, x, _merged(x, axes), dtype=x.dtype)


# --- Parts ------------------------------------------------------------------------------


def _merged(x, axes, split_every=None):
    """Return the part of every row, merged along a tree; the axes stay with length 1."""
    chunks = tuple(
        (1,) * len(sizes) if axis in axes else sizes for axis, sizes in enumerate(x.chunks)
    )
    parts = _blocks(_part, x, axes=axes, dtype=_PART, chunks=chunks)
    return _merge_chunks(parts, axes, split_every)


def _merge_chunks(parts, axes, split_every=None):
    return _dask_array().reduction(
        parts,
        chunk=_merge,
        aggregate=_merge,
        axis=axes,
        keepdims=True,
        dtype=_PART,
        split_every=split_every,
        meta=np.empty((0,) * parts.ndim, _PART),
    )


def _part(x, axes):
    """Return what a chunk knows of its rows."""
    computed = x.astype(compute_dtype(x.dtype), copy=False)
    m = computed.max(axis=axes, keepdims=True, initial=-np.inf)
    part = np.zeros(m.shape, _PART)
    with np.errstate(all="ignore"):
        exps = np.exp(computed - np.where(np.isfinite(m), m, 0))
        part["m"], part["s"] = m, exps.sum(axis=axes, keepdims=True, dtype=np.float64)
    return part


def _merge(parts, axis, keepdims):
    """Merge the parts along some axes, one after the other."""
    axes = check.axis_tuple(axis, parts.ndim)
    moved = np.moveaxis(parts, axes, range(len(axes)))
    moved = moved.reshape(-1, *moved.shape[len(axes) :])
    merged = np.zeros(moved.shape[1:], _PART)
    pairs = ((part["m"], part["s"]) for part in moved)
    merged["m"], merged["s"] = functools.reduce(merge_logsumexp, pairs)
    merged["picked"] = moved["picked"].sum(axis=0)  # all but one are 0
    return np.expand_dims(merged, axes) if keepdims else merged


def _probabilities(x, part):
    """Return softmax of a chunk whose rows have these merged parts."""
    with np.errstate(all="ignore"):
        return (np.exp(_shifted(x, part)) / part["s"]).astype(x.dtype)


def _log_probabilities(x, part):
    with np.errstate(all="ignore"):
        return (_shifted(x, part) - np.log(part["s"])).astype(x.dtype)


def _shifted(x, part):
    """Return x − m, nan where the largest score of the row is infinite or nan."""
    return x - np.where(np.isfinite(part["m"]), part["m"], np.nan)


def _log(part, real):
    with np.errstate(all="ignore"):
        return (part["m"] + np.log(part["s"])).astype(real)


# --- Cross-entropy ----------------------------------------------------------------------


class _Objective:
    """Cross-entropy of Dask logits against labels, with everything checked that can be."""

    def __init__(self, logits, target, ignore_index, reduction):
        self.logits = known_array(logits, "logits")
        if not self.logits.ndim:
            raise ValueError("logits must have shape (..., C), got shape ()")
        self.reduction = check.choice(reduction, _REDUCTIONS, "reduction")
        self.ignore_index = check.integer(ignore_index, "ignore_index")
        self.classes = self.logits.shape[-1]
        self.labels = self._labels(target)
        self.last = self.logits.ndim - 1
        self.is_whole = _is_whole(self.logits, (self.last,))
        self.merged = None if self.is_whole else self._merged()

    def _labels(self, target):
        """Return the labels as a Dask array, chunked as the rows of the logits."""
        da = _dask_array()
        rows, chunks = self.logits.shape[:-1], self.logits.chunks[:-1]
        if not isinstance(target, da.Array):
            labels = check.class_labels(target, rows, self.classes, ignore_index=self.ignore_index)
            return da.from_array(labels, chunks=chunks)
        if target.dtype.kind not in "iu":
            raise TypeError(f"target must hold integer labels, got dtype {target.dtype}")
        if target.shape != rows:
            raise ValueError(
                f"target must hold one label per row, shape {rows}, got shape {target.shape}"
            )
        return _blocks(
            _checked,
            target.rechunk(chunks),
            classes=self.classes,
            ignore_index=self.ignore_index,
            dtype=np.int64,
        )

    def _merged(self):
        """Return the part of every row, with the score of its label."""
        sizes = self.logits.chunks[-1]
        parts = _blocks(
            _part_and_picked,
            self.logits,
            self.labels[..., None],
            self._first_classes(),
            dtype=_PART,
            chunks=(*self.logits.chunks[:-1], (1,) * len(sizes)),
        )
        return _merge_chunks(parts, (self.last,))

    def _first_classes(self):
        """Return the classes, chunked as the logits, so that a chunk knows which are its own."""
        da = _dask_array()
        shape = (1,) * self.last + (self.classes,)
        return da.arange(self.classes, chunks=(self.logits.chunks[-1],)).reshape(shape)

    def _count(self):
        """Return what the losses are divided by: from the labels alone."""
        if self.reduction != "mean":
            return 1
        return (self.labels != self.ignore_index).sum()

    def loss(self):
        dtype, labels = self.logits.dtype, self.labels[..., None]
        if self.is_whole:
            losses = _blocks(
                _losses_of_rows,
                self.logits,
                labels,
                ignore_index=self.ignore_index,
                dtype=dtype,
                chunks=(*self.logits.chunks[:-1], (1,)),
            )
        else:
            losses = _blocks(
                _losses_of_parts,
                self.merged,
                labels,
                ignore_index=self.ignore_index,
                dtype=np.float64,
            )
        losses = losses[..., 0]
        if self.reduction == "none":
            return losses.astype(dtype)
        total = losses.sum(dtype=np.float64)
        return _blocks(_over, total, self._count(), real=dtype, dtype=dtype)

    def gradient(self):
        labels = self.labels[..., None]
        return _blocks(
            _gradient,
            self.logits,
            labels if self.is_whole else self.merged,
            labels,
            self._first_classes(),
            self._count(),
            ignore_index=self.ignore_index,
            dtype=self.logits.dtype,
        )


def _checked(labels, classes, ignore_index):
    """Return the labels of a chunk, of which none may be out of range."""
    wrong = ((labels < 0) | (labels >= classes)) & (labels != ignore_index)
    if wrong.any():
        raise IndexError(
            f"label {labels[wrong][0]} is out of range: with {classes} classes a label lies in "
            f"0 … {classes - 1}"
        )
    return labels.astype(np.int64)


def _part_and_picked(x, labels, classes):
    """Return what a chunk knows of its rows, with the scores of the labels that lie in it."""
    part = _part(x, (x.ndim - 1,))
    place = labels - classes.flat[0]
    inside = (place >= 0) & (place < x.shape[-1])
    picked = np.take_along_axis(x, np.where(inside, place, 0), axis=-1)
    part["picked"] = np.where(inside, picked, 0)
    return part


def _losses_of_rows(x, labels, ignore_index):
    losses = functional.cross_entropy(
        x, labels[..., 0], ignore_index=ignore_index, reduction="none"
    )
    return losses[..., None]


def _losses_of_parts(part, labels, ignore_index):
    with np.errstate(all="ignore"):
        m = np.where(np.isfinite(part["m"]), part["m"], np.nan)
        losses = (m - part["picked"]) + np.log(part["s"])
    return np.where(labels == ignore_index, 0, losses)


def _gradient(x, part, labels, classes, count, ignore_index):
    """Return (p − e_y) / count of a chunk.  Where rows are whole, there is no part of them."""
    if part.dtype != _PART:
        _, gradient = functional.softmax_cross_entropy(
            x, labels[..., 0], ignore_index=ignore_index, reduction="none"
        )
    else:
        gradient = _probabilities(x, part) - (labels == classes)
        gradient = np.where(labels == ignore_index, 0, gradient)
    with np.errstate(all="ignore"):
        return (gradient / count).astype(x.dtype)


def _over(total, count, real):
    with np.errstate(all="ignore"):
        return np.asarray(np.float64(total) / count, real)
