"""The examples of a run: converted and checked once, then given out in batches.

There are two sources.  `Examples` are arrays, in memory or mapped from a file; their rows are
shuffled and cut into batches here.  `Stream` is an iterable of batches that the caller makes.
Both leave out the rows that have nothing to teach, those whose labels are all ignored or whose
weight is 0, so that every batch has something to learn from.
"""

from __future__ import annotations

import itertools
import mmap
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._core.validation import float_array, generator, positive_integer
from .._core.validation import plain_array as plain_array

_PIECE = 1024  # rows that are measured at a time
_TRIAL = 32  # rows on which everything is tried before the first step


class Batch(NamedTuple):
    """Some rows, and how much they count in a mean: the sum of their weights.

    ``lengths`` are those of sequences.  Where no label can tell a loss that a step lies past the
    end, ``kept`` is True at the steps that count.  Both may be None.
    """

    x: NDArray
    y: NDArray
    weight: NDArray | None
    mass: float
    rows: NDArray | slice
    lengths: NDArray | None = None
    kept: NDArray | None = None


def minibatches(
    x: ArrayLike, y: ArrayLike, batch_size: int, *, rng: Any = None
) -> Iterator[tuple[NDArray, NDArray]]:
    """Go once through the examples in a random order.

    Parameters
    ----------
    x, y : array_like, N rows each
    batch_size : int
        Rows in a batch; the last one holds the rest.
    rng : None, int or Generator

    Yields
    ------
    x_batch, y_batch : ndarray
        Copies of up to ``batch_size`` rows.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import minibatches
    >>> x = np.arange(5)
    >>> [len(y_batch) for x_batch, y_batch in minibatches(x, x, 2)]
    [2, 2, 1]
    >>> sorted(np.concatenate([x_batch for x_batch, _ in minibatches(x, x, 2)]).tolist())
    [0, 1, 2, 3, 4]
    """
    inputs, targets = plain_array(x, "x"), plain_array(y, "y")
    check_lengths(inputs, targets)
    order = generator(rng).permutation(len(inputs))
    for rows in _pieces(order, positive_integer(batch_size, "batch_size")):
        yield inputs[rows], targets[rows]


class Examples:
    """Rows of arrays, in the form that a model and its loss take.

    An array in memory is converted to the model's dtype once.  A memory map is left in its
    file, and each batch is converted when it is read.

    Parameters
    ----------
    x, y : array_like, N rows each
    sample_weight : array_like, shape (N,), optional
        For labels of shape (N, …) also of their shape.
    objective : Objective
        Knows what the loss takes for y.
    name : str
        What these examples are called in a message.
    lengths : array_like of int, shape (N,), optional
        How long each sequence is.
    """

    def __init__(self, x, y, sample_weight, objective, name="y", lengths=None):
        self.dtype = objective.input_dtype
        self.x, y = _inputs(x, self.dtype), plain_array(y, name)
        check_lengths(self.x, y, name)
        self.lengths = objective.lengths(lengths, self.x.shape)
        first = None if self.lengths is None else self.lengths[:1]
        shape = objective.output_shape(self.convert(self.x[:1]), first)
        y, self.kept = objective.up_to_the_end(y, self.x.shape, shape, self.lengths)
        self.y = objective.targets(y, shape, name)
        self.weight = objective.weights(sample_weight, self.y)
        self.labels_per_row = objective.labels_per_row(self.y)
        self.ignored = objective.ignored if self.y.ndim > 1 else None
        self.masses, teaches = objective.masses(self.y, self.weight, self.kept)
        self.all_rows = teaches is None or bool(teaches.all())
        self.rows = np.arange(len(y)) if teaches is None else np.flatnonzero(teaches)

    def require_labels(self, name="y"):
        """Raise ValueError if no row has anything to teach."""
        if not len(self.rows) or (self.masses is not None and not self.masses[self.rows].sum()):
            raise ValueError(
                f"there is nothing to learn from: every label in {name} is ignored or weighs 0"
            )

    @property
    def n_rows(self):
        """The number of rows that have something to teach."""
        return len(self.rows)

    def steps(self, size):
        """Return the number of batches of this size."""
        return -(-len(self.rows) // size)

    def convert(self, x):
        """Return rows in the model's dtype."""
        return x if self.dtype is None else x.astype(self.dtype, copy=False)

    def batch(self, rows, out=None):
        """Return the batch of these rows, their inputs in ``out`` if that is given."""
        if out is not None:
            x = self.x.take(rows, axis=0, out=out[: len(rows)], mode="clip")
        else:
            x = self.convert(self.x[rows])
        y = self.y[rows]
        if self.ignored is not None:
            x = _without_unread(x, y == self.ignored)
        weight, lengths, kept = (
            None if values is None else values[rows]
            for values in (self.weight, self.lengths, self.kept)
        )
        if self.masses is None:
            mass = len(y) * self.labels_per_row
        else:
            mass = float(self.masses[rows].sum())
        return Batch(x, y, weight, mass, rows, lengths, kept)

    def shuffled(self, size, rng):
        """Yield all rows in a random order, or in their own if ``rng`` is None."""
        if rng is None:
            yield from self.in_order(size)
            return
        # One array serves every batch; a memory map needs its own conversion.
        out = None if _is_mapped(self.x) else np.empty((size, *self.x.shape[1:]), self.x.dtype)
        for rows in _pieces(rng.permutation(self.rows), size):
            yield self.batch(rows, out)

    def in_order(self, size=_PIECE):
        """Yield all rows in their order: views, as long as no row is left out."""
        if self.all_rows:
            for start in range(0, len(self.y), size):
                yield self.batch(slice(start, min(start + size, len(self.y))))
        else:
            for rows in _pieces(self.rows, size):
                yield self.batch(rows)

    def trial(self):
        """Return a few rows from everywhere, with the extremes of integer inputs."""
        rows = self.rows if len(self.rows) else np.arange(1)
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, _TRIAL).astype(int))]
        if self.x.dtype.kind in "iu" and self.x.size:
            flat = self.x.reshape(len(self.x), -1)
            rows = np.union1d(rows, [flat.max(axis=1).argmax(), flat.min(axis=1).argmin()])
        return self.batch(rows)


