"""The checks of the project: a three-layer softmax network, written by the reader.

The network has a ReLU layer, a tanh layer and softmax at the end.  Its parameters are a
dictionary with ``W1``, ``b1`` to ``W3``, ``b3``.  What its forward pass keeps for the
backward pass is the reader's own business: the checks hand it on and never look into it.
"""

from itertools import pairwise

import numpy as np

import smnn

from .exercise import exercise

#: Inputs, two hidden layers, classes: the sizes for the digits.
SIZES = (64, 32, 16, 10)


def initial_params(sizes, rng, *, bias=0.0):
    """Return parameters ``W1, b1, W2, …`` for layers of these sizes.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer, the inputs first.
    rng : numpy.random.Generator
        Draws weights with the standard deviation √(2/inputs).
    bias : float
        The standard deviation of the biases.

    Returns
    -------
    dict of str to ndarray

    Examples
    --------
    >>> params = initial_params([3, 4, 2], np.random.default_rng(0))
    >>> {name: value.shape for name, value in params.items()}
    {'W1': (3, 4), 'b1': (4,), 'W2': (4, 2), 'b2': (2,)}
    """
    params = {}
    for layer, (rows, columns) in enumerate(pairwise(sizes), start=1):
        params[f"W{layer}"] = rng.normal(size=(rows, columns)) * np.sqrt(2 / rows)
        params[f"b{layer}"] = bias * rng.normal(size=columns)
    return params


def small_case(examples=5, *, bias=1.0, seed=0):
    """Return inputs, labels and parameters of a small network whose sizes all differ.

    Parameters
    ----------
    examples : int
        How many rows.
    bias : float
        The standard deviation of the biases.
    seed : int
        Which random numbers.

    Returns
    -------
    X : ndarray, shape (examples, 3)
    y : ndarray of int, shape (examples,)
        Labels from 0 to 6.
    params : dict of str to ndarray
        Of a network with 3 inputs, hidden layers of 4 and 6 units, and 7 classes.

    Examples
    --------
    >>> X, y, params = small_case()
    >>> X.shape, y.shape, params["W3"].shape
    ((5, 3), (5,), (6, 7))
    """
    rng = np.random.default_rng(seed)
    params = initial_params([3, 4, 6, 7], rng, bias=bias)
    return rng.normal(size=(examples, 3)), rng.integers(7, size=examples), params


def reference_model(params):
    """Return the same network as a model of the package, with these parameters."""
    layers = [
        smnn.Dense(params[f"b{layer}"].size, activation)
        for layer, activation in ((1, "relu"), (2, "tanh"), (3, None))
    ]
    model = smnn.Sequential(layers)
    model.build(params["W1"].shape[:1])
    for name, value in params.items():
        model.params[f"{int(name[1]) - 1}.{name[0]}"][...] = value
    return model


@exercise
def check_forward(forward):
    """on two networks, the logits agree with those of the package"""
    for seed in (0, 1):
        X, _, params = small_case(seed=seed)
        before = {name: value.copy() for name, value in params.items()}
        result = forward(X, params)
        assert isinstance(result, tuple) and len(result) == 2, (
            "forward must return two things: the logits, and what it keeps"
        )
        Z3 = np.asarray(result[0])
        assert Z3.shape == (5, 7), f"Z3 must have the shape (5, 7), got {Z3.shape}"
        assert all(np.array_equal(params[name], before[name]) for name in params), (
            "the parameters were changed"
        )
        off = np.abs(Z3 - reference_model(params)(X)).max()
        assert off < 1e-12, f"the shape is right, the largest error of Z3 is {off:.2g}"


@exercise
def check_loss(loss_and_dZ):
    """logits of 1, 10 and 1,000, and the loss of a confident model to nine digits"""
    rng = np.random.default_rng(1)
    for scale in (1, 10, 1000):
        Z, y = scale * rng.normal(size=(6, 7)), rng.integers(7, size=6)
        before = Z.copy()
        loss, dZ = loss_and_dZ(Z, y)
        exact_loss, exact = smnn.softmax_cross_entropy(before, y)
        assert np.array_equal(Z, before), "the logits were overwritten"
        assert np.isclose(loss, exact_loss, rtol=1e-12), (
            f"for logits near {scale} the loss is {exact_loss:.4g}, not {loss:.4g}"
        )
        assert np.shape(dZ) == Z.shape, f"dZ must have the shape {Z.shape}, got {np.shape(dZ)}"
        off = np.abs(dZ - exact).max()
        assert off < 1e-14, f"for logits near {scale}, the largest error of dZ is {off:.2g}"
    for gap in (50.0, 700.0):
        loss, _ = loss_and_dZ(np.array([[gap, 0.0, 0.0]]), np.array([0]))
        exact_loss = np.log1p(2 * np.exp(-gap))
        assert np.isclose(loss, exact_loss, rtol=1e-9, atol=0), (
            f"for the logits ({gap:.0f}, 0, 0) and class 0 the loss is {exact_loss:.3g}, "
            f"not {loss:.3g}"
        )


@exercise
def check_backward(forward, loss_and_dZ, backward):
    """all six gradients agree with centered differences of your own forward and loss"""
    X, y, params = small_case()
    Z3, kept = forward(X, params)
    found = backward(loss_and_dZ(Z3, y)[1], kept, params)
    missing = [name for name in params if name not in found]
    assert not missing, f"the gradients of {', '.join(missing)} are missing"
    for name in reversed(params):  # from the output, as the backward pass goes
        shape, value = np.shape(found[name]), params[name]
        assert shape == value.shape, f"d{name} must have the shape {value.shape}, got {shape}"

        def loss_with(moved, name=name):
            return loss_and_dZ(forward(X, {**params, name: moved})[0], y)[0]

        exact = smnn.numerical_jacobian(loss_with, value)
        off = np.abs(found[name] - exact).max() / np.abs(exact).max()
        assert off < 1e-6, (
            f"d{name} is the first wrong one from the output; "
            f"its largest error is {off:.0%} of its largest entry"
        )


@exercise
def check_training(train, forward):
    """at least 342 of the 360 test images are read correctly"""
    training, test = smnn.load_digits().split(360, rng=0)
    params = train(training.x, training.y)
    right = int((forward(test.x, params)[0].argmax(axis=1) == test.y).sum())
    assert right >= 342, f"{right} of the 360 test images are right, 342 are needed"
