"""What layers for sequences share: how long each sequence is, and what lies past its end."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.rows import compute_dtype
from .._core.types import Array, ArrayLike, Pullback
from .._core.validation import sequence_lengths
from .base import Layer


class PassesLengths(Layer):
    """A layer whose `forward` takes the lengths of sequences, and to which every way leads."""

    def forward(
        self, x: Any, training: bool = False, lengths: ArrayLike | None = None
    ) -> tuple[Array, Pullback]:
        raise NotImplementedError

    def forward_logits(
        self,
        x: ArrayLike,
        training: bool = False,
        output_activation: str = "softmax",
        lengths: ArrayLike | None = None,
    ) -> tuple[Array, Pullback]:
        return self.forward(x, training, lengths)

    def forward_first(
        self, x: ArrayLike, training: bool = False, lengths: ArrayLike | None = None
    ) -> tuple[Array, Pullback]:
        return self.forward(x, training, lengths)

    def __call__(self, x: ArrayLike, lengths: ArrayLike | None = None) -> Array:
        """Return the value of `forward` alone."""
        return self.forward(x, lengths=lengths)[0]


class SequenceLayer(PassesLengths):
    """A layer for sequences (N, T, features).

    What lies past the end of a sequence has no influence on any output, and gets no gradient.
    """

    takes_lengths = True

    _first_weights: str

    def _sequences(self, x, lengths):
        """Return sequences in the dtype to compute in, and their lengths as integers or None."""
        x = self._floats(x)
        x = x.astype(compute_dtype(x.dtype), copy=False)
        self._expect(x.ndim == 3, "(N, T, features)", x.shape)
        if not self.params:
            self.build(x.shape[1:], x.dtype)
        features = self.params[self._first_weights].shape[0]
        self._expect(x.shape[2] == features, f"(N, T, {features})", x.shape)
        return x, sequence_lengths(lengths, x.shape)

    def _expect_steps(self, shape):
        self._expect(len(shape) == 2, "(T, features)", shape)


def in_rows(x: Array) -> Array:
    """Return all steps of all sequences as rows."""
    return x.reshape(-1, x.shape[-1])


def is_past(lengths: Array, steps: int) -> Array:
    """Return True where a position lies past the end of its sequence, shape (N, T)."""
    return np.arange(steps) >= lengths[:, None]


def without_past(x: Array, lengths: Array | None) -> Array:
    """Return sequences (N, T, ...) with 0 past their ends: a copy, unless there is no such place.

    Examples
    --------
    >>> import numpy as np
    >>> without_past(np.ones((2, 3)), np.array([3, 1]))
    array([[1., 1., 1.],
           [1., 0., 0.]])
    """
    if lengths is None:
        return x
    past = is_past(lengths, x.shape[1])
    if not past.any():
        return x
    x = x.copy()
    x[past] = 0
    return x
