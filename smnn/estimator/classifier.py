r"""A classifier for scikit-learn: softmax regression, or a network that ends in softmax.

Without hidden layers this is multinomial logistic regression.  The objective is convex,

.. math:: \min_{W, b} \; \sum_i s_i \, \ell\big(x_i W + b, y_i\big) + \frac{\alpha}{2} \|W\|^2

with :math:`\ell` the cross-entropy and :math:`s_i` the weight of example i, and Newton's method
finds its optimum: see ``newton.py``.  With hidden layers the objective is no longer convex, and
Adam minimizes it on mini-batches, each of them with the whole penalty, until it finds no more.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._core.validation import not_negative, positive, positive_integer
from ..dask import known_array
from ..functional import log_softmax, one_hot, softmax
from ..layers import Dense
from ..model import Sequential
from ..optim import Adam
from ..training.callbacks import Callback
from ..training.loop import fit
from ..training.run import Run
from .inference import Contrasts, NoStandardErrors, refine
from .newton import minimize_objective, solve_softmax_regression
from .sharded import ShardedObjective

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
    from sklearn.utils.class_weight import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        'SoftmaxClassifier needs scikit-learn: pip install "smnn[estimator]"'
    ) from error


class SoftmaxClassifier(ClassifierMixin, BaseEstimator):
    r"""A scikit-learn classifier: softmax regression, or a network that ends in softmax.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        Units of each hidden layer; none, ``()``, is softmax regression.
    activation : str
        Of the hidden layers: a name in ``smnn.ACTIVATIONS``.
    alpha : float
        Strength of the L2 penalty on the weights, not on the biases.  It is scikit-learn's.
        Without hidden layers it is ``1 / C`` of LogisticRegression.  With hidden layers it is
        the ``alpha`` of MLPClassifier: every mini-batch of n examples has the penalty
        alpha / (2n) ‖W‖², so that smaller batches penalize more.
    batch_size : int or "auto"
        Examples in a mini-batch; ``"auto"`` is 200, or all of them if they are fewer.
    learning_rate_init : float
        Learning rate of Adam.
    max_iter : int
        Epochs; Newton steps if there is no hidden layer.
    tol : float
        Training ends when the objective per example has not fallen by this much in ten
        epochs.  Without a hidden layer the optimum is always found to about eight digits.
    class_weight : dict or "balanced", optional
        Weight of each class, 1 for classes that are not named; ``"balanced"`` gives all classes
        the same total.
    random_state : int, RandomState or None
        Draws the first weights and shuffles the examples.

    Attributes
    ----------
    classes_ : ndarray, shape (K,)
        The class labels, sorted.
    model_ : Sequential
        The trained network; its outputs are the logits.
    coef_, intercept_ : ndarray
        As in LogisticRegression; only without hidden layers.
    coef_stderr_ : ndarray, shape of ``coef_``
        Standard errors of ``coef_``, whose rows are centered: they sum to 0 over the classes.
        For two classes they belong to the difference that ``coef_`` is.  They exist without
        hidden layers, penalty (``alpha=0``) and class weights, see the notes.
    log_likelihood_ : float
        :math:`\sum_i s_i \log p_i(y_i)` of the examples it learned from, without the penalty;
        only without hidden layers.
    n_iter_ : int
        How many Newton steps or epochs it took.
    loss_curve_ : list of float
        The mean objective of the mini-batches of each epoch; only with hidden layers.

    Notes
    -----
    ``batch_size``, ``learning_rate_init`` and ``tol`` have no effect on ``fit`` without hidden
    layers, because Newton's method uses none of them.

    Two classes need one score, and LogisticRegression penalizes that one.  Softmax has two
    columns whose difference is that score; the best way to split it is in halves, and these
    cost half the penalty.  Without hidden layers the penalty is therefore doubled for two
    classes, and the results agree.

    Standard errors come from the inverse of the Hessian of the log-likelihood, a sum of the
    Jacobians :math:`\mathrm{diag}(p) - p p^\top` over the examples.  They are computed for arrays
    in memory and at most 1,000 free weights, biases included.  There are none, and asking for
    them says why, if a feature is constant or a combination of others, because many weights then
    are equally likely, or if the classes can be separated, because the likelihood then has no
    maximum.

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
        hidden_layer_sizes: Sequence[int] | int = (),
        *,
        activation: str = "relu",
        alpha: float = 1.0,
        batch_size: int | str = "auto",
        learning_rate_init: float = 1e-3,
        max_iter: int = 200,
        tol: float = 1e-4,
        class_weight: Mapping | str | None = None,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.tol = tol
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> SoftmaxClassifier:
        """Learn from examples, from the beginning.

        If it fails, the classifier stays what it was.

        Parameters
        ----------
        X : array_like or dask.array.Array, shape (N, D)
            Without hidden layers it may be a Dask array, chunked in any way that is known.  Then
            every product of Newton's method is a sum over chunks of rows, weighted by their
            sizes, and no more chunks are in memory than are worked on.  The data is read once
            for each product.  Predictions are for arrays in memory: give the chunks of a Dask
            array to ``predict_proba`` with ``X.map_blocks``.
        y : array_like or dask.array.Array, shape (N,)
            Class labels of any kind.  They are brought into memory.
        sample_weight : array_like or dask.array.Array, shape (N,), optional
            A weight of 2 is the same as the example twice, and 0 as its absence.

        Returns
        -------
        self
        """
        with self._all_or_nothing():
            converged = self._fit(X, y, sample_weight)
        if not converged:
            warnings.warn(
                f"SoftmaxClassifier has not converged in max_iter={self.max_iter} iterations: "
                "scale the features, or allow more",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> SoftmaxClassifier:
        """Learn from more examples: one pass over them with Adam.

        If it fails, the classifier stays what it was.

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
        with self._all_or_nothing():
            self._partial_fit(X, y, classes, sample_weight)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray:
        """Return the logits, shape (N, K); for two classes their difference, shape (N,)."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: ArrayLike) -> NDArray:
        """Return the probability of each class, shape (N, K)."""
        return softmax(self._logits(X))

    def predict_log_proba(self, X: ArrayLike) -> NDArray:
        """Return the logarithm of the probabilities, not taken of rounded ones."""
        return log_softmax(self._logits(X))

    def predict(self, X: ArrayLike) -> NDArray:
        """Return the most probable class of each example."""
        best = self._logits(X).argmax(axis=1)
        return self.classes_[best]

    @property
    def coef_(self) -> NDArray:
        """The weights as LogisticRegression has them: (K, D), or (1, D) for two classes."""
        return self._as_in_logistic_regression("W").T

    @property
    def intercept_(self) -> NDArray:
        """The biases, shape (K,), or (1,) for two classes."""
        return self._as_in_logistic_regression("b")

    @property
    def coef_stderr_(self) -> NDArray:
        """The standard errors of ``coef_``, in its shape."""
        covariances = self._covariances()[1:]
        n_classes = len(self.classes_)
        if n_classes == 2:
            return np.sqrt(covariances[:, 1, 1])[None]
        centering = np.eye(n_classes) - 1 / n_classes
        centered = centering @ covariances @ centering
        return np.sqrt(np.diagonal(centered, axis1=1, axis2=2)).T

    def contrasts(self, base: Any) -> Contrasts:
        """Return the weights relative to those of a class, as statistics tables print them.

        Softmax knows only differences of scores.  A table of multinomial logit fixes them by
        giving one class, the base, the weights 0.

        Parameters
        ----------
        base : label
            One of ``classes_``.

        Returns
        -------
        classes : ndarray, shape (K - 1,)
            The other classes.
        coef, coef_stderr : ndarray, shape (K - 1, D)
            Their weights minus those of the base, and the standard errors of the differences.
        intercept, intercept_stderr : ndarray, shape (K - 1,)
            The same for the biases.

        The five are attributes of the result.

        Raises
        ------
        ValueError
            If the base is no class.
        AttributeError
            If there are no standard errors, for the reason in the message.

        Examples
        --------
        >>> import numpy as np
        >>> from smnn import SoftmaxClassifier
        >>> x, y = np.array([[0], [1], [2], [3], [4], [5]]), ["no", "no", "yes", "no", "yes", "yes"]
        >>> table = SoftmaxClassifier(alpha=0).fit(x, y).contrasts("no")
        >>> table.coef.round(3), table.coef_stderr.round(3), table.classes
        (array([[1.214]]), array([[0.913]]), array(['yes'], dtype='<U3'))
        """
        covariances = self._covariances()
        (place,) = np.nonzero(self.classes_ == base)
        if len(place) != 1:
            raise ValueError(f"base must be one of the classes {self.classes_}, got {base!r}")
        b = int(place[0])
        others = np.delete(np.arange(len(self.classes_)), b)
        variances = (
            np.diagonal(covariances, axis1=1, axis2=2)
            + covariances[:, b, b][:, None]
            - 2 * covariances[:, :, b]
        )
        stderr = np.sqrt(variances[:, others])
        W, bias = self.model_.params["0.W"], self.model_.params["0.b"]
        return Contrasts(
            classes=self.classes_[others],
            coef=(W[:, others] - W[:, [b]]).T,
            intercept=bias[others] - bias[b],
            coef_stderr=stderr[1:].T,
            intercept_stderr=stderr[0],
        )

    def _covariances(self):
        """Return what `refine` found, or raise with the reason why there is nothing."""
        found = getattr(self, "_covariances_or_reason", "the classifier is not fitted")
        if isinstance(found, str):
            raise AttributeError(f"there are no standard errors: {found}")
        return found

    def _as_in_logistic_regression(self, name):
        if not hasattr(self, "model_") or len(self.model_.layers) > 1:
            raise AttributeError("only a fitted classifier without hidden layers has coefficients")
        value = self.model_.params[f"0.{name}"]
        return value if len(self.classes_) > 2 else value[..., 1:] - value[..., :1]

    def _logits(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self.model_(X)

    @contextlib.contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Put all attributes back if what follows fails."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _fit(self, X, y, sample_weight):
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)  # of an earlier fit
        self._covariances_or_reason = "the network has hidden layers"
        if hasattr(X, "__dask_graph__"):
            return self._fit_shards(X, y, sample_weight)
        X, y, weight = self._examples(X, y, sample_weight, reset=True)
        self.classes_ = np.unique(y)
        self._build(X)
        labels = self._labels(y)
        weight = self._weights(labels, weight)
        if self._hidden_sizes():
            plateau = _Plateau(self.tol)
            history = self._train(X, labels, weight, self.max_iter, [plateau])
            self.n_iter_, self.loss_curve_ = len(history), history.get("loss", [])
            return plateau.reached
        W, b, self.n_iter_, converged = self._solve(X, labels, weight)
        W, b, self._covariances_or_reason = self._refine(X, labels, weight, W, b, converged)
        self._set_weights(W, b)
        log_probs = log_softmax(X.astype(np.float64, copy=False) @ W + b)
        likely = log_probs[np.arange(len(labels)), labels]
        self.log_likelihood_ = float(likely.sum() if weight is None else weight @ likely)
        return converged

    def _fit_shards(self, X, y, sample_weight):
        """Fit softmax regression to the chunks of a Dask array."""
        self._check_parameters()
        if self._hidden_sizes():
            raise ValueError(
                "a Dask array is fitted without hidden layers only: with them, call partial_fit "
                "for one chunk after the other"
            )
        X = known_array(X, "X")
        if X.ndim != 2 or not X.size:
            raise ValueError(f"X must have shape (N, D) and hold numbers, got shape {X.shape}")
        X = X.astype(np.float64) if X.dtype == np.float16 else X
        X = X.rechunk({1: -1})
        y, sample_weight = (
            value.compute() if hasattr(value, "__dask_graph__") else value
            for value in (y, sample_weight)
        )
        y = column_or_1d(y)
        check_consistent_length(X, y)
        check_classification_targets(y)
        self._check_class_weight(y)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, y, dtype=np.float64, ensure_non_negative=True
            )
            if not sample_weight.any():
                raise ValueError("sample_weight must not be zero for every example")
            self.classes_ = np.unique(y[sample_weight > 0])
            y = np.where(sample_weight > 0, y, self.classes_[0])  # of a class that is known
        else:
            self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        self._build(X)
        labels = self._labels(y)
        weight = self._weights(labels, sample_weight)
        total = len(labels) if weight is None else weight.sum()
        problem = ShardedObjective(X, labels, len(self.classes_), self._penalty() / total, weight)
        W, b, self.n_iter_, converged = minimize_objective(problem, X.shape[1], self.max_iter)
        self._set_weights(W, b)
        mean, _ = problem.value_and_gradient(np.vstack([W, b]).ravel())
        self.log_likelihood_ = -total * (mean - problem.strength / 2 * np.sum(W * W))
        self._covariances_or_reason = "they are not computed for Dask arrays"
        return converged

    def _partial_fit(self, X, y, classes, sample_weight):
        first = not hasattr(self, "model_")
        if first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit")
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} needs all examples and cannot be used with "
                "partial_fit; pass a dict"
            )
        X, y, weight = self._examples(X, y, sample_weight, reset=first, classes=classes)
        if first:
            self.classes_ = np.unique(classes)
            self._build(X)
            self.n_iter_ = 0
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes must stay {self.classes_}, those of the first call, got {classes}"
            )
        labels = self._labels(y)
        weight = self._weights(labels, weight)
        vars(self).pop("log_likelihood_", None)  # of an earlier fit
        self._covariances_or_reason = "partial_fit does not go to the optimum"
        if not first:  # train copies, so that a failure leaves no trace
            self.model_, self._optimizer, self._rng = copy.deepcopy(
                (self.model_, self._optimizer, self._rng)
            )
        history = self._train(X, labels, weight, epochs=1)
        self.n_iter_ += 1
        if self._hidden_sizes():
            self.loss_curve_ = [*getattr(self, "loss_curve_", ()), *history.get("loss", ())]

    def _hidden_sizes(self):
        sizes = self.hidden_layer_sizes
        return (sizes,) if np.ndim(sizes) == 0 else tuple(sizes)

    def _examples(self, X, y, sample_weight, reset, classes=None):
        """Return checked examples; those of weight 0 are left out, as if they were not there."""
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], reset=reset)
        check_classification_targets(y)
        if reset:
            self._check_class_weight(y if classes is None else classes)
        if sample_weight is None:
            return X, y, None
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        kept = weight > 0
        if not kept.any():
            raise ValueError("sample_weight must not be zero for every example")
        return X[kept], y[kept], weight[kept]

    def _check_parameters(self):
        not_negative(self.alpha, "alpha")
        not_negative(self.tol, "tol")
        positive(self.learning_rate_init, "learning_rate_init")
        positive_integer(self.max_iter, "max_iter")
        if not (isinstance(self.batch_size, str) and self.batch_size == "auto"):
            positive_integer(self.batch_size, "batch_size")

    def _build(self, X):
        """Make an untrained network for these features and classes."""
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

    def _labels(self, y):
        """Return the class indices of y."""
        labels = np.searchsorted(self.classes_, y)
        labels = np.minimum(labels, len(self.classes_) - 1)
        unknown = self.classes_[labels] != y
        if unknown.any():
            raise ValueError(f"y must hold the classes {self.classes_}, got {y[unknown][0]}")
        return labels

    def _weights(self, labels, weight):
        """Return the weight of each example and its class together, or None if all are 1."""
        if self.class_weight is None:
            return weight
        weight = np.ones(len(labels)) if weight is None else weight
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            totals = np.bincount(labels, weight, len(self.classes_))
            of_class = weight.sum() / (len(self.classes_) * totals)
        else:
            of_class = compute_class_weight(
                self.class_weight, classes=self.classes_, y=self.classes_[labels]
            )
        weight = weight * of_class[labels]
        if not weight.any():
            raise ValueError("class_weight must not be zero for every example")
        return weight

    def _check_class_weight(self, classes):
        """Raise if class_weight is a dict with classes or weights that cannot be."""
        if not isinstance(self.class_weight, Mapping):
            return
        known = set(np.unique(classes).tolist())
        for name, value in self.class_weight.items():
            if name not in known:
                raise ValueError(f"class_weight must name classes of {sorted(known)}, got {name!r}")
            not_negative(value, f"class_weight of {name!r}")

    def _train(self, X, labels, weight, epochs, callbacks=()):
        return fit(
            self.model_,
            X,
            labels,
            optimizer=self._optimizer,
            epochs=epochs,
            batch_size=min(200, len(X)) if self.batch_size == "auto" else self.batch_size,
            sample_weight=weight,
            l2=lambda weight_of_batch: self.alpha / weight_of_batch,
            callbacks=callbacks,
            rng=self._rng,
            progress=False,
        )

    def _solve(self, X, labels, weight):
        """Find the optimum of softmax regression; return it, how many steps, and the success."""
        total = len(labels) if weight is None else weight.sum()
        return solve_softmax_regression(
            X,
            labels,
            len(self.classes_),
            self._penalty() / total,
            sample_weight=weight,
            max_iter=self.max_iter,
        )

    def _refine(self, X, labels, weight, W, b, converged):
        """Return what `refine` finds; or the weights as they are, and why there is no more."""
        if self.alpha > 0:
            return W, b, f"alpha={self.alpha} penalizes the weights; they need alpha=0"
        if self.class_weight is not None:
            return W, b, "class_weight changes how often an example counts"
        if not converged:
            return W, b, "the fit has not converged"
        weight = np.ones(len(labels)) if weight is None else weight
        try:
            return refine(X, one_hot(labels, len(self.classes_)), W, b, weight)
        except NoStandardErrors as reason:
            return W, b, str(reason)

    def _penalty(self):
        """Return the strength of the penalty; two classes share it, see the notes."""
        return self.alpha * (2 if len(self.classes_) == 2 else 1)

    def _set_weights(self, W, b):
        self.model_.params["0.W"][...] = W
        self.model_.params["0.b"][...] = b


class _Plateau(Callback):
    """End the training when the objective has not fallen by tol in ten epochs."""

    patience = 10

    def __init__(self, tol: float) -> None:
        self.tol, self.best, self.waited = tol, np.inf, 0

    def on_epoch(self, run: Run) -> None:
        value = run.history["loss"][-1]
        self.waited = 0 if value < self.best - self.tol else self.waited + 1
        self.best = min(self.best, value)
        if self.reached:
            run.stopped = f"the objective has not fallen by {self.tol} in {self.patience} epochs"

    @property
    def reached(self) -> bool:
        return self.waited >= self.patience
