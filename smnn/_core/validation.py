"""Input validation.  Each function returns its argument in canonical form or raises.

The exception says what was expected and what came.  ``TypeError`` means the wrong kind of
thing, ``ValueError`` the wrong shape or value, ``IndexError`` a label that names no class.
"""

import numbers
import operator

import numpy as np

FLOATS = (np.dtype("float16"), np.dtype("float32"), np.dtype("float64"))
_COMPUTED = {FLOATS[1], FLOATS[2]}


def float_array(x, name, *, booleans=False):
    """Return ``x`` as an array of float16, float32 or float64, in native byte order.

    Integers become float64, and so do booleans where they are allowed.  A table of a data
    frame library that holds numbers in columns of several types becomes float64 too.
    Everything else is a TypeError: complex numbers, objects, text, extended precision, sparse
    matrices and masked arrays.
    """
    if x.__class__ is np.ndarray and x.dtype in _COMPUTED:
        return x
    x = plain_array(x, name)
    dtype = x.dtype.newbyteorder("=")
    if dtype.kind in ("iub" if booleans else "iu") or (x.size == 0 and dtype.kind == "O"):
        dtype = np.dtype("float64")
    if dtype not in FLOATS:
        raise TypeError(
            f"{name} must hold float16, float32, float64 or integer numbers, got dtype {x.dtype}"
        )
    return x.astype(dtype, copy=False)


def plain_array(x, name):
    """Return ``x`` as an array; what would lose its meaning on the way is refused by name."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must be a plain array, got a masked array: pass x.filled(...), or x.data "
            "with where=~x.mask if the function takes it"
        )
    if hasattr(x, "toarray") and hasattr(x, "nnz"):
        raise TypeError(
            f"{name} must be a dense array, got the sparse {type(x).__name__}: pass x.toarray()"
        )
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from None
    if array.dtype.kind == "O" and array.size and hasattr(x, "to_numpy"):
        try:  # a data frame with columns of several types, or of types that can be missing
            return x.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{name} must hold numbers: {error}") from None
    return array


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
            if isinstance(one, bool | np.bool_):
                raise TypeError
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
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"out must be a NumPy array, got {type(out).__name__}")
    if out.dtype != dtype:
        raise TypeError(f"out must have the dtype of the result, {dtype}, got {out.dtype}")
    if out.shape != shape:
        raise ValueError(f"out must have the shape of the result, {shape}, got {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out must be writeable, got a read-only array")


def mask_array(where, shape):
    """Return ``where`` as a boolean array of this shape; it may broadcast."""
    where = plain_array(where, "where")
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
    if value.__class__ is float:
        return value
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


def boolean(value, name):
    """Return ``value`` as a bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def integer(value, name):
    """Return ``value`` as an int."""
    if value.__class__ is int:
        return value
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


def float_dtype(dtype, name="dtype", options=("float64", "float32", "float16")):
    """Return ``dtype`` as one of these floating dtypes."""
    try:
        found = np.dtype(dtype).newbyteorder("=")
    except TypeError:
        found = None
    if found is None or found.name not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {dtype!r}")
    return found


def generator(rng):
    """Return a Generator from ``None`` (fresh entropy), a seed, or a Generator."""
    if rng is None or isinstance(rng, np.random.Generator):
        return np.random.default_rng(rng)
    try:
        seed = integer(rng, "rng")
    except TypeError:
        raise TypeError(
            f"rng must be None, an int or a numpy.random.Generator, got {rng!r}"
        ) from None
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
    if not np.isfinite(weight).all():
        raise ValueError(f"weight must be finite, got {weight[~np.isfinite(weight)][0]}")
    return np.array(weight, dtype)  # a copy that nobody else can change


def row_weights(weight, shape, dtype, name="sample_weight"):
    """Return a weight for each row, flattened, of this dtype, or None."""
    if weight is None:
        return None
    weight = float_array(weight, name, booleans=True)
    if weight.shape != shape:
        raise ValueError(
            f"{name} must hold one number per row, shape {shape}, got shape {weight.shape}"
        )
    wrong = ~((weight >= 0) & (weight < np.inf))
    if wrong.any():
        raise ValueError(f"{name} must be at least 0 and finite, got {weight[wrong][0]}")
    return np.array(weight.reshape(-1), dtype)


