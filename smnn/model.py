r"""A model is layers in a row.

Forward, each layer's value is the next one's input, and each leaves a pullback behind.
Backward, the pullbacks are called in reverse:

    y = fₗ(… f₂(f₁(x)))            dx = f₁*(f₂*(… fₗ*(dy)))

That is the chain rule; there is nothing else to backpropagation.  A `Sequential` is
itself a layer, so models nest.

A parameter is known by the position of its layer and its own name: ``"0.W"``, ``"0.b"``.
A layer that stands in the list twice keeps the position where it stands first, and its
gradient is the sum over its uses.
"""

import json
from itertools import pairwise
from textwrap import indent
from types import MappingProxyType

import numpy as np

from ._core.files import read_file, write_file
from ._core.validation import choice, float_array, generator
from .layers import Dense, Layer, ShapeError

FILE_KIND, FILE_VERSION = "smnn model", 1


class Sequential(Layer):
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

    def __init__(self, layers, *, dtype="float64", input_shape=None, rng=None):
        self.layers = list(layers)
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"Sequential takes layers, got {layer!r}")
        if not self.layers:
            raise ValueError("Sequential needs at least one layer, got none")
        self.dtype = choice(np.dtype(dtype).name, ("float64", "float32"), "dtype")
        self.input_shape = input_shape
        self.output_shapes = None
        self.rng = None if rng is None else generator(rng)
        if input_shape is not None or self.layers[0].input_shape is not None:
            self.build(input_shape or self.layers[0].input_shape)

    def build(self, input_shape, dtype=None, rng=None):
        """Make all parameters for inputs of this shape and return the output shape.

        Parameters that are there already stay as they are.
        """
        if self.output_shapes is None and dtype is not None:
            self.dtype = dtype
        if self.rng is None:
            self.rng = generator(rng)
        shape, shapes = tuple(input_shape), []
        if self.layers[0].input_shape is None:
            self.input_shape = shape
        for layer, after in pairwise(self.layers):
            if isinstance(layer, Dense) and layer.activation is None:
                layer.next_activation = getattr(after, "function", None)
        for index, layer in enumerate(self.layers):
            if layer.input_shape not in (None, shape):
                raise ShapeError(f"layer {index}: {layer!r} gets inputs of shape {shape}")
            shape = _at(index, layer.build, shape, self.dtype, self.rng)
            shapes.append(shape)
        self.output_shapes = shapes
        self._first_with_params = next(
            (i for i, layer in enumerate(self.layers) if layer.params), None
        )
        return shape

    @property
    def integer_input(self):
        return self.layers[0].integer_input

    @property
    def params(self):
        if self.output_shapes is None:
            raise RuntimeError(
                "the model has no parameters yet: give the first layer an input_shape, "
                "or pass the model a first batch"
            )
        return MappingProxyType(
            {
                f"{self._place(layer)}.{name}": value
                for layer in self.layers
                for name, value in layer.params.items()
            }
        )

    def forward(self, x, training=False):
        """Return the value for a batch, and its pullback.

        Parameters
        ----------
        x : (N, ...) array_like
        training : bool
            Whether layers such as `Dropout` do what they do in training.

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
        return self._forward(x, training, self.layers[-1].forward)

    def forward_logits(self, x, training=False, link="softmax"):
        """Do what `forward` does, but stop before a final activation named ``link``.

        Softmax and cross-entropy are computed together from the logits, where nothing
        overflows and nothing cancels.  So a model that ends in softmax is trained on
        what comes before it.
        """

        def last(x, training):
            return self.layers[-1].forward_logits(x, training, link)

        return self._forward(x, training, last)

    def _forward(self, x, training, last):
        x = np.asarray(x)
        if not self.integer_input:
            x = float_array(x, "x").astype(self.dtype, copy=False)
        if self.output_shapes is None:
            self.build(x.shape[1:])
        pullbacks = []
        for index, layer in enumerate(self.layers):
            forward = layer.forward if index < len(self.layers) - 1 else last
            x, pullback = _at(index, forward, x, training)
            pullbacks.append(pullback)
        return x, lambda dy, input_gradient=True: self._backward(pullbacks, dy, input_gradient)

    def _backward(self, pullbacks, dy, input_gradient):
        grads = {}
        for index in reversed(range(len(pullbacks))):
            if input_gradient or index != self._first_with_params:
                dy, layer_grads = pullbacks[index](dy)
            else:
                dy, layer_grads = pullbacks[index](dy, input_gradient=False)
            for name, grad in layer_grads.items():
                name = f"{self._place(self.layers[index])}.{name}"
                grads[name] = grads[name] + grad if name in grads else grad
            if dy is None:  # nothing below is differentiable, or nobody asks
                break
        return dy, grads

    def _place(self, layer):
        """Return the position where a layer stands first."""
        return self.layers.index(layer)

    def generators(self):
        """Return the random generators in use, whose states an exact resume must keep."""
        found = [] if self.rng is None else [self.rng]
        for layer in self.layers:
            if isinstance(layer, Sequential):
                found += layer.generators()
            elif layer.rng is not None:
                found.append(layer.rng)
        return found

    def summary(self):
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
        total = sum(value.size for value in self.params.values())
        for index, (layer, shape) in enumerate(zip(self.layers, self.output_shapes, strict=True)):
            place = self._place(layer)
            size = sum(value.size for value in layer.params.values()) if place == index else 0
            what = repr(layer) if place == index else f"layer {place} again"
            if isinstance(layer, Sequential):
                what = f"Sequential of {len(layer.layers)} layers"
            rows.append((str(index), what, _shape_of_batch(shape), f"{size:,}"))
        rows.append(("", "total", "", f"{total:,}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for *words, size in rows:
            cells = [word.ljust(width) for word, width in zip(words, widths, strict=False)]
            print("  ".join([*cells, size.rjust(widths[-1])]))

    def __repr__(self):
        layers = [indent(f"{layer!r},", 8 * " ") for layer in self.layers]
        options = [f"    {k}={v!r}," for k, v in self.config().items() if k != "layers"]
        return "\n".join(["Sequential(", "    [", *layers, "    ],", *options, ")"])

    def save(self, path):
        """Write the configuration and the parameters to one safetensors file.

        The file is complete or it is not there: what it replaces stays until the new one
        is written.

        Raises
        ------
        ValueError
            If a layer holds a function of your own, which no file can keep.
        """
        try:
            config = json.dumps(_encode(self))
        except TypeError as error:
            raise ValueError(
                f"this model cannot be saved: {error}; name activations and initializers, "
                "or save model.params by themselves"
            ) from None
        write_file(path, FILE_KIND, FILE_VERSION, config, self.params)

    @classmethod
    def load(cls, path):
        """Read a model that `save` wrote.

        Layers of your own must be defined, or their module imported, before.

        Raises
        ------
        ValueError
            If the file is not such a model, is damaged, or comes from a newer version.
        """
        config, arrays = read_file(path, FILE_KIND, FILE_VERSION)
        try:
            model = _decode(json.loads(config))
            if not isinstance(model, cls):
                raise TypeError(f"it is no {cls.__name__}")
            params = model.params
        except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
            raise ValueError(f"{path} describes no model that smnn knows: {error}") from error
        for name, value in params.items():
            if name not in arrays or arrays[name].shape != value.shape:
                raise ValueError(
                    f"{path} is damaged: {name} should have shape {value.shape}, "
                    f"got {arrays[name].shape if name in arrays else 'nothing'}"
                )
            value[...] = arrays[name]
        return model


def _shape_of_batch(shape):
    return f"({', '.join(map(str, ('N', *shape)))})"


def _at(index, method, *arguments):
    """Call a layer's method; a shape error says which layer it was."""
    try:
        return method(*arguments)
    except ShapeError as error:
        raise ShapeError(f"layer {index}: {error}") from None


def _encode(value):
    """Return a layer, or an argument of one, as JSON can write it."""
    if isinstance(value, Layer):
        arguments = {name: _encode(argument) for name, argument in value.config().items()}
        return {"layer": type(value).__name__, **arguments}
    if isinstance(value, list):
        return [
            {"again": value.index(item)} if value.index(item) < index else _encode(item)
            for index, item in enumerate(value)
        ]
    return value


def _decode(value):
    """Return what `_encode` was given."""
    if isinstance(value, dict):
        arguments = {name: _decode(argument) for name, argument in value.items()}
        name = arguments.pop("layer")
        return _layer_classes()[choice(name, _layer_classes(), "layer")](**arguments)
    if isinstance(value, list):
        items = []
        for item in value:
            again = isinstance(item, dict) and "again" in item
            items.append(items[item["again"]] if again else _decode(item))
        return items
    return value


def _layer_classes(base=Layer):
    """Return every layer class that is defined, by its name."""
    found = {}
    for cls in base.__subclasses__():
        found |= {cls.__name__: cls, **_layer_classes(cls)}
    return found
