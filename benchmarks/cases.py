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
# The same work in other words, at shapes where a call costs more than its work.  Only smnn is
# asked in these words; the peers run in their best form, as always.
SPELLINGS = {
    "axis=1": ("softmax", "log_softmax"),
    "1-D": ("softmax", "log_softmax"),
    "3-D": ("softmax", "log_softmax"),
    "int32 labels": ("cross_entropy", "softmax_cross_entropy"),
    "read-only": ROW_OPERATIONS,
}
SPELLED_SHAPES = ((1, 10), (64, 10), (256, 100))
QUICK_SHAPES = ((1, 10), (1024, 10), (256, 100), (256, 1000), (64, 131072), (509, 47))

# (examples, features, classes) of the linear layer with cross-entropy.
LINEAR_SHAPES = ((256, 128, 1000), (1024, 256, 10_000), (4096, 512, 50_000))
QUICK_LINEAR_SHAPES = ((256, 128, 1000),)


@dataclass(frozen=True)
class Case:
    """One operation at one shape and type.

    ``reuse`` says that the caller hands in outputs, ``spelling`` is one of SPELLINGS or empty.
    """

    operation: str
    shape: tuple
    dtype: str
    reuse: bool = False
    spelling: str = ""

    def as_dict(self):
        """Return the fields; without the spelling where there is none."""
        fields = asdict(self)
        if not self.spelling:
            del fields["spelling"]
        return fields


class RowData:
    """Logits and labels for one case, and as they are given to smnn in its spelling."""

    def __init__(self, case):
        rng = np.random.default_rng(0)
        n, c = case.shape
        self.x = (3 * rng.standard_normal(case.shape, dtype=case.dtype)).astype(case.dtype)
        self.target = rng.integers(0, c, n)
        self.rows = np.arange(n)
        self.given, self.given_target = self.x, self.target
        if case.spelling == "1-D":
            self.given = self.x[0]
        elif case.spelling == "3-D":
            self.given = self.x.reshape(-1, 2 if n % 2 == 0 else 1, c)
        elif case.spelling == "int32 labels":
            self.given_target = self.target.astype(np.int32)
        elif case.spelling == "read-only":
            self.given, self.given_target = self.x.view(), self.target.view()
            self.given.flags.writeable = self.given_target.flags.writeable = False


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


def spelled_cases(dtypes):
    """Return the cases of every spelling; a single row is all that 1-D can say."""
    return [
        Case(operation, shape, dtype, spelling=spelling)
        for spelling, operations in SPELLINGS.items()
        for operation in operations
        for shape in SPELLED_SHAPES
        for dtype in dtypes
        if spelling != "1-D" or shape[0] == 1
    ]
