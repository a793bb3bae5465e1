"""Putting rows side by side.

`transpose_in` makes a vector for each column, in which each lane is a row, and
`transpose_out` undoes it.  They work on tiles that are as many rows high as a vector has
lanes, and 16 bytes wide, the smallest register.  A tile is read row by row, transposed in
registers, and written column by column: nothing is moved one number at a time.

`sum_each` and `max_each` fold as many vectors as a vector has lanes, all at once: what would
be the same steps for each is done for two, then for four, until each has a lane of its own.

``base``, ``start``, ``stride``, ``position``, ``width`` and ``i`` count elements.
"""

from numba import types
from numba.extending import intrinsic

from . import emulation
from .compile import INTERPRETED, inlined
from .emulation import TILE_BYTES
from .memory import lane_count, lanes_of, read, write
from .vectors import Vector, emit_maximum, shuffle, typed_operation


def _tile(x):
    return TILE_BYTES * 8 // x.dtype.bitwidth


@typed_operation
def tile_of(typingctx, x):
    """How many elements wide a tile is: 4 of float32, 2 of float64."""
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


@typed_operation
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


@typed_operation
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


@inlined
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


@inlined
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


def _each(name, combine):
    """Make an operation that folds each of the vectors from ``x[i]`` on, as many as lanes."""

    def fold(typingctx, x, i):
        lanes = lane_count(x)

        def codegen(context, builder, signature, values):
            places = [_step(builder, values[1], values[1].type(lanes), k) for k in range(lanes)]
            vectors = [read(builder, values[0], place, lanes) for place in places]
            half = lanes // 2  # of the lanes that belong to one of the vectors
            while half:
                low = [i for i in range(2 * lanes) if i // half % 2 == 0]
                high = [i + half for i in low]
                vectors = [
                    combine(builder, shuffle(builder, a, b, low), shuffle(builder, a, b, high))
                    for a, b in zip(vectors[::2], vectors[1::2], strict=True)
                ]
                half //= 2
            return vectors[0]

        return Vector(x.dtype)(x, types.intp), codegen

    return getattr(emulation, name) if INTERPRETED else intrinsic(fold)


sum_each = _each("sum_each", lambda builder, a, b: builder.fadd(a, b))
max_each = _each("max_each", emit_maximum)
