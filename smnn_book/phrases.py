"""Phrases with a sentiment at every node: a small grammar, its trees, and a recursive network.

A phrase is an adjective, or one of

- ``not X``, which turns the sentiment of X, and ``really X``, which does not;
- ``X but Y``, where Y counts, and ``X though Y``, where X counts.

X and Y are phrases again.  Trees are binary: ``X but Y`` is (X, (but, Y)).  A node that has no
sentiment, as a lone "not" has none, is neutral.
"""

from typing import NamedTuple

import numpy as np

import smnn

POSITIVE = ("good", "fine", "fresh", "warm", "clever", "bright")
NEGATIVE = ("bad", "dull", "stale", "cold", "silly", "grim")
FUNCTION = ("not", "really", "but", "though")
WORDS = POSITIVE + NEGATIVE + FUNCTION
TOKENS = (*WORDS, "(", ")")
NUMBER = {token: k for k, token in enumerate(TOKENS)}
CLASSES = ("negative", "neutral", "positive")


def random_phrase(depth, rng):
    """Return a random phrase of this depth: an adjective, or a pair (left, right) of phrases.

    Examples
    --------
    >>> random_phrase(2, np.random.default_rng(4))
    (('bad', ('though', 'silly')), ('but', ('not', 'bright')))
    """
    if depth == 0:
        return str(rng.choice(POSITIVE + NEGATIVE))
    word = str(rng.choice(FUNCTION))
    inner = random_phrase(depth - 1, rng)
    if word in ("not", "really"):
        return (word, inner)
    other = random_phrase(int(rng.integers(depth)), rng)
    left, right = (inner, other) if rng.random() < 0.5 else (other, inner)
    return (left, (word, right))


def label(phrase):
    """Return the class of a phrase, or of a node of it: 0 negative, 1 neutral, 2 positive.

    Examples
    --------
    >>> label(("not", "good")), label(("good", ("but", "dull"))), label(("though", "dull"))
    (0, 0, 1)
    """
    if isinstance(phrase, str):
        return 2 if phrase in POSITIVE else 0 if phrase in NEGATIVE else 1
    left, right = phrase
    if left == "not":
        return 2 - label(right)
    if left in ("really", "but"):
        return label(right)
    if left == "though":
        return 1
    return label(left) if right[0] == "though" else label(right)


def words(phrase):
    """Return the words of a phrase, in order."""
    return [phrase] if isinstance(phrase, str) else words(phrase[0]) + words(phrase[1])


def tokens(phrase):
    """Return the words with brackets around every part that is no single word.

    Examples
    --------
    >>> " ".join(tokens(("not", ("good", ("but", "dull")))))
    'not ( good but dull )'
    """
    if isinstance(phrase, str):
        return [phrase]
    left, right = phrase
    if right[0] in ("but", "though"):
        return [*_bracketed(left), right[0], *_bracketed(right[1])]
    return [*tokens(left), *_bracketed(right)]


def _bracketed(phrase):
    inner = tokens(phrase)
    return inner if len(inner) == 1 else ["(", *inner, ")"]


def parts(phrase):
    """Return all nodes of a phrase, itself first."""
    if isinstance(phrase, str):
        return [phrase]
    return [phrase, *parts(phrase[0]), *parts(phrase[1])]


def _adjectives(phrase, path=()):
    """Yield the path to every adjective and whether it is positive."""
    if isinstance(phrase, str):
        if phrase not in FUNCTION:
            yield path, phrase in POSITIVE
    else:
        for side in (0, 1):
            yield from _adjectives(phrase[side], (*path, side))


def _deciding(phrase):
    """Return the path to the adjective on which the label of a phrase depends."""
    if isinstance(phrase, str):
        return ()
    side = 0 if phrase[1][0] == "though" else 1
    return (side, *_deciding(phrase[side]))


def _at(phrase, path):
    return phrase if not path else _at(phrase[path[0]], path[1:])


def _replaced(phrase, path, word):
    if not path:
        return word
    pair = list(phrase)
    pair[path[0]] = _replaced(pair[path[0]], path[1:], word)
    return tuple(pair)


def twin(phrase, rng):
    """Return a phrase of the same words, two of them exchanged, with the opposite sentiment.

    The adjective that decides changes places with one of the other sentiment.  None is returned
    where there is none.

    Examples
    --------
    >>> twin(("good", ("but", ("not", "dull"))), np.random.default_rng(0))
    ('dull', ('but', ('not', 'good')))
    """
    path = _deciding(phrase)
    word = _at(phrase, path)
    others = [p for p, positive in _adjectives(phrase) if positive != (word in POSITIVE)]
    if not others:
        return None
    other = others[rng.integers(len(others))]
    return _replaced(_replaced(phrase, path, _at(phrase, other)), other, word)


