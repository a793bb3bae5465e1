"""Interactive figures of networks: their regions, and their numbers forward and back.

The language that they are written in is explained in `smnn_book.sliders`.
"""

import json

import numpy as np

from smnn_book.sliders import BACKWARD, CLASS_COLORS, FORWARD, derived, figure, load_altair, slider

SHAPES = ("circle", "square", "triangle-up", "diamond", "cross")  # of the classes, besides color


def _padded(array, shape):
    """The array with zeros behind it, rounded so that the figure stays small."""
    result = np.zeros(shape)
    result[tuple(slice(n) for n in array.shape)] = array
    return result.round(3).tolist()


def regions_explorer(networks, x, y, *, start=1, name="regions-explorer"):
    """Return a figure of the regions of several networks, with a slider to choose one.

    Every network has two inputs, one hidden layer of tanh units and as many outputs as
    there are classes.  The reader's browser computes the colors from the weights.

    Parameters
    ----------
    networks : sequence of Sequential
        ``Sequential([Dense(H, "tanh"), Dense(K)])``, one for each position of the slider.
    x : array_like, shape (N, 2)
        Points to show.
    y : array_like of int, shape (N,)
        Their classes.
    start : int
        Which network is shown at first, counted from 1.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    InteractiveFigure

    Raises
    ------
    ValueError
        If ``start`` names no network.
    """
    if not 1 <= start <= len(networks):
        raise ValueError(f"start must lie between 1 and {len(networks)}, got {start}")
    alt = load_altair()
    x, y = np.asarray(x), np.asarray(y)
    units = [network.params["0.W"].shape[1] for network in networks]
    shares = [float((network(x).argmax(axis=1) == y).mean()) for network in networks]
    widest, classes = max(units), networks[0].params["1.W"].shape[1]
    shapes = {"0.W": (2, widest), "0.b": (widest,), "1.W": (widest, classes), "1.b": (classes,)}
    label = "hidden units" if units == list(range(1, len(units) + 1)) else "network"
    parameters = [
        slider("n", 1, len(networks), start, step=1, label=label),
        derived("units", f"{units}[n - 1]"),
        derived("share", f"{shares}[n - 1]"),
        derived("noun", "units == 1 ? 'unit' : 'units'"),
    ]
    for (key, shape), letter in zip(shapes.items(), "VcWb", strict=True):
        weights = [_padded(network.params[key], shape) for network in networks]
        parameters.append(derived(letter, f"{json.dumps(weights)}[n - 1]"))

    low, high, cells = np.floor(x.min() * 10) / 10, np.ceil(x.max() * 10) / 10, 36
    width = (high - low) / cells
    hidden = [
        f"1 - 2 / (1 + exp(2 * (V[0][{j}] * datum.u + V[1][{j}] * datum.v + c[{j}])))"
        for j in range(widest)
    ]
    scores = [
        " + ".join([f"b[{k}]", *(f"W[{j}][{k}] * datum.h{j}" for j in range(widest))])
        for k in range(classes)
    ]
    best = f"max({', '.join(f'datum.s{k}' for k in range(classes))})"
    total = " + ".join(f"exp(datum.s{k} - datum.best)" for k in range(classes))
    winner = f"indexof([{', '.join(f'datum.s{k}' for k in range(classes))}], datum.best)"
    color = alt.Color("k:N").scale(domain=list(range(classes)), range=CLASS_COLORS[:classes])
    shape = alt.Shape("k:N").scale(domain=list(range(classes)), range=SHAPES[:classes])
    axes = {
        "x": alt.X("u:Q").title("x₁").scale(domain=[low, high], nice=False).axis(tickCount=5),
        "y": alt.Y("v:Q").title("x₂").scale(domain=[low, high], nice=False).axis(tickCount=5),
    }
    regions = (
        alt.Chart(alt.sequence(0, cells**2, as_="i"))
        .transform_calculate(
            u=f"{low} + {width} * (datum.i % {cells} + 0.5)",
            v=f"{low} + {width} * (floor(datum.i / {cells}) + 0.5)",
        )
        .transform_calculate(**{f"h{j}": unit for j, unit in enumerate(hidden)})
        .transform_calculate(**{f"s{k}": score for k, score in enumerate(scores)})
        .transform_calculate(best=best)
        .transform_calculate(k=winner, sure=f"1 / ({total})")
        .transform_calculate(
            u2=f"datum.u + {width / 2}",
            v2=f"datum.v + {width / 2}",
            u=f"datum.u - {width / 2}",
            v=f"datum.v - {width / 2}",
        )
        .mark_rect(strokeWidth=0)
        .encode(
            **axes,
            x2="u2",
            y2="v2",
            color=color.legend(None),
            opacity=alt.Opacity("sure:Q").scale(domain=[0.3, 1], range=[0.05, 0.45]).legend(None),
        )
    )
    rows = [
        {"u": round(u, 2), "v": round(v, 2), "k": int(k)}
        for (u, v), k in zip(x.tolist(), y.tolist(), strict=True)
    ]
    points = (
        alt.Chart(alt.InlineData(rows))
        .mark_point(filled=True, size=26, opacity=1)
        .encode(**axes, color=color.legend(None), shape=shape.legend(None))
    )
    return figure(
        (regions + points).properties(width="container", height=340).add_params(*parameters),
        name=name,
        alt="Points of several classes, and behind them the regions in which a network answers "
        "each class. With more hidden units the borders bend more often.",
        text="{units:.0f} hidden {noun:s}: "
        "{share:.0%} of the points lie in the region of their class",
        values={
            "units": units[start - 1],
            "share": shares[start - 1],
            "noun": "unit" if units[start - 1] == 1 else "units",
        },
    )


