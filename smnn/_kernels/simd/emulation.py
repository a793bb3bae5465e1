"""NumPy twins of the intrinsics, by name, for NUMBA_DISABLE_JIT.

A vector is a NumPy array of VECTOR_BYTES and a pointer is a flattened array, so that the
kernels run as plain Python under a debugger or a coverage tool.  Positions count elements.
"""

import operator

import numpy as np

VECTOR_BYTES = 64
TILE_BYTES = 16


def _lanes(x):
    return VECTOR_BYTES // x.itemsize


# --- vectors.py -------------------------------------------------------------------------


def fma(a, b, c):
    return a * b + c


def select(a, b, yes, no):
    dtype = next(value.dtype for value in (yes, no, a, b) if hasattr(value, "dtype"))
    return np.where(a < b, yes, no).astype(dtype)[()]


def select_equal(a, b, yes, no):
    return np.where(a == b, yes, no).astype(a.dtype)[()]


def maximum(a, b):
    return select(b, a, a, b)


def power_of_two(t):
    integer, bits = (np.int32, 23) if t.dtype == np.float32 else (np.int64, 52)
    return np.left_shift(t.view(integer), integer(bits)).view(t.dtype)


def exponent(u):
    return (np.frexp(u)[1] - 1).astype(u.dtype)[()]


def significand(u):
    return (np.frexp(u)[0] * 2).astype(u.dtype)[()]


def _fold(combine, vector):
    while vector.size > 1:
        vector = combine(*np.split(vector, 2))
    return vector[0]


def sum_across(vector):
    return _fold(operator.add, vector)


def max_across(vector):
    return _fold(maximum, vector)


# --- memory.py --------------------------------------------------------------------------


def pointer(array):
    return None if array is None else array.reshape(-1)


def pointer_to(x, i):
    return x[i:]


def only_if(wanted, x):
    return None if wanted is None else x


def scratch(x, vectors):
    return np.zeros(vectors * _lanes(x), x.dtype)


def lanes_of(x):
    return _lanes(x)


def lowest_of(x):
    return np.finfo(x.dtype).min


def broadcast(x, number):
    return np.full(_lanes(x), number, x.dtype)


def load(x, i):
    return x[i : i + _lanes(x)].copy()


def store(x, i, vector):
    x[i : i + vector.size] = vector


store_nontemporal = store


def store_fence():
    pass


def elements_to_alignment(x, i):
    return -(x.ctypes.data // x.itemsize + i) % _lanes(x)


def load_part(x, i, count, fill):
    vector = np.full(_lanes(x), fill, x.dtype)
    vector[:count] = x[i : i + count]
    return vector


def store_part(x, i, count, vector):
    x[i : i + count] = vector[:count]


def load_labels(x, labels, i, count, classes, ignore_index):
    found = np.full(_lanes(x), ignore_index)
    found[:count] = labels[i : i + count]
    outside = np.where((found < 0) | (found >= classes), -2, found)
    return np.where(found == ignore_index, -1, outside).astype(x.dtype)


def first_lanes(vector, count):
    return np.where(np.arange(vector.size) < count, vector, vector.dtype.type(0))


# --- transpose.py -----------------------------------------------------------------------


def tile_of(x):
    return TILE_BYTES // x.itemsize


def load_tile(x, start, stride, columns, position):
    rows = [x[start + k * stride :][: tile_of(x)] for k in range(_lanes(x))]
    columns[position : position + tile_of(x) * _lanes(x)] = np.transpose(rows).reshape(-1)


def store_tile(x, start, stride, columns, position):
    lanes, size = _lanes(x), tile_of(x)
    rows = columns[position : position + size * lanes].reshape(size, lanes).T
    for k in range(lanes):
        x[start + k * stride :][:size] = rows[k]


def sum_each(x, i):
    return np.array([sum_across(load(x, i + k * _lanes(x))) for k in range(_lanes(x))])


def max_each(x, i):
    return np.array([max_across(load(x, i + k * _lanes(x))) for k in range(_lanes(x))])
