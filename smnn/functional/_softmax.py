"""Softmax, log-softmax and log-sum-exp, each followed by its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import empty

from .._core import validation as check
from .._core.buffers import LARGE_BYTES, new_array
from .._core.rows import RowLayout, can_hold_result, contiguous, lies_in_rows
from .._core.types import Array, ArrayLike, Axis
from .backend import kernels


def softmax(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    out: Array | None = None,
) -> Array:
    r"""Turn scores into probabilities that are positive and sum to 1.

    .. math:: y_j = \frac{e^{x_j / T}}{\sum_k e^{x_k / T}}

    Parameters
    ----------
    x : array_like
        The scores, of any shape.
    axis : int, tuple of int, or None, default -1
        The axis whose entries sum to 1, the last unless you pass another.  A tuple joins
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
    return _normalize(kernels.softmax, 0.0, x, axis, temperature, where, out)


def log_softmax(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    out: Array | None = None,
) -> Array:
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
    return _normalize(kernels.log_softmax, -np.inf, x, axis, temperature, where, out)


def logsumexp(
    x: ArrayLike,
    axis: Axis = -1,
    *,
    keepdims: bool = False,
    b: ArrayLike | None = None,
    where: ArrayLike | None = None,
    return_sign: bool = False,
) -> Any:
    r"""Return the logarithm of a sum of exponentials, a smooth maximum.

    .. math:: y = \log \Big| \sum_k b_k e^{x_k} \Big|

    Parameters
    ----------
    x : array_like
        The exponents, of any shape.
    axis : int, tuple of int, or None, default -1
        The axis that is summed over.
    keepdims : bool, default False
        Keep the summed axes, with length 1.
    b : array_like, optional
        Weights of the exponentials, of any sign, broadcast against `x`; all 1 if not given.
        An entry of weight 0 does not take part, whatever its exponent is.
    where : array_like of bool, optional
        The entries that take part, broadcast to the shape of `x`.
    return_sign : bool, default False
        Return the sign of the sum too.  Without it, a negative sum gives nan.

    Returns
    -------
    y : ndarray or scalar
        The result, of the floating dtype of `x`.  An empty sum gives −inf.
    sign : ndarray or scalar
        1, −1, or 0 for an empty sum or one that cancels; only if `return_sign`.

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
    >>> y, sign = logsumexp([2.0, 1.0], b=[1.0, -3.0], return_sign=True)
    >>> round(float(y), 3), float(sign)
    (-0.267, -1.0)
    """
    x = check.float_array(x, "x")
    if b is not None:
        b = check.float_array(b, "b", booleans=True)
        x, b = _broadcast(x, b)
    if where is not None:
        where = check.mask_array(where, x.shape)
        x = np.where(where, x, x.dtype.type(-np.inf))
        b = None if b is None else np.where(where, b, 0)
    layout = RowLayout(x.shape, check.axis_tuple(axis, x.ndim))
    dtype = x.dtype if b is None else np.result_type(x, b)
    rows = layout.rows(x, dtype)
    result = np.empty(len(rows), rows.dtype)
    if b is None:
        kernels.logsumexp(rows, result)
        sign = np.where(result == -np.inf, 0, 1) if return_sign else None
    else:
        sign = np.empty_like(result)
        kernels.logsumexp_weighted(rows, layout.rows(b, dtype), result, sign)
        if not return_sign:
            result[sign < 0] = np.nan

    def shaped(values):
        values = values.astype(dtype, copy=False).reshape(layout.lead)
        return np.expand_dims(values, layout.axes) if keepdims else values[()]

    return (shaped(result), shaped(sign)) if return_sign else shaped(result)


def _broadcast(x, b):
    """Return the exponents and their weights with one shape."""
    try:
        return np.broadcast_arrays(x, b)
    except ValueError:
        raise ValueError(
            f"b must broadcast against x, got shapes {b.shape} and {x.shape}"
        ) from None


