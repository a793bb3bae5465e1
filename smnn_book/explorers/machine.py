"""The softmax machine: three scores to drag, and all that follows from them."""

import numpy as np

from smnn import softmax
from smnn_book.draggable import DraggableFigure, number, row

LOWEST, HIGHEST = -4.0, 4.0


def softmax_machine(scores=(2.0, 1.0, 0.0), temperature=1.0, *, name="softmax-machine"):
    """Return a figure of softmax: three scores to drag, and a slider for the temperature.

    Their exponentials, their shares of the sum and the point in the triangle of all
    probabilities follow.  Below stands the formula, ``p = exp((z − max z) / T) / sum``, with
    the current numbers in it.

    Parameters
    ----------
    scores : sequence of float
        Three scores between -4 and 4, where the bars stand at first.
    temperature : float
        Between 0.1 and 5.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If there are not three scores, or a number is out of range.

    Examples
    --------
    >>> print(softmax_machine((2.0, 1.0, 0.0)).text)
    z = (2.0, 1.0, 0.0), T = 1.0
    e = exp((z − 2.0) / 1.0) = (1.000, 0.368, 0.135)
    p = e / 1.503 = (0.665, 0.245, 0.090)
    """
    z = np.asarray(scores, dtype=float)
    if z.shape != (3,) or not (np.abs(z) <= HIGHEST).all():
        raise ValueError(f"expected three scores between {LOWEST} and {HIGHEST}, got {scores}")
    if not 0.1 <= temperature <= 5:
        raise ValueError(f"expected a temperature between 0.1 and 5, got {temperature}")
    largest = z.max()
    e = np.exp((z - largest) / temperature)
    sign = "+" if largest < 0 else "−"
    shift = f"z {sign} {number(abs(largest), 1)}"
    text = (
        f"z = {row(z, 1)}, T = {number(temperature, 1)}\n"
        f"e = exp(({shift}) / {number(temperature, 1)}) = {row(e, 3)}\n"
        f"p = e / {number(e.sum(), 3)} = {row(softmax(z, temperature=temperature), 3)}"
    )
    return DraggableFigure(
        name=name,
        kind="softmax-machine",
        alt="Three scores as bars to drag; their exponentials, their shares of the sum, and the "
        "point in the triangle of all probabilities follow.",
        text=text,
        data={"z": z.tolist(), "T": float(temperature)},
    )
