"""Attention, whose matrix of weights is never stored, and its pullback."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .._core import validation as check
from .._core.buffers import borrowed
from .._core.rows import compute_dtype
from .._core.threads import parallel_rows
from .._core.types import Array, ArrayLike, Pullback
from ..pullback import unbroadcast
from .backend import kernels

# A tile has so many queries and keys: enough for products to be fast, and so few that its
# scores stay in the L2 cache, where there are two such arrays on the way back.
QUERIES, KEYS = 256, 256
# With so many queries it pays to turn the keys into columns before they are multiplied.
QUERIES_FOR_COLUMNS = 1024
# Columns are turned so many at a time, and lie so far from one another that they do not fall on
# the same places of a cache.
STRIP, PADDING = 64, 16
# On the way back the keys of one batch are shared among so many sums, at most: a number that
# must not depend on the number of threads.
LARGEST_GROUPS, KEYS_PER_GROUP = 4, 1024


def attention(
    q: ArrayLike,
    k: ArrayLike,
    v: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    causal: bool = False,
    scale: float | None = None,
    softcap: float | None = None,
    sink: ArrayLike | None = None,
) -> tuple[Array, Pullback]:
    r"""Return softmax(q kᵀ · scale) v and its pullback, without the matrix of weights.

    Query i gives key j the weight :math:`p_{ij}` and receives the mean of the values:

    .. math::

        z_{ij} = \mathrm{scale} \; q_i \cdot k_j, \qquad
        p_{ij} = \frac{e^{z_{ij}}}{\sum_l e^{z_{il}}}, \qquad
        o_i = \sum_j p_{ij} v_j

    The scores are formed a tile at a time.  Of each row the largest score and the sum of the
    exponentials so far are carried from tile to tile, as in `merge_logsumexp`.  Only the
    logarithm of that sum is kept for the way back, where each tile is formed again.

    Parameters
    ----------
    q : array_like, shape (..., N, d)
        The queries.
    k : array_like, shape (..., M, d)
        The keys.
    v : array_like, shape (..., M, e)
        The values.  The leading axes of q, k and v broadcast, as in ``np.matmul``.
    mask : array_like of bool, optional
        True where a query may attend to a key; broadcasts to (..., N, M).
    causal : bool, default False
        Query i sees the keys 0 … i, for any N and M.
    scale : float, optional
        The factor of the scores, :math:`1/\sqrt{d}` if not given.
    softcap : float, optional
        c > 0: the scores become :math:`c \tanh(z / c)`, which stays between −c and c.
    sink : array_like, optional
        A logit for each query, broadcast to (..., N), that takes its share of the softmax and
        gives no value: :math:`e^{\mathrm{sink}}` is added to the sum that divides.  It is
        neither scaled nor capped.  A sink of 0 makes "softmax plus one".

    Returns
    -------
    out : ndarray, shape (..., N, e)
        The means of the values, in the common floating dtype of q, k and v.
    backward : callable
        ``backward(dout) -> (dq, dk, dv)``, as often as wanted.  It holds q, k, v, the mask and
        the output themselves, which must not be changed before.

    Raises
    ------
    TypeError
        If q, k, v or the sink hold anything but real numbers, or the mask anything but booleans.
    ValueError
        If an argument has the wrong shape or value.

    Notes
    -----
    A query that may attend to nothing, because of the mask or because there are no keys,
    receives 0 and gives no gradient.  With d = 0 all scores are 0.  A row of scores with nan or
    +inf is nan.  A sink of −inf is none, and one of +inf takes everything.  Keys and values must
    be finite even where no query may attend to them: 0 times nan is nan.

    The memory is O((N + M)(d + e)) for each batch.  The result does not depend on the number of
    threads.

    The sink's own gradient is :math:`-p_{\mathrm{sink}} \; dout_i \cdot o_i` for each query,
    where :math:`p_{\mathrm{sink}}` is 1 minus the sum of the weights: what a further column of v
    that holds ones receives.

    References
    ----------
    M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax", 2018.
    M. Rabe and C. Staats, "Self-attention Does Not Need O(n²) Memory", 2021.
    T. Dao et al., "FlashAttention: Fast and Memory-Efficient Exact Attention with
    IO-Awareness", 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import attention
    >>> q, k, v = [[1.0]], [[0.0], [2.0]], [[1.0], [5.0]]
    >>> out, backward = attention(q, k, v)
    >>> out.round(4)
    array([[4.5232]])
    >>> dq, dk, dv = backward([[1.0]])
    >>> dq.round(4), dv.round(4)
    (array([[0.8399]]), array([[0.1192],
           [0.8808]]))
    """
    q, k, v = check.float_array(q, "q"), check.float_array(k, "k"), check.float_array(v, "v")
    lead = _common_lead(q, k, v)
    if mask is not None:
        mask = _mask_array(mask, (*lead, q.shape[-2], k.shape[-2]))
    if not isinstance(causal, bool | np.bool_):
        raise TypeError(f"causal must be True or False, got {causal!r}")
    if scale is None:
        scale = 1.0 / math.sqrt(q.shape[-1] or 1)
    else:
        scale = check.real_number(scale, "scale")
        if not math.isfinite(scale):
            raise ValueError(f"scale must be finite, got {scale!r}")
    if softcap is not None:
        softcap = check.positive(softcap, "softcap")
    if sink is not None:
        sink = _sink_array(sink, (*lead, q.shape[-2]))
    dtype = np.result_type(q, k, v)
    tiles = _Tiles(q, k, v, lead, compute_dtype(dtype), mask, causal, scale, softcap)
    result, lse = tiles.forward(sink)
    out = _cast(result, dtype)

    def backward(dout: ArrayLike) -> tuple[Array, Array, Array]:
        dout = check.float_array(dout, "dout")
        check.same_shape(dout, result, "dout", "out")
        with np.errstate(over="ignore"):
            dout = np.require(dout, result.dtype, ("C", "A"))
        dq, dk, dv = tiles.backward(dout, result, lse)
        return tuple(
            _cast(unbroadcast(gradient, shape), dtype)
            for gradient, shape in ((dq, q.shape), (dk, k.shape), (dv, v.shape))
        )

    return out, backward


def _common_lead(q, k, v):
    """Return the leading shape that q, k and v have in common."""
    for x, name, last in ((q, "q", "N, d"), (k, "k", "M, d"), (v, "v", "M, e")):
        if x.ndim < 2:
            raise ValueError(f"{name} must have shape (..., {last}), got shape {x.shape}")
    if q.shape[-1] != k.shape[-1]:
        raise ValueError(
            "q and k must have the same last axis, (..., N, d) and (..., M, d), "
            f"got shapes {q.shape} and {k.shape}"
        )
    if k.shape[-2] != v.shape[-2]:
        raise ValueError(
            "k and v must have as many rows, (..., M, d) and (..., M, e), "
            f"got shapes {k.shape} and {v.shape}"
        )
    try:
        return np.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    except ValueError:
        raise ValueError(
            "the leading axes of q, k and v must broadcast against one another, "
            f"got shapes {q.shape}, {k.shape} and {v.shape}"
        ) from None


def _mask_array(mask, shape):
    """Return the mask as a view of this shape."""
    mask = check.plain_array(mask, "mask")
    if mask.dtype != np.bool_:
        raise TypeError(
            f"mask must be a boolean array, True where a query may attend, got dtype {mask.dtype}"
        )
    try:
        return np.broadcast_to(mask, shape)
    except ValueError:
        raise ValueError(
            f"mask must broadcast to (..., N, M), here {shape}, got shape {mask.shape}"
        ) from None


def _sink_array(sink, shape):
    """Return the sinks as a view of this shape."""
    sink = check.float_array(sink, "sink")
    try:
        return np.broadcast_to(sink, shape)
    except ValueError:
        raise ValueError(
            f"sink must broadcast to (..., N), here {shape}, got shape {sink.shape}"
        ) from None


def _cast(x, dtype):
    """Return x in this dtype; what is too large for float16 becomes infinite."""
    with np.errstate(over="ignore"):
        return x.astype(dtype, copy=False)


class _Tiles:
    """The queries, keys and values of one call, and the tiles that are made of them.

    All are views of the common leading shape, and no copies if they are as the products want
    them: of the dtype to compute in, and C-contiguous.
    """

    def __init__(self, q, k, v, lead, dtype, mask, causal, scale, softcap):
        self.lead, self.dtype = lead, dtype
        self.queries, self.keys = q.shape[-2], k.shape[-2]
        self.depth, self.width = q.shape[-1], v.shape[-1]
        with np.errstate(over="ignore"):
            q, self.own_k, v = (np.require(x, dtype, ("C", "A")) for x in (q, k, v))
        self.q, self.k, self.v = self._spread(q), self._spread(self.own_k), self._spread(v)
        self.mask, self.causal, self.softcap = mask, causal, softcap
        self.scale, self.lowest = dtype.type(scale), np.finfo(dtype).min
        self.bytes = math.prod((*lead, self.queries, self.keys)) * dtype.itemsize

    def _spread(self, x):
        return np.broadcast_to(x, (*self.lead, *x.shape[-2:]))

    def _scores(self, place, rows, columns, q, k, memory):
        """Return the scores of a tile and the limit of its rows; None if nothing is attended to.

        ``q`` are the queries of these rows and ``k`` the keys of these columns, as columns; one of
        them is times the scale.  For the limit see ``reference.attention_tile``.
        """
        mask = None if self.mask is None else self.mask[place][rows, columns]
        if mask is not None and mask.all():
            mask = None
        if mask is not None and not mask.any():
            return None, 0
        scores = _shaped(memory, len(q), k.shape[1])
        np.matmul(q, k, out=scores)
        if self.softcap is not None:
            scores *= self.dtype.type(1 / self.softcap)
            np.tanh(scores, out=scores)
            scores *= self.dtype.type(self.softcap)
        if mask is not None:
            np.copyto(scores, -np.inf, where=~mask)
        return scores, rows.start + 1 - columns.start if self.causal else k.shape[1]

    def forward(self, sink):
        """Return the means of the values, and the log-sum-exp of each query, +inf if of nothing."""
        out = np.empty((*self.lead, self.queries, self.width), self.dtype)
        lse = np.empty((*self.lead, self.queries), self.dtype)
        blocks = _slices(self.queries, QUERIES)
        places = [(place, rows) for place in np.ndindex(self.lead) for rows in blocks]
        most = min(QUERIES, self.queries)
        sizes = most * min(KEYS, self.keys), most * self.depth, most * self.width, 3 * most

        def work(start, stop):
            with borrowed(sum(sizes), self.dtype) as memory, np.errstate(all="ignore"):
                parts = _split(memory, sizes)
                for place, rows in places[start:stop]:
                    own = None if sink is None else sink[place][rows]
                    self._attend(
                        place, rows, k[place], own, parts, out[place][rows], lse[place][rows]
                    )

        turned = self.queries >= QUERIES_FOR_COLUMNS
        with borrowed(_size_of_columns(self.own_k) if turned else 0, self.dtype) as memory:
            k = _columns(self.own_k, memory) if turned else np.swapaxes(self.own_k, -1, -2)
            k = self._spread(k)
            parallel_rows(work, len(places), self.bytes)
        return out, lse

    def _attend(self, place, rows, k, sink, memory, out, lse):
        """Fill the output and the log-sum-exp of some queries, tile by tile."""
        of_scores, of_queries, of_values, of_sums = memory
        count = len(out)
        q = np.multiply(self.q[place][rows], self.scale, out=_shaped(of_queries, count, self.depth))
        m, s, factor = _shaped(of_sums, 3, count)
        m.fill(self.lowest)
        s.fill(0)
        if sink is not None:
            s[sink != -np.inf] = 1
            np.copyto(m, sink, where=s == 1)
        keys = min(self.keys, rows.stop) if self.causal else self.keys
        is_first = True
        for columns in _slices(keys, KEYS):
            v = self.v[place][columns]
            scores, limit = self._scores(place, rows, columns, q, k[:, columns], of_scores)
            if scores is None:
                continue
            kernels.attention_tile(scores, limit, m, s, factor)
            if is_first:
                np.matmul(scores, v, out=out)
            else:
                part = np.matmul(scores, v, out=_shaped(of_values, count, self.width))
                kernels.attention_merge(out, factor, part)
            is_first = False
        if is_first:
            out.fill(0)
        kernels.attention_end(out, m, s, lse)

    def backward(self, dout, out, lse):
        """Return the gradients of q, k and v, all of the common leading shape."""
        groups = LARGEST_GROUPS // max(1, math.prod(self.lead))
        groups = max(1, min(groups, self.keys // KEYS_PER_GROUP))
        blocks = _slices(self.keys, KEYS)
        places = [(place, group) for place in np.ndindex(self.lead) for group in range(groups)]
        dq = np.zeros((groups, *self.q.shape), self.dtype)
        dk, dv = np.empty(self.k.shape, self.dtype), np.empty(self.v.shape, self.dtype)
        most, keys = min(QUERIES, self.queries), min(KEYS, self.keys)
        wider = max(self.depth, self.width)
        sizes = most * keys, most * keys, max(most, keys) * wider, 2 * (keys + PADDING) * wider

        def work(start, stop):
            with borrowed(sum(sizes), self.dtype) as memory, np.errstate(all="ignore"):
                parts = _split(memory, sizes)
                for place, group in places[start:stop]:
                    delta = np.einsum("ij,ij->i", dout[place], out[place])
                    for columns in blocks[group::groups]:
                        self._pull_back(
                            place, columns, parts, dout[place], lse[place], delta,
                            dq[group][place], dk[place][columns], dv[place][columns],
                        )  # fmt: skip

        parallel_rows(work, len(places), self.bytes)
        for other in dq[1:]:
            dq[0] += other
        return dq[0], dk, dv

    def _pull_back(self, place, columns, memory, dout, lse, delta, dq, dk, dv):
        """Fill the gradients of some keys and values, and add to those of the queries."""
        of_scores, of_gradients, of_sums, of_columns = memory
        k, v = self.k[place][columns] * self.scale, self.v[place][columns]
        k_columns, v_columns = k.T, v.T
        if self.queries >= QUERIES_FOR_COLUMNS:
            k_columns = _columns(k, of_columns)
            v_columns = _columns(v, of_columns[_size_of_columns(k) :])
        is_first = True
        for rows in _slices(self.queries, QUERIES, columns.start if self.causal else 0):
            q = self.q[place][rows]
            p, limit = self._scores(place, rows, columns, q, k_columns, of_scores)
            if p is None:
                continue
            dz = np.matmul(dout[rows], v_columns, out=_shaped(of_gradients, *p.shape))
            kernels.attention_tile_vjp(p, dz, limit, lse[rows], delta[rows], self.softcap)
            if is_first:
                np.matmul(p.T, dout[rows], out=dv)
                np.matmul(dz.T, q, out=dk)
            else:
                dv += np.matmul(p.T, dout[rows], out=_shaped(of_sums, *dv.shape))
                dk += np.matmul(dz.T, q, out=_shaped(of_sums, *dk.shape))
            dq[rows] += np.matmul(dz, k, out=_shaped(of_sums, *q.shape))
            is_first = False
        if is_first:
            dk[:], dv[:] = 0, 0
        else:
            dk *= self.scale


def _slices(stop, size, start=0):
    """Return the slices of so many numbers from start to stop."""
    return [slice(first, min(first + size, stop)) for first in range(start, stop, size)]


def _shaped(memory, *shape):
    """Return the beginning of flat memory as an array of this shape."""
    return memory[: math.prod(shape)].reshape(shape)


def _split(memory, sizes):
    """Return pieces of these sizes of flat memory, one behind the other."""
    ends = list(itertools.accumulate(sizes))
    return [memory[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _size_of_columns(x):
    """Return how many numbers `_columns` needs memory for."""
    return math.prod((*x.shape[:-2], x.shape[-1], x.shape[-2] + PADDING))


def _columns(x, memory):
    """Return the rows of the last two axes of x as columns."""
    *lead, rows, width = x.shape
    turned = _shaped(memory, *lead, width, rows + PADDING)[..., :rows]
    for strip in _slices(rows, STRIP):
        np.copyto(turned[..., strip], np.swapaxes(x[..., strip, :], -1, -2))
    return turned
