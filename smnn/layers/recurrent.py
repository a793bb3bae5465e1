r"""Recurrent layers: the same weights at every step, and a state that is handed on.

A step makes the state :math:`h_t` from the input :math:`x_t` and the state before:

.. math:: h_t = φ(x_t W + h_{t-1} U + b), \qquad h_{-1} = 0

The part of the inputs is one product for all steps.  The way back goes through the steps from
the last to the first and hands on the gradient of the state; that is backpropagation
through time.  LSTM and GRU add gates, numbers from 0 to 1 that say how much of the state stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.types import Array, ArrayLike, DType, Pullback, Random, Shape
from .._core.validation import boolean, generator, positive_integer, real_number
from ..functional.backend import kernels
from ..initializers import get_initializer
from .activation import Activation
from .sequences import SequenceLayer, in_rows, is_past


class _Recurrent(SequenceLayer):
    """A recurrent layer.  A subclass says how many gates it has, and what a run over time is.

    Inside, time comes first: what belongs to a step lies in one piece.
    """

    gates = 1
    _first_weights = "W"

    def __init__(
        self,
        units: int,
        *,
        return_sequences: bool = False,
        input_shape: Shape | None = None,
        init: str | Callable[..., Array] = "auto",
        recurrent_init: str | Callable[..., Array] = "orthogonal",
        rng: Random = None,
    ) -> None:
        super().__init__(input_shape=input_shape, rng=rng)
        self.units = positive_integer(units, "units")
        self.return_sequences = boolean(return_sequences, "return_sequences")
        self.init, self.recurrent_init = init, recurrent_init
        get_initializer(init), get_initializer(recurrent_init)  # refuses an unknown name here

    @property
    def ends_sequences(self) -> bool:  # type: ignore[override]
        return not self.return_sequences

    def build(self, input_shape: Shape, dtype: DType = "float64", rng: Random = None) -> Shape:
        shape = tuple(input_shape)
        self._expect_steps(shape)
        if not self.params:
            rng = generator(rng) if self.rng is None else self.rng
            for name, rows, init in (
                ("W", shape[1], get_initializer(self.init)),
                ("U", self.units, get_initializer(self.recurrent_init)),
            ):
                parts = [init((rows, self.units), rng=rng, dtype=dtype) for _ in range(self.gates)]
                self.params[name] = np.concatenate(parts, axis=1)
            self.params["b"] = self._first_bias(dtype)
        features = len(self.params["W"])
        self._expect(shape[1] == features, f"(T, {features})", shape)
        return (shape[0], self.units) if self.return_sequences else (self.units,)

    def _first_bias(self, dtype):
        return np.zeros(self.gates * self.units, dtype)

    def forward(
        self, x: Any, training: bool = False, lengths: ArrayLike | None = None
    ) -> tuple[Array, Pullback]:
        """Return ``(y, backward)``.

        Parameters
        ----------
        x : array_like, shape (N, T, features)
        training : bool
        lengths : array_like of int, shape (N,), optional
            How many steps each sequence has, from 0 to T; all have T if not given.  With
            ``return_sequences`` the output past the end is 0.  Otherwise it is the state at the
            last step, and 0 for a sequence of length 0.

        Returns
        -------
        y : ndarray
            (N, T, units) with ``return_sequences``, otherwise (N, units).
        backward : callable
        """
        x, lengths = self._sequences(x, lengths)
        dtype = np.result_type(x, self.params["W"])
        # An optimizer may move the weights before the way back is taken.
        W, U = (self.params[name].astype(dtype) for name in "WU")
        count, steps, _ = x.shape
        past = None if lengths is None else is_past(lengths, steps).T
        x = np.array(np.swapaxes(x, 0, 1), dtype, order="C")
        if past is None:
            lengths = np.full(count, steps)
        else:
            x[past] = 0
        inputs = np.empty((steps, count, W.shape[1]), dtype)
        np.matmul(in_rows(x), W, out=in_rows(inputs))
        inputs += self.params["b"]
        h = np.empty((steps + 1, count, self.units), dtype)
        h[0] = 0
        pull_back = self._run(inputs, U, h, lengths)
        if self.return_sequences:
            y = np.ascontiguousarray(np.swapaxes(h[1:], 0, 1))
            if past is not None:
                y[past.T] = 0
        else:
            y = h[-1].copy()

        def backward(dy, input_gradient=True):
            dy = np.asarray(dy, dtype)
            dh, later = np.zeros((count, self.units), dtype), None
            if self.return_sequences:
                later = np.array(np.swapaxes(dy, 0, 1), order="C")
                if past is not None:
                    later[past] = 0
            else:
                dh += dy
            dinputs = np.empty_like(inputs)
            dU = pull_back(dh, later, dinputs)
            dinputs = in_rows(dinputs)
            grads = {"W": in_rows(x).T @ dinputs, "U": dU, "b": dinputs.sum(axis=0)}
            if not input_gradient:
                return None, grads
            dx = (dinputs @ W.T).reshape(x.shape)
            return np.ascontiguousarray(np.swapaxes(dx, 0, 1)), grads

        return y, backward

    def _run(self, inputs, U, h, lengths):
        """Fill ``h[1:]`` and return the way back.

        ``inputs`` is x W + b of all steps, (T, N, gates · units), and may be overwritten;
        ``h[0]`` is the first state.  What is returned is called as ``pull_back(dh, dy,
        dinputs)``: ``dh`` is the gradient of the last state and may be overwritten, ``dy``
        that of the state of each step, or None.  It fills ``dinputs`` and returns dU.
        """
        raise NotImplementedError


class SimpleRNN(_Recurrent):
    r"""Hand on one state, made of the input and the state before.

    .. math:: h_t = φ(x_t W + h_{t-1} U + b)

    Parameters
    ----------
    units : int
        The length of the state.
    activation : str, callable or Activation, default "tanh"
        φ, what `Activation` takes.
    return_sequences : bool, default False
        Whether the output is the state of every step, (N, T, units), or of the last, (N, units).
    input_shape : (steps, features), optional
    init : str or callable
        For W; see `get_initializer`.
    recurrent_init : str or callable, default "orthogonal"
        For U.
    rng : None, int or Generator

    Attributes
    ----------
    params : dict
        ``"W"`` of shape (features, units), ``"U"`` of shape (units, units) and ``"b"``.

    References
    ----------
    J. Elman, "Finding Structure in Time", 1990.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import SimpleRNN
    >>> layer = SimpleRNN(4, return_sequences=True, rng=0)
    >>> layer(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    >>> layer(np.ones((2, 5, 3)), lengths=[5, 1])[1, 1:].any()
    np.False_
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        *,
        return_sequences: bool = False,
        input_shape: Shape | None = None,
        init: str | Callable[..., Array] = "auto",
        recurrent_init: str | Callable[..., Array] = "orthogonal",
        rng: Random = None,
    ) -> None:
        super().__init__(
            units,
            return_sequences=return_sequences,
            input_shape=input_shape,
            init=init,
            recurrent_init=recurrent_init,
            rng=rng,
        )
        self.activation = activation
        self._activation = (
            activation if isinstance(activation, Activation) else Activation(activation)
        )

    def _run(self, inputs, U, h, lengths):
        product, pullbacks = np.empty_like(h[0]), []
        with np.errstate(all="ignore"):
            for t in range(len(inputs)):
                np.matmul(h[t], U, out=product)
                inputs[t] += product
                value, pullback = self._activation.forward(inputs[t])
                over = (t >= lengths)[:, None]
                h[t + 1] = np.where(over, h[t], value)
                pullbacks.append((over, pullback))

        def pull_back(dh, dy, dinputs):
            product, turned = np.zeros_like(dh), _turned(U)
            for t in reversed(range(len(inputs))):
                dh += product
                if dy is not None:
                    dh += dy[t]
                over, pullback = pullbacks[t]
                dinputs[t] = np.where(over, 0, pullback(dh)[0])
                dh *= over
                np.matmul(dinputs[t], turned, out=product)
            return in_rows(h[:-1]).T @ in_rows(dinputs)

        return pull_back


