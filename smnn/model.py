r"""A model is layers in a row.

Forward, each layer's value is the next one's input, and each leaves a pullback behind.
Backward, the pullbacks are called in reverse:

    y = fₗ(… f₂(f₁(x)))            dx = f₁*(f₂*(… fₗ*(dy)))

That is the chain rule; there is nothing else to backpropagation.  A `Sequential` is
itself a layer, so models nest.

A parameter is known by the position of its layer and its own name: ``"0.W"``, ``"0.b"``.
A layer that is in the model twice, on any level, keeps the name under which it comes first,
and its gradient is the sum over its uses.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from textwrap import indent
from types import MappingProxyType
from typing import Any

import numpy as np

from ._core.files import read_file, write_file
from ._core.types import Array, ArrayLike, Arrays, DType, Pullback, Random, Shape
from ._core.validation import (
    float_array,
    float_dtype,
    generator,
    positive_integer,
    sequence_lengths,
)
from .layers import Layer, ShapeError
from .layers.affine import Affine
from .layers.base import as_shape
from .layers.config import decode, differences, encode
from .layers.sequences import PassesLengths, without_past

FILE_KIND, FILE_VERSION = "smnn model", 2


class Composite(PassesLengths):
    """A layer made of layers, which names their parameters.

    Attributes
    ----------
    layers : list of Layer
    output_shapes : list of tuple, or None
        Of each layer, once it is built.
    """

    def __init__(
        self, layers: Sequence[Layer], dtype: DType, input_shape: Shape | None, rng: Random
    ) -> None:
        self.input_shape = None if input_shape is None else as_shape(input_shape)
        name = type(self).__name__
        if isinstance(layers, Layer):
            raise TypeError(f"{name} takes a list of layers, got the layer {layers!r}")
        self.layers = list(layers)
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"{name} takes layers, got {layer!r}")
        if not self.layers:
            raise ValueError(f"{name} needs at least one layer, got none")
        self.dtype = float_dtype(dtype, options=("float64", "float32")).name
        self.output_shapes: list[Shape] | None = None
        self.rng = None if rng is None else generator(rng)

    def build(self, input_shape: Shape, dtype: DType | None = None, rng: Random = None) -> Shape:
        """Make all parameters for inputs of this shape and return the output shape.

        Parameters that are there already stay as they are.
        """
        if self.output_shapes is None and dtype is not None:
            self.dtype = np.dtype(dtype).name
        if self.rng is None:
            self.rng = generator(rng)
        shapes = self._build_layers(tuple(input_shape))
        self.output_shapes, self._built_shape = shapes, tuple(input_shape)
        first: dict[int, str] = {}
        self._first_names = {
            name: first.setdefault(id(value), name) for name, value in self._named()
        }
        return shapes[-1]

    def _build_layers(self, shape):
        """Build the layers for inputs of this shape and return their output shapes."""
        raise NotImplementedError(f"{type(self).__name__} has no _build_layers")

    @property
    def params(self) -> Arrays:  # type: ignore[override]
        if self.output_shapes is None:
            raise RuntimeError(
                "the model has no parameters yet: give the first layer an input_shape, "
                "or pass the model a first batch"
            )
        return MappingProxyType(
            {name: value for name, value in self._named() if self._known_as(name) == name}
        )

    def _named(self):
        """Yield each parameter under every name that it has."""
        for layer in self.layers:
            for name, value in layer.params.items():
                yield f"{self.place(layer)}.{name}", value

    def _known_as(self, name):
        """Return the first name of a parameter, that of another layer if the two share it."""
        return self._first_names.get(name, name)

    def _add_gradients(self, grads, layer, layer_grads):
        """Add the gradients of a layer to those of all, under the names of `params`."""
        place = self.place(layer)
        for name, grad in layer_grads.items():
            name = self._known_as(f"{place}.{name}")
            grads[name] = grads[name] + grad if name in grads else grad

    @property
    def takes_lengths(self) -> bool:  # type: ignore[override]
        return any(layer.takes_lengths for layer in self.layers)

    @property
    def ends_sequences(self) -> bool:  # type: ignore[override]
        return any(layer.ends_sequences for layer in self.layers)

    def _input(self, x, lengths):
        """Return a batch in the dtype of the model, and the lengths of its sequences.

        The model is built now at the latest.
        """
        if self.integer_input:
            x = np.asarray(x)
        else:
            x = float_array(x, "x", booleans=True).astype(self.dtype, copy=False)
        if self.output_shapes is None:
            self.build(x.shape[1:])
        lengths = sequence_lengths(lengths, x.shape)
        return without_past(x, lengths), lengths

    def place(self, layer: Layer) -> int:
        """Return the position where a layer comes first."""
        for index, one in enumerate(self.layers):
            if one is layer:
                return index
        raise ValueError(f"{layer!r} is no layer of this model")

    def generators(self) -> list[np.random.Generator]:
        """Return the random generators in use, whose states an exact resume must keep."""
        found = [] if self.rng is None else [self.rng]
        for layer in self.layers:
            if isinstance(layer, Composite):
                found += layer.generators()
            elif layer.rng is not None:
                found.append(layer.rng)
        return found

    def built_as(self) -> dict[str, Any]:
        """Return the shape and dtype that the model was built for, as a file keeps them."""
        if self.output_shapes is None:
            return {}
        return {"built": list(self._built_shape), "dtype": self.dtype}


class Sequential(Composite):
    """Layers, one after the other.

    Parameters
    ----------
    layers : sequence of Layer
        The first one's ``input_shape``, or else the first batch, decides all shapes.
    dtype : {"float64", "float32"}
        Of the parameters.  Inputs are turned into it.
    rng : None, int or Generator
        Draws the first weights, and serves every layer that has no ``rng`` of its own.

    Attributes
    ----------
    params : mapping of str to ndarray
        All parameters; write into the arrays, as in ``model.params["0.W"][...] = W``.

    Examples
    --------
    >>> from smnn import Activation, Dense, softmax_cross_entropy
    >>> model = Sequential([Dense(4, "tanh", input_shape=(2,)), Dense(3)], rng=0)
    >>> list(model.params)
    ['0.W', '0.b', '1.W', '1.b']
    >>> logits, backward = model.forward(np.ones((5, 2)), training=True)
    >>> loss, dlogits = softmax_cross_entropy(logits, np.zeros(5, int))
    >>> dx, grads = backward(dlogits)
    >>> grads["0.W"].shape
    (2, 4)
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        dtype: DType = "float64",
        input_shape: Shape | None = None,
        rng: Random = None,
    ) -> None:
        super().__init__(layers, dtype, input_shape, rng)
        if input_shape is not None or self.layers[0].input_shape is not None:
            self.build(self.input_shape or self.layers[0].input_shape or ())

    def _build_layers(self, shape):
        shapes = []
        if self.layers[0].input_shape is None:
            self.input_shape = shape
        for layer, after in pairwise(self.layers):
            if isinstance(layer, Affine) and layer.activation is None:
                layer.next_activation = getattr(after, "function", None)
        for index, layer in enumerate(self.layers):
            if layer.input_shape not in (None, shape):
                raise ShapeError(f"layer {index}: {layer!r} gets inputs of shape {shape}")
            shape = _at(index, layer.build, shape, self.dtype, self.rng)
            shapes.append(shape)
        self._first_with_params = next(
            (i for i, layer in enumerate(self.layers) if layer.params), None
        )
        return shapes

    @property
    def integer_input(self) -> bool:  # type: ignore[override]
        return self.layers[0].integer_input

    def forward(
        self,
        x: ArrayLike,
        training: bool = False,
        lengths: ArrayLike | None = None,
        *,
        input_gradient: bool = True,
    ) -> tuple[Array, Pullback]:
        """Return the value for a batch, and its pullback.

        Parameters
        ----------
        x : (N, ...) array_like
        training : bool
            Whether layers such as `Dropout` do what they do in training.
        lengths : array_like of int, shape (N,), optional
            How long each sequence of x (N, T, ...) is, for the layers that take it, until one has
            made the steps into one output.  What x holds past the ends is not read.
        input_gradient : bool
            False promises that nobody will ask for dx, which saves the work for it.

        Returns
        -------
        y : ndarray
        backward : callable
            ``backward(dy) -> (dx, grads)``, with the names of `params` in ``grads``.
            ``backward(dy, input_gradient=False)`` saves the work for dx and gives None.

        Raises
        ------
        ShapeError
            If a layer does not fit; the message says which.
        """
        return self._forward(x, training, self.layers[-1].forward, input_gradient, lengths)

    def __call__(self, x: ArrayLike, lengths: ArrayLike | None = None) -> Array:
        """Return the value for a batch, without the way back."""
        x, lengths = self._input(x, lengths)
        for index, (layer, options) in enumerate(self._layers_with(lengths)):
            x = _at(index, layer, x, **options)
        return x

    def predict(
        self, x: ArrayLike, *, lengths: ArrayLike | None = None, batch_size: int = 1024
    ) -> Array:
        """Return what ``model(x)`` returns, computed a batch of rows at a time.

        Parameters
        ----------
        x : (N, ...) array_like
            A memory map is read batch by batch.
        lengths : array_like of int, shape (N,), optional
            As in `forward`.
        batch_size : int
            Rows at a time, at least 1.

        Returns
        -------
        ndarray, shape (N, ...)

        Examples
        --------
        >>> from smnn import Dense
        >>> model = Sequential([Dense(3, "softmax")], rng=0)
        >>> model.predict(np.ones((5, 2)), batch_size=2).shape
        (5, 3)
        """
        batch_size = positive_integer(batch_size, "batch_size")
        if not isinstance(x, np.ndarray):
            x = np.asarray(x) if self.integer_input else float_array(x, "x", booleans=True)
        if x.ndim == 0:
            raise ValueError("x must have shape (N, ...), got a single number")
        lengths = sequence_lengths(lengths, x.shape)
        if len(x) <= batch_size:
            return self(x, lengths)
        pieces = [slice(first, first + batch_size) for first in range(0, len(x), batch_size)]
        return np.concatenate(
            [self(x[rows], None if lengths is None else lengths[rows]) for rows in pieces]
        )

    def __len__(self) -> int:
        """The number of layers."""
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __getitem__(self, index: Any) -> Any:
        """Return a layer, or for a slice a model of some layers, which shares their parameters.

        Examples
        --------
        >>> from smnn import Activation, Dense
        >>> model = Sequential([Dense(3, input_shape=(2,)), Activation("softmax")])
        >>> model[0], len(model[:1])
        (Dense(3, input_shape=(2,)), 1)
        """
        if not isinstance(index, slice):
            return self.layers[index]
        return Sequential(self.layers[index], dtype=self.dtype, rng=self.rng)

    def forward_logits(
        self,
        x: ArrayLike,
        training: bool = False,
        output_activation: str = "softmax",
        lengths: ArrayLike | None = None,
        *,
        input_gradient: bool = True,
    ) -> tuple[Array, Pullback]:
        """Do what `forward` does, but stop before a final activation of this name.

        Softmax and cross-entropy are computed together from the logits, where nothing
        overflows and nothing cancels.  So a model that ends in softmax is trained on
        what comes before it.
        """

        def last(x, training, **options):
            return self.layers[-1].forward_logits(x, training, output_activation, **options)

        return self._forward(x, training, last, input_gradient, lengths)

    def _forward(self, x, training, last, input_gradient, lengths):
        x, lengths = self._input(x, lengths)
        pullbacks = []
        for index, (layer, options) in enumerate(self._layers_with(lengths)):
            if index == len(self.layers) - 1:
                forward = last
            elif index == self._first_with_params and not input_gradient:
                forward = layer.forward_first
            else:
                forward = layer.forward
            x, pullback = _at(index, forward, x, training, **options)
            pullbacks.append(pullback)

        def backward(dy, input_gradient=input_gradient):
            dx, grads = self._backward(pullbacks, dy, input_gradient)
            return None if dx is None else without_past(dx, lengths), grads

        return x, backward

    def _layers_with(self, lengths):
        """Yield each layer with the options of its call: the lengths, if it takes them."""
        for layer in self.layers:
            yield layer, {} if lengths is None or not layer.takes_lengths else {"lengths": lengths}
            if layer.ends_sequences:
                lengths = None

    def _backward(self, pullbacks, dy, input_gradient):
        grads = {}
        for index in reversed(range(len(pullbacks))):
            if input_gradient or index != self._first_with_params:
                dy, layer_grads = pullbacks[index](dy)
            else:
                dy, layer_grads = pullbacks[index](dy, input_gradient=False)
            self._add_gradients(grads, self.layers[index], layer_grads)
            if dy is None:  # nothing below is differentiable, or nobody asks
                break
        return dy, grads

    def summary(self) -> None:
        """Print a table of the layers, their output shapes and parameters.

        Examples
        --------
        >>> from smnn import Activation, Dense
        >>> Sequential([Dense(32, input_shape=(784,)), Activation("relu"), Dense(10)]).summary()
           layer                          output   parameters
        0  Dense(32, input_shape=(784,))  (N, 32)      25,120
        1  Activation('relu')             (N, 32)           0
        2  Dense(10)                      (N, 10)         330
           total                                       25,450
        """
        rows = [("", "layer", "output", "parameters")]
        params = self.params
        total = sum(value.size for value in params.values())
        shapes = self.output_shapes or ()
        for index, (layer, shape) in enumerate(zip(self.layers, shapes, strict=True)):
            place = self.place(layer)
            size = sum(value.size for name, value in params.items() if name.startswith(f"{index}."))
            what = repr(layer) if place == index else f"layer {place} again"
            if isinstance(layer, Composite):
                what = f"{type(layer).__name__} of {len(layer.layers)} layers"
            rows.append((str(index), what, _shape_of_batch(shape), f"{size:,}"))
        rows.append(("", "total", "", f"{total:,}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for *words, size in rows:
            cells = [word.ljust(width) for word, width in zip(words, widths, strict=False)]
            print("  ".join([*cells, size.rjust(widths[-1])]))

    def __repr__(self) -> str:
        layers = [indent(f"{layer!r},", 8 * " ") for layer in self.layers]
        options = [f"    {k}={v!r}," for k, v in self.config().items() if k != "layers"]
        return "\n".join(["Sequential(", "    [", *layers, "    ],", *options, ")"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the configuration and the parameters to one safetensors file.

        The file is complete or it is not there: what it replaces stays until the new one
        is written.  Before anything is written the model is made again from its configuration,
        and refused if that gives another one.

        Raises
        ------
        ValueError
            If a part of the model could not come back: a layer holds a function of your own,
            or something that its constructor does not take.
        OSError
            If the file cannot be written.
        """
        try:
            text = json.dumps(encode(self))
            twin = decode(json.loads(text))
            faults = differences(self, twin)
            arrays, twins = _arrays(self), _arrays(twin)
            if self.output_shapes is not None and not faults:
                faults = _faults_of_arrays(arrays, twins)
        except Exception as error:  # a constructor of the reader's own may raise anything
            raise ValueError(
                f"this model cannot be saved, for it could not be made again: {error}.  Name "
                "activations and initializers, or save model.params by themselves"
            ) from error
        if faults:
            raise ValueError(f"this model cannot be saved: {faults[0]}")
        write_file(path, FILE_KIND, FILE_VERSION, text, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Sequential:
        """Read a model that `save` wrote.

        Layers of your own must be defined, or their module imported, before.

        Raises
        ------
        OSError
            If the file is not there.
        ValueError
            If the file is not such a model, is damaged, or comes from a newer version.
        """
        text, arrays = read_file(path, FILE_KIND, FILE_VERSION)
        try:
            model = decode(json.loads(text))
        except Exception as error:  # a constructor of the reader's own may raise anything
            raise ValueError(f"{path} describes no model that smnn knows: {error}") from error
        if not isinstance(model, cls):
            raise ValueError(f"{path} describes no model: it holds a {type(model).__name__}")
        faults = _faults_of_arrays(arrays, _arrays(model)) if model.output_shapes else []
        if faults:
            raise ValueError(f"{path} is damaged: {faults[0]}")
        _put_arrays(model, arrays)
        return model


def _arrays(model, before=""):
    """Return all parameters that there are, built or not, by the names of ``params``."""
    found = {}
    for layer in model.layers:
        name = f"{before}{model.place(layer)}."
        if isinstance(layer, Composite):
            found |= _arrays(layer, name)
        else:
            found |= {f"{name}{key}": value for key, value in layer.params.items()}
    return found


def _put_arrays(model, arrays):
    """Write the numbers of a file into a model; a layer that is not built yet takes the arrays."""
    for name, value in arrays.items():
        *places, key = name.split(".")
        layer = model
        for place in places:
            layer = layer.layers[int(place)]
        if key in layer.params:
            layer.params[key][...] = value
        else:
            layer.params[key] = value


def _faults_of_arrays(arrays, expected):
    """Return how the parameters of a file differ from those of its model, in words."""
    faults = [f"it has a parameter {name} too much" for name in arrays.keys() - expected.keys()]
    for name, value in expected.items():
        found = arrays.get(name)
        if found is None or (found.shape, found.dtype) != (value.shape, value.dtype):
            got = "nothing" if found is None else f"{found.shape} {found.dtype}"
            faults.append(f"{name} should have shape {value.shape} {value.dtype}, got {got}")
    return faults


def _shape_of_batch(shape):
    return f"({', '.join(map(str, ('N', *shape)))})"


def _at(index, method, *arguments, **options):
    """Call a layer's method; a shape error says which layer it was."""
    try:
        return method(*arguments, **options)
    except ShapeError as error:
        raise ShapeError(f"layer {index}: {error}") from None
