"""Attention: smnn, NumPy with the matrix of weights stored, PyTorch, and the products alone.

    OMP_NUM_THREADS=1 python -m benchmarks.attention                 N from 256 to 4096
    OMP_NUM_THREADS=1 python -m benchmarks.attention 512,1024

One head of float32 with d = 64, forward, and forward with backward, causal or not, all in one
race.  "products" are the matrix products of smnn's tiles and nothing else: two for each tile
forward and five backward, in the same memory.  What smnn takes beyond them is the softmax.
"""

import os
import sys
from importlib.util import find_spec

import numpy as np

import smnn
from benchmarks import machine
from benchmarks.timing import race
from smnn.functional import _attention as tiles

D = 64
SIZES = (256, 512, 1024, 2048, 4096)
BUDGET_SECONDS = 3


def make_data(n):
    """Return q, k, v and the gradient of the output."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal((n, D), np.float32) for _ in range(4)]


def contestants(n, causal, back):
    """Return the functions that race, by name; each returns (out, dq, dk, dv) or (out,)."""
    data = make_data(n)
    functions = {
        "smnn": lambda: ours(*data, causal, back),
        "NumPy": lambda: stored(*data, causal, back),
    }
    if find_spec("torch"):
        functions["PyTorch"] = pytorch(*data, causal, back)
    return functions


def ours(q, k, v, dout, causal, back):
    out, backward = smnn.attention(q, k, v, causal=causal)
    return (out, *backward(dout)) if back else (out,)


def stored(q, k, v, dout, causal, back):
    """The definition, with as few arrays of N × N as there can be."""
    scale = np.float32(1 / np.sqrt(D))
    p = (q * scale) @ k.T
    if causal:
        p[np.triu_indices(len(p), 1)] = -np.inf
    p -= p.max(axis=1, keepdims=True)
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    out = p @ v
    if not back:
        return (out,)
    ds = dout @ v.T
    dv = p.T @ dout
    ds -= np.einsum("ij,ij->i", dout, out)[:, None]
    ds *= p
    return out, scale * (ds @ k), ds.T @ (q * scale), dv


def pytorch(q, k, v, dout, causal, back):
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    leaves = [torch.from_numpy(x)[None, None].requires_grad_(back) for x in (q, k, v)]
    dout = torch.from_numpy(dout)[None, None]

    def run():
        out = torch.nn.functional.scaled_dot_product_attention(*leaves, is_causal=causal)
        results = (out, *torch.autograd.grad(out, leaves, dout)) if back else (out,)
        return tuple(x.detach().numpy()[0, 0] for x in results)

    return run


def products(n, causal, back):
    """Return a function that multiplies as smnn does, tile by tile, and does nothing else."""
    q, k, v, dout = make_data(n)
    size = tiles.QUERIES
    places = [(i, j) for i in range(0, n, size) for j in range(0, n, size) if not causal or j <= i]
    scores, other = np.empty((2, size, size), np.float32)
    columns = np.ascontiguousarray(k.T)
    sums = np.empty((size, D), np.float32)

    def run():
        for i, j in places:
            rows, keys = slice(i, i + size), slice(j, j + size)
            tile = scores[: len(q[rows]), : len(k[keys])]
            np.matmul(q[rows], columns[:, keys], out=tile)
            np.matmul(tile, v[keys], out=sums[: len(tile)])
            if back:
                dtile = other[: len(tile), : tile.shape[1]]
                np.matmul(q[rows], columns[:, keys], out=tile)
                np.matmul(dout[rows], columns[:, keys], out=dtile)
                np.matmul(tile.T, dout[rows], out=sums[: tile.shape[1]])
                np.matmul(dtile.T, q[rows], out=sums[: tile.shape[1]])
                np.matmul(dtile, k[keys], out=sums[: len(tile)])

    return run


def main():
    threads = int(os.environ["OMP_NUM_THREADS"])
    machine.pin_to_processors(threads)
    smnn.set_num_threads(threads)
    sizes = [int(n) for n in sys.argv[1].split(",")] if len(sys.argv) > 1 else SIZES
    print(f"{'N':>5} {'':>6} {'':>8}  milliseconds, and the others over smnn")
    for n in sizes:
        for causal in (False, True):
            for back in (False, True):
                functions = contestants(n, causal, back)
                functions["products"] = products(n, causal, back)
                for function in functions.values():
                    function()
                best = {k: min(v) for k, v in race(functions, BUDGET_SECONDS, threads).items()}
                cells = "  ".join(
                    f"{name} {seconds * 1e3:.2f} ({seconds / best['smnn']:.2f})"
                    for name, seconds in best.items()
                )
                kind = "causal" if causal else "full", "and back" if back else "forward"
                print(f"{n:>5} {kind[0]:>6} {kind[1]:>8}  {cells}", flush=True)


if __name__ == "__main__":
    main()
