"""Attention, whose matrix of weights is never stored, and its pullback."""

import math

import numpy as np

from .._core import validation as check
from .._core.rows import compute_dtype, contiguous
from .._core.threads import parallel_rows
from .._core.types import Array, ArrayLike, Pullback
from ..pullback import unbroadcast
from .backend import kernels

# A tile has so many queries and keys.  Its scores stay in the L2 cache; on the way back there
# are two such arrays.
QUERIES, KEYS = 256, 512
BACK_QUERIES, BACK_KEYS = 512, 256
# On the way back the keys of one batch are shared among so many sums, at most: a number that
# must not depend on the number of threads.
LARGEST_GROUPS, KEYS_PER_GROUP = 8, 512


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
        ``backward(dout) -> (dq, dk, dv)``, as often as wanted.  It has copies of q, k, v and the
        output, which may be changed in between.  The mask is not copied.

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
    +inf is nan.  A sink of −inf is none, and one of +inf takes everything.

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
    out = _cast(result.copy(), dtype)

    def backward(dout: ArrayLike) -> tuple[Array, Array, Array]:
        dout = check.float_array(dout, "dout")
        check.same_shape(dout, result, "dout", "out")
        dq, dk, dv = tiles.backward(contiguous(dout, result.dtype), result, lse)
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

    ``q`` holds the queries times the scale.  The keys lie in columns, ``k`` (…, d, M), because
    that is how the product wants them.  All three are views of the common leading shape.
    """

    def __init__(self, q, k, v, lead, dtype, mask, causal, scale, softcap):
        self.lead, self.dtype = lead, dtype
        self.queries, self.keys, self.width = q.shape[-2], k.shape[-2], v.shape[-1]
        with np.errstate(all="ignore"):
            self.q = self._spread(np.multiply(q, dtype.type(scale), dtype=dtype, order="C"))
            self.k = self._spread(np.array(np.swapaxes(k, -1, -2), dtype, order="C"))
            self.v = self._spread(np.array(v, dtype, order="C"))
        self.mask, self.causal, self.scale, self.softcap = mask, causal, scale, softcap
        self.bytes = math.prod((*lead, self.queries, self.keys)) * dtype.itemsize

    def _spread(self, x):
        return np.broadcast_to(x, (*self.lead, *x.shape[-2:]))

    def _memory(self, rows, columns):
        """Return memory for an array of up to so many rows and columns."""
        return np.empty(min(rows, self.queries) * min(columns, self.keys), self.dtype)

    def _scores(self, place, rows, columns, k, memory):
        """Return the scores of a tile and the limit of its rows; None if nothing is attended to.

        ``k`` are the keys of these columns.  For the limit see ``reference.attention_tile``.
        """
        mask = None if self.mask is None else self.mask[place][rows, columns]
        if mask is not None and mask.all():
            mask = None
        if mask is not None and not mask.any():
            return None, 0
        shape = rows.stop - rows.start, columns.stop - columns.start
        scores = memory[: math.prod(shape)].reshape(shape)
        np.matmul(self.q[place][rows], k, out=scores)
        if self.softcap is not None:
            scores *= self.dtype.type(1 / self.softcap)
            np.tanh(scores, out=scores)
            scores *= self.dtype.type(self.softcap)
        if mask is not None:
            np.copyto(scores, -np.inf, where=~mask)
        return scores, rows.start + 1 - columns.start if self.causal else shape[1]

    def forward(self, sink):
        """Return the means of the values, and the log-sum-exp of each query, +inf if of nothing."""
        out = np.empty((*self.lead, self.queries, self.width), self.dtype)
        lse = np.empty((*self.lead, self.queries), self.dtype)
        places = [
            (place, slice(first, min(first + QUERIES, self.queries)))
            for place in np.ndindex(self.lead)
            for first in range(0, self.queries, QUERIES)
        ]

        def work(start, stop):
            memory = self._memory(QUERIES, KEYS)
            part = np.empty((min(QUERIES, self.queries), self.width), self.dtype)
            for place, rows in places[start:stop]:
                of_rows = None if sink is None else sink[place][rows]
                self._attend(place, rows, of_rows, memory, part, out[place][rows], lse[place][rows])

        with np.errstate(all="ignore"):
            parallel_rows(work, len(places), self.bytes)
        return out, lse

    def _attend(self, place, rows, sink, memory, part, out, lse):
        """Fill the output and the log-sum-exp of some queries, tile by tile."""
        count = rows.stop - rows.start
        m = np.full(count, np.finfo(self.dtype).min, self.dtype)
        s, factor = np.zeros(count, self.dtype), np.empty(count, self.dtype)
        if sink is not None:
            s[sink != -np.inf] = 1
            np.copyto(m, sink, where=s == 1)
        is_first = True
        keys = min(self.keys, rows.stop) if self.causal else self.keys
        for first in range(0, keys, KEYS):
            columns = slice(first, min(first + KEYS, keys))
            k = self.k[place][:, columns]
            scores, limit = self._scores(place, rows, columns, k, memory)
            if scores is None:
                continue
            kernels.attention_tile(scores, limit, m, s, factor)
            if is_first:
                np.matmul(scores, self.v[place][columns], out=out)
            else:
                out *= factor[:, None]
                out += np.matmul(scores, self.v[place][columns], out=part[:count])
            is_first = False
        if is_first:
            out[:] = 0
        else:
            out /= np.where(s == 0, 1, s)[:, None]
        lse[:] = np.where(s == 0, np.inf, m + np.log(s))

    def backward(self, dout, out, lse):
        """Return the gradients of q, k and v, all of the common leading shape."""
        groups = -(-self.keys // KEYS_PER_GROUP) or 1
        groups = min(groups, max(1, LARGEST_GROUPS // max(1, math.prod(self.lead))))
        delta = np.einsum("...i,...i->...", dout, out)
        dq = np.zeros((groups, *self.q.shape), self.dtype)
        dk, dv = (np.empty((*self.lead, self.keys, n), self.dtype)
                  for n in (self.q.shape[-1], self.width))
        blocks = [
            slice(first, min(first + BACK_KEYS, self.keys))
            for first in range(0, self.keys, BACK_KEYS)
        ]
        places = [(place, group) for place in np.ndindex(self.lead) for group in range(groups)]

        def work(start, stop):
            memory = [self._memory(BACK_QUERIES, BACK_KEYS) for _ in range(2)]
            for place, group in places[start:stop]:
                for columns in blocks[group::groups]:
                    self._pull_back(
                        place, columns, memory, dout[place], lse[place], delta[place],
                        dq[group][place], dk[place][columns], dv[place][columns],
                    )  # fmt: skip

        with np.errstate(all="ignore"):
            parallel_rows(work, len(places), self.bytes)
            for other in dq[1:]:
                dq[0] += other
            dq[0] *= self.dtype.type(self.scale)
        return dq[0], dk, dv

    def _pull_back(self, place, columns, memory, dout, lse, delta, dq, dk, dv):
        """Fill the gradients of some keys and values, and add to those of the queries."""
        k = np.ascontiguousarray(self.k[place][:, columns])
        values = np.ascontiguousarray(self.v[place][columns].T)
        dk[:], dv[:] = 0, 0
        for first in range(columns.start if self.causal else 0, self.queries, BACK_QUERIES):
            rows = slice(first, min(first + BACK_QUERIES, self.queries))
            p, limit = self._scores(place, rows, columns, k, memory[0])
            if p is None:
                continue
            dz = memory[1][: p.size].reshape(p.shape)
            np.matmul(dout[rows], values, out=dz)
            kernels.attention_tile_vjp(p, dz, limit, lse[rows], delta[rows], self.softcap)
            dv += p.T @ dout[rows]
            dk += dz.T @ self.q[place][rows]
            dq[rows] += dz @ k.T
