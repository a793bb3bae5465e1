"""Schedules: the learning rate as a function of the step, which counts from 0."""

import math

from .._core.validation import positive_integer


def step_decay(lr, *, every, factor=0.1):
    """Return a schedule that multiplies the rate by ``factor`` after ``every`` steps.

    >>> schedule = step_decay(1.0, every=10, factor=0.5)
    >>> [schedule(step) for step in (0, 9, 10, 20)]
    [1.0, 1.0, 0.5, 0.25]
    """
    every = positive_integer(every, "every")
    return lambda step: lr * factor ** (step // every)


def exponential_decay(lr, *, factor):
    """Return a schedule that multiplies the rate by ``factor`` at every step.

    >>> schedule = exponential_decay(1.0, factor=0.5)
    >>> [schedule(step) for step in (0, 1, 2)]
    [1.0, 0.5, 0.25]
    """
    return lambda step: lr * factor**step


def cosine_decay(lr, *, steps, end=0.0):
    """Return a schedule that falls from ``lr`` to ``end`` in half a cosine wave.

    References
    ----------
    Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Examples
    --------
    >>> schedule = cosine_decay(1.0, steps=100)
    >>> [round(schedule(step), 3) for step in (0, 50, 100, 200)]
    [1.0, 0.5, 0.0, 0.0]
    """
    steps = positive_integer(steps, "steps")

    def rate(step):
        return end + (lr - end) * (1 + math.cos(math.pi * min(step / steps, 1))) / 2

    return rate


def warmup(lr, *, steps):
    """Return a schedule that rises in a straight line over the first ``steps`` steps.

    ``lr`` may be a number or another schedule.

    >>> schedule = warmup(1.0, steps=4)
    >>> [schedule(step) for step in (0, 1, 3, 9)]
    [0.25, 0.5, 1.0, 1.0]
    """
    steps = positive_integer(steps, "steps")

    def rate(step):
        return min((step + 1) / steps, 1) * (lr(step) if callable(lr) else lr)

    return rate
