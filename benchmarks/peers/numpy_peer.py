"""NumPy: a few whole-array operations, in place where the array is our own."""

import numpy as np


def contestants(case, data):
    x, target, rows = data.x, data.target, data.rows
    scratch = np.empty_like(x) if case.reuse else None

    def shifted(logits, out):
        return np.subtract(logits, logits.max(axis=1, keepdims=True), out=out)

    def softmax():
        p = shifted(x, scratch)
        np.exp(p, out=p)
        p /= p.sum(axis=1, keepdims=True)
        return p

    def log_softmax():
        lp = shifted(x, scratch)
        lp -= np.log(np.exp(lp).sum(axis=1, keepdims=True))
        return lp

    def cross_entropy():
        z = shifted(x, None)
        picked = z[rows, target]
        np.exp(z, out=z)
        return (np.log(z.sum(axis=1)) - picked).mean()

    def loss_and_gradient(logits, out):
        p = shifted(logits, out)
        picked = p[rows, target]
        np.exp(p, out=p)
        total = p.sum(axis=1, keepdims=True)
        p /= total * len(p)
        p[rows, target] -= 1 / len(p)
        return (np.log(total[:, 0]) - picked).mean(), p

    def softmax_cross_entropy():
        return loss_and_gradient(x, scratch)

    def linear_cross_entropy():
        logits = x @ data.weights
        logits += data.bias
        loss, dlogits = loss_and_gradient(logits, logits)
        return loss, (dlogits @ data.weights.T, x.T @ dlogits, dlogits.sum(axis=0))

    return {"NumPy": locals()[case.operation]}
