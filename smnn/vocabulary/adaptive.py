r"""Softmax in two steps: a short list of frequent classes, and clusters of rare ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core import validation as check
from .._core.rows import compute_dtype
from .._core.types import Array, ArrayLike, Random
from ..functional import linear_cross_entropy, log_softmax
from ..initializers import lecun


class AdaptiveSoftmax:
    r"""A softmax whose rare classes lie in clusters, and are scored only where one is meant.

    The head is a softmax over the :math:`k_0` most frequent classes and one entry for each
    cluster.  A class c of cluster i is reached in two steps,

    .. math:: \log p_c = \log p_{\text{head}}(\text{cluster } i) + \log p_i(c), \qquad
              p_i = \operatorname{softmax}\big(h P_i W_i\big)

    and :math:`P_i` first projects h to :math:`d_i = \max(1, \lfloor d / v^{\,i+1} \rfloor)`
    numbers, because little is known about a rare class.  The probabilities of all classes sum
    to 1.

    Parameters
    ----------
    dim : int
        d, the length of h.
    cutoffs : sequence of int
        Where the head's list and each cluster end: rising numbers of at least 1, of which the
        last is the number of classes.  ``[2000, 10000, 50000]`` is a list of 2,000, a cluster
        of 8,000 and one of 40,000.  One number is a plain softmax.  Classes must be numbered
        from the most frequent to the rarest, or little is saved.
    div_value : float, default 4.0
        v, at least 1.
    rng : None, int or Generator
        Draws the weights.

    Attributes
    ----------
    params : dict of str to ndarray
        ``"head.W"`` of shape (d, k₀ + clusters), and for each cluster, from 0, ``"0.P"`` of shape
        (d, d₀) and ``"0.W"`` of shape (d₀, size).  Inputs in rows, as in `Dense`.  float64; put
        arrays of float32 in their place to compute in that.
    cutoffs : tuple of int

    Raises
    ------
    TypeError, ValueError
        If the cutoffs do not rise, or an argument has the wrong type or value.

    Notes
    -----
    With equal weights the result is that of PyTorch's ``AdaptiveLogSoftmaxWithLoss``, whose
    ``cutoffs`` leave out the last number and whose weights are the transposes of these.

    References
    ----------
    E. Grave et al., "Efficient softmax approximation for GPUs", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import AdaptiveSoftmax
    >>> layer = AdaptiveSoftmax(8, [3, 5, 10], rng=0)
    >>> {name: value.shape for name, value in layer.params.items()}
    {'head.W': (8, 5), '0.P': (8, 2), '0.W': (2, 2), '1.P': (8, 1), '1.W': (1, 5)}
    >>> h = np.ones((2, 8))
    >>> np.exp(layer.log_prob(h)).sum(axis=1).round(12)
    array([1., 1.])
    >>> loss, grads, dh = layer.loss(h, [0, 7])
    >>> bool(np.isclose(loss, -layer.log_prob(h)[[0, 1], [0, 7]].mean()))
    True
    """

    def __init__(
        self,
        dim: int,
        cutoffs: Sequence[int],
        *,
        div_value: float = 4.0,
        rng: Random = None,
    ) -> None:
        self.dim = check.positive_integer(dim, "dim")
        self.cutoffs = _rising(cutoffs)
        self.div_value = check.real_number(div_value, "div_value")
        if not 1 <= self.div_value < np.inf:
            raise ValueError(f"div_value must be at least 1 and finite, got {div_value!r}")
        rng = check.generator(rng)
        clusters = len(self.cutoffs) - 1
        self.params: dict[str, Array] = {
            "head.W": lecun((dim, self.cutoffs[0] + clusters), rng=rng)
        }
        for i, (start, stop) in enumerate(self._bounds()):
            inner = max(1, int(dim // self.div_value ** (i + 1)))
            self.params[f"{i}.P"] = lecun((dim, inner), rng=rng)
            self.params[f"{i}.W"] = lecun((inner, stop - start), rng=rng)

    def __repr__(self) -> str:
        return f"AdaptiveSoftmax({self.dim}, {list(self.cutoffs)}, div_value={self.div_value:g})"

    def loss(self, h: ArrayLike, target: ArrayLike) -> tuple[Any, dict[str, Array], Array]:
        """Return the mean of −log p of the true classes, and its gradients.

        Parameters
        ----------
        h : array_like, shape (N, dim)
        target : array_like of int, shape (N,)
            A token that is not in the vocabulary has no class: leave it out, or give it one of
            its own.

        Returns
        -------
        loss : scalar
            nan if there is no example.
        grads : dict of str to ndarray
            A gradient for each parameter, as ``SGD.step`` takes them; 0 for a cluster in which no
            target lies.
        dh : ndarray, shape (N, dim)

        Raises
        ------
        IndexError
            If a label names no class.
        TypeError, ValueError
            If an argument has the wrong type or shape.
        """
        h, dtype = self._checked(h)
        target = check.class_labels(target, h.shape[:1], self.cutoffs[-1])
        n, short = len(target), self.cutoffs[0]
        cluster = np.searchsorted(self.cutoffs, target, side="right")  # 0 is the short list
        entry = np.where(cluster == 0, target, short + cluster - 1)
        loss, (dh, dW, _) = linear_cross_entropy(h, self._param("head.W"), entry, reduction="sum")
        total, grads = float(loss), {"head.W": dW}
        for i, (start, _) in enumerate(self._bounds()):
            rows = np.flatnonzero(cluster == i + 1)
            P, part = self._param(f"{i}.P"), h[rows]
            loss, (dinner, grads[f"{i}.W"], _) = linear_cross_entropy(
                part @ P, self._param(f"{i}.W"), target[rows] - start, reduction="sum"
            )
            total += float(loss)
            grads[f"{i}.P"] = part.T @ dinner
            dh[rows] += dinner @ P.T
        scale = 1 / max(n, 1)
        grads = {name: (grads[name] * scale).astype(dtype, copy=False) for name in self.params}
        mean = dtype.type(total / n if n else np.nan)
        return mean, grads, (dh * scale).astype(dtype, copy=False)

    def log_prob(self, h: ArrayLike) -> Array:
        """Return the log-probability of every class.

        Parameters
        ----------
        h : array_like, shape (N, dim)

        Returns
        -------
        ndarray, shape (N, V)
        """
        h, dtype = self._checked(h)
        short = self.cutoffs[0]
        head = log_softmax(h @ self._param("head.W"))
        out = np.empty((len(h), self.cutoffs[-1]), head.dtype)
        out[:, :short] = head[:, :short]
        for i, (start, stop) in enumerate(self._bounds()):
            inside = log_softmax(h @ self._param(f"{i}.P") @ self._param(f"{i}.W"))
            np.add(inside, head[:, short + i, None], out=out[:, start:stop])
        return out.astype(dtype, copy=False)

    def _bounds(self):
        """Return the first class of each cluster, and that after its last."""
        return list(zip(self.cutoffs[:-1], self.cutoffs[1:], strict=True))

    def _param(self, name):
        return self.params[name].astype(compute_dtype(self.params[name].dtype), copy=False)

    def _checked(self, h):
        """Return h in the dtype to compute in, and the dtype of the results."""
        h = check.float_array(h, "h")
        if h.ndim != 2 or h.shape[1] != self.dim:
            raise ValueError(f"h must have shape (N, {self.dim}), got shape {h.shape}")
        dtype = np.result_type(h, *self.params.values())
        return h.astype(compute_dtype(dtype), copy=False), dtype


def _rising(cutoffs):
    """Return cutoffs as a tuple of integers that rise from 1 on."""
    cutoffs = tuple(check.integer_array(cutoffs, "cutoffs").reshape(-1).tolist())
    if not cutoffs or any(
        stop <= start for start, stop in zip((0, *cutoffs), cutoffs, strict=False)
    ):
        raise ValueError(
            "cutoffs must be rising integers of at least 1, the last of which is the number of "
            f"classes, got {list(cutoffs)}"
        )
    return cutoffs
