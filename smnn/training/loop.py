r"""Training: go through the examples in a random order, a few at a time, again and again.

One step takes a batch of rows and moves every parameter a little downhill:

    logits, backward = model.forward_logits(x_batch, training=True)
    loss, dlogits = softmax_cross_entropy(logits, y_batch)
    _, grads = backward(dlogits)
    optimizer.step(model.params, grads)

An epoch is as many steps as it takes to see every example exactly once.  The *examples*
are shuffled, not the batches, so that no two epochs have the same batches; the last batch
of an epoch may be short.

A model that ends in softmax is trained on its logits: the loss takes the scores from
before the softmax and does softmax and logarithm together, which cannot overflow.
"""

import functools
import math

import numpy as np

from .. import metrics as metric_functions
from .._core.progress import bar_is_wanted
from .._core.validation import choice, generator, integer, raise_label
from ..activations import ACTIVATIONS
from ..functional import softmax_cross_entropy
from ..losses import binary_cross_entropy
from ..optim import Adam, clip_gradients
from .callbacks import AfterEpoch, Callback, ProgressBar
from .checkpoint import Checkpoint
from .run import Run, not_finite

# The activation that a loss contains: it is left off the end of the model.
_LINKS = {softmax_cross_entropy: "softmax", binary_cross_entropy: "sigmoid"}

# The metrics that are one number.
_METRICS = (
    "accuracy",
    "top_k_accuracy",
    "negative_log_likelihood",
    "perplexity",
    "expected_calibration_error",
)


def minibatches(x, y, batch_size, *, rng=None):
    """Go once through the examples in a random order.

    Parameters
    ----------
    x, y : ndarray, N rows each
    batch_size : int
        Rows in a batch; the last one holds the rest.
    rng : None, int or Generator

    Yields
    ------
    x_batch, y_batch : ndarray
        Copies of up to ``batch_size`` rows.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import minibatches
    >>> x = np.arange(5)
    >>> [len(y_batch) for x_batch, y_batch in minibatches(x, x, 2)]
    [2, 2, 1]
    >>> sorted(np.concatenate([x_batch for x_batch, _ in minibatches(x, x, 2)]).tolist())
    [0, 1, 2, 3, 4]
    """
    x, y = _examples(x, y)
    order = generator(rng).permutation(len(x))
    for rows in _in_pieces(order, _positive(batch_size, "batch_size")):
        yield x[rows], y[rows]


