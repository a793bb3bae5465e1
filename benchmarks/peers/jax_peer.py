"""JAX: compiled by XLA, on arrays that are already its own.

JAX has no ``out=``.  Its form of it is donation: the call takes an old array and may build the
result in its memory.  The result of each call is donated to the next.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)


def mean_cross_entropy(x, target):
    picked = jnp.take_along_axis(x, target[:, None], axis=1)[:, 0]
    return (jax.nn.logsumexp(x, axis=1) - picked).mean()


def linear_mean_cross_entropy(parameters, target):
    x, weights, bias = parameters
    return mean_cross_entropy(x @ weights + bias, target)


FUNCTIONS = {
    "softmax": lambda x, target: jax.nn.softmax(x, axis=1),
    "log_softmax": lambda x, target: jax.nn.log_softmax(x, axis=1),
    "cross_entropy": mean_cross_entropy,
    "softmax_cross_entropy": jax.value_and_grad(mean_cross_entropy),
    "linear_cross_entropy": jax.value_and_grad(linear_mean_cross_entropy),
}


def contestants(case, data):
    function = FUNCTIONS[case.operation]
    target = jnp.asarray(data.target)
    if case.operation == "linear_cross_entropy":
        x = tuple(jnp.asarray(a) for a in (data.x, data.weights, data.bias))
    else:
        x = jnp.asarray(data.x)
    if not case.reuse:
        compiled = jax.jit(function)
        return {"JAX": lambda: jax.block_until_ready(compiled(x, target))}

    @partial(jax.jit, donate_argnums=2, keep_unused=True)
    def compiled_into(x, target, old):
        return function(x, target)

    old = jnp.asarray(np.zeros_like(data.x))

    def run_donating():
        nonlocal old
        result = jax.block_until_ready(compiled_into(x, target, old))
        old = result[1] if case.operation == "softmax_cross_entropy" else result
        return result

    return {"JAX": run_donating}
