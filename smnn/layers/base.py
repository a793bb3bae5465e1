"""What all layers share: parameters, shapes, a readable name."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np

from .._core.types import Array, ArrayLike, DType, Pullback, Random, Shape
from .._core.validation import float_array, generator, integer


class ShapeError(ValueError):
    """An array does not fit a layer; the message names the layer and both shapes.

    >>> from smnn import Dense
    >>> layer = Dense(2)
    >>> layer.build((3,))
    (2,)
    >>> layer(np.ones((1, 4)))
    Traceback (most recent call last):
        ...
    smnn.layers.base.ShapeError: Dense(2) expects inputs of shape (…, 3), got (1, 4)
    """


class Layer:
    """What all layers share: parameters, shapes, a readable name.

    Parameters
    ----------
    input_shape : tuple of int, optional
        The shape of one example, for the first layer of a model.
    rng : None, int or Generator
        Where this layer's randomness comes from; a model lends its own otherwise.

    Attributes
    ----------
    params : dict of str to ndarray
        The parameters, empty until the layer is built.  Optimizers change them in place.

    Examples
    --------
    A layer that doubles:

    >>> class Double(Layer):
    ...     def forward(self, x, training=False):
    ...         return 2 * x, lambda dy: (2 * dy, {})
    >>> Double()(np.array([1.0, 2.0]))
    array([2., 4.])
    """

    integer_input = False
    takes_lengths = False  # whether `forward` takes the lengths of sequences
    ends_sequences = False  # whether what comes out has no axis of time any more
    _arguments: dict[str, Any] = {}  # noqa: RUF012 - a layer without a constructor of its own has none

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            setattr(cls, "__init__", _remember_arguments(cls.__init__))  # noqa: B010

    def __init__(self, *, input_shape: Shape | None = None, rng: Random = None) -> None:
        self.input_shape = None if input_shape is None else as_shape(input_shape)
        self.rng = None if rng is None else generator(rng)
        self.params: dict[str, Array] = {}

    def build(self, input_shape: Shape, dtype: DType = "float64", rng: Random = None) -> Shape:
        """Make the parameters for inputs of this shape and return the output shape."""
        return tuple(input_shape)

    def forward(self, x: Any, training: bool = False) -> tuple[Array, Pullback]:
        """Return ``(y, backward)``."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def forward_logits(
        self, x: ArrayLike, training: bool = False, output_activation: str = "softmax"
    ) -> tuple[Array, Pullback]:
        """Do what `forward` does, without a final activation of this name."""
        return self.forward(x, training)

    def forward_first(self, x: ArrayLike, training: bool = False) -> tuple[Array, Pullback]:
        """Do what `forward` does, for the first layer of a model that is trained.

        Nobody asks it for the gradient with respect to its input, so it need not keep what that
        gradient takes.
        """
        return self.forward(x, training)

    def __call__(self, x: ArrayLike) -> Array:
        """Return the value of `forward` alone."""
        return self.forward(np.asarray(x))[0]

    def config(self) -> dict[str, Any]:
        """Return the arguments that make this layer again, those at their default left out.

        A layer of the package keeps each argument as an attribute of its name, and its current
        value counts.  For a layer of your own it is what was passed.

        Examples
        --------
        >>> from smnn import Dense
        >>> Dense(3, "relu").config()
        {'units': 3, 'activation': 'relu'}
        """
        config: dict[str, Any] = {}
        for name, parameter in inspect.signature(type(self)).parameters.items():
            passed = self._arguments.get(name, parameter.default)
            value = getattr(self, name) if is_library_class(type(self)) else passed
            if parameter.kind is parameter.VAR_KEYWORD:
                config.update({} if value is inspect.Parameter.empty else value)
            elif parameter.kind is parameter.VAR_POSITIONAL:
                if name in self._arguments:
                    config[name] = self._arguments[name]
            elif name != "rng" and not _same(value, parameter.default):
                config[name] = value
        return {name: _plain(value) for name, value in config.items()}

    def built_as(self) -> dict[str, Any]:
        """Return what a file keeps of the state after `build` beside the parameters."""
        return {}

    def __repr__(self) -> str:
        signature = inspect.signature(type(self)).parameters
        arguments = [
            repr(value)
            if name in signature and signature[name].kind is not inspect.Parameter.KEYWORD_ONLY
            else f"{name}={value!r}"
            for name, value in self.config().items()
        ]
        return f"{type(self).__name__}({', '.join(arguments)})"

    def _floats(self, x):
        """Return an input as an array of floats: parameters never take the dtype of integers."""
        return float_array(x, "x", booleans=True)

    def _expect(self, fits, expected, shape):
        if not fits:
            raise ShapeError(f"{self!r} expects inputs of shape {expected}, got {shape}")


def _remember_arguments(init):
    """Return the constructor, which writes down what it was called with."""

    @functools.wraps(init)
    def remember(self, *args, **options):
        if "_arguments" not in vars(self) and not is_library_class(type(self)):
            try:  # a subclass comes first and writes down its own
                bound = inspect.signature(init).bind(self, *args, **options)
                self._arguments = dict(list(bound.arguments.items())[1:])
            except TypeError:
                pass  # the constructor itself says it better
        init(self, *args, **options)

    return remember


def is_library_class(cls: type) -> bool:
    """Whether a layer class is one of the package, which keeps its arguments as attributes."""
    return cls.__module__.partition(".")[0] == "smnn"


def as_shape(shape: Shape) -> Shape:
    """Return the shape of one example as a tuple of plain integers of at least 0."""
    if isinstance(shape, int | np.integer):
        shape = (shape,)
    shape = tuple(integer(size, "input_shape") for size in shape)
    if min(shape, default=0) < 0:
        raise ValueError(f"input_shape must not hold negative sizes, got {shape}")
    return shape


def _plain(value):
    """Return a number of NumPy as one of Python."""
    return value.item() if isinstance(value, np.generic) else value


def _same(value, default):
    """Whether an argument is at its default; arrays are compared whole."""
    if value is default:
        return True
    if isinstance(value, np.ndarray) or isinstance(default, np.ndarray):
        return False
    return type(value) is type(default) and bool(value == default)