class LSTM(_Recurrent):
    r"""Hand on a state and a cell, whose gates say what is written, kept and shown.

    .. math::

        i_t &= σ(x_t W_i + h_{t-1} U_i + b_i), \quad
        f_t = σ(x_t W_f + h_{t-1} U_f + b_f) \\
        \tilde c_t &= \tanh(x_t W_c + h_{t-1} U_c + b_c), \quad
        o_t = σ(x_t W_o + h_{t-1} U_o + b_o) \\
        c_t &= f_t ∘ c_{t-1} + i_t ∘ \tilde c_t, \quad h_t = o_t ∘ \tanh c_t

    Parameters
    ----------
    units, return_sequences, input_shape, init, recurrent_init, rng
        As for `SimpleRNN`; W and U are made gate by gate.
    forget_bias : float, default 1
        What :math:`b_f` starts at: a gate that is open lets gradients pass from the first step.

    Attributes
    ----------
    params : dict
        ``"W"`` of shape (features, 4 units), ``"U"`` of shape (units, 4 units) and ``"b"``, with
        the gates in the order i, f, c, o.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", 1997.
    F. Gers, J. Schmidhuber and F. Cummins, "Learning to Forget", 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import LSTM
    >>> layer = LSTM(4, rng=0)
    >>> layer(np.ones((2, 5, 3))).shape
    (2, 4)
    >>> layer.params["b"].reshape(4, 4)[:, 0]
    array([0., 1., 0., 0.])
    """

    gates = 4

    def __init__(
        self,
        units: int,
        *,
        return_sequences: bool = False,
        forget_bias: float = 1.0,
        input_shape: Shape | None = None,
        init: str | Callable[..., Array] = "auto",
        recurrent_init: str | Callable[..., Array] = "orthogonal",
        rng: Random = None,
    ) -> None:
        super().__init__(
            units,
            return_sequences=return_sequences,
            input_shape=input_shape,
            init=init,
            recurrent_init=recurrent_init,
            rng=rng,
        )
        self.forget_bias = real_number(forget_bias, "forget_bias")

    def _first_bias(self, dtype):
        bias = super()._first_bias(dtype)
        bias[self.units : 2 * self.units] = self.forget_bias
        return bias

    def _run(self, inputs, U, h, lengths):
        gates, c, tanh_c = inputs, np.empty_like(h), np.empty_like(h[1:])
        c[0] = 0
        product = np.empty_like(gates[:1])
        for t in range(len(gates)):
            np.matmul(h[t], U, out=product[0])
            kernels.lstm_step(
                gates[t], product[0], h[t], c[t], lengths, t, c[t + 1], tanh_c[t], h[t + 1]
            )

        def pull_back(dh, dy, dgates):
            product, dc, turned = np.zeros_like(dh), np.zeros_like(dh), _turned(U)
            for t in reversed(range(len(gates))):
                if dy is not None:
                    dh += dy[t]
                kernels.lstm_step_vjp(
                    gates[t], c[t], tanh_c[t], product, lengths, t, dh, dc, dgates[t]
                )
                np.matmul(dgates[t], turned, out=product)
            return in_rows(h[:-1]).T @ in_rows(dgates)

        return pull_back


