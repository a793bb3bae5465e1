"""Features: an autoencoder with tied weights, and all products of pairs."""

import numpy as np

import smnn
from smnn import Layer


class TiedAutoencoder(Layer):
    """Say an input again after it went through few numbers: x̂ = σ(hWᵀ + c) with h = σ(xW + b).

    What `forward` returns are the logits hWᵀ + c.  The loss for them is
    `smnn.binary_cross_entropy` with the input itself as target, whose gradient is (x̂ − x)/n.

    Parameters
    ----------
    units : int
        How many numbers there are in a code h.
    noise : float
        The share of the inputs that are set to 0 while it trains, chosen anew in every step; the
        target stays whole.  Such an autoencoder is called denoising.
    input_shape, rng
        As for every layer.

    Attributes
    ----------
    params : dict
        ``"W"`` of shape (D, units), ``"b"`` of shape (units,) and ``"c"`` of shape (D,).

    Examples
    --------
    >>> layer = TiedAutoencoder(2, rng=0)
    >>> layer.build((6,))
    (6,)
    >>> x = np.array([[0, 1, 1, 0, 0, 1.0]])
    >>> layer.encode(x).shape, layer(x).shape
    ((1, 2), (1, 6))
    """

    def __init__(self, units, *, noise=0.0, input_shape=None, rng=None):
        super().__init__(input_shape=input_shape, rng=rng)
        self.units, self.noise = units, noise

    def build(self, input_shape, dtype="float64", rng=None):
        if not self.params:
            self.rng = self.rng or np.random.default_rng(rng)
            features = input_shape[-1]
            self.params = {
                "W": smnn.glorot((features, self.units), rng=self.rng, dtype=dtype),
                "b": np.zeros(self.units, dtype),
                "c": np.zeros(features, dtype),
            }
        return tuple(input_shape)

    def encode(self, x):
        """Return the codes σ(xW + b)."""
        return smnn.sigmoid(x @ self.params["W"] + self.params["b"])

    def forward(self, x, training=False):
        if training and self.noise:
            x = x * (self.rng.random(x.shape) >= self.noise)
        x = x.astype(self.params["W"].dtype, copy=False)
        W, h = self.params["W"], self.encode(x)

        def backward(dz, input_gradient=True):
            da = smnn.sigmoid_vjp(dz @ W, h)
            grads = {"W": x.T @ da + dz.T @ h, "b": da.sum(axis=0), "c": dz.sum(axis=0)}
            return da @ W.T if input_gradient else None, grads

        return h @ W.T + self.params["c"], backward


def pairwise_products(u):
    """Return the products of all pairs of columns, of a column with itself too.

    Parameters
    ----------
    u : array_like, shape (N, D)

    Returns
    -------
    ndarray, shape (N, D (D + 1) / 2)

    Examples
    --------
    >>> pairwise_products([[2.0, 3.0, 5.0]])
    array([[ 4.,  6., 10.,  9., 15., 25.]])
    """
    u = np.asarray(u)
    first, second = np.triu_indices(u.shape[1])
    return u[:, first] * u[:, second]
