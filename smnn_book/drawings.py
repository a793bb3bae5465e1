"""Drawings: the graph of a softmax network, its matrices, tiles of attention, named pixels."""

from itertools import pairwise

import numpy as np
from matplotlib.colors import to_rgba

from smnn.plot import BACKWARD, FORWARD, INK, class_color, pyplot
from smnn.plot.styling import tinted

# Where each step of the forward pass is, in inches; the parameters are above.
_PLACES = {
    "X": (0.0, 0.0), "Z1": (1.8, 0.0), "H": (2.65, 0.0), "Z2": (4.45, 0.0), "P": (5.4, 0.0),
    "loss": (6.25, 0.0), "W1": (0.5, 1.2), "b1": (1.25, 1.2), "W2": (3.15, 1.2), "b2": (3.9, 1.2),
}  # fmt: skip
_OPERATIONS = {"W1": "·", "b1": "+", "W2": "·", "b2": "+"}
_ALONG = {("Z1", "H"): "tanh", ("Z2", "P"): "softmax", ("P", "loss"): "mean\n−log"}
_BOX = {"boxstyle": "round,pad=0.3", "fc": "none", "ec": INK, "lw": 0.9}
_ARROW = {"arrowstyle": "-|>", "color": INK, "lw": 1, "shrinkA": 0, "shrinkB": 0}
_CIRCLE = {"boxstyle": "circle,pad=0.2", "fc": "none", "ec": INK, "lw": 0.9}


def softmax_network(values, gradients):
    """Return a drawing of the two-layer softmax network with the shapes of all its matrices.

    Parameters
    ----------
    values : dict of str to array_like
        ``X``, ``W1``, ``b1``, ``Z1``, ``H``, ``W2``, ``b2``, ``Z2``, ``P`` and ``loss``.
        Above each box is the shape of its value.
    gradients : dict of str to array_like
        The gradients that are computed, by the same names.  They appear below the boxes.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a gradient does not have the shape of its value.

    Examples
    --------
    >>> values = {name: 0.0 for name in "X W1 b1 Z1 H W2 b2 Z2 P loss".split()}
    >>> figure = softmax_network(values, {"Z2": 0.0})
    >>> [text.get_text() for text in figure.axes[0].texts if "d" in text.get_text()]
    ['dZ₂  1']
    >>> pyplot.close(figure)
    """
    for name, gradient in gradients.items():
        if np.shape(gradient) != np.shape(values[name]):
            raise ValueError(
                f"d{name} must have the shape of {name}, {np.shape(values[name])}, "
                f"got {np.shape(gradient)}"
            )
    figure, ax = pyplot.subplots(figsize=(7.0, 2.3))
    ax.set(xlim=(-0.35, 6.65), ylim=(-0.6, 1.7))
    ax.set_axis_off()
    boxes = {}
    for name, place in _PLACES.items():
        boxes[name] = ax.text(*place, _written(name), ha="center", va="center", bbox=_BOX)
        _beside(ax, place, 18, _shape(values[name]), FORWARD, "normal")
        if name in gradients:
            words = f"d{_written(name)}  {_shape(gradients[name])}"
            _beside(ax, place, -19, words, BACKWARD, "italic")
    for name, sign in _OPERATIONS.items():
        at = _PLACES[name][0], 0.0
        boxes[f"{sign} {name}"] = ax.text(*at, sign, ha="center", va="center", bbox=_CIRCLE)
        ax.annotate("", (at[0], 0.15), (at[0], 0.8), arrowprops=_ARROW)
    figure.draw_without_rendering()  # now the boxes have their size
    to_data = ax.transData.inverted()
    edges = {
        name: text.get_bbox_patch().get_window_extent().transformed(to_data)
        for name, text in boxes.items()
    }
    row = sorted((name for name, edge in edges.items() if edge.y0 < 0), key=lambda n: edges[n].x0)
    for start, end in pairwise(row):
        ax.annotate("", (edges[end].x0, 0), (edges[start].x1, 0), arrowprops=_ARROW)
        middle = (edges[start].x1 + edges[end].x0) / 2
        words = _ALONG.get((start, end), "")
        ax.text(middle, 0.07, words, ha="center", va="bottom", size=8.5)
    return figure


def _written(name):
    """Return a name with its digit lowered, as in formulas."""
    return name.replace("1", "₁").replace("2", "₂")


def _shape(value):
    return "×".join(map(str, np.shape(value))) or "1"


def _beside(ax, place, points, words, color, fontstyle):
    ax.annotate(words, place, (0, points), textcoords="offset points", ha="center", va="center",
                color=color, fontstyle=fontstyle, size=8.5)  # fmt: skip


