"""The pad on the cover: draw a digit, and the network of the chapter on digits answers."""

import numpy as np

from smnn import Dense, Sequential
from smnn_book.draggable import DraggableFigure
from smnn_book.results import kept_results

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# A five, drawn with a round pen on a pad of 200 by 200.
FIVE = [
    [[142, 38], [104, 36], [76, 40]],
    [[76, 40], [72, 64], [70, 90], [90, 82], [112, 82], [130, 92], [139, 110], [139, 130],
     [130, 148], [114, 160], [92, 163], [72, 156], [60, 146]],
]  # fmt: skip

# The chapters that derive what the parts show, from the cover.
LINKS = {
    "pixels": "networks/digits.html",
    "hidden": "networks/hidden-layers.html",
    "softmax": "many-classes/softmax.html",
}


def digit_network():
    """Return the network that reads the pad.

    It is the first network of the chapter on digits, after its last epoch, with each weight
    of the hidden layer rounded to one of 64 levels.  `tools/digit_pad.py` writes its weights.

    Returns
    -------
    smnn.Sequential

    Examples
    --------
    >>> digit_network()(np.zeros((1, 784))).shape
    (1, 10)
    """
    kept = kept_results("digit_pad")
    scales = np.array(kept["scales"])
    level = np.array([ALPHABET.index(letter) for letter in kept["W1"]]) - 32
    network = Sequential([Dense(len(scales), "relu", input_shape=(784,)), Dense(10)], rng=0)
    network.params["0.W"][...] = level.reshape(784, -1) * scales
    for name in ("0.b", "1.W", "1.b"):
        network.params[name][...] = kept[{"0.b": "b1", "1.W": "W2", "1.b": "b2"}[name]]
    return network


def worst_mistakes():
    """Return the ten images of the pad's chips: pixels between 0 and 1, and what they mean.

    Returns
    -------
    x : ndarray, shape (10, 784)
    y : ndarray, shape (10,)

    Examples
    --------
    >>> x, y = worst_mistakes()
    >>> x.shape, int((digit_network()(x).argmax(axis=1) == y).sum())
    ((10, 784), 0)
    """
    mistakes = kept_results("digit_pad")["mistakes"]
    x = np.array([list(bytes.fromhex(one["pixels"])) for one in mistakes]) / 255
    return x, np.array([one["label"] for one in mistakes])


def digit_pad(*, name="digit-pad"):
    """Return a pad to draw a digit on, with the network that reads it.

    Parameters
    ----------
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Examples
    --------
    >>> print(digit_pad().text)
    A five, for a start. Draw a digit of your own on the page of the book.
    """
    return DraggableFigure(
        name=name,
        kind="digit-pad",
        alt="A pad with a drawn five; beside it the same in 28 by 28 pixels, the 128 hidden units "
        "of a network, and bars for the probabilities of the ten digits.",
        text="A five, for a start. Draw a digit of your own on the page of the book.",
        data={"strokes": FIVE, "links": LINKS},
    )
