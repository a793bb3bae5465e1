"""Vectors and memory: pointers, load and store.

Kernels turn the arrays that they get into pointers, which cost nothing to pass on.  A
pointer knows its type and not its length: the kernel sees to it that every access lies
within the array.

Positions ``i`` and lengths ``count`` are in **elements** of the pointer's type, as in
``x[i]``; only `scratch` is told in vectors how much memory it shall reserve.
"""

import numpy as np
from llvmlite import ir
from numba import types

from .compile import inlined
from .vectors import (
    VECTOR_BYTES,
    Vector,
    as_vector,
    call_llvm,
    is_single,
    shuffle,
    typed_operation,
)


def lane_count(x):
    return Vector(x.dtype).lanes


def _address(builder, x, i, lanes):
    """The address of ``x[i]`` as that of a vector."""
    vector = ir.VectorType(x.type.pointee, lanes)
    return builder.bitcast(builder.gep(x, [i]), vector.as_pointer())


def read(builder, x, i, lanes):
    value = builder.load(_address(builder, x, i, lanes))
    value.align = 4 if is_single(value) else 8
    return value


def write(builder, x, i, vector):
    written = builder.store(vector, _address(builder, x, i, vector.type.count))
    written.align = 4 if is_single(vector) else 8
    return written


# --- Pointers ---------------------------------------------------------------------------


@typed_operation
def pointer(typingctx, array):
    """The address of a C-contiguous array; None of None."""
    if array is types.none:
        return array(array), lambda context, *_: context.get_dummy_value()

    def codegen(context, builder, signature, values):
        return context.make_array(array)(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), codegen


@typed_operation
def pointer_to(typingctx, x, i):
    """The address of ``x[i]``."""
    return x(x, types.intp), lambda context, builder, signature, values: builder.gep(
        values[0], [values[1]]
    )


@typed_operation
def only_if(typingctx, wanted, x):
    """x, or None if the other is None."""
    if wanted is types.none:
        return types.none(wanted, x), lambda context, *_: context.get_dummy_value()
    return x(wanted, x), lambda context, builder, signature, values: values[1]


@typed_operation
def scratch(typingctx, x, vectors):
    """Memory for this many vectors of the type of x, until the calling function returns."""

    def codegen(context, builder, signature, values):
        count = builder.mul(values[1], values[1].type(lane_count(x)))
        memory = builder.alloca(values[0].type.pointee, count)
        memory.align = VECTOR_BYTES
        return memory

    return x(x, types.intp), codegen


@typed_operation
def lanes_of(typingctx, x):
    """How many numbers a vector holds: 16 of float32, 8 of float64."""
    return types.intp(x), lambda context, builder, *_: context.get_constant(
        types.intp, lane_count(x)
    )


@typed_operation
def lowest_of(typingctx, x):
    """The lowest finite number of the type."""
    lowest = np.finfo(str(x.dtype)).min
    return x.dtype(x), lambda context, builder, *_: context.get_constant(x.dtype, lowest)


# --- Load and store ---------------------------------------------------------------------


@typed_operation
def broadcast(typingctx, x, number):
    """A vector of the type of x with one number in every lane."""

    def codegen(context, builder, signature, values):
        return as_vector(context, builder, values[1], number, Vector(x.dtype))

    return Vector(x.dtype)(x, number), codegen


@typed_operation
def load(typingctx, x, i):
    """The vector that begins at ``x[i]``."""

    def codegen(context, builder, signature, values):
        return read(builder, *values, lane_count(x))

    return Vector(x.dtype)(x, types.intp), codegen


@typed_operation
def store(typingctx, x, i, vector):
    """Write a vector from ``x[i]`` on."""

    def codegen(context, builder, signature, values):
        write(builder, *values)
        return context.get_dummy_value()

    return types.void(x, types.intp, vector), codegen


@typed_operation
def store_nontemporal(typingctx, x, i, vector):
    """As `store`, past all caches: for results so large that they would be evicted anyway.

    A store first fetches the cache line, and this does not.  ``x[i]`` must be where a line
    begins (`elements_to_alignment`), of which nothing else is stored; `store_fence` must follow.
    """

    def codegen(context, builder, signature, values):
        written = write(builder, *values)
        written.align = VECTOR_BYTES
        one = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        written.set_metadata("nontemporal", one)
        return context.get_dummy_value()

    return types.void(x, types.intp, vector), codegen


