"""The way into a kernel by which threads share its rows.

A kernel works on the rows from start to stop.  Python tells it to share them by a ``start`` below
zero: minus the address of the pool of ``sharing.py``.  Then not the kernel is called but the
function whose address the pool begins with: it calls the kernel for part after part, and so do
the threads of the pool, none of which needs Python's lock for it.
"""

from llvmlite import ir
from numba.core.callwrapper import PyCallWrapper

ROWS = "start", "stop"  # the last arguments of a kernel whose rows can be shared
ADDRESS, INTEGER = ir.IntType(8).as_pointer(), ir.IntType(64)
PART = ir.FunctionType(ir.VoidType(), [ADDRESS, INTEGER, INTEGER])  # of a frame, start and stop


def wrap(lower, release_gil):
    """Write what Python calls, for a kernel that has been lowered."""
    context, about = lower.context, lower.fndesc
    module = context.create_module("wrapper")
    kind = context.call_conv.get_function_type(about.restype, about.argtypes)
    entry = _entry(module, ir.Function(module, kind, about.llvm_func_name))
    PyCallWrapper(context, module, entry, about, lower.env, lower.call_helper, release_gil).build()
    lower.library.add_ir_module(module)


def _entry(module, kernel):
    """Return a function like the kernel, which shares its rows if it is told to."""
    entry = ir.Function(module, kernel.ftype, f"{kernel.name}.entry")
    entry.linkage = "internal"
    result, error, *arguments, start, stop = entry.args
    builder = ir.IRBuilder(entry.append_basic_block())
    with builder.if_then(builder.icmp_signed("<", start, start.type(0)), likely=False):
        frame = builder.alloca(ir.LiteralStructType([argument.type for argument in arguments]))
        for place, argument in zip(_fields(builder, frame), arguments, strict=True):
            builder.store(argument, place)
        builder.store(ir.Constant(result.type.pointee, None), result)
        pool = builder.neg(start)
        part = builder.ptrtoint(_part(module, kernel, frame.type), INTEGER)
        values = [error, error, pool, part, builder.ptrtoint(frame, INTEGER), stop]
        share = ir.FunctionType(kernel.ftype.return_type, [value.type for value in values])
        share = builder.load(builder.inttoptr(pool, share.as_pointer().as_pointer()))
        builder.ret(builder.call(share, values))
    builder.ret(builder.call(kernel, entry.args))
    return entry


def _part(module, kernel, frame_type):
    """Return a function that calls the kernel for a part of its rows."""
    part = ir.Function(module, PART, f"{kernel.name}.part")
    part.linkage = "internal"
    frame, start, stop = part.args
    builder = ir.IRBuilder(part.append_basic_block())
    fields = _fields(builder, builder.bitcast(frame, frame_type))
    result, error = (builder.alloca(kind.pointee) for kind in kernel.ftype.args[:2])
    builder.call(kernel, [result, error, *map(builder.load, fields), start, stop])
    builder.ret_void()
    return part


def _fields(builder, frame):
    number = ir.IntType(32)
    fields = range(len(frame.type.pointee.elements))
    return [builder.gep(frame, [number(0), number(field)]) for field in fields]