def graph_explorer(nodes, edges, *, start=0, name="graph-explorer"):
    """Return a figure of a computation graph with a slider that walks forward, then back.

    Each step of the slider brings one number: first the values, in the order of the nodes,
    then the gradients, in the opposite order.  A ring marks the node of the step.

    Parameters
    ----------
    nodes : sequence of (label, column, row, value, gradient)
        In the order in which the values are computed.
    edges : sequence of (label, label)
        Which node's value enters which.
    start : int
        Where the slider stands at first, from 0 to twice the number of nodes.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    InteractiveFigure

    Raises
    ------
    ValueError
        If the slider cannot stand at ``start``.

    Examples
    --------
    >>> nodes = [("a", 0, 0, 3.0, 2.0), ("a²", 1, 0, 9.0, 1.0)]
    >>> print(graph_explorer(nodes, [("a", "a²")], start=3).text)
    step 3 of 4: back, the gradient at a² is 1.0000
    """
    alt = load_altair()
    count = len(nodes)
    words = ["start"]
    words += [f"forward, {label} is {_number(value)}" for label, _, _, value, _ in nodes]
    words += [f"back, the gradient at {label} is {_number(g)}" for label, *_, g in nodes[::-1]]
    if not 0 <= start <= 2 * count:
        raise ValueError(f"start must lie between 0 and {2 * count}, got {start}")
    parameters = [
        slider("step", 0, 2 * count, start, step=1, label="step"),
        derived("last", str(2 * count)),
        derived("words", f"{json.dumps(words, ensure_ascii=False)}[step]"),
    ]
    place = {label: (column, row) for label, column, row, *_ in nodes}
    rows = [
        {
            "label": label, "x": column, "y": row, "value": _number(value), "grad": _number(grad),
            "there": k, "back": 2 * count + 1 - k,
        }
        for k, (label, column, row, value, grad) in enumerate(nodes, start=1)
    ]  # fmt: skip
    lines = [
        dict(zip(("x", "y", "x2", "y2"), (*place[a], *place[b]), strict=True)) for a, b in edges
    ]
    columns = [column for column, _ in place.values()]
    heights = [row for _, row in place.values()]
    x = alt.X("x:Q").axis(None).scale(domain=[min(columns) - 0.5, max(columns) + 0.5], nice=False)
    y = alt.Y("y:Q").axis(None).scale(domain=[max(heights) + 0.6, min(heights) - 0.6], nice=False)
    base = alt.Chart(alt.InlineData(rows)).encode(x=x, y=y)
    here = "step == datum.there || step == datum.back"
    layers = [
        alt.Chart(alt.InlineData(lines)).mark_rule(opacity=0.35).encode(x=x, y=y, x2="x2", y2="y2"),
        base.mark_point(size=1100, filled=True, opacity=1, color=CLASS_COLORS[1]),
        base.transform_filter(here).mark_point(size=1450, strokeWidth=3, color=BACKWARD),
        base.mark_text(fontSize=11, fill="#000000").encode(text="label:N"),
        base.transform_filter("step >= datum.there")
        .mark_text(dy=-26, fontSize=12, fill=FORWARD)
        .encode(text="value:N"),
        base.transform_filter("step >= datum.back")
        .mark_text(dy=28, fontSize=12, fontStyle="italic", fill=BACKWARD)
        .encode(text="grad:N"),
    ]
    return figure(
        alt.layer(*layers).properties(width="container", height=320).add_params(*parameters),
        name=name,
        alt="A computation graph. Values appear above the nodes in the forward pass, gradients "
        "in italics below them in the backward pass.",
        text="step {step:.0f} of {last:.0f}: {words:s}",
        values={"step": start, "last": 2 * count, "words": words[start]},
    )


def _number(value):
    return f"{value:z.4f}".replace("-", "−")
