"""Direct calls: on a small array a call costs more than its work.

numba looks at every argument to find the code for their types, counts the references to each
array, and compiles anew for another number of dimensions and for read-only arrays.  Here one
dtype tells all types, nothing is counted, and an array of any number of dimensions comes as the
table of its rows: to make a view of it would take longer than the softmax of a row.
"""

from llvmlite import ir
from numba import from_dtype, types
from numba.core import cgutils
from numba.extending import NativeValue, models, register_model, unbox
from numba.np.arrayobj import populate_array
from numpy import ndarray

from ..._core.rows import as_rows
from .compile import INTERPRETED

ROWS = None  # the type of an argument that is rows of the dtype that is asked for


class Rows(types.Array):
    """An array of any shape, C-contiguous and aligned, that a kernel sees as rows of its last axis.

    Whoever calls a kernel with one holds it until the kernel is done.
    """

    def __init__(self, dtype):
        super().__init__(dtype, 2, "C", name=f"Rows({dtype})")


class SmallKernel(dict):
    """A kernel for small arrays, called as ``small[dtype](…)``: its code by the dtype of the rows.

    The arguments are of fixed ``kinds``: numba's types, or ROWS for rows of the dtype.  Nothing is
    checked in a call.
    """

    def __init__(self, kernel, *kinds):
        super().__init__()
        self.kernel, self.kinds = kernel, kinds

    def __missing__(self, dtype):
        if INTERPRETED:
            return self._interpret
        rows = Rows(from_dtype(dtype))
        code = self.kernel.compile(tuple(rows if kind is ROWS else kind for kind in self.kinds))
        self[dtype] = code
        return code

    def _interpret(self, *arguments):
        return self.kernel(*(as_rows(a) if isinstance(a, ndarray) else a for a in arguments))


register_model(Rows)(models.ArrayModel)


@unbox(Rows)
def _rows_of_array(typ, array, c):
    """Read the address and the shape where NumPy keeps them: the beginning of PyArrayObject."""
    builder, intp, int32 = c.builder, ir.IntType(types.intp.bitwidth), ir.IntType(32)
    head = ir.ArrayType(ir.IntType(8), object.__basicsize__)
    address = c.context.get_data_type(typ.dtype).as_pointer()
    layout = ir.LiteralStructType([head, address, int32, intp.as_pointer()])
    array = builder.bitcast(array, layout.as_pointer())
    data, ndim, shape = (
        builder.load(cgutils.gep_inbounds(builder, array, 0, field)) for field in (1, 2, 3)
    )
    last = builder.sub(builder.zext(ndim, intp), intp(1))
    rows = cgutils.alloca_once_value(builder, intp(1))
    with cgutils.for_range(builder, last) as loop:
        length = builder.load(builder.gep(shape, [loop.index]))
        builder.store(builder.mul(builder.load(rows), length), rows)
    classes = builder.load(builder.gep(shape, [last]))
    itemsize = intp(typ.dtype.bitwidth // 8)
    result = c.context.make_array(typ)(c.context, builder)
    populate_array(
        result,
        data=data,
        shape=(builder.load(rows), classes),
        strides=(builder.mul(classes, itemsize), itemsize),
        itemsize=itemsize,
        meminfo=None,
    )
    return NativeValue(result._getvalue())
