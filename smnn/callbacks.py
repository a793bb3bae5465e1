"""Who looks on while a model is trained, and what is written down.

`fit` tells every callback when it starts, after each step, after each epoch, and when it
ends, however it ends.  A callback sees the whole :class:`~smnn.run.Run`: the model, the
optimizer, the history, the counts.  It may change any of them, and ends the training by
writing a reason into ``run.stopped``.  A plain function will do: it is called after every
epoch.
"""

import math

import numpy as np

from ._validation import choice, integer


class History:
    """What was recorded in each epoch; ``history["loss"]`` is a list of numbers.

    Attributes
    ----------
    stopped : str or None
        Why the training ended before its last epoch, if it did.

    Examples
    --------
    >>> from smnn.callbacks import History
    >>> history = History()
    >>> history.append({"loss": 0.7, "val_loss": 0.8})
    >>> history.append({"loss": 0.4, "val_loss": 0.6})
    >>> history
    History(2 epochs, loss 0.4, val_loss 0.6)
    >>> history["loss"]
    [0.7, 0.4]
    """

    def __init__(self):
        self._columns = {}
        self.stopped = None

    def append(self, record):
        """Add the numbers of one epoch, under the same names every time."""
        for name, value in record.items():
            self._columns.setdefault(name, []).append(value)

    def keys(self):
        """The names of what is recorded."""
        return self._columns.keys()

    def __getitem__(self, name):
        if name not in self._columns:
            known = ", ".join(map(repr, self._columns)) or "nothing"
            raise KeyError(f"{name!r} was not recorded; recorded: {known}")
        return self._columns[name]

    def __len__(self):
        """The number of epochs."""
        return len(next(iter(self._columns.values()), ()))

    def __repr__(self):
        last = [f"{name} {column[-1]:.4g}" for name, column in self._columns.items()]
        stopped = [self.stopped] if self.stopped else []
        return f"History({', '.join([f'{len(self)} epochs', *last, *stopped])})"

    def state(self):
        """What a checkpoint saves."""
        return self._columns

    def load_state(self, state):
        """Take over what `state` returned."""
        self._columns = state

    def plot(self, names=None, *, ax=None):
        """Draw the curves; returns the Matplotlib axes.  See `smnn.plot.training_history`."""
        from .plot import training_history

        return training_history(self, names, ax=ax)


class Snapshot:
    """A copy of the parameters at their best: the lowest value that was offered.

    Examples
    --------
    >>> import numpy as np
    >>> params = {"w": np.array([1.0])}
    >>> best = Snapshot(params)
    >>> best.offer(0.5, params, epoch=1)
    True
    >>> params["w"] += 1
    >>> best.offer(0.7, params, epoch=2)
    False
    >>> best.restore(params)
    >>> params["w"]
    array([1.])
    """

    def __init__(self, params):
        self.params = {name: value.copy() for name, value in params.items()}
        self.value = math.inf
        self.epoch = 0

    def offer(self, value, params, epoch):
        """Keep the parameters if the value is lower than all before; says whether it is."""
        if not value < self.value:
            return False
        self.value, self.epoch = value, epoch
        for name, kept in self.params.items():
            np.copyto(kept, params[name])
        return True

    def restore(self, params):
        """Write the kept numbers into the given parameters."""
        for name, kept in self.params.items():
            np.copyto(params[name], kept)

    def state(self):
        """What a checkpoint saves."""
        return {"params": self.params, "value": self.value, "epoch": self.epoch}

    def load_state(self, state):
        """Take over what `state` returned."""
        self.params, self.value, self.epoch = state["params"], state["value"], state["epoch"]


class Callback:
    """Looks on while a model is trained; override what you need.

    Examples
    --------
    >>> import smnn
    >>> class Steps(smnn.Callback):
    ...     def on_step(self, run):
    ...         print(f"step {run.step}")
    >>> model = smnn.Sequential([smnn.Dense(2)], rng=0)
    >>> _ = smnn.fit(model, *smnn.make_xor(), epochs=1, batch_size=2, callbacks=[Steps()])
    step 1
    step 2
    """

    def on_start(self, run):
        """Before the first step."""

    def on_step(self, run):
        """After each step."""

    def on_epoch(self, run):
        """After each epoch."""

    def on_end(self, run):
        """At the end, also after an error or an interruption."""

    def state(self):
        """What a resumed run must know: numbers, strings, arrays, dicts and lists of them."""
        return {}

    def load_state(self, state):
        """Take over what `state` returned."""