def integer_array(labels, name="target"):
    """Return integer labels as int64 in one piece, of their shape."""
    labels = plain_array(labels, name)
    if labels.dtype.kind not in "iu" and labels.size:
        raise TypeError(f"{name} must hold integer labels, got dtype {labels.dtype}")
    if labels.dtype.kind == "u" and labels.dtype.itemsize == 8:
        labels = np.minimum(labels, np.uint64(np.iinfo(np.int64).max))
    return np.ascontiguousarray(labels, np.int64).reshape(labels.shape)


def sequence_lengths(lengths, shape, name="lengths"):
    """Return how long each of N sequences is, from 0 to T, or None, as int64.

    ``shape`` begins with (N, T).
    """
    if lengths is None:
        return None
    lengths = integer_array(lengths, name)
    if len(shape) < 2 or lengths.shape != shape[:1]:
        raise ValueError(
            f"{name} must hold one number per sequence (N, T, ...), got shape "
            f"{lengths.shape} for sequences of shape {tuple(shape)}"
        )
    wrong = (lengths < 0) | (lengths > shape[1])
    if wrong.any():
        raise ValueError(f"{name} must be from 0 to {shape[1]}, got {lengths[wrong][0]}")
    return lengths


def class_labels(labels, shape, classes, *, ignore_index=None, name="target"):
    """Return labels of this shape as int64, each of them in range or equal to ignore_index."""
    labels = integer_array(labels, name)
    if labels.shape != shape:
        raise ValueError(
            f"{name} must hold one label per row, shape {shape}, got shape {labels.shape}"
        )
    if labels.view(np.uint64).max(initial=0) < classes:  # as such, a label below 0 is large
        return labels
    wrong = (labels < 0) | (labels >= classes)
    if ignore_index is not None:
        wrong &= labels != ignore_index
    if wrong.any():
        raise_label(labels, int(wrong.argmax()), classes)
    return labels


def target_array(target, logits_shape, dtype):
    """Return the target of a cross-entropy, flattened to rows.

    Integers of the shape of the rows are labels and come back as int64 ``(N,)``;
    numbers of the shape of the logits are probabilities and come back in ``dtype``
    as ``(N, C)``.  The range of the labels is not checked here: see `raise_label`.
    """
    target = plain_array(target, "target")
    rows, classes = logits_shape[:-1], logits_shape[-1]
    if target.shape == rows and target.size == 0:
        return np.zeros(0, np.int64)
    if target.dtype.kind in "iu":
        if target.shape != rows:
            raise ValueError(
                f"integer targets are labels and must have shape {rows} to go with logits of "
                f"shape {logits_shape}, got shape {target.shape}; "
                f"{_hint_of_shape(target.shape, rows, classes)}"
            )
        return integer_array(target).reshape(-1)
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


def _hint_of_shape(given, rows, classes):
    """Return what to do about labels of a shape that does not fit, if it is a known one."""
    if given == (*rows, classes):
        return "pass probabilities as floating numbers"
    if given == (*rows, 1):
        return "drop the last axis, as in target[..., 0]"
    if len(given) > 1 and given[0] == rows[0] and given[1:] == (*rows[2:], classes):
        return "classes are the last axis here: move them there, as in np.moveaxis(logits, 1, -1)"
    return "one label per row of logits, classes last"


def raise_label(target, row, classes):
    """Raise the IndexError for the label at ``row``, counted over the flattened rows."""
    target = np.asarray(target)
    index = np.unravel_index(row, target.shape) if target.ndim > 1 else (row,)
    place = ", ".join(str(int(i)) for i in index)
    raise IndexError(
        f"label {target.reshape(-1)[row]} at row {place} is out of range: "
        f"with {classes} classes a label lies in 0 … {classes - 1}"
    )
