"""Stop now, go on later, and end with the same numbers to the last bit.

A checkpoint holds everything that the rest of a training run depends on: parameters,
optimizer buffers, the states of all random generators, the history, the counts, and what
the callbacks remember.  It is written after whole epochs, because only between epochs is
the order of the examples not half used.

The file holds arrays, and one line of JSON that says where each of them belongs; see
``_files.py``.
"""

import json
from pathlib import Path

import numpy as np

from .._core.files import read_file, write_file
from .._core.validation import integer
from .callbacks import Callback

_KIND = "smnn checkpoint"
_VERSION = 1


class Checkpoint(Callback):
    """Saves the whole run after an epoch, and resumes it exactly.

    Parameters
    ----------
    path : str or path-like
        Where the file goes.  It replaces one that is there.
    every : int
        Save after every so many epochs, and after the last.
    resume : bool
        If the file is there at the start, go on from it.  The model, the optimizer and the
        callbacks must be made as they were before, and the data must be the same.

    Raises
    ------
    ValueError
        At the start, when the file is not a checkpoint, is of a newer version, or is of
        another model or another run.  Nothing is changed then.

    Examples
    --------
    >>> import pathlib, tempfile, smnn
    >>> def train(epochs, *callbacks):
    ...     model = smnn.Sequential([smnn.Dense(2)], rng=0)
    ...     return smnn.fit(model, *smnn.make_xor(), epochs=epochs, callbacks=callbacks, rng=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "run.safetensors")
    ...     _ = train(3, smnn.Checkpoint(path))
    ...     resumed = train(5, smnn.Checkpoint(path, resume=True))
    >>> resumed["loss"] == train(5)["loss"]
    True
    """

    def __init__(self, path, *, every=1, resume=False):
        if integer(every, "every") < 1:
            raise ValueError(f"every must be at least 1, got {every}")
        self.path, self.every, self.resume = Path(path), every, resume

    def on_start(self, run):
        if self.resume and self.path.exists():
            _restore(run, _read(self.path), self.path)

    def on_epoch(self, run):
        last = run.epoch == run.epochs or run.stopped
        if last or run.epoch % self.every == 0:
            _write(self.path, _state_of(run))


def _state_of(run):
    """Everything that the rest of the run depends on, as nested dicts and lists."""
    return {
        "steps_per_epoch": run.steps_per_epoch,
        "epoch": run.epoch,
        "step": run.step,
        "stopped": run.stopped,
        "params": dict(run.model.params),
        "best": run.best.state(),
        "optimizer": run.optimizer.state_dict(),
        "generators": [g.bit_generator.state for g in _generators(run)],
        "history": run.history.state(),
        "callbacks": [[type(c).__name__, c.state()] for c in _stateful(run)],
    }


def _restore(run, state, path):
    """Put a run into the state that was saved, or leave it as it is and say what differs."""
    params = run.model.params
    here = {
        "parameters": {name: value.shape for name, value in params.items()},
        "steps an epoch": run.steps_per_epoch,
        "callbacks": [type(c).__name__ for c in _stateful(run)],
        "generators": [type(g.bit_generator).__name__ for g in _generators(run)],
    }
    saved = {
        "parameters": {name: value.shape for name, value in state["params"].items()},
        "steps an epoch": state["steps_per_epoch"],
        "callbacks": [name for name, _ in state["callbacks"]],
        "generators": [g["bit_generator"] for g in state["generators"]],
    }
    for what, value in here.items():
        if saved[what] != value:
            raise ValueError(
                f"{path} is a checkpoint of another run: its {what} are {saved[what]}, "
                f"here they are {value}"
            )
    run.optimizer.load_state_dict(state["optimizer"])
    for name, value in params.items():
        value[...] = state["params"][name]
    for generator, saved_state in zip(_generators(run), state["generators"], strict=True):
        generator.bit_generator.state = saved_state
    for callback, (_, saved_state) in zip(_stateful(run), state["callbacks"], strict=True):
        callback.load_state(saved_state)
    run.best.load_state(state["best"])
    run.history.load_state(state["history"])
    run.epoch, run.step, run.stopped = state["epoch"], state["step"], state["stopped"]


def _generators(run):
    of_model = run.model.generators() if hasattr(run.model, "generators") else []
    return [run.rng, *of_model]


def _stateful(run):
    return [c for c in run.callbacks if type(c).state is not Callback.state]


def _write(path, state):
    arrays = {}
    text = json.dumps(_without_arrays(state, "", arrays))
    write_file(path, _KIND, _VERSION, text, arrays)


def _read(path):
    text, arrays = read_file(path, _KIND, _VERSION)
    return _with_arrays(json.loads(text), arrays)


def _without_arrays(state, place, arrays):
    """The same nest with each array replaced by its name; the arrays go into a flat dict."""
    if isinstance(state, np.ndarray) and state.ndim:
        arrays[place] = state
        return {"array": place}
    if isinstance(state, dict):
        return {k: _without_arrays(v, f"{place}/{k}", arrays) for k, v in state.items()}
    if isinstance(state, list | tuple):
        return [_without_arrays(v, f"{place}/{i}", arrays) for i, v in enumerate(state)]
    return state.item() if isinstance(state, np.ndarray | np.generic) else state


def _with_arrays(state, arrays):
    """The nest with its arrays again."""
    if isinstance(state, dict):
        if state.keys() == {"array"}:
            return arrays[state["array"]]
        return {k: _with_arrays(v, arrays) for k, v in state.items()}
    if isinstance(state, list):
        return [_with_arrays(v, arrays) for v in state]
    return state
