"""Charts: curves, bars, the history of a training, the confusion matrix, reliability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._core.validation import choice
from ..activations import ACTIVATIONS
from ..metrics import expected_calibration_error, reliability_curve
from .styling import BACKWARD, FORWARD, INK, axes, class_color, label_lines, pyplot, tinted

if TYPE_CHECKING:
    from ..training import History


def activation(name, *, limits=(-4.0, 4.0), ax=None, **options):
    """An activation function, and its derivative dashed beside it.

    Parameters
    ----------
    name : str
        A name in ``smnn.ACTIVATIONS``, but not ``"softmax"``, which works on rows.
    limits : (float, float)
        From where to where.
    ax : matplotlib.axes.Axes, optional
    **options
        For the function, such as ``slope=0.2`` for ``"leaky_relu"``.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from smnn import plot
    >>> ax = plot.activation("tanh")
    >>> [line.get_label() for line in ax.get_lines()[:2]]
    ['tanh', 'derivative']
    >>> plot.pyplot.close(ax.figure)
    """
    elementwise = [known for known in ACTIVATIONS if known != "softmax"]
    function, vjp = ACTIVATIONS[choice(name, elementwise, "an activation to draw")]
    x = np.linspace(*limits, 801)
    y = function(x, **options)
    slope = vjp(np.ones_like(x), y, x, **options)
    jumps = np.abs(np.diff(slope)) > 0.4
    slope[:-1][jumps] = np.nan  # a kink of the function: no line across the gap
    ax = axes(ax, (4.2, 3))
    ax.plot(x, y, color=FORWARD, label=name.replace("_", " "))
    ax.plot(x, slope, color=BACKWARD, linestyle=(0, (4, 2)), label="derivative")
    ax.axhline(0, color=INK, linewidth=0.6, zorder=0)
    ax.axvline(0, color=INK, linewidth=0.6, zorder=0)
    _, derivative = sorted(label_lines(ax), key=lambda text: text.get_text() == "derivative")
    derivative.set_style("italic")
    return ax


def probability_bars(probs, *, class_names=None, true=None, ax=None):
    """A distribution over classes as bars, each with its number; the true class is ringed.

    Parameters
    ----------
    probs : array_like, shape (K,)
    class_names : sequence of str, optional
    true : int, optional
        The class that is right.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from smnn import plot
    >>> ax = plot.probability_bars([0.7, 0.2, 0.1], true=0)
    >>> [text.get_text() for text in ax.texts]
    ['0.700', '0.200', '0.100']
    >>> plot.pyplot.close(ax.figure)
    """
    probs = np.asarray(probs, dtype=float)
    if probs.ndim != 1:
        raise ValueError(f"probs must have shape (K,), got {probs.shape}")
    names = _names(class_names, len(probs))
    ax = axes(ax, (4.2, 0.5 + 0.36 * len(probs)))
    places = np.arange(len(probs))
    ax.barh(places, probs, height=0.7, color=[class_color(k) for k in places])
    for place, p in zip(places, probs, strict=True):
        ax.annotate(f"{p:.3f}", (p, place), (4, 0), textcoords="offset points", va="center")
    ax.set(yticks=places, yticklabels=names, xlim=(0, 1), xticks=[0, 0.5, 1])
    ax.invert_yaxis()
    ax.tick_params(axis="y", left=False, pad=12)
    in_margin = ax.get_yaxis_transform()  # x counts in widths of the axes, y in classes
    for k in places:
        ax.plot(-0.025, k, "o", color=class_color(k), transform=in_margin, clip_on=False, ms=5)
    if true is not None:
        ax.plot(-0.025, true, "o", mfc="none", mec=INK, mew=1.6, ms=11, clip_on=False,
                transform=in_margin, label="true class")  # fmt: skip
    return ax


def training_history(
    history: History, names: str | Sequence[str] | None = None, *, ax: Any = None
) -> Any:
    """Draw what was recorded in each epoch of a training, as named curves.

    Parameters
    ----------
    history : History
    names : str or sequence of str, optional
        What to draw; by default the losses.  Validation is dashed.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import smnn
    >>> model = smnn.Sequential([smnn.Dense(2)], rng=0)
    >>> history = smnn.fit(model, *smnn.make_xor(), epochs=5, rng=0)
    >>> ax = history.plot()
    >>> ax.get_lines()[0].get_xdata()
    array([1, 2, 3, 4, 5])
    >>> smnn.plot.pyplot.close(ax.figure)
    """
    if names is None:
        names = [name for name in history if name in ("loss", "val_loss")]
    elif isinstance(names, str):
        names = [names]
    ax = axes(ax)
    for name in names:
        on_validation = name.startswith("val_")
        ax.plot(
            np.arange(1, len(history) + 1),
            history[name],
            color=INK if on_validation else FORWARD,
            linestyle=(0, (4, 2)) if on_validation else "-",
            label=name.replace("val_", "validation ").replace("_", " "),
        )
    ax.set_xlabel("epoch")
    ax.xaxis.get_major_locator().set_params(integer=True)
    label_lines(ax)
    return ax


def confusion_matrix(matrix, *, class_names=None, ax=None):
    """How often each class was taken for each other; right answers stand in outlined cells.

    The shade of a cell is its share of the row, that is, of the true class.

    Parameters
    ----------
    matrix : array_like of int, shape (K, K)
        From ``smnn.confusion_matrix``: rows are true, columns predicted.
    class_names : sequence of str, optional
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from smnn import plot
    >>> ax = plot.confusion_matrix([[5, 1], [0, 4]])
    >>> [text.get_text() for text in ax.texts]
    ['5', '1', '4']
    >>> plot.pyplot.close(ax.figure)
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"a confusion matrix has shape (K, K), got {matrix.shape}")
    k = len(matrix)
    names = _names(class_names, k)
    side = max(3.0, 0.45 * k + 0.8)
    ax = axes(ax, (side, side))
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.imshow(tinted(FORWARD, share), interpolation="none")
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            color = "white" if share[row, column] > 0.6 else INK
            ax.text(column, row, f"{count}", ha="center", va="center", color=color)
    for i in range(k):
        ax.add_patch(pyplot.Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, ec=INK, lw=1.2))
    ax.set(xticks=range(k), yticks=range(k), xlabel="predicted class", ylabel="true class")
    if max(map(len, names)) > 3:
        ax.set_xticklabels(names, rotation=45, ha="right", rotation_mode="anchor")
    else:
        ax.set_xticklabels(names)
    ax.set_yticklabels(names)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def reliability_diagram(y_true, probs, *, n_bins=10, ax=None):
    """How often a confidence comes true: on the diagonal, always as often as it says.

    Each dot is a bin of predictions, its area their number.  The line to the diagonal is
    the gap that the expected calibration error averages.

    Parameters
    ----------
    y_true : array_like of int, shape (N,)
    probs : array_like, shape (N, K)
    n_bins : int
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from smnn import plot
    >>> ax = plot.reliability_diagram([0, 1], [[0.8, 0.2], [0.8, 0.2]])
    >>> ax.texts[0].get_text()
    'calibration error 0.300'
    >>> plot.pyplot.close(ax.figure)
    """
    confidence, correct, count = reliability_curve(y_true, probs, n_bins=n_bins)
    error = expected_calibration_error(y_true, probs, n_bins=n_bins)
    ax = axes(ax, (3.6, 3.6))
    ax.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=(0, (1, 2)))
    ax.vlines(confidence, confidence, correct, color=BACKWARD, linewidth=2)
    ax.scatter(confidence, correct, s=15 + 200 * count / count.sum(), color=FORWARD, zorder=3,
               clip_on=False)  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="confidence", ylabel="share right")
    ax.text(0.03, 0.95, f"calibration error {error:.3f}", transform=ax.transAxes, va="top")
    return ax


def _names(class_names, n_classes):
    """The names of the classes, as many as there are; numbers unless given."""
    names = [str(name) for name in (range(n_classes) if class_names is None else class_names)]
    if len(names) != n_classes:
        raise ValueError(f"class_names must hold {n_classes} names, got {len(names)}")
    return names
