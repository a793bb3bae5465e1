"""A gate over three experts: its regions, the load of each expert, and the loss for balance."""

import numpy as np

import smnn
from smnn_book.draggable import DraggableFigure, number

CENTERS = ((-0.3, -0.4), (0.5, -0.2), (0.0, 0.6))
PRESETS = {
    "barely the first": (((-0.3, -0.1), (0.4, -0.1), (0.1, 0.2)), 4.0),
    "one takes all": (((0.0, 0.0), (0.9, -0.9), (-0.9, 0.9)), 6.0),
}
RATE = 0.5


def gated_rows():
    """Return ninety points of the plane in three clouds, the first of which has most of them.

    Returns
    -------
    ndarray, shape (90, 2)

    Examples
    --------
    >>> gated_rows().shape
    (90, 2)
    """
    rng = np.random.default_rng(3)
    clouds = (
        ((-0.1, -0.35), (0.07, 0.28), 50),
        ((0.72, -0.15), (0.1, 0.2), 22),
        ((-0.05, 0.75), (0.25, 0.08), 18),
    )
    parts = [rng.normal(middle, scale, (count, 2)) for middle, scale, count in clouds]
    return np.concatenate(parts).clip(-0.95, 0.95).round(6)  # seldom on a line


def gate_of(centers, biases=(0, 0, 0), sure=6.0):
    """Return what a gate believes about each of the ninety rows.

    The score of an expert with its center at c is sure · (c·x − |c|²/2) plus its bias, so that
    without biases the nearest center has the largest.

    Parameters
    ----------
    centers : array_like, shape (3, 2)
    biases : array_like, shape (3,)
    sure : float

    Returns
    -------
    ndarray, shape (90, 3)

    Examples
    --------
    >>> gate_of([[0, 0], [0, 0], [0, 0]])[0].round(3)
    array([0.333, 0.333, 0.333])
    """
    c = np.asarray(centers, dtype=float)
    return smnn.softmax(sure * (gated_rows() @ c.T - (c**2).sum(axis=1) / 2) + biases)


def balance_of(gates):
    """Return what follows for balance: the shares f, the means P, the loss, and a gradient.

    Parameters
    ----------
    gates : array_like, shape (N, 3)

    Returns
    -------
    f, P : ndarray, shape (3,)
    loss : float
    gradient : ndarray, shape (3,)
        With respect to the biases.

    Examples
    --------
    >>> f, P, loss, _ = balance_of([[0.51, 0.49, 0], [0.51, 0.49, 0], [0, 0.01, 0.99]])
    >>> f.round(2), round(loss, 3)
    (array([0.67, 0.  , 0.33]), 1.01)
    """
    gates = np.asarray(gates)
    chosen = gates.argmax(axis=1)
    loss, dgates = smnn.load_balancing_loss(gates, chosen)
    f = np.bincount(chosen, minlength=3) / len(gates)
    return f, gates.mean(axis=0), loss, smnn.softmax_vjp(dgates, gates).sum(axis=0)


def _listed(values):
    return ", ".join(number(value, 2) for value in values)


def gate_regions(centers=CENTERS, sure=6.0, biases=(0.0, 0.0, 0.0), step=0, *, name="gate-regions"):
    """Return a figure of the regions of a gate, with a place for each expert to drag.

    A row goes to the expert with the largest score.  Play takes steps down the gradient of the
    loss for balance with respect to the biases of the gate, which moves the lines.

    Parameters
    ----------
    centers : array_like, shape (3, 2)
        The places, between -0.95 and 0.95.
    sure : float
        Factor of the scores, between 1 and 20.
    biases : array_like, shape (3,)
    step : int
        How many steps have led to these biases.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If a place or the factor is out of range.

    Examples
    --------
    >>> print(gate_regions().text)
    shares of the rows 0.54, 0.24, 0.21; mean probabilities 0.39, 0.36, 0.26
    loss for balance 1.054 after 0 steps
    """
    c = np.asarray(centers, dtype=float)
    if c.shape != (3, 2) or np.abs(c).max() > 0.95:
        raise ValueError("expected three places between -0.95 and 0.95")
    if not 1 <= sure <= 20:
        raise ValueError(f"expected a factor between 1 and 20, got {sure}")
    f, P, loss, _ = balance_of(gate_of(c, biases, sure))
    return DraggableFigure(
        name=name,
        kind="gate",
        alt="A square with points in three clouds, cut by dashed lines into the regions of three "
        "experts, each with a place that can be dragged. Beside it, for each expert, a bar for "
        "the share of the points in its region and one for the mean probability that the gate "
        "gives it, and a bar for the loss for balance, with a mark at 1.",
        text=f"shares of the rows {_listed(f)}; mean probabilities {_listed(P)}\n"
        f"loss for balance {number(loss, 3)} after {step} steps",
        data={
            "x": gated_rows().tolist(),
            "c": c.tolist(),
            "s": float(sure),
            "b": list(biases),
            "step": step,
            "presets": [{"label": label, "c": at, "s": s} for label, (at, s) in PRESETS.items()],
        },
    )
