"""Text as numbers, one for each character, and what counting alone makes of it."""

import numpy as np

from .docstrings import read_docstrings


class Characters:
    """A text as numbers, and its parts for training, validation and test.

    Parameters
    ----------
    train, validation, test : str

    Attributes
    ----------
    letters : str
        The characters that occur, sorted.
    train, validation, test : ndarray of int
        The place of each character in ``letters``.

    Examples
    --------
    >>> text = Characters("abba", "a b", "b")
    >>> text.letters, text.validation, text.decode([1, 2])
    (' ab', array([1, 0, 2]), 'ab')
    """

    def __init__(self, train, validation, test):
        self.letters = "".join(sorted(set(train + validation + test)))
        self.train, self.validation, self.test = map(self.encode, (train, validation, test))

    def encode(self, text):
        """Return the place of each character."""
        place = {letter: i for i, letter in enumerate(self.letters)}
        return np.array([place[letter] for letter in text])

    def decode(self, places):
        """Return the characters at these places, as a string."""
        return "".join(self.letters[i] for i in places)


def docstring_characters(package="numpy"):
    r"""Return the docstrings of a package as characters.

    They are words in lower case, with a space between two and a new line after each text.  Of ten
    texts eight are for training, one for validation and one for the test.

    Parameters
    ----------
    package : str
        A package that is installed.

    Returns
    -------
    Characters

    Examples
    --------
    >>> docstring_characters().letters
    '\n abcdefghijklmnopqrstuvwxyz'
    """
    parts = {"train": [], "validation": [], "test": []}
    for i, words in enumerate(read_docstrings(package)):
        parts[{8: "validation", 9: "test"}.get(i % 10, "train")].append(" ".join(words) + "\n")
    return Characters(*("".join(part) for part in parts.values()))


def ngram_probabilities(train, text, n, size, strength):
    r"""Return the probability of each character of a text, by counts of n in a row.

    .. math:: p_n(c \mid a) = \frac{\#(a c) + s\, p_{n-1}(c \mid a')}{\#(a) + s}

    where a is the n − 1 characters before c, a′ all of them but the first, and p₀ is uniform.
    At the start of the text, where there are fewer characters before, n is smaller.

    Parameters
    ----------
    train, text : ndarray of int
        Characters as numbers below ``size``; the first is counted, the second is judged.
    n : int
        1 for the frequencies of characters, 2 for pairs, 3 for triples.
    size : int
        How many characters there are.
    strength : float
        s, how many counts the shorter context is worth.

    Returns
    -------
    ndarray, shape (len(text),)

    Examples
    --------
    >>> ngram_probabilities(np.array([0, 1] * 50), np.array([0, 1, 0]), 2, 2, 1.0).round(2)
    array([0.5 , 0.99, 0.99])
    """
    p = np.full(len(text), 1 / size)
    for length in range(1, n + 1):
        grams, looked_up = _windows(train, length, size), _windows(text, length, size)
        whole = _counts(grams, looked_up)
        context = _counts(grams // size, looked_up // size)
        p[length - 1 :] = (whole + strength * p[length - 1 :]) / (context + strength)
    return p


def _windows(text, length, size):
    """Return each run of this many characters as one number."""
    last = len(text) - length + 1
    return sum(
        text[k : last + k].astype(np.int64) * size ** (length - 1 - k) for k in range(length)
    )


def _counts(found, looked_up):
    """Return how often each number that is looked up was found."""
    values, counts = np.unique(found, return_counts=True)
    place = np.minimum(np.searchsorted(values, looked_up), len(values) - 1)
    return np.where(values[place] == looked_up, counts[place], 0)
