"""One run of training: how far it has come, and what happens when it goes wrong.

A :class:`Run` is what callbacks see and what a checkpoint saves.  It keeps the best
parameters so far.  When the loss stops being a number, it puts them back and raises
:class:`TrainingDiverged`, with the place and the likely cause.
"""

import math

import numpy as np

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

    def __init__(self, message, history):
        super().__init__(message)
        self.history = history


class Run:
    """One call of `fit`, as its callbacks see it.

    Attributes
    ----------
    model, optimizer, history, rng
        What is trained, by what, what came of it, and what shuffles the examples.
    callbacks : list of Callback
    epochs, steps_per_epoch : int
        How much there is to do.
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

    def __init__(self, model, optimizer, rng, callbacks, epochs, steps_per_epoch):
        self.model, self.optimizer, self.rng = model, optimizer, rng
        self.callbacks = callbacks
        self.epochs, self.steps_per_epoch = epochs, steps_per_epoch
        self.epoch = self.step = 0
        self.loss = self.lr = math.nan
        self.stopped = None
        self.history = History()
        self.best = Snapshot(model.params)

    def place(self):
        """How far it has come, in words."""
        if self.step == self.epoch * self.steps_per_epoch:
            return f"after epoch {self.epoch} at step {self.step}"
        return f"in epoch {self.epoch + 1} at step {self.step}"

    def diverged(self, what, x_batch, rows):
        """Put the best parameters back, and raise with the place and the likely cause."""
        wrong_rows = ~np.isfinite(x_batch.reshape(len(rows), -1)).all(axis=1)
        wrong_params = not_finite(self.model.params)
        if wrong_rows.any():
            cause = f"row {rows[wrong_rows.argmax()]} of x is not finite"
        elif wrong_params:
            cause = f"parameter {wrong_params[0]!r} is not finite; try a smaller learning rate"
        else:
            cause = "the scores left the range of their dtype or every target was ignored"
        self.best.restore(self.model.params)
        self.stopped = self.history.stopped = (
            f"{what} in epoch {self.epoch + 1} at step {self.step + 1}: {cause}"
        )
        kept = f"epoch {self.best.epoch}" if self.best.epoch else "the start"
        raise TrainingDiverged(
            f"{self.stopped}. The model holds its best parameters so far, those of {kept}",
            self.history,
        )


def not_finite(params):
    """The names of the parameters that hold nan or infinity."""
    return [name for name, value in params.items() if not np.isfinite(value).all()]
