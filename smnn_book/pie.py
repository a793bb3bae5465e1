"""A task in pieces: a pie of six slices, and the loss of a mixture that is to learn it."""

import numpy as np


def pie(n, rng):
    """Return points of a square around 0 and their classes, which alternate from slice to slice.

    Parameters
    ----------
    n : int
    rng : Generator

    Returns
    -------
    x : (n, 2) ndarray
        From −1 to 1.
    y : (n,) ndarray of int
        0 in the three slices of 60° that begin at 0°, 120° and 240°, 1 in the other three.

    Examples
    --------
    >>> x, y = pie(1000, np.random.default_rng(0))
    >>> x.shape, np.bincount(y)
    ((1000, 2), array([487, 513]))
    """
    x = rng.uniform(-1, 1, size=(n, 2))
    angle = np.arctan2(x[:, 1], x[:, 0])
    return x, np.floor(angle / (np.pi / 3)).astype(int) % 2


def mixture_loss(probs, y):
    """Return the mean of −log p of the true classes, and its gradient with respect to `probs`.

    For a mixture whose experts end in softmax: its output is a mean of probabilities, so that
    there are no logits whose softmax it is.

    Examples
    --------
    >>> loss, dprobs = mixture_loss(np.array([[0.5, 0.5], [0.2, 0.8]]), np.array([0, 1]))
    >>> round(loss, 4), dprobs
    (0.4581, array([[-1.   ,  0.   ],
           [ 0.   , -0.625]]))
    """
    rows = np.arange(len(y))
    of_true = probs[rows, y]
    dprobs = np.zeros_like(probs)
    dprobs[rows, y] = -1 / (len(y) * of_true)
    return float(-np.log(of_true).mean()), dprobs
