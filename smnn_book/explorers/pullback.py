"""The pullback of softmax: a point in the triangle and a gradient, both to drag."""

import numpy as np

from smnn import softmax_vjp
from smnn_book.draggable import DraggableFigure, number, row

MOST = 2.0


def softmax_pullback(p=(0.6, 0.3, 0.1), dp=(1.5, 0.5, -1.5), *, name="softmax-pullback"):
    """Return a figure of what comes back through softmax.

    A point in the triangle of all probabilities and the gradient with respect to it can be
    dragged.  Two arrows show the gradient with respect to the scores: the true one, and the one
    that is left when only the diagonal of the Jacobian is used.

    Parameters
    ----------
    p : sequence of float
        Three probabilities of at least 0.02, which sum to 1.
    dp : sequence of float
        The gradient of some loss with respect to them, three numbers between -2 and 2.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If there are not three of each, or a number is out of range.

    Examples
    --------
    >>> print(softmax_pullback().text)
    p = (0.600, 0.300, 0.100), dp = (1.5, 0.5, −1.5), ⟨dp, p⟩ = 0.900
    dz: p ⊙ (dp − ⟨dp, p⟩) = (0.360, −0.120, −0.240), sum 0.000
    diagonal only: p ⊙ (1 − p) ⊙ dp = (0.360, 0.105, −0.135), sum 0.330, 33.4° off
    """
    p, dp = np.asarray(p, dtype=float), np.asarray(dp, dtype=float)
    if p.shape != (3,) or p.min() < 0.02 or abs(p.sum() - 1) > 1e-9:
        raise ValueError(f"expected three probabilities of at least 0.02, got {p.tolist()}")
    if dp.shape != (3,) or np.abs(dp).max() > MOST:
        raise ValueError(f"expected three gradients between -2 and 2, got {dp.tolist()}")
    dz, diagonal = softmax_vjp(dp, p), p * (1 - p) * dp
    lengths = np.linalg.norm(dz) * np.linalg.norm(diagonal)
    off = ""
    if lengths > 1e-18:
        angle = np.degrees(np.arccos(np.clip(dz @ diagonal / lengths, -1, 1)))
        off = f", {number(angle, 1)}° off"
    text = (
        f"p = {row(p, 3)}, dp = {row(dp, 1)}, ⟨dp, p⟩ = {number(dp @ p, 3)}\n"
        f"dz: p ⊙ (dp − ⟨dp, p⟩) = {row(dz, 3)}, sum {number(dz.sum(), 3)}\n"
        f"diagonal only: p ⊙ (1 − p) ⊙ dp = {row(diagonal, 3)}, "
        f"sum {number(diagonal.sum(), 3)}{off}"
    )
    return DraggableFigure(
        name=name,
        kind="pullback",
        alt="The triangle of all probabilities with a point to drag, and two arrows from it: the "
        "gradient with respect to the scores, and what the diagonal alone gives. Beside it three "
        "groups of bars: the gradient that comes in, which can be dragged, and the two results.",
        text=text,
        data={"p": p.tolist(), "dp": dp.tolist()},
    )
