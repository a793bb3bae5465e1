r"""A classifier for scikit-learn: softmax regression, or a network that ends in softmax.

With no hidden layer this is multinomial logistic regression.  The objective is convex,

.. math:: \min_{W, b} \; \sum_i s_i \, \ell\big(x_i W + b, y_i\big) + \frac{\alpha}{2} \|W\|^2

with :math:`\ell` the cross-entropy and :math:`s_i` the weight of example i, and Newton's method
finds its optimum: see ``newton.py``.  With hidden layers the same objective is no longer
convex, and Adam walks down on mini-batches until it finds no more.
"""

import warnings

import numpy as np

from .._core.validation import integer, positive, real_number
from ..functional import log_softmax, softmax
from ..layers import Dense
from ..model import Sequential
from ..optim import Adam
from ..training.callbacks import Callback
from ..training.loop import fit
from .newton import solve_softmax_regression

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_random_state
    from sklearn.utils.class_weight import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        'SoftmaxClassifier needs scikit-learn: pip install "smnn[estimator]"'
    ) from error


class SoftmaxClassifier(ClassifierMixin, BaseEstimator):
    """A scikit-learn classifier: softmax regression, or a network that ends in softmax.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        Units of each hidden layer; none, ``()``, is softmax regression.
    activation : str
        Of the hidden layers: a name in ``smnn.ACTIVATIONS``.
    alpha : float
        Strength of the L2 penalty on the weights, not on the biases.  It is scikit-learn's:
        ``alpha`` is ``1 / C`` of LogisticRegression and the ``alpha`` of MLPClassifier.
    batch_size : int or "auto"
        Examples in a mini-batch; ``"auto"`` is 200, or all of them if they are fewer.
    learning_rate_init : float
        Of Adam.
    max_iter : int
        Epochs; Newton steps if there is no hidden layer.
    tol : float
        Training ends when the objective per example has not fallen by this much in ten
        epochs.  Without a hidden layer the optimum is always found to about eight digits.
    class_weight : dict or "balanced", optional
        Weight of each class; ``"balanced"`` gives all classes the same total.
    random_state : int, RandomState or None
        Draws the first weights and shuffles the examples.

    Attributes
    ----------
    classes_ : ndarray, shape (K,)
    model_ : Sequential
        The trained network; its output are the logits.
    coef_, intercept_ : ndarray
        As in LogisticRegression; only without hidden layers.
    n_iter_ : int
    loss_curve_ : list of float
        The objective per example after each epoch; only with hidden layers.

    Notes
    -----
    ``batch_size``, ``learning_rate_init`` and ``tol`` have no effect on ``fit`` without hidden
    layers, because Newton's method uses none of them.

    Two classes need one score, and LogisticRegression penalizes that one.  Softmax has two
    columns whose difference is that score; the best way to split it is in halves, and these
    cost half the penalty.  Without hidden layers the penalty is therefore doubled for two
    classes, and the results agree.

    Examples
    --------
    >>> from smnn import SoftmaxClassifier, load_iris
    >>> x, y = load_iris()
    >>> classifier = SoftmaxClassifier().fit(x, y)
    >>> round(classifier.score(x, y), 3)
    0.973
    >>> classifier.predict_proba(x[:1]).round(3)
    array([[0.982, 0.018, 0.   ]])
    """

    def __init__(
        self,
        hidden_layer_sizes=(),
        *,
        activation="relu",
        alpha=1.0,
        batch_size="auto",
        learning_rate_init=1e-3,
        max_iter=200,
        tol=1e-4,
        class_weight=None,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.tol = tol
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Learn from examples, from the beginning.

        Parameters
        ----------
        X : array_like, shape (N, D)
        y : array_like, shape (N,)
            Class labels of any kind.
        sample_weight : array_like, shape (N,), optional
            A weight of 2 is the same as the example twice, and 0 as its absence.

        Returns
        -------
        self
        """
        X, y, weights = self._examples(X, y, sample_weight, reset=True)
        self.classes_ = np.unique(y)
        self._build(X)
        targets, total = self._targets(y, weights, X.dtype)
        if self._hidden_sizes():
            plateau = _Plateau(self.alpha / total, self.tol)
            self._train(X, targets, total, self.max_iter, [plateau])
            self.n_iter_, self.loss_curve_ = len(plateau.curve), plateau.curve
            converged = plateau.reached
        else:
            self.n_iter_, converged = self._solve(X, targets, total)
        if not converged:
            warnings.warn(
                f"SoftmaxClassifier has not converged in max_iter={self.max_iter} iterations: "
                "scale the features, or allow more",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Learn from more examples: one pass over them with Adam.

        Parameters
        ----------
        X : array_like, shape (N, D)
        y : array_like, shape (N,)
        classes : array_like, shape (K,)
            All classes that will ever come; needed at the first call.
        sample_weight : array_like, shape (N,), optional

        Returns
        -------
        self
        """
        first = not hasattr(self, "model_")
        if first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit")
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} needs all examples and cannot be used with "
                "partial_fit; pass a dict"
            )
        X, y, weights = self._examples(X, y, sample_weight, reset=first)
        if first:
            self.classes_ = np.unique(classes)
            self._build(X)
            self.n_iter_ = 0
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes must stay {self.classes_}, those of the first call, got {classes}"
            )
        targets, total = self._targets(y, weights, X.dtype)
        self._train(X, targets, total, epochs=1)
        self.n_iter_ += 1
        return self

    def decision_function(self, X):
        """The logits, shape (N, K); for two classes their difference, shape (N,)."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X):
        """The probability of each class, shape (N, K)."""
        return softmax(self._logits(X))

    def predict_log_proba(self, X):
        """The logarithm of the probabilities, not taken of rounded ones."""
        return log_softmax(self._logits(X))

    def predict(self, X):
        """The most probable class of each example."""
        best = self._logits(X).argmax(axis=1)
        return self.classes_[best]

    @property
    def coef_(self):
        """The weights as LogisticRegression has them: (K, D), or (1, D) for two classes."""
        return self._as_in_logistic_regression("W").T

    @property
    def intercept_(self):
        """The biases, shape (K,), or (1,) for two classes."""
        return self._as_in_logistic_regression("b")

    def _as_in_logistic_regression(self, name):
        if not hasattr(self, "model_") or len(self.model_.layers) > 1:
            raise AttributeError("only a fitted classifier without hidden layers has coefficients")
        value = self.model_.params[f"0.{name}"]
        return value if len(self.classes_) > 2 else value[..., 1:] - value[..., :1]

    def _logits(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self.model_(X)

    def _hidden_sizes(self):
        sizes = self.hidden_layer_sizes
        return (sizes,) if np.ndim(sizes) == 0 else tuple(sizes)

    def _examples(self, X, y, sample_weight, reset):
        """Checked examples; those of weight 0 are left out, as if they were not there."""
        real = real_number(self.alpha, "alpha"), real_number(self.tol, "tol")
        if min(real) < 0:
            raise ValueError(f"alpha and tol must not be negative, got {real[0]} and {real[1]}")
        positive(self.learning_rate_init, "learning_rate_init")
        if integer(self.max_iter, "max_iter") < 1:
            raise ValueError(f"max_iter must be at least 1, got {self.max_iter}")
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], reset=reset)
        check_classification_targets(y)
        if sample_weight is None:
            return X, y, None
        weights = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        kept = weights > 0
        if not kept.any():
            raise ValueError("sample_weight must not be zero for every example")
        return X[kept], y[kept], weights[kept]

    def _build(self, X):
        """An untrained network for these features and classes."""
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(
                f"SoftmaxClassifier needs at least two classes, got one class: {self.classes_[0]}"
            )
        seed = check_random_state(self.random_state).randint(2**31)
        self._rng = np.random.default_rng(seed)
        hidden = [Dense(units, self.activation) for units in self._hidden_sizes()]
        self.model_ = Sequential(
            [*hidden, Dense(n_classes, init="auto" if hidden else "zeros")],
            input_shape=X.shape[1:],
            dtype=X.dtype.name,
            rng=self._rng,
        )
        self._optimizer = Adam(self.learning_rate_init)

    def _targets(self, y, weights, dtype):
        """What the loss takes for y, so that its mean is the weighted mean; and all weight.

        Without weights these are the class indices.  With them it is a row for each example,
        zero but for the true class: the cross-entropy of such a row is its weight times that
        of the class.
        """
        labels = np.searchsorted(self.classes_, y)
        labels = np.minimum(labels, len(self.classes_) - 1)
        unknown = self.classes_[labels] != y
        if unknown.any():
            raise ValueError(f"y must hold the classes {self.classes_}, got {y[unknown][0]}")
        if weights is None and self.class_weight is None:
            return labels, len(labels)
        weights = np.ones(len(labels)) if weights is None else weights
        weights = weights * self._class_weights(labels, weights)[labels]
        total = weights.sum()
        targets = np.zeros((len(labels), len(self.classes_)), dtype)
        targets[np.arange(len(labels)), labels] = weights * (len(labels) / total)
        return targets, total

    def _class_weights(self, labels, weights):
        n_classes = len(self.classes_)
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            return weights.sum() / (n_classes * np.bincount(labels, weights, n_classes))
        return compute_class_weight(
            self.class_weight, classes=self.classes_, y=self.classes_[labels]
        )

    def _train(self, X, targets, total, epochs, callbacks=()):
        batch_size = min(200, len(X)) if self.batch_size == "auto" else self.batch_size
        fit(
            _Penalized(self.model_, self.alpha / total),
            X,
            targets,
            optimizer=self._optimizer,
            epochs=epochs,
            batch_size=batch_size,
            callbacks=callbacks,
            rng=self._rng,
            progress=False,
        )

    def _solve(self, X, targets, total):
        """Softmax regression to its optimum; returns the number of steps and its success."""
        penalty = self.alpha * (2 if len(self.classes_) == 2 else 1)
        W, b, n_steps, converged = solve_softmax_regression(
            X, targets, len(self.classes_), penalty / total, max_iter=self.max_iter
        )
        self.model_.params["0.W"][...] = W
        self.model_.params["0.b"][...] = b
        return n_steps, converged


class _Penalized:
    """A model whose weights, but not its biases, are also pulled towards zero."""

    def __init__(self, model, strength):
        self.model, self.params, self.strength = model, model.params, strength
        self.weights = _weights(model.params)

    def forward(self, x, training=False):
        y, backward = self.model.forward(x, training)

        def penalized(dy, input_gradient=True):
            dx, grads = backward(dy, input_gradient)
            for name, W in self.weights.items():
                grads[name] += self.strength * W
            return dx, grads

        return y, penalized


class _Plateau(Callback):
    """Ends the training when the objective has not fallen by tol in ten epochs."""

    patience = 10

    def __init__(self, strength, tol):
        self.strength, self.tol = strength, tol
        self.curve, self.best, self.waited = [], np.inf, 0

    def on_epoch(self, run):
        squares = sum(float(np.sum(W * W)) for W in _weights(run.model.params).values())
        self.curve.append(run.history["loss"][-1] + self.strength / 2 * squares)
        self.waited = 0 if self.curve[-1] < self.best - self.tol else self.waited + 1
        self.best = min(self.best, self.curve[-1])
        if self.reached:
            run.stopped = f"the objective has not fallen by {self.tol} in {self.patience} epochs"

    @property
    def reached(self):
        return self.waited >= self.patience


def _weights(params):
    return {name: value for name, value in params.items() if name.endswith(".W")}
