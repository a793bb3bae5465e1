"""Top-k, top-p and min-p on one row, all to drag."""

import numpy as np

import smnn
from smnn_book.draggable import DraggableFigure, number

WORDS = "mat floor bed sofa table chair roof grass wall car moon piano".split()
ROWS = {
    "a sure row": [5.0, 2.6, 2.2, 1.8, 1.5, 1.1, 0.8, 0.5, 0.2, -0.2, -0.6, -1.0],
    "an unsure row": [2.0, 1.9, 1.8, 1.6, 1.5, 1.4, 1.2, 1.0, 0.9, 0.7, 0.4, 0.2],
}


def kept_classes(z, temperature=1.0, top_k=12, top_p=1.0, min_p=0.0):
    """Return which classes of a row may be drawn, the row being sorted from the largest score.

    Parameters
    ----------
    z : array_like, shape (K,)
    temperature : float
    top_k : int
    top_p, min_p : float

    Returns
    -------
    ndarray of bool, shape (K,)

    Examples
    --------
    >>> kept_classes([2.0, 1.0, 0.0], top_p=0.7)
    array([ True,  True, False])
    """
    z = np.asarray(z, dtype=float)
    first = np.arange(len(z)) < top_k
    p = smnn.softmax(np.where(first, z, -np.inf), temperature=temperature)
    before = np.cumsum(p) - p
    return first & (before < top_p) & (p >= min_p * p[0])


def three_cuts(row=1, temperature=1.0, top_k=12, top_p=0.9, min_p=0.0, *, name="three-cuts"):
    """Return a figure of one row of probabilities with three ways to cut off its tail.

    The bars are sorted. Top-k is a line between them, min-p a height, and top-p a place on their
    sum; each can be dragged.  The lowest bar shows what a draw is made from.

    Parameters
    ----------
    row : {0, 1}
        A sure row of scores, or an unsure one.
    temperature : float
        Between 0.2 and 3.
    top_k : int
        From 1 to 12, which is all.
    top_p : float
        Between 0.05 and 1, which is all.
    min_p : float
        Between 0, which is all, and 1.
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
    >>> print(three_cuts(0, top_p=0.9).text)
    T = 1.0, top-k 12, top-p 0.90, min-p 0.00: 4 of 12 may be drawn
    with the probabilities 0.839, 0.076, 0.051, 0.034
    """
    if row not in (0, 1):
        raise ValueError(f"expected row 0 or 1, got {row}")
    for label, value, low, high in (
        ("temperature", temperature, 0.2, 3),
        ("top_k", top_k, 1, 12),
        ("top_p", top_p, 0.05, 1),
        ("min_p", min_p, 0, 1),
    ):
        if not low <= value <= high:
            raise ValueError(f"expected {label} between {low} and {high}, got {value}")
    z = np.array(list(ROWS.values())[row])
    kept = kept_classes(z, temperature, top_k, top_p, min_p)
    q = smnn.softmax(np.where(kept, z, -np.inf), temperature=temperature)[kept]
    text = (
        f"T = {number(temperature, 1)}, top-k {top_k}, top-p {number(top_p, 2)}, "
        f"min-p {number(min_p, 2)}: {kept.sum()} of {len(z)} may be drawn\n"
        f"with the probabilities {', '.join(number(share, 3) for share in q)}"
    )
    rows = [{"label": label, "z": scores, "words": WORDS} for label, scores in ROWS.items()]
    return DraggableFigure(
        name=name,
        kind="truncation",
        alt="Twelve bars of probabilities from the largest to the smallest, with a line between "
        "bars for top-k and a height for min-p. Below them their sum with a place for top-p, "
        "and the probabilities that a draw is made from.",
        text=text,
        data={
            "z": z.tolist(), "words": WORDS, "T": float(temperature), "k": top_k,
            "topP": float(top_p), "minP": float(min_p), "rows": rows,
        },
    )  # fmt: skip
