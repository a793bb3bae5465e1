"""One run of training: how far it has come, and what happens when it goes wrong.

A :class:`Run` is what callbacks see and what a checkpoint saves.  It keeps the best
parameters so far.  When the loss stops being a number, it puts them back and raises
:class:`TrainingDiverged`, with the place and the likely cause.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from .history import History, Snapshot


class TrainingDiverged(ArithmeticError):
    """The loss became nan or infinite; the model holds its best parameters so far.

    Attributes
    ----------
    history : History
        What was recorded until then.

    Examples
    --------
    >>> issubclass(TrainingDiverged, ArithmeticError)
    True
    """

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history

    def __reduce__(self) -> tuple:
        # An exception is pickled with the arguments of its base class, which lack the history.
        return type(self), (*self.args, self.history), self.__dict__


class Run:
    """One call of `fit`, as its callbacks see it.

    Attributes
    ----------
    model, optimizer, history, rng
        What is trained, by what, what came of it, and what shuffles the examples.
    callbacks : list of Callback
    epochs : int
        How much there is to do.
    steps_per_epoch : int or None
        None for an iterable of batches that does not know its length.
    recorded : tuple of str
        The names that the history will have.
    settings : dict of str
        What else a resumed run must have in common with this one.
    epoch, step : int
        How much is done: whole epochs, and steps since the beginning.
    loss, lr : float
        The loss of the last batch and the learning rate of the last step.
    best : Snapshot
        The parameters with the lowest loss so far.
    stopped : str or None
        A callback that writes a reason here ends the training after the epoch.

    Examples
    --------
    A plain function is a callback that is called after every epoch:

    >>> import smnn
    >>> def tell(run):
    ...     print(run.epoch, run.step)
    >>> model = smnn.Sequential([smnn.Dense(2)], rng=0)
    >>> _ = smnn.fit(model, *smnn.make_xor(), epochs=2, batch_size=3, callbacks=[tell])
    1 2
    2 4
    """

    def __init__(
        self,
        model: Any,
        optimizer: Any,
        rng: np.random.Generator,
        callbacks: list,
        epochs: int,
        steps_per_epoch: int | None,
        *,
        recorded: Sequence[str] = ("loss", "lr"),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.optimizer, self.rng = model, optimizer, rng
        self.callbacks = callbacks
        self.epochs, self.steps_per_epoch = epochs, steps_per_epoch
        self.recorded, self.settings = tuple(recorded), dict(settings or {})
        self.epoch = self.step = self.steps_of_whole_epochs = 0
        self.loss = self.lr = math.nan
        self.stopped: str | None = None
        self.history = History()
        self.best = Snapshot(model.params)

    def place(self) -> str:
        """Return how far it has come, in words."""
        if self.step == self.steps_of_whole_epochs:
            return f"after epoch {self.epoch} at step {self.step}"
        return f"in epoch {self.epoch + 1} at step {self.step}"

    def diverged(self, what: str, x_batch: NDArray, rows: NDArray | slice) -> NoReturn:
        """Put the best parameters back, and raise with the place and the likely cause."""
        wrong_rows = ~np.isfinite(x_batch.reshape(len(x_batch), -1)).all(axis=1)
        wrong_params = not_finite(self.model.params)
        if wrong_rows.any():
            cause = f"{_row(rows, int(wrong_rows.argmax()))} of x is not finite"
        elif wrong_params:
            cause = f"parameter {wrong_params[0]!r} is not finite; try a smaller learning rate"
        else:
            cause = "the scores left the range of their dtype"
        self.best.restore(self.model.params)
        self.stopped = self.history.stopped = (
            f"{what} in epoch {self.epoch + 1} at step {self.step + 1}: {cause}"
        )
        kept = f"epoch {self.best.epoch}" if self.best.epoch else "the start"
        raise TrainingDiverged(
            f"{self.stopped}. The model holds its best parameters so far, those of {kept}",
            self.history,
        )


def not_finite(params: Mapping[str, NDArray]) -> list[str]:
    """Return the names of the parameters that hold nan or infinity."""
    return [name for name, value in params.items() if not np.isfinite(value).all()]


def _row(rows, index):
    if isinstance(rows, slice):
        return f"row {index + rows.start}" if rows.start is not None else f"row {index} of a batch"
    return f"row {rows[index]}"
