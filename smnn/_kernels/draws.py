"""Kernel for draws from the softmax of a row: exact, and no probability is stored.

A uniform number u asks for the class at which the running sum of the exponentials passes u times
their total.  The sums of blocks lead to the block of that class, and only its exponentials are
taken again.
"""

import numpy as np

from .passes import last_exponentials, max_of_row
from .plan import BLOCK
from .simd.compile import kernel
from .simd.memory import copy, lanes_of, pointer, scratch
from .simd.vectors import max_across, sum_across


@kernel
def draw_classes(x, scale, uniform, sums, out, start, stop):
    """Write the classes that ``uniform`` of shape (rows, draws) asks for, −1 in a row without any.

    ``sums`` is memory of shape (rows, blocks).
    """
    classes, draws = x.shape[1], uniform.shape[1]
    values = pointer(x)
    kept = scratch(values, BLOCK // lanes_of(values))
    for row in range(start, stop):
        base = row * classes
        m = max_across(max_of_row(values, base, classes))
        total = 0.0
        for first in range(0, classes, BLOCK):
            count = min(BLOCK, classes - first)
            block, _ = last_exponentials(values, base + first, count, m, scale, None, None)
            total += np.float64(sum_across(block))
            sums[row, first // BLOCK] = total
        for k in range(draws):
            out[row, k] = -1
            if 0 < total < np.inf:
                rest = uniform[row, k] * total
                block = 0
                while sums[row, block] <= rest and sums[row, block] < total:
                    block += 1
                first = block * BLOCK
                if block:
                    rest -= sums[row, block - 1]
                count = min(BLOCK, classes - first)
                copy(values, base + first, kept, 0, count)
                last_exponentials(kept, 0, count, m, scale, None, kept)
                for j in range(count):
                    e = np.float64(kept[j])
                    if e > 0:  # what rounding leaves over goes to the last class that can be drawn
                        out[row, k] = first + j
                        rest -= e
                        if rest < 0:
                            break
