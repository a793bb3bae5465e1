"""Dates in seven languages, and a network that writes them as 2026-11-27."""

import datetime

import numpy as np
from babel.dates import format_date

import smnn

#: The languages of the texts, by their codes.
LANGUAGES = {
    "de": "German", "en": "English", "es": "Spanish", "fr": "French", "it": "Italian",
    "nl": "Dutch", "pt": "Portuguese",
}  # fmt: skip
#: What an answer is made of.
SYMBOLS = "0123456789-"

_FORMS = ("medium", "long", "full", "d MMM y")
_FIRST, _DAYS = datetime.date(1950, 1, 1), 80 * 365
_PARTS = {"train": range(8), "validation": (8,), "test": (9,)}


def dates_in_words(part, count, rng, languages=tuple(LANGUAGES)):
    """Return dates of the years 1950 to 2029 as people write them, and as ISO 8601 does.

    Of ten days in a row eight are for training, one for validation and one for the test, so
    that no day of the test is met in training, in whatever language.

    Parameters
    ----------
    part : str
        ``"train"``, ``"validation"`` or ``"test"``.
    count : int
    rng : Generator
    languages : sequence of str, optional
        Codes of languages; all seven if not given.

    Returns
    -------
    texts, dates : list of str

    Examples
    --------
    >>> dates_in_words("train", 1, np.random.default_rng(3))
    (['nov 16, 2014'], ['2014-11-16'])
    """
    texts, dates = [], []
    while len(texts) < count:
        day = int(rng.integers(_DAYS))
        form, language = _FORMS[rng.integers(len(_FORMS))], languages[rng.integers(len(languages))]
        if day % 10 in _PARTS[part]:
            date = _FIRST + datetime.timedelta(days=day)
            texts.append(format_date(date, form, locale=language).lower())
            dates.append(date.isoformat())
    return texts, dates


def alphabet_of(texts):
    """Return the characters of texts, sorted; number 0 is kept for what is none of them.

    Examples
    --------
    >>> alphabet_of(["mai 3", "3 mai"])
    ' 3aim'
    """
    return "".join(sorted(set("".join(texts))))


def as_numbers(texts, alphabet):
    """Return characters as their place in the alphabet, from 1 on, and the lengths of texts.

    Examples
    --------
    >>> as_numbers(["ab", "c"], "abc")
    (array([[1, 2],
           [3, 0]]), array([2, 1]))
    """
    lengths = np.array([len(text) for text in texts])
    x = np.zeros((len(texts), lengths.max()), dtype=int)
    for row, text in zip(x, texts, strict=True):
        row[: len(text)] = [alphabet.find(letter) + 1 for letter in text]
    return x, lengths


def as_symbols(dates):
    """Return the symbols of dates in ISO form as numbers, shape (N, 10).

    Examples
    --------
    >>> as_symbols(["2026-11-27"])
    array([[ 2,  0,  2,  6, 10,  1,  1, 10,  2,  7]])
    """
    return np.array([[SYMBOLS.index(symbol) for symbol in date] for date in dates])


