"""What training minimizes: the loss of a model on a batch, and a penalty on its weights.

An `Objective` knows what its loss takes for y, how much each row counts in the mean, and
which activation the loss contains.  A model that ends in softmax is trained on its logits: the
loss takes the scores from before the softmax and does softmax and logarithm together, which
cannot overflow.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.validation import (
    choice,
    class_labels,
    class_weights,
    float_array,
    not_negative,
    row_weights,
    sequence_lengths,
)
from ..functional import cross_entropy, linear_cross_entropy, softmax_cross_entropy
from ..layers.sequences import is_past
from ..losses import binary_cross_entropy, huber, mse, multiclass_hinge
from ..model import Sequential

LOSSES: dict[str, Callable] = {
    "cross_entropy": softmax_cross_entropy,
    "softmax_cross_entropy": softmax_cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy,
    "huber": huber,
    "mse": mse,
    "multiclass_hinge": multiclass_hinge,
}

# The activation that a loss contains: it is left off the end of the model.
_ACTIVATIONS = {softmax_cross_entropy: "softmax", binary_cross_entropy: "sigmoid"}
_OF_LABELS = (softmax_cross_entropy, multiclass_hinge)
_OF_OUTPUTS = (binary_cross_entropy, huber, mse)


def loss_function(loss: str | Callable) -> Callable:
    """Return the loss of a name, or a function as it is."""
    if isinstance(loss, str):
        return LOSSES[choice(loss, LOSSES, "loss")]
    function = loss.func if isinstance(loss, functools.partial) else loss
    if _is_one_of(function, (cross_entropy, linear_cross_entropy)):
        raise TypeError(
            "loss must return its value and the gradient with respect to the prediction, and "
            f"{name_of(function)} does not: pass softmax_cross_entropy"
        )
    if not callable(loss) or inspect.isclass(loss):
        raise TypeError(f"loss must be a name or a function, got {loss!r}")
    return loss


class Objective:
    """A model with the loss that it is trained on.

    Parameters
    ----------
    model : Sequential
        Or what `fit` takes.
    loss : callable
        ``loss(prediction, target) -> (value, gradient)``, from `loss_function`.
    l2 : float or callable
        λ of the penalty λ/2 ‖W‖², or a function of the batch's weight that returns it.
    """

    def __init__(self, model: Any, loss: Callable, l2: float | Callable = 0.0):
        self.loss, self.l2 = loss, l2 if callable(l2) else not_negative(l2, "l2")
        self.function = loss.func if isinstance(loss, functools.partial) else loss
        self.options = loss.keywords if isinstance(loss, functools.partial) else {}
        self.of_labels = _is_one_of(self.function, _OF_LABELS)
        self.of_outputs = _is_one_of(self.function, _OF_OUTPUTS)
        self.knows_ignored = self.function is softmax_cross_entropy
        self.ignored = self.options.get("ignore_index", -100) if self.knows_ignored else None
        self.is_sum = self.options.get("reduction") == "sum"
        self.value = _value_alone(loss)
        known = _is_one_of(self.function, _ACTIVATIONS)
        self.activation = _ACTIVATIONS[self.function] if known else None
        self.shapes: dict[tuple, tuple] = {}
        self.bind(model)

    def bind(self, model: Any) -> None:
        """Take this model from now on."""
        self.model, self.forward = model, model.forward
        options: dict[str, Any] = {}
        if self.activation and hasattr(model, "forward_logits"):
            self.forward, options = model.forward_logits, {"output_activation": self.activation}
        of_the_package = getattr(Sequential, self.forward.__name__, None)
        if getattr(self.forward, "__func__", None) is of_the_package:
            options["input_gradient"] = False  # nobody learns from the gradient of the data
        self.forward = functools.partial(self.forward, **options)
        dtype = getattr(model, "dtype", None)
        integers = getattr(model, "integer_input", False)
        self.input_dtype = None if dtype is None or integers else np.dtype(dtype)

    def run(self, batch, training):
        """Return ``(output, backward)`` of the model for a batch."""
        if batch.lengths is None:
            return self.forward(batch.x, training)
        return self.forward(batch.x, training, lengths=batch.lengths)

    def output_shape(self, x, lengths=None):
        """Return the shape of the model's output for one example."""
        shape = x.shape[1:]
        if shape not in self.shapes:
            options = {} if lengths is None else {"lengths": lengths}
            self.shapes[shape] = np.shape(self.forward(x[:1], False, **options)[0])[1:]
        return self.shapes[shape]

    def lengths(self, lengths, shape):
        """Return the lengths of sequences of this shape as integers, or None."""
        if lengths is not None and "lengths" not in _parameters(self.model.forward):
            raise TypeError("lengths need a model whose forward takes them, as Sequential's does")
        return sequence_lengths(lengths, shape)

    def up_to_the_end(self, y, input_shape, output_shape, lengths):
        """Return y without what lies past the ends of sequences, and which steps are kept.

        Where the loss knows an ignored label, that label is put past the ends, and the second
        value is None.  It is None, too, where the model has one output for a sequence.
        """
        steps = input_shape[:2]
        if lengths is None or y.shape[:2] != steps or output_shape[:1] != steps[1:]:
            return y, None
        past, of_labels = is_past(lengths, steps[1]), self.knows_ignored and y.dtype.kind in "iu"
        y = y.astype(np.int64) if of_labels else y.copy()
        y[past] = self.ignored if of_labels else 0
        return y, None if of_labels else ~past

    def judged(self, output, batch):
        """Return the output, the targets and the weights that the loss and the metrics get."""
        if batch.kept is None:
            return output, batch.y, batch.weight
        weight = batch.weight
        if weight is not None:
            weight = _at_each_step(weight, batch.kept)[batch.kept]
        return output[batch.kept], batch.y[batch.kept], weight

    def whole(self, gradient, output, batch):
        """Return the gradient of the whole output: 0 past the ends of sequences."""
        if batch.kept is None:
            return gradient
        whole = np.zeros_like(output)
        whole[batch.kept] = gradient
        return whole

    def __call__(self, output, y, weight):
        """Return the loss of a batch and its gradient with respect to the output."""
        if weight is None:
            return self.loss(output, y)
        return self.loss(output, y, sample_weight=weight)

    def penalty(self, mass, grads=None):
        """Return λ/2 ‖W‖² over all weights, not biases, and add λW to their gradients."""
        strength = self.l2(mass) if callable(self.l2) else self.l2
        if not strength:
            return 0.0
        squares = 0.0
        for name, W in self.model.params.items():
            if W.ndim > 1:
                squares += float(np.vdot(W, W))
                if grads is not None and name in grads:
                    grads[name] = grads[name] + W.dtype.type(strength) * W
        return strength / 2 * squares

    def total(self, output, y, weight, mass):
        """Return the sum of the losses of a batch, each times its weight.

        Label smoothing gives a loss to labels whose class weighs 0, and their mean divides by 0.
        """
        options = {} if weight is None else {"sample_weight": weight}
        if self.knows_ignored:
            return float(self.value(output, y, **options, reduction="sum"))
        if not mass:
            return 0.0
        return float(self.value(output, y, **options)) * (1 if self.is_sum else mass)

    def measure(self, batches, collect=None):
        """Return the loss over batches that are not learned from, in one mean."""
        total = mass = 0.0
        for batch in batches:
            judged = self.judged(self.run(batch, False)[0], batch)
            if collect is not None:
                collect(*judged[:2])
            total += self.total(*judged, batch.mass)
            mass += batch.mass
        mean = total if self.is_sum or not mass else total / mass
        return (mean if mass else np.nan) + self.penalty(mass)

    def targets(self, y, shape, name="y"):
        """Return y as the loss takes it for outputs of shape (N, *shape), or raise.

        Labels become int64 and everything else the model's dtype, so that no step has to.
        """
        if self.of_labels and shape:
            return self._labels(y, (len(y), *shape), name)
        if self.of_outputs:
            return self._numbers(y, (len(y), *shape), name)
        return y

    def _labels(self, y, shape, name):
        rows = shape[:-1]
        if self.knows_ignored and y.dtype.kind in "fb" and y.shape == shape != rows:
            return self._numbers(y, shape, name)
        if y.shape == (*rows, 1):  # a column, as data frames and Keras have it
            y = y[..., 0]
        if y.shape != rows:
            hint = "; pass rows of probabilities as floating numbers" if y.shape == shape else ""
            raise ValueError(
                f"{name} must hold one label per row, shape {rows}, got shape {y.shape}{hint}"
            )
        if y.dtype.kind == "b":
            y = y.astype(np.int64)
        if y.dtype.kind not in "iu":
            raise TypeError(f"{name}: labels must be integers, got dtype {y.dtype}")
        return class_labels(y, rows, shape[-1], ignore_index=self.ignored, name=name)

    def _numbers(self, y, shape, name):
        if y.shape != shape:
            hint = f": pass {name}[:, None]" if (*y.shape, 1) == shape else ""
            raise ValueError(
                f"{name} must have the shape of the model's output, {shape}, got {y.shape}{hint}"
            )
        y = float_array(y, name, booleans=True).astype(self.input_dtype or y.dtype, copy=False)
        wrong = ~np.isfinite(y)
        if self.activation == "sigmoid":
            wrong |= (y < 0) | (y > 1)
        if wrong.any():
            row, value = np.argwhere(wrong)[0][0], y[wrong][0]
            between = "from 0 to 1" if self.activation == "sigmoid" else "finite"
            raise ValueError(
                f"{name} must hold numbers that are {between}, got {value} in row {row}"
            )
        return y

    def weights(self, sample_weight, y):
        """Return the weights in the shape of the rows of the loss, or None."""
        if sample_weight is None:
            return None
        if "sample_weight" not in _parameters(self.loss):
            raise ValueError(
                "sample_weight needs a loss that takes it, as softmax_cross_entropy does; "
                f"{name_of(self.loss)} has no such argument"
            )
        weight = float_array(sample_weight, "sample_weight", booleans=True)
        rows = y.shape if self._is_labels(y) else y.shape[:1]
        if weight.shape == rows[:1] != rows:
            weight = np.broadcast_to(weight.reshape(-1, *(1,) * (len(rows) - 1)), rows)
        dtype = self.input_dtype or np.dtype(float)
        return row_weights(weight, rows, dtype).reshape(rows)

    def masses(self, y, weight, kept=None):
        """Return how much each row counts, and which rows have anything to teach.

        None stands for rows that all count the same, and all teach.
        """
        if kept is not None:
            masses = kept * _at_each_step(1.0 if weight is None else weight, kept)
            masses = masses.astype(np.float64).sum(axis=1)
            return masses, masses > 0
        if not (self.knows_ignored and self._is_labels(y)):
            if weight is None:
                return None, None
            masses = weight.astype(np.float64).reshape(len(y), -1).sum(axis=1)
            return masses, masses > 0
        counted = y != self.ignored
        class_weight = self.options.get("weight")
        if weight is None and class_weight is None and counted.all():
            return None, None
        masses = counted.astype(np.float64)
        if weight is not None:
            masses *= weight
        teaches = masses > 0
        if class_weight is not None:
            class_weight = class_weights(class_weight, len(class_weight), np.float64)
            masses *= class_weight[np.where(counted, y, 0)]
            if not self.options.get("label_smoothing"):
                teaches = masses > 0
        return masses.reshape(len(y), -1).sum(axis=1), teaches.reshape(len(y), -1).any(axis=1)

    def labels_per_row(self, y):
        """Return how many labels each row has: several for sequences."""
        return math.prod(y.shape[1:]) if self._is_labels(y) else 1

    def _is_labels(self, y):
        return self.of_labels and y.dtype.kind == "i"

    def counted(self, output, y):
        """Return the rows of outputs and labels that a metric judges: (M, K) and (M,)."""
        if not self._is_labels(y):
            return output.copy(), y
        if y.ndim == 1 and self.ignored is None:
            return output.copy(), y
        kept = y != self.ignored
        return output[kept], y[kept]

    def check(self, batch):
        """Try the loss on a batch, and return the output and the targets that it got."""
        output, y, weight = self.judged(self.run(batch, False)[0], batch)
        pair = self(output, y, weight)
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(
                "the loss must return its value and the gradient with respect to the "
                f"prediction, got {type(pair).__name__}"
            )
        value, gradient = pair
        if np.ndim(value) != 0 or np.shape(gradient) != output.shape:
            raise ValueError(
                f"the loss must return one number and a gradient of shape {output.shape}, "
                f"got shapes {np.shape(value)} and {np.shape(gradient)}"
            )
        return output, y