class GRU(_Recurrent):
    r"""Hand on one state, of which a gate says how much stays, and another how much is shown.

    .. math::

        z_t &= σ(x_t W_z + h_{t-1} U_z + b_z), \quad
        r_t = σ(x_t W_r + h_{t-1} U_r + b_r) \\
        \tilde h_t &= \tanh(x_t W_h + (r_t ∘ h_{t-1}) U_h + b_h), \quad
        h_t = z_t ∘ h_{t-1} + (1 - z_t) ∘ \tilde h_t

    The reset comes before the product, as in the paper and in Keras with ``reset_after=False``.

    Parameters
    ----------
    units, return_sequences, input_shape, init, recurrent_init, rng
        As for `SimpleRNN`; W and U are made gate by gate.

    Attributes
    ----------
    params : dict
        ``"W"`` of shape (features, 3 units), ``"U"`` of shape (units, 3 units) and ``"b"``, with
        the gates in the order z, r, h.

    References
    ----------
    K. Cho et al., "Learning Phrase Representations using RNN Encoder–Decoder for Statistical
    Machine Translation", 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import GRU
    >>> GRU(4, return_sequences=True, rng=0)(np.ones((2, 5, 3))).shape
    (2, 5, 4)
    """

    gates = 3

    def _run(self, inputs, U, h, lengths):
        gates, units = inputs, self.units
        # Both parts of U lie in one piece, and so do what they give.
        of_gates, of_candidate = (
            np.ascontiguousarray(part) for part in np.split(U, [2 * units], axis=1)
        )
        shown = np.empty_like(h[1:])
        product = np.empty((h.shape[1], 2 * units), h.dtype)
        narrow = np.empty_like(h[0])
        for t in range(len(gates)):
            np.matmul(h[t], of_gates, out=product)
            kernels.gru_gates(gates[t], product, h[t], lengths, t, shown[t])
            np.matmul(shown[t], of_candidate, out=narrow)
            kernels.gru_state(gates[t], narrow, h[t], lengths, t, h[t + 1])

        def pull_back(dh, dy, dgates):
            product, dshown = np.zeros_like(dh), np.empty_like(dh)
            gates_turned, candidate_turned = _turned(of_gates), _turned(of_candidate)
            for t in reversed(range(len(gates))):
                if dy is not None:
                    dh += dy[t]
                kernels.gru_state_vjp(gates[t], h[t], product, lengths, t, dh, dgates[t])
                np.matmul(dgates[t][:, 2 * units :], candidate_turned, out=dshown)
                kernels.gru_reset_vjp(gates[t], h[t], dshown, dh, dgates[t])
                np.matmul(dgates[t][:, : 2 * units], gates_turned, out=product)
            flat = in_rows(dgates)
            dU = in_rows(h[:-1]).T @ flat[:, : 2 * units], in_rows(shown).T @ flat[:, 2 * units :]
            return np.concatenate(dU, axis=1)

        return pull_back


def _turned(U):
    """Return the transpose in one piece, which makes the small products of a step faster."""
    return np.ascontiguousarray(U.T)