@typed_operation
def elements_to_alignment(typingctx, x, i):
    """How many elements from ``x[i]`` on come before the next cache line, one vector long."""

    def codegen(context, builder, signature, values):
        address = builder.ptrtoint(builder.gep(values[0], [values[1]]), values[1].type)
        bytes_before = builder.and_(builder.neg(address), address.type(VECTOR_BYTES - 1))
        return builder.udiv(bytes_before, address.type(x.dtype.bitwidth // 8))

    return types.intp(x, types.intp), codegen


@typed_operation
def store_fence(typingctx):
    """Make nontemporal stores visible to other threads before anything written later."""

    def codegen(context, builder, signature, values):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


# --- Parts of vectors -------------------------------------------------------------------


def _first_lanes_mask(builder, count, vector):
    """A mask of the first ``count`` lanes."""
    lanes = ir.VectorType(ir.IntType(32), vector.lanes)
    count = builder.trunc(count, lanes.element)
    empty = ir.Constant(lanes, ir.Undefined)
    first = builder.insert_element(empty, count, ir.Constant(lanes.element, 0))
    counts = shuffle(builder, first, None, [0] * vector.lanes)
    return builder.icmp_signed("<", ir.Constant(lanes, list(range(vector.lanes))), counts)


@typed_operation
def load_part(typingctx, x, i, count, fill):
    """As `load`, but only ``count`` numbers; the other lanes get ``fill``."""
    vector = Vector(x.dtype)

    def codegen(context, builder, signature, values):
        address = _address(builder, values[0], values[1], vector.lanes)
        align = ir.Constant(ir.IntType(32), x.dtype.bitwidth // 8)
        mask = _first_lanes_mask(builder, values[2], vector)
        rest = as_vector(context, builder, values[3], fill, vector)
        name = f"masked.load.v{vector.lanes}f{x.dtype.bitwidth}.p0"
        return call_llvm(builder, name, rest.type, (address, align, mask, rest))

    return vector(x, types.intp, types.intp, fill), codegen


@typed_operation
def store_part(typingctx, x, i, count, vector):
    """As `store`, but only the first ``count`` lanes."""

    def codegen(context, builder, signature, values):
        address = _address(builder, values[0], values[1], vector.lanes)
        align = ir.Constant(ir.IntType(32), x.dtype.bitwidth // 8)
        mask = _first_lanes_mask(builder, values[2], vector)
        name = f"masked.store.v{vector.lanes}f{x.dtype.bitwidth}.p0"
        call_llvm(builder, name, ir.VoidType(), (values[3], address, align, mask))
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp, vector), codegen


@typed_operation
def load_labels(typingctx, x, labels, i, count, classes, ignore_index):
    """``count`` labels from ``labels[i]`` on, as a vector of the type of x.

    −1 stands for an ignored label and for the lanes beyond, −2 for a label out of range.
    """
    vector = Vector(x.dtype)

    def codegen(context, builder, signature, values):
        _, pointer, place, count, classes, ignored = values
        integers = ir.VectorType(pointer.type.pointee, vector.lanes)

        def in_all_lanes(value):
            first = builder.insert_element(
                ir.Constant(integers, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
            )
            return shuffle(builder, first, None, [0] * vector.lanes)

        ignored = in_all_lanes(ignored)
        address = _address(builder, pointer, place, vector.lanes)
        align = ir.Constant(ir.IntType(32), labels.dtype.bitwidth // 8)
        mask = _first_lanes_mask(builder, count, vector)
        name = f"masked.load.v{vector.lanes}i{labels.dtype.bitwidth}.p0"
        found = call_llvm(builder, name, integers, (address, align, mask, ignored))
        one, two = (ir.Constant(integers, [-n] * vector.lanes) for n in (1, 2))
        outside = builder.icmp_unsigned(">=", found, in_all_lanes(classes))  # or below 0
        marked = builder.select(outside, two, found)
        marked = builder.select(builder.icmp_signed("==", found, ignored), one, marked)
        return builder.sitofp(marked, context.get_value_type(vector))

    number = labels.dtype
    return vector(x, labels, types.intp, types.intp, number, number), codegen


@typed_operation
def first_lanes(typingctx, vector, count):
    """The first ``count`` lanes of a vector, and 0 in the others."""

    def codegen(context, builder, signature, values):
        zero = ir.Constant(values[0].type, [0.0] * vector.lanes)
        return builder.select(_first_lanes_mask(builder, values[1], vector), values[0], zero)

    return vector(vector, types.intp), codegen


@inlined
def load_some(x, i, count, fill):
    """Load a whole vector where ``count`` is None, otherwise a part."""
    if count is None:
        return load(x, i)
    return load_part(x, i, count, fill)


@inlined
def store_some(x, i, count, vector):
    """Store a whole vector where ``count`` is None, otherwise a part."""
    if count is None:
        store(x, i, vector)
    else:
        store_part(x, i, count, vector)


@inlined
def copy(source, i, target, j, count):
    """Copy ``count`` numbers."""
    lanes = lanes_of(source)
    part = count % lanes
    for k in range(0, count - part, lanes):
        store(target, j + k, load(source, i + k))
    if part:
        store_part(target, j + count - part, part, load_part(source, i + count - part, part, 0.0))


@inlined
def fill(x, i, count, number):
    """Write a number to the ``count`` places from ``x[i]`` on."""
    lanes = lanes_of(x)
    part = count % lanes
    for j in range(i, i + count - part, lanes):
        store(x, j, broadcast(x, number))
    if part:
        store_part(x, i + count - part, part, broadcast(x, number))