def matrices(values, gradients, *, columns):
    """Return a drawing of matrices beside each other, every entry with its number.

    The larger an entry, the fuller its square, on a scale of its own for each matrix.  Values
    are blue; gradients are vermilion and in italics, and their negative entries are hatched.

    Parameters
    ----------
    values, gradients : dict of str to array_like, shape (N, K)
        The matrices by their titles.
    columns : sequence of str, length K
        What to write below the columns.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> figure = matrices({"P": [[0.25, 0.75]]}, {"P − Y": [[-0.75, 0.75]]}, columns="ab")
    >>> [text.get_text() for ax in figure.axes for text in ax.texts]
    ['0.250', '0.750', '−0.750', '0.750']
    >>> pyplot.close(figure)
    """
    arrays = {title: np.asarray(array) for title, array in {**values, **gradients}.items()}
    rows, width = next(iter(arrays.values())).shape
    figure, panels = pyplot.subplots(
        1, len(arrays), figsize=(len(arrays) * (0.72 * width + 0.4), 0.42 * rows + 0.7),
        squeeze=False, gridspec_kw={"wspace": 0.12},
    )  # fmt: skip
    for ax, (title, array) in zip(panels[0], arrays.items(), strict=True):
        back = title in gradients
        color, style = (BACKWARD, "italic") if back else (FORWARD, "normal")
        for (row, column), value in np.ndenumerate(array):
            fullness = 0.4 * abs(value) / np.abs(array).max()
            square = pyplot.Rectangle((column, row), 1, 1, fc=color, alpha=fullness, lw=0)
            if value < 0:
                square.set(hatch="///", ec="white")
            ax.add_patch(square)
            words = f"{value:.0f}" if float(value).is_integer() else f"{value:.3f}"
            words = words.replace("-", "−")
            ax.text(column + 0.5, row + 0.5, words, ha="center", va="center", fontstyle=style)
        ax.set(xlim=(0, width), ylim=(rows, 0), title=title, yticks=[])
        ax.set_xticks(np.arange(width) + 0.5, columns)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    return figure


def attention_sweeps(blocks=4, tiles=5, *, at=(1, 2)):
    """Return a drawing of the two sweeps of tiled attention, forward and backward.

    Each square is a tile of the matrix of scores.  Full squares are in memory, the tile at
    work is the darkest, and dashed ones are not there.

    Parameters
    ----------
    blocks, tiles : int
        The number of blocks of queries and of tiles of keys.
    at : tuple of int
        The block and the tile at work, both counted from 0.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the tile at work is not in the matrix.

    Examples
    --------
    >>> figure = attention_sweeps()
    >>> [ax.get_title() for ax in figure.axes]
    ['forward: carry m, s, u along a row', 'backward: carry nothing']
    >>> pyplot.close(figure)
    """
    block, tile = at
    if not (0 <= block < blocks and 0 <= tile < tiles):
        raise ValueError(f"at must lie within {blocks} blocks and {tiles} tiles, got {at}")
    figure, panels = pyplot.subplots(1, 2, figsize=(7.4, 3.5))
    for ax, back in zip(panels, (False, True), strict=True):
        color = BACKWARD if back else FORWARD
        for row, column in np.ndindex(blocks, tiles):
            _tile(ax, column, row, color, 0.75 if (row, column) == at else 0)
        for column in range(tiles):
            here = 0.4 if column == tile else 0.12
            _tile(ax, column, -1.25, FORWARD, here, height=0.8)
            if back:
                _tile(ax, column, blocks + 0.45, BACKWARD, here, height=0.8)
        for row in range(blocks):
            here = 0.4 if row == block else 0.12
            done = here if back or row <= block else 0
            _tile(ax, -1.25, row, FORWARD, here, width=0.8)
            _tile(ax, tiles + 0.45, row, color, done, width=0.8)
        words = [("k, v", tiles / 2, -1.5), ("q" + ", do" * back, -0.85, -0.25)]
        words += [("dq" if back else "o, lse", tiles + 0.85, -0.25)]
        words += [("dk, dv", tiles / 2, blocks + 1.8)] if back else []
        for text, x, y in words:
            slanted = "italic" if text.startswith("d") else "normal"
            hue = BACKWARD if text.startswith("d") else FORWARD
            ax.text(x, y, text, ha="center", va="center", color=hue, fontstyle=slanted)
        arrow = {**_ARROW, "lw": 1.5, "color": INK}
        if back:
            ends = [((tile + 1.05, block + 0.5), (tiles + 0.4, block + 0.5))]
            ends += [((tile + 0.5, block + 1.05), (tile + 0.5, blocks + 0.4))]
        else:
            ends = [((0.05, block + 0.5), (tile - 0.05, block + 0.5))] if tile else []
            ends += [((tile + 1.05, block + 0.5), (tiles + 0.4, block + 0.5))]
        for start, end in ends:
            ax.annotate("", end, start, arrowprops=arrow)
        ax.set(xlim=(-1.6, tiles + 1.7), ylim=(blocks + 2.2, -1.9), aspect="equal")
        ax.set_title("backward: carry nothing" if back else "forward: carry m, s, u along a row")
        ax.set(xticks=[], yticks=[])  # with its axis off it would not be stacked on a phone
        ax.spines[:].set_visible(False)
    return figure


