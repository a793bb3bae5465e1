"""What is measured: operations, shapes and the numbers that go in.

A case is one operation at one shape and floating type, with the output either allocated by
the call (``fresh``) or handed in by the caller (``reused``, the ``out=`` of NumPy).
"""

from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

ROW_OPERATIONS = ("softmax", "log_softmax", "cross_entropy", "softmax_cross_entropy")
OPERATIONS = (*ROW_OPERATIONS, "linear_cross_entropy")

# (examples, classes).  The first are common; the last are odd on purpose, with sizes that are
# prime or just beside a multiple of a vector.
SHAPES = (
    (1, 10),
    (64, 10),
    (1024, 10),
    (65536, 10),
    (256, 32),
    (256, 100),
    (256, 1000),
    (4096, 1000),
    (512, 32000),
    (64, 131072),
    (4, 5_000_000),
    (1009, 3),
    (997, 17),
    (509, 47),
    (251, 131),
    (127, 1013),
    (31, 50021),
)
QUICK_SHAPES = ((1, 10), (1024, 10), (256, 100), (256, 1000), (64, 131072), (509, 47))

# (examples, features, classes) of the linear layer with cross-entropy.
LINEAR_SHAPES = ((256, 128, 1000), (1024, 256, 10_000), (4096, 512, 50_000))
QUICK_LINEAR_SHAPES = ((256, 128, 1000),)


@dataclass(frozen=True)
class Case:
    """One operation at one shape and type.  ``reuse`` says that the caller hands in outputs."""

    operation: str
    shape: tuple
    dtype: str
    reuse: bool = False

    def as_dict(self):
        return asdict(self)


class RowData:
    """Logits and labels for one case."""

    def __init__(self, case):
        rng = np.random.default_rng(0)
        n, c = case.shape
        self.x = (3 * rng.standard_normal(case.shape, dtype=case.dtype)).astype(case.dtype)
        self.target = rng.integers(0, c, n)
        self.rows = np.arange(n)


class LinearData:
    """Features, weights, bias and labels for one case of the fused linear layer."""

    def __init__(self, case):
        rng = np.random.default_rng(0)
        n, d, c = case.shape
        self.x = rng.standard_normal((n, d), dtype=case.dtype)
        self.weights = rng.standard_normal((d, c), dtype=case.dtype)
        self.weights *= np.asarray(d**-0.5, case.dtype)
        self.bias = np.zeros(c, case.dtype)
        self.target = rng.integers(0, c, n)
        self.rows = np.arange(n)

    @cached_property
    def weights_by_class(self):
        """The weights as (C, d), the layout that PyTorch's linear layer stores."""
        return np.ascontiguousarray(self.weights.T)


def make_data(case):
    return LinearData(case) if case.operation == "linear_cross_entropy" else RowData(case)


def row_cases(operations, shapes, dtypes):
    """Every combination; the loss alone has no large output, so it has no reused form."""
    return [
        Case(operation, shape, dtype, reuse)
        for operation in operations
        for shape in shapes
        for dtype in dtypes
        for reuse in ((False,) if operation == "cross_entropy" else (False, True))
    ]
