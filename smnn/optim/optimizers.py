"""Optimizers: SGD with momentum, Adam, AdamW, and what they share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import reference
from .._core.types import Array, Arrays, LearningRate
from .._core.validation import float_array, not_negative, real_number
from ..functional.backend import kernels

_STEPPED = {np.dtype("float32"), np.dtype("float64")}


class Optimizer:
    """What all optimizers share: the learning rate, the step count, the state.

    Parameters
    ----------
    lr : float or callable
        The learning rate η, or a schedule ``step -> η``; the first step is 0.
    weight_decay : float
        λ.
    decay_biases : bool
        Whether the decay also pulls on parameters with fewer than two axes: biases, slopes.

    Attributes
    ----------
    steps : int
        How many steps were taken.
    state : dict of str to dict of str to ndarray
        For each kind of buffer, under PyTorch's name, one array for each parameter.

    Examples
    --------
    An optimizer of one's own defines what happens to one parameter:

    >>> class SignDescent(Optimizer):
    ...     def update(self, name, param, grad, lr):
    ...         param -= lr * np.sign(grad)
    >>> params = {"w": np.array([1.0, 2.0])}
    >>> SignDescent(0.5).step(params, {"w": np.array([7.0, -0.1])})
    >>> params["w"]
    array([0.5, 2.5])
    """

    def __init__(
        self, lr: LearningRate, *, weight_decay: float = 0.0, decay_biases: bool = True
    ) -> None:
        self.lr = lr if callable(lr) else not_negative(lr, "lr")
        self.weight_decay = not_negative(weight_decay, "weight_decay")
        self.decay_biases = bool(decay_biases)
        self.steps = 0
        self.state: dict[str, dict[str, Array]] = {}

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        if not callable(self.lr):
            return self.lr
        return not_negative(self.lr(self.steps), "the learning rate of the schedule")

    def step(self, params: Arrays, grads: Arrays) -> None:
        """Change the parameters in place.

        Parameters
        ----------
        params, grads : mapping of str to ndarray
            With equal names and shapes.  A parameter without a gradient stays.

        Raises
        ------
        KeyError
            If a gradient belongs to no parameter.
        TypeError
            If a parameter is not a writeable array of float32 or float64.
        ValueError
            If a gradient's shape differs from its parameter's, or the optimizer has
            stepped a parameter of this name and another shape: each model needs one of its own.
        """
        grads = {name: self._checked(name, params, grad) for name, grad in grads.items()}
        lr = self.learning_rate
        self.steps += 1
        for name, grad in grads.items():
            self.update(name, params[name], grad, lr)

    def _checked(self, name, params, grad):
        """Return a gradient in the dtype of its parameter, with which all buffers agree."""
        if name not in params:
            raise KeyError(f"no parameter {name!r}; there are {', '.join(params)}")
        param = params[name]
        kept = [buffers[name] for buffers in self.state.values() if name in buffers]
        if (  # the usual case, of which a step has many
            param.__class__ is np.ndarray is grad.__class__
            and param.dtype == grad.dtype in _STEPPED
            and param.shape == grad.shape
            and param.flags.writeable
            and all([buffer.shape == param.shape for buffer in kept])
        ):
            return grad
        if not isinstance(param, np.ndarray) or param.dtype not in _STEPPED:
            what = param.dtype if isinstance(param, np.ndarray) else type(param).__name__
            raise TypeError(
                f"parameter {name!r} must be an array of float32 or float64, got {what}"
            )
        if not param.flags.writeable:
            raise ValueError(f"parameter {name!r} must be writeable, got a read-only array")
        grad = np.asarray(grad)
        if grad.shape != param.shape:
            raise ValueError(
                f"the gradient of {name!r} must have shape {param.shape}, got {grad.shape}"
            )
        if grad.dtype.kind not in "fiub":
            raise TypeError(f"the gradient of {name!r} must hold numbers, got dtype {grad.dtype}")
        for kind, buffers in self.state.items():
            if name in buffers and buffers[name].shape != param.shape:
                raise ValueError(
                    f"{type(self).__name__} keeps {kind} of shape {buffers[name].shape} for "
                    f"{name!r}, got a parameter of shape {param.shape}: make a new optimizer for "
                    "each model"
                )
        return grad.astype(param.dtype, copy=False)

    def _decay(self, param):
        """Return the λ of a parameter."""
        return self.weight_decay if self.decay_biases or param.ndim > 1 else 0.0

    def update(self, name: str, param: Array, grad: Array, lr: float) -> None:
        """Change one parameter in place; a kind of optimizer is this method."""
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def state_dict(self) -> dict[str, Array]:
        """Return the step count and all buffers as a flat mapping of copies.

        Examples
        --------
        >>> optimizer = SGD(0.1, momentum=0.9)
        >>> optimizer.step({"w": np.zeros(2)}, {"w": np.ones(2)})
        >>> optimizer.state_dict()
        {'step': array(1), 'momentum_buffer.w': array([1., 1.])}
        """
        flat = {"step": np.array(self.steps)}
        for kind, buffers in self.state.items():
            flat.update({f"{kind}.{name}": value.copy() for name, value in buffers.items()})
        return flat

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was called.

        Raises
        ------
        ValueError
            If the state is that of another kind of optimizer, or holds no numbers.
        """
        if "step" not in state:
            raise ValueError(f"a state holds the number of steps, got {list(state)}")
        steps = np.asarray(state["step"])
        if steps.shape != () or not (steps >= 0 and steps == np.floor(steps)):
            raise ValueError(f"step must be a number of steps, got {state['step']!r}")
        restored: dict[str, dict[str, Array]] = {kind: {} for kind in self.state}
        for key, value in state.items():
            kind, _, name = key.partition(".")
            if key == "step":
                continue
            if kind not in restored:
                raise ValueError(f"{type(self).__name__} keeps {list(restored)}, got {kind!r}")
            restored[kind][name] = np.array(float_array(value, key))
        self.steps, self.state = int(steps), restored

    def _buffer(self, kind, name, like):
        """Return this parameter's buffer of a kind, zeros when it is new."""
        buffers = self.state[kind]
        if name not in buffers:
            buffers[name] = np.zeros_like(like)
        elif buffers[name].dtype != like.dtype:
            buffers[name] = buffers[name].astype(like.dtype)
        return buffers[name]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    ::

        g ← g + λ θ
        v ← μ v + g                 (v ← g at the first step)
        θ ← θ − η v                 Nesterov: θ ← θ − η (g + μ v)

    Parameters
    ----------
    lr : float or callable
    momentum : float
        μ, 0 for none.
    nesterov : bool
        Whether to look ahead; needs momentum.
    weight_decay, decay_biases
        As in `Optimizer`.

    References
    ----------
    Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum
    in deep learning", 2013.

    Examples
    --------
    >>> params = {"w": np.array([1.0, 2.0])}
    >>> SGD(0.1).step(params, {"w": np.array([1.0, -1.0])})
    >>> params["w"]
    array([0.9, 2.1])
    """

    def __init__(
        self,
        lr: LearningRate = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(lr, weight_decay=weight_decay, decay_biases=decay_biases)
        self.momentum = not_negative(momentum, "momentum")
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ValueError("nesterov needs a momentum above 0, got 0")
        if momentum:
            self.state = {"momentum_buffer": {}}

    def update(self, name: str, param: Array, grad: Array, lr: float) -> None:
        options = lr, self.momentum, bool(self.nesterov), self._decay(param)
        if self.momentum:
            velocity = self._buffer("momentum_buffer", name, param)
            _in_one_pass("sgd_step", (param, grad, velocity), *options)
        else:
            _in_one_pass("sgd_step", (param, grad), None, *options)


class Adam(Optimizer):
    """Adaptive moments: every parameter at its own pace.

    ::

        g ← g + λ θ
        m ← β₁ m + (1 − β₁) g                 a running mean of the gradient
        v ← β₂ v + (1 − β₂) g²                and of its square
        θ ← θ − η m̂ / (√v̂ + ε)               m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ)

    Both means start at zero; the division by 1 − βᵗ at step t mends that.

    Parameters
    ----------
    lr : float or callable
    betas : (float, float)
        β₁ and β₂.
    eps : float
        ε.
    weight_decay, decay_biases
        As in `Optimizer`.

    References
    ----------
    Kingma, Ba, "Adam: a method for stochastic optimization", 2015.

    Examples
    --------
    The first step is as long as the learning rate, whatever the gradient's size:

    >>> params = {"w": np.array([1.0, 2.0])}
    >>> Adam(0.1).step(params, {"w": np.array([5.0, -0.001])})
    >>> params["w"].round(4)
    array([0.9, 2.1])
    """

    def __init__(
        self,
        lr: LearningRate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(lr, weight_decay=weight_decay, decay_biases=decay_biases)
        self.betas = tuple(real_number(beta, "betas") for beta in betas)
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"two betas must lie in [0, 1), got {betas}")
        self.eps = not_negative(eps, "eps")
        self.state = {"exp_avg": {}, "exp_avg_sq": {}}

    def update(self, name: str, param: Array, grad: Array, lr: float) -> None:
        self._step(name, param, grad, lr, self._decay(param))

    def _step(self, name, param, grad, lr, decay):
        beta1, beta2 = self.betas
        mean = self._buffer("exp_avg", name, param)
        square = self._buffer("exp_avg_sq", name, param)
        # With c = √(1 − β₂ᵗ), m̂ / (√v̂ + ε) is m / (√v + cε) times c / (1 − β₁ᵗ).
        correction = math.sqrt(1 - beta2**self.steps)
        lr *= correction / (1 - beta1**self.steps)
        options = lr, beta1, beta2, self.eps * correction, decay
        _in_one_pass("adam_step", (param, grad, mean, square), *options)


class AdamW(Adam):
    """Adam whose weight decay does not pass through the means: θ ← θ − η λ θ, then Adam's step.

    In `Adam` the decay is part of the gradient, and is divided by its recent size like the rest of
    it.  Here every weight shrinks by the same share per step.

    Parameters
    ----------
    lr, betas, eps
        As in `Adam`.
    weight_decay : float
        λ.
    decay_biases : bool
        Whether biases and slopes shrink too, as in PyTorch.

    References
    ----------
    Loshchilov, Hutter, "Decoupled weight decay regularization", 2019.

    Examples
    --------
    >>> params = {"w": np.array([1.0, 2.0])}
    >>> AdamW(0.1, weight_decay=0.5).step(params, {"w": np.array([5.0, 0.0])})
    >>> params["w"].round(4)
    array([0.85, 1.9 ])
    """

    def __init__(
        self,
        lr: LearningRate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        decay_biases: bool = True,
    ) -> None:
        super().__init__(
            lr, betas=betas, eps=eps, weight_decay=weight_decay, decay_biases=decay_biases
        )

    def update(self, name: str, param: Array, grad: Array, lr: float) -> None:
        param *= param.dtype.type(1 - lr * self._decay(param))
        self._step(name, param, grad, lr, 0.0)


def _in_one_pass(step, arrays, *options):
    """Call a kernel on flat views, or its reference where an array has another layout.

    The arrays have one shape and dtype: `Optimizer.step` has seen to it.
    """
    if all([array.flags.c_contiguous and array.flags.aligned for array in arrays]):
        getattr(kernels, step)(*[array.reshape(-1) for array in arrays], *options)
    else:
        getattr(reference, step)(*arrays, *options)
