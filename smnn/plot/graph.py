"""Pictures of graphs: a network of units, and a computation with its numbers.

In a computation graph the value stands above its node, in the color of what flows forward.
The gradient stands below, in italics and in the color of what flows backward.
"""

from itertools import pairwise

import numpy as np

from .styling import BACKWARD, FORWARD, INK, axes, matplotlib, pyplot


def network(sizes, *, names=None, ax=None):
    """A network as columns of units, each joined to all of the next column.

    Parameters
    ----------
    sizes : sequence of int, or Sequential
        Units of each layer, the inputs first.  From a model the weights are drawn too: the
        larger, the thicker; negative ones are dashed.
    names : sequence of str, optional
        What to write under each column.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Of a layer with more than ten units, eight are drawn and the others are dots.

    Examples
    --------
    >>> from smnn import plot
    >>> ax = plot.network([2, 4, 3])
    >>> len(ax.patches), len(ax.lines)       # units, connections
    (9, 20)
    >>> plot.pyplot.close(ax.figure)
    """
    weights = _matrices(sizes)
    if weights:
        sizes = [len(weights[0]), *(W.shape[1] for W in weights)]
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"a network has at least two layers of at least 1 unit, got {sizes}")
    columns = [_shown(size) for size in sizes]
    tallest = max(len(units) for units in columns)
    ax = axes(ax, (1.5 * len(sizes), 0.6 + 0.42 * tallest))
    places = [
        {unit: (3 * layer, (len(units) - 1) / 2 - i) for i, unit in enumerate(units)}
        for layer, units in enumerate(columns)
    ]
    for layer, (left, right) in enumerate(pairwise(places)):
        W = weights[layer] if weights else np.full((sizes[layer], sizes[layer + 1]), 0.2)
        largest = np.abs(W).max() if weights and W.any() else 1.0
        for i, start in left.items():
            for j, end in right.items():
                if None not in (i, j):
                    _connect(ax, start, end, W[i, j] / largest)
    for column in places:
        for unit, place in column.items():
            if unit is None:
                ax.text(*place, "⋮", ha="center", va="center")
            else:
                ax.add_patch(pyplot.Circle(place, 0.3, fc=FORWARD, ec=INK, lw=0.8, zorder=2))
    for layer, name in enumerate(() if names is None else names):
        ax.text(3 * layer, -tallest / 2 - 0.4, name, ha="center", va="center")
    ax.set(xlim=(-0.6, 3 * len(sizes) - 2.4), ylim=(-tallest / 2 - 0.8, tallest / 2 + 0.2))
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def _matrices(model):
    """The weight matrices of a model; of a list of sizes, none."""
    params = getattr(model, "params", {})
    return [value for value in params.values() if value.ndim == 2]


def _shown(size):
    """The units of a layer that are drawn, with None for those left out."""
    if size <= 10:
        return list(range(size))
    return [0, 1, 2, 3, None, size - 4, size - 3, size - 2, size - 1]


def _connect(ax, start, end, weight):
    ax.plot(
        *zip(start, end, strict=True),
        color=INK,
        linewidth=0.3 + 1.7 * abs(weight),
        linestyle="-" if weight >= 0 else (0, (3, 2)),
        zorder=1,
    )


def computation_graph(named, *, ax=None):
    """What was computed from what, with values above the nodes and gradients below.

    Parameters
    ----------
    named : dict of str to Tensor
        The tensors to show, by name.  Steps between them that have no name are left out.
        Gradients appear once ``backward`` was called.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from smnn import Tensor, plot
    >>> x, w = Tensor(3.0), Tensor(-2.0)
    >>> z = w * x
    >>> y = z + 1.0
    >>> y.backward()
    >>> ax = plot.computation_graph({"x": x, "w": w, "z = wx": z, "y = z + 1": y})
    >>> [text.get_text() for text in ax.texts[:3]]     # of the first node
    ['x', '3', '-2']
    >>> plot.pyplot.close(ax.figure)
    """
    if not named:
        raise ValueError("computation_graph needs at least one named tensor")
    for name, tensor in named.items():
        if not hasattr(tensor, "_parents"):
            raise TypeError(f"computation_graph shows tensors, got {tensor!r} for {name!r}")
    name_of = {id(tensor): name for name, tensor in named.items()}
    parents = {name: _named_parents(tensor, name_of) for name, tensor in named.items()}
    places = _in_inches(_layout(parents), named)
    across, up = np.transpose(list(places.values()))
    limits = {
        "xlim": (across.min() - 0.7, across.max() + 0.7),
        "ylim": (up.min() - 0.5, up.max() + 0.5),
    }
    ax = axes(ax, (np.diff(limits["xlim"])[0], np.diff(limits["ylim"])[0]))
    ax.set(**limits)
    ax.set_axis_off()
    boxes = {}
    for name, tensor in named.items():
        boxes[name] = ax.text(*places[name], name, ha="center", va="center", bbox=_BOX)
        _beside(ax, places[name], 16, _short(tensor.data), FORWARD, "normal")
        if tensor.grad is not None:
            _beside(ax, places[name], -16, _short(tensor.grad), BACKWARD, "italic")
    ax.figure.draw_without_rendering()  # now the boxes have their size
    for name in named:
        for parent in parents[name]:
            _arrow(ax, boxes[parent], boxes[name])
    return ax


