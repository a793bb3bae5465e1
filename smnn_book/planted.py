"""Five programs with one planted bug each, for the last step of the project.

A reader who wants to find the bugs by their symptoms stops reading here.

All programs are the network of the project: a ReLU layer, a tanh layer and softmax at the
end, with the parameters ``W1``, ``b1`` to ``W3``, ``b3``.  `Program` is right, and each
class below it changes one thing.
"""

import numpy as np

from .exercise import exercise
from .project import initial_params

#: What may be wrong with a program, by the number that a diagnosis gives.
FAULTS = {
    1: "the slope of tanh is taken at the wrong place",
    2: "the gate of ReLU ignores the bias",
    3: "the gate of ReLU never closes",
    4: "the mean over the batch is taken twice",
    5: "the gradient is divided by a fixed batch size",
    6: "one maximum is subtracted from the logits of all rows",
    7: "no maximum is subtracted from the logits",
    8: "the gradients of the biases are means instead of sums",
    9: "the gradients of earlier calls are added",
    10: "the output weights move before the hidden gradients are computed",
    11: "inputs and labels are shuffled separately",
    12: "the last batch of an epoch is left out",
}


class Program:
    """A network that computes its loss and gradients, and trains itself."""

    fault = None

    def loss_and_gradients(self, X, y, params):
        """Return the mean cross-entropy and a dictionary of its gradients.

        Parameters
        ----------
        X : ndarray, shape (N, D)
        y : ndarray of int, shape (N,)
        params : dict of str to ndarray
            ``W1``, ``b1``, ``W2``, ``b2``, ``W3``, ``b3``.

        Returns
        -------
        loss : float
        gradients : dict of str to ndarray
        """
        rows = np.arange(len(y))
        Z1 = X @ params["W1"] + params["b1"]
        H1 = np.maximum(Z1, 0)
        H2 = np.tanh(H1 @ params["W2"] + params["b2"])
        Z3 = H2 @ params["W3"] + params["b3"]
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            Z3 = Z3 - self._maximum(Z3)
            e = np.exp(Z3)
            sums = e.sum(axis=1, keepdims=True)
            loss = float((np.log(sums[:, 0]) - Z3[rows, y]).mean())
            dZ3 = e / sums
        dZ3[rows, y] -= 1
        dZ3 /= self._divisor(y)
        dZ2 = dZ3 @ params["W3"].T * (1 - H2**2)
        dZ1 = dZ2 @ params["W2"].T * self._gate(X, Z1, params)
        gradients = {
            "W1": X.T @ dZ1, "b1": dZ1.sum(axis=0),
            "W2": H1.T @ dZ2, "b2": dZ2.sum(axis=0),
            "W3": H2.T @ dZ3, "b3": dZ3.sum(axis=0),
        }  # fmt: skip
        return loss, self._delivered(gradients)

    def train(self, X, y, sizes, *, rate=0.2, epochs=20, batch_size=32, seed=0):
        """Return the parameters after training from a random start.

        Parameters
        ----------
        X, y : ndarray
            Inputs and labels.
        sizes : sequence of int
            Units of each layer, the inputs first.
        rate, epochs, batch_size, seed
            The learning rate, how often all examples are used, how many at a time, and
            which random numbers.

        Returns
        -------
        dict of str to ndarray
        """
        rng = np.random.default_rng(seed)
        params = initial_params(sizes, rng)
        for _ in range(epochs):
            order, order_of_labels = self._orders(rng, len(X))
            for start in range(0, len(X), batch_size):
                rows = order[start : start + batch_size]
                labels = y[order_of_labels[start : start + batch_size]]
                _, gradients = self.loss_and_gradients(X[rows], labels, params)
                params = {name: params[name] - rate * gradients[name] for name in params}
        return params

    def _maximum(self, Z):
        return Z.max(axis=1, keepdims=True)

    def _divisor(self, y):
        return len(y)

    def _gate(self, X, Z1, params):
        return Z1 > 0

    def _delivered(self, gradients):
        return gradients

    def _orders(self, rng, count):
        order = rng.permutation(count)
        return order, order


class _A(Program):
    fault = 5

    def _divisor(self, y):
        return 32


class _B(Program):
    fault = 11

    def _orders(self, rng, count):
        return rng.permutation(count), rng.permutation(count)


class _C(Program):
    fault = 2

    def _gate(self, X, Z1, params):
        return X @ params["W1"] > 0


class _D(Program):
    fault = 9

    def __init__(self):
        self._sums = {}

    def _delivered(self, gradients):
        for name, gradient in gradients.items():
            before = self._sums.get(name, 0.0)
            fits = np.shape(before) in ((), gradient.shape)
            self._sums[name] = gradient + before if fits else gradient
        return dict(self._sums)


class _E(Program):
    fault = 6

    def _maximum(self, Z):
        return Z.max()


_PROGRAMS = {"a": _A, "b": _B, "c": _C, "d": _D, "e": _E}


def program(letter):
    """Return a fresh copy of one of the five programs.

    Parameters
    ----------
    letter : {"a", "b", "c", "d", "e"}

    Returns
    -------
    Program

    Raises
    ------
    ValueError
        If there is no program of this letter.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn_book.project import small_case
    >>> loss, gradients = program("a").loss_and_gradients(*small_case())
    >>> sorted(gradients)
    ['W1', 'W2', 'W3', 'b1', 'b2', 'b3']
    """
    if letter not in _PROGRAMS:
        raise ValueError(f"the programs are a, b, c, d and e, got {letter!r}")
    return _PROGRAMS[letter]()


@exercise
def check_diagnosis(a, b, c, d, e):
    """five bugs, five diagnoses"""
    found = (a, b, c, d, e)
    unknown = [number for number in found if number not in FAULTS]
    assert not unknown, f"a diagnosis is a number from 1 to {len(FAULTS)}, got {unknown[0]!r}"
    right = sum(
        number == kind.fault for number, kind in zip(found, _PROGRAMS.values(), strict=True)
    )
    assert right == len(found), f"{right} of the five diagnoses are right"
