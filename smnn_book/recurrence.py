"""Recurrent layers under the microscope: how far a state reaches, and a task that needs it."""

import numpy as np

import smnn


def adding_problem(n, steps, rng):
    """Return sequences of the adding problem, and their sums.

    Each step has a random number from 0 to 1 and a mark.  Two steps are marked, one in each half
    of the sequence; the target is the sum of their numbers.

    Parameters
    ----------
    n : int
        How many sequences.
    steps : int
        How long they are.
    rng : Generator

    Returns
    -------
    x : ndarray, shape (n, steps, 2)
    y : ndarray, shape (n, 1)

    Examples
    --------
    >>> x, y = adding_problem(3, 10, np.random.default_rng(0))
    >>> bool(np.allclose((x[..., 0] * x[..., 1]).sum(axis=1), y[:, 0]))
    True
    """
    x = np.zeros((n, steps, 2))
    x[..., 0] = rng.random((n, steps))
    half = steps // 2
    x[np.arange(n), rng.integers(half, size=n), 1] = 1
    x[np.arange(n), rng.integers(half, steps, size=n), 1] = 1
    return x, x.prod(axis=2).sum(axis=1, keepdims=True)


def small(shape, *, rng, dtype):
    """Return random weights, as an initializer does, that halve a state on the average."""
    return (0.5 / np.sqrt(shape[0]) * rng.standard_normal(shape)).astype(dtype)


def identity(shape, *, rng, dtype):
    """Return the identity matrix, as an initializer does."""
    return np.eye(*shape, dtype=dtype)


def cells(units):
    """Return the rivals: the name of each, and a function that makes a new layer.

    Parameters
    ----------
    units : int

    Returns
    -------
    dict

    Examples
    --------
    >>> list(cells(4))[0]
    'tanh, small U'
    """
    return {
        "tanh, small U": lambda: smnn.SimpleRNN(units, recurrent_init=small),
        "tanh, orthogonal U": lambda: smnn.SimpleRNN(units),
        "ReLU, identity U": lambda: smnn.SimpleRNN(units, "relu", recurrent_init=identity),
        "LSTM, forget bias 0": lambda: smnn.LSTM(units, forget_bias=0),
        "LSTM, forget bias 1": lambda: smnn.LSTM(units),
    }


def state_jacobians(layer, x):
    r"""Return the Jacobian of each state with respect to the state before, for one sequence.

    Entry (i, j) is :math:`∂s_{t,i} / ∂s_{t-1,j}`.

    Parameters
    ----------
    layer : SimpleRNN or LSTM
        With tanh or ReLU, and built.  The state of an LSTM is h and c side by side.
    x : array_like, shape (T, features)

    Returns
    -------
    ndarray, shape (T, S, S)

    Examples
    --------
    >>> layer = smnn.SimpleRNN(3, rng=0)
    >>> x = np.ones((5, 2))
    >>> layer(x[None]).shape, state_jacobians(layer, x).shape
    ((1, 3), (5, 3, 3))
    """
    W, U, b = (np.asarray(layer.params[name], np.float64) for name in "WUb")
    of_input = np.asarray(x) @ W + b
    n = layer.units
    h, c, jacobians = np.zeros(n), np.zeros(n), []
    for z in of_input:
        z = z + h @ U
        if isinstance(layer, smnn.LSTM):
            i, f, o = smnn.sigmoid(z.reshape(4, n)[[0, 1, 3]])
            g = np.tanh(z[2 * n : 3 * n])
            slopes = np.concatenate([g * i * (1 - i), c * f * (1 - f), i * (1 - g * g)])
            c = f * c + i * g
            h, dh_dc = o * np.tanh(c), o * (1 - np.tanh(c) ** 2)
            J = np.zeros((2 * n, 2 * n))
            J[:n, n:] = (U[:, : 3 * n] * slopes).reshape(n, 3, n).sum(axis=1)
            J[n:, n:] = np.diag(f)
            J[:, :n] = J[:, n:] * dh_dc
            J[:n, :n] += U[:, 3 * n :] * np.tanh(c) * o * (1 - o)
        elif layer.activation == "tanh":
            h = np.tanh(z)
            J = U * (1 - h * h)
        else:
            h = np.maximum(z, 0)
            J = U * (z > 0)
        jacobians.append(J.T)
    return np.array(jacobians)


def reach(layer, x, distances):
    """Return the norm of the Jacobian of the last state with respect to earlier ones.

    Parameters
    ----------
    layer : SimpleRNN or LSTM
    x : array_like, shape (N, T, features)
    distances : sequence of int
        How many steps earlier, rising, from 1 to T.

    Returns
    -------
    ndarray, shape (len(distances),)
        The geometric mean over the sequences of the largest singular value; 0 where one is 0.

    Examples
    --------
    >>> half = lambda shape, **options: 0.5 * np.eye(3)
    >>> layer = smnn.SimpleRNN(3, "relu", init="zeros", recurrent_init=half)
    >>> layer.build((4, 2))
    (3,)
    >>> layer.params["b"][...] = 1
    >>> reach(layer, np.ones((2, 4, 2)), [1, 3])
    array([0.5  , 0.125])
    """
    norms = []
    for one in x:
        product, there = None, {}
        for back, J in enumerate(state_jacobians(layer, one)[::-1], start=1):
            product = J if product is None else product @ J
            if back in distances:
                there[back] = np.linalg.norm(product, 2)
        norms.append([there[back] for back in distances])
    with np.errstate(divide="ignore"):
        return np.exp(np.log(norms).mean(axis=0))
