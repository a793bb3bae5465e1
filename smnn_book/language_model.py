"""A small transformer made of the package's layers, and how it is trained on characters."""

import numpy as np

import smnn
from smnn import Dense, Embedding, LayerNorm, MultiHeadAttention


def waves_of_places(count, width):
    """Return a vector for each place, of sines and cosines of growing wavelengths.

    Neighbors are similar and, for the short waves, differ in a way that is the same everywhere.

    References
    ----------
    A. Vaswani et al., "Attention Is All You Need", 2017, where the wavelengths are longer.

    Examples
    --------
    >>> waves_of_places(3, 4).round(2)
    array([[ 0.  ,  0.  ,  1.  ,  1.  ],
           [ 0.84,  0.07,  0.54,  1.  ],
           [ 0.91,  0.14, -0.42,  0.99]])
    """
    angles = np.arange(count)[:, None] / 200 ** (np.arange(0, width, 2) / width)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


class SmallTransformer:
    r"""Give every position of a text logits of the next character, from those up to it.

    Each block adds two things to x: attention to the positions before, and a dense network.

    .. math:: x \leftarrow x + \operatorname{attention}(\operatorname{norm}(x)), \qquad
              x \leftarrow x + \operatorname{dense}(\operatorname{norm}(x))

    Parameters
    ----------
    size : int
        How many characters there are.
    width, blocks, heads : int
    context : int, default 64
        How many characters it sees at most.
    causal : bool, default True
        Without it, a position sees those after it as well, and with them the answer.
    waves : bool, default True
        Whether the vectors of the places start as `waves_of_places`, or at random.
    dtype : dtype, default float32
    rng : None, int or Generator

    Attributes
    ----------
    layers : dict
        By name, in the order in which they are used.
    params : dict
        The parameters of all layers, such as ``"0 attention W_q"``.

    Examples
    --------
    >>> model = SmallTransformer(5, width=8, blocks=1, heads=2, context=4, rng=0)
    >>> logits, backward = model.forward(np.array([[0, 1, 2, 3]]))
    >>> logits.shape, len(backward(logits)) == len(model.params)
    ((1, 4, 5), True)
    >>> smnn.generate(model, [0, 1], 6, rng=0).shape      # longer than the context
    (8,)
    """

    def __init__(
        self, size, *, width=64, blocks=2, heads=4, context=64, causal=True, waves=True,
        dtype="float32", rng=None,
    ):  # fmt: skip
        self.blocks, self.context = range(blocks), context
        self.layers = {"token": Embedding(size, width), "place": Embedding(context, width)}
        for k in self.blocks:
            self.layers |= {
                f"{k} norm 1": LayerNorm(),
                f"{k} attention": MultiHeadAttention(heads, width // heads, causal=causal),
                f"{k} norm 2": LayerNorm(),
                f"{k} wide": Dense(4 * width, "relu"),
                f"{k} narrow": Dense(width),
            }
        self.layers |= {"norm": LayerNorm(), "scores": Dense(size, init="zeros")}
        shape, rng = (context,), np.random.default_rng(rng)
        for name, layer in self.layers.items():
            built = layer.build(shape, dtype, rng)
            shape = (context,) if name == "token" else built
        if waves:
            self.layers["place"].params["W"][:] = waves_of_places(context, width)
        self.params = {
            f"{name} {kind}": value
            for name, layer in self.layers.items()
            for kind, value in layer.params.items()
        }

    def forward(self, tokens):
        """Return the logits (N, T, size) for characters (N, T), and the backward pass."""
        pullbacks, grads = {}, {}

        def through(name, x):
            y, pullbacks[name] = self.layers[name].forward(x)
            return y

        x = through("token", tokens) + through("place", np.arange(tokens.shape[1]))
        for k in self.blocks:
            x = x + through(f"{k} attention", through(f"{k} norm 1", x))
            x = x + through(f"{k} narrow", through(f"{k} wide", through(f"{k} norm 2", x)))
        logits = through("scores", through("norm", x))

        def back(name, dy):
            dx, own = pullbacks[name](dy)
            grads.update({f"{name} {kind}": grad for kind, grad in own.items()})
            return dx

        def backward(dlogits):
            dx = back("norm", back("scores", dlogits))
            for k in reversed(self.blocks):
                dx = dx + back(f"{k} norm 2", back(f"{k} wide", back(f"{k} narrow", dx)))
                dx = dx + back(f"{k} norm 1", back(f"{k} attention", dx))
            back("place", dx.sum(axis=0))
            back("token", dx)
            return grads

        return logits, backward

    def __call__(self, tokens):
        """Return the logits for characters (N, T), of which the last ``context`` are seen."""
        return self.forward(tokens[:, -self.context :])[0][:, -1]


def train(model, text, *, rate, updates, batch, seed, watch=None, every=50):
    """Train a model on random pieces of a text, as long as its context.

    Adam's rate rises over the first twentieth of the updates and then falls to a tenth along half
    a cosine.

    Parameters
    ----------
    model : SmallTransformer
    text : ndarray of int
    rate : float
    updates, batch, seed : int
    watch : callable, optional
        Called with the number of updates at the start and after every so many.
    every : int, default 50

    Returns
    -------
    list of float
        The loss of each batch, in nats per character.

    Examples
    --------
    >>> model = SmallTransformer(2, width=8, blocks=1, heads=2, context=8, rng=0)
    >>> losses = train(model, np.arange(100) % 2, rate=0.01, updates=40, batch=4, seed=0)
    >>> round(losses[0], 3), losses[-1] < 0.2
    (0.693, True)
    """
    rng, losses, before = np.random.default_rng([seed, 1]), [], max(1, updates // 20)
    schedule = smnn.warmup(smnn.cosine_decay(rate, steps=updates, end=rate / 10), steps=before)
    optimizer = smnn.Adam(schedule)
    for update in range(updates):
        if watch and update % every == 0:
            watch(update)
        starts = rng.integers(len(text) - model.context, size=(batch, 1))
        pieces = text[starts + np.arange(model.context + 1)]
        logits, backward = model.forward(pieces[:, :-1])
        loss, dlogits = smnn.softmax_cross_entropy(logits, pieces[:, 1:])
        gradients = backward(dlogits)
        smnn.clip_gradients(gradients, 1.0)
        optimizer.step(model.params, gradients)
        losses.append(float(loss))
    if watch:
        watch(updates)
    return losses


def text_losses(model, text, skip=0):
    """Return the cross-entropy of each character of a text, in pieces as long as the context.

    Parameters
    ----------
    model : SmallTransformer
    text : ndarray of int
    skip : int, default 0
        How many characters at the start of a piece are read and not judged.  The pieces overlap
        by as many, so that each judged character has at least so many before it.

    Returns
    -------
    ndarray, shape (pieces, context - skip)
        In nats.

    Examples
    --------
    >>> model = SmallTransformer(3, width=8, blocks=1, heads=2, context=8, rng=0)
    >>> losses = text_losses(model, np.arange(50) % 3, skip=4)
    >>> losses.shape, round(float(losses.mean()), 3)
    ((11, 4), 1.099)
    """
    context = model.context
    starts = np.arange(0, len(text) - context, context - skip)
    losses = []
    for some in np.array_split(starts, max(1, len(starts) // 32)):
        pieces = text[some[:, None] + np.arange(context + 1)]
        logits, _ = model.forward(pieces[:, :-1])
        losses.append(smnn.cross_entropy(logits, pieces[:, 1:], reduction="none")[:, skip:])
    return np.concatenate(losses)
