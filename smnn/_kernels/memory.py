"""Vectors and memory: pointers, load and store.

Kernels turn the arrays that they get into pointers, which cost nothing to pass on.  A
pointer knows its type and not its length: the kernel sees to it that every access lies
within the array.  In Python a pointer is the flattened array.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .compile import INTERPRETED, helper
from .vectors import VECTOR_BYTES, Vector, as_vector, call_llvm, is_single, shuffle


def on_memory(in_python):
    """Make an operation from a function of its types."""

    def decorate(describe):
        return in_python if INTERPRETED else intrinsic(describe)

    return decorate


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


@on_memory(lambda array: None if array is None else array.reshape(-1))
def pointer(typingctx, array):
    """The memory of an array that lies in one piece; None of None."""
    if array is types.none:
        return array(array), lambda context, *_: context.get_dummy_value()

    def codegen(context, builder, signature, values):
        return context.make_array(array)(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), codegen


@on_memory(lambda wanted, x: None if wanted is None else x)
def only_if(typingctx, wanted, x):
    """x, or None if the other is None."""
    if wanted is types.none:
        return types.none(wanted, x), lambda context, *_: context.get_dummy_value()
    return x(wanted, x), lambda context, builder, signature, values: values[1]


@on_memory(lambda x, vectors: np.zeros(vectors * (VECTOR_BYTES // x.itemsize), x.dtype))
def room_for(typingctx, x, vectors):
    """Room for a few vectors of the type of x, as long as the function runs that asks for it."""

    def codegen(context, builder, signature, values):
        count = builder.mul(values[1], values[1].type(lane_count(x)))
        room = builder.alloca(values[0].type.pointee, count)
        room.align = VECTOR_BYTES
        return room

    return x(x, types.intp), codegen


@on_memory(lambda x: VECTOR_BYTES // x.itemsize)
def lanes_of(typingctx, x):
    """How many numbers a vector holds: 16 of float32, 8 of float64."""
    return types.intp(x), lambda context, builder, *_: context.get_constant(
        types.intp, lane_count(x)
    )


@on_memory(lambda x: np.finfo(x.dtype).min)
def lowest_of(typingctx, x):
    """The lowest finite number of the type."""
    lowest = np.finfo(str(x.dtype)).min
    return x.dtype(x), lambda context, builder, *_: context.get_constant(x.dtype, lowest)


# --- Load and store ---------------------------------------------------------------------


@on_memory(lambda x, number: np.full(VECTOR_BYTES // x.itemsize, number, x.dtype))
def spread(typingctx, x, number):
    """A vector of the type of x with one number in every lane."""

    def codegen(context, builder, signature, values):
        return as_vector(context, builder, values[1], number, Vector(x.dtype))

    return Vector(x.dtype)(x, number), codegen


@on_memory(lambda x, i: x[i : i + VECTOR_BYTES // x.itemsize].copy())
def load(typingctx, x, i):
    """The vector that begins at ``x[i]``."""

    def codegen(context, builder, signature, values):
        return read(builder, *values, lane_count(x))

    return Vector(x.dtype)(x, types.intp), codegen


@on_memory(lambda x, i, vector: x.__setitem__(slice(i, i + vector.size), vector))
def store(typingctx, x, i, vector):
    """Write a vector from ``x[i]`` on."""

    def codegen(context, builder, signature, values):
        write(builder, *values)
        return context.get_dummy_value()

    return types.void(x, types.intp, vector), codegen


@on_memory(lambda x, i, vector: x.__setitem__(slice(i, i + vector.size), vector))
def stream(typingctx, x, i, vector):
    """As `store`, past all caches: for results so large that they would be pushed out anyway.

    A store first fetches what lies there, and this does not.  ``x[i]`` must be where a line of
    memory begins (`before_line`), of which nothing else is stored; `end_streams` must follow.
    """

    def codegen(context, builder, signature, values):
        written = write(builder, *values)
        written.align = VECTOR_BYTES
        one = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        written.set_metadata("nontemporal", one)
        return context.get_dummy_value()

    return types.void(x, types.intp, vector), codegen


@on_memory(lambda x, i: -(x.ctypes.data // x.itemsize + i) % (VECTOR_BYTES // x.itemsize))
def before_line(typingctx, x, i):
    """How many numbers from ``x[i]`` on stand before the next line, a vector's size, begins."""

    def codegen(context, builder, signature, values):
        address = builder.ptrtoint(builder.gep(values[0], [values[1]]), values[1].type)
        bytes_before = builder.and_(builder.neg(address), address.type(VECTOR_BYTES - 1))
        return builder.udiv(bytes_before, address.type(x.dtype.bitwidth // 8))

    return types.intp(x, types.intp), codegen


@on_memory(lambda: None)
def end_streams(typingctx):
    """Let other threads see what was streamed before they see anything written later."""

    def codegen(context, builder, signature, values):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


# --- Parts of vectors -------------------------------------------------------------------


def _firstlane_count(builder, count, vector):
    """A mask of the first ``count`` lanes."""
    lanes = ir.VectorType(ir.IntType(32), vector.lanes)
    count = builder.trunc(count, lanes.element)
    empty = ir.Constant(lanes, ir.Undefined)
    first = builder.insert_element(empty, count, ir.Constant(lanes.element, 0))
    counts = shuffle(builder, first, None, [0] * vector.lanes)
    return builder.icmp_signed("<", ir.Constant(lanes, list(range(vector.lanes))), counts)


def _load_part_in_python(x, i, count, fill):
    vector = np.full(VECTOR_BYTES // x.itemsize, fill, x.dtype)
    vector[:count] = x[i : i + count]
    return vector


@on_memory(_load_part_in_python)
def load_part(typingctx, x, i, count, fill):
    """As `load`, but only ``count`` numbers; the other lanes get ``fill``."""
    vector = Vector(x.dtype)

    def codegen(context, builder, signature, values):
        address = _address(builder, values[0], values[1], vector.lanes)
        align = ir.Constant(ir.IntType(32), x.dtype.bitwidth // 8)
        mask = _firstlane_count(builder, values[2], vector)
        rest = as_vector(context, builder, values[3], fill, vector)
        name = f"masked.load.v{vector.lanes}f{x.dtype.bitwidth}.p0"
        return call_llvm(builder, name, rest.type, (address, align, mask, rest))

    return vector(x, types.intp, types.intp, fill), codegen


@on_memory(lambda x, i, count, vector: x.__setitem__(slice(i, i + count), vector[:count]))
def store_part(typingctx, x, i, count, vector):
    """As `store`, but only the first ``count`` lanes."""

    def codegen(context, builder, signature, values):
        address = _address(builder, values[0], values[1], vector.lanes)
        align = ir.Constant(ir.IntType(32), x.dtype.bitwidth // 8)
        mask = _firstlane_count(builder, values[2], vector)
        name = f"masked.store.v{vector.lanes}f{x.dtype.bitwidth}.p0"
        call_llvm(builder, name, ir.VoidType(), (values[3], address, align, mask))
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp, vector), codegen


def _load_labels_in_python(x, labels, i, count, ignore_index):
    found = np.full(VECTOR_BYTES // x.itemsize, ignore_index)
    found[:count] = labels[i : i + count]
    return np.where(found == ignore_index, -1, found).astype(x.dtype)


@on_memory(_load_labels_in_python)
def load_labels(typingctx, x, labels, i, count, ignore_index):
    """``count`` labels as a vector of the type of x; −1 for ignored ones and in other lanes."""
    vector = Vector(x.dtype)

    def codegen(context, builder, signature, values):
        _, pointer, place, count, ignored = values
        integers = ir.VectorType(pointer.type.pointee, vector.lanes)
        ignored = builder.insert_element(
            ir.Constant(integers, ir.Undefined), ignored, ir.Constant(ir.IntType(32), 0)
        )
        ignored = shuffle(builder, ignored, None, [0] * vector.lanes)
        address = _address(builder, pointer, place, vector.lanes)
        align = ir.Constant(ir.IntType(32), labels.dtype.bitwidth // 8)
        mask = _firstlane_count(builder, count, vector)
        name = f"masked.load.v{vector.lanes}i{labels.dtype.bitwidth}.p0"
        found = call_llvm(builder, name, integers, (address, align, mask, ignored))
        none = ir.Constant(integers, [-1] * vector.lanes)
        found = builder.select(builder.icmp_signed("==", found, ignored), none, found)
        return builder.sitofp(found, context.get_value_type(vector))

    return vector(x, labels, types.intp, types.intp, labels.dtype), codegen


def _first_of_in_python(vector, count):
    return np.where(np.arange(vector.size) < count, vector, vector.dtype.type(0))


@on_memory(_first_of_in_python)
def first_of(typingctx, vector, count):
    """The first ``count`` lanes of a vector, and 0 in the others."""

    def codegen(context, builder, signature, values):
        zero = ir.Constant(values[0].type, [0.0] * vector.lanes)
        return builder.select(_firstlane_count(builder, values[1], vector), values[0], zero)

    return vector(vector, types.intp), codegen


@helper
def load_some(x, i, count, fill):
    """Load a whole vector where ``count`` is None, otherwise a part."""
    if count is None:
        return load(x, i)
    return load_part(x, i, count, fill)


@helper
def store_some(x, i, count, vector):
    """Store a whole vector where ``count`` is None, otherwise a part."""
    if count is None:
        store(x, i, vector)
    else:
        store_part(x, i, count, vector)


@helper
def copy(source, i, target, j, count):
    """Copy ``count`` numbers."""
    lanes = lanes_of(source)
    part = count % lanes
    for k in range(0, count - part, lanes):
        store(target, j + k, load(source, i + k))
    if part:
        store_part(target, j + count - part, part, load_part(source, i + count - part, part, 0.0))
