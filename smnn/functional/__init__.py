r"""Softmax, its relatives and their gradients: the functions that users call.

Everything here takes arrays of any shape, axis, order and stride.  It checks them, lays
them out as rows of one length, hands the rows to the kernels and gives the result its shape
back.  What is computed on a row is written in ``reference.py``, how it is computed fast in
``_kernels``.  Where numba is not installed, the reference does the work.

Floating dtypes are kept: float16 is computed in float32, integers give float64.
"""

from ._attention import attention
from ._cross_entropy import cross_entropy, linear_cross_entropy, softmax_cross_entropy
from ._entmax import entmax, entmax_vjp, sparsemax, sparsemax_vjp
from ._labels import one_hot
from ._merge import merge_logsumexp
from ._softmax import (
    log_softmax,
    log_softmax_vjp,
    logsumexp,
    logsumexp_vjp,
    softmax,
    softmax_jacobian,
    softmax_vjp,
)

__all__ = [
    "attention",
    "cross_entropy",
    "entmax",
    "entmax_vjp",
    "linear_cross_entropy",
    "log_softmax",
    "log_softmax_vjp",
    "logsumexp",
    "logsumexp_vjp",
    "merge_logsumexp",
    "one_hot",
    "softmax",
    "softmax_cross_entropy",
    "softmax_jacobian",
    "softmax_vjp",
    "sparsemax",
    "sparsemax_vjp",
]
