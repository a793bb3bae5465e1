"""Attention in tiles: a sweep over the keys, and what a query keeps meanwhile."""

import numpy as np

from smnn import attention
from smnn_book.draggable import DraggableFigure, number, row

KEYS = 16
TILES = (1, 2, 4, 8)


def queries_keys_values():
    """Return sixteen queries, keys and values of two numbers each.

    Returns
    -------
    q, k, v : ndarray, shape (16, 2)

    Examples
    --------
    >>> [part.shape for part in queries_keys_values()]
    [(16, 2), (16, 2), (16, 2)]
    """
    rng = np.random.default_rng(49)
    return tuple(
        (scale * rng.normal(size=(KEYS, 2))).clip(-1.8, 1.8).round(2) for scale in (1.2, 1.2, 1)
    )


def sweep_of(query, seen):
    """Return what one query keeps after the first keys: largest score, sum, output.

    Parameters
    ----------
    query : int
        From 0 to 15.
    seen : int
        How many keys, from 1 to 16.

    Returns
    -------
    m, s : float
        The largest score, and the sum of the exponentials of the scores minus it.
    out : ndarray, shape (2,)
        Attention over these keys.

    Examples
    --------
    >>> m, s, out = sweep_of(0, 1)
    >>> s, bool((out == queries_keys_values()[2][0]).all())
    (1.0, True)
    """
    q, k, v = queries_keys_values()
    scores = q[query] @ k[:seen].T / np.sqrt(2)
    out, _ = attention(q[query : query + 1], k[:seen], v[:seen])
    return float(scores.max()), float(np.exp(scores - scores.max()).sum()), out[0]


def attention_tiles(query=3, seen=8, tile=4, *, name="attention-tiles"):
    """Return a figure of attention in tiles, swept over the keys.

    Of the square of scores one tile exists at a time. A query keeps its largest score, the sum of
    exponentials and the output, which is a point among the values and moves with every tile.

    Parameters
    ----------
    query : int
        Which query is followed at first, from 0 to 15.
    seen : int
        How many keys it has seen at first.
    tile : {1, 2, 4, 8}
        How many keys and queries a tile has.
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
    >>> print(attention_tiles(seen=0).text)
    query 4, 0 of 16 keys in tiles of 4: nothing is kept yet
    """
    if not 0 <= query < KEYS or not 0 <= seen <= KEYS:
        raise ValueError(f"expected a query below 16 and at most 16 keys, got {query} and {seen}")
    if tile not in TILES:
        raise ValueError(f"expected a tile of 1, 2, 4 or 8, got {tile}")
    text = f"query {query + 1}, {seen} of {KEYS} keys in tiles of {tile}: nothing is kept yet"
    if seen:
        m, s, out = sweep_of(query, seen)
        start = (seen - 1) // tile * tile
        rescale = np.exp(sweep_of(query, start)[0] - m) if start else 1
        last = f", after times {number(rescale, 3)} for a larger score" if rescale < 1 else ""
        text = (
            f"query {query + 1}, {seen} of {KEYS} keys in tiles of {tile}: m = {number(m, 3)}, "
            f"s = {number(s, 3)}{last}, output {row(out, 3)}\n"
            f"at work: {tile**2} scores of {KEYS**2}"
        )
    q, k, v = queries_keys_values()
    return DraggableFigure(
        name=name,
        kind="tiles",
        alt="A square of scores, one row per query and one column per key, of which one tile is "
        "filled. Beside it the values as points, as large as their weights, and the output that "
        "moves among them with every tile.",
        text=text,
        data={
            "scores": (q @ k.T / np.sqrt(2)).tolist(),
            "values": v.tolist(),
            "query": query,
            "seen": seen,
            "tile": tile,
        },
    )
