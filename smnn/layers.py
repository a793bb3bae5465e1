r"""Layers: a forward pass that returns its value and its pullback.

A layer is a function with parameters.  Its one essential method is

    y, backward = layer.forward(x)          the value, and the way back
    dx, grads = backward(dy)                gradients for the input and the parameters

``backward`` remembers what it needs from its own forward pass; the layer itself
remembers nothing.  So a layer may be used twice, in any order, and every use has
its own way back.  ``grads`` has the names of ``layer.params``.

To write a layer of your own, subclass `Layer` and define `forward`, and if it has
parameters or changes the shape, `build`.  A ``backward`` with parameters takes a
second argument, ``input_gradient=True``: training sets it to False on the first layer
of a model, where nobody asks for dx, and gets None in its place.

Rows are examples.  Shapes leave the batch axis out, and () is a single number.
"""

import inspect
import math

import numpy as np

from ._validation import choice, fraction, generator, positive_integer
from .activations import ACTIVATIONS, prelu, prelu_vjp
from .gradcheck import centered_difference
from .initializers import get_initializer


class ShapeError(ValueError):
    """An array does not fit a layer; the message names the layer and both shapes.

    >>> layer = Dense(2)
    >>> layer.build((3,))
    (2,)
    >>> layer(np.ones((1, 4)))
    Traceback (most recent call last):
        ...
    smnn.layers.ShapeError: Dense(2) expects inputs of shape (…, 3), got (1, 4)
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


class Activation(Layer):
    """Apply one function to every number (softmax: to every row).

    Parameters
    ----------
    function : str or callable
        A name in `ACTIVATIONS`, or any elementwise function of an array.
    derivative : callable, optional
        The derivative of a function of your own, ``derivative(x)``.  It is compared
        with a centered difference, and refused if it is wrong.  Without it the
        derivative is the centered difference, good to about nine digits.
    **options
        Passed on to the function, for example ``slope=0.2`` for ``"leaky_relu"``.

    Raises
    ------
    ValueError
        If the name is not known or the derivative is wrong.

    Examples
    --------
    >>> Activation("relu")(np.array([-1.0, 2.0]))
    array([0., 2.])
    >>> y, backward = Activation(np.sin, derivative=np.cos).forward(np.array([0.0]))
    >>> backward(np.array([1.0]))
    (array([1.]), {})
    """

    def __init__(self, function, derivative=None, *, input_shape=None, rng=None, **options):
        super().__init__(input_shape=input_shape, rng=rng)
        self.function, self._f, self._vjp = _differentiable(function, derivative, options)
        self.derivative, self.options = derivative, options
        probe = np.zeros((1, 1))
        if isinstance(self.function, str):  # options that are not the function's: TypeError
            self._vjp(probe, self._f(probe, **options), probe, **options)

    def forward(self, x, training=False):
        y = self._f(x, **self.options)
        if y.shape != x.shape:
            raise ShapeError(f"{self!r} must keep the shape {x.shape}, it gave {y.shape}")
        return y, lambda dy: (self._vjp(dy, y, x, **self.options), {})

    def forward_logits(self, x, training=False, link="softmax"):
        if self.function == link and not self.options:
            return x, lambda dy: (dy, {})
        return self.forward(x, training)


class Dense(Layer):
    """Connect every input to every unit: Z = XW + b, then an activation.

    ::

        Z     (N, units) = X (N, D) W (D, units) + b (units,)
        dX    (N, D)     = dZ (N, units) Wᵀ (units, D)
        dW    (D, units) = Xᵀ (D, N) dZ (N, units)
        db    (units,)   = the rows of dZ, summed: every example used the same b

    Parameters
    ----------
    units : int
        How many outputs.
    activation : str, callable or Activation, optional
        What `Activation` takes, or one such layer.
    input_shape : tuple of int, optional
        The shape of one example.  The last axis is connected; others are kept.
    use_bias : bool
    init : str or callable
        See `get_initializer`; ``"auto"`` follows the activation.
    rng : None, int or Generator

    Attributes
    ----------
    params : dict
        ``"W"`` of shape (D, units), and ``"b"`` of shape (units,).

    Examples
    --------
    >>> layer = Dense(2, input_shape=(3,), init="zeros")
    >>> layer.build((3,))
    (2,)
    >>> y, backward = layer.forward(np.ones((4, 3)))
    >>> dx, grads = backward(np.ones((4, 2)))
    >>> grads["b"]
    array([4., 4.])
    """

    def __init__(
        self, units, activation=None, *, input_shape=None, use_bias=True, init="auto", rng=None
    ):
        super().__init__(input_shape=input_shape, rng=rng)
        self.units = positive_integer(units, "units")
        self.activation = activation
        self.use_bias = use_bias
        self.init = init
        if activation is None or isinstance(activation, Activation):
            self._activation = activation
        else:
            self._activation = Activation(activation)
        # What "auto" follows; a model sets it to the name of the activation that comes next.
        self.next_activation = self._activation and self._activation.function
        get_initializer(init)  # refuses an unknown name here and not at the first batch

    def build(self, input_shape, dtype="float64", rng=None):
        self._expect(len(input_shape) > 0, "(…, features)", tuple(input_shape))
        if not self.params:
            rng = generator(rng) if self.rng is None else self.rng
            initializer = get_initializer(self.init, self.next_activation)
            shape = (input_shape[-1], self.units)
            self.params["W"] = initializer(shape, rng=rng, dtype=dtype)
            if self.use_bias:
                self.params["b"] = np.zeros(self.units, dtype)
        self._expect_features(input_shape)
        return (*input_shape[:-1], self.units)

    def forward(self, x, training=False):
        return self._forward(x, self._activation and self._activation.forward)

    def forward_logits(self, x, training=False, link="softmax"):
        def activation(z):
            return self._activation.forward_logits(z, link=link)

        return self._forward(x, self._activation and activation)

    def _forward(self, x, activation):
        if not self.params:
            self.build(x.shape[1:], x.dtype)
        self._expect_features(x.shape)
        W = self.params["W"]
        z = x @ W
        if self.use_bias:
            z += self.params["b"]
        y, activation_backward = activation(z) if activation else (z, None)

        def backward(dy, input_gradient=True):
            dz = activation_backward(dy)[0] if activation else dy
            rows = x.reshape(-1, x.shape[-1])
            dz_rows = dz.reshape(-1, self.units)
            grads = {"W": rows.T @ dz_rows}
            if self.use_bias:
                grads["b"] = dz_rows.sum(axis=0)
            return dz @ W.T if input_gradient else None, grads

        return y, backward

    def _expect_features(self, shape):
        features = len(self.params["W"])
        self._expect(shape[-1:] == (features,), f"(…, {features})", tuple(shape))


class PReLU(Layer):
    """A leaky ReLU whose slope, one for each feature, is learned.

    Parameters
    ----------
    slope : float
        Where learning starts.

    Examples
    --------
    >>> PReLU()(np.array([[-1.0, 2.0]]))
    array([[-0.25,  2.  ]])
    """

    function = "prelu"

    def __init__(self, slope=0.25, *, input_shape=None, rng=None):
        super().__init__(input_shape=input_shape, rng=rng)
        self.slope = slope

    def build(self, input_shape, dtype="float64", rng=None):
        if not self.params:
            self.params["slope"] = np.full(input_shape[-1:], self.slope, dtype)
        expected = self.params["slope"].shape
        self._expect(input_shape[-1:] == expected, f"(…, {expected[0]})", tuple(input_shape))
        return tuple(input_shape)

    def forward(self, x, training=False):
        self.build(x.shape[1:], x.dtype)
        slope = self.params["slope"]
        y = prelu(x, slope)

        def backward(dy, input_gradient=True):
            dx, dslope = prelu_vjp(dy, y, x, slope)
            return dx, {"slope": dslope}

        return y, backward


class Dropout(Layer):
    """In training, switch off a random share p of the numbers and scale up the rest.

    What is kept is divided by 1 − p, so that the expected value stays what it was and
    nothing needs to change when training is over.

    Parameters
    ----------
    p : float
        The share that is dropped, at least 0 and less than 1.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: a simple way to
    prevent neural networks from overfitting", 2014.

    Examples
    --------
    >>> layer = Dropout(0.5, rng=0)
    >>> layer.forward(np.ones(4))[0]
    array([1., 1., 1., 1.])
    >>> layer.forward(np.ones(4), training=True)[0]
    array([2., 0., 0., 0.])
    """

    def __init__(self, p, *, input_shape=None, rng=None):
        super().__init__(input_shape=input_shape, rng=rng)
        self.p = fraction(p, "p")
        if self.p == 1:
            raise ValueError("p must be less than 1, got 1: nothing would be left")

    def build(self, input_shape, dtype="float64", rng=None):
        if self.rng is None:
            self.rng = generator(rng)
        return tuple(input_shape)

    def forward(self, x, training=False):
        if not training or self.p == 0:
            return x, lambda dy: (dy, {})
        self.build(x.shape[1:])
        kept = (self.rng.random(x.shape) >= self.p) / x.dtype.type(1 - self.p)
        return x * kept, lambda dy: (dy * kept, {})


class Embedding(Layer):
    """Look up one learned vector for each integer.

    The same as a one-hot row times W, without the zeros.

    Parameters
    ----------
    num_embeddings : int
        How many integers there are, from 0.
    embedding_dim : int
        The length of each vector.

    Examples
    --------
    >>> Embedding(10, 4, rng=0)(np.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    integer_input = True

    def __init__(self, num_embeddings, embedding_dim, *, input_shape=None, rng=None):
        super().__init__(input_shape=input_shape, rng=rng)
        self.num_embeddings = positive_integer(num_embeddings, "num_embeddings")
        self.embedding_dim = positive_integer(embedding_dim, "embedding_dim")

    def build(self, input_shape, dtype="float64", rng=None):
        if not self.params:
            rng = generator(rng) if self.rng is None else self.rng
            shape = (self.num_embeddings, self.embedding_dim)
            self.params["W"] = rng.standard_normal(shape).astype(dtype)
        return (*input_shape, self.embedding_dim)

    def forward(self, x, training=False):
        self.build(x.shape[1:])
        W = self.params["W"]
        x = np.asarray(x)
        if x.dtype.kind not in "iu":
            raise TypeError(f"{self!r} expects integers, got dtype {x.dtype}")
        if x.size and not 0 <= x.min() <= x.max() < len(W):
            raise IndexError(
                f"{self!r} has rows 0 … {len(W) - 1}, got integers from {x.min()} to {x.max()}"
            )

        def backward(dy, input_gradient=True):
            dW = np.zeros_like(W)
            np.add.at(dW, x, dy)  # a row that was looked up twice receives both
            return None, {"W": dW}

        return W[x], backward


class Flatten(Layer):
    """Lay every example out as one row.

    Examples
    --------
    >>> Flatten()(np.zeros((2, 3, 4))).shape
    (2, 12)
    """

    def build(self, input_shape, dtype="float64", rng=None):
        return (math.prod(input_shape),)

    def forward(self, x, training=False):
        y = x.reshape(len(x), math.prod(x.shape[1:]))
        return y, lambda dy: (dy.reshape(x.shape), {})


def _differentiable(function, derivative, options):
    """Return (name or function, f, vjp) for what `Activation` was given."""
    if isinstance(function, Layer):
        raise TypeError(f"an activation is a name or a function, got the layer {function!r}")
    for name, (known, _) in ACTIVATIONS.items():
        if function is known and derivative is None:
            function = name
    if not callable(function):
        return function, *ACTIVATIONS[choice(function, ACTIVATIONS, "activation")]

    if derivative is not None:
        _refuse_wrong(derivative, function, options)

    def f(x, **options):
        return np.asarray(function(x, **options)).astype(x.dtype, copy=False)

    def vjp(dy, y, x, **options):
        if derivative is not None:
            return dy * derivative(x, **options)
        slope = centered_difference(lambda x: function(x, **options), x)
        return dy * slope.astype(x.dtype)

    return function, f, vjp


def _refuse_wrong(derivative, function, options):
    """Raise ValueError unless the derivative agrees with a centered difference."""
    x = np.linspace(-3, 3, 61) + 0.0123  # no round number, where a kink might be
    with np.errstate(all="ignore"):
        given = np.broadcast_to(derivative(x, **options), x.shape)
        measured = centered_difference(lambda x: function(x, **options), x)
        agree = np.abs(given - measured) <= 1e-5 * np.maximum(1, np.abs(measured))
    wrong = np.flatnonzero(np.isfinite(measured) & ~agree)
    if wrong.size:
        first = wrong[0]
        raise ValueError(
            f"the derivative of {function!r} is wrong: at x = {x[first]:.4f} it gives "
            f"{given[first]:.6g}, and the function rises by {measured[first]:.6g}"
        )
