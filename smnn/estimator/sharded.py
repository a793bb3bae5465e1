r"""Softmax regression on a Dask array: the same objective, as a sum over shards.

A shard is the chunk of rows that one task sees.  The mean over all rows is the mean over each
shard, weighted by what the shard counts, and so are its gradient and the product of its Hessian
with a direction.  These sums have the size of the weights, whatever the number of rows, and are
added along a tree that depends on the number of shards alone: the same chunks give the same bits,
on one thread or on many machines.

Every step of conjugate gradients reads all rows once more.  In memory stay the labels, the
weights, and the chunks that are being worked on.
"""

import numpy as np

from .newton import Objective

FAN_IN = 8  # so many sums are added by one task


class ShardedObjective:
    """`Objective` for the rows of a Dask array whose columns lie in one chunk."""

    def __init__(self, x, y, n_classes, strength, sample_weight=None):
        import dask

        self.n_classes, self.strength = n_classes, strength
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        stops = np.cumsum(x.chunks[0])
        shards = zip(x.to_delayed()[:, 0], stops - x.chunks[0], stops, strict=True)
        self.shards = []
        for block, start, stop in shards:
            share = weight[start:stop].sum() / weight.sum()
            if share > 0:
                rows = y[start:stop], None if sample_weight is None else weight[start:stop]
                self.shards.append((block, dask.delayed(rows), share))
        # On a cluster the labels are sent once.
        kept = dask.persist(*(rows for _, rows, _ in self.shards))
        self.shards = [
            (block, rows, share) for (block, _, share), rows in zip(self.shards, kept, strict=True)
        ]

    def value_and_gradient(self, theta):
        value, gradient = self._sum(_value_and_gradient, theta)
        if not np.isfinite(value):
            raise ValueError(f"X must hold finite numbers, and not too large: the loss is {value}")
        W = theta.reshape(-1, self.n_classes)[:-1]
        return value + self.strength / 2 * np.sum(W * W), gradient + self._penalty(theta)

    def hessian_product(self, theta, direction):
        (product,) = self._sum(_hessian_product, theta, direction)
        return product + self._penalty(direction)

    def _penalty(self, theta):
        """Return the gradient of the penalty, which spares the biases."""
        slope = self.strength * theta.reshape(-1, self.n_classes)
        slope[-1] = 0
        return slope.ravel()

    def _sum(self, function, *arguments):
        """Return the sums over the shards of what a function returns for each, times its share."""
        import dask

        task = dask.delayed(function)
        parts = [
            task(block, rows, share, self.n_classes, *arguments)
            for block, rows, share in self.shards
        ]
        while len(parts) > 1:
            parts = [
                dask.delayed(_add)(parts[i : i + FAN_IN]) for i in range(0, len(parts), FAN_IN)
            ]
        return parts[0].compute()


def _objective(x, rows, n_classes):
    y, weight = rows
    if weight is not None:  # 0 · nan is nan: what does not count must not be there
        x, y, weight = x[weight > 0], y[weight > 0], weight[weight > 0]
    return Objective(x, y, n_classes, 0.0, weight)


def _value_and_gradient(x, rows, share, n_classes, theta):
    value, gradient = _objective(x, rows, n_classes).value_and_gradient(theta)
    return share * value, share * gradient


def _hessian_product(x, rows, share, n_classes, theta, direction):
    return (share * _objective(x, rows, n_classes).hessian_product(theta, direction),)


def _add(parts):
    return tuple(sum(values[1:], start=values[0]) for values in zip(*parts, strict=True))
