"""Kernels for training: a step of an optimizer, and the tails of the normal distribution.

One pass over flat arrays, in which every number is read once and written once.  These loops
a compiler can vectorize by itself: they add nothing up, and what they have computed they
keep, instead of reading it back from an array that might overlap another.
"""

import math

from .compile import kernel


@kernel
def sgd_step(param, grad, velocity, lr, momentum, nesterov, weight_decay):
    """See ``reference.sgd_step``."""
    real = param.dtype.type
    lr, momentum, weight_decay = real(lr), real(momentum), real(weight_decay)
    for i in range(param.size):
        direction = grad[i] + weight_decay * param[i]
        if velocity is not None:
            v = momentum * velocity[i] + direction
            velocity[i] = v
            direction = direction + momentum * v if nesterov else v
        param[i] -= lr * direction


@kernel
def adam_step(param, grad, mean, square, lr, beta1, beta2, eps, weight_decay):
    """See ``reference.adam_step``."""
    real = param.dtype.type
    lr, eps, weight_decay = real(lr), real(eps), real(weight_decay)
    keep1, take1 = real(beta1), real(1 - beta1)
    keep2, take2 = real(beta2), real(1 - beta2)
    for i in range(param.size):
        slope = grad[i] + weight_decay * param[i]
        m = keep1 * mean[i] + take1 * slope
        v = keep2 * square[i] + take2 * (slope * slope)
        mean[i], square[i] = m, v
        param[i] -= lr * m / (math.sqrt(v) + eps)


@kernel
def erfc(x, out):
    """See ``reference.erfc``."""
    for i in range(x.size):
        out[i] = math.erfc(x[i])
