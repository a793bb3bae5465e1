"""Labels as rows of probabilities."""

from __future__ import annotations

import numpy as np

from .._core import validation as check
from .._core.types import Array, ArrayLike, DType


def one_hot(
    labels: ArrayLike, num_classes: int | None = None, *, dtype: DType = "float64"
) -> Array:
    """Return each label as a row that is 1 at the label and 0 elsewhere.

    Parameters
    ----------
    labels : array_like of int, any shape
        Class indices from 0.
    num_classes : int, optional
        K; by default one more than the largest label.
    dtype : {"float64", "float32", "float16"}

    Returns
    -------
    ndarray, shape (..., K)

    Raises
    ------
    IndexError
        If a label is out of range.
    TypeError
        If the labels are not integers.
    ValueError
        If ``num_classes`` is less than 1, or not given for no labels.

    Examples
    --------
    >>> from smnn import one_hot
    >>> one_hot([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    labels = check.integer_array(labels, "labels")
    dtype = check.float_dtype(dtype)
    if num_classes is None:
        if not labels.size:
            raise ValueError("num_classes must be given where there are no labels")
        num_classes = max(1, int(labels.max()) + 1)
    num_classes = check.positive_integer(num_classes, "num_classes")
    labels = check.class_labels(labels, labels.shape, num_classes, name="labels")
    rows = np.zeros((labels.size, num_classes), dtype)
    rows[np.arange(labels.size), labels.reshape(-1)] = 1
    return rows.reshape(*labels.shape, num_classes)
