"""A long valley with two weights: plain steps, momentum and Adam from a start to drag."""

import numpy as np

from smnn import SGD, Adam
from smnn_book.draggable import DraggableFigure, number

CURVATURES = (0.1, 10.0)  # along the valley and across it
LAST, LATEST = 100, 400  # steps to see, and to judge by
OPTIMIZERS = {
    "plain": SGD,
    "momentum": lambda rate: SGD(rate, momentum=0.9),
    "Adam": Adam,
}


def walk_valley(name, rate, steps, start=(-2.6, 1.2), turn=0):
    """Return the places of an optimizer in a long valley, before each step and after the last.

    The loss is half the sum of the squares of two weights, counted along the valley and across
    it, times the curvatures 0.1 and 10.

    Parameters
    ----------
    name : {"plain", "momentum", "Adam"}
    rate : float
        The learning rate.
    steps : int
    start : sequence of float
        The two weights before the first step.
    turn : float
        By how many degrees the valley is turned from the first weight toward the second.

    Returns
    -------
    ndarray, shape (steps + 1, 2)

    Examples
    --------
    >>> walk_valley("plain", 0.18, 2).round(3).tolist()
    [[-2.6, 1.2], [-2.553, -0.96], [-2.507, 0.768]]
    """
    angle = np.radians(turn)
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    hessian = axes.T @ np.diag(CURVATURES) @ axes
    optimizer, params = OPTIMIZERS[name](rate), {"w": np.array(start, dtype=float)}
    path = [params["w"].copy()]
    for _ in range(steps):
        optimizer.step(params, {"w": hessian @ params["w"]})
        path.append(params["w"].copy())
    return np.array(path)


def steps_until_near(path):
    """Return after how many steps a walk stays within 1% of its first distance to the bottom.

    Returns
    -------
    int
        One more than the steps of the walk, if it is farther away at its end.

    Examples
    --------
    >>> [steps_until_near(walk_valley(name, 0.18, 400)) for name in OPTIMIZERS]
    [249, 83, 80]
    """
    away = np.hypot(*path.T)
    far = np.flatnonzero(away > 0.01 * away[0])
    return int(far[-1]) + 1 if far.size else 0


def long_valley(learning_rate=0.18, steps=100, start=(-2.6, 1.2), turn=0, *, name="long-valley"):
    """Return a figure of three optimizers in a long valley, from a start that can be dragged.

    Plain steps, momentum 0.9 and Adam have the same learning rate.  Beside their paths is what
    is left of the distance to the bottom.  The valley lies along one weight, or is turned.

    Parameters
    ----------
    learning_rate : float
        Between 0.01 and 0.4.
    steps : int
        How many steps were taken at first, between 0 and 100.
    start : sequence of float
        The two weights before the first step, at most 3 and 1.8 either way.
    turn : float
        By how many degrees the valley is turned.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> print(long_valley().text)
    distance left after 100 steps, η = 0.18, turned by 0°
    plain: 14.8%, below 1% from step 249 on
    momentum: 0.5%, below 1% from step 83 on
    Adam: 0.3%, below 1% from step 80 on
    """
    if not 0.01 <= learning_rate <= 0.4:
        raise ValueError(f"expected a learning rate between 0.01 and 0.4, got {learning_rate}")
    if not 0 <= steps <= LAST:
        raise ValueError(f"expected a number of steps between 0 and {LAST}, got {steps}")
    if abs(start[0]) > 3 or abs(start[1]) > 1.8:
        raise ValueError(f"expected a start of at most 3 and 1.8 either way, got {start}")
    lines = [
        f"distance left after {steps} steps, η = {number(learning_rate, 2)}, "
        f"turned by {number(turn, 0)}°"
    ]
    for optimizer in OPTIMIZERS:
        path = walk_valley(optimizer, learning_rate, LATEST, start, turn)
        away, until = np.hypot(*path.T), steps_until_near(path)
        first = away[0] or 1.0
        judged = (
            f"not below 1% by step {LATEST}" if until > LATEST else f"below 1% from step {until} on"
        )
        left = f"{number(100 * away[steps] / first, 1)}%, {judged}"
        lines.append(f"{optimizer}: {'diverges' if away[-1] > first else left}")
    return DraggableFigure(
        name=name,
        kind="valley",
        alt="Contours of a long valley and three paths from one start. Plain steps zigzag across "
        "it and creep along its floor; momentum swings past the bottom and back; Adam goes "
        "equally far along both weights. Beside them the distance that is left at each step.",
        text="\n".join(lines),
        data={
            "start": [float(w) for w in start],
            "eta": float(learning_rate),
            "step": steps,
            "turn": float(turn),
        },
    )
