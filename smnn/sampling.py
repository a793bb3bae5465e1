r"""Choosing at random: draws from a softmax, and sequences that are likely.

A uniform number u between 0 and 1 chooses the class at which the running sum of the
probabilities passes u.  `sample` does that without writing the probabilities down.

Adding Gumbel noise, :math:`-\log E` with E exponentially distributed, to the logits and taking
the largest chooses with the same probabilities, and the k largest are k draws without
replacement (`sample_without_replacement`).  `generate` draws one token after the other from a
language model.  `beam_search` does not draw.  It keeps the best of
the sequences that it has seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._core import validation as check
from ._core.rows import contiguous
from ._core.types import Array, ArrayLike, Random
from .functional import softmax
from .functional.backend import kernels


def sample(
    logits: ArrayLike,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    size: int | tuple[int, ...] | None = None,
    rng: Random = None,
) -> Any:
    r"""Return classes drawn from the softmax of logits, or from its likeliest part.

    .. math:: P(j) = \frac{e^{x_j / T}}{\sum_{k \in S} e^{x_k / T}}, \quad j \in S

    The options choose S in this order: temperature, then `top_k`, then `top_p` on the
    probabilities of what is left, renormalized, then `min_p`.

    Parameters
    ----------
    logits : array_like, shape (..., C)
        Class −inf is never drawn.
    temperature : float, default 1.0
        T, at least 0.  At 0 the largest logit is taken, the first one of equals.
    top_k : int, optional
        Keep the k largest logits; of equal ones those that come first, so that exactly k are
        left.  More than C keeps all.
    top_p : float, optional
        Above 0, at most 1.  Keep the likeliest classes until their probabilities sum to at least
        this: a class stays if those before it sum to less.
    min_p : float, optional
        From 0 to 1.  Keep the classes with at least this share of the largest probability.
    size : int or tuple of int, optional
        How many draws of each row; by default one, without an axis of its own.
    rng : None, int or Generator

    Returns
    -------
    int64 or ndarray of int64, shape ``logits.shape[:-1] + size``

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or a row is no distribution: it holds
        nan or +inf, or nothing but −inf.

    Notes
    -----
    The probabilities have the accuracy of `softmax`.  A draw uses one uniform number of 53 bits,
    so that the result for a seed depends neither on the threads nor on the dtype's own noise.

    References
    ----------
    A. Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020, for `top_p`.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import sample
    >>> sample(np.log([0.6, 0.3, 0.1]), size=8, rng=0)
    array([1, 0, 0, 0, 1, 2, 1, 1])
    >>> sample([[3.0, 2.0, 1.0], [0.0, 5.0, 0.0]], temperature=0)
    array([0, 1])
    """
    x = _logits(logits)
    temperature = check.not_negative(temperature, "temperature")
    shape = _shape(size)
    generator = check.generator(rng)
    if not temperature:
        _require_distributions(x)
        top = np.broadcast_to(x.argmax(axis=-1)[(..., *(None,) * len(shape))], x.shape[:-1] + shape)
        return top.astype(np.int64)[()]
    scale = min(1 / temperature, float(np.finfo(x.dtype).max))
    if top_k is not None or top_p is not None or min_p is not None:
        x = _restrict(x, scale, top_k, top_p, min_p)
    rows = contiguous(x, x.dtype).reshape(-1, x.shape[-1])
    drawn = np.empty((len(rows), math.prod(shape)), np.int64)
    kernels.draw(rows, scale, generator.random(drawn.shape), drawn)
    if drawn.size and drawn.min() < 0:
        _require_distributions(x)
    return drawn.reshape(x.shape[:-1] + shape)[()]


def sample_without_replacement(logits: ArrayLike, k: int, *, rng: Random = None) -> Array:
    r"""Return k different classes, drawn one after the other from the softmax of the rest.

    .. math:: P(i, j) = p_i \, \frac{p_j}{1 - p_i} \quad \text{for } k = 2

    Parameters
    ----------
    logits : array_like, shape (..., C)
    k : int
        From 1 to the number of logits of a row that are not −inf.
    rng : None, int or Generator

    Returns
    -------
    ndarray of int64, shape (..., k)
        In the order in which they were drawn.

    Raises
    ------
    TypeError, ValueError
        As `sample`, or if a row has fewer than k classes to draw from.

    References
    ----------
    W. Kool, H. van Hoof and M. Welling, "Stochastic Beams and Where to Find Them", 2019.

    Examples
    --------
    >>> from smnn import sample_without_replacement
    >>> sample_without_replacement([0.0, 9.0, -float("inf"), 5.0], 3, rng=0).tolist()
    [3, 1, 0]
    """
    x = _logits(logits)
    k = check.positive_integer(k, "k")
    _require_distributions(x)
    enough = (x > -np.inf).sum(axis=-1)
    if enough.size and enough.min() < k:
        raise ValueError(f"k must be at most the number of classes to draw from, {enough.min()}")
    if k > x.shape[-1]:
        raise ValueError(f"k must be at most the number of classes, {x.shape[-1]}, got {k}")
    noise = check.generator(rng).standard_exponential(x.shape)
    with np.errstate(divide="ignore"):
        times = np.log(noise) - x  # the logarithms of arrival times in a race: the first wins
    first = np.argpartition(times, k - 1, axis=-1)[..., :k]
    order = np.take_along_axis(times, first, axis=-1).argsort(axis=-1)
    return np.take_along_axis(first, order, axis=-1).astype(np.int64)


def generate(
    model: Callable[[Array], ArrayLike],
    prompt: ArrayLike,
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    rng: Random = None,
) -> Array:
    r"""Return a prompt and what a language model says after it, a token at a time.

    .. math:: w_{t+1} \sim \operatorname{softmax}(z_t / T), \quad z_t = \text{model}(w_1, …, w_t)

    Parameters
    ----------
    model : callable
        ``model(tokens)`` returns logits of the next token, of shape (N, V), or those of every
        position, of shape (N, t, V), whose last is taken; ``tokens`` are integers of shape (N, t).
        A `Sequential` without a softmax at its end is such a function.
    prompt : array_like of int, shape (T,) or (N, T)
        At least one token.
    length : int
        How many tokens to add, at least 0.
    temperature, top_k, top_p, min_p, rng
        As in `sample`.

    Returns
    -------
    ndarray of int64, shape (T + length,) or (N, T + length)

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or the model returns no logits.

    Notes
    -----
    The model sees the whole text at every step.  One that takes at most t tokens is given as
    ``lambda tokens: model(tokens[:, -t:])``.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import generate
    >>> table = np.log([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]])
    >>> generate(lambda tokens: table[tokens], [0, 1], 4, temperature=0)
    array([0, 1, 2, 0, 1, 2])
    >>> generate(lambda tokens: table[tokens], [[0], [1]], 3, rng=0)
    array([[0, 1, 0, 1],
           [1, 2, 0, 2]])
    """
    tokens = check.integer_array(prompt, "prompt").astype(np.int64)
    if tokens.ndim not in (1, 2) or not tokens.shape[-1]:
        raise ValueError(
            "prompt must have shape (T,) or (N, T) with at least one token, "
            f"got shape {tokens.shape}"
        )
    steps = check.integer(length, "length")
    if steps < 0:
        raise ValueError(f"length must be at least 0, got {steps}")
    generator = check.generator(rng)
    rows = np.atleast_2d(tokens)
    for _ in range(steps):
        logits = _logits_of_next(model(rows), rows.shape)
        drawn = sample(
            logits, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, rng=generator
        )
        rows = np.concatenate([rows, drawn[:, None]], axis=1)
    return rows.reshape(*tokens.shape[:-1], -1)


def beam_search(
    step: Callable[[Array], ArrayLike],
    start: Sequence[int] | Array,
    *,
    beam_width: int,
    max_length: int,
    end: int | None = None,
    length_penalty: float = 0.0,
) -> list[tuple[tuple[int, ...], float]]:
    r"""Return the best sequences found by extending the best ones a token at a time.

    .. math:: \text{score} = \frac{\sum_t \log p(w_t \mid w_{<t})}{n^\alpha}

    Here n is the number of generated tokens, `start` not among them, and α the length penalty.

    Parameters
    ----------
    step : callable
        ``step(prefixes) -> (n, V)`` log-probabilities of the next token, for an integer array of
        n sequences of one length, of which each begins with `start`.
    start : sequence of int
        What is given; it may be empty.
    beam_width : int
        How many unfinished sequences are extended, and how many are returned at most.
    max_length : int
        The number of tokens to generate, at which a sequence without an end is taken as it is.
    end : int, optional
        The token that finishes a sequence, and is part of it.
    length_penalty : float, default 0.0
        α.  At 0 the score is the log-probability, which prefers short sequences; at 1 its mean.

    Returns
    -------
    list of (tokens, score)
        The best first; ``tokens`` is a tuple that begins with `start`.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or `step` returns no log-probabilities.

    Notes
    -----
    The search ends early when no unfinished sequence can become better than the worst of
    `beam_width` finished ones.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import beam_search
    >>> def step(prefixes):  # after 0 mostly 1, after 1 mostly the end, 2
    ...     return np.log([[0.1, 0.8, 0.1], [0.3, 0.1, 0.6]])[prefixes[:, -1]]
    >>> best, second = beam_search(step, [0], beam_width=2, max_length=3, end=2)
    >>> best[0], round(np.exp(best[1]), 2), second[0]
    ((0, 1, 2), np.float64(0.48), (0, 1, 0, 1))
    """
    width = check.positive_integer(beam_width, "beam_width")
    length = check.positive_integer(max_length, "max_length")
    alpha = check.real_number(length_penalty, "length_penalty")
    if not math.isfinite(alpha):
        raise ValueError(f"length_penalty must be finite, got {alpha}")
    end = None if end is None else check.integer(end, "end")
    given = check.integer_array(start, "start")
    if given.ndim != 1:
        raise ValueError(f"start must be one sequence of tokens, got shape {given.shape}")
    prefixes, sums = given.reshape(1, -1), np.zeros(1)
    finished: list[tuple[tuple[int, ...], float]] = []
    for n in range(1, length + 1):
        table = _log_probabilities(step(prefixes.copy()), len(prefixes), end)
        totals = sums[:, None] + table
        if end is not None:
            ends = totals[:, end]
            finished += [
                ((*prefix.tolist(), end), float(total) / n**alpha)
                for prefix, total in zip(prefixes, ends, strict=True)
                if total > -np.inf
            ]
            totals[:, end] = -np.inf
        places = np.argsort(-totals, axis=None, kind="stable")[:width]
        places = places[totals.ravel()[places] > -np.inf]
        rows, tokens = np.unravel_index(places, totals.shape)
        prefixes = np.concatenate([prefixes[rows], tokens[:, None]], axis=1)
        sums = totals[rows, tokens]
        finished = sorted(finished, key=lambda pair: -pair[1])[:width]
        # A log-probability only falls; a longer sequence divides it by more if α is positive.
        best_length = length if alpha > 0 else min(n + 1, length)
        hopeless = len(finished) == width and sums.max(initial=-np.inf) / best_length**alpha
        if not len(sums) or (len(finished) == width and hopeless <= finished[-1][1]):
            return finished
    finished += [
        (tuple(prefix.tolist()), float(total) / length**alpha)
        for prefix, total in zip(prefixes, sums, strict=True)
    ]
    return sorted(finished, key=lambda pair: -pair[1])[:width]


def _logits_of_next(logits, shape):
    """Return the logits of the token after the last, from those of a model for tokens (N, t)."""
    z = np.asarray(logits)
    if z.ndim == 3 and z.shape[:2] == shape:
        return z[:, -1]
    if z.ndim == 2 and len(z) == shape[0]:
        return z
    raise ValueError(
        f"the model must return logits of shape ({shape[0]}, V) or ({shape[0]}, {shape[1]}, V) "
        f"for tokens of shape {shape}, got shape {z.shape}"
    )


def _logits(logits):
    """Return logits as an array that the kernels compute with."""
    x = check.float_array(logits, "logits")
    if x.ndim == 0 or not x.shape[-1]:
        raise ValueError(f"logits must have shape (..., C) with at least one class, got {x.shape}")
    return x.astype(np.float32) if x.dtype == np.float16 else x


def _shape(size):
    """Return the shape of the draws from one row."""
    sizes = () if size is None else size if isinstance(size, tuple | list) else (size,)
    shape = tuple(check.integer(n, "size") for n in sizes)
    if any(n < 0 for n in shape):
        raise ValueError(f"size must be at least 0, got {size}")
    return shape


def _restrict(x, scale, top_k, top_p, min_p):
    """Return logits with −inf for every class that the options leave out."""
    if top_k is not None:
        x = _only(_largest(x, check.positive_integer(top_k, "top_k")), x)
    if top_p is not None and check.fraction(top_p, "top_p") == 0:
        raise ValueError("top_p must be above 0, got 0: no class would be left")
    if top_p is not None:
        order = np.argsort(-x, axis=-1, kind="stable")
        probs = softmax(np.take_along_axis(x, order, axis=-1), temperature=1 / scale)
        sums = np.cumsum(probs, axis=-1, dtype=np.float64)
        before = np.roll(sums, 1, axis=-1)
        before[..., 0] = 0
        keep = np.empty(x.shape, bool)
        np.put_along_axis(keep, order, before < top_p, axis=-1)
        x = _only(keep, x)
    if min_p is not None and check.fraction(min_p, "min_p"):
        with np.errstate(invalid="ignore"):
            relative = (x - x.max(axis=-1, keepdims=True)) * x.dtype.type(scale)
        x = _only(relative >= math.log(min_p), x)
    return x


def _only(keep, x):
    return np.where(keep, x, x.dtype.type(-np.inf))


def _largest(x, k):
    """Return which entries are among the k largest of their row, the first of equal ones."""
    classes = x.shape[-1]
    if k >= classes:
        return np.ones(x.shape, bool)
    smallest = np.partition(x, classes - k, axis=-1)[..., classes - k, None]
    above, equal = x > smallest, x == smallest
    missing = k - above.sum(axis=-1, keepdims=True)
    return above | (equal & (equal.cumsum(axis=-1) <= missing))


def _require_distributions(x):
    """Raise ValueError if the softmax of some row is no distribution."""
    top = x.max(axis=-1)
    wrong = ~np.isfinite(top)  # the maximum of a row with nan is nan
    if wrong.any():
        row = ", ".join(map(str, np.argwhere(wrong)[0]))
        where = f"row {row}" if row else "it"
        holds = "nothing but -inf" if top[wrong][0] == -np.inf else str(top[wrong][0])
        raise ValueError(f"logits have no softmax to draw from: {where} holds {holds}")


def _log_probabilities(table, n, end):
    """Return what the step function of a search gave, checked, as a new array."""
    table = np.array(check.float_array(table, "the result of step"), np.float64)
    if table.ndim != 2 or len(table) != n or not table.shape[1]:
        raise ValueError(
            f"step must return log-probabilities of shape ({n}, V), got shape {table.shape}"
        )
    if end is not None and not 0 <= end < table.shape[1]:
        raise ValueError(f"end must be a token from 0 to {table.shape[1] - 1}, got {end}")
    if not (table <= 1e-6).all():
        raise ValueError(
            "step must return log-probabilities, which are at most 0 (log_softmax makes them of "
            f"logits), got {table.max()}"
        )
    return table
