"""Softmax in three float types: scores that walk off a cliff, and a shift that saves them."""

import numpy as np

from smnn_book.draggable import DraggableFigure, number, row

TYPES = {"float16": np.float16, "float32": np.float32, "float64": np.float64}
MOST = 1000.0


def plain_and_safe(scores, shift, dtype):
    """Return the steps of softmax in a float type, as they are and with the largest subtracted.

    Parameters
    ----------
    scores : array_like
    shift : float
        What is added to all scores before they are rounded.
    dtype : dtype

    Returns
    -------
    moved : ndarray
        The scores in the type.
    plain, safe : tuple of (exponentials, probabilities)

    Examples
    --------
    >>> moved, plain, safe = plain_and_safe([2.0, 1.0, 0.0], 88.0, np.float32)
    >>> plain[1], safe[1].round(3)
    (array([nan, nan,  0.], dtype=float32), array([0.665, 0.245, 0.09 ], dtype=float32))
    """
    moved = (np.asarray(scores, dtype=float) + shift).astype(dtype)
    results = []
    for z in (moved, moved - moved.max()):
        with np.errstate(all="ignore"):  # the failures are the point
            e = np.exp(z)
            results.append((e, e / e.sum()))
    return moved, *results


def _short(value):
    """Write an exponential as the script does."""
    value = float(value)
    if not np.isfinite(value):
        return "nan" if np.isnan(value) else "inf"
    if value == 0:
        return "0"
    return number(value, 3) if 0.001 <= value < 1000 else f"{value:.2e}".replace("-", "−")


def walk_off_the_mesa(scores=(2.0, 1.0, 0.0), shift=0.0, dtype="float32", *, name="mesa"):
    """Return a figure of three scores that are shifted together, in three float types.

    A map shows how many significant bits the exponential has, with a cliff beyond which it is
    infinite.  The scores are on it twice: as they are, and with the largest subtracted.

    Parameters
    ----------
    scores : sequence of float
        Three scores.
    shift : float
        What is added to all of them at first, between -1000 and 1000.
    dtype : {"float16", "float32", "float64"}
        The float type at first.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If there are not three scores, or shift or type are out of range.

    Examples
    --------
    >>> print(walk_off_the_mesa(shift=87.0).text)
    float32, z = (89.00, 88.00, 87.00)
    as they are: exp(z) = (inf, 1.65e+38, 6.08e+37), p = (nan, 0.000, 0.000)
    the largest subtracted: exp = (1.000, 0.368, 0.135), p = (0.665, 0.245, 0.090)
    """
    if np.shape(scores) != (3,):
        raise ValueError(f"expected three scores, got {scores}")
    if not -MOST <= shift <= MOST:
        raise ValueError(f"expected a shift between -1000 and 1000, got {shift}")
    if dtype not in TYPES:
        raise ValueError(f"expected one of {', '.join(TYPES)}, got {dtype!r}")
    moved, plain, safe = plain_and_safe(scores, shift, TYPES[dtype])
    listed = lambda values: "(" + ", ".join(map(_short, values)) + ")"  # noqa: E731
    text = (
        f"{dtype}, z = {row(moved.astype(float), 2)}\n"
        f"as they are: exp(z) = {listed(plain[0])}, p = {row(plain[1].astype(float), 3)}\n"
        f"the largest subtracted: exp = {listed(safe[0])}, p = {row(safe[1].astype(float), 3)}"
    )
    return DraggableFigure(
        name=name,
        kind="mesa",
        alt="A map of where the exponential works, as a flat-topped mountain for each float type,"
        " with a cliff on its right. Three filled dots are the scores, three open ones the "
        "same with the largest subtracted. Below are the probabilities that either gives.",
        text=text,
        data={"z": list(scores), "shift": shift, "type": dtype},
    )
