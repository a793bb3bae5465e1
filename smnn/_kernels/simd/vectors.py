"""A vector of numbers, as a type that numba's functions can work with.

A compiler turns a loop into packed instructions where it can prove that it may.  For a
maximum, a sum or an exponential of floating-point numbers it mostly cannot: their order
matters.  So the kernels do not leave it to the compiler.  A `Vector` is 512 bits wide: 16
numbers of float32 or 8 of float64, its **lanes**.  That is one register of AVX-512, two of
AVX, four of SSE or NEON.  The same source is packed code on every processor, and adds in the
same order on all of them.

+, −, · and / work on vectors, and so do the operations of this file.  Their operands may
also be numbers.  Here is what the compiler is given; ``emulation.py`` has a twin of the same
name in NumPy.
"""

import operator

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, register_model

from . import emulation
from .compile import INTERPRETED
from .emulation import VECTOR_BYTES

PICKS = "avx512f"  # the feature of a processor that has `power_by_table`


class Vector(types.Type):
    """VECTOR_BYTES of one floating type."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.lanes = VECTOR_BYTES * 8 // dtype.bitwidth
        super().__init__(name=f"Vector({dtype})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        number = ir.FloatType() if vector.dtype.bitwidth == 32 else ir.DoubleType()
        super().__init__(manager, vector, ir.VectorType(number, vector.lanes))


# --- Tools for those that emit instructions ---------------------------------------------


def shuffle(builder, a, b, picked):
    """Pick lanes, numbered through both vectors, of which b may be None."""
    picked = ir.Constant(ir.VectorType(ir.IntType(32), len(picked)), picked)
    return builder.shuffle_vector(a, b or ir.Constant(a.type, ir.Undefined), picked)


def as_vector(context, builder, value, have, vector):
    """Cast a number to the type of a vector and broadcast it to the lanes; leave vectors."""
    if isinstance(have, Vector):
        return value
    number = context.cast(builder, value, have, vector.dtype)
    empty = ir.Constant(ir.VectorType(number.type, vector.lanes), ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(ir.IntType(32), 0))
    return shuffle(builder, first, None, [0] * vector.lanes)


def is_single(value):
    """Whether a value holds float32, as a number or as a vector."""
    return isinstance(getattr(value.type, "element", value.type), ir.FloatType)


def call_llvm(builder, name, result, arguments):
    """Call one of LLVM's own functions."""
    signature = ir.FunctionType(result, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, signature, f"llvm.{name}")
    return builder.call(function, arguments)


def operation(emit):
    """Make an operation on numbers or vectors from the function that emits its instructions.

    Numbers among vectors are cast to their type and broadcast to the lanes.
    """
    if INTERPRETED:
        return getattr(emulation, emit.__name__)

    @intrinsic
    def apply(typingctx, *operands):
        operands = [types.unliteral(operand) for operand in operands]
        vector = next((a for a in operands if isinstance(a, Vector)), None)
        result = vector or operands[0]

        def codegen(context, builder, signature, values):
            values = cgutils.unpack_tuple(builder, values[0])
            values = [
                as_vector(context, builder, value, have, vector)
                if vector
                else context.cast(builder, value, have, result)
                for value, have in zip(values, operands, strict=True)
            ]
            return emit(builder, *values)

        return result(types.BaseTuple.from_types(operands)), codegen

    return apply


def typed_operation(describe):
    """Make an operation from numba's form of it: from types to a signature and a codegen."""
    return getattr(emulation, describe.__name__) if INTERPRETED else intrinsic(describe)


def _as_integers(builder, value):
    """The bits of floating numbers, and how to make integer constants of their type."""
    lanes = getattr(value.type, "count", 0)
    integer = ir.IntType(32 if is_single(value) else 64)
    kind = ir.VectorType(integer, lanes) if lanes else integer
    return builder.bitcast(value, kind), lambda n: ir.Constant(kind, [n] * lanes if lanes else n)


