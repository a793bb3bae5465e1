r"""The kernels: softmax and cross-entropy on rows, compiled by numba.

Why they are fast, in the order of what it brings.

1. **Vectors are spelled out.**  A compiler turns a loop into packed instructions where it
   can prove that it may.  For a maximum, a sum or an exponential of floating numbers it
   mostly cannot.  So the kernels work on a type of their own, a `Vector` of 512 bits.  It
   is one register of AVX-512, two of AVX, four of SSE or NEON: the same source is packed
   code on every processor, and it adds in the same order on all of them.
2. **Short rows stand side by side.**  A row of 10 classes fills no register, and its
   maximum and its sum would be sought within one.  Sixteen rows are transposed, in
   registers, so that each has a lane of its own.  The maximum, the exponential and the
   sum of sixteen rows then cost what those of one row cost.
3. **A row is read once from memory.**  It is cut into blocks that stay in the nearest
   cache while their maximum is found and their exponentials, relative to that maximum,
   are written.  When the maximum of the row is known, one more pass multiplies each block
   by the factor that it lacks.
4. **Loss and gradient are one pass.**  The exponentials are written where the gradient
   will stand.  No array of probabilities or log-probabilities is written and read back.
5. **The exponential is ours**: no call, no table, no branch.

What is computed is defined in ``reference.py``, under the names of the last two sections here.
The result for a row depends neither on the rows around it nor on the number of threads.

numba's cache notices when the file changes in which a kernel stands, and no other file:
that is why everything compiled is in this one.  With NUMBA_DISABLE_JIT=1 all of it runs
as Python, and a vector is a NumPy array.
"""

import math
import operator

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, overload, register_model

from . import _threads

VECTOR_BYTES = 64
TILE_BYTES = 16  # of each row are transposed at a time: the smallest register
SHORT_ROW_BYTES = 160  # rows of up to this size stand side by side,
SHORT_ROW_BYTES_LOSS = 256  # and of this size where a loss is wanted
GROUPED = 512  # numbers of long rows that are worked on at a time
BLOCK = 1024  # numbers of a long row that are worked on while they are in the nearest cache
INTERPRETED = bool(config.DISABLE_JIT)


def helper(function):
    """Compile a function that kernels call; its code is put inside theirs."""
    return njit(error_model="numpy", forceinline=True)(function)


