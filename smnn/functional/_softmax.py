"""Softmax, log-softmax and log-sum-exp, each followed by its derivative."""

import numpy as np
from numpy import empty

from .._core import validation as check
from .._core.buffers import LARGE_BYTES, new_array
from .._core.rows import RowLayout, fits, in_one_piece, is_plain
from .backend import kernels

# The values of arguments that were not given.  A call that gives no others, on an array that
# the kernels can take as it is, goes the shortest way: it may take a microsecond in all.
_LAST, _ONE = -1, 1.0


def softmax(x, axis=_LAST, *, temperature=_ONE, where=None, out=None):
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
    if axis is _LAST and temperature is _ONE and where is None and is_plain(x):
        if out is None:
            out = empty(x.shape, x.dtype) if x.nbytes < LARGE_BYTES else new_array(x.shape, x.dtype)
            kernels.softmax(x, 1.0, out)
            return out
        if fits(out, x):
            kernels.softmax(x, 1.0, out)
            return out
    return _normalize(kernels.softmax, 0.0, x, axis, temperature, where, out)


def log_softmax(x, axis=_LAST, *, temperature=_ONE, where=None, out=None):
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
    if axis is _LAST and temperature is _ONE and where is None and is_plain(x):
        if out is None:
            out = empty(x.shape, x.dtype) if x.nbytes < LARGE_BYTES else new_array(x.shape, x.dtype)
            kernels.log_softmax(x, 1.0, out)
            return out
        if fits(out, x):
            kernels.log_softmax(x, 1.0, out)
            return out
    return _normalize(kernels.log_softmax, -np.inf, x, axis, temperature, where, out)


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
    layout = RowLayout(x.shape, axes)
    rows = layout.rows(x)
    result = np.empty(len(rows), rows.dtype)
    kernels.logsumexp(rows, result)
    result = result.astype(x.dtype, copy=False).reshape(layout.lead)
    return np.expand_dims(result, axes) if keepdims else result[()]


def softmax_vjp(dy, y, x=None, *, axis=-1, temperature=1.0):
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
    return _pull_back(kernels.softmax_vjp, dy, y, x, axis, temperature)


def log_softmax_vjp(dy, y, x=None, *, axis=-1, temperature=1.0):
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
    return _pull_back(kernels.log_softmax_vjp, dy, y, x, axis, temperature)


def logsumexp_vjp(dy, y, x, *, axis=-1, keepdims=False):
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
    dy, y = (in_one_piece(array, rows.dtype).reshape(-1) for array in (dy, y))
    kernels.logsumexp_vjp(dy, y, rows, dx)
    return layout.array(dx, dtype)


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


def _normalize(kernel, masked, x, axis, temperature, where, out):
    """Run a kernel that turns rows of scores into rows of the same shape."""
    x = check.float_array(x, "x")
    layout = RowLayout(x.shape, check.axis_tuple(axis, x.ndim))
    scale = 1.0 / check.positive(temperature, "temperature")
    if out is not None:
        check.output_array(out, x.shape, x.dtype)
    if where is not None:
        where = check.mask_array(where, x.shape)
        x = np.where(where, x, x.dtype.type(-np.inf))
    rows = layout.rows(x)
    result = layout.room(out, x.dtype, rows)
    kernel(rows, min(scale, float(np.finfo(rows.dtype).max)), result)
    array = layout.array(result, x.dtype, out)
    if where is not None:
        array = np.asarray(array)
        np.copyto(array, masked, where=~where)
        array = array[()] if out is None else out
    return array


def _pull_back(kernel, dy, y, x, axis, temperature):
    """Run a kernel that takes the gradient at the output, and the output."""
    if isinstance(x, int | np.integer):
        raise TypeError(f"the third argument is x; write axis={x} for the axis")
    y, dy = check.float_array(y, "y"), check.float_array(dy, "dy")
    check.same_shape(dy, y, "dy", "y")
    layout = RowLayout(y.shape, check.axis_tuple(axis, y.ndim))
    dtype = np.result_type(dy, y)
    rows = layout.rows(y, dtype)
    dx = new_array(rows.shape, rows.dtype)
    kernel(layout.rows(dy, dtype), rows, dx)
    return layout.array(dx, dtype)
