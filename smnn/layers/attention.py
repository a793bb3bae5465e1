"""Multi-head attention: every position of a sequence asks all others, in several ways at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.types import Array, ArrayLike, DType, Pullback, Random, Shape
from .._core.validation import boolean, generator, positive_integer
from ..functional import attention
from ..initializers import get_initializer
from .sequences import SequenceLayer, in_rows, is_past, without_past

_KINDS = "qkv"


class MultiHeadAttention(SequenceLayer):
    r"""Let every position of a sequence take a mean of what the others offer, in several heads.

    .. math:: y = [o_1, …, o_H] \, W_o + b_o, \qquad
              o_h = \operatorname{attention}(x W_q^h + b_q^h, \; x W_k^h, \; x W_v^h + b_v^h)

    The heads are `attention` over slices of ``key_dim`` columns each.  The keys have no bias: it
    would add one number to all scores of a query, and softmax does not change with it.

    Parameters
    ----------
    num_heads : int
        H.
    key_dim : int
        The length of the queries, keys and values of a head.
    causal : bool, default False
        Whether a position sees only itself and those before.
    input_shape : (steps, features), optional
    init : str or callable
        See `get_initializer`.
    rng : None, int or Generator

    Attributes
    ----------
    params : dict
        ``"W_q"``, ``"W_k"`` and ``"W_v"`` of shape (features, H · key_dim), ``"W_o"`` of shape
        (H · key_dim, features), and ``"b_q"``, ``"b_v"`` and ``"b_o"``.

    References
    ----------
    A. Vaswani et al., "Attention Is All You Need", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import MultiHeadAttention
    >>> layer = MultiHeadAttention(2, 4, causal=True, rng=0)
    >>> layer(np.ones((2, 5, 3)), lengths=[5, 2]).shape
    (2, 5, 3)
    """

    _first_weights = "W_q"

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        *,
        causal: bool = False,
        input_shape: Shape | None = None,
        init: str | Callable[..., Array] = "auto",
        rng: Random = None,
    ) -> None:
        super().__init__(input_shape=input_shape, rng=rng)
        self.num_heads = positive_integer(num_heads, "num_heads")
        self.key_dim = positive_integer(key_dim, "key_dim")
        self.causal = boolean(causal, "causal")
        self.init = init
        get_initializer(init)

    def build(self, input_shape: Shape, dtype: DType = "float64", rng: Random = None) -> Shape:
        shape = tuple(input_shape)
        self._expect_steps(shape)
        features, width = shape[1], self.num_heads * self.key_dim
        if not self.params:
            rng, init = generator(rng) if self.rng is None else self.rng, get_initializer(self.init)
            for kind in _KINDS:
                self.params[f"W_{kind}"] = init((features, width), rng=rng, dtype=dtype)
                if kind != "k":
                    self.params[f"b_{kind}"] = np.zeros(width, dtype)
            self.params["W_o"] = init((width, features), rng=rng, dtype=dtype)
            self.params["b_o"] = np.zeros(features, dtype)
        built_for = len(self.params["W_q"])
        self._expect(features == built_for, f"(T, {built_for})", shape)
        return shape

    def forward(
        self, x: Any, training: bool = False, lengths: ArrayLike | None = None
    ) -> tuple[Array, Pullback]:
        """Return ``(y, backward)``.

        Parameters
        ----------
        x : array_like, shape (N, T, features)
        training : bool
        lengths : array_like of int, shape (N,), optional
            How many positions each sequence has, from 0 to T; all have T if not given.  Nobody
            attends to a position past the end, and the output there is 0.

        Returns
        -------
        y : ndarray, shape (N, T, features)
        backward : callable
        """
        x, lengths = self._sequences(x, lengths)
        params = {name: value.copy() for name, value in self.params.items()}
        x, past, mask = without_past(x, lengths), None, None
        if lengths is not None:
            past = is_past(lengths, x.shape[1])
            mask = ~past[:, None, None, :]
        heads = [self._in_heads(x @ params[f"W_{k}"] + params.get(f"b_{k}", 0)) for k in _KINDS]
        out, attention_backward = attention(*heads, mask=mask, causal=self.causal)
        out = self._side_by_side(out)
        y = out @ params["W_o"] + params["b_o"]
        if past is not None:
            y[past] = 0

        def backward(dy, input_gradient=True):
            dy = np.asarray(dy, y.dtype)
            dy = dy if past is None else np.where(past[..., None], 0, dy)
            grads = {"W_o": in_rows(out).T @ in_rows(dy), "b_o": in_rows(dy).sum(axis=0)}
            dheads = attention_backward(self._in_heads(dy @ params["W_o"].T))
            dx = np.zeros(x.shape, y.dtype) if input_gradient else None
            for kind, dhead in zip(_KINDS, dheads, strict=True):
                dhead = self._side_by_side(dhead)
                grads[f"W_{kind}"] = in_rows(x).T @ in_rows(dhead)
                if kind != "k":
                    grads[f"b_{kind}"] = in_rows(dhead).sum(axis=0)
                if input_gradient:
                    dx += dhead @ params[f"W_{kind}"].T
            return dx, grads

        return y, backward

    def _in_heads(self, x):
        """Return (N, T, H · key_dim) as (N, H, T, key_dim)."""
        return np.swapaxes(x.reshape(*x.shape[:2], self.num_heads, self.key_dim), 1, 2)

    def _side_by_side(self, x):
        """Return (N, H, T, key_dim) as (N, T, H · key_dim)."""
        x = np.swapaxes(x, 1, 2)
        return x.reshape(*x.shape[:2], self.num_heads * self.key_dim)