class Stream:
    """Batches that the caller makes, gone through once an epoch.

    Parameters
    ----------
    source : iterable or callable
        Yields ``(x, y)``, ``(x, y, sample_weight)`` or ``(x, y, sample_weight, lengths)``; a
        callable returns such an iterable.
    objective : Objective
    passes : int
        How often it will be gone through.  An iterator can be gone through once.
    """

    n_rows = None

    def __init__(self, source: Iterable | Callable, objective, passes: int):
        self.objective, self.source = objective, source
        self.again = source if callable(source) else lambda: source
        first = self._open()
        once = not callable(source) and first is source
        if once and passes > 1:
            raise ValueError(
                f"x is an iterator, which ends after one epoch, and epochs is {passes}: pass a "
                "list of batches, or a function that returns a new iterator"
            )
        try:
            self.first = next(first)
        except StopIteration:
            raise ValueError("x must yield at least one batch, got none") from None
        if once:
            whole = itertools.chain([self.first], first)
            self.again = lambda: whole

    def steps(self, size):
        """Return the number of batches, or None if that is not known."""
        return len(self.source) if hasattr(self.source, "__len__") else None

    def shuffled(self, size, rng):
        """Yield the batches as they come: their size and order are the caller's."""
        return self.in_order()

    def _open(self):
        source = self.again()
        try:
            return iter(source)
        except TypeError:
            raise TypeError(
                "without y, x must be an iterable of batches (x_batch, y_batch), or a function "
                f"that returns one, got {type(source).__name__}"
            ) from None

    def _examples(self, given):
        if not isinstance(given, tuple | list) or len(given) not in (2, 3, 4):
            raise TypeError(
                "without y, x must yield batches (x_batch, y_batch) or (x_batch, y_batch, "
                f"sample_weight) or with lengths in fourth place, got {_described(given)}"
            )
        x, y, weight, lengths = (*given, None, None)[:4]
        return Examples(x, y, weight, self.objective, lengths=lengths)

    def trial(self):
        """Return a few rows of the first batch."""
        return self._examples(self.first).trial()

    def in_order(self):
        """Yield the batches as they come, without the rows that have nothing to teach."""
        for given in self._open():
            examples = self._examples(given)
            if len(examples.rows):
                yield examples.batch(slice(None) if examples.all_rows else examples.rows)


def check_lengths(x, y, name="y"):
    """Raise ValueError unless two arrays have equally many rows, at least one."""
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise ValueError(
            f"x and {name} must have one row per example, got shapes {x.shape} and {y.shape}"
        )
    if len(x) == 0:
        raise ValueError(f"there must be at least one example, got x of shape {x.shape}")


def _pieces(rows, size):
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _inputs(x, dtype):
    """Return x as an array whose rows can be taken: converted, unless it lies in a file."""
    if _is_mapped(x):
        if dtype is not None:
            float_array(x[:1], "x", booleans=True)
        return np.asarray(x)
    x = plain_array(x, "x") if dtype is None else float_array(x, "x", booleans=True)
    return np.asarray(x, dtype, order="C")


def _without_unread(x, ignored):
    """Return inputs with 0 for what is not finite where the label of a position is ignored.

    The gradient there is 0, but a weight's gradient would still be 0 times nan.
    """
    if x.shape[: ignored.ndim] != ignored.shape or x.dtype.kind != "f":
        return x
    unread = ignored.reshape(*ignored.shape, *(1,) * (x.ndim - ignored.ndim)) & ~np.isfinite(x)
    return np.where(unread, x.dtype.type(0), x) if unread.any() else x


def _described(value):
    shape = getattr(value, "shape", None)
    return type(value).__name__ + ("" if shape is None else f" of shape {shape}")


def _is_mapped(x):
    """Whether an array is a view of a file."""
    while isinstance(x, np.ndarray):
        if isinstance(x, np.memmap):
            return True
        x = x.base
    return isinstance(x, mmap.mmap)
