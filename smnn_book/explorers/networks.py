"""The regions of networks with more and more hidden units."""

import numpy as np

from smnn import softmax
from smnn_book.draggable import DraggableFigure, row

DIGITS = 9  # of a weight in a page, after the point


def regions_explorer(networks, x, y, *, start=1, ring=(0.0, 0.0), name="regions-explorer"):
    """Return a figure of the regions of several networks, with a ring to drag.

    Every network has two inputs, one hidden layer of tanh units and as many outputs as
    there are classes.  The reader's browser computes colors and probabilities from the weights.
    A slider gives the network more hidden units; each of them is 0 on a dashed line.

    Parameters
    ----------
    networks : sequence of Sequential
        ``Sequential([Dense(H, "tanh"), Dense(K)])`` with 1, 2, 3, ... hidden units and two or
        three classes.
    x : array_like, shape (N, 2)
        Points to show.
    y : array_like of int, shape (N,)
        Their classes.
    start : int
        How many hidden units the network has that is shown at first.
    ring : tuple of float
        Where the ring is at first.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If the networks are not such networks, ``start`` names none, or the ring is off the plane.
    """
    units = [network.params["0.W"].shape[1] for network in networks]
    classes = {network.params["1.W"].shape[1] for network in networks}
    if units != list(range(1, len(units) + 1)) or not classes <= {2, 3} or len(classes) > 1:
        raise ValueError(
            "expected networks with 1, 2, 3, ... hidden units and two or three classes, "
            f"got {units} hidden units and {sorted(classes)} classes"
        )
    if not 1 <= start <= len(networks):
        raise ValueError(f"expected a start between 1 and {len(networks)}, got {start}")
    x, y = np.asarray(x, dtype=float).round(3), np.asarray(y)
    low, high = np.floor(x.min() * 10) / 10, np.ceil(x.max() * 10) / 10
    if not all(low <= value <= high for value in ring):
        raise ValueError(f"expected a ring between {low} and {high}, got {ring}")
    network = networks[start - 1]
    right = int((network(x).argmax(axis=1) == y).sum())
    text = (
        f"{start} hidden {'unit' if start == 1 else 'units'}: "
        f"{right} of {len(y)} points are in the region of their class\n"
        f"at the ring: x = {row(ring, 2)}\np = {row(softmax(network(np.array([ring])))[0], 3)}"
    )
    weights = [
        {
            letter: network.params[key].round(DIGITS).tolist()
            for letter, key in (("V", "0.W"), ("c", "0.b"), ("W", "1.W"), ("b", "1.b"))
        }
        for network in networks
    ]
    return DraggableFigure(
        name=name,
        kind="regions",
        alt="Points of several classes, and behind them the regions in which a network answers "
        "each class, with a dashed line for each hidden unit. With more hidden units the borders "
        "bend more often. At a ring that can be dragged the probabilities are shown as bars.",
        text=text,
        data={
            "networks": weights,
            "x": x.tolist(),
            "y": y.tolist(),
            "low": float(low),
            "high": float(high),
            "n": start,
            "ring": [float(value) for value in ring],
        },
    )