def name_of(function: Callable) -> str:
    """Return a readable name: that of a function, or of a partial with its arguments.

    Examples
    --------
    >>> import functools
    >>> name_of(functools.partial(round, ndigits=2))
    'round(ndigits=2)'
    """
    if isinstance(function, functools.partial):
        arguments = [_argument(value) for value in function.args]
        arguments += [f"{name}={_argument(value)}" for name, value in function.keywords.items()]
        return f"{name_of(function.func)}({', '.join(arguments)})"
    return getattr(function, "__name__", type(function).__name__)


def _argument(value):
    return name_of(value) if callable(value) else " ".join(repr(value).split())


def _at_each_step(weight, kept):
    """Return weights of sequences or steps as one for each step."""
    weight = np.asarray(weight)
    return np.broadcast_to(weight if weight.ndim != 1 else weight[:, None], kept.shape)


def _is_one_of(function, functions):
    return any(function is known for known in functions)


def _parameters(function):
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # a function of compiled code may not say
        return {}


def _value_alone(loss):
    """Return the loss without its gradient: cheaper where there is such a function."""
    if loss is softmax_cross_entropy:
        return cross_entropy
    if isinstance(loss, functools.partial) and loss.func is softmax_cross_entropy:
        options = {name: value for name, value in loss.keywords.items() if name != "out"}
        return functools.partial(cross_entropy, **options)
    return lambda output, y, **options: loss(output, y, **options)[0]
