"""Who looks on while a model is trained, and what is written down.

`fit` tells every callback when it starts, after each step, after each epoch, and when it
ends, however it ends.  A callback sees the whole :class:`~smnn.Run`: the model, the
optimizer, the history, the counts.  It may change any of them, and ends the training by
writing a reason into ``run.stopped``.  A plain function will do: it is called after every
epoch.
"""

from .._core.validation import choice, integer
from .history import Snapshot


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
