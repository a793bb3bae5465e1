r"""Softmax and cross-entropy: the functions that users call.

Everything here takes arrays of any shape, axis, order and stride.  It checks them,
lays them out as rows of one length, hands the rows to the kernels and gives the
result its shape back.  What is computed on a row is written in ``reference.py``, how
it is computed fast in ``_kernels``.  Where numba is not installed, the reference
does the work.

Floating dtypes are kept: float16 is computed in float32, integers give float64.
"""

import math
import warnings

import numpy as np

from . import _validation as check

try:
    from . import _kernels as kernels
except ImportError as error:
    from . import reference as kernels

    if error.name not in ("numba", "llvmlite"):
        warnings.warn(f"numba could not be loaded, smnn runs on NumPy: {error}", stacklevel=2)

_REDUCTIONS = ("mean", "sum", "none")


def softmax(x, axis=-1, *, temperature=1.0, where=None, out=None):
    r"""Turn scores into probabilities that are positive and sum to 1.

    .. math:: y_j = \frac{e^{x_j / T}}{\sum_k e^{x_k / T}}

    Parameters
    ----------
    x : array_like
        The scores, of any shape.
    axis : int, tuple of int, or None, default -1
        The axis whose entries sum to 1, the last unless told otherwise.  A tuple joins
        several axes and None all of them.  Note that ``scipy.special.softmax`` has
        None for its default.
    temperature : float, default 1.0
        T, positive and finite.  Above 1 the result moves towards the uniform
        distribution, below 1 towards the largest score.
    where : array_like of bool, optional
        The entries that take part, broadcast to the shape of `x`.  The others get
        probability 0 and have no influence, whatever they hold.  Where no entry of a
        row takes part, the row is 0.
    out : ndarray, optional
        Receives the result: same shape and dtype.  It may be `x` itself.

    Returns
    -------
    ndarray
        The probabilities, of the shape and floating dtype of `x`.

    Raises
    ------
    TypeError
        If `x` holds anything but real numbers, or `out` has another dtype.
    ValueError
        If an argument has the wrong shape or value.

    Notes
    -----
    A row that holds nan or +inf, or nothing but −inf, has no softmax: it is nan.
    The result does not depend on the number of threads.

    References
    ----------
    J. S. Bridle, "Probabilistic Interpretation of Feedforward Classification Network
    Outputs, with Relationships to Statistical Pattern Recognition", 1990.

    Examples
    --------
    >>> from smnn import softmax
    >>> softmax([0.0, 0.0]).round(3)
    array([0.5, 0.5])
    >>> softmax([[1.0, 2.0, 3.0]], where=[True, True, False]).round(3)
    array([[0.269, 0.731, 0.   ]])
    """
    return _normalise(kernels.softmax, 0.0, x, axis, temperature, where, out)


def log_softmax(x, axis=-1, *, temperature=1.0, where=None, out=None):
    r"""Return the logarithm of the softmax, without rounding it to 0 first.

    .. math:: y_j = x_j / T - \log \sum_k e^{x_k / T}

    Parameters
    ----------
    x : array_like
        The scores, of any shape.
    axis : int, tuple of int, or None, default -1
        The axis along which the probabilities sum to 1.
    temperature : float, default 1.0
        T, positive and finite.
    where : array_like of bool, optional
        The entries that take part.  The others get −inf and have no influence.
    out : ndarray, optional
        Receives the result: same shape and dtype.  It may be `x` itself.

    Returns
    -------
    ndarray
        The log-probabilities, of the shape and floating dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    Notes
    -----
    The logarithm is taken as ``log(c) + log1p(s / c)``, where c counts the largest
    scores and s is the sum of the other exponentials.  The largest entry of a confident
    row is therefore exact, −4e-8 and not 0.

    Examples
    --------
    >>> from smnn import log_softmax
    >>> log_softmax([0.0, 0.0]).round(3)
    array([-0.693, -0.693])
    >>> log_softmax([0.0, 50.0])
    array([-5.00000000e+01, -1.92874985e-22])
    """
    return _normalise(kernels.log_softmax, -np.inf, x, axis, temperature, where, out)


def logsumexp(x, axis=-1, *, keepdims=False):
    r"""Return the logarithm of a sum of exponentials, a smooth maximum.

    .. math:: y = \log \sum_k e^{x_k}

    Parameters
    ----------
    x : array_like
        The exponents, of any shape.
    axis : int, tuple of int, or None, default -1
        The axis that is summed over.
    keepdims : bool, default False
        Keep the summed axes, with length 1.

    Returns
    -------
    ndarray or scalar
        The result, of the floating dtype of `x`.  An empty sum gives −inf.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    Examples
    --------
    >>> from smnn import logsumexp
    >>> round(float(logsumexp([0.0, 0.0])), 3)
    0.693
    >>> logsumexp([[1000.0, 1000.0]]).round(3)
    array([1000.693])
    """
    x = check.float_array(x, "x")
    axes = check.axis_tuple(axis, x.ndim)
    rows, lead = _rows(x, axes)
    result = np.empty(len(rows), rows.dtype)
    kernels.logsumexp(rows, result)
    result = result.astype(x.dtype, copy=False).reshape(lead)
    return np.expand_dims(result, axes) if keepdims else result[()]


