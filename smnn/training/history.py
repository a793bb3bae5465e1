"""What is recorded during training: the numbers of each epoch, and the best parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator, KeysView, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class History:
    """What was recorded in each epoch; ``history["loss"]`` is a list of numbers.

    It works as a mapping from names to lists, except that ``len(history)`` is the number of
    epochs.  All lists are equally long.

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
    >>> "accuracy" in history, list(history)
    (False, ['loss', 'val_loss'])
    """

    def __init__(self) -> None:
        self._columns: dict[str, list] = {}
        self.stopped: str | None = None

    def append(self, record: Mapping[str, float]) -> None:
        """Add the numbers of one epoch, under the same names every time.

        Raises
        ------
        ValueError
            If the names are not those of the epochs before.
        """
        if self._columns and record.keys() != self._columns.keys():
            raise ValueError(
                f"the history records {', '.join(map(repr, self._columns))}, "
                f"got {', '.join(map(repr, record)) or 'nothing'}"
            )
        for name, value in record.items():
            self._columns.setdefault(name, []).append(value)

    def keys(self) -> KeysView[str]:
        """Return the names of what is recorded."""
        return self._columns.keys()

    def get(self, name: str, default: Any = None) -> Any:
        """Return the list of this name, or the default if it was not recorded."""
        return self._columns.get(name, default)

    def __getitem__(self, name: str) -> list:
        if name not in self._columns:
            known = ", ".join(map(repr, self._columns)) or "nothing"
            raise KeyError(f"{name!r} was not recorded; recorded: {known}")
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __len__(self) -> int:
        """Return the number of epochs."""
        return len(next(iter(self._columns.values()), ()))

    def __copy__(self) -> History:
        copy = History()
        copy.load_state(self.state())
        copy.stopped = self.stopped
        return copy

    def __repr__(self) -> str:
        last = [f"{name} {column[-1]:.4g}" for name, column in self._columns.items()]
        stopped = [self.stopped] if self.stopped else []
        epochs = f"{len(self)} epoch{'' if len(self) == 1 else 's'}"
        return f"History({', '.join([epochs, *last, *stopped])})"

    def state(self) -> dict[str, list]:
        """Return what a checkpoint saves."""
        return {name: list(column) for name, column in self._columns.items()}

    def load_state(self, state: Mapping[str, Sequence]) -> None:
        """Take over what `state` returned."""
        self._columns = {name: list(column) for name, column in state.items()}

    def plot(self, names: str | Sequence[str] | None = None, *, ax: Any = None) -> Any:
        """Draw the curves and return the Matplotlib axes; see `smnn.plot.training_history`."""
        from ..plot import training_history

        return training_history(self, names, ax=ax)


class Snapshot:
    """A copy of the parameters at their best: the lowest value so far.

    Examples
    --------
    >>> import numpy as np
    >>> params = {"w": np.array([1.0])}
    >>> best = Snapshot(params)
    >>> best.update_if_better(0.5, params, epoch=1)
    True
    >>> params["w"] += 1
    >>> best.update_if_better(0.7, params, epoch=2)
    False
    >>> best.restore(params)
    >>> params["w"]
    array([1.])
    """

    def __init__(self, params: Mapping[str, NDArray]) -> None:
        self.params = _copies(params)
        self.value = math.inf
        self.epoch = 0

    def update_if_better(self, value: float, params: Mapping[str, NDArray], epoch: int) -> bool:
        """Keep the parameters if the value is lower than all before; return whether it is."""
        if not value < self.value:
            return False
        self.value, self.epoch = value, epoch
        for name, kept in self.params.items():
            np.copyto(kept, params[name])
        return True

    def restore(self, params: Mapping[str, NDArray]) -> None:
        """Write the kept numbers into the given parameters."""
        for name, kept in self.params.items():
            np.copyto(params[name], kept)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint saves."""
        return {"params": _copies(self.params), "value": self.value, "epoch": self.epoch}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        self.params = _copies(state["params"])
        self.value, self.epoch = state["value"], state["epoch"]


def _copies(params):
    return {name: np.array(value) for name, value in params.items()}