def softmax_vjp(
    dy: ArrayLike,
    y: ArrayLike,
    x: ArrayLike | None = None,
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
) -> Array:
    r"""Pull a gradient back through softmax.

    .. math:: dx = y \circ (dy - \langle dy, y \rangle)

    Parameters
    ----------
    dy : array_like
        The gradient with respect to the probabilities.
    y : array_like
        The probabilities, ``softmax(x)``, of the same shape.
    x : array_like, optional
        The scores.  The formula does without them; they are accepted because every vjp of the
        package takes ``(dy, y, x)``.
    axis : int, tuple of int, or None, default -1
        The axis that softmax was taken along.
    temperature : float, default 1.0
        T, by which the gradient is divided.

    Returns
    -------
    ndarray
        The gradient with respect to `x`.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, or `x` is an integer: the axis is
        ``axis=``.
    ValueError
        If an argument has the wrong shape or value.

    Examples
    --------
    >>> from smnn import softmax_vjp
    >>> softmax_vjp([1.0, 0.0], [0.25, 0.75])
    array([ 0.1875, -0.1875])
    """
    return _pull_back(kernels.softmax_vjp, dy, y, x, axis, temperature)


def log_softmax_vjp(
    dy: ArrayLike,
    y: ArrayLike,
    x: ArrayLike | None = None,
    *,
    axis: Axis = -1,
    temperature: float = 1.0,
) -> Array:
    r"""Pull a gradient back through log-softmax.

    .. math:: dx = dy - e^{y} \sum_k dy_k

    Parameters
    ----------
    dy : array_like
        The gradient with respect to the log-probabilities.
    y : array_like
        The log-probabilities, ``log_softmax(x)``, of the same shape.
    x, axis, temperature
        As in `softmax_vjp`.

    Returns
    -------
    ndarray
        The gradient with respect to `x`.  Entries with log-probability −inf, those that a
        mask left out for example, receive and give no gradient.

    Raises
    ------
    TypeError, ValueError
        As `softmax_vjp`.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import log_softmax_vjp
    >>> log_softmax_vjp([1.0, 0.0], np.log([0.25, 0.75])).round(3)
    array([ 0.75, -0.75])
    """
    return _pull_back(kernels.log_softmax_vjp, dy, y, x, axis, temperature, ignored=-np.inf)


