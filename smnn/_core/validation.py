"""What comes in is checked here, once, and here are the words of every error.

Each function takes what the caller gave and returns it in the one form that the
code behind it works with, or raises an exception that says what was expected and
what came.  ``TypeError`` means the wrong kind of thing, ``ValueError`` the wrong
shape or value, ``IndexError`` a label that names no class.
"""

import numbers
import operator

import numpy as np

FLOATS = (np.dtype("float16"), np.dtype("float32"), np.dtype("float64"))


def float_array(x, name):
    """Return ``x`` as an array of float16, float32 or float64, in native byte order.

    Integers become float64.  Everything else is a TypeError: booleans, complex
    numbers, objects, text and extended precision.
    """
    x = np.asarray(x)
    dtype = x.dtype.newbyteorder("=")
    if dtype.kind in "iu" or (x.size == 0 and dtype.kind == "O"):
        dtype = np.dtype("float64")
    if dtype not in FLOATS:
        raise TypeError(
            f"{name} must hold float16, float32, float64 or integer numbers, got dtype {x.dtype}"
        )
    return x.astype(dtype, copy=False)


def axis_tuple(axis, ndim):
    """Return ``axis`` as a tuple of distinct axes in 0 … ndim − 1.

    ``None`` means every axis.  A zero-dimensional array has one value and accepts
    −1 and 0, as if it were a row of one.
    """
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    ndim_or_one = max(ndim, 1)
    normal = []
    for one in axes:
        try:
            one = operator.index(one)
        except TypeError:
            raise TypeError(
                f"axis must be an integer, a tuple of integers or None, got {axis!r}"
            ) from None
        if not -ndim_or_one <= one < ndim_or_one:
            raise ValueError(f"axis {one} is out of range for an array of {ndim} dimensions")
        normal.append(one % ndim_or_one)
    if len(set(normal)) != len(normal):
        raise ValueError(f"axis must not name an axis twice, got {axis!r}")
    return tuple(normal) if ndim else ()


def same_shape(x, y, x_name, y_name):
    """Raise ValueError unless two arrays have the same shape."""
    if x.shape != y.shape:
        raise ValueError(
            f"{x_name} must have the shape of {y_name}, {y.shape}, got shape {x.shape}"
        )


def output_array(out, shape, dtype):
    """Raise unless ``out`` is a writeable array of this shape and dtype."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array, got {type(out).__name__}")
    if out.dtype != dtype:
        raise TypeError(f"out must have the dtype of the result, {dtype}, got {out.dtype}")
    if out.shape != shape:
        raise ValueError(f"out must have the shape of the result, {shape}, got {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out must be writeable, got a read-only array")


def mask_array(where, shape):
    """Return ``where`` as a boolean array of this shape; it may broadcast."""
    where = np.asarray(where)
    if where.dtype != np.bool_:
        raise TypeError(f"where must be a boolean array, got dtype {where.dtype}")
    try:
        return np.broadcast_to(where, shape)
    except ValueError:
        raise ValueError(
            f"where must broadcast to the shape of x, {shape}, got shape {where.shape}"
        ) from None


def real_number(value, name):
    """Return ``value`` as a float."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    return float(value)


def positive(value, name):
    """Return ``value`` as a float above 0 and below infinity."""
    number = real_number(value, name)
    if not 0.0 < number < np.inf:
        raise ValueError(f"{name} must be positive and finite, got {value!r}")
    return number


def not_negative(value, name):
    """Return ``value`` as a float of at least 0 and below infinity."""
    number = real_number(value, name)
    if not 0.0 <= number < np.inf:
        raise ValueError(f"{name} must be at least 0 and finite, got {value!r}")
    return number


def fraction(value, name):
    """Return ``value`` as a float from 0 to 1."""
    number = real_number(value, name)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{name} must lie in [0, 1], got {value!r}")
    return number


def integer(value, name):
    """Return ``value`` as an int."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None


def positive_integer(value, name):
    """Return ``value`` as an int of at least 1."""
    value = integer(value, name)
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return value


def choice(value, options, name):
    """Return ``value`` if it is one of ``options``."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}")
    return value


def generator(rng):
    """Return a Generator from ``None`` (fresh entropy), a seed, or a Generator."""
    if rng is None or isinstance(rng, np.random.Generator):
        return np.random.default_rng(rng)
    seed = integer(rng, "rng, when it is no numpy.random.Generator,")
    if seed < 0:
        raise ValueError(f"rng must be a seed of at least 0, got {seed}")
    return np.random.default_rng(seed)


def class_weights(weight, classes, dtype):
    """Return the class weights as ``(classes,)`` of this dtype, or None."""
    if weight is None:
        return None
    weight = float_array(weight, "weight")
    if weight.shape != (classes,):
        raise ValueError(
            f"weight must hold one number per class, shape ({classes},), got shape {weight.shape}"
        )
    return np.ascontiguousarray(weight, dtype=dtype)


def target_array(target, logits_shape, dtype):
    """Return the target of a cross-entropy, flattened to rows.

    Integers of the shape of the rows are labels and come back as int64 ``(N,)``;
    numbers of the shape of the logits are probabilities and come back in ``dtype``
    as ``(N, C)``.  The range of the labels is not checked here: see `raise_label`.
    """
    target = np.asarray(target)
    rows, classes = logits_shape[:-1], logits_shape[-1]
    if target.shape == rows and target.size == 0:
        return np.zeros(0, np.int64)
    if target.dtype.kind in "iu":
        if target.shape != rows:
            raise ValueError(
                f"integer targets are labels and must have shape {rows} to go with logits of "
                f"shape {logits_shape}, got shape {target.shape}; "
                "pass probabilities as floating numbers"
            )
        if target.dtype.kind == "u" and target.dtype.itemsize == 8:
            target = np.minimum(target, np.uint64(np.iinfo(np.int64).max))
        return np.ascontiguousarray(target, dtype=np.int64).reshape(-1)
    if target.dtype.kind != "f":
        raise TypeError(
            f"target must hold integer labels or floating probabilities, got dtype {target.dtype}"
        )
    if target.shape == rows:
        raise TypeError(f"labels must be integers, got dtype {target.dtype}")
    if target.shape != logits_shape:
        raise ValueError(
            f"target must be labels of shape {rows} or probabilities of shape {logits_shape} "
            f"to go with logits of shape {logits_shape}, got shape {target.shape}"
        )
    flat = (target.size // classes if classes else int(np.prod(rows)), classes)
    return np.ascontiguousarray(target, dtype=dtype).reshape(flat)


def raise_label(target, row, classes):
    """Raise the IndexError for the label at ``row``, counted over the flattened rows."""
    target = np.asarray(target)
    index = np.unravel_index(row, target.shape) if target.ndim > 1 else (row,)
    place = ", ".join(str(int(i)) for i in index)
    raise IndexError(
        f"label {target.reshape(-1)[row]} at row {place} is out of range: "
        f"with {classes} classes a label lies in 0 … {classes - 1}"
    )
