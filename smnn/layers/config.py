"""Layers as text, and back: what a file keeps of a model beside its parameters.

A layer is written as the name of its class and the arguments that make it again, see
`Layer.config`.  A class of the package goes by its bare name.  A class of your own goes by its
module and name, so that it never takes the place of another.  A layer that is in a model twice is
written once.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

import numpy as np

from .base import Layer, is_library_class


def encode(layer: Any) -> Any:
    """Return a layer as JSON can write it.

    Raises
    ------
    TypeError
        If an argument is something that no text can keep, such as a function.
    """
    return _Encoder().encode(layer)


def decode(record: Any) -> Any:
    """Return the layer that `encode` was given, made again.

    Raises
    ------
    ValueError
        If a class is not defined here.
    """
    return _Decoder().decode(record)


class _Encoder:
    """Writes a nest of arguments; the layers in it are numbered as they appear."""

    def __init__(self):
        self.seen = []

    def encode(self, value):
        if isinstance(value, Layer):
            return self._layer(value)
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, list):
            return [self.encode(one) for one in value]
        if isinstance(value, tuple):
            return {"tuple": [self.encode(one) for one in value]}
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return {"array": value.tolist(), "dtype": value.dtype.name, "shape": value.shape}
        if isinstance(value, dict):
            return {"dict": [[self.encode(key), self.encode(one)] for key, one in value.items()]}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        what = f"the function {value.__name__!r}" if hasattr(value, "__name__") else repr(value)
        raise TypeError(f"no text can keep {what}")

    def _layer(self, layer):
        for number, one in enumerate(self.seen):
            if one is layer:
                return {"again": number}
        self.seen.append(layer)
        try:
            arguments = {name: self.encode(one) for name, one in layer.config().items()}
        except TypeError as error:
            raise TypeError(f"of {type(layer).__name__}, {error}") from None
        return {"layer": _name_of(type(layer)), "arguments": arguments, **layer.built_as()}


class _Decoder:
    """Makes the layers of a nest again, with the numbers that `_Encoder` gave them."""

    def __init__(self):
        self.seen = []

    def decode(self, value):
        if isinstance(value, list):
            return [self.decode(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "layer" in value:
            return self._layer(value)
        if "again" in value:
            return self.seen[value["again"]]
        if "tuple" in value:
            return tuple(self.decode(one) for one in value["tuple"])
        if "array" in value:
            return np.array(value["array"], value["dtype"]).reshape(value["shape"])
        return {self.decode(key): self.decode(one) for key, one in value["dict"]}

    def _layer(self, record):
        cls = _class_of(record["layer"])
        place = len(self.seen)
        self.seen.append(None)  # the layers inside are numbered after this one
        if "arguments" in record:
            arguments = {name: self.decode(one) for name, one in record["arguments"].items()}
        else:  # the first version of the format
            arguments = {n: self._first_version(v) for n, v in record.items() if n != "layer"}
        positional = ()
        for name, parameter in inspect.signature(cls).parameters.items():
            if parameter.kind is parameter.VAR_POSITIONAL:
                positional = arguments.pop(name, ())
        layer = self.seen[place] = cls(*positional, **arguments)
        if "built" in record:
            layer.build(tuple(record["built"]), record["dtype"])
        return layer

    def _first_version(self, value):
        """Read an argument of the first version, in which "again" counted within its list."""
        if not isinstance(value, list):
            return self.decode(value)
        items = []
        for one in value:
            again = isinstance(one, dict) and "again" in one
            items.append(items[one["again"]] if again else self.decode(one))
        return items


def differences(layer: Any, twin: Any, where: Any = "the model") -> list[str]:
    """Return what a twin made from `encode` has not in common with its original, in words."""
    if type(layer) is not type(twin):
        return [f"{where}: the name of its class leads to another one, {type(twin)!r}"]
    found = []
    if hasattr(layer, "layers") and hasattr(twin, "layers"):
        if len(layer.layers) != len(twin.layers):
            return [f"{where} has {len(layer.layers)} layers, made again it has {len(twin.layers)}"]
        for index, (one, other) in enumerate(zip(layer.layers, twin.layers, strict=True)):
            found += differences(one, other, f"layer {index} of {where}")
    if not is_library_class(type(layer)):
        for name, value in vars(layer).items():
            if not name.startswith("_") and _is_data(value) and name not in ("rng", "params"):
                other = getattr(twin, name, None)
                if not _equal(value, other):
                    found.append(
                        f"{where}: its attribute {name} is {value!r} and would come back as "
                        f"{other!r}: make it an argument of the constructor"
                    )
    return found


def _is_data(value):
    return value is None or isinstance(value, bool | int | float | str | tuple | np.ndarray)


def _equal(value, other):
    if isinstance(value, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(value, other, equal_nan=np.asarray(value).dtype.kind == "f")
    return value == other or (value != value and other != other)


def _name_of(cls):
    return cls.__name__ if is_library_class(cls) else f"{cls.__module__}:{cls.__qualname__}"


def _class_of(name):
    """Return the layer class of a name; one of the reader's own has to be defined."""
    classes = _subclasses(Layer)
    module, _, qualified = name.rpartition(":")
    own = [cls for cls in classes if not is_library_class(cls)]
    if not module:
        there = getattr(sys.modules["smnn"], name, None)  # its room is imported now at the latest
        if isinstance(there, type) and issubclass(there, Layer):
            return there
        named = [cls for cls in own if cls.__name__ == name]  # the first version of the format
    else:
        there = sys.modules.get(module)
        for part in qualified.split("."):
            there = getattr(there, part, None)
        if isinstance(there, type) and issubclass(there, Layer):
            return there
        named = [cls for cls in own if cls.__qualname__ == qualified]
        named = [cls for cls in named if cls.__module__ == module] or named
    if not named:
        known = sorted({_name_of(cls) for cls in classes})
        raise ValueError(
            f"a layer must be one of {', '.join(map(repr, known))}, or be defined or imported "
            f"before, got {name!r}"
        )
    return named[-1]  # a class that was defined again replaces the one before


def _subclasses(cls):
    found = []
    for sub in cls.__subclasses__():
        found += [sub, *_subclasses(sub)]
    return found