def softmax_vjp(dy, y, axis=-1):
    r"""Pull a gradient back through softmax.

    .. math:: dx = y \circ (dy - \langle dy, y \rangle)

    Parameters
    ----------
    dy : array_like
        The gradient with respect to the probabilities.
    y : array_like
        The probabilities, ``softmax(x)``, of the same shape.
    axis : int, tuple of int, or None, default -1
        The axis that softmax was taken along.

    Returns
    -------
    ndarray
        The gradient with respect to `x`.  With a temperature T, divide it by T.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong dtype or shape.

    Examples
    --------
    >>> from smnn import softmax_vjp
    >>> softmax_vjp([1.0, 0.0], [0.25, 0.75])
    array([ 0.1875, -0.1875])
    """
    return _pull_back(kernels.softmax_vjp, dy, y, axis)


def log_softmax_vjp(dy, y, axis=-1):
    r"""Pull a gradient back through log-softmax.

    .. math:: dx = dy - e^{y} \sum_k dy_k

    Parameters
    ----------
    dy : array_like
        The gradient with respect to the log-probabilities.
    y : array_like
        The log-probabilities, ``log_softmax(x)``, of the same shape.
    axis : int, tuple of int, or None, default -1
        The axis that log-softmax was taken along.

    Returns
    -------
    ndarray
        The gradient with respect to `x`.  With a temperature T, divide it by T.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong dtype or shape.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import log_softmax_vjp
    >>> log_softmax_vjp([1.0, 0.0], np.log([0.25, 0.75])).round(3)
    array([ 0.75, -0.75])
    """
    return _pull_back(kernels.log_softmax_vjp, dy, y, axis)


def logsumexp_vjp(dy, y, x, axis=-1, *, keepdims=False):
    r"""Pull a gradient back through logsumexp.

    .. math:: dx_j = dy \, e^{x_j - y}

    Parameters
    ----------
    dy : array_like
        The gradient with respect to the result.
    y : array_like
        The result, ``logsumexp(x, axis, keepdims=keepdims)``, of the same shape.
    x : array_like
        The exponents.
    axis : int, tuple of int, or None, default -1
        The axis that was summed over.
    keepdims : bool, default False
        Whether `y` and `dy` keep the summed axes.

    Returns
    -------
    ndarray
        The gradient with respect to `x`.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong dtype or shape.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import logsumexp_vjp
    >>> logsumexp_vjp(2.0, np.log(4.0), np.log([1.0, 3.0])).round(3)
    array([0.5, 1.5])
    """
    x = check.float_array(x, "x")
    y, dy = check.float_array(y, "y"), check.float_array(dy, "dy")
    axes = check.axis_tuple(axis, x.ndim)
    rows, lead = _rows(x, axes)
    kept = [1 if i in axes else n for i, n in enumerate(x.shape)] if keepdims else lead
    for array, name in ((y, "y"), (dy, "dy")):
        if array.shape != tuple(kept):
            raise ValueError(
                f"{name} must have the shape of logsumexp(x), {tuple(kept)}, "
                f"got shape {array.shape}"
            )
    dtype = np.result_type(dy, y, x)
    return _deliver(
        lambda result: kernels.logsumexp_vjp(
            dy.astype(result.dtype).reshape(-1),
            y.astype(result.dtype).reshape(-1),
            rows.astype(result.dtype, copy=False),
            result,
        ),
        x.shape,
        axes,
        dtype,
        None,
    )


def softmax_jacobian(y):
    r"""Return the Jacobian of softmax, from its result.

    .. math:: J_{ij} = \frac{\partial y_i}{\partial x_j} = y_i (\delta_{ij} - y_j)

    Parameters
    ----------
    y : array_like, shape (..., C)
        The probabilities, ``softmax(x)``.

    Returns
    -------
    ndarray, shape (..., C, C)
        One symmetric matrix for each row.

    Raises
    ------
    TypeError, ValueError
        If `y` does not hold real numbers, or is zero-dimensional.

    Notes
    -----
    `softmax_vjp` gives the product with this matrix without building it.

    Examples
    --------
    >>> from smnn import softmax_jacobian
    >>> softmax_jacobian([0.25, 0.75])
    array([[ 0.1875, -0.1875],
           [-0.1875,  0.1875]])
    """
    y = check.float_array(y, "y")
    if y.ndim == 0:
        raise ValueError("y must have at least one dimension, got a single number")
    jacobian = y[..., :, None] * -y[..., None, :]
    diagonal = np.arange(y.shape[-1])
    jacobian[..., diagonal, diagonal] += y
    return jacobian