class AfterEpoch(Callback):
    """Calls a function after every epoch.

    Examples
    --------
    >>> AfterEpoch(print).on_epoch("done")
    done
    """

    def __init__(self, function):
        self.on_epoch = function


class EarlyStopping(Callback):
    """Stop when nothing gets better any more, and give the model its best parameters.

    Parameters
    ----------
    monitor : str
        A name in the history.
    patience : int
        How many epochs in a row may pass without a new best.
    min_delta : float
        What counts as better: by more than this.
    goal : {"auto", "low", "high"}
        Whether low or high is good.  ``"auto"``: high for accuracies, low for the rest.

    Notes
    -----
    The best parameters are put back whenever training ends: early, after the last epoch,
    or interrupted.

    Examples
    --------
    >>> import smnn
    >>> x, y = smnn.load_iris()
    >>> model = smnn.Sequential([smnn.Dense(3, "softmax")], rng=0)
    >>> history = smnn.fit(model, x[::2], y[::2], epochs=500, optimizer=smnn.Adam(0.1), rng=0,
    ...                    validation_data=(x[1::2], y[1::2]),
    ...                    callbacks=[smnn.EarlyStopping(patience=3)])
    >>> len(history) < 500
    True
    """

    def __init__(self, monitor="val_loss", *, patience=5, min_delta=0.0, goal="auto"):
        if integer(patience, "patience") < 1:
            raise ValueError(f"patience must be at least 1, got {patience}")
        if not min_delta >= 0:
            raise ValueError(f"min_delta must not be negative, got {min_delta}")
        if choice(goal, ("auto", "low", "high"), "goal") == "auto":
            goal = "high" if "accuracy" in monitor else "low"
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.sign = -1 if goal == "high" else 1

    def on_start(self, run):
        self.best = Snapshot(run.model.params)
        self.waited = 0

    def on_epoch(self, run):
        value = self.sign * run.history[self.monitor][-1]
        if value < self.best.value - self.min_delta:
            self.best.offer(value, run.model.params, run.epoch)
            self.waited = 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            run.stopped = (
                f"{self.monitor} has not improved for {self.waited} epochs; "
                f"the best was {self.sign * self.best.value:.4g} in epoch {self.best.epoch}"
            )

    def on_end(self, run):
        if self.best.epoch:
            self.best.restore(run.model.params)

    def state(self):
        return {"best": self.best.state(), "waited": self.waited}

    def load_state(self, state):
        self.best.load_state(state["best"])
        self.waited = state["waited"]


class StepRecorder(Callback):
    """Writes down the loss and the learning rate of every step.

    Attributes
    ----------
    loss, lr : list of float

    Examples
    --------
    >>> import smnn
    >>> recorder = smnn.StepRecorder()
    >>> model = smnn.Sequential([smnn.Dense(2, init="zeros")])
    >>> _ = smnn.fit(model, *smnn.make_xor(), epochs=2, batch_size=2, callbacks=[recorder])
    >>> len(recorder.loss), round(recorder.loss[0], 4)
    (4, 0.6931)
    """

    def on_start(self, run):
        self.loss, self.lr = [], []

    def on_step(self, run):
        self.loss.append(run.loss)
        self.lr.append(run.lr)

    def state(self):
        return {"loss": self.loss, "lr": self.lr}

    def load_state(self, state):
        self.loss, self.lr = state["loss"], state["lr"]


class ProgressBar(Callback):
    """A bar that moves with every step and shows the last epoch's numbers.

    `fit` adds one when a person watches.

    Examples
    --------
    >>> import io, smnn
    >>> screen = io.StringIO()
    >>> model = smnn.Sequential([smnn.Dense(2)], rng=0)
    >>> _ = smnn.fit(model, *smnn.make_xor(), epochs=3, callbacks=[ProgressBar(file=screen)])
    >>> "3/3" in screen.getvalue()
    True
    """

    def __init__(self, **options):
        self.options = options

    def on_start(self, run):
        from tqdm.auto import tqdm

        total = run.epochs * run.steps_per_epoch
        self.bar = tqdm(total=total, initial=run.step, unit="step", **self.options)

    def on_step(self, run):
        self.bar.update()

    def on_epoch(self, run):
        self.bar.set_postfix({name: f"{run.history[name][-1]:.4g}" for name in run.history.keys()})

    def on_end(self, run):
        self.bar.close()
