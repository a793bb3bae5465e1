"""Figures of one neuron and its losses: the sigmoid, two losses, a ball in a valley."""

import numpy as np

from smnn import sigmoid, sigmoid_vjp, softmax, softmax_cross_entropy, softmax_vjp
from smnn_book.draggable import DraggableFigure, number

X, TARGETS = np.array([2.0, -1.0]), np.array([1.0, -1.0])  # of the smallest ADALINE


def _require(label, value, low, high):
    if not low <= value <= high:
        raise ValueError(f"expected {label} between {low} and {high}, got {value}")


def two_losses(score, classes):
    """Return cross-entropy and half the squared error after a softmax, with their slopes.

    Parameters
    ----------
    score : float
        The score of the true class; the others are 0.
    classes : int

    Returns
    -------
    p : float
        The probability of the true class.
    entropy, squares : tuple of float
        Loss, and its derivative with respect to the score.

    Examples
    --------
    >>> p, entropy, squares = two_losses(-3.0, 3)
    >>> print(f"{p:.3f} {entropy[0]:.3f} {entropy[1]:.3f} {squares[0]:.3f} {squares[1]:.3f}")
    0.024 3.718 -0.976 0.714 -0.035
    """
    scores, target = np.zeros(classes), np.zeros(classes)
    scores[0], target[0] = score, 1
    p = softmax(scores)
    loss, slopes = softmax_cross_entropy(scores, target)
    squares = ((p - target) ** 2).sum() / 2
    return p[0], (loss, slopes[0]), (squares, softmax_vjp(p - target, p)[0])


def loss_explorer(score=-3.0, classes=3, *, name="loss-explorer"):
    """Return a figure of two losses after a softmax: cross-entropy and squared error.

    The score of the true class can be dragged along the curve, or its probability along a bar.
    Each curve shows its tangent there: the slope is the gradient with respect to the score.
    A slider sets the number of classes.

    Parameters
    ----------
    score : float
        The score of the true class at first, between -4 and 6; the others are 0.
    classes : int
        Between 2 and 10.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If the score or the number of classes is out of range.

    Examples
    --------
    >>> print(loss_explorer(-3.0, 3).text)
    the true class gets p = 0.024 of 3 classes
    cross-entropy: loss −log p = 3.718, slope −0.976
    squared error: loss 0.714, slope −0.035
    """
    _require("a score", score, -4, 6)
    _require("a number of classes", classes, 2, 10)
    p, entropy, squares = two_losses(score, classes)
    text = (
        f"the true class gets p = {number(p, 3)} of {classes} classes\n"
        f"cross-entropy: loss −log p = {number(entropy[0], 3)}, slope {number(entropy[1], 3)}\n"
        f"squared error: loss {number(squares[0], 3)}, slope {number(squares[1], 3)}"
    )
    return DraggableFigure(
        name=name,
        kind="loss",
        alt="Cross-entropy and squared error over the score of the true class, each with its "
        "tangent, and a bar for the probability. Far to the left cross-entropy is steep and the "
        "squared error is flat.",
        text=text,
        data={"z": float(score), "K": classes},
    )


def sigmoid_explorer(scale=1.0, shift=0.0, *, name="sigmoid-explorer"):
    """Return a figure of the sigmoid σ(s(z − v)) and its slope, whose curve can be dragged.

    The middle of the curve is dragged sideways, which is the shift v, and its foot toward the
    middle, which makes the scale s larger.  A large scale makes a hard switch.  The slope becomes
    a needle of the height s/4, which leaves the picture above s = 5.6.

    Parameters
    ----------
    scale : float
        Between 0.5 and 20.
    shift : float
        Between -3 and 3.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If the scale or the shift is out of range.

    Examples
    --------
    >>> print(sigmoid_explorer(4.0, 1.0).text)
    σ(s(z − v)) with s = 4.0, v = 1.0
    as a neuron: weight 4.0, bias −4.00
    steepest slope 1.000, at z = 1.0
    from 0.1 to 0.9 within 1.10
    """
    _require("a scale", scale, 0.5, 20)
    _require("a shift", shift, -3, 3)
    steepest = sigmoid_vjp(1.0, sigmoid(shift, scale=scale, shift=shift), shift, scale=scale)
    text = (
        f"σ(s(z − v)) with s = {number(scale, 1)}, v = {number(shift, 1)}\n"
        f"as a neuron: weight {number(scale, 1)}, bias {number(-scale * shift, 2)}\n"
        f"steepest slope {number(float(steepest), 3)}, at z = {number(shift, 1)}\n"
        f"from 0.1 to 0.9 within {number(2 * np.log(9) / scale, 2)}"
    )
    return DraggableFigure(
        name=name,
        kind="sigmoid",
        alt="The sigmoid and its slope. A larger scale makes the climb shorter and the slope "
        "a higher and narrower peak; the shift moves both sideways.",
        text=text,
        data={"s": float(scale), "v": float(shift)},
    )


def descend(learning_rate, steps, start=-0.6):
    """Return the last weight, the loss and the slope of gradient descent on ½ mean (x w − t)².

    Parameters
    ----------
    learning_rate : float
    steps : int
    start : float
        The weight before the first step.

    Returns
    -------
    w, loss, slope : float

    Examples
    --------
    >>> w, loss, slope = descend(0.1, 8)
    >>> print(f"{w:.3f} {loss:.3f} {slope:.3f}")
    0.480 0.068 -0.300
    """
    w = start
    for _ in range(steps):
        w -= learning_rate * ((X * w - TARGETS) * X).mean()
    error = X * w - TARGETS
    return float(w), float((error**2).mean() / 2), float((error * X).mean())


def descent_explorer(learning_rate=0.1, steps=3, start=-0.6, *, name="descent-explorer"):
    """Return a figure of gradient descent: a ball in a valley, to be dragged to a new start.

    The loss is that of ADALINE with one weight and two examples, x = 2 with the target 1
    and x = −1 with the target −1.  It is 0.05 + 1.25 (w − 0.6)², so a step multiplies the
    distance to the bottom by 1 − 2.5 η: right at η = 0.4, too large from η = 0.8 on.  An arrow
    shows the next step.

    Parameters
    ----------
    learning_rate : float
        Between 0.01 and 0.9.
    steps : int
        How many steps were taken at first, between 0 and 20.
    start : float
        The weight before the first step, between -1.4 and 2.6.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> print(descent_explorer(0.1, 8).text)
    each step: distance to the bottom × 0.750
    after 8 steps: w = 0.480, loss 0.068
    slope −0.300, so the next step goes by 0.030
    """
    _require("a learning rate", learning_rate, 0.01, 0.9)
    _require("a number of steps", steps, 0, 20)
    _require("a start", start, -1.4, 2.6)
    w, loss, slope = descend(learning_rate, steps, start)
    text = (
        f"each step: distance to the bottom × {number(1 - 2.5 * learning_rate, 3)}\n"
        f"after {steps} {'step' if steps == 1 else 'steps'}: "
        f"w = {number(w, 3)}, loss {number(loss, 3)}\n"
        f"slope {number(slope, 3)}, so the next step goes by {number(-learning_rate * slope, 3)}"
    )
    return DraggableFigure(
        name=name,
        kind="descent",
        alt="Steps of gradient descent on a parabola, with a ball at the last one and an arrow to "
        "the next. With a small learning rate they creep down one side, at 0.4 one step reaches "
        "the bottom, and above 0.8 they jump from side to side and climb out.",
        text=text,
        data={"start": float(start), "eta": float(learning_rate), "step": steps},
    )