class DateReader:
    r"""Read a date with two layers that see five characters, and write it with ten queries.

    .. math:: c_t = \operatorname{softmax}(q_t H^\top / \sqrt d) \, H, \qquad z_t = c_t W_t + b_t

    H are the states of the characters.  Each symbol t of the answer has a query, weights and a
    softmax of its own.

    Parameters
    ----------
    symbols : int
        How many numbers a character can be, with 0.
    width : int, default 48
        d.
    uniform : bool, default False
        Whether every query is 0, for good: the attention is then the same for all characters.
    dtype : dtype, default float32
    rng : None, int or Generator

    Examples
    --------
    >>> x, lengths = as_numbers(["3 mai", "27.11.2026"], ". 0123567aim")
    >>> logits, backward = DateReader(13, rng=0).forward(x, lengths)
    >>> logits.shape, sorted(backward(np.ones_like(logits)))
    ((2, 10, 11), ['E', 'Q', 'W1', 'W2', 'Wo', 'b1', 'b2', 'bo'])
    """

    def __init__(self, symbols, *, width=48, uniform=False, dtype="float32", rng=None):
        rng, embedding = np.random.default_rng(rng), width // 2
        shapes = {
            "E": (symbols, embedding), "W1": (5 * embedding, width), "b1": (width,),
            "W2": (5 * width, width), "b2": (width,), "Q": (10, width),
            "Wo": (10, width, 11), "bo": (10, 11),
        }  # fmt: skip
        spread = {"E": 1, "Q": 1, "W1": shapes["W1"][0], "W2": shapes["W2"][0], "Wo": width}
        self.params = {
            name: (rng.standard_normal(shape) / np.sqrt(spread[name])).astype(dtype)
            if name in spread
            else np.zeros(shape, dtype)
            for name, shape in shapes.items()
        }
        self.uniform = uniform
        if uniform:
            self.params["Q"][:] = 0

    def states(self, x, lengths):
        """Return H for characters (N, L), of shape (N, L, d), and the backward pass."""
        w = self.params
        # Behind its end a text is 0 in every layer, or the answer would depend on how far the
        # other texts of the batch reach.
        text = _is_text(x, lengths)[..., None]
        seen1 = _window(w["E"][x] * text)
        h1 = np.tanh(seen1 @ w["W1"] + w["b1"]) * text
        seen2 = _window(h1)
        h2 = np.tanh(seen2 @ w["W2"] + w["b2"])

        def backward(dh2):
            da2 = dh2 * (1 - h2 * h2)
            da1 = _window_vjp(da2 @ w["W2"].T) * (1 - h1 * h1) * text
            de = _window_vjp(da1 @ w["W1"].T) * text
            characters = smnn.one_hot(x.ravel(), len(w["E"]), dtype=de.dtype)
            return {
                "E": characters.T @ de.reshape(-1, de.shape[-1]),
                "W1": _rows(seen1).T @ _rows(da1), "b1": da1.sum((0, 1)),
                "W2": _rows(seen2).T @ _rows(da2), "b2": da2.sum((0, 1)),
            }  # fmt: skip

        return h2, backward

    def forward(self, x, lengths):
        """Return the logits (N, 10, 11) for characters (N, L), and the backward pass."""
        w = self.params
        h, states_backward = self.states(x, lengths)
        Q = np.broadcast_to(w["Q"], (len(x), *w["Q"].shape))
        c, attention_backward = smnn.attention(Q, h, h, mask=_is_text(x, lengths)[:, None])
        z = np.einsum("ntd,tdk->ntk", c, w["Wo"], optimize=True) + w["bo"]

        def backward(dz):
            grads = {"Wo": np.einsum("ntd,ntk->tdk", c, dz, optimize=True), "bo": dz.sum(0)}
            dQ, dk, dv = attention_backward(np.einsum("ntk,tdk->ntd", dz, w["Wo"], optimize=True))
            grads["Q"] = np.zeros_like(w["Q"]) if self.uniform else dQ.sum(0)
            return grads | states_backward(dk + dv)

        return z, backward

    def attention(self, x, lengths):
        """Return the weights of every query, of shape (N, 10, L)."""
        h, _ = self.states(x, lengths)
        scores = self.params["Q"] @ h.swapaxes(1, 2) / np.sqrt(h.shape[-1])
        return smnn.softmax(np.where(_is_text(x, lengths)[:, None], scores, -np.inf))

    def read(self, x, lengths):
        """Return the symbols that are likeliest, shape (N, 10)."""
        return self.forward(x, lengths)[0].argmax(axis=-1)


def train_reader(reader, data, *, rate, steps, seed, batch=64, watch=None, every=50):
    """Train a reader with Adam, whose rate falls to 0 along half a cosine.

    Parameters
    ----------
    reader : DateReader
    data : tuple of x, lengths, symbols
        What `as_numbers` and `as_symbols` return.
    rate : float
    steps, seed, batch : int
    watch : tuple, optional
        The same of other dates, which are read now and then.
    every : int, default 50
        How often.

    Returns
    -------
    list of float
        The share of watched dates that are exact, after every so many steps.

    Examples
    --------
    >>> data = (*as_numbers(["3 mai 2026"], " 0236aim"), as_symbols(["2026-05-03"]))
    >>> train_reader(DateReader(9, rng=0), data, rate=0.01, steps=30, seed=0, watch=data, every=30)
    [1.0]
    """
    (x, lengths, y), rng, shares = data, np.random.default_rng(seed), []
    optimizer = smnn.Adam(smnn.cosine_decay(rate, steps=steps))
    for step in range(1, steps + 1):
        rows = rng.integers(len(x), size=batch)
        logits, backward = reader.forward(x[rows], lengths[rows])
        _, dlogits = smnn.softmax_cross_entropy(logits, y[rows])
        optimizer.step(reader.params, backward(dlogits))
        if watch and step % every == 0:
            shares.append(exact(reader, watch) / len(watch[0]))
    return shares


def exact(reader, data):
    """Return how many dates a reader writes without a mistake.

    Examples
    --------
    >>> data = (*as_numbers(["3 mai 2026"], " 0236aim"), as_symbols(["2026-05-03"]))
    >>> exact(DateReader(9, rng=0), data)
    0
    """
    x, lengths, y = data
    return int((reader.read(x, lengths) == y).all(axis=1).sum())


def _is_text(x, lengths):
    """Return which characters (N, L) are not padding."""
    return np.arange(x.shape[1]) < np.asarray(lengths)[:, None]


def _rows(x):
    return x.reshape(-1, x.shape[-1])


def _window(h):
    """Return each place beside the two before it and the two after it."""
    padded = np.pad(h, ((0, 0), (2, 2), (0, 0)))
    return np.concatenate([padded[:, i : i + h.shape[1]] for i in range(5)], axis=2)


def _window_vjp(d):
    """Return the pullback of `_window`: every copy adds to the place that it came from."""
    n, length, width = d.shape[0], d.shape[1], d.shape[2] // 5
    padded = np.zeros((n, length + 4, width), d.dtype)
    for i in range(5):
        padded[:, i : i + length] += d[:, :, i * width : (i + 1) * width]
    return padded[:, 2:-2]
