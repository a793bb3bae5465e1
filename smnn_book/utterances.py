"""Real sequences of different lengths: nine people who say two vowels.

The data are those of M. Kudo, J. Toyama and M. Shimbo, "Japanese Vowels", UCI Machine Learning
Repository, 2000, https://doi.org/10.24432/C5NS47, under CC BY 4.0.  They were changed in one
way: the numbers are rounded to thousandths.  ``tools/japanese_vowels.py`` makes the file.
"""

from collections import namedtuple

import numpy as np

from .results import kept_arrays

CHECKSUM = "9116fbf64410d45e25362e3431f23c3826ce1f960dbcdc8e2946eb993db6ce5f"

Utterances = namedtuple("Utterances", ["x", "lengths", "y"])


def load_japanese_vowels():
    """Return the utterances to train on, and those of the test.

    Nine men said the vowels a and e one after the other; who was it?  Each frame, 6.4 ms after
    the one before, is described by 12 coefficients.

    Returns
    -------
    train, test : Utterances
        270 and 370 utterances: ``x`` of shape (N, 29, 12), 0 past the end, ``lengths`` from 7 to
        29, and the speaker ``y`` from 0 to 8.

    Raises
    ------
    ValueError
        If the file is not the one that the book was written with.

    Examples
    --------
    >>> train, test = load_japanese_vowels()
    >>> train.x.shape, test.x.shape
    ((270, 29, 12), (370, 29, 12))
    >>> int(train.lengths.min()), int(train.lengths.max())
    (7, 26)
    """
    file = kept_arrays("japanese_vowels", CHECKSUM)
    frames, lengths, y = file["thousandths"] / 1000, file["lengths"], file["speakers"]
    x = np.zeros((len(lengths), lengths.max(), frames.shape[1]))
    x[np.arange(lengths.max()) < lengths[:, None]] = frames
    lengths, y = lengths.astype(np.int64), y.astype(np.int64)
    return tuple(Utterances(x[s], lengths[s], y[s]) for s in (slice(270), slice(270, None)))