# --- Lane by lane -----------------------------------------------------------------------


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
            as_vector(context, builder, value, have, vector)
            for value, have in zip(values, signature.args, strict=True)
        ]
        return getattr(builder, instruction)(*values)

    for pair in (Vector, Vector), (Vector, types.Number), (types.Number, Vector):
        lower_builtin(symbol, *pair)(lower)


_define_operator(operator.add, "fadd")
_define_operator(operator.sub, "fsub")
_define_operator(operator.mul, "fmul")
_define_operator(operator.truediv, "fdiv")


def emit_maximum(builder, a, b):
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


@operation
def fma(builder, a, b, c):
    """a·b + c, rounded once where the processor can."""
    lanes = getattr(a.type, "count", "")
    suffix = f"{'v' if lanes else ''}{lanes}{'f32' if is_single(a) else 'f64'}"
    return call_llvm(builder, f"fmuladd.{suffix}", a.type, (a, b, c))


@operation
def select(builder, a, b, yes, no):
    """Yes where a < b, otherwise no.  A nan is not below anything."""
    return builder.select(builder.fcmp_ordered("<", a, b), yes, no)


@operation
def select_equal(builder, a, b, yes, no):
    """Yes where a is b, otherwise no."""
    return builder.select(builder.fcmp_ordered("==", a, b), yes, no)


@operation
def maximum(builder, a, b):
    """The larger of both, or b where a is nan: one instruction, as Python's max is not."""
    return emit_maximum(builder, a, b)


@operation
def power_of_two(builder, t):
    """The number whose exponent field is what the lowest bits of t say."""
    bits, constant = _as_integers(builder, t)
    return builder.bitcast(builder.shl(bits, constant(23 if is_single(t) else 52)), t.type)


def power_by_table(fractions):
    """Make an operation: 2**(k / 16) for the integer k that the lowest bits of t say.

    The last four bits of k pick one of the sixteen ``fractions``, the others are added to its
    exponent.  This takes a processor that picks 16 numbers at once: see `PICKS`.
    """
    bits = np.array(fractions, np.float32).view(np.int32)
    # What those four bits will be too much in the exponent's place is taken off beforehand.
    entries = [int(entry) - (j << 19) for j, entry in enumerate(bits)]

    def power(builder, t):
        places, constant = _as_integers(builder, t)
        table = ir.Constant(places.type, entries)
        picked = call_llvm(builder, "x86.avx512.permvar.si.512", places.type, (table, places))
        return builder.bitcast(builder.add(picked, builder.shl(places, constant(19))), t.type)

    return None if INTERPRETED else operation(power)


@operation
def exponent(builder, u):
    """floor(log2(u)) of a normal number."""
    bits, constant = _as_integers(builder, u)
    width, bias = (23, 127) if is_single(u) else (52, 1023)
    return builder.sitofp(builder.sub(builder.lshr(bits, constant(width)), constant(bias)), u.type)


@operation
def significand(builder, u):
    """A normal number over its power of two: from 1 to 2."""
    bits, constant = _as_integers(builder, u)
    field, one = ((1 << 23) - 1, 127 << 23) if is_single(u) else ((1 << 52) - 1, 1023 << 52)
    bits = builder.or_(builder.and_(bits, constant(field)), constant(one))
    return builder.bitcast(bits, u.type)


# --- Across the lanes -------------------------------------------------------------------


def _across(name, combine):
    """Make an operation that folds a vector in half until one number is left."""
    if INTERPRETED:
        return getattr(emulation, name)

    @intrinsic
    def fold(typingctx, vector):
        def codegen(context, builder, signature, values):
            value, count = values[0], vector.lanes
            while count > 1:
                count //= 2
                low = shuffle(builder, value, None, list(range(count)))
                high = shuffle(builder, value, None, list(range(count, 2 * count)))
                value = combine(builder, low, high)
            return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

        return vector.dtype(vector), codegen

    return fold


sum_across = _across("sum_across", lambda builder, a, b: builder.fadd(a, b))
max_across = _across("max_across", emit_maximum)
