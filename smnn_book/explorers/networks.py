"""An interactive figure of networks: their regions.

The language that they are written in is explained in `smnn_book.sliders`.
"""

import json

import numpy as np

from smnn_book.sliders import CLASS_COLORS, derived, figure, load_altair, slider

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
