"""What all layers share: parameters, shapes, a readable name."""

import inspect

import numpy as np

from .._core.validation import generator


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

    def __init__(self, *, input_shape=None, rng=None):
        self.input_shape = None if input_shape is None else tuple(input_shape)
        self.rng = None if rng is None else generator(rng)
        self.params = {}

    def build(self, input_shape, dtype="float64", rng=None):
        """Make the parameters for inputs of this shape and return the output shape."""
        return tuple(input_shape)

    def forward(self, x, training=False):
        """Return ``(y, backward)``."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def forward_logits(self, x, training=False, link="softmax"):
        """Do what `forward` does, without a final activation of the name ``link``."""
        return self.forward(x, training)

    def __call__(self, x):
        """Return the value of `forward` alone."""
        return self.forward(np.asarray(x))[0]

    def config(self):
        """Return the arguments that make this layer again, those at their default left out."""
        config = {}
        for name, parameter in inspect.signature(type(self)).parameters.items():
            value = getattr(self, name)
            if parameter.kind is parameter.VAR_KEYWORD:
                config.update(value)
            elif name != "rng" and value != parameter.default:
                config[name] = value
        return config

    def __repr__(self):
        signature = inspect.signature(type(self)).parameters
        arguments = [
            repr(value)
            if name in signature and signature[name].kind is not inspect.Parameter.KEYWORD_ONLY
            else f"{name}={value!r}"
            for name, value in self.config().items()
        ]
        return f"{type(self).__name__}({', '.join(arguments)})"

    def _expect(self, fits, expected, shape):
        if not fits:
            raise ShapeError(f"{self!r} expects inputs of shape {expected}, got {shape}")
