r"""Many models as one: what several answers to the same question come to.

Averaging probabilities and averaging logits are both softmax again, of the arithmetic and of the
geometric mean:

.. math:: p = \frac1M \sum_m \operatorname{softmax}(z_m) \qquad \text{or} \qquad
          p = \operatorname{softmax}\Bigl(\frac1M \sum_m z_m\Bigr)

By Jensen's inequality the negative log-likelihood of either is at most the mean of those of the
models, for every example (`Ensemble`).  In a mixture of experts the weights of the mean are a
softmax too, that of a gate which sees the input and learns with the experts (`MixtureOfExperts`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._core.types import Array, ArrayLike, DType, Pullback, Random, Shape
from ._core.validation import choice, float_array, positive_integer
from .functional import softmax, softmax_vjp
from .layers import Dense, Layer, ShapeError
from .layers.sequences import without_past
from .model import Composite


class Ensemble:
    """Several classifiers that answer together.

    Parameters
    ----------
    models : sequence of callable
        Each a model of the package, with or without a softmax at its end, or a function that
        returns logits of shape (N, C).

    Examples
    --------
    >>> import numpy as np
    >>> sure, unsure = (lambda x: x), (lambda x: 0 * x)
    >>> ensemble = Ensemble([sure, unsure])
    >>> ensemble(np.log([[0.9, 0.1]])).round(3)
    array([[0.7, 0.3]])
    >>> ensemble(np.log([[0.9, 0.1]]), aggregate="logits").round(3)
    array([[0.75, 0.25]])
    """

    def __init__(self, models: Sequence[Callable[..., Any]]) -> None:
        self.models = list(models)
        for model in self.models:
            if not callable(model):
                raise TypeError(f"Ensemble takes models that can be called, got {model!r}")
        if not self.models:
            raise ValueError("Ensemble needs at least one model, got none")

    def __call__(self, x: ArrayLike, *, aggregate: str = "probs") -> Array:
        """Return the probabilities of the classes, from all models together.

        Parameters
        ----------
        x : array_like, shape (N, ...)
        aggregate : {"probs", "logits", "vote"}
            The mean of the probabilities, the softmax of the mean of the logits, or the share of
            the models whose most probable class it is, the first of equals.

        Returns
        -------
        ndarray, shape (N, C)

        Raises
        ------
        ValueError
            If `aggregate` is none of these, or the models do not answer with one shape.
        """
        aggregate = choice(aggregate, ("probs", "logits", "vote"), "aggregate")
        logits = [_logits(model, x) for model in self.models]
        shapes = {z.shape for z in logits}
        if len(shapes) > 1 or logits[0].ndim != 2:
            raise ValueError(
                "all models must return logits of one shape (N, C), got "
                + ", ".join(map(str, sorted(shapes)))
            )
        if aggregate == "logits":
            return softmax(np.mean(logits, axis=0))
        if aggregate == "probs":
            return np.mean([softmax(z) for z in logits], axis=0)
        first = [np.eye(z.shape[1], dtype=z.dtype)[z.argmax(axis=1)] for z in logits]
        return np.mean(first, axis=0)

    def __repr__(self) -> str:
        return f"Ensemble of {len(self.models)} models"


class MixtureOfExperts(Composite):
    r"""Layers of which each example uses some, as a gate decides.

    .. math:: y = \sum_e g_e \, f_e(x), \qquad g = \operatorname{softmax}(\text{gate}(x))

    Parameters
    ----------
    experts : sequence of Layer
        The f, with outputs of one shape; a `Sequential` is one.
    gate : Layer, optional
        Returns a logit for each expert; by default a `Dense`.
    top_k : int, optional
        Only the experts with the k largest logits answer, of equal ones the first, and g is the
        softmax of these logits alone.  An expert that nobody chose has the gradient 0.  With
        ``top_k=1`` the only g is 1, so that nothing but a `load_balancing_loss` teaches the gate.
    dtype, input_shape, rng
        As in `Sequential`.

    Attributes
    ----------
    layers : list of Layer
        The gate and the experts.
    params : mapping of str to ndarray
        Those of the gate begin with ``"0."``, those of the first expert with ``"1."``.

    Notes
    -----
    With the gradient :math:`\bar y` of y, the gate learns from
    :math:`\bar g_e = \langle \bar y, f_e(x) \rangle` through its softmax.  If the loss is −log of
    a mixture of probabilities, that is g − h, with the responsibilities h of the experts.

    References
    ----------
    R. Jacobs, M. Jordan, S. Nowlan, G. Hinton, "Adaptive Mixtures of Local Experts", 1991.
    N. Shazeer et al., "Outrageously Large Neural Networks", 2017, for `top_k`.

    Examples
    --------
    >>> from smnn import Dense, MixtureOfExperts
    >>> mixture = MixtureOfExperts([Dense(3), Dense(3)], input_shape=(2,), rng=0)
    >>> mixture(np.ones((5, 2))).shape, list(mixture.params)
    ((5, 3), ['0.W', '0.b', '1.W', '1.b', '2.W', '2.b'])
    """

    def __init__(
        self,
        experts: Sequence[Layer],
        *,
        gate: Layer | None = None,
        top_k: int | None = None,
        dtype: DType = "float64",
        input_shape: Shape | None = None,
        rng: Random = None,
    ) -> None:
        super().__init__(experts, dtype, input_shape, rng)
        self.experts = self.layers
        self.gate = Dense(len(self.experts)) if gate is None else gate
        if not isinstance(self.gate, Layer):
            raise TypeError(f"gate must be a layer, got {gate!r}")
        self.top_k = None if top_k is None else positive_integer(top_k, "top_k")
        if self.top_k is not None and self.top_k > len(self.experts):
            raise ValueError(f"top_k must be at most {len(self.experts)}, got {top_k}")
        self.layers = [self.gate, *self.experts]
        if self.input_shape is not None:
            self.build(self.input_shape)

    def _build_layers(self, shape):
        if self.input_shape is None:
            self.input_shape = shape
        for layer in self.layers:
            if layer.input_shape not in (None, shape):
                raise ShapeError(f"{layer!r} of a mixture gets inputs of shape {shape}")
        shapes = [layer.build(shape, self.dtype, self.rng) for layer in self.layers]
        if shapes[0] != (len(self.experts),):
            raise ShapeError(
                f"the gate must return {len(self.experts)} logits, one for each expert, but "
                f"{self.gate!r} has outputs of shape {shapes[0]}"
            )
        if len(set(shapes[1:])) > 1:
            raise ShapeError(
                f"all experts must have outputs of one shape, got {', '.join(map(str, shapes[1:]))}"
            )
        self._output_shape = shapes[-1]
        return shapes

    def forward(
        self, x: ArrayLike, training: bool = False, lengths: ArrayLike | None = None
    ) -> tuple[Array, Pullback]:
        """Return the value for a batch, and ``backward(dy) -> (dx, grads)``."""
        x, lengths = self._input(x, lengths)

        def of_rows(layer, rows):
            if lengths is None or not layer.takes_lengths:
                return layer.forward(x[rows], training)
            return layer.forward(x[rows], training, lengths=lengths[rows])

        logits, gate_backward = of_rows(self.gate, slice(None))
        uses, weights = self._routes(logits)
        y = np.zeros((len(x), *self._output_shape), x.dtype)
        answers = []
        for e, expert in enumerate(self.experts):
            rows = np.flatnonzero(uses[:, e])
            value, pullback = of_rows(expert, rows) if len(rows) else (y[:0], None)
            y[rows] += _along(weights[rows, e], value) * value
            answers.append((rows, value, pullback))

        def backward(dy, input_gradient=True):
            dy = np.asarray(dy, dtype=x.dtype)
            dx, grads, dweights = np.zeros_like(x), {}, np.zeros_like(weights)
            for e, (expert, (rows, value, pullback)) in enumerate(
                zip(self.experts, answers, strict=True)
            ):
                if pullback is None:
                    unused = {name: np.zeros_like(array) for name, array in expert.params.items()}
                    self._add_gradients(grads, expert, unused)
                    continue
                dweights[rows, e] = (dy[rows] * value).reshape(len(rows), -1).sum(axis=1)
                part, of_expert = pullback(_along(weights[rows, e], value) * dy[rows])
                self._add_gradients(grads, expert, of_expert)
                if part is not None:
                    dx[rows] += part
            part, of_gate = gate_backward(softmax_vjp(dweights, weights))
            self._add_gradients(grads, self.gate, of_gate)
            if part is not None:
                dx += part
            return without_past(dx, lengths) if input_gradient else None, grads

        return y, backward

    def _routes(self, logits):
        """Return which expert each row uses, and how much of it."""
        uses = np.ones(logits.shape, bool)
        if self.top_k is not None:
            ranks = np.argsort(np.argsort(-logits, axis=1, kind="stable"), axis=1)
            uses = ranks < self.top_k
        return uses, softmax(np.where(uses, logits, -np.inf))


def _along(weights, value):
    """Return a weight for each row in a shape that multiplies the rows of a value."""
    return weights.reshape(-1, *(1,) * (value.ndim - 1))


def _logits(model, x):
    """Return what a model gives before its softmax, if that is its last step."""
    if hasattr(model, "forward_logits"):
        return model.forward_logits(x)[0]
    return float_array(model(x), "the logits of a model")