def _tile(ax, x, y, color, fullness, *, width=1, height=1):
    """Draw a tile as full as said; an empty one has a dashed border."""
    gap = 0.05
    box = (x + gap, y + gap), width - 2 * gap, height - 2 * gap
    ax.add_patch(pyplot.Rectangle(*box, fc=color if fullness else "none", alpha=fullness or None,
                                  lw=0))  # fmt: skip
    ax.add_patch(pyplot.Rectangle(*box, fc="none", ec=INK, lw=0.8, ls="-" if fullness else ":"))


def pixel_classes(ink, true, predicted, iou):
    """Return canvases with the true and the predicted class of every pixel, and bars of the IoU.

    Parameters
    ----------
    ink : array_like, shape (n, height, width)
        From 0 to 1.
    true, predicted : array_like of int, of the same shape
        0 for the background, which stays empty, and 1 + d for the digit d.  Where a class has
        ten pixels or more, its digit is written beside them.
    iou : sequence of float
        The intersection over union of the background and of each digit.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> classes = np.zeros((1, 8, 8), int)
    >>> classes[0, 2:6, 2:6] = 4
    >>> figure = pixel_classes(classes / 4, classes, 0 * classes, [0.75, 0, 0, 0, 0])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['canvas', 'truth', '3', 'network']
    >>> pyplot.close(figure)
    """
    ink, true, predicted = (np.asarray(canvases) for canvases in (ink, true, predicted))
    count, height, width = ink.shape
    figure, (ax, bars) = pyplot.subplots(1, 2, figsize=(7.4, 3.9), width_ratios=(2.1, 1))
    ax.set_axis_off()
    for row, (name, canvases) in enumerate(
        (("canvas", ink), ("truth", true), ("network", predicted))
    ):
        top = row * (height + 4)
        ax.text(-2, top + height / 2, name, rotation=90, ha="right", va="center", size=9)
        for column, canvas in enumerate(canvases):
            left = column * (width + 4)
            extent = (left, left + width, top + height, top)
            colors = tinted(INK, canvas) if row == 0 else _class_colors(canvas)
            ax.imshow(colors, extent=extent, interpolation="none")
            ax.add_patch(pyplot.Rectangle((left, top), width, height, fc="none", ec=INK, lw=0.6))
            if row:
                _name_the_classes(ax, canvas, left, top)
    ax.set(xlim=(-6, count * (width + 4)), ylim=(3 * (height + 4), -2), aspect="equal")
    names = ["none", *map(str, range(len(iou) - 1))]
    places = np.arange(len(iou))
    bars.barh(places, iou, color=FORWARD, height=0.7)
    bars.set_yticks(places, names)
    bars.invert_yaxis()
    bars.set(xlim=(0, 1), title="intersection over union")
    return figure


def _class_colors(canvas):
    """Return the color of every pixel's class; the background is empty."""
    colors = np.zeros((*canvas.shape, 4))
    for k in np.unique(canvas[canvas > 0]):
        colors[canvas == k] = to_rgba(class_color(k - 1))
    return colors


def _name_the_classes(ax, canvas, left, top):
    """Write each digit beside its pixels, away from the others and within the frame."""
    middle = np.nonzero(canvas)[1].mean() if canvas.any() else 0
    for k in np.unique(canvas[canvas > 0]):
        rows, columns = np.nonzero(canvas == k)
        if len(rows) < 10:
            continue
        right = columns.mean() > middle and columns.max() < canvas.shape[1] - 3
        right = right or columns.min() < 6
        at = columns.max() + 2 if right else columns.min() - 1
        side = "left" if right else "right"
        ax.text(left + at, top + rows.mean() + 0.5, f"{k - 1}", ha=side, va="center", size=9)
