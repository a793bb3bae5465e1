"""One threshold unit as a line to drag, and what it makes of a gate."""

import numpy as np

import smnn
from smnn_book.draggable import DraggableFigure, number

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
GATES = {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "NAND": (1, 1, 1, 0), "XOR": (0, 1, 1, 0)}
LOW, HIGH = -0.5, 1.5


def unit_of(ends):
    """Return weights and bias of the unit whose line goes through two points.

    The larger weight has the size 1.  The side that is on lies to the right of the way from the
    first point to the second.

    Parameters
    ----------
    ends : array_like, shape (2, 2)

    Returns
    -------
    w : ndarray, shape (2,)
    b : float

    Examples
    --------
    >>> unit_of([[0.25, 1.25], [1.25, 0.25]])
    (array([-1., -1.]), np.float64(1.5))
    """
    (x1, y1), (x2, y2) = ends
    w = np.array([y2 - y1, x1 - x2])
    w = w / np.abs(w).max()
    return w, -(w @ [x1, y1])


def one_line(ends=((0.9, -0.2), (0.1, 1.2)), gate="AND", *, name="one-line"):
    """Return a figure of one threshold unit: a line in the square of its inputs to drag.

    Beside it are the four inequalities of a gate; those that the line fulfills turn green.

    Parameters
    ----------
    ends : array_like, shape (2, 2)
        Two points of the line.
    gate : {"AND", "OR", "NAND", "XOR"}
        What the unit should compute.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If the gate is unknown, or the points are too close or out of range.

    Examples
    --------
    >>> print(one_line(((1.25, 0.25), (0.25, 1.25)), "AND").text)
    w₁ = 1.00, w₂ = 1.00, b = −1.50
    z = −1.50 at (0, 0), −0.50 at (0, 1), −0.50 at (1, 0), 0.50 at (1, 1)
    AND: 4 of 4 rows are right
    """
    ends = np.asarray(ends, dtype=float)
    if gate not in GATES:
        raise ValueError(f"expected one of {', '.join(GATES)}, got {gate!r}")
    if ends.shape != (2, 2) or ends.min() < LOW or ends.max() > HIGH:
        raise ValueError(f"expected two points between {LOW} and {HIGH}, got {ends.tolist()}")
    if np.hypot(*(ends[1] - ends[0])) < 0.2:
        raise ValueError(f"expected points at least 0.2 apart, got {ends.tolist()}")
    w, b = unit_of(ends)
    z = (np.array(CORNERS) @ w + b).round(9)
    right = int((smnn.step(z) == GATES[gate]).sum())
    values = ", ".join(
        f"{number(value, 2)} at ({x}, {y})" for value, (x, y) in zip(z, CORNERS, strict=True)
    )
    return DraggableFigure(
        name=name,
        kind="one-line",
        alt="A square whose four corners are the cases of two inputs, and a line through it, "
        "shaded on the side where a unit is on. Beside it the four inequalities of a gate.",
        text=f"w₁ = {number(w[0], 2)}, w₂ = {number(w[1], 2)}, b = {number(b, 2)}\nz = {values}\n"
        f"{gate}: {right} of 4 rows are right",
        data={"ends": ends.tolist(), "gate": gate},
    )
