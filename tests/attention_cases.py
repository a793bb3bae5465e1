"""Attention as it is defined, with the matrix of weights, to compare with."""

import numpy as np


def naive_attention(q, k, v, mask=None, causal=False, scale=None, softcap=None, sink=None):
    """Return the output and ``backward``, in the dtype of the inputs, by the definition."""
    q, k, v = (np.asarray(x) for x in (q, k, v))
    n, m = q.shape[-2], k.shape[-2]
    scale = 1 / np.sqrt(q.shape[-1]) if scale is None else scale
    z = scale * (q @ np.swapaxes(k, -1, -2))
    lead = np.broadcast_shapes(z.shape[:-2], v.shape[:-2])
    score = z if softcap is None else softcap * np.tanh(z / softcap)
    may = np.ones((*lead, n, m), bool)
    if mask is not None:
        may &= mask
    if causal:
        may &= np.arange(m) <= np.arange(n)[:, None]
    score = np.where(may, score, -np.inf)
    sink = np.broadcast_to(-np.inf if sink is None else sink, (*lead, n))[..., None]
    largest = np.maximum(score.max(-1, keepdims=True, initial=-np.inf), sink)
    largest = np.where(np.isfinite(largest), largest, 0)
    exps = np.exp(score - largest)
    total = exps.sum(-1, keepdims=True) + np.exp(sink - largest)
    p = exps / np.where(total == 0, 1, total)

    def backward(dout):
        dp = dout @ np.swapaxes(v, -1, -2)
        ds = p * (dp - (p * dp).sum(-1, keepdims=True))
        dz = ds if softcap is None else ds * (1 - np.tanh(z / softcap) ** 2)
        dz = scale * dz
        gradients = dz @ k, np.swapaxes(dz, -1, -2) @ q, np.swapaxes(p, -1, -2) @ dout
        return tuple(summed(g, x.shape) for g, x in zip(gradients, (q, k, v), strict=True))

    return p @ v, backward


def summed(gradient, shape):
    """Sum over the axes along which an array of this shape was broadcast."""
    gradient = gradient.sum(tuple(range(gradient.ndim - len(shape))))
    axes = tuple(i for i, size in enumerate(shape) if size == 1 and gradient.shape[i] != 1)
    return gradient.sum(axes, keepdims=True)


def random_case(seed, dtype=np.float64, largest=40):
    """Inputs and options of attention, every combination in the end."""
    rng = np.random.default_rng(seed)
    n, m = (int(rng.integers(1, largest)) for _ in range(2))
    d, e = (int(rng.integers(1, 20)) for _ in range(2))
    lead = [(), (2,), (2, 3)][rng.integers(3)]
    size = rng.choice([0.3, 1.0, 3.0])
    q, k, v, dout = (
        (size * rng.standard_normal((*lead, *shape))).astype(dtype)
        for shape in ((n, d), (m, d), (m, e), (n, e))
    )
    options = {"causal": bool(rng.random() < 0.4)}
    if rng.random() < 0.5:
        options["mask"] = rng.random((*lead, n, m)) < rng.choice([0.1, 0.7])
    if rng.random() < 0.3:
        options["scale"] = float(rng.choice([0.1, 1.0, -0.5]))
    if rng.random() < 0.4:
        options["softcap"] = float(rng.choice([0.5, 2.0, 30.0]))
    if rng.random() < 0.5:
        options["sink"] = rng.choice([0.0, 2.0, 20.0]) * rng.standard_normal((*lead, n))
    return (q, k, v, dout), options