def pairs(number, depth, rng, *, without=()):
    """Return pairs of twins of this depth, none of which is among others, as a flat list."""
    seen, found = set(without), []
    while len(found) < 2 * number:
        phrase = random_phrase(depth, rng)
        other = twin(phrase, rng)
        if other is not None and not seen & {phrase, other}:
            seen |= {phrase, other}
            found += [phrase, other]
    return found


class Forest(NamedTuple):
    """The nodes of several trees as arrays; a node comes after its two children.

    ``word`` is −1 and ``left`` and ``right`` are the numbers of the children where a node has any.
    ``levels`` has the inner nodes of height 1, 2, ..., and ``roots`` the node of each tree.
    """

    word: np.ndarray
    left: np.ndarray
    right: np.ndarray
    label: np.ndarray
    levels: list
    roots: np.ndarray


def forest(phrases):
    """Return the trees of phrases as a Forest.

    Examples
    --------
    >>> trees = forest([("not", "good"), "dull"])
    >>> trees.word, trees.label, trees.roots
    (array([12,  0, -1,  7]), array([1, 2, 0, 0]), array([2, 3]))
    """
    rows, heights = [], []

    def add(phrase):
        if isinstance(phrase, str):
            rows.append((NUMBER[phrase], -1, -1, label(phrase)))
            heights.append(0)
        else:
            left, right = add(phrase[0]), add(phrase[1])
            rows.append((-1, left, right, label(phrase)))
            heights.append(1 + max(heights[left], heights[right]))
        return len(rows) - 1

    roots = np.array([add(phrase) for phrase in phrases])
    word, left, right, labels = np.array(rows).T
    heights = np.array(heights)
    levels = [np.flatnonzero(heights == k) for k in range(1, heights.max() + 1)]
    return Forest(word, left, right, labels, levels, roots)


class RecursiveNetwork:
    """One layer that makes a vector of two, at every node of a tree, and a softmax on each.

    .. math:: h = \\tanh([h_{left}, h_{right}] W + b), \\qquad z = h V + c

    The vector of a word is a row of E.

    Parameters
    ----------
    units : int
    rng : int or numpy.random.Generator
    """

    def __init__(self, units, rng):
        rng = np.random.default_rng(rng)
        self.params = {
            "E": rng.normal(size=(len(WORDS), units)) * 0.5,
            "W": smnn.glorot((2 * units, units), rng=rng),
            "b": np.zeros(units),
            "V": smnn.glorot((units, 3), rng=rng),
            "c": np.zeros(3),
        }

    def forward(self, trees):
        """Return the logits of all nodes (n, 3), and the backward pass, which returns gradients."""
        E, W, b, V, c = self.params.values()
        leaves = np.flatnonzero(trees.word >= 0)
        h = np.empty((len(trees.word), len(b)))
        h[leaves] = E[trees.word[leaves]]
        for nodes in trees.levels:
            both = np.concatenate([h[trees.left[nodes]], h[trees.right[nodes]]], axis=1)
            h[nodes] = np.tanh(both @ W + b)

        def backward(dz):
            dh = dz @ V.T
            dE, dW, db = np.zeros_like(E), np.zeros_like(W), np.zeros_like(b)
            for nodes in reversed(trees.levels):
                left, right = trees.left[nodes], trees.right[nodes]
                da = dh[nodes] * (1 - h[nodes] ** 2)
                dW += np.concatenate([h[left], h[right]], axis=1).T @ da
                db += da.sum(axis=0)
                to_left, to_right = np.split(da @ W.T, 2, axis=1)
                dh[left] += to_left  # its own softmax, and its parent
                dh[right] += to_right
            np.add.at(dE, trees.word[leaves], dh[leaves])
            return {"E": dE, "W": dW, "b": db, "V": h.T @ dz, "c": dz.sum(axis=0)}

        return h @ V + c, backward

    def fit(self, phrases, *, rate, epochs, rng, batch=25):
        """Train on the labels of all nodes; return the mean loss of every epoch."""
        rng, optimizer, losses = np.random.default_rng(rng), smnn.Adam(rate), []
        for _ in range(epochs):
            order, total = rng.permutation(len(phrases)), []
            for start in range(0, len(order), batch):
                trees = forest([phrases[k] for k in order[start : start + batch]])
                z, backward = self.forward(trees)
                loss, dz = smnn.softmax_cross_entropy(z, trees.label)
                grads = backward(dz)
                smnn.clip_gradients(grads, 1.0)
                optimizer.step(self.params, grads)
                total.append(loss)
            losses.append(float(np.mean(total)))
        return losses

    def predict(self, phrases):
        """Return the class of the root of each phrase."""
        trees = forest(phrases)
        return self.forward(trees)[0][trees.roots].argmax(axis=1)
