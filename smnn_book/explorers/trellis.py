"""All paths of six frames that read as a label, and what the loss asks of each frame."""

from itertools import groupby, product
from math import log, prod

import numpy as np

from smnn_book.draggable import DraggableFigure, number

SIGNS = "−ab"
LABELS = ("aba", "ab", "aa")
MUMBLED = (
    (0.5, 0.4, 0.1),
    (0.3, 0.5, 0.2),
    (0.5, 0.2, 0.3),
    (0.2, 0.2, 0.6),
    (0.6, 0.2, 0.2),
    (0.3, 0.6, 0.1),
)


def alignments(label, frames):
    """Return the paths that read as a label, with a class for each frame: 0 is the blank.

    Parameters
    ----------
    label : str
        Of the letters a and b.
    frames : int

    Returns
    -------
    list of tuple of int

    Examples
    --------
    >>> alignments("ab", 2), len(alignments("ab", 3))
    ([(1, 2)], 5)
    """
    return [path for path in product(range(3), repeat=frames) if _read(path) == label]


def _read(path):
    """Return what a path reads as: repeats are merged, and then blanks go."""
    return "".join(SIGNS[k] for k, _ in groupby(path) if k)


def ctc_trellis(p=MUMBLED, label="aba", *, name="ctc-trellis"):
    """Return a figure of the trellis of a label, with probabilities to drag.

    Each frame is a bar of three probabilities, and beside it is what the loss asks for: the share
    of all paths that are at this class in this frame.  Below, a dot is as large as the share of
    the paths through a state, and a line as thick as the share of those that take this step.

    Parameters
    ----------
    p : array_like, shape (6, 3)
        Blank, a and b in each of the six frames.
    label : {"aba", "ab", "aa"}
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If there are other than six rows of three positive probabilities, or with another label.

    Examples
    --------
    >>> print(ctc_trellis(label="ab").text)
    ab: 70 paths, P = 0.1199, loss −log P = 2.121
    the likeliest, − a − b − −, has 11.3% of P
    """
    p = np.asarray(p, dtype=float)
    if p.shape != (6, 3) or not (p > 0).all() or not np.allclose(p.sum(axis=1), 1):
        raise ValueError("expected six rows of three positive probabilities that sum to 1")
    if label not in LABELS:
        raise ValueError(f"expected one of {', '.join(LABELS)}, got {label!r}")
    paths = alignments(label, len(p))
    chances = [prod(p[t, k] for t, k in enumerate(path)) for path in paths]
    total, best = sum(chances), max(chances)
    likeliest = " ".join(SIGNS[k] for k in paths[chances.index(best)])
    text = (
        f"{label}: {len(paths)} paths, P = {number(total, 4)}, "
        f"loss −log P = {number(-log(total), 3)}\n"
        f"the likeliest, {likeliest}, has {number(100 * best / total, 1)}% of P"
    )
    return DraggableFigure(
        name=name,
        kind="trellis",
        alt="Six bars, one per frame, cut into the probabilities of the blank, a and b, and beside "
        "each a thin bar of what the loss asks for. Below them the states of the label, one row "
        "each, with a dot per frame as large as the share of the paths through it, lines for the "
        "steps of these paths, and a dashed line for the likeliest path.",
        text=text,
        data={"p": p.tolist(), "label": label, "labels": LABELS},
    )
