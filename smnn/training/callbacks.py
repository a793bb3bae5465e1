"""Callbacks: told how the training of a model goes, and able to change or end it.

`fit` calls every callback when it starts, after each step, after each epoch, and when it
ends, however it ends.  A callback sees the whole :class:`~smnn.Run`: the model, the
optimizer, the history, the counts.  It may change any of them, and ends the training by
writing a reason into ``run.stopped``.  A plain function is called after every epoch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from .._core.validation import choice, not_negative, positive_integer
from .history import Snapshot
from .run import Run


class Callback:
    """Be told how the training of a model goes; override what you need.

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

    def check(self, run: Run) -> None:
        """Raise if this run cannot be followed; called before anything has changed.

        ``run.model`` may be a copy of a model that is built later.
        """

    def on_start(self, run: Run) -> None:
        """Called before the first step."""

    def on_step(self, run: Run) -> None:
        """Called after each step."""

    def on_epoch(self, run: Run) -> None:
        """Called after each epoch."""

    def on_end(self, run: Run) -> None:
        """Called at the end, also after an error or an interruption."""

    def state(self) -> Any:
        """Return what a resumed run must know.

        Numbers, strings, None, arrays, and dicts, lists and tuples of them; each comes back as
        the kind that it was.
        """
        return {}

    def load_state(self, state: Any) -> None:
        """Take over what `state` returned."""


class AfterEpoch(Callback):
    """Call a function after every epoch.

    Examples
    --------
    >>> AfterEpoch(print).on_epoch("done")
    done
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def on_epoch(self, run: Any) -> None:
        self.function(run)


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
    mode : {"auto", "min", "max"}
        Whether the lowest or the highest value is the best.  ``"auto"``: the highest for
        accuracies, the lowest for the rest.

    Raises
    ------
    ValueError
        Before the first step, if the run will not record ``monitor``.

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

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str = "auto",
    ) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f"monitor must be a name in the history, got {monitor!r}")
        self.monitor = monitor
        self.patience = positive_integer(patience, "patience")
        self.min_delta = not_negative(min_delta, "min_delta")
        if choice(mode, ("auto", "min", "max"), "mode") == "auto":
            mode = "max" if "accuracy" in monitor else "min"
        self.sign = -1 if mode == "max" else 1

    def check(self, run: Run) -> None:
        if self.monitor not in run.recorded:
            hint = "validation_data, or " if self.monitor.startswith("val_") else ""
            raise ValueError(
                f"EarlyStopping watches {self.monitor!r}, which this run does not record: pass "
                f"{hint}one of {', '.join(map(repr, run.recorded))} as monitor"
            )

    def on_start(self, run: Run) -> None:
        self.best = Snapshot(run.model.params)
        self.waited = 0

    def on_epoch(self, run: Run) -> None:
        value = self.sign * run.history[self.monitor][-1]
        if value < self.best.value - self.min_delta:
            self.best.update_if_better(value, run.model.params, run.epoch)
            self.waited = 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            run.stopped = (
                f"{self.monitor} has not improved for {self.waited} epochs; "
                f"the best was {self.sign * self.best.value:.4g} in epoch {self.best.epoch}"
            )

    def on_end(self, run: Run) -> None:
        if hasattr(self, "best") and self.best.epoch:
            self.best.restore(run.model.params)

    def state(self) -> dict[str, Any]:
        return {"best": self.best.state(), "waited": self.waited}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.best.load_state(state["best"])
        self.waited = state["waited"]


class StepRecorder(Callback):
    """Record the loss and the learning rate of every step.

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

    loss: list[float]
    lr: list[float]

    def on_start(self, run: Run) -> None:
        self.loss, self.lr = [], []

    def on_step(self, run: Run) -> None:
        self.loss.append(run.loss)
        self.lr.append(run.lr)

    def state(self) -> dict[str, list[float]]:
        return {"loss": list(self.loss), "lr": list(self.lr)}

    def load_state(self, state: Mapping[str, list[float]]) -> None:
        self.loss, self.lr = list(state["loss"]), list(state["lr"])


class ProgressBar(Callback):
    """A bar that moves with every step and shows the numbers of the last epoch.

    `fit` adds one when a person watches.  If what it writes to is closed on the way, the bar
    ends and the training goes on.

    Parameters
    ----------
    **options
        For ``tqdm``, such as ``file``.

    Examples
    --------
    >>> import io, smnn
    >>> screen = io.StringIO()
    >>> model = smnn.Sequential([smnn.Dense(2)], rng=0)
    >>> _ = smnn.fit(model, *smnn.make_xor(), epochs=3, callbacks=[ProgressBar(file=screen)])
    >>> "3/3" in screen.getvalue()
    True
    """

    def __init__(self, **options: Any) -> None:
        self.options = options

    def on_start(self, run: Run) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of widgets that a notebook could have
            from tqdm.auto import tqdm

        total = run.steps_per_epoch and run.epochs * run.steps_per_epoch
        self.bar = tqdm(total=total, initial=run.step, unit="step", **self.options)

    def on_step(self, run: Run) -> None:
        self._draw(self.bar.update)

    def on_epoch(self, run: Run) -> None:
        numbers = {name: f"{run.history[name][-1]:.4g}" for name in run.history}
        self._draw(self.bar.set_postfix, numbers)

    def on_end(self, run: Run) -> None:
        if hasattr(self, "bar"):
            self._draw(self.bar.close)

    def _draw(self, change, *arguments):
        try:
            change(*arguments)
        except (AttributeError, OSError, ValueError):
            self.bar.disable = True
