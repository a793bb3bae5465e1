"""Two spaces: a small network trained in the page, seen from its inputs and its hidden units."""

import numpy as np

import smnn
from smnn import Adam, Dense, Sequential
from smnn_book.draggable import DraggableFigure, number, row

RATE = 0.05
LAST = 400
STARTS = {"a start that works": 11, "a slower start": 3, "one that gets stuck": 0}
NAMES = {"0.W": "W1", "0.b": "b1", "1.W": "W2", "1.b": "b2"}


def xor_cloud():
    """Return the points of the figure: twelve around each corner of XOR, to two digits.

    Returns
    -------
    x : ndarray, shape (48, 2)
    y : ndarray of int, shape (48,)

    Examples
    --------
    >>> x, y = xor_cloud()
    >>> x.shape, int(y.sum())
    ((48, 2), 24)
    """
    x, y = smnn.make_xor(12, noise=0.12, rng=0)
    return x.round(2), y


def xor_batches():
    """Return the batches of the figure: ten passes through the points in batches of twelve.

    Returns
    -------
    ndarray of int, shape (40, 12)

    Examples
    --------
    >>> xor_batches().shape
    (40, 12)
    """
    rng = np.random.default_rng(0)
    return np.concatenate([rng.permutation(48) for _ in range(10)]).reshape(-1, 12)


def xor_network(seed):
    """Return an untrained network of two tanh units; its weights have two digits.

    Parameters
    ----------
    seed : int

    Returns
    -------
    smnn.Sequential

    Examples
    --------
    >>> xor_network(11).params["1.W"].shape
    (2, 2)
    """
    network = Sequential([Dense(2, "tanh", input_shape=(2,)), Dense(2)], rng=seed)
    for value in network.params.values():
        value[...] = value.round(2)
    return network


def train_xor(network, steps):
    """Take steps of Adam with the batches of the figure, again and again in their order.

    Parameters
    ----------
    network : smnn.Sequential
        What `xor_network` returned; it is changed.
    steps : int
        How many.

    Returns
    -------
    smnn.Sequential
        The same network.

    Examples
    --------
    >>> x, y = xor_cloud()
    >>> network = train_xor(xor_network(11), 100)
    >>> int((network(x).argmax(axis=1) == y).sum())
    48
    """
    x, y = xor_cloud()
    batches, optimizer = xor_batches(), Adam(RATE)
    for step in range(steps):
        batch = batches[step % len(batches)]
        logits, backward = network.forward(x[batch], training=True)
        _, dlogits = smnn.softmax_cross_entropy(logits, y[batch])
        optimizer.step(network.params, backward(dlogits)[1])
    return network


def two_spaces(start=0, step=0, probe=(0.5, 0.5), *, name="two-spaces"):
    """Return a figure of a network that is trained in the page, seen in two spaces.

    On the left are the points of XOR with a line for each of two hidden units, on the right the
    same points in the values of these units.  A point can be dragged on the left and followed on
    the right.

    Parameters
    ----------
    start : int
        Which of the three initial weights is shown at first.
    step : int
        How many steps have been taken at first, at most 400.
    probe : sequence of float
        Where the point to follow is at first.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If there is no such start or step.

    Examples
    --------
    >>> print(two_spaces().text)
    a start that works, step 0: loss 0.7894, 28 of 48 right
    the ring: x = (0.50, 0.50) becomes h = (−0.319, −0.519), p₂ = 0.336
    """
    if not 0 <= start < len(STARTS):
        raise ValueError(f"expected a start below {len(STARTS)}, got {start}")
    if not 0 <= step <= LAST:
        raise ValueError(f"expected a step between 0 and {LAST}, got {step}")
    x, y = xor_cloud()
    label, seed = list(STARTS.items())[start]
    network = train_xor(xor_network(seed), step)
    logits, at = network(x), np.array([probe])
    hidden = np.tanh(at @ network.params["0.W"] + network.params["0.b"])[0]
    text = (
        f"{label}, step {step}: loss {number(smnn.cross_entropy(logits, y), 4)}, "
        f"{(logits.argmax(axis=1) == y).sum()} of {len(y)} right\n"
        f"the ring: x = {row(probe, 2)} becomes h = {row(hidden, 3)}, "
        f"p₂ = {number(smnn.softmax(network(at))[0, 1], 3)}"
    )
    return DraggableFigure(
        name=name,
        kind="spaces",
        alt="Two squares. In the left one, the points of two classes around the corners of XOR, "
        "and a line for each of two hidden units. In the right one, the same points in the "
        "values of the two units, and the border between the answers. Below them the loss.",
        text=text,
        data={
            "x": x.tolist(),
            "y": y.tolist(),
            "batches": xor_batches().tolist(),
            "rate": RATE,
            "last": LAST,
            "starts": [
                {"label": label, "params": _listed(xor_network(seed).params)}
                for label, seed in STARTS.items()
            ],
            "start": start,
            "step": step,
            "probe": list(probe),
        },
    )


def _listed(params):
    return {NAMES[key]: value.tolist() for key, value in params.items()}
