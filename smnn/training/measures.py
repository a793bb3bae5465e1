"""Metrics during training: found by name, tried before the start, taken over a whole epoch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from .. import metrics as metric_functions
from .._core.validation import choice
from ..activations import ACTIVATIONS
from .objective import name_of

# The metrics that are one number.
_METRICS = (
    "accuracy",
    "top_k_accuracy",
    "negative_log_likelihood",
    "perplexity",
    "expected_calibration_error",
)


def named_metrics(metrics: str | Callable | Iterable | Mapping | None) -> dict[str, Callable]:
    """Return the metrics by their names, which are unique and free.

    Parameters
    ----------
    metrics : str, callable, sequence of them, mapping or None
        A mapping gives the names itself.
    """
    if metrics is None:
        return {}
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    if not isinstance(metrics, Iterable):
        raise TypeError(f"metrics must be names or functions, got {metrics!r}")
    pairs = metrics.items() if isinstance(metrics, Mapping) else map(_named, metrics)
    named: dict[str, Callable] = {}
    for name, metric in pairs:
        if isinstance(metric, str):
            metric = _named(metric)[1]
        if not callable(metric) or isinstance(metric, type):
            raise TypeError(f"a metric must be a name or a function, got {metric!r}")
        if name in named or name in ("loss", "lr") or str(name).startswith("val_"):
            taken = "two metrics have" if name in named else "a metric cannot have"
            raise ValueError(
                f"{taken} the name {name!r} in the history: "
                'pass a mapping, metrics={"another name": function}'
            )
        named[str(name)] = metric
    return named


def _named(metric):
    if isinstance(metric, str):
        return metric, getattr(metric_functions, choice(metric, _METRICS, "a metric"))
    if callable(metric):
        return name_of(metric), metric
    raise TypeError(f"a metric must be a name or a function, got {metric!r}")


class Measures:
    """The metrics of one pass over the examples: collect the outputs, then score them together.

    Rows that the loss ignores do not count.  Metrics get probabilities where the loss contains
    softmax or sigmoid, and the model's output otherwise.
    """

    def __init__(self, metrics: dict[str, Callable], objective):
        self.metrics, self.objective = metrics, objective
        self.outputs: list = []
        self.targets: list = []

    def collect(self, output, y):
        """Take the outputs for a batch."""
        if self.metrics:
            output, y = self.objective.counted(output, y)
            self.outputs.append(output)
            self.targets.append(y)

    def score(self):
        """Return the metrics of what was collected."""
        if not self.metrics:
            return {}
        outputs, y = self._together()
        return {name: float(metric(y, outputs)) for name, metric in self.metrics.items()}

    def check(self, examples_of_all=None):
        """Raise if a metric does not fit what was collected.

        A function of the caller's own may need more than a few rows; before it is refused, it
        gets those that ``examples_of_all`` collects.
        """
        outputs, y = self._together() if self.metrics and self.outputs else ([], [])
        if not len(outputs) or not np.isfinite(outputs).all():
            return
        for name, metric in self.metrics.items():
            try:
                value = _quietly(metric, y, outputs)
            except Exception as error:
                if examples_of_all is not None and not _is_ours(metric):
                    Measures({name: metric}, self.objective).collected(examples_of_all()).check()
                    continue
                raise ValueError(
                    f"the metric {name!r} does not go with y of shape {_any_number(y)} and "
                    f"predictions of shape {_any_number(outputs)}: {error}"
                ) from error
            if np.ndim(value) != 0 or isinstance(value, str | dict | type(None)):
                what = f"an array of shape {np.shape(value)}" if np.ndim(value) else repr(value)
                raise ValueError(f"the metric {name!r} must return one number, got {what}")

    def collected(self, batches):
        """Collect the outputs for batches; returns self."""
        for batch in batches:
            output = self.objective.run(batch, False)[0]
            self.collect(*self.objective.judged(output, batch)[:2])
        return self

    def _together(self):
        outputs = np.concatenate(self.outputs)
        if self.objective.activation:
            outputs = ACTIVATIONS[self.objective.activation][0](outputs)
        return outputs, np.concatenate(self.targets)


def _quietly(metric, y, outputs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return metric(y, outputs)


def _is_ours(metric):
    return getattr(metric, "__module__", None) == metric_functions.__name__


def _any_number(array):
    return f"({', '.join(['N', *map(str, array.shape[1:])])}{',' if array.ndim == 1 else ''})"
