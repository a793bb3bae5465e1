"""What is written down during training: the numbers of each epoch, and the best parameters."""

import math

import numpy as np


class History:
    """What was recorded in each epoch; ``history["loss"]`` is a list of numbers.

    Attributes
    ----------
    stopped : str or None
        Why the training ended before its last epoch, if it did.

    Examples
    --------
    >>> from smnn import History
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
        from ..plot import training_history

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
