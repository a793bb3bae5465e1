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

Sequences are (N, T, features).  Where they have different lengths, a layer that mixes the steps
is told by ``forward(x, training, lengths)``; it says so by ``takes_lengths = True``, and by
``ends_sequences = True`` that its output has no axis of time.  All other layers work on each
step by itself, and need not know.

Rows are examples.  Shapes leave the batch axis out, and () is a single number.
"""

from .activation import Activation, PReLU
from .attention import MultiHeadAttention
from .base import Layer, ShapeError
from .convolution import Conv2D, Conv2DTranspose
from .dense import Dense
from .dropout import Dropout
from .embedding import Embedding
from .flatten import Flatten
from .normalization import LayerNorm
from .pooling import AveragePooling2D, MaxPooling2D
from .recurrent import GRU, LSTM, SimpleRNN

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "AveragePooling2D",
    "Conv2D",
    "Conv2DTranspose",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "Layer",
    "LayerNorm",
    "MaxPooling2D",
    "MultiHeadAttention",
    "PReLU",
    "ShapeError",
    "SimpleRNN",
]
