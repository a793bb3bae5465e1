"""Embedding: one learned vector for each integer."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.types import Array, DType, Pullback, Random, Shape
from .._core.validation import generator, positive_integer
from .base import Layer


class Embedding(Layer):
    """Look up one learned vector for each integer.

    The same as a one-hot row times W, without the zeros.

    Parameters
    ----------
    num_embeddings : int
        How many integers there are, from 0.
    embedding_dim : int
        The length of each vector.

    Examples
    --------
    >>> Embedding(10, 4, rng=0)(np.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    integer_input = True

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        input_shape: Shape | None = None,
        rng: Random = None,
    ) -> None:
        super().__init__(input_shape=input_shape, rng=rng)
        self.num_embeddings = positive_integer(num_embeddings, "num_embeddings")
        self.embedding_dim = positive_integer(embedding_dim, "embedding_dim")

    def build(self, input_shape: Shape, dtype: DType = "float64", rng: Random = None) -> Shape:
        if not self.params:
            rng = generator(rng) if self.rng is None else self.rng
            shape = (self.num_embeddings, self.embedding_dim)
            self.params["W"] = rng.standard_normal(shape).astype(dtype)
        return (*input_shape, self.embedding_dim)

    def forward(self, x: Any, training: bool = False) -> tuple[Array, Pullback]:
        x = np.asarray(x)
        self.build(x.shape[1:])
        W = self.params["W"]
        if x.dtype.kind not in "iu":
            raise TypeError(f"{self!r} expects integers, got dtype {x.dtype}")
        if x.size and not 0 <= x.min() <= x.max() < len(W):
            raise IndexError(
                f"{self!r} has rows 0 … {len(W) - 1}, got integers from {x.min()} to {x.max()}"
            )

        def backward(dy, input_gradient=True):
            dW = np.zeros_like(W)
            np.add.at(dW, x, dy)  # a row that was looked up twice receives both
            return None, {"W": dW}

        return W[x], backward