def logsumexp_vjp(
    dy: ArrayLike,
    y: ArrayLike,
    x: ArrayLike,
    *,
    axis: Axis = -1,
    keepdims: bool = False,
    b: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    r"""Pull a gradient back through logsumexp.

    .. math:: dx_j = dy \, s \, b_j e^{x_j - y}, \qquad s = \mathrm{sign} \sum_k b_k e^{x_k}

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
    b, where : array_like, optional
        As in `logsumexp`.

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
    layout = RowLayout(x.shape, check.axis_tuple(axis, x.ndim))
    kept = tuple(1 if i in layout.axes else n for i, n in enumerate(x.shape))
    expected = kept if keepdims else layout.lead
    for array, name in ((y, "y"), (dy, "dy")):
        if array.shape != expected:
            raise ValueError(
                f"{name} must have the shape of logsumexp(x), {expected}, got shape {array.shape}"
            )
    dtype = np.result_type(dy, y, x)
    rows = layout.rows(x, dtype)
    dx = new_array(rows.shape, rows.dtype)
    dy, y = (contiguous(array, rows.dtype).reshape(-1) for array in (dy, y))
    if b is None and where is None:
        kernels.logsumexp_vjp(dy, y, rows, dx)
        return layout.array(dx, dtype)
    weights = layout.rows(_weights(b, where, x.shape), rows.dtype)
    kernels.logsumexp_vjp(np.ones_like(dy), y, rows, dx)
    dx *= weights
    np.copyto(dx, 0, where=weights == 0)  # even where the exponent is nan
    dx *= (dy * np.sign(dx.sum(axis=1)))[:, None]
    return layout.array(dx, dtype)


def _weights(b, where, shape):
    """Return the weights of the exponentials in this shape, 0 for those left out."""
    weights = np.ones(shape)
    if b is not None:
        b = check.float_array(b, "b", booleans=True)
        try:
            weights[...] = b
        except ValueError:
            raise ValueError(
                f"b must broadcast to the shape of x, {shape}, got shape {b.shape}"
            ) from None
    if where is not None:
        weights[~check.mask_array(where, shape)] = 0
    return weights


def softmax_jacobian(y: ArrayLike) -> Array:
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


def _normalize(kernel, masked, x, axis, temperature, where, out):
    """Run a kernel that turns rows of scores into rows of the same shape.

    The first lines are the short way in: such a call may take a microsecond in all.
    """
    if where is not None or not lies_in_rows(x, axis):
        return _normalize_copy(kernel, masked, x, axis, temperature, where, out)
    if out is None:
        small = x.nbytes < LARGE_BYTES
        out = empty(x.shape, x.dtype) if small else new_array(x.shape, x.dtype)
    elif not can_hold_result(out, x):
        return _normalize_copy(kernel, masked, x, axis, temperature, where, out)
    scale = 1.0 if temperature.__class__ is float and temperature == 1.0 else _scale(temperature, x)
    kernel(x, scale, out)
    return out


def _normalize_copy(kernel, masked, x, axis, temperature, where, out):
    """Run such a kernel on an array that has to be checked, masked or laid out first."""
    given, x = x, check.float_array(x, "x")
    if x is not given and where is None and out is None and lies_in_rows(x, axis):
        return _normalize(kernel, masked, x, axis, temperature, None, None)
    layout = RowLayout(x.shape, check.axis_tuple(axis, x.ndim))
    scale = _scale(temperature, x)
    if out is not None:
        check.output_array(out, x.shape, x.dtype)
    source = x
    if where is not None:
        where = check.mask_array(where, x.shape)
        if out is not None and np.may_share_memory(where, out):
            where = where.copy()
        source = np.where(where, x, x.dtype.type(-np.inf))
    rows = layout.rows(source)
    result = layout.result_rows(out, x.dtype, rows, x)
    kernel(rows, scale, result)
    array = layout.array(result, x.dtype, out)
    if where is not None:
        array = np.asarray(array)
        np.copyto(array, masked, where=~where)
        array = array[()] if out is None else out
    return array


def _scale(temperature, x):
    """Return what the scores are multiplied by: finite, however low the temperature."""
    scale = 1.0 / check.positive(temperature, "temperature")
    return min(scale, float(np.finfo(x.dtype if x.dtype.itemsize > 2 else np.float32).max))


def _pull_back(kernel, dy, y, x, axis, temperature, *, ignored=None):
    """Run a kernel that takes the gradient at the output, and the output.

    Entries where the output is ``ignored`` are constants: they receive and give no gradient.
    """
    if isinstance(x, int | np.integer):
        raise TypeError(f"the third argument is x: for the axis write axis={x}")
    y, dy = check.float_array(y, "y"), check.float_array(dy, "dy")
    check.same_shape(dy, y, "dy", "y")
    if x is not None and np.shape(x) != y.shape:
        raise ValueError(f"x must have the shape of y, {y.shape}, got shape {np.shape(x)}")
    layout = RowLayout(y.shape, check.axis_tuple(axis, y.ndim))
    dtype = np.result_type(dy, y)
    y_rows, dy_rows = layout.rows(y, dtype), layout.rows(dy, dtype)
    constant = None
    if ignored is not None and y_rows.min(initial=np.inf) == ignored:
        constant = y_rows == ignored
        dy_rows = np.where(constant, 0, dy_rows)
    dx = new_array(y_rows.shape, y_rows.dtype)
    kernel(dy_rows, y_rows, dx)
    if temperature.__class__ is not float or temperature != 1.0:
        dx *= dx.dtype.type(_scale(temperature, dx))
    if constant is not None:
        dx[constant] = 0
    return layout.array(dx, dtype)