def cross_entropy(
    logits, target, *, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
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
    return _cross_entropy(
        logits, target, weight, ignore_index, reduction, label_smoothing, gradient=False
    )[0]


def softmax_cross_entropy(
    logits,
    target,
    *,
    weight=None,
    ignore_index=-100,
    reduction="mean",
    label_smoothing=0.0,
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
    return _cross_entropy(
        logits, target, weight, ignore_index, reduction, label_smoothing, gradient=True, out=out
    )


def linear_cross_entropy(
    x,
    W,
    target,
    b=None,
    *,
    weight=None,
    ignore_index=-100,
    reduction="mean",
    label_smoothing=0.0,
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
    d, classes = W.shape
    dtype = np.result_type(x, W)
    if b is not None:
        b = check.float_array(b, "b")
        if b.shape != (classes,):
            raise ValueError(f"b must have shape ({classes},), got shape {b.shape}")
        dtype = np.result_type(dtype, b)
    compute = _compute_dtype(dtype)
    rows_shape = x.shape[:-1]
    x_rows = x.reshape(math.prod(rows_shape), d).astype(compute, copy=False)
    W_rows = W.astype(compute, copy=False)
    b_row = None if b is None else b.astype(compute, copy=False)
    objective = _Objective(
        target, (*rows_shape, classes), compute, weight, ignore_index, reduction, label_smoothing
    )
    dx, dW = np.empty_like(x_rows, order="C"), np.zeros((d, classes), compute)
    db = None if b is None else np.zeros(classes, compute)
    losses = np.empty(len(x_rows), compute)
    chunk = max(1, _CHUNK_BYTES // max(1, classes * compute.itemsize))
    logits = np.empty((min(chunk, len(x_rows)), classes), compute)
    loss = 0.0
    for start in range(0, len(x_rows), chunk):
        part = slice(start, start + chunk)
        dlogits = np.matmul(x_rows[part], W_rows, out=logits[: len(x_rows[part])])
        if b is not None:
            dlogits += b_row
        loss += objective.run(part, dlogits, losses[part], dlogits)
        np.matmul(dlogits, W_rows.T, out=dx[part])
        dW += x_rows[part].T @ dlogits
        if b is not None:
            db += dlogits.sum(axis=0)
    gradients = (
        dx.astype(dtype, copy=False).reshape(x.shape),
        dW.astype(dtype, copy=False),
        None if b is None else db.astype(dtype, copy=False),
    )
    return objective.reduce(loss, losses, dtype), gradients


_CHUNK_BYTES = 1 << 25  # of logits at a time in linear_cross_entropy


def _compute_dtype(dtype):
    return np.dtype("float32") if dtype == np.float16 else dtype


def _rows(x, axes):
    """Return ``x`` as a contiguous (rows, C) array, C along ``axes``, and the other axes' shape."""
    last = tuple(range(x.ndim - len(axes), x.ndim))
    moved = np.moveaxis(x, axes, last)
    lead = moved.shape[: x.ndim - len(axes)]
    shape = (math.prod(lead), math.prod(moved.shape[len(lead) :]))
    return np.ascontiguousarray(moved, dtype=_compute_dtype(x.dtype)).reshape(shape), lead


def _deliver(kernel, shape, axes, dtype, out, rows=None):
    """Let ``kernel`` write rows, and return them as an array of this shape, or in ``out``.

    ``rows`` are the kernel's input, named where the output might overwrite it.
    """
    ndim, compute = len(shape), _compute_dtype(dtype)
    last = tuple(range(ndim - len(axes), ndim))
    lead = [n for i, n in enumerate(shape) if i not in axes]
    moved_shape = (*lead, *(shape[i] for i in axes))
    flat = (math.prod(lead), math.prod(shape[i] for i in axes))
    if out is not None:
        moved = np.moveaxis(out, axes, last)
        direct = out.dtype == compute and moved.flags.c_contiguous and _may_write(moved, rows)
        result = moved.reshape(flat) if direct else np.empty(flat, compute)
        kernel(result)
        if not direct:
            with np.errstate(over="ignore"):
                np.copyto(moved, result.reshape(moved_shape), casting="same_kind")
        return out
    result = np.empty(flat, compute)
    kernel(result)
    with np.errstate(over="ignore"):
        result = result.astype(dtype, copy=False)
    return np.moveaxis(result.reshape(moved_shape), last, axes)[()]


def _may_write(out, rows):
    """Whether a kernel may read ``rows`` while it writes ``out``: all shared, or nothing."""
    if rows is None:
        return True
    same_place = out.ctypes.data == rows.ctypes.data and out.size == rows.size
    return same_place or not np.may_share_memory(out, rows)


def _normalise(kernel, masked, x, axis, temperature, where, out):
    x = check.float_array(x, "x")
    axes = check.axis_tuple(axis, x.ndim)
    scale = 1.0 / check.positive(temperature, "temperature")
    if out is not None:
        check.output_array(out, x.shape, x.dtype)
    if where is not None:
        where = check.mask_array(where, x.shape)
        x = np.where(where, x, x.dtype.type(-np.inf))
    rows, _ = _rows(x, axes)
    scale = min(scale, float(np.finfo(rows.dtype).max))
    result = _deliver(lambda result: kernel(rows, scale, result), x.shape, axes, x.dtype, out, rows)
    if where is not None:
        result = np.asarray(result)
        np.copyto(result, masked, where=~where)
        result = result[()] if out is None else out
    return result


def _pull_back(kernel, dy, y, axis):
    y, dy = check.float_array(y, "y"), check.float_array(dy, "dy")
    check.same_shape(dy, y, "dy", "y")
    axes = check.axis_tuple(axis, y.ndim)
    dtype = np.result_type(dy, y)
    dy_rows, _ = _rows(dy.astype(dtype, copy=False), axes)
    y_rows, _ = _rows(y.astype(dtype, copy=False), axes)
    return _deliver(lambda result: kernel(dy_rows, y_rows, result), y.shape, axes, dtype, None)


class _Objective:
    """A cross-entropy with its target and options checked, ready to run on rows of logits."""

    def __init__(
        self, target, logits_shape, dtype, weight, ignore_index, reduction, label_smoothing
    ):
        self.shape = logits_shape[:-1]
        classes = logits_shape[-1]
        self.reduction = check.choice(reduction, _REDUCTIONS, "reduction")
        self.smoothing = check.fraction(label_smoothing, "label_smoothing")
        self.ignore_index = check.integer(ignore_index, "ignore_index")
        self.weight = check.class_weights(weight, classes, dtype)
        self.target = check.target_array(target, logits_shape, dtype)
        self.labels = self.target.ndim == 1
        if self.labels:
            bad, self.divisor = kernels.check_labels(
                self.target, classes, self.ignore_index, self.weight
            )
            if bad >= 0:
                check.raise_label(target, bad, classes)
        else:
            if self.ignore_index != -100:
                raise ValueError(
                    "ignore_index goes with labels, not with probability targets, "
                    f"got ignore_index={self.ignore_index}"
                )
            self.divisor = float(len(self.target))

    def run(self, part, x, losses, dx):
        """Fill the losses and, unless None, the gradient of these rows; return Σ losses."""
        scale = 1.0
        if self.reduction == "mean":
            scale = 1.0 / self.divisor if self.divisor else math.inf
        target = self.target[part]
        if self.labels:
            return kernels.cross_entropy_labels(
                x, target, self.ignore_index, self.weight, self.smoothing, scale, losses, dx
            )
        return kernels.cross_entropy_probs(
            x, target, self.weight, self.smoothing, scale, losses, dx
        )

    def reduce(self, total, losses, dtype):
        """Return the loss that the reduction asks for, from the sum or from the rows."""
        with np.errstate(over="ignore"):
            if self.reduction == "none":
                return losses.astype(dtype, copy=False).reshape(self.shape)[()]
            if self.reduction == "mean":
                total = total / self.divisor if self.divisor else math.nan
            return dtype.type(total)


def _cross_entropy(
    logits, target, weight, ignore_index, reduction, label_smoothing, *, gradient, out=None
):
    logits = check.float_array(logits, "logits")
    if logits.ndim == 0:
        raise ValueError("logits must have shape (..., C), got a single number")
    if out is not None:
        check.output_array(out, logits.shape, logits.dtype)
    last = (logits.ndim - 1,)
    rows, _ = _rows(logits, last)
    objective = _Objective(
        target, logits.shape, rows.dtype, weight, ignore_index, reduction, label_smoothing
    )
    losses = np.empty(len(rows), rows.dtype)
    total = 0.0

    def kernel(dlogits):
        nonlocal total
        total = objective.run(slice(None), rows, losses, dlogits)

    dlogits = None
    if gradient:
        dlogits = _deliver(kernel, logits.shape, last, logits.dtype, out, rows)
    else:
        kernel(None)
    return objective.reduce(total, losses, logits.dtype), dlogits
