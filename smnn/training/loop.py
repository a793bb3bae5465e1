r"""Training: go through the examples in a random order, a few at a time, again and again.

One step takes a batch of rows and moves every parameter a little downhill:

    logits, backward = model.forward_logits(x_batch, training=True)
    loss, dlogits = softmax_cross_entropy(logits, y_batch)
    _, grads = backward(dlogits)
    optimizer.step(model.params, grads)

An epoch is as many steps as it takes to see every example exactly once.  The *examples*
are shuffled, not the batches, so that no two epochs have the same batches; the last batch
of an epoch may be short.

Everything that can be known before the first step is checked before it, on a copy where the
model is not built yet: a call of `fit` that is refused leaves the model as it was.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import optim
from .._core.progress import bar_is_wanted
from .._core.validation import (
    boolean,
    choice,
    generator,
    not_negative,
    positive_integer,
    real_number,
)
from ..datasets import Dataset
from ..functional import softmax_cross_entropy
from .callbacks import AfterEpoch, Callback, ProgressBar
from .checkpoint import Checkpoint
from .examples import Examples, Stream
from .history import History
from .measures import Measures, named_metrics
from .objective import Objective, loss_function, name_of
from .run import Run, not_finite

_OPTIMIZERS: dict[str, Callable] = {"adam": optim.Adam, "adamw": optim.AdamW, "sgd": optim.SGD}


def fit(
    model: Any,
    x: ArrayLike | Iterable | Callable,
    y: ArrayLike | None = None,
    *,
    loss: str | Callable = softmax_cross_entropy,
    optimizer: Any = None,
    epochs: int = 10,
    batch_size: int = 32,
    sample_weight: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    validation_data: tuple | Dataset | None = None,
    metrics: str | Callable | Iterable | Mapping | None = (),
    callbacks: Any = (),
    l2: float | Callable = 0.0,
    clip_norm: float | None = None,
    shuffle: bool = True,
    rng: Any = None,
    progress: bool = True,
) -> History:
    """Train a model.

    Parameters
    ----------
    model : Sequential
        Or anything that has ``params`` and ``forward(x, training) -> (y, backward)``, with
        ``backward(dy, input_gradient=False) -> (None, grads)``.
    x : array_like, N rows
        A memory map is read batch by batch.  Without y, an iterable of batches
        ``(x_batch, y_batch)``, ``(x_batch, y_batch, sample_weight)`` or ``(x_batch, y_batch,
        sample_weight, lengths)`` that can be gone through once an epoch, such as a list, or a
        function that returns a new iterator; an iterator itself serves for one epoch.  Its order
        is kept and ``batch_size`` and ``shuffle`` are not used.
    y : array_like, N rows
        Class indices for the default loss, shape (N,) or (N, 1); or what the loss takes.  Rows
        whose labels are all ignored, or that weigh nothing, are left out from the start.
        In a sequence, inputs at an ignored position count as 0 where they are not finite.
    loss : str or callable
        ``"cross_entropy"``, ``"binary_cross_entropy"``, ``"mse"``, ``"huber"`` or
        ``"multiclass_hinge"``, or a function ``loss(prediction, target) -> (loss, gradient)``.
        For softmax_cross_entropy a model may end in softmax or in logits; for
        binary_cross_entropy, in sigmoid or in logits.  Set options with
        ``functools.partial``, and this still holds.
    optimizer : Optimizer or {"adam", "adamw", "sgd"}, optional
        A name stands for the optimizer with its defaults; by default ``Adam()``.
    epochs : int
        How often to go through the examples.  A resumed run counts those it has done.
    batch_size : int
    sample_weight : array_like, shape (N,), optional
        Weights of at least 0; the loss must take ``sample_weight``, as softmax_cross_entropy
        does.  Metrics are not weighted.
    lengths : array_like of int, shape (N,), optional
        How long each sequence of x (N, T, ...) is.  The model's ``forward`` gets them, and steps
        past the end count neither in the loss nor in the metrics where y has a target per step.
    validation_data : (x, y) or Dataset, optional
        Examples to measure on, not to learn from, after every epoch; (x, y, lengths) where the
        examples have lengths.
    metrics : str, callable, sequence of them, or mapping of str to callable
        Names from ``smnn.metrics``, or functions of (y_true, y_pred).  They are given
        probabilities where the loss contains softmax or sigmoid, and the model's output
        otherwise.  A mapping gives the names that the history uses.
    callbacks : Callback, callable, or sequence of them
        A function is called with the :class:`Run` after every epoch.
    l2 : float or callable
        λ of the penalty λ/2 ‖W‖² on all parameters of two or more axes, weights and not
        biases.  It is part of every loss that is recorded.  A function is called with the
        weight of a batch, the number of its rows unless they are weighted, and returns λ.
    clip_norm : float, optional
        Scale the gradients of a step down to this common norm when theirs is larger.
    shuffle : bool
        Whether every epoch takes the examples in a new random order.
    rng : None, int or Generator
        Shuffles the examples.
    progress : bool
        Draw a progress bar if a person watches.

    Returns
    -------
    History
        The loss, and each metric, over the epoch, as they were while the model learned, and
        the same after the epoch on the validation data.  When training ended early,
        ``history.stopped`` says why.  On KeyboardInterrupt training stops and the model keeps
        its current parameters.

    Raises
    ------
    TrainingDiverged
        When the loss becomes nan or infinite.  The message says where; the model gets back
        the best parameters so far.
    ValueError, TypeError, IndexError
        Before the first step, when the arguments do not fit each other: data that is empty or
        has rows of different number, labels that name no class, a metric that cannot judge
        such outputs.  The model is then what it was.

    Examples
    --------
    >>> from smnn import Adam, Dense, Sequential, fit, make_xor
    >>> model = Sequential([Dense(8, "tanh", input_shape=(2,)), Dense(2, "softmax")], rng=0)
    >>> history = fit(model, *make_xor(), optimizer=Adam(0.05), epochs=100, rng=0)
    >>> model(make_xor().x).argmax(axis=1)
    array([0, 1, 1, 0])
    """
    epochs = positive_integer(epochs, "epochs")
    batch_size = positive_integer(batch_size, "batch_size")
    rng = generator(rng)
    order = rng if boolean(shuffle, "shuffle") else None
    optimizer = _optimizer(optimizer)
    callbacks = _callbacks(callbacks, boolean(progress, "progress"))
    clip_norm = None if clip_norm is None else not_negative(clip_norm, "clip_norm")
    trial_model = _unbuilt_copy(model)
    objective = Objective(trial_model, loss_function(loss), l2)
    named = named_metrics(metrics)
    with np.errstate(all="ignore"):
        source = _source(x, y, sample_weight, lengths, objective, epochs)
        _try(source, objective, named)
        validation = None
        if validation_data is not None:
            has_lengths = lengths is not None or isinstance(source, Stream)
            validation = _validation(validation_data, objective, has_lengths)
            _try(validation, objective, named)
    batch_size = min(batch_size, source.n_rows or batch_size)
    names = ["loss", *named]
    new_run = functools.partial(
        Run,
        optimizer=optimizer,
        rng=rng,
        callbacks=callbacks,
        epochs=epochs,
        steps_per_epoch=source.steps(batch_size),
        recorded=[*names, *(f"val_{name}" for name in names if validation is not None), "lr"],
        settings={
            "loss": name_of(objective.loss),
            "l2": name_of(l2) if callable(l2) else float(l2),
            "clip_norm": clip_norm,
            "batch size": batch_size,
            "shuffle": order is not None,
            "examples": source.n_rows,
            "validation examples": validation and validation.n_rows,
        },
    )
    run = new_run(trial_model)
    for callback in callbacks:
        callback.check(run)
    if trial_model is not model:
        objective.bind(model)
        with np.errstate(all="ignore"):
            objective.run(source.trial(), False)  # builds it
        run = new_run(model)
    started: list[Callback] = []
    try:
        for callback in callbacks:
            started.append(callback)
            callback.on_start(run)
        while run.epoch < run.epochs and run.stopped is None:
            batches = source.shuffled(batch_size, order)
            record = _epoch(run, objective, Measures(named, objective), batches, clip_norm)
            if validation is not None:
                measured = _measure(objective, named, validation)
                record |= {f"val_{name}": value for name, value in measured.items()}
            run.epoch += 1
            run.steps_of_whole_epochs = run.step
            run.history.append(record | {"lr": run.lr})
            run.best.update_if_better(
                record.get("val_loss", record["loss"]), model.params, run.epoch
            )
            for callback in callbacks:
                callback.on_epoch(run)
    except KeyboardInterrupt:
        run.stopped = f"interrupted {run.place()}"
    finally:
        for callback in started:
            callback.on_end(run)
    run.history.stopped = run.stopped
    return run.history


def evaluate(
    model: Any,
    x: ArrayLike | Iterable | Callable,
    y: ArrayLike | None = None,
    *,
    loss: str | Callable = softmax_cross_entropy,
    sample_weight: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    metrics: str | Callable | Iterable | Mapping | None = (),
    l2: float | Callable = 0.0,
) -> dict[str, float]:
    """Measure a model on examples, without learning from them.

    Parameters
    ----------
    model, x, y, loss, sample_weight, lengths, metrics, l2
        As for `fit`.

    Returns
    -------
    dict of str to float
        ``"loss"``, and one number for each metric.

    Examples
    --------
    >>> from smnn import Dense, Sequential, evaluate, make_xor
    >>> model = Sequential([Dense(2, init="zeros")])
    >>> result = evaluate(model, *make_xor(), metrics="accuracy")
    >>> round(result["loss"], 4), result["accuracy"]
    (0.6931, 0.5)
    """
    trial_model = _unbuilt_copy(model)
    objective = Objective(trial_model, loss_function(loss), l2)
    named = named_metrics(metrics)
    with np.errstate(all="ignore"):
        source = _source(x, y, sample_weight, lengths, objective, epochs=1)
        _try(source, objective, named)
    objective.bind(model)
    return _measure(objective, named, source)


def _epoch(run, objective, measures, batches, clip_norm):
    """Go through all examples once; return the mean loss, and the metrics on the way."""
    params, optimizer = run.model.params, run.optimizer
    watchers = [c.on_step for c in run.callbacks if type(c).on_step is not Callback.on_step]
    total = penalties = mass = 0.0
    for batch in batches:
        batch_mass = batch.mass
        if not batch_mass:  # nothing but classes of weight 0: a mean would divide by 0
            judged = objective.judged(objective.run(batch, False)[0], batch)
            total += objective.total(*judged, batch_mass)
            continue
        output, backward = objective.run(batch, True)
        judged = objective.judged(output, batch)
        loss, gradient = objective(*judged)
        run.loss = float(loss)
        if not math.isfinite(run.loss):
            run.diverged(f"the loss became {run.loss}", batch.x, batch.rows)
        if measures.metrics:
            measures.collect(*judged[:2])
        _, grads = backward(objective.whole(gradient, output, batch), input_gradient=False)
        total += run.loss if objective.is_sum else run.loss * batch_mass
        if objective.l2:
            penalty = objective.penalty(batch_mass, grads)
            penalties += penalty * batch_mass
            run.loss += penalty
        if clip_norm is not None:
            optim.clip_gradients(grads, clip_norm)
        run.lr = optimizer.learning_rate
        optimizer.step(params, grads)
        run.step += 1
        mass += batch_mass
        for on_step in watchers:
            on_step(run)
    if not mass:
        raise ValueError(f"x has yielded nothing to learn from in epoch {run.epoch + 1}")
    if not_finite(params):
        run.diverged("the parameters did not stay finite", batch.x, batch.rows)
    loss = total if objective.is_sum else total / mass
    return {"loss": loss + penalties / mass, **measures.score()}


def _measure(objective, named, source):
    """Return loss and metrics on examples that are not learned from."""
    measures = Measures(named, objective)
    loss = objective.measure(source.in_order(), measures.collect)
    return {"loss": loss, **measures.score()}


def _source(x, y, sample_weight, lengths, objective, epochs):
    """Return the examples, or the stream of batches, that x and y are."""
    if y is not None:
        examples = Examples(x, y, sample_weight, objective, lengths=lengths)
        examples.require_labels()
        return examples
    if hasattr(x, "shape") or isinstance(x, Dataset):
        raise TypeError(
            "y is missing: pass x and y, or an iterable of batches (x_batch, y_batch) for x"
        )
    if sample_weight is not None:
        raise TypeError("without y, batches bring their weights: (x_batch, y_batch, sample_weight)")
    if lengths is not None:
        raise TypeError(
            "without y, batches bring their lengths: (x_batch, y_batch, sample_weight, lengths), "
            "where sample_weight may be None"
        )
    return Stream(x, objective, epochs)


def _validation(given, objective, has_lengths):
    pair = tuple(given) if isinstance(given, Dataset | list) else given
    sizes = (2, 3) if has_lengths else (2,)
    if not isinstance(pair, tuple) or len(pair) not in sizes:
        what = f"{type(given).__name__} of {len(given)}" if isinstance(pair, tuple) else repr(given)
        if hasattr(given, "shape"):
            what = f"an array of shape {given.shape}"
        raise TypeError(
            f"validation_data must be a pair (x, y) of examples that are not trained on, got {what}"
        )
    x, y, lengths = (*pair, None)[:3]
    examples = Examples(x, y, None, objective, "y of validation_data", lengths)
    examples.require_labels("y of validation_data")
    return examples


def _try(source, objective, named):
    """Try the loss and the metrics on a few rows, so that what does not fit is said now."""
    batch = source.trial()
    measures = Measures(named, objective)
    measures.collect(*objective.check(batch))
    measures.check(source.in_order if isinstance(source, Examples) else None)


def _unbuilt_copy(model):
    """Return the model, or a copy of one without parameters, which a trial would build."""
    if isinstance(model, type) or not hasattr(model, "forward"):
        raise TypeError(f"model must be a Sequential, or have params and forward, got {model!r}")
    try:
        if model.params:
            return model
    except RuntimeError:
        pass
    return copy.deepcopy(model)


def _optimizer(optimizer):
    """Return an optimizer from an optimizer, its name, or None."""
    if optimizer is None:
        return optim.Adam()
    if isinstance(optimizer, str):
        return _OPTIMIZERS[choice(optimizer, _OPTIMIZERS, "optimizer")]()
    if isinstance(optimizer, type):
        name = optimizer.__name__
        raise TypeError(f"optimizer must be an optimizer, got the class {name}: pass {name}(...)")
    if not hasattr(optimizer, "step") or not hasattr(optimizer, "learning_rate"):
        raise TypeError(f"optimizer must be a name or an optimizer, got {optimizer!r}")
    real_number(optimizer.learning_rate, "the learning rate")
    return optimizer


def _callbacks(callbacks, progress):
    """Return callbacks: functions wrapped, a bar if it is wanted, and checkpoints at the end.

    A checkpoint comes last because it saves what the others have made of the epoch.
    """
    if callbacks is None:
        callbacks = []
    elif isinstance(callbacks, Callback) or callable(callbacks):
        callbacks = [callbacks]
    elif not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks must be callbacks or functions, got {callbacks!r}")
    made = []
    for callback in callbacks:
        if isinstance(callback, type):
            name = callback.__name__
            raise TypeError(f"callbacks must be instances, got the class {name}: pass {name}(...)")
        if not isinstance(callback, Callback) and not callable(callback):
            raise TypeError(f"a callback must be a Callback or a function, got {callback!r}")
        made.append(callback if isinstance(callback, Callback) else AfterEpoch(callback))
    if bar_is_wanted(progress):
        made.append(ProgressBar())
    return sorted(made, key=lambda callback: isinstance(callback, Checkpoint))