def fit(
    model,
    x,
    y,
    *,
    loss=softmax_cross_entropy,
    optimizer=None,
    epochs=10,
    batch_size=32,
    validation_data=None,
    metrics=(),
    callbacks=(),
    clip_norm=None,
    rng=None,
    progress=True,
):
    """Train a model.

    Parameters
    ----------
    model : Sequential
        Or anything that has ``params`` and ``forward(x, training) -> (y, backward)``, with
        ``backward(dy, input_gradient=False) -> (None, grads)``.
    x : array_like, N rows
    y : array_like, N rows
        Class indices for the default loss, or whatever the loss takes.
    loss : callable
        ``loss(prediction, target) -> (loss, gradient)``.  For softmax_cross_entropy a
        model may end in softmax or in logits; for binary_cross_entropy, in sigmoid or in
        logits.  Set options with ``functools.partial``, and this still holds.
    optimizer : SGD or Adam
        ``Adam()`` unless told otherwise.
    epochs : int
        How often to go through the examples.  A resumed run counts those it has done.
    batch_size : int
    validation_data : (x, y), optional
        Examples to measure on, not to learn from, after every epoch.
    metrics : sequence of str or callable
        Names from ``smnn.metrics``, or functions of (y_true, y_pred).  They are given
        probabilities where the loss contains softmax, and the model's output otherwise.
    callbacks : sequence of Callback or callable
        A function is called with the :class:`Run` after every epoch.
    clip_norm : float, optional
        Scale the gradients of a step down to this common norm when theirs is larger.
    rng : None, int or Generator
        Shuffles the examples.
    progress : bool
        Draw a progress bar if a person watches.

    Returns
    -------
    History
        The mean over the epoch of the loss (and of each metric), as it was while the model
        learned, and the same after the epoch on the validation data.  When training ended
        early, ``history.stopped`` says why.  Interrupt it from the keyboard, and what has
        been learned so far stays.

    Raises
    ------
    TrainingDiverged
        When the loss becomes nan or infinite.  The message says where; the model gets back
        the best parameters so far.
    ValueError, TypeError, IndexError
        When the data is empty, has rows of different number, or labels that name no class.

    Examples
    --------
    >>> from smnn import Adam, Dense, Sequential, fit, make_xor
    >>> model = Sequential([Dense(8, "tanh", input_shape=(2,)), Dense(2, "softmax")], rng=0)
    >>> history = fit(model, *make_xor(), optimizer=Adam(0.05), epochs=100, rng=0)
    >>> model(make_xor().x).argmax(axis=1)
    array([0, 1, 1, 0])
    """
    x, y = _examples(x, y)
    validation = None if validation_data is None else _examples(*validation_data)
    task = _Task(model, loss, metrics)
    task.check(x, y)
    if validation is not None:
        task.check(*validation)
    batch_size = min(_positive(batch_size, "batch_size"), len(x))
    run = Run(
        model,
        optimizer if optimizer is not None else Adam(),
        generator(rng),
        _all_callbacks(callbacks, progress),
        _positive(epochs, "epochs"),
        math.ceil(len(x) / batch_size),
    )
    for callback in run.callbacks:
        callback.on_start(run)
    try:
        while run.epoch < run.epochs and run.stopped is None:
            record = _epoch(run, task, x, y, batch_size, clip_norm)
            if validation is not None:
                measured = task.measure(*validation)
                record |= {f"val_{name}": value for name, value in measured.items()}
            run.epoch += 1
            run.history.append(record | {"lr": run.lr})
            run.best.offer(record.get("val_loss", record["loss"]), model.params, run.epoch)
            for callback in run.callbacks:
                callback.on_epoch(run)
    except KeyboardInterrupt:
        run.stopped = f"interrupted {run.place()}"
    finally:
        for callback in run.callbacks:
            callback.on_end(run)
    run.history.stopped = run.stopped
    return run.history


def evaluate(model, x, y, *, loss=softmax_cross_entropy, metrics=()):
    """Measure a model on examples, without learning from them.

    Parameters
    ----------
    model, x, y, loss, metrics
        As for `fit`.

    Returns
    -------
    dict of str to float
        ``"loss"``, and one number for each metric.

    Examples
    --------
    >>> from smnn import Dense, Sequential, evaluate, make_xor
    >>> model = Sequential([Dense(2, init="zeros")])
    >>> result = evaluate(model, *make_xor(), metrics=["accuracy"])
    >>> round(float(result["loss"]), 4), result["accuracy"]
    (0.6931, 0.5)
    """
    x, y = _examples(x, y)
    task = _Task(model, loss, metrics)
    task.check(x, y)
    return task.measure(x, y)