def _arrow(ax, parent, child):
    """From the right side of one box to the left side of another, leaving and arriving level."""
    to_data = ax.transData.inverted()
    from_box, to_box = (
        text.get_bbox_patch().get_window_extent().transformed(to_data) for text in (parent, child)
    )
    start = from_box.x1, (from_box.y0 + from_box.y1) / 2
    end = to_box.x0, (to_box.y0 + to_box.y1) / 2
    middle = (start[0] + end[0]) / 2
    curve = matplotlib.path.Path(
        [start, (middle, start[1]), (middle, end[1]), end],
        [1, 4, 4, 4],  # a cubic Bézier curve
    )
    arrow = matplotlib.patches.FancyArrowPatch(
        path=curve, arrowstyle="-|>", mutation_scale=11, color=INK, linewidth=1
    )
    ax.add_patch(arrow)


_BOX = {"boxstyle": "round,pad=0.35", "fc": "none", "ec": INK, "lw": 0.9}


def _beside(ax, place, points, text, color, fontstyle):
    ax.annotate(text, place, (0, points), textcoords="offset points", ha="center", va="center",
                color=color, fontstyle=fontstyle, size=8.5, zorder=3)  # fmt: skip


def _short(value):
    """A number, a few numbers, or only the shape of many."""
    value = np.asarray(value)
    if value.size > 4:
        return "×".join(map(str, value.shape))
    return np.array2string(value, formatter={"float_kind": lambda number: f"{number:.3g}"})


def _named_parents(tensor, name_of):
    """The nearest named tensors that this one was computed from."""
    found, waiting, seen = [], list(tensor._parents), set()
    while waiting:
        node = waiting.pop(0)
        if id(node) in seen:
            continue
        seen.add(id(node))
        if id(node) in name_of:
            found.append(name_of[id(node)])
        else:
            waiting.extend(node._parents)
    return found


def _in_inches(places, named):
    """Columns as far apart as their longest words need, rows an inch."""
    columns = 1 + max(column for column, _ in places.values())
    widest = np.zeros(columns)
    for name, tensor in named.items():
        column = places[name][0]
        words = [name, _short(tensor.data)]
        words += [] if tensor.grad is None else [_short(tensor.grad)]
        widest[column] = max(widest[column], 0.08 * max(map(len, words)))
    starts = np.concatenate([[0], np.cumsum((widest[:-1] + widest[1:]) / 2 + 0.55)])
    return {name: (starts[column], 0.95 * row) for name, (column, row) in places.items()}


def _layout(parents):
    """A place for each name: to the right of all its parents, at their mean height."""
    depth = {}
    while len(depth) < len(parents):
        for name, known in parents.items():
            if name not in depth and all(parent in depth for parent in known):
                depth[name] = 1 + max((depth[parent] for parent in known), default=-1)
    children = {name: [c for c, of in parents.items() if name in of] for name in parents}
    for name in reversed(list(parents)):  # an input stands right before its first use
        if not parents[name] and children[name]:
            depth[name] = min(depth[child] for child in children[name]) - 1
    places = {}
    for column in range(max(depth.values()) + 1):
        names = [name for name in parents if depth[name] == column]
        wanted = {
            name: np.mean([places[parent][1] for parent in parents[name]])
            if parents[name] else -float(i)
            for i, name in enumerate(names)
        }  # fmt: skip
        names.sort(key=lambda name: -wanted[name])
        middle = np.mean([wanted[name] for name in names])
        for i, name in enumerate(names):
            places[name] = column, middle + (len(names) - 1) / 2 - i
    return _out_of_the_way(places, parents)


def _out_of_the_way(places, parents):
    """Move each node up that an arrow between two others would strike through."""
    arrows = [(parent, name) for name, known in parents.items() for parent in known]
    for _ in range(len(places)):  # a move can get in the way of another arrow
        moved = False
        for parent, name in arrows:
            (start, low), (end, high) = places[parent], places[name]
            for other, (column, row) in places.items():
                if not start < column < end:
                    continue
                on_the_line = low + (high - low) * (column - start) / (end - start)
                if abs(row - on_the_line) < 0.5:
                    places[other] = column, _free_above(places, other, on_the_line)
                    moved = True
        if not moved:
            break
    return places


def _free_above(places, name, row):
    """The lowest place above a row that keeps its distance from others in the column."""
    column = places[name][0]
    taken = [y for other, (x, y) in places.items() if x == column and other != name]
    row += 0.75
    while any(abs(row - y) < 0.75 for y in taken):
        row += 0.75
    return row
