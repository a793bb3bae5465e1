"""Real text without a download: the docstrings of an installed package."""

import re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np

#: Folders that are not read: the tests, and what NumPy has up to Python 3.11 only.
LEFT_OUT = {"tests", "distutils"}


def read_docstrings(package):
    """Return the docstrings of a package, each as a list of words in lower case.

    Read are the texts in triple quotes in the Python files, without the tests, without lines of
    examples, and each text once.  Of NumPy, ``numpy.distutils`` is left out, which is there up to
    Python 3.11 only, so that the text is the same with every version of Python.

    Parameters
    ----------
    package : str
        A package that is installed.  It is not imported.

    Returns
    -------
    list of list of str

    Examples
    --------
    >>> len(read_docstrings("numpy")) > 1000
    True
    """
    root = Path(find_spec(package).origin).parent
    texts = {}
    for file in sorted(root.rglob("*.py")):
        if LEFT_OUT.isdisjoint(file.relative_to(root).parts):
            found = re.findall(r'"""(.*?)"""', file.read_text(encoding="utf-8"), re.DOTALL)
            texts.update(dict.fromkeys(found))
    return [list(_words(text)) for text in texts]


def _words(text):
    """Yield the words of a docstring, without the lines of its examples."""
    for line in text.splitlines():
        if not line.lstrip().startswith((">>>", "...")):
            yield from re.findall(r"[a-z]+", line.lower())


class Corpus:
    """Words as numbers, from the most frequent on, and pairs of a word and the next.

    Of ten texts eight are for training, one for validation and one for the test.

    Parameters
    ----------
    texts : list of list of str
    least_count : int
        Words that occur less often in all texts together are left out.

    Attributes
    ----------
    words : list of str
    counts : ndarray of int, shape (V,)
        How often each word is the next word in the training texts, plus 1.
    train, validation, test : tuple of two arrays
        The words, and the word after each.

    Examples
    --------
    >>> corpus = Corpus([["a", "b", "a"]] * 10, least_count=1)
    >>> corpus.words, [len(corpus.train[0]), len(corpus.test[0])]
    (['a', 'b'], [16, 2])
    >>> corpus.windows(2).shape
    (2, 48)
    """

    def __init__(self, texts, least_count):
        counts = Counter(word for text in texts for word in text)
        self.words = [word for word, n in counts.most_common() if n >= least_count]
        number = {word: i for i, word in enumerate(self.words)}
        parts = {"train": [], "validation": [], "test": []}
        self._texts = []
        for i, text in enumerate(texts):
            part = {8: "validation", 9: "test"}.get(i % 10, "train")
            kept = np.array([number[word] for word in text if word in number], np.int64)
            parts[part].append(np.stack([kept[:-1], kept[1:]]))
            if part == "train":
                self._texts.append(kept)
        self.train, self.validation, self.test = (
            tuple(np.concatenate(part, axis=1)) for part in parts.values()
        )
        self.counts = 1 + np.bincount(self.train[1], minlength=len(self.words))

    def windows(self, reach):
        """Return all pairs of words of the training texts that are near one another.

        Parameters
        ----------
        reach : int
            How many words apart they may be.

        Returns
        -------
        ndarray of int, shape (2, number of pairs)
            Every pair in both orders.
        """
        pairs = []
        for distance in range(1, reach + 1):
            for text in self._texts:
                pairs.append(np.stack([text[:-distance], text[distance:]]))
        pairs = np.concatenate(pairs, axis=1)
        return np.concatenate([pairs, pairs[::-1]], axis=1)
