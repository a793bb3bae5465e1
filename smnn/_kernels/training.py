"""Kernels for training: the step of an optimizer, and the tails of the normal distribution.

One pass over flat arrays, in which every number is read once and written once.  These loops
a compiler can vectorize by itself: they add nothing up, and what they have computed they
keep, instead of reading it back from an array that might overlap another.
"""

import math

from .simd.compile import kernel


def check_sizes(**arrays):
    """Raise ValueError unless the arrays, of which some may be None, have the same shape.

    A kernel does not check where it writes.
    """
    shapes = [array.shape for array in arrays.values() if array is not None]
    if shapes.count(shapes[0]) < len(shapes):
        given = [name for name, array in arrays.items() if array is not None]
        words = ", ".join(f"{name} {shape}" for name, shape in zip(given, shapes, strict=True))
        raise ValueError(f"the arrays of a step must have the same shape, got {words}")


def sgd_step(param, grad, velocity, lr, momentum, nesterov, weight_decay):
    """See ``reference.sgd_step``."""
    check_sizes(param=param, grad=grad, velocity=velocity)
    step_sgd(param, grad, velocity, lr, momentum, nesterov, weight_decay)


@kernel
def step_sgd(param, grad, velocity, lr, momentum, nesterov, weight_decay):
    """Do `sgd_step` on flat arrays of the same size."""
    real = param.dtype.type
    lr, momentum, weight_decay = real(lr), real(momentum), real(weight_decay)
    for i in range(param.size):
        direction = grad[i] + weight_decay * param[i]
        if velocity is not None:
            v = momentum * velocity[i] + direction
            velocity[i] = v
            direction = direction + momentum * v if nesterov else v
        param[i] -= lr * direction


def adam_step(param, grad, mean, square, lr, beta1, beta2, eps, weight_decay):
    """See ``reference.adam_step``."""
    check_sizes(param=param, grad=grad, mean=mean, square=square)
    step_adam(param, grad, mean, square, lr, beta1, beta2, eps, weight_decay)


@kernel
def step_adam(param, grad, mean, square, lr, beta1, beta2, eps, weight_decay):
    """Do `adam_step` on flat arrays of the same size."""
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


def erfc(x, out):
    """See ``reference.erfc``."""
    check_sizes(x=x, out=out)
    fill_erfc(x, out)


@kernel
def fill_erfc(x, out):
    """Do `erfc` on flat arrays of the same size."""
    for i in range(x.size):
        out[i] = math.erfc(x[i])
