"""Putting rows side by side.

`transpose_in` makes a vector for each column, in which each lane is a row, and
`transpose_out` undoes it.  They work on tiles that are as many rows high as a vector has
lanes, and 16 bytes wide, the smallest register.  A tile is read row by row, transposed in
registers, and written column by column: nothing is moved one number at a time.
"""

import numpy as np
from numba import types

from .compile import helper
from .memory import lane_count, lanes_of, on_memory, read, write
from .vectors import VECTOR_BYTES, shuffle

TILE_BYTES = 16


def _tile(x):
    return TILE_BYTES * 8 // x.dtype.bitwidth


@on_memory(lambda x: TILE_BYTES // x.itemsize)
def tile_of(typingctx, x):
    """How many numbers wide a tile is: 4 of float32, 2 of float64."""
    return types.intp(x), lambda context, builder, *_: context.get_constant(types.intp, _tile(x))


def _crosswise(builder, vectors):
    """Transpose square blocks of lanes, 4 vectors × 4 lanes or 2 × 2, side by side."""
    lanes, size = vectors[0].type.count, len(vectors)
    half = rounds = size // 2
    while rounds:
        crossed = []
        for a, b in zip(vectors[:half], vectors[half:], strict=True):
            for first in (0, half):
                at = [block + first + i for block in range(0, lanes, size) for i in range(half)]
                picked = [lane for i in at for lane in (i, lanes + i)]
                crossed.append(shuffle(builder, a, b, picked))
        vectors, rounds = crossed, rounds // 2
    return vectors


def _step(builder, start, stride, k):
    return builder.add(start, builder.mul(stride, stride.type(k)))


def _load_tile_in_python(x, start, stride, columns, position):
    lanes, size = VECTOR_BYTES // x.itemsize, TILE_BYTES // x.itemsize
    rows = [x[start + k * stride :][:size] for k in range(lanes)]
    columns[position : position + size * lanes] = np.transpose(rows).reshape(-1)


@on_memory(_load_tile_in_python)
def load_tile(typingctx, x, start, stride, columns, position):
    """Transpose a tile from rows, ``stride`` apart, to columns."""
    lanes, size = lane_count(x), _tile(x)

    def codegen(context, builder, signature, values):
        x, start, stride, columns, position = values
        rows = [read(builder, x, _step(builder, start, stride, k), size) for k in range(lanes)]
        vectors = []
        for k in range(size):  # rows k, k + size, k + 2·size, … behind one another
            parts = rows[k::size]
            while len(parts) > 1:
                both = list(range(2 * parts[0].type.count))
                pairs = zip(parts[::2], parts[1::2], strict=True)
                parts = [shuffle(builder, a, b, both) for a, b in pairs]
            vectors += parts
        for k, column in enumerate(_crosswise(builder, vectors)):
            write(builder, columns, builder.add(position, position.type(k * lanes)), column)
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp, columns, types.intp), codegen


def _store_tile_in_python(x, start, stride, columns, position):
    lanes, size = VECTOR_BYTES // x.itemsize, TILE_BYTES // x.itemsize
    rows = columns[position : position + size * lanes].reshape(size, lanes).T
    for k in range(lanes):
        x[start + k * stride :][:size] = rows[k]


@on_memory(_store_tile_in_python)
def store_tile(typingctx, x, start, stride, columns, position):
    """Transpose a tile from columns to rows, ``stride`` apart, in ascending order."""
    lanes, size = lane_count(x), _tile(x)

    def codegen(context, builder, signature, values):
        x, start, stride, columns, position = values
        places = [builder.add(position, position.type(k * lanes)) for k in range(size)]
        vectors = [read(builder, columns, place, lanes) for place in places]
        vectors = _crosswise(builder, vectors)
        for k in range(lanes):
            first = k // size * size
            row = shuffle(builder, vectors[k % size], None, list(range(first, first + size)))
            write(builder, x, _step(builder, start, stride, k), row)
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp, columns, types.intp), codegen


@helper
def transpose_in(x, base, width, columns):
    """Put rows side by side, one for each lane, from ``x[base]`` on.

    The last tile overlaps the one before it, or reaches into the next row.
    """
    lanes, size = lanes_of(x), tile_of(x)
    for j in range(0, width - size + 1, size):
        load_tile(x, base + j, width, columns, j * lanes)
    if width % size:
        j = max(width - size, 0)
        load_tile(x, base + j, width, columns, j * lanes)


@helper
def transpose_out(x, base, width, columns):
    """Put rows one behind the other again, from ``x[base]`` on.

    Where a tile is wider than a row, the next row overwrites what is too much.
    """
    lanes, size = lanes_of(x), tile_of(x)
    for j in range(0, width - size + 1, size):
        store_tile(x, base + j, width, columns, j * lanes)
    if width % size:
        j = max(width - size, 0)
        store_tile(x, base + j, width, columns, j * lanes)