def kernel(function):
    """Compile a function when Python first calls it, and keep the result on disk.

    Where nothing can be written, as in a read-only installation without a home, it is
    compiled anew in every process.
    """
    try:
        return njit(error_model="numpy", nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(error_model="numpy", nogil=True)(function)


# --- Vectors ----------------------------------------------------------------------------
#
# Each operation stands here twice: as the instructions that the compiler is given, and
# in Python, for NUMBA_DISABLE_JIT.


class Vector(types.Type):
    """VECTOR_BYTES of one floating type, as a type of numba."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.lanes = VECTOR_BYTES * 8 // dtype.bitwidth
        super().__init__(name=f"Vector({dtype})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, _llvm_vector(vector.dtype, vector.lanes))


def _llvm_vector(dtype, lanes):
    return ir.VectorType(ir.FloatType() if dtype.bitwidth == 32 else ir.DoubleType(), lanes)


def _shuffle(builder, a, b, picked):
    """Pick lanes of two vectors that are thought of as one behind the other."""
    picked = ir.Constant(ir.VectorType(ir.IntType(32), len(picked)), picked)
    return builder.shuffle_vector(a, ir.Constant(a.type, ir.Undefined) if b is None else b, picked)


def _spread(builder, number, lanes):
    vector = ir.Constant(ir.VectorType(number.type, lanes), ir.Undefined)
    vector = builder.insert_element(vector, number, ir.Constant(ir.IntType(32), 0))
    return _shuffle(builder, vector, None, [0] * lanes)


def _as_vector(context, builder, value, have, vector):
    """Cast a number to the type of a vector and spread it over the lanes; leave vectors."""
    if isinstance(have, Vector):
        return value
    return _spread(builder, context.cast(builder, value, have, vector.dtype), vector.lanes)


def _call_llvm(builder, name, result, arguments):
    signature = ir.FunctionType(result, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, signature, f"llvm.{name}")
    return builder.call(function, arguments)


def _operation(in_python):
    """Make an operation that works lane by lane from the instructions that emit it.

    Its operands are numbers or vectors.  Numbers among vectors are cast to their type and
    spread over the lanes.
    """

    def decorate(emit):
        if INTERPRETED:
            return in_python

        @intrinsic
        def operation(typingctx, *operands):
            operands = [types.unliteral(operand) for operand in operands]
            vector = next((a for a in operands if isinstance(a, Vector)), None)
            result = vector or operands[0]

            def codegen(context, builder, signature, values):
                values = cgutils.unpack_tuple(builder, values[0])
                values = [
                    _as_vector(context, builder, value, have, vector)
                    if vector
                    else context.cast(builder, value, have, result)
                    for value, have in zip(values, operands, strict=True)
                ]
                return emit(builder, *values)

            return result(types.BaseTuple.from_types(operands)), codegen

        return operation

    return decorate


def _as_integers(builder, value):
    """The bits of floating numbers, and how to make integer constants of their type."""
    number, lanes = getattr(value.type, "element", value.type), getattr(value.type, "count", 0)
    integer = ir.IntType(32 if isinstance(number, ir.FloatType) else 64)
    kind = ir.VectorType(integer, lanes) if lanes else integer
    return builder.bitcast(value, kind), lambda n: ir.Constant(kind, [n] * lanes if lanes else n)


def _is_single(value):
    return isinstance(getattr(value.type, "element", value.type), ir.FloatType)


def _choose_in_python(a, b, yes, no):
    dtype = next(v.dtype for v in (yes, no, a, b) if hasattr(v, "dtype"))
    return np.where(a < b, yes, no).astype(dtype)[()]


def _power_in_python(t):
    integer, bits = (np.int32, 23) if t.dtype == np.float32 else (np.int64, 52)
    return np.left_shift(t.view(integer), integer(bits)).view(t.dtype)


@_operation(lambda a, b, c: a * b + c)
def fma(builder, a, b, c):
    """a·b + c, rounded once where the processor can."""
    lanes = getattr(a.type, "count", 0)
    suffix = (f"v{lanes}" if lanes else "") + ("f32" if _is_single(a) else "f64")
    return _call_llvm(builder, f"fmuladd.{suffix}", a.type, (a, b, c))


@_operation(_choose_in_python)
def choose(builder, a, b, yes, no):
    """Yes where a < b, otherwise no.  A nan is not below anything."""
    return builder.select(builder.fcmp_ordered("<", a, b), yes, no)


@_operation(lambda a, b: _choose_in_python(b, a, a, b))
def larger(builder, a, b):
    """The larger of both, or b where a is nan: one instruction, as Python's max is not."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


@_operation(_power_in_python)
def power_of_two(builder, t):
    """The number whose exponent field is what the lowest bits of t say."""
    bits, constant = _as_integers(builder, t)
    return builder.bitcast(builder.shl(bits, constant(23 if _is_single(t) else 52)), t.type)


@_operation(lambda u: (np.frexp(u)[1] - 1).astype(u.dtype)[()])
def exponent(builder, u):
    """The whole part of log2 of a normal number."""
    bits, constant = _as_integers(builder, u)
    width, bias = (23, 127) if _is_single(u) else (52, 1023)
    return builder.sitofp(builder.sub(builder.lshr(bits, constant(width)), constant(bias)), u.type)


@_operation(lambda u: (np.frexp(u)[0] * 2).astype(u.dtype)[()])
def significand(builder, u):
    """A normal number without its power of two: from 1 to 2."""
    bits, constant = _as_integers(builder, u)
    field, one = ((1 << 23) - 1, 127 << 23) if _is_single(u) else ((1 << 52) - 1, 1023 << 52)
    bits = builder.or_(builder.and_(bits, constant(field)), constant(one))
    return builder.bitcast(bits, u.type)


def _define_operator(symbol, instruction):
    """Let +, −, · and / work on vectors."""

    @infer_global(symbol)
    class _Typing(AbstractTemplate):
        def generic(self, operands, keywords):
            for operand in operands:
                if isinstance(operand, Vector):
                    return operand(*operands)

    def lower(context, builder, signature, values):
        vector = signature.return_type
        values = [
            _as_vector(context, builder, value, have, vector)
            for value, have in zip(values, signature.args, strict=True)
        ]
        return getattr(builder, instruction)(*values)

    for pair in (Vector, Vector), (Vector, types.Number), (types.Number, Vector):
        lower_builtin(symbol, *pair)(lower)


_define_operator(operator.add, "fadd")
_define_operator(operator.sub, "fsub")
_define_operator(operator.mul, "fmul")
_define_operator(operator.truediv, "fdiv")


# --- Memory -----------------------------------------------------------------------------
#
# Kernels turn the arrays that they get into pointers: these cost nothing to pass on.  In
# Python a pointer is the flattened array.


def _on_memory(in_python):
    """Make an operation on memory from a function of its types."""

    def decorate(describe):
        return in_python if INTERPRETED else intrinsic(describe)

    return decorate


def _lanes(x):
    return VECTOR_BYTES // (x.dtype.bitwidth // 8)


def _tile(x):
    return TILE_BYTES // (x.dtype.bitwidth // 8)


def _address(builder, x, i, lanes):
    """The address of ``x[i]`` as that of a vector."""
    number = x.type.pointee
    return builder.bitcast(builder.gep(x, [i]), ir.VectorType(number, lanes).as_pointer())


def _read(builder, x, i, lanes):
    value = builder.load(_address(builder, x, i, lanes))
    value.align = 4 if _is_single(value) else 8
    return value


def _write(builder, x, i, vector):
    stored = builder.store(vector, _address(builder, x, i, vector.type.count))
    stored.align = 4 if _is_single(vector) else 8


def _first_lanes(builder, count, lanes):
    """A mask of the first ``count`` lanes."""
    counts = _spread(builder, builder.trunc(count, ir.IntType(32)), lanes)
    return builder.icmp_signed("<", ir.Constant(counts.type, list(range(lanes))), counts)


def _call_masked(builder, name, result, arguments, vector):
    suffix = f"v{vector.lanes}f{vector.dtype.bitwidth}.p0"
    return _call_llvm(builder, f"masked.{name}.{suffix}", result, arguments)


@_on_memory(lambda array: None if array is None else array.reshape(-1))
def pointer(typingctx, array):
    """The memory of an array that lies in one piece; None of None."""
    if array is types.none:
        return array(array), lambda context, *_: context.get_dummy_value()

    def codegen(context, builder, signature, values):
        return context.make_array(array)(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), codegen


@_on_memory(lambda wanted, x: None if wanted is None else x)
def only_if(typingctx, wanted, x):
    """x, or None if the other is None."""
    if wanted is types.none:
        return types.none(wanted, x), lambda context, *_: context.get_dummy_value()
    return x(wanted, x), lambda context, builder, signature, values: values[1]


@_on_memory(lambda x, vectors: np.zeros(vectors * (VECTOR_BYTES // x.itemsize), x.dtype))
def room_for(typingctx, x, vectors):
    """Room for some vectors of the type of x, as long as the kernel runs."""

    def codegen(context, builder, signature, values):
        count = builder.mul(values[1], values[1].type(_lanes(x)))
        room = builder.alloca(values[0].type.pointee, count)
        room.align = VECTOR_BYTES
        return room

    return x(x, types.intp), codegen


@_on_memory(lambda x: VECTOR_BYTES // x.itemsize)
def lanes_of(typingctx, x):
    """How many numbers a vector holds: 16 of float32, 8 of float64."""
    return types.intp(x), lambda context, builder, *_: context.get_constant(types.intp, _lanes(x))


@_on_memory(lambda x: TILE_BYTES // x.itemsize)
def tile_of(typingctx, x):
    """How many numbers of a row a tile holds: 4 of float32, 2 of float64."""
    return types.intp(x), lambda context, builder, *_: context.get_constant(types.intp, _tile(x))


@_on_memory(lambda x: np.finfo(x.dtype).min)
def lowest_of(typingctx, x):
    """The lowest finite number of the type."""
    lowest = np.finfo(str(x.dtype)).min
    return x.dtype(x), lambda context, builder, *_: context.get_constant(x.dtype, lowest)


@_on_memory(lambda x, number: np.full(VECTOR_BYTES // x.itemsize, number, x.dtype))
def spread(typingctx, x, number):
    """A vector of the type of x with one number in every lane."""

    def codegen(context, builder, signature, values):
        return _as_vector(context, builder, values[1], number, Vector(x.dtype))

    return Vector(x.dtype)(x, number), codegen


@_on_memory(lambda x, i: x[i : i + VECTOR_BYTES // x.itemsize].copy())
def load(typingctx, x, i):
    """The vector that begins at ``x[i]``."""

    def codegen(context, builder, signature, values):
        return _read(builder, *values, _lanes(x))

    return Vector(x.dtype)(x, types.intp), codegen


@_on_memory(lambda x, i, vector: x.__setitem__(slice(i, i + vector.size), vector))
def store(typingctx, x, i, vector):
    """Write a vector from ``x[i]`` on."""

    def codegen(context, builder, signature, values):
        _write(builder, *values)
        return context.get_dummy_value()

    return types.void(x, types.intp, vector), codegen


def _load_part_in_python(x, i, count, fill):
    vector = np.full(VECTOR_BYTES // x.itemsize, fill, x.dtype)
    vector[:count] = x[i : i + count]
    return vector


@_on_memory(_load_part_in_python)
def load_part(typingctx, x, i, count, fill):
    """As `load`, but only ``count`` numbers; the other lanes get ``fill``."""
    vector = Vector(x.dtype)

    def codegen(context, builder, signature, values):
        x_value, i_value, count_value, fill_value = values
        address = _address(builder, x_value, i_value, vector.lanes)
        align = ir.Constant(ir.IntType(32), x.dtype.bitwidth // 8)
        mask = _first_lanes(builder, count_value, vector.lanes)
        rest = _as_vector(context, builder, fill_value, fill, vector)
        return _call_masked(builder, "load", rest.type, (address, align, mask, rest), vector)

    return vector(x, types.intp, types.intp, fill), codegen


@_on_memory(lambda x, i, count, vector: x.__setitem__(slice(i, i + count), vector[:count]))
def store_part(typingctx, x, i, count, vector):
    """As `store`, but only the first ``count`` lanes."""

    def codegen(context, builder, signature, values):
        x_value, i_value, count_value, value = values
        address = _address(builder, x_value, i_value, vector.lanes)
        align = ir.Constant(ir.IntType(32), x.dtype.bitwidth // 8)
        mask = _first_lanes(builder, count_value, vector.lanes)
        _call_masked(builder, "store", ir.VoidType(), (value, address, align, mask), vector)
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp, vector), codegen


def _only_first_in_python(vector, count):
    return np.where(np.arange(vector.size) < count, vector, vector.dtype.type(0))


@_on_memory(_only_first_in_python)
def only_first(typingctx, vector, count):
    """The first ``count`` lanes of a vector, and 0 in the others."""

    def codegen(context, builder, signature, values):
        mask = _first_lanes(builder, values[1], vector.lanes)
        zero = _as_vector(context, builder, ir.DoubleType()(0.0), types.float64, vector)
        return builder.select(mask, values[0], zero)

    return vector(vector, types.intp), codegen


def _across(in_python, combine):
    """Make an operation that folds a vector in half until one number is left."""

    def fold_in_python(vector):
        while vector.size > 1:
            vector = in_python(*np.split(vector, 2))
        return vector[0]

    if INTERPRETED:
        return fold_in_python

    @intrinsic
    def fold(typingctx, vector):
        def codegen(context, builder, signature, values):
            value, count = values[0], vector.lanes
            while count > 1:
                count //= 2
                low = _shuffle(builder, value, None, list(range(count)))
                high = _shuffle(builder, value, None, list(range(count, 2 * count)))
                value = combine(builder, low, high)
            return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

        return vector.dtype(vector), codegen

    return fold


sum_across = _across(operator.add, lambda builder, a, b: builder.fadd(a, b))
max_across = _across(
    lambda a, b: _choose_in_python(b, a, a, b),
    lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b),
)


# --- Rows side by side ------------------------------------------------------------------
#
# A tile is TILE_BYTES wide and as many rows high as a vector has lanes.  `columns` holds a
# vector for each class, with a lane for each row.


def _transpose(builder, pieces):
    """Transpose square blocks of lanes, 4 vectors × 4 lanes or 2 × 2, side by side."""
    lanes, size = pieces[0].type.count, len(pieces)
    half = rounds = size // 2
    while rounds:
        crossed = []
        for a, b in zip(pieces[:half], pieces[half:], strict=True):
            for first in (0, half):
                at = [block + first + i for block in range(0, lanes, size) for i in range(half)]
                picked = [lane for i in at for lane in (i, lanes + i)]
                crossed.append(_shuffle(builder, a, b, picked))
        pieces, rounds = crossed, rounds // 2
    return pieces


def _step(builder, start, stride, k):
    return builder.add(start, builder.mul(stride, stride.type(k)))


def _load_tile_in_python(x, start, stride, columns, position):
    lanes, size = VECTOR_BYTES // x.itemsize, TILE_BYTES // x.itemsize
    rows = [x[start + k * stride :][:size] for k in range(lanes)]
    columns[position : position + size * lanes] = np.transpose(rows).reshape(-1)


@_on_memory(_load_tile_in_python)
def load_tile(typingctx, x, start, stride, columns, position):
    """Transpose a tile from rows, ``stride`` apart, to columns."""
    lanes, size = _lanes(x), _tile(x)

    def codegen(context, builder, signature, values):
        x, start, stride, columns, position = values
        rows = [_read(builder, x, _step(builder, start, stride, k), size) for k in range(lanes)]
        pieces = []
        for k in range(size):  # rows k, k + size, k + 2·size, … behind one another
            parts = rows[k::size]
            while len(parts) > 1:
                both = list(range(2 * parts[0].type.count))
                pairs = zip(parts[::2], parts[1::2], strict=True)
                parts = [_shuffle(builder, a, b, both) for a, b in pairs]
            pieces += parts
        for k, column in enumerate(_transpose(builder, pieces)):
            _write(builder, columns, builder.add(position, position.type(k * lanes)), column)
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp, columns, types.intp), codegen


def _store_tile_in_python(x, start, stride, columns, position):
    lanes, size = VECTOR_BYTES // x.itemsize, TILE_BYTES // x.itemsize
    rows = columns[position : position + size * lanes].reshape(size, lanes).T
    for k in range(lanes):
        x[start + k * stride :][:size] = rows[k]


@_on_memory(_store_tile_in_python)
def store_tile(typingctx, x, start, stride, columns, position):
    """Transpose a tile from columns to rows, ``stride`` apart, in ascending order."""
    lanes, size = _lanes(x), _tile(x)

    def codegen(context, builder, signature, values):
        x, start, stride, columns, position = values
        pieces = [
            _read(builder, columns, builder.add(position, position.type(k * lanes)), lanes)
            for k in range(size)
        ]
        pieces = _transpose(builder, pieces)
        for k in range(lanes):
            first = k // size * size
            row = _shuffle(builder, pieces[k % size], None, list(range(first, first + size)))
            _write(builder, x, _step(builder, start, stride, k), row)
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp, columns, types.intp), codegen


@helper
def load_columns(x, base, classes, columns):
    """Transpose one row for each lane, from ``x[base]`` on."""
    lanes, size = lanes_of(x), tile_of(x)
    for j in range(0, classes - size + 1, size):
        load_tile(x, base + j, classes, columns, j * lanes)
    if classes % size:
        j = max(classes - size, 0)  # overlaps the tile before, or reaches into the next row
        load_tile(x, base + j, classes, columns, j * lanes)


@helper
def store_columns(x, base, classes, columns):
    """Transpose back; where a tile is wider than a row, the next row overwrites the rest."""
    lanes, size = lanes_of(x), tile_of(x)
    for j in range(0, classes - size + 1, size):
        store_tile(x, base + j, classes, columns, j * lanes)
    if classes % size:
        j = max(classes - size, 0)
        store_tile(x, base + j, classes, columns, j * lanes)


@helper
def copy(source, i, target, j, count):
    """Copy ``count`` numbers."""
    lanes = lanes_of(source)
    whole = count - count % lanes
    for k in range(0, whole, lanes):
        store(target, j + k, load(source, i + k))
    if count > whole:
        rest = load_part(source, i + whole, count - whole, 0.0)
        store_part(target, j + whole, count - whole, rest)


@helper
def gather_rows(x, row, rows, classes, columns, room):
    """Transpose up to a vector's lanes of rows.

    The last rows of an array are fewer than the lanes, and a tile that is wider than a row
    would read beyond the array: such rows are copied to where there is room.
    """
    if rows == lanes_of(x) and classes >= tile_of(x):
        load_columns(x, row * classes, classes, columns)
    else:
        copy(x, row * classes, room, 0, rows * classes)
        load_columns(room, 0, classes, columns)


@helper
def scatter_rows(x, row, rows, classes, columns, room):
    """Transpose back what `gather_rows` has transposed."""
    if rows == lanes_of(x) and classes >= tile_of(x):
        store_columns(x, row * classes, classes, columns)
    else:
        store_columns(room, 0, classes, columns)
        copy(room, 0, x, row * classes, rows * classes)


# --- exp and log ------------------------------------------------------------------------
#
# tools/exp_coefficients.py derives the constants of the exponential and says why it is
# done so.  Its results are 2**64 too large: numbers down to the smallest denormal are
# then normal ones, and the division by the sum, which is too large as well, rounds once.

SCALE = 2.0**64

MAGIC_32 = np.float32(12582912.0)
LOG2E_32 = np.float32(1.4426950216293335)
LN2_HIGH_32 = np.float32(0.693145751953125)
LN2_LOW_32 = np.float32(1.428606765330187e-06)
EXP_C2_32 = np.float32(0.4999999403953552)
EXP_C3_32 = np.float32(0.1666652113199234)
EXP_C4_32 = np.float32(0.04166838899254799)
EXP_C5_32 = np.float32(0.00836871936917305)
EXP_C6_32 = np.float32(0.001381460577249527)

MAGIC_64 = np.float64(6755399441055744.0)
LOG2E_64 = np.float64(1.4426950408889634)
LN2_HIGH_64 = np.float64(0.6931471805598903)
LN2_LOW_64 = np.float64(5.497923018708371e-14)
EXP_C2_64 = np.float64(0.5000000000000011)
EXP_C3_64 = np.float64(0.16666666666666413)
EXP_C4_64 = np.float64(0.041666666666530155)
EXP_C5_64 = np.float64(0.008333333333494461)
EXP_C6_64 = np.float64(0.0013888888943630134)
EXP_C7_64 = np.float64(0.00019841269506578723)
EXP_C8_64 = np.float64(2.480149309888739e-05)
EXP_C9_64 = np.float64(2.755758637378518e-06)
EXP_C10_64 = np.float64(2.763024838532302e-07)
EXP_C11_64 = np.float64(2.500006162553128e-08)

# Adding this rounds to an integer n and leaves n + bias + 64, the exponent field of
# 2**(n + 64), in the lowest bits.
ROUND_32 = MAGIC_32 + np.float32(127 + 64)
ROUND_64 = MAGIC_64 + np.float64(1023 + 64)
# exp is 0 below.
LOWEST_32, LOWEST_64 = np.float32(-104.0), np.float64(-745.2)


@helper
def exp_float32(d):
    """2**64 · exp(d) for d ≤ 0."""
    t = fma(d, LOG2E_32, ROUND_32)
    n = t - ROUND_32
    r = fma(n, -LN2_LOW_32, fma(n, -LN2_HIGH_32, d))
    p = fma(r, EXP_C6_32, EXP_C5_32)
    p = fma(r, p, EXP_C4_32)
    p = fma(r, p, EXP_C3_32)
    p = fma(r, p, EXP_C2_32)
    p = fma(r, p, np.float32(1.0))
    p = fma(r, p, np.float32(1.0))
    return choose(d, LOWEST_32, np.float32(0.0), p * power_of_two(t))


@helper
def exp_float64(d):
    """2**64 · exp(d) for d ≤ 0."""
    t = fma(d, LOG2E_64, ROUND_64)
    n = t - ROUND_64
    r = fma(n, -LN2_LOW_64, fma(n, -LN2_HIGH_64, d))
    p = fma(r, EXP_C11_64, EXP_C10_64)
    p = fma(r, p, EXP_C9_64)
    p = fma(r, p, EXP_C8_64)
    p = fma(r, p, EXP_C7_64)
    p = fma(r, p, EXP_C6_64)
    p = fma(r, p, EXP_C5_64)
    p = fma(r, p, EXP_C4_64)
    p = fma(r, p, EXP_C3_64)
    p = fma(r, p, EXP_C2_64)
    p = fma(r, p, 1.0)
    p = fma(r, p, 1.0)
    return choose(d, LOWEST_64, 0.0, p * power_of_two(t))


def exp(d):
    """2**64 · exp(d) for d ≤ 0, in the type of d."""
    return exp_float32(d) if d.dtype == np.float32 else exp_float64(d)


@overload(exp)
def _exp_of_type(d):
    if getattr(d, "dtype", d) is types.float32:
        return lambda d: exp_float32(d)
    return lambda d: exp_float64(d)


@helper
def log1p(s):
    """log(1 + s) for s ≥ 0.

    1 + s = 2**k · (1 + f) with 1 + f between √½ and √2, and where k is 0, f is s itself.
    log(1 + f) = 2 artanh z with z = f / (2 + f): so small that ten terms of its series do.
    """
    u = s + 1.0
    k = exponent(u)
    m = significand(u)
    k = choose(np.sqrt(2.0), m, k + 1.0, k)
    m = choose(np.sqrt(2.0), m, m * 0.5, m)
    f = choose(0.5, k, m - 1.0, s)
    z = f / (f + 2.0)
    w = z * z
    p = fma(w, 1 / 21, 1 / 19)
    p = fma(w, p, 1 / 17)
    p = fma(w, p, 1 / 15)
    p = fma(w, p, 1 / 13)
    p = fma(w, p, 1 / 11)
    p = fma(w, p, 1 / 9)
    p = fma(w, p, 1 / 7)
    p = fma(w, p, 1 / 5)
    p = fma(w, p, 1 / 3)
    z = z + z
    log = fma(k, LN2_HIGH_64, fma(k, LN2_LOW_64, fma(z * w, p, z)))
    return choose(s, np.inf, log, s)


@helper
def log_sum(total, rest):
    """log of a sum of exponentials, from the sum and from the sum without the largest.

    A sum below 2 has one largest term, which is 1.  The others may be far smaller than a
    last place of the sum and were added up without it.
    """
    total, rest = total * (1.0 / SCALE), rest * (1.0 / SCALE)
    log = log1p(choose(total, 2.0, rest, total - 1.0))
    return choose(total, 0.5, -np.inf, log)  # no term at all: every number is −inf


# --- Steps ------------------------------------------------------------------------------
#
# A row is whole vectors and a part of one.  A step works on either: a count of None stands
# for all lanes.


@helper
def load_some(x, i, count, fill):
    """Load a whole vector, or a part of one."""
    if count is None:
        return load(x, i)
    return load_part(x, i, count, fill)


@helper
def store_some(x, i, count, vector):
    """Store a whole vector, or a part of one."""
    if count is None:
        store(x, i, vector)
    else:
        store_part(x, i, count, vector)


@helper
def shifted(v, m, scale):
    """(v − m) · scale; a scale of None is 1."""
    if scale is None:
        return v - m
    return (v - m) * scale


@helper
def largest(x, i, stop, m):
    """Lane by lane the largest of m and of the whole vectors from ``x[i]`` to ``stop``."""
    lanes = lanes_of(x)
    a, b, c, d = m, m, m, m  # four at a time, as each waits for the one before
    while i + 4 * lanes <= stop:
        a = larger(load(x, i), a)
        b = larger(load(x, i + lanes), b)
        c = larger(load(x, i + 2 * lanes), c)
        d = larger(load(x, i + 3 * lanes), d)
        i += 4 * lanes
    while i < stop:
        a = larger(load(x, i), a)
        i += lanes
    return larger(larger(a, b), larger(c, d))


@helper
def add_exponential(total, rest, d):
    """Add exp(d) to the total, and to the rest if d is below 0."""
    e = exp(d)
    return total + e, rest + choose(d, 0.0, e, 0.0), e


@helper
def exponentials(x, i, stop, m, scale, out):
    """exp of (x − m) · scale into ``out``, unless None, for whole vectors.

    Returns lane by lane their sum, and the sum without those where x = m.
    """
    total = spread(x, 0.0)
    rest = total
    for j in range(i, stop, lanes_of(x)):
        total, rest, e = add_exponential(total, rest, shifted(load(x, j), m, scale))
        if out is not None:
            store(out, j, e)
    return total, rest


@helper
def row_largest(x, i, count):
    """Lane by lane the largest of a row, but a finite one, so that −inf minus it is −inf.

    A nan is passed over here: it turns up again in the sum of the exponentials.
    """
    part = count % lanes_of(x)
    stop = i + count - part
    m = largest(x, i, stop, spread(x, lowest_of(x)))
    if part:
        m = larger(load_part(x, stop, part, -np.inf), m)
    return m


@helper
def row_exponentials(x, i, count, m, scale, out):
    """As `exponentials`, for any count; the part of a vector at the end is only returned."""
    part = count % lanes_of(x)
    stop = i + count - part
    total, rest = exponentials(x, i, stop, m, scale, out)
    last = total
    if part:
        d = shifted(load_part(x, stop, part, -np.inf), m, scale)
        total, rest, last = add_exponential(total, rest, d)
    return total, rest, last


@helper
def fold_sums(vectors, columns):
    """The sums of as many vectors as there are lanes: they are short rows, side by side."""
    lanes = lanes_of(vectors)
    load_columns(vectors, 0, lanes, columns)
    total = load(columns, 0)
    for k in range(1, lanes):
        total = total + load(columns, k * lanes)
    return total


@helper
def relative_factor(peak, to, scale):
    """exp of (peak − to) · scale, a number."""
    if peak == to:
        return 1.0
    return np.float64(exp(shifted(peak, to, scale))) / SCALE


@helper
def block_exponentials(x, base, classes, scale, out, peaks, slot):
    """The largest number of a long row, and the sums of `exponentials` relative to it.

    The exponentials in ``out`` stay relative to the largest number of their block, which
    is kept in ``peaks`` from ``slot`` on.
    """
    peak, total, rest, last = lowest_of(x), 0.0, 0.0, spread(x, 0.0)
    for start in range(0, classes, BLOCK):
        i, count = base + start, min(BLOCK, classes - start)
        its_peak = max_across(row_largest(x, i, count))
        totals, rests, last = row_exponentials(x, i, count, its_peak, scale, out)
        its_total, its_rest = np.float64(sum_across(totals)), np.float64(sum_across(rests))
        peaks[slot + start // BLOCK] = its_peak
        both = larger(peak, its_peak)
        factor = relative_factor(peak, both, scale)
        its_factor = relative_factor(its_peak, both, scale)
        rest = rest if peak == both else total * factor
        rest += its_rest if its_peak == both else its_total * its_factor
        total = total * factor + its_total * its_factor
        peak = both
    return peak, total, rest, last


@helper
def group_exponentials(x, row, rows, classes, scale, out, peaks, blocks, rooms):
    """Exponentials of a few rows, as many as the lanes at most.

    Returns the two sums of `exponentials`, with a lane for each row.  In ``rooms`` it leaves
    the largest number of each row and the part of a vector at the end of each row, which is
    not yet in ``out``.
    """
    m, lasts, totals, rests, columns = rooms
    lanes = lanes_of(x)
    if blocks:
        m[0], totals[0], rests[0], last = block_exponentials(
            x, row * classes, classes, scale, out, peaks, row * blocks
        )
        store(lasts, 0, last)
        return load(totals, 0), load(rests, 0)
    if classes > GROUPED:
        m[0] = max_across(row_largest(x, row * classes, classes))
        total, rest, last = row_exponentials(x, row * classes, classes, m[0], scale, out)
        store(lasts, 0, last)
        totals[0], rests[0] = sum_across(total), sum_across(rest)
        return load(totals, 0), load(rests, 0)
    for k in range(rows):
        m[k] = max_across(row_largest(x, (row + k) * classes, classes))
    for k in range(rows):
        total, rest, last = row_exponentials(x, (row + k) * classes, classes, m[k], scale, out)
        store(totals, k * lanes, total)
        store(rests, k * lanes, rest)
        store(lasts, k * lanes, last)
    return fold_sums(totals, columns), fold_sums(rests, columns)


@helper
def multiply_row(out, row, classes, scale, peaks, blocks, peak, factor, last):
    """Multiply the exponentials of a row by a factor; bring blocks to the same peak.

    The division by SCALE is a step of its own, as together they may be too small.
    """
    base, lanes = row * classes, lanes_of(out)
    part = classes % lanes
    relative = factor
    for start in range(0, classes, BLOCK):
        if blocks:
            block_peak = peaks[row * blocks + start // BLOCK]
            relative = factor * relative_factor(block_peak, peak, scale)
        for i in range(base + start, base + min(start + BLOCK, classes - part), lanes):
            store(out, i, load(out, i) * (1.0 / SCALE) * relative)
    if part:
        i = base + classes - part
        store_part(out, i, part, last * (1.0 / SCALE) * relative)


@helper
def rooms_for(x):
    """Room for what `group_exponentials` returns and leaves."""
    lanes = lanes_of(x)
    return (
        room_for(x, 1),
        room_for(x, lanes),
        room_for(x, lanes),
        room_for(x, lanes),
        room_for(x, lanes),
    )


@helper
def group_size(x, classes):
    """How many long rows are worked on at a time, so that they stay in the nearest cache."""
    return lanes_of(x) if classes <= GROUPED else 1


# --- Kernels ----------------------------------------------------------------------------
#
# Each works on the rows from start to stop.  The name says whether rows stand side by side
# (short) or one after the other (long).


@kernel
def softmax_short(x, scale, out, start, stop):
    classes = x.shape[1]
    x, out = pointer(x), pointer(out)
    lanes, columns, room = lanes_of(x), room_for(x, classes + 4), room_for(x, classes + 4)
    for row in range(start, stop, lanes):
        rows = min(lanes, stop - row)
        gather_rows(x, row, rows, classes, columns, room)
        m = largest(columns, 0, classes * lanes, spread(x, lowest_of(x)))
        total, _ = exponentials(columns, 0, classes * lanes, m, scale, columns)
        factor = 1.0 / total
        for j in range(0, classes * lanes, lanes):
            store(columns, j, load(columns, j) * factor)
        scatter_rows(out, row, rows, classes, columns, room)


@kernel
def softmax_long(x, scale, out, peaks, start, stop):
    classes, blocks = x.shape[1], peaks.shape[1]
    x, out, peaks = pointer(x), pointer(out), pointer(peaks)
    many, rooms, factors = group_size(x, classes), rooms_for(x), room_for(x, 1)
    for row in range(start, stop, many):
        rows = min(many, stop - row)
        total, _ = group_exponentials(x, row, rows, classes, scale, out, peaks, blocks, rooms)
        store(factors, 0, SCALE / total)
        for k in range(rows - 1, -1, -1):
            peak, last = rooms[0][k], load(rooms[1], k * lanes_of(x))
            multiply_row(out, row + k, classes, scale, peaks, blocks, peak, factors[k], last)


@kernel
def log_softmax_short(x, scale, out, start, stop):
    classes = x.shape[1]
    x, out = pointer(x), pointer(out)
    lanes, columns, room = lanes_of(x), room_for(x, classes + 4), room_for(x, classes + 4)
    for row in range(start, stop, lanes):
        rows = min(lanes, stop - row)
        gather_rows(x, row, rows, classes, columns, room)
        m = largest(columns, 0, classes * lanes, spread(x, lowest_of(x)))
        total, rest = exponentials(columns, 0, classes * lanes, m, scale, None)
        log = log_sum(total, rest)
        for j in range(0, classes * lanes, lanes):
            store(columns, j, shifted(load(columns, j), m, scale) - log)
        scatter_rows(out, row, rows, classes, columns, room)


@kernel
def log_softmax_long(x, scale, out, peaks, start, stop):
    classes, blocks = x.shape[1], peaks.shape[1]
    x, out, peaks = pointer(x), pointer(out), pointer(peaks)
    many, rooms, logs, lanes = group_size(x, classes), rooms_for(x), room_for(x, 1), lanes_of(x)
    part = classes % lanes
    for row in range(start, stop, many):
        rows = min(many, stop - row)
        total, rest = group_exponentials(x, row, rows, classes, scale, None, peaks, blocks, rooms)
        store(logs, 0, log_sum(total, rest))
        for k in range(rows):
            base, m, log = (row + k) * classes, rooms[0][k], logs[k]
            for i in range(base, base + classes - part, lanes):
                store(out, i, shifted(load(x, i), m, scale) - log)
            if part:
                i = base + classes - part
                store_part(out, i, part, shifted(load_part(x, i, part, 0.0), m, scale) - log)


@kernel
def logsumexp_short(x, out, start, stop):
    classes = x.shape[1]
    x, out = pointer(x), pointer(out)
    lanes, columns, room = lanes_of(x), room_for(x, classes + 4), room_for(x, classes + 4)
    for row in range(start, stop, lanes):
        rows = min(lanes, stop - row)
        gather_rows(x, row, rows, classes, columns, room)
        m = largest(columns, 0, classes * lanes, spread(x, lowest_of(x)))
        total, rest = exponentials(columns, 0, classes * lanes, m, None, None)
        store_part(out, row, rows, m + log_sum(total, rest))


@kernel
def logsumexp_long(x, out, peaks, start, stop):
    classes, blocks = x.shape[1], peaks.shape[1]
    x, out, peaks = pointer(x), pointer(out), pointer(peaks)
    many, rooms = group_size(x, classes), rooms_for(x)
    for row in range(start, stop, many):
        rows = min(many, stop - row)
        total, rest = group_exponentials(x, row, rows, classes, None, None, peaks, blocks, rooms)
        store_part(out, row, rows, load(rooms[0], 0) + log_sum(total, rest))


@helper
def weight_of(weight, label):
    """The weight of a class, 1 where there are no weights."""
    if weight is None:
        return 1.0
    return weight[label]


@helper
def pick_targets(x, row, rows, classes, labels, ignore_index, weight, picked, weights):
    """The logit and the weight of each row's label; 0 and 0 for an ignored row."""
    for k in range(rows):
        label = labels[row + k]
        if label == ignore_index:
            picked[k], weights[k] = 0.0, 0.0
        else:
            picked[k], weights[k] = x[(row + k) * classes + label], weight_of(weight, label)


@helper
def others_share(m, picked, total, rest):
    """1 − p of the label, without the rounding of p: what the other exponentials sum to."""
    largest_alone = choose(total, 2.0 * SCALE, rest, total - SCALE)
    others = choose(picked, m, total - exp(picked - m), largest_alone)
    return others / total


@helper
def finish_targets(dx, row, rows, classes, labels, ignore_index, losses, at_label):
    """Write what is different at the labels and in ignored rows."""
    for k in range(rows):
        label, base = labels[row + k], (row + k) * classes
        if label == ignore_index:
            losses[row + k] = 0.0
            if dx is not None:
                for j in range(classes):
                    dx[base + j] = 0.0
        elif dx is not None:
            dx[base + label] = at_label[k]


@kernel
def labels_short(x, labels, ignore_index, weight, scale, losses, dx, start, stop):
    classes = x.shape[1]
    x, labels, losses = pointer(x), pointer(labels), pointer(losses)
    weight, gradient = pointer(weight), pointer(dx)
    lanes, columns, room = lanes_of(x), room_for(x, classes + 4), room_for(x, classes + 4)
    picked, weights = room_for(x, 1), room_for(x, 1)
    for row in range(start, stop, lanes):
        rows = min(lanes, stop - row)
        pick_targets(x, row, rows, classes, labels, ignore_index, weight, picked, weights)
        gather_rows(x, row, rows, classes, columns, room)
        m = largest(columns, 0, classes * lanes, spread(x, lowest_of(x)))
        kept = only_if(dx, columns)
        total, rest = exponentials(columns, 0, classes * lanes, m, None, kept)
        logits, factors = load(picked, 0), load(weights, 0)
        store_part(losses, row, rows, ((m - logits) + log_sum(total, rest)) * factors)
        if dx is not None:
            factors = factors * scale
            store(picked, 0, others_share(m, logits, total, rest) * factors * -1.0)
            factors = factors / total
            for j in range(0, classes * lanes, lanes):
                store(columns, j, load(columns, j) * factors)
            scatter_rows(gradient, row, rows, classes, columns, room)
        finish_targets(gradient, row, rows, classes, labels, ignore_index, losses, picked)


@kernel
def labels_long(x, labels, ignore_index, weight, scale, losses, dx, peaks, start, stop):
    classes, blocks = x.shape[1], peaks.shape[1]
    x, labels, losses, peaks = pointer(x), pointer(labels), pointer(losses), pointer(peaks)
    weight, gradient = pointer(weight), pointer(dx)
    many, rooms, lanes = group_size(x, classes), rooms_for(x), lanes_of(x)
    picked, weights = room_for(x, 1), room_for(x, 1)
    for row in range(start, stop, many):
        rows = min(many, stop - row)
        pick_targets(x, row, rows, classes, labels, ignore_index, weight, picked, weights)
        total, rest = group_exponentials(
            x, row, rows, classes, None, gradient, peaks, blocks, rooms
        )
        m, logits, factors = load(rooms[0], 0), load(picked, 0), load(weights, 0)
        store_part(losses, row, rows, ((m - logits) + log_sum(total, rest)) * factors)
        if dx is not None:
            factors = factors * scale
            store(picked, 0, others_share(m, logits, total, rest) * factors * -1.0)
            store(weights, 0, factors * SCALE / total)
            for k in range(rows - 1, -1, -1):
                peak, last = rooms[0][k], load(rooms[1], k * lanes)
                multiply_row(
                    gradient, row + k, classes, None, peaks, blocks, peak, weights[k], last
                )
        finish_targets(gradient, row, rows, classes, labels, ignore_index, losses, picked)


@helper
def coefficients(probs, weight, i, j, count, keep, uniform, x):
    """w · (keep · q + uniform), the coefficients of the log-probabilities; 0 beyond count."""
    a = spread(x, uniform)
    if probs is not None:
        a = load_some(probs, i, count, 0.0) * keep + uniform
    if weight is not None:
        a = a * load_some(weight, j, count, 0.0)
    if count is not None:
        a = only_first(a, count)
    return a


@helper
def add_terms(sums, x, i, count, m, a, dx):
    """Add to the four sums of a row with coefficients: exponentials, rest, a, a · (m − x)."""
    total, rest, weights, crossed = sums
    d = load_some(x, i, count, -np.inf) - m
    total, rest, e = add_exponential(total, rest, d)
    if dx is not None:
        store_some(dx, i, count, e)
    # A coefficient of 0 contributes 0, even against a logit of −inf.
    term = choose(a, 0.0, a * d, choose(0.0, a, a * d, 0.0))
    return total, rest, weights + a, crossed - term


@helper
def coefficient_sums(x, base, classes, m, probs, weight, keep, uniform, dx):
    """The sums of `add_terms` over a row, in float64 from block to block."""
    lanes = lanes_of(x)
    part = classes % lanes
    total, rest, weights, crossed = 0.0, 0.0, 0.0, 0.0
    for start in range(0, classes, BLOCK):
        zero = spread(x, 0.0)
        sums = (zero, zero, zero, zero)
        for j in range(start, min(start + BLOCK, classes - part), lanes):
            a = coefficients(probs, weight, base + j, j, None, keep, uniform, x)
            sums = add_terms(sums, x, base + j, None, m, a, dx)
        if part and start + BLOCK >= classes:
            j = classes - part
            a = coefficients(probs, weight, base + j, j, part, keep, uniform, x)
            sums = add_terms(sums, x, base + j, part, m, a, dx)
        total += np.float64(sum_across(sums[0]))
        rest += np.float64(sum_across(sums[1]))
        weights += np.float64(sum_across(sums[2]))
        crossed += np.float64(sum_across(sums[3]))
    return total, rest, weights, crossed


@helper
def coefficient_gradient(dx, base, classes, probs, weight, keep, uniform, factor, scale):
    """dx = e · factor − a · scale along a row, where dx holds e."""
    lanes = lanes_of(dx)
    part = classes % lanes
    for j in range(0, classes - part, lanes):
        a = coefficients(probs, weight, base + j, j, None, keep, uniform, dx)
        e = load(dx, base + j) * (1.0 / SCALE)
        store(dx, base + j, e * factor - a * scale)
    if part:
        j = classes - part
        a = coefficients(probs, weight, base + j, j, part, keep, uniform, dx)
        e = load_part(dx, base + j, part, 0.0) * (1.0 / SCALE)
        store_part(dx, base + j, part, e * factor - a * scale)


@kernel
def smoothed_labels(x, labels, ignore_index, weight, smoothing, scale, losses, dx, start, stop):
    classes = x.shape[1]
    x, labels, losses = pointer(x), pointer(labels), pointer(losses)
    weight, gradient = pointer(weight), pointer(dx)
    keep, uniform = 1.0 - smoothing, smoothing / classes
    for row in range(start, stop):
        base, label = row * classes, labels[row]
        if label == ignore_index:
            losses[row] = 0.0
            if dx is not None:
                for j in range(base, base + classes):
                    gradient[j] = 0.0
            continue
        logit, at_label = x[base + label], keep * weight_of(weight, label)
        m = max_across(row_largest(x, base, classes))
        total, rest, weights, crossed = coefficient_sums(
            x, base, classes, m, None, weight, keep, uniform, gradient
        )
        if at_label != 0.0:
            crossed += at_label * (m - logit)
        weights += at_label
        losses[row] = weights * log_sum(total, rest) + crossed
        if dx is not None:
            factor = weights * scale * SCALE / total
            coefficient_gradient(
                gradient, base, classes, None, weight, keep, uniform, factor, scale
            )
            gradient[base + label] -= at_label * scale


@kernel
def probabilities(x, probs, weight, smoothing, scale, losses, dx, start, stop):
    classes = x.shape[1]
    x, probs, losses = pointer(x), pointer(probs), pointer(losses)
    weight, gradient = pointer(weight), pointer(dx)
    keep, uniform = 1.0 - smoothing, smoothing / classes
    for row in range(start, stop):
        base = row * classes
        m = max_across(row_largest(x, base, classes))
        total, rest, weights, crossed = coefficient_sums(
            x, base, classes, m, probs, weight, keep, uniform, gradient
        )
        losses[row] = weights * log_sum(total, rest) + crossed
        if dx is not None:
            factor = weights * scale * SCALE / total
            coefficient_gradient(
                gradient, base, classes, probs, weight, keep, uniform, factor, scale
            )


@helper
def row_dot(a, b, base, classes):
    """Σ a · b along a row; Σ a where b is None.  In float64 from block to block."""
    lanes = lanes_of(a)
    part = classes % lanes
    total = 0.0
    for start in range(base, base + classes, BLOCK):
        products = spread(a, 0.0)
        for i in range(start, min(start + BLOCK, base + classes - part), lanes):
            products = products + product(a, b, i, None)
        total += np.float64(sum_across(products))
    if part:
        total += np.float64(sum_across(product(a, b, base + classes - part, part)))
    return total


@helper
def product(a, b, i, count):
    """A vector of a · b, or of a where b is None."""
    if b is None:
        return load_some(a, i, count, 0.0)
    return load_some(a, i, count, 0.0) * load_some(b, i, count, 0.0)


@helper
def softmax_pulled(dy, y, i, count, dot):
    return load_some(y, i, count, 0.0) * (load_some(dy, i, count, 0.0) - dot)


@kernel
def softmax_pullback(dy, y, out, start, stop):
    classes = y.shape[1]
    dy, y, out = pointer(dy), pointer(y), pointer(out)
    lanes = lanes_of(y)
    part = classes % lanes
    for row in range(start, stop):
        base = row * classes
        dot = row_dot(dy, y, base, classes)
        for i in range(base, base + classes - part, lanes):
            store(out, i, softmax_pulled(dy, y, i, None, dot))
        if part:
            i = base + classes - part
            store_part(out, i, part, softmax_pulled(dy, y, i, part, dot))


@helper
def log_softmax_pulled(dy, y, i, count, total):
    probs = exp(load_some(y, i, count, 0.0)) * (1.0 / SCALE)
    return load_some(dy, i, count, 0.0) - probs * total


@kernel
def log_softmax_pullback(dy, y, out, start, stop):
    classes = y.shape[1]
    dy, y, out = pointer(dy), pointer(y), pointer(out)
    lanes = lanes_of(y)
    part = classes % lanes
    for row in range(start, stop):
        base = row * classes
        total = row_dot(dy, None, base, classes)
        for i in range(base, base + classes - part, lanes):
            store(out, i, log_softmax_pulled(dy, y, i, None, total))
        if part:
            i = base + classes - part
            store_part(out, i, part, log_softmax_pulled(dy, y, i, part, total))


@helper
def logsumexp_pulled(dy, y, x, i, count):
    return exp(load_some(x, i, count, 0.0) - y) * (1.0 / SCALE) * dy


@kernel
def logsumexp_pullback(dy, y, x, out, start, stop):
    classes = x.shape[1]
    dy, y, x, out = pointer(dy), pointer(y), pointer(x), pointer(out)
    lanes = lanes_of(x)
    part = classes % lanes
    for row in range(start, stop):
        base = row * classes
        for i in range(base, base + classes - part, lanes):
            store(out, i, logsumexp_pulled(dy[row], y[row], x, i, None))
        if part:
            i = base + classes - part
            store_part(out, i, part, logsumexp_pulled(dy[row], y[row], x, i, part))


@kernel
def check_labels(labels, classes, ignore_index, weight):
    """See ``reference.check_labels``."""
    total = 0.0
    for row in range(labels.size):
        label = labels[row]
        if label != ignore_index:
            if label < 0 or label >= classes:
                return row, 0.0
            total += weight_of(weight, label)
    return -1, total


@kernel
def sum_losses(losses):
    """The sum in float64, in an order that is always the same."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0  # four at a time, as each waits for the one before
    whole = losses.size - losses.size % 4
    for i in range(0, whole, 4):
        a += losses[i]
        b += losses[i + 1]
        c += losses[i + 2]
        d += losses[i + 3]
    for i in range(whole, losses.size):
        a += losses[i]
    return (a + b) + (c + d)


# --- What functional.py calls -----------------------------------------------------------


def _run(kernel, arguments, x):
    """Run a kernel over all rows of x, on several threads if there is work for them."""
    rows, numbers = len(x), x.size
    if numbers < _threads.WORTHWHILE:
        kernel(*arguments, 0, rows)
    else:
        _threads.share(lambda start, stop: kernel(*arguments, start, stop), rows, numbers)


def _peaks(x):
    """Room for the largest number of each block of each row, where there are blocks."""
    classes = x.shape[1]
    blocks = -(-classes // BLOCK) if classes > BLOCK else 0
    return np.empty((len(x), blocks), x.dtype)


def softmax(x, scale, out):
    """See ``reference.softmax``."""
    scale = None if scale == 1.0 else scale
    if x.shape[1] * x.itemsize <= SHORT_ROW_BYTES:
        _run(softmax_short, (x, scale, out), x)
    else:
        _run(softmax_long, (x, scale, out, _peaks(x)), x)


def log_softmax(x, scale, out):
    """See ``reference.log_softmax``."""
    scale = None if scale == 1.0 else scale
    if x.shape[1] * x.itemsize <= SHORT_ROW_BYTES:
        _run(log_softmax_short, (x, scale, out), x)
    else:
        _run(log_softmax_long, (x, scale, out, _peaks(x)), x)


def logsumexp(x, out):
    """See ``reference.logsumexp``."""
    if x.shape[1] * x.itemsize <= SHORT_ROW_BYTES:
        _run(logsumexp_short, (x, out), x)
    else:
        _run(logsumexp_long, (x, out, _peaks(x)), x)


def softmax_vjp(dy, y, out):
    """See ``reference.softmax_vjp``."""
    _run(softmax_pullback, (dy, y, out), y)


def log_softmax_vjp(dy, y, out):
    """See ``reference.log_softmax_vjp``."""
    _run(log_softmax_pullback, (dy, y, out), y)


def logsumexp_vjp(dy, y, x, out):
    """See ``reference.logsumexp_vjp``."""
    _run(logsumexp_pullback, (dy, y, x, out), x)


def cross_entropy_labels(x, labels, ignore_index, weight, smoothing, scale, losses, dx):
    """See ``reference.cross_entropy_labels``."""
    if smoothing:
        arguments = (x, labels, ignore_index, weight, smoothing, scale, losses, dx)
        _run(smoothed_labels, arguments, x)
    else:
        arguments = (x, labels, ignore_index, weight, scale, losses, dx)
        if x.shape[1] * x.itemsize <= SHORT_ROW_BYTES_LOSS:
            _run(labels_short, arguments, x)
        else:
            _run(labels_long, (*arguments, _peaks(x)), x)
    return sum_losses(losses)


def cross_entropy_probs(x, probs, weight, smoothing, scale, losses, dx):
    """See ``reference.cross_entropy_probs``."""
    _run(probabilities, (x, probs, weight, smoothing, scale, losses, dx), x)
    return sum_losses(losses)


# --- Training ---------------------------------------------------------------------------
#
# One pass over flat arrays, in which every number is read once and written once.  These
# loops a compiler can vectorize by itself: they add nothing up, and what they have computed
# they keep, instead of reading it back from an array that might overlap another.


@kernel
def sgd_step(param, grad, velocity, lr, momentum, nesterov, weight_decay):
    """See ``reference.sgd_step``."""
    real = param.dtype.type
    lr, momentum, weight_decay = real(lr), real(momentum), real(weight_decay)
    for i in range(param.size):
        direction = grad[i] + weight_decay * param[i]
        if velocity is not None:
            v = momentum * velocity[i] + direction
            velocity[i] = v
            direction = direction + momentum * v if nesterov else v
        param[i] -= lr * direction


@kernel
def adam_step(param, grad, mean, square, lr, beta1, beta2, eps, weight_decay):
    """See ``reference.adam_step``."""
    real = param.dtype.type
    lr, eps, weight_decay = real(lr), real(eps), real(weight_decay)
    keep1, take1 = real(beta1), real(1 - beta1)
    keep2, take2 = real(beta2), real(1 - beta2)
    for i in range(param.size):
        slope = grad[i] + weight_decay * param[i]
        m = keep1 * mean[i] + take1 * slope
        v = keep2 * square[i] + take2 * (slope * slope)
        mean[i], square[i] = m, v
        param[i] -= lr * m / (math.sqrt(v) + eps)


@kernel
def erfc(x, out):
    """See ``reference.erfc``."""
    for i in range(x.size):
        out[i] = math.erfc(x[i])