class _Task:
    """A model with the loss that it is trained on and the metrics that it is judged by."""

    def __init__(self, model, loss, metrics):
        self.loss = loss
        self.metrics = dict(map(_named_metric, metrics))
        function, options = loss, {}
        if isinstance(loss, functools.partial):
            function, options = loss.func, loss.keywords
        self.link = _LINKS.get(function)
        self.ignored = options.get("ignore_index", -100)
        self.forward = model.forward
        if self.link and hasattr(model, "forward_logits"):
            self.forward = functools.partial(model.forward_logits, output_activation=self.link)

    def check(self, x, y):
        """Try everything on one example, so that what does not fit is said before the start."""
        output, _ = self.forward(x[:1], False)
        if self.link == "softmax" and y.dtype.kind in "iu":
            _check_labels(y, output.shape[-1], self.ignored)
        loss, gradient = self.loss(output, y[:1])
        if np.ndim(loss) != 0 or np.shape(gradient) != output.shape:
            raise ValueError(
                f"the loss must return one number and a gradient of shape {output.shape}, "
                f"got shapes {np.shape(loss)} and {np.shape(gradient)}"
            )

    def judge(self, outputs, y):
        """The metrics of all outputs together; rows that the loss ignores do not count."""
        if not self.metrics:
            return {}
        if self.link:
            outputs = ACTIVATIONS[self.link][0](outputs)
        if self.link == "softmax" and y.dtype.kind in "iu":
            counted = y != self.ignored
            outputs, y = outputs[counted], y[counted]
        return {name: float(metric(y, outputs)) for name, metric in self.metrics.items()}

    def measure(self, x, y):
        """Loss and metrics on examples that are not learned from."""
        pieces = _in_pieces(x, 1024)
        outputs = np.concatenate([self.forward(piece, False)[0] for piece in pieces])
        return {"loss": float(self.loss(outputs, y)[0]), **self.judge(outputs, y)}


def _epoch(run, task, x, y, batch_size, clip_norm):
    """Go through all examples once; returns the mean loss, and the metrics on the way."""
    order = run.rng.permutation(len(x))
    x_rows = np.empty((batch_size, *x.shape[1:]), x.dtype)  # one place for every batch
    params, optimizer = run.model.params, run.optimizer
    watchers = [c.on_step for c in run.callbacks if type(c).on_step is not Callback.on_step]
    outputs, total = [], 0.0
    for rows in _in_pieces(order, batch_size):
        x_batch = x.take(rows, axis=0, out=x_rows[: len(rows)], mode="clip")
        output, backward = task.forward(x_batch, True)
        loss, gradient = task.loss(output, y[rows])
        run.loss = float(loss)
        if not math.isfinite(run.loss):
            run.diverged(f"the loss became {run.loss}", x_batch, rows)
        if task.metrics:
            outputs.append(output.copy())
        _, grads = backward(gradient, input_gradient=False)
        if clip_norm is not None:
            clip_gradients(grads, clip_norm)
        run.lr = optimizer.learning_rate
        optimizer.step(params, grads)
        run.step += 1
        total += run.loss * len(rows)
        for on_step in watchers:
            on_step(run)
    if not_finite(params):
        run.diverged("the parameters did not stay finite", x_batch, rows)
    judged = task.judge(np.concatenate(outputs), y[order]) if outputs else {}
    return {"loss": total / len(x), **judged}


def _in_pieces(rows, size):
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _examples(x, y):
    """Both as arrays of equally many rows, at least one."""
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise ValueError(
            f"x and y must have one row for each example, got shapes {x.shape} and {y.shape}"
        )
    if len(x) == 0:
        raise ValueError(f"there must be at least one example, got x of shape {x.shape}")
    return x, y


def _check_labels(y, n_classes, ignored):
    wrong = ((y < 0) | (y >= n_classes)) & (y != ignored)
    if wrong.any():
        raise_label(y, int(wrong.ravel().argmax()), n_classes)


def _positive(number, name):
    if integer(number, name) < 1:
        raise ValueError(f"{name} must be at least 1, got {number}")
    return int(number)


def _named_metric(metric):
    """The name of a metric and its function, from either of them."""
    if callable(metric):
        return getattr(metric, "__name__", repr(metric)), metric
    return metric, getattr(metric_functions, choice(metric, _METRICS, "a metric"))


def _all_callbacks(callbacks, progress):
    """Functions made into callbacks, a bar if it is wanted, and checkpoints at the end.

    A checkpoint comes last because it saves what the others have made of the epoch.
    """
    made = [c if isinstance(c, Callback) else AfterEpoch(c) for c in callbacks]
    if bar_is_wanted(progress):
        made.append(ProgressBar())
    return sorted(made, key=lambda callback: isinstance(callback, Checkpoint))
