"""Schedules: the learning rate as a function of the step, which counts from 0.

A schedule is a partial function and no closure, so that it can be pickled and shows its numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from .._core.types import LearningRate
from .._core.validation import not_negative, positive_integer


def step_decay(lr: float, *, every: int, factor: float = 0.1) -> Callable[[int], float]:
    """Return a schedule that multiplies the rate by ``factor`` after ``every`` steps.

    >>> schedule = step_decay(1.0, every=10, factor=0.5)
    >>> [schedule(step) for step in (0, 9, 10, 20)]
    [1.0, 1.0, 0.5, 0.25]
    """
    lr, factor = not_negative(lr, "lr"), not_negative(factor, "factor")
    return partial(_step_decay, lr, positive_integer(every, "every"), factor)


def _step_decay(lr, every, factor, step):
    return lr * factor ** (step // every)


def exponential_decay(lr: float, *, factor: float) -> Callable[[int], float]:
    """Return a schedule that multiplies the rate by ``factor`` at every step.

    >>> schedule = exponential_decay(1.0, factor=0.5)
    >>> [schedule(step) for step in (0, 1, 2)]
    [1.0, 0.5, 0.25]
    """
    return partial(_exponential_decay, not_negative(lr, "lr"), not_negative(factor, "factor"))


def _exponential_decay(lr, factor, step):
    return lr * factor**step


def cosine_decay(lr: float, *, steps: int, end: float = 0.0) -> Callable[[int], float]:
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
    lr, end = not_negative(lr, "lr"), not_negative(end, "end")
    return partial(_cosine_decay, lr, positive_integer(steps, "steps"), end)


def _cosine_decay(lr, steps, end, step):
    return end + (lr - end) * (1 + math.cos(math.pi * min(step / steps, 1))) / 2


def warmup(lr: LearningRate, *, steps: int) -> Callable[[int], float]:
    """Return a schedule that rises in a straight line over the first ``steps`` steps.

    ``lr`` may be a number or another schedule.

    >>> schedule = warmup(1.0, steps=4)
    >>> [schedule(step) for step in (0, 1, 3, 9)]
    [0.25, 0.5, 1.0, 1.0]
    """
    lr = lr if callable(lr) else not_negative(lr, "lr")
    return partial(_warmup, lr, positive_integer(steps, "steps"))


def _warmup(lr, steps, step):
    return min((step + 1) / steps, 1) * (lr(step) if callable(lr) else lr)
