"""The corridor that needs a coin, and the gradient of its expected return."""

import numpy as np

import smnn
from smnn_book.actions import corridor_value
from smnn_book.draggable import DraggableFigure, number

PRESETS = {"mostly left": 0.05, "the best coin": 2 - np.sqrt(2), "mostly right": 0.95}


def corridor_flow(p):
    """Return values, expected visits and the policy gradient of the corridor.

    Parameters
    ----------
    p : float
        The probability of right, the same in the three cells.

    Returns
    -------
    v, visits : ndarray, shape (3,)
    slope : float
        The gradient of the value of the first cell with respect to the score of right.

    Examples
    --------
    >>> v, visits, slope = corridor_flow(0.5)
    >>> v, visits, round(slope, 6)
    (array([-12., -10.,  -6.]), array([6., 4., 2.]), 2.0)
    """
    to = np.array([[[0, 1, 0], [1, 0, 0], [0, 0, 0]], [[1, 0, 0], [0, 0, 1], [0, 1, 0]]])
    policy = np.array([p, 1 - p])
    moves = np.einsum("a,ast->st", policy, to)
    v = np.linalg.solve(np.eye(3) - moves, -np.ones(3))
    visits = np.linalg.solve(np.eye(3) - moves.T, [1.0, 0, 0])
    Q = -1 + (to @ v).T  # (cell, action)
    dz = visits @ smnn.softmax_vjp(Q, np.broadcast_to(policy, Q.shape))
    return v, visits, float(dz[0])


def corridor_coin(p=0.5, *, name="corridor-coin"):
    """Return a figure of the corridor, with a coin to drag along its expected return.

    Parameters
    ----------
    p : float
        The probability of right at first, between 0.04 and 0.97.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If the probability is out of range.

    Examples
    --------
    >>> print(corridor_coin().text)
    right with 0.500: return −12.000, gradient 2.000
    visits to the three cells: 6.000, 4.000, 2.000
    """
    if not 0.04 <= p <= 0.97:
        raise ValueError(f"expected a probability between 0.04 and 0.97, got {p}")
    _, visits, slope = corridor_flow(p)
    return DraggableFigure(
        name=name,
        kind="corridor",
        alt="Above, three cells and a goal in a row, with arrows between them that are as broad as "
        "their steps are frequent: right leads from cell 1 to cell 2, from cell 2 back to cell "
        "1, and from cell 3 to the goal; left leads the other way, and from cell 1 nowhere. "
        "Below, a curve of the expected return over the probability of going right, which falls "
        "steeply at both ends.",
        text=f"right with {number(p, 3)}: return {number(corridor_value(p), 3)}, "
        f"gradient {number(slope, 3)}\n"
        f"visits to the three cells: {', '.join(number(count, 3) for count in visits)}",
        data={
            "p": float(p),
            "presets": [{"label": label, "p": float(p)} for label, p in PRESETS.items()],
        },
    )
