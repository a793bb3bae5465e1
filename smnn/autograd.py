r"""Automatic differentiation: a tape that writes itself.

Every operation on a `Tensor` computes its value now, and remembers where the value came
from and the pullback that leads back.  `Tensor.backward` sorts the operations so that
each comes after everything that used it, and calls the pullbacks in that order.  Where a
value was used more than once its gradients are added up.

The tape has no list of operations of its own: `apply` puts any function on it that
returns its value and its pullback.

    z = apply(forward, x, W)                forward(x, W) -> (z, backward)

The loops below do not recurse, so a graph may be as deep as memory allows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._core.types import Array, ArrayLike, Arrays, Shape
from ._core.validation import axis_tuple, float_array, real_number
from .activations import relu, relu_vjp
from .functional import softmax, softmax_vjp
from .pullback import of_layer, of_loss, unbroadcast, with_pullback


class Tensor:
    """An array that remembers how it was computed.

    Parameters
    ----------
    data : array_like of real numbers
        A floating array is used as it is, not copied.  What is computed from it remembers its
        values of that moment.

    Attributes
    ----------
    data : ndarray
    grad : ndarray or None
        The gradient of what `backward` was called on, with respect to this tensor; added
        up over calls.

    Examples
    --------
    >>> x = Tensor([1.0, 2.0])
    >>> y = (x * x).sum() + x[0]
    >>> y.backward()
    >>> x.grad
    array([3., 4.])
    """

    __array_ufunc__ = None  # array + tensor is the tensor's affair

    def __init__(self, data: ArrayLike) -> None:
        self.data = float_array(data, "data")
        self.grad = None
        self._parents = ()
        self._pullback = None

    def backward(self, grad: Array | None = None) -> None:
        """Add to ``grad`` of every tensor that this one was computed from.

        Parameters
        ----------
        grad : array_like, optional
            The gradient with respect to this tensor, of its shape; 1 for a single number.
        """
        if grad is None and self.data.size != 1:
            raise ValueError(f"a tensor of shape {self.shape} needs the gradient to start from")
        grad = np.ones(self.shape) if grad is None else np.asarray(grad)
        if grad.shape != self.shape:
            raise ValueError(f"grad must have shape {self.shape}, got {grad.shape}")
        pending = {id(self): grad.astype(self.data.dtype)}
        for node in reversed(_parents_first(self)):
            dy = pending.pop(id(node))
            node.grad = dy if node.grad is None else node.grad + dy
            if node._pullback is None:
                continue
            gradients = node._pullback(dy)
            if not isinstance(gradients, tuple):
                gradients = (gradients,)
            for parent, dx in zip(node._parents, gradients, strict=True):
                known = pending.get(id(parent))
                pending[id(parent)] = dx if known is None else known + dx

    def __add__(self, other: Any) -> Tensor:
        return apply(_add, self, self._constant(other))

    def __sub__(self, other: Any) -> Tensor:
        return self + -self._constant(other)

    def __mul__(self, other: Any) -> Tensor:
        return apply(_multiply, self, self._constant(other))

    def __truediv__(self, other: Any) -> Tensor:
        return self * self._constant(other) ** -1

    def __matmul__(self, other: Any) -> Tensor:
        return apply(_matmul, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return self._constant(other) + self

    def __rsub__(self, other: Any) -> Tensor:
        return self._constant(other) - self

    def __rmul__(self, other: Any) -> Tensor:
        return self._constant(other) * self

    def __rtruediv__(self, other: Any) -> Tensor:
        return self._constant(other) / self

    def __rmatmul__(self, other: Any) -> Tensor:
        return Tensor(other) @ self

    def _constant(self, other):
        """Return the other operand as a tensor; a plain number takes this one's dtype."""
        if isinstance(other, Tensor):
            return other
        number = isinstance(other, int | float | np.number)
        return Tensor(self.data.dtype.type(other) if number else other)

    def __neg__(self) -> Tensor:
        return self * -1.0

    def __pow__(self, exponent: float) -> Tensor:
        """Return self to the power of a constant."""
        exponent = real_number(exponent, "the exponent of a tensor")

        def power(x):
            def backward(dy):
                if exponent == 0:  # constant, also at 0, where 0 · 0⁻¹ would be nan
                    return np.zeros_like(x)
                return dy * exponent * x ** (exponent - 1)

            return x**exponent, backward

        return apply(power, self)

    def exp(self) -> Tensor:
        """Return eˣ."""
        return apply(with_pullback(np.exp, lambda dy, y, x: dy * y), self)

    def log(self) -> Tensor:
        """Return the natural logarithm."""
        return apply(with_pullback(np.log, lambda dy, y, x: dy / x), self)

    def relu(self) -> Tensor:
        """Return max(x, 0)."""
        return apply(with_pullback(relu, relu_vjp), self)

    def softmax(self, axis: Any = -1) -> Tensor:
        """Return the softmax along an axis.

        >>> Tensor([0.0, 0.0]).softmax()
        Tensor([0.5, 0.5])
        """
        return apply(with_pullback(softmax, softmax_vjp, axis=axis), self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Return the sum; every term receives its gradient."""

        def total(x):
            spread = _spread(x.shape, axis)
            return x.sum(axis, keepdims=keepdims), lambda dy: spread(dy) * np.ones_like(x)

        return apply(total, self)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Return the mean."""
        total = self.sum(axis, keepdims)
        return total * (total.data.size / self.data.size)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Return the maximum; several equal ones share its gradient."""

        def largest(x):
            y = x.max(axis, keepdims=True)
            ties = (x == y).astype(x.dtype)
            spread = _spread(x.shape, axis)
            return x.max(
                axis, keepdims=keepdims
            ), lambda dy: spread(dy) * (ties / ties.sum(axis, keepdims=True))

        return apply(largest, self)

    def reshape(self, *shape: Any) -> Tensor:
        """Return the same numbers in another shape."""
        return apply(lambda x: (x.reshape(*shape), lambda dy: dy.reshape(x.shape)), self)

    def transpose(self, *axes: Any) -> Tensor:
        """Return the array with its axes reversed, or in the order given."""
        if len(axes) == 1 and not isinstance(axes[0], int | np.integer):
            axes = axes[0]
        order = axis_tuple(tuple(axes), self.ndim) if axes else tuple(reversed(range(self.ndim)))
        if len(order) != self.ndim:
            raise ValueError(f"a tensor of {self.ndim} axes needs as many, got {axes}")
        back = np.argsort(order)
        return apply(lambda x: (x.transpose(order), lambda dy: dy.transpose(back)), self)

    def __getitem__(self, index: Any) -> Tensor:
        """Return the entries that NumPy's indexing names."""

        def take(x):
            def backward(dy):
                dx = np.zeros_like(x)
                np.add.at(dx, index, dy)  # an entry taken twice receives both
                return dx

            return x[index], backward

        return apply(take, self)

    @property
    def T(self) -> Tensor:
        return self.transpose()

    @property
    def shape(self) -> Shape:
        return self.data.shape

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> int:
        return self.data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.data.dtype

    def numpy(self) -> Array:
        """Return the array itself, not a copy."""
        return self.data

    def __len__(self) -> int:
        return len(self.data)

    def item(self) -> float:
        """Return the one number that is in the tensor."""
        return self.data.item()

    def __repr__(self) -> str:
        return f"Tensor({np.array2string(self.data, separator=', ', prefix='Tensor(')})"


def apply(forward: Callable[..., Any], *inputs: Any) -> Tensor:
    """Put a function that returns its value and its pullback on the tape.

    Parameters
    ----------
    forward : callable
        ``forward(*arrays) -> (y, backward)``, and ``backward(dy)`` returns the gradient for
        each input, in a tuple if there are several.
    *inputs : Tensor or array_like

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from smnn.activations import relu, relu_vjp
    >>> x = Tensor([-1.0, 2.0])
    >>> apply(with_pullback(relu, relu_vjp), x).sum().backward()
    >>> x.grad
    array([0., 1.])
    """
    parents = tuple(x if isinstance(x, Tensor) else Tensor(x) for x in inputs)
    # A parameter may be moved before the way back is taken, so the tape keeps what it was.
    values = (node.data if node._parents else node.data.copy() for node in parents)
    y, pullback = forward(*values)
    return _on_tape(y, pullback, parents)


def _on_tape(y, pullback, parents):
    """Return the tensor of a value that was computed from others."""
    result = Tensor(y)
    result._parents, result._pullback = parents, pullback
    return result


def apply_layer(layer: Any, x: ArrayLike, params: Arrays) -> Tensor:
    """Put a layer on the tape, with its parameters as tensors.

    Call it twice with the same ``params`` and the layer is shared: its gradients add up.

    Parameters
    ----------
    layer : Layer
        Built.
    x : Tensor or ndarray
        An array is a constant: no gradient is computed for it.
    params : dict of str to Tensor
        ``{name: Tensor(value) for name, value in layer.params.items()}``: tensors that
        share the layer's memory.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a tensor holds anything but the layer's own array.

    Examples
    --------
    >>> from smnn import Dense
    >>> layer = Dense(1, init="zeros")
    >>> layer.build((2,))
    (1,)
    >>> params = {name: Tensor(value) for name, value in layer.params.items()}
    >>> once = apply_layer(layer, np.array([[1.0, 2.0]]), params)
    >>> again = apply_layer(layer, np.array([[3.0, 4.0]]), params)
    >>> (once + again).backward()
    >>> params["W"].grad.ravel()
    array([4., 6.])
    """

    for name, value in layer.params.items():
        if name not in params or params[name].data is not value:
            raise ValueError(f"params must hold Tensor(layer.params[{name!r}]) under {name!r}")
    parents = tuple(params[name] for name in layer.params)
    values = (parent.data for parent in parents)  # a layer itself keeps what it needs of them
    if isinstance(x, Tensor):
        y, backward = of_layer(layer)(x.data, *values)
        return _on_tape(y, backward, (x, *parents))
    y, backward = of_layer(layer)(x, *values)
    return _on_tape(y, lambda dy: backward(dy)[1:], parents)


def apply_loss(loss: Callable[..., Any], pred: ArrayLike, target: ArrayLike) -> Tensor:
    """Put a loss, which returns (loss, gradient), on the tape.

    Examples
    --------
    >>> from smnn import softmax_cross_entropy
    >>> logits = Tensor([[0.0, 0.0]])
    >>> apply_loss(softmax_cross_entropy, logits, [1]).backward()
    >>> logits.grad
    array([[ 0.5, -0.5]])
    """
    return apply(of_loss(loss, target), pred)


def _parents_first(root):
    """Return every tensor behind ``root``, each after those it was computed from."""
    order, seen, stack = [], set(), [(root, False)]
    while stack:
        node, parents_done = stack.pop()
        if parents_done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent in node._parents)
    return order


def _add(a, b):
    return a + b, lambda dy: (unbroadcast(dy, a.shape), unbroadcast(dy, b.shape))


def _multiply(a, b):
    return a * b, lambda dy: (unbroadcast(dy * b, a.shape), unbroadcast(dy * a, b.shape))


def _matmul(a, b):
    """Matrix product.  A vector on the left is a row, on the right a column."""
    rows = a[None, :] if a.ndim == 1 else a
    columns = b[:, None] if b.ndim == 1 else b
    y = rows @ columns
    shape = (a @ b).shape

    def backward(dy):
        dy = dy.reshape(y.shape)
        da = unbroadcast(dy @ np.swapaxes(columns, -1, -2), rows.shape)
        db = unbroadcast(np.swapaxes(rows, -1, -2) @ dy, columns.shape)
        return da.reshape(a.shape), db.reshape(b.shape)

    return y.reshape(shape), backward


def _spread(shape, axis):
    """Return the function that gives back a reduced axis, with length 1."""
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis) % max(len(shape), 1)
    kept = tuple(1 if i in axes else size for i, size in enumerate(shape))
    return lambda dy: np.reshape(dy, kept)
