"""Huffman's tree of eight words, and words drawn from their frequencies."""

import numpy as np

import smnn
from smnn_book.draggable import DraggableFigure, number

WORDS = "the of and to in cat moss quark".split()
PRESETS = {
    "Zipf": [64, 32, 21, 16, 13, 11, 9, 8],
    "powers of two": [64, 32, 16, 8, 4, 2, 1, 1],
    "all equal": [8] * 8,
    "one word rules": [64, 1, 1, 1, 1, 1, 1, 1],
}
UNIFORMS = np.random.default_rng(7).random(200).round(3).tolist()


def entropy_and_mean_length(counts):
    """Return the entropy of frequencies in bits, and the mean code length of Huffman's tree.

    Parameters
    ----------
    counts : array_like, shape (V,)

    Returns
    -------
    H, L : float

    Examples
    --------
    >>> entropy_and_mean_length([4, 2, 1, 1])
    (1.75, 1.75)
    """
    p = np.asarray(counts) / np.sum(counts)
    lengths = smnn.HierarchicalSoftmax.from_counts(counts, 1).code_lengths
    return float(-(p * np.log2(p)).sum()), float(p @ lengths)


def huffman_tree(counts=None, drawn=0, *, name="huffman-tree"):
    """Return a figure of Huffman's tree, with frequencies to drag and words to draw.

    The words are in order of frequency. A line across each bar is the share that the tree gives
    the word, 2 to the power of minus its steps; where all lines meet their bars, the mean number
    of steps is the entropy.

    Parameters
    ----------
    counts : array_like of int, shape (8,), optional
        From the most frequent word on, between 1 and 96; Zipf's law if not given.
    drawn : int
        How many words are drawn at first, at most 200.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If the counts are not eight in order and in range, or more words are drawn.

    Examples
    --------
    >>> print(huffman_tree([64, 32, 16, 8, 4, 2, 1, 1], drawn=2).text)
    H = 1.984 bits, L = 1.984, which is 0.000 more
    2 drawn: 3.000 steps on average, “to” took 4
    """
    counts = np.array(PRESETS["Zipf"] if counts is None else counts)
    in_order = counts.shape == (8,) and (np.diff(counts) <= 0).all()
    if not in_order or counts[0] > 96 or counts[-1] < 1:
        raise ValueError("expected eight counts from 96 to 1 at most, the largest first")
    if not 0 <= drawn <= len(UNIFORMS):
        raise ValueError(f"expected at most {len(UNIFORMS)} words drawn, got {drawn}")
    H, L = entropy_and_mean_length(counts)
    told = "no word drawn yet"
    if drawn:
        lengths = smnn.HierarchicalSoftmax.from_counts(counts, 1).code_lengths
        at = np.array(UNIFORMS[:drawn]) * counts.sum()
        draws = np.searchsorted(np.cumsum(counts), at, side="right")
        told = (
            f"{drawn} drawn: {number(lengths[draws].mean(), 3)} steps on average, "
            f"“{WORDS[draws[-1]]}” took {lengths[draws[-1]]}"
        )
    bits = f"H = {number(H, 3)} bits, L = {number(L, 3)}, which is {number(L - H, 3)} more"
    return DraggableFigure(
        name=name,
        kind="huffman",
        alt="A binary tree whose leaves are eight words, the frequent ones near the root. Below it "
        "a bar for the frequency of each word, with a line across it for the share that the tree "
        "gives it. At the bottom three bars: entropy, mean length of the paths, and mean length "
        "of the paths of the words drawn.",
        text=f"{bits}\n{told}",
        data={
            "w": counts.tolist(),
            "drawn": drawn,
            "words": WORDS,
            "uniforms": UNIFORMS,
            "presets": [{"label": label, "w": w} for label, w in PRESETS.items()],
        },
    )
