"""The types that the signatures of the package name."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

ArrayLike = npt.ArrayLike
Array = npt.NDArray[Any]
Axis = int | tuple[int, ...] | None
DType = npt.DTypeLike
Random = int | np.random.Generator | None
Shape = tuple[int, ...]

# What leads back: the gradient with respect to the output in, those of the inputs out.
Pullback = Callable[..., Any]
Arrays = Mapping[str, Array]
LearningRate = float | Callable[[int], float]
