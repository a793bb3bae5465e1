r"""One neuron: a weighted sum, then a decision.

    z = x₁w₁ + … + x_D w_D + b = x·w + b

Four neurons share this sum.  They differ in what they make of z, and so in how they learn:

==================  =====================  ==========================================
threshold unit      1 if z ≥ 0             does not learn: its weights are set by hand
perceptron          1 if z ≥ 0             moves after a mistake: w ← w + η (t − y) x
ADALINE             z itself               downhill on ½ (z − t)², with t = ±1
logistic neuron     σ(z), a probability    downhill on −log of the true class's share
==================  =====================  ==========================================

ADALINE and the logistic neuron make the same step, w ← w − η mean((output − t) x): the
derivative of each loss with respect to z is output − target.

Rows of X are examples, the label of each is 0 or 1.  Learning starts from zeros, and
``history`` keeps every state that it went through.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._core.types import Array, ArrayLike
from ._core.validation import float_array, positive, positive_integer, real_number
from .activations import sigmoid, softplus, step


class ThresholdUnit:
    """A switch: on if the weighted sum reaches the threshold.

    Parameters
    ----------
    weights : (D,) array_like
    threshold : float

    References
    ----------
    McCulloch, Pitts, "A logical calculus of the ideas immanent in nervous activity", 1943.

    Examples
    --------
    >>> majority = ThresholdUnit([1, 1, 1], threshold=2)
    >>> majority.predict([[1, 0, 1], [0, 0, 1]])
    array([1, 0])
    >>> AND([0, 0, 1, 1], [0, 1, 0, 1])
    array([0, 0, 0, 1])
    """

    def __init__(self, weights: ArrayLike, threshold: float) -> None:
        self.weights = float_array(weights, "weights")
        if self.weights.ndim != 1:
            raise ValueError(f"weights must have shape (D,), got {self.weights.shape}")
        self.threshold = real_number(threshold, "threshold")

    def __call__(self, *inputs: Any) -> Array:
        """Return 0 or 1 for one argument per weight: numbers, booleans or arrays of one shape."""
        if len(inputs) != len(self.weights):
            raise ValueError(f"{self!r} takes {len(self.weights)} inputs, got {len(inputs)}")
        return self.predict(np.stack(np.broadcast_arrays(*inputs), axis=-1))

    def predict(self, X: ArrayLike) -> Array:
        """Return 0 or 1 for every row of X, of shape (..., D)."""
        X = _rows(X, len(self.weights))
        return step(X @ self.weights - self.threshold).astype(int)[()]

    def __repr__(self) -> str:
        return f"ThresholdUnit({self.weights.tolist()}, threshold={self.threshold})"


# Each threshold lies midway between a sum that must switch the unit on and one that must not.
#: A switch with two inputs: on if both are on.
AND = ThresholdUnit([1, 1], threshold=1.5)
#: A switch with two inputs: on if at least one is on.
OR = ThresholdUnit([1, 1], threshold=0.5)
#: A switch with one input: on if it is off.
NOT = ThresholdUnit([-1], threshold=-0.5)
#: A switch with two inputs: off if both are on.
NAND = ThresholdUnit([-1, -1], threshold=-1.5)


class _Learner:
    """What the learning neurons share: the weighted sum, and the record of learning."""

    def __init__(self, *, lr, epochs):
        self.lr = positive(lr, "lr")
        self.epochs = positive_integer(epochs, "epochs")
        self.weights, self.bias, self.history = None, 0.0, {}

    def scores(self, X):
        """Return z for every row of X, of shape (..., D)."""
        if self.weights is None:
            raise RuntimeError(f"{type(self).__name__} has learned nothing yet: call fit first")
        return _rows(X, len(self.weights)) @ self.weights + self.bias

    def predict(self, X):
        """Return the class, 0 or 1, for every row of X."""
        return (self.scores(X) >= 0).astype(int)

    def _start(self, X, y):
        """Forget everything; return X as floats and y as an array of 0 and 1."""
        X = float_array(X, "X", booleans=True).astype(np.float64)
        y = np.asarray(y)
        if X.ndim != 2 or y.shape != X.shape[:1] or not len(y):
            raise ValueError(f"X must be (N, D) and y (N,), N > 0, got {X.shape} and {y.shape}")
        if not np.isfinite(X).all():
            raise ValueError(f"X must be finite, got {X[~np.isfinite(X)][0]}")
        if not np.isin(y, (0, 1)).all():
            raise ValueError(f"labels must be 0 or 1, got {y[~np.isin(y, (0, 1))][0]!r}")
        self.weights, self.bias = np.zeros(X.shape[1]), 0.0
        self.history = {"weights": [self.weights.copy()], "bias": [self.bias]}
        return X, y.astype(np.float64)

    def _move(self, dw, db):
        self.weights += dw
        self.bias += float(db)
        self.history["weights"].append(self.weights.copy())
        self.history["bias"].append(self.bias)


class Perceptron(_Learner):
    """Learn from mistakes: add a missed row to the weights, take a false alarm off.

    Parameters
    ----------
    lr : float
        η.  From zero weights it changes their size and no decision.
    epochs : int
        How often to go through the rows, at most; an epoch without a mistake is the last.

    Attributes
    ----------
    weights : (D,) ndarray
    bias : float
    history : dict
        ``"weights"`` and ``"bias"``: the start, then one entry for each mistake.
        ``"errors"``: the number of mistakes in each epoch.

    Notes
    -----
    If a line separates the classes, the mistakes come to an end (Novikoff, 1962).
    Otherwise they never do.

    References
    ----------
    Rosenblatt, "The perceptron: a probabilistic model for information storage and
    organization in the brain", 1958.

    Examples
    --------
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
    >>> neuron = Perceptron().fit(X, y)
    >>> neuron.predict(X), neuron.history["errors"]
    (array([0, 0, 0, 1]), [2, 3, 3, 2, 1, 0])
    """

    def __init__(self, *, lr: float = 1.0, epochs: int = 100) -> None:
        super().__init__(lr=lr, epochs=epochs)

    def fit(self, X: ArrayLike, y: ArrayLike) -> Any:
        """Learn from the rows in their order; start from zeros.  Returns the neuron."""
        X, y = self._start(X, y)
        self.history["errors"] = []
        for _ in range(self.epochs):
            errors = 0
            for x, target in zip(X, y, strict=True):
                missing = target - self.predict(x)  # 1, −1, or 0 when right
                if missing:
                    self._move(self.lr * missing * x, self.lr * missing)
                    errors += 1
            self.history["errors"].append(errors)
            if errors == 0:
                break
        return self


class _GradientLearner(_Learner):
    """Go downhill on the mean loss of all rows."""

    def fit(self, X, y):
        """Take ``epochs`` steps downhill from zeros.  Returns the neuron.

        Raises
        ------
        FloatingPointError
            If the loss is no longer finite; ``history`` holds what led there.
        """
        X, y = self._start(X, y)
        self.history["loss"] = []
        with np.errstate(over="ignore", invalid="ignore"):
            for number in range(self.epochs + 1):
                losses, dz = self._loss_and_gradient(self.scores(X), y)
                loss = float(losses.mean())
                if not math.isfinite(loss):
                    raise FloatingPointError(
                        f"the loss became {loss} after {number} steps: lr = {self.lr} is too large"
                    )
                self.history["loss"].append(loss)
                if number < self.epochs:
                    self._move(-self.lr * (dz @ X) / len(X), -self.lr * dz.mean())
        return self


class Adaline(_GradientLearner):
    """Learn the number −1 or +1 by least squares; its sign is the class.

    Parameters
    ----------
    lr : float
        η.  Above 2 / (the largest eigenvalue of the mean of xxᵀ) the loss grows.
    epochs : int
        How many steps to take, each with all rows.

    Attributes
    ----------
    weights : (D,) ndarray
    bias : float
    history : dict
        ``"weights"``, ``"bias"`` and ``"loss"``: at the start, then after every step.

    References
    ----------
    Widrow, Hoff, "Adaptive switching circuits", 1960.

    Examples
    --------
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
    >>> neuron = Adaline(lr=0.5, epochs=200).fit(X, y)
    >>> neuron.weights.round(3), round(neuron.bias, 3)
    (array([1., 1.]), -1.5)
    """

    def __init__(self, *, lr: float = 0.01, epochs: int = 100) -> None:
        super().__init__(lr=lr, epochs=epochs)

    def _loss_and_gradient(self, z, y):
        error = z - (2 * y - 1)
        return error * error / 2, error


class LogisticNeuron(_GradientLearner):
    """Learn the probability of class 1.

    Parameters
    ----------
    lr : float
        η.
    epochs : int
        How many steps to take, each with all rows.

    Attributes
    ----------
    weights : (D,) ndarray
    bias : float
    history : dict
        ``"weights"``, ``"bias"`` and ``"loss"``: at the start, then after every step.

    References
    ----------
    Cox, "The regression analysis of binary sequences", 1958.

    Examples
    --------
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
    >>> neuron = LogisticNeuron(lr=0.5, epochs=1000).fit(X, y)
    >>> neuron.predict_proba(X).round(3)
    array([0.204, 0.388, 0.612, 0.796])
    >>> [round(neuron.history["loss"][i], 4) for i in (0, 1, -1)]
    [0.6931, 0.6687, 0.5869]
    """

    def __init__(self, *, lr: float = 0.1, epochs: int = 100) -> None:
        super().__init__(lr=lr, epochs=epochs)

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return σ(z), the probability of class 1, for every row of X."""
        return sigmoid(self.scores(X))

    def _loss_and_gradient(self, z, y):
        # −log σ(z) = softplus(−z), and −log(1 − σ(z)) = softplus(z)
        return y * softplus(-z) + (1 - y) * softplus(z), sigmoid(z) - y


def _rows(X, features):
    X = float_array(X, "X", booleans=True)
    if X.shape[-1:] != (features,):
        raise ValueError(f"X must have shape (…, {features}), got {X.shape}")
    return X
