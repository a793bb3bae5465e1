"""Stop now, go on later, and end with the same numbers to the last bit.

A checkpoint holds everything that the rest of a training run depends on: parameters,
optimizer buffers, the states of all random generators, the history, the counts, and what
the callbacks remember.  It is written after whole epochs, because only between epochs is
the order of the examples not half used.

The file holds arrays, and one line of JSON that says where each of them belongs.  JSON knows
neither tuples nor keys that are numbers, so every container is written with its kind:
``{"tuple": […]}``, ``{"list": […]}``, ``{"dict": [[key, value], …]}``, and an array as
``{"array": name}``.
"""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .._core.files import check_folder, read_file, write_file
from .._core.validation import positive_integer
from .callbacks import Callback
from .run import Run

_KIND = "smnn checkpoint"
_VERSION = 2
_DTYPES = {np.dtype(kind) for kind in (*"?bhilqBHILQ", "f2", "f4", "f8")}


class Checkpoint(Callback):
    """Save the whole run after an epoch, and resume it exactly.

    Parameters
    ----------
    path : str or path-like
        Where the file goes.  It replaces one that is there.
    every : int
        Save after every so many epochs, and after the last.
    resume : bool
        If the file is there at the start, go on from it.  The model, the optimizer, the
        callbacks and the other arguments of `fit` must be as they were before, and the data
        must be the same; only ``epochs`` may change.

    Raises
    ------
    FileNotFoundError
        Before the first step, when the folder of the file is not there.
    ValueError
        Before the first step, when the file is not a checkpoint, is of a newer version, or is
        of another model or another run; nothing is changed then.  And when a callback's state
        holds something that no file can keep.

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

    def __init__(self, path: str | os.PathLike, *, every: int = 1, resume: bool = False) -> None:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path must be a str or path-like, got {path!r}")
        if not isinstance(resume, bool | np.bool_):
            raise TypeError(f"resume must be True or False, got {resume!r}")
        self.path, self.resume = Path(path), bool(resume)
        self.every = positive_integer(every, "every")

    def check(self, run: Run) -> None:
        if find_spec("safetensors") is None:
            raise ImportError('Checkpoint needs safetensors: pip install "smnn[save]"')
        check_folder(self.path)
        self.resumed = _read(self.path) if self.resume and self.path.exists() else None
        if self.resumed is not None:
            _compare(run, self.resumed, self.path)

    def on_start(self, run: Run) -> None:
        # A callback may change the optimizer on the way; a resumed run starts with another one.
        self.optimizer = _settings_of(run.optimizer)
        _encode(_states(run), "the callbacks", {})
        if self.resumed is not None:
            _restore(run, self.resumed)
            self.resumed = None

    def on_epoch(self, run: Run) -> None:
        last = run.epoch == run.epochs or run.stopped
        if last or run.epoch % self.every == 0:
            _write(self.path, _state_of(run, self.optimizer))


def _state_of(run, optimizer):
    """Return everything that the rest of the run depends on, as nested dicts and lists."""
    return {
        "run": _identity(run),
        "optimizer settings": optimizer,
        "learning rates": _rates(run.optimizer, run.step),
        "epoch": run.epoch,
        "step": run.step,
        "stopped": run.stopped,
        "params": dict(run.model.params),
        "best": run.best.state(),
        "optimizer": run.optimizer.state_dict(),
        "optimizer now": _settings_of(run.optimizer),
        "generators": [g.bit_generator.state for g in _generators(run)],
        "history": run.history.state(),
        "callbacks": _states(run),
    }


def _identity(run):
    """Return what a resumed run must have in common with the run that was saved."""
    return {
        "parameters": {name: value.shape for name, value in run.model.params.items()},
        "dtypes": sorted({value.dtype.name for value in run.model.params.values()}),
        "steps an epoch": run.steps_per_epoch,
        **run.settings,
        "records": list(run.recorded),
        "callbacks": [type(c).__name__ for c in _stateful(run)],
        "generators": [type(g.bit_generator).__name__ for g in _generators(run)],
    }


def _compare(run, state, path):
    """Raise ValueError if the state is that of another run, and say what differs."""
    here, saved = _identity(run), state["run"]
    here["optimizer"], saved["optimizer"] = _settings_of(run.optimizer), state["optimizer settings"]
    here["learning rates"], saved["learning rates"] = (
        _rates(run.optimizer, state["step"]),
        state["learning rates"],
    )
    for what, value in here.items():
        if saved.get(what) != value:
            raise ValueError(
                f"{path} is a checkpoint of another run: {what}: {saved.get(what)} there, "
                f"{value} here"
            )


def _restore(run, state):
    """Put a run into the state that was saved."""
    run.optimizer.load_state_dict(state["optimizer"])
    vars(run.optimizer).update(
        {name: value for name, value in state["optimizer now"].items() if name != "kind"}
    )
    for callback, (_, saved_state) in zip(_stateful(run), state["callbacks"], strict=True):
        callback.load_state(saved_state)
    for name, value in run.model.params.items():
        value[...] = state["params"][name]
    for generator, saved_state in zip(_generators(run), state["generators"], strict=True):
        generator.bit_generator.state = saved_state
    run.best.load_state(state["best"])
    run.history.load_state(state["history"])
    run.epoch, run.step, run.stopped = state["epoch"], state["step"], state["stopped"]
    run.steps_of_whole_epochs = run.step


def _settings_of(optimizer):
    """Return the kind of an optimizer and the numbers that it was made with."""
    settings = {
        name: value
        for name, value in vars(optimizer).items()
        if name not in ("steps", "state") and _is_setting(value)
    }
    return {"kind": type(optimizer).__name__, **settings}


def _is_setting(value):
    if isinstance(value, tuple):
        return all(map(_is_setting, value))
    return value is None or isinstance(value, bool | int | float | str)


def _rates(optimizer, step):
    """Return what a schedule gives at steps that were taken, which tells it from others."""
    schedule = getattr(optimizer, "lr", None)
    if not callable(schedule) or not step:
        return None
    return [float(schedule(taken)) for taken in sorted({0, step // 2, step - 1})]


def _generators(run):
    of_model = run.model.generators() if hasattr(run.model, "generators") else []
    return [run.rng, *of_model]


def _stateful(run):
    return [c for c in run.callbacks if type(c).state is not Callback.state]


def _states(run):
    return [(type(c).__name__, c.state()) for c in _stateful(run)]


def _write(path, state):
    arrays: dict[str, Any] = {}
    text = json.dumps(_encode(state, "the run", arrays))
    write_file(path, _KIND, _VERSION, text, arrays)


def _read(path):
    text, arrays = read_file(path, _KIND, _VERSION)
    state = json.loads(text)
    if state.keys() != {"dict"}:
        raise ValueError(f"{path} was written by an older smnn, and cannot be resumed")
    return _decode(state, arrays)


def _encode(value, place, arrays):
    """Return a value as JSON can write it; arrays go into a flat dict.

    ``place`` says where the value was found, in a message and in the file.
    """
    if isinstance(value, np.ndarray | np.generic) and value.dtype.newbyteorder("=") in _DTYPES:
        name = f"{len(arrays)} {place}"
        arrays[name] = np.asarray(value, value.dtype.newbyteorder("="))
        return {"array" if isinstance(value, np.ndarray) else "number": name}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        pairs = [
            [_encode(key, place, arrays), _encode(item, f"{place}/{key}", arrays)]
            for key, item in value.items()
        ]
        return {"dict": pairs}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encode(v, f"{place}/{i}", arrays) for i, v in enumerate(value)]}
    raise ValueError(
        f"a checkpoint cannot keep the {type(value).__name__} at {place}: it keeps numbers, "
        "strings, None, arrays of numbers, and dicts, lists and tuples of them"
    )


def _decode(value, arrays):
    """Return what `_encode` was given."""
    if not isinstance(value, dict):
        return value
    [(kind, content)] = value.items()
    if kind == "dict":
        return {_decode(key, arrays): _decode(item, arrays) for key, item in content}
    if kind in ("list", "tuple"):
        return {"list": list, "tuple": tuple}[kind](_decode(item, arrays) for item in content)
    return arrays[content] if kind == "array" else arrays[content][()]
