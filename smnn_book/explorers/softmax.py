"""The Jacobian of softmax as a square of numbers, with three scores to drag."""

import numpy as np

from smnn import softmax, softmax_jacobian
from smnn_book.draggable import DraggableFigure, row

MOST = 4.0
SUBSCRIPTS = "₁₂₃"


def jacobian_explorer(scores=(1.0, 2.0, 3.0), *, name="jacobian-explorer"):
    """Return a figure of the Jacobian of softmax, with three scores to drag.

    The matrix ``diag(p) − p pᵀ`` is a square of shaded numbers: one hue where a
    larger score makes a probability larger, the other where it makes it smaller.

    Parameters
    ----------
    scores : sequence of float
        Three scores between -4 and 4, where the bars end at first.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If there are not three scores, or one is out of range.

    Examples
    --------
    >>> print(jacobian_explorer((1.0, 2.0, 3.0)).text)
    z = (1.0, 2.0, 3.0)
    p = (0.090, 0.245, 0.665)
    ∂p₁/∂z = (0.082, −0.022, −0.060)
    ∂p₂/∂z = (−0.022, 0.185, −0.163)
    ∂p₃/∂z = (−0.060, −0.163, 0.223)
    """
    z = np.asarray(scores, dtype=float)
    if z.shape != (3,) or not (np.abs(z) <= MOST).all():
        raise ValueError(f"expected three scores between {-MOST} and {MOST}, got {scores}")
    p = softmax(z)
    lines = [
        f"∂p{sign}/∂z = {row(slopes, 3)}"
        for sign, slopes in zip(SUBSCRIPTS, softmax_jacobian(p), strict=True)
    ]
    return DraggableFigure(
        name=name,
        kind="jacobian",
        alt="Three scores as bars to drag, and a three by three square of the derivatives of "
        "softmax, shaded by their size, which follows them.",
        text="\n".join([f"z = {row(z, 1)}", f"p = {row(p, 3)}", *lines]),
        data={"z": z.tolist()},
    )
