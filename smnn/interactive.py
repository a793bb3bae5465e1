"""Figures with sliders, and no server behind them.

A figure is an Altair chart.  Its sliders are parameters of the chart, and what
follows from them is arithmetic in Vega expressions, which the reader's browser
evaluates.  `figure` gives such a chart a name, a description in words, and a
*readout*: a line or two of text with the current numbers in it.  The readout is
written once, as a Python template.  It is filled in here with numbers that this
package computes, and becomes an expression of the chart, which fills it in again
whenever a slider moves.  Both must say the same; the tests move the sliders and see.

A notebook cell that returns a figure shows it in JupyterLab and VS Code without
any network, because they draw Vega-Lite themselves.  The site draws it with a
script of its own, and where nothing can draw, the readout is still there to read.

A new figure takes three steps: sliders, a chart over expressions, a readout.

>>> import altair as alt
>>> from smnn.interactive import derived, figure, slider
>>> x, slope = slider("x", -3, 3, 1.0, label="input x"), slider("s", 0.5, 8, 2.0)
>>> y = derived("y", "1 / (1 + exp(-s * x))")
>>> dots = alt.Chart(alt.InlineData([{}])).mark_point().encode(x="x:Q", y="y:Q")
>>> dots = dots.transform_calculate(x="x", y="y").add_params(x, slope, y)
>>> shown = figure(
...     dots, name="sigmoid-scale", alt="A point on the sigmoid curve.",
...     text="σ({s:.1f} · {x:.1f}) = {y:.3f}", values={"x": 1.0, "s": 2.0, "y": 0.8808},
... )
>>> print(shown.text)
σ(2.0 · 1.0) = 0.881
"""

import json
from dataclasses import dataclass
from string import Formatter

import numpy as np

from smnn.functional import softmax, softmax_jacobian

__all__ = [
    "InteractiveFigure",
    "derived",
    "figure",
    "jacobian_explorer",
    "slider",
    "softmax_explorer",
]

MIME_TYPE = "application/vnd.vegalite.v5+json"  # what JupyterLab and VS Code draw

# The classes in the order of Okabe and Ito, and the hues of values that flow forward
# and backward.  The site's script knows these colors and puts its own shades for them.
CLASS_COLORS = ("#e69f00", "#56b4e9", "#009e73", "#d0b800", "#0072b2")
FORWARD, BACKWARD = "#1a80c0", "#cc5800"

WIDTH = 480  # in a live notebook; on the site a chart is as wide as the text

SUBSCRIPTS = "₁₂₃₄₅"


def _altair():
    """Return the module Altair, or say how to get it."""
    try:
        import altair
    except ImportError as error:
        message = 'Interactive figures need Altair: pip install "smnn[plot]"'
        raise ImportError(message) from error
    return altair


@dataclass(frozen=True)
class InteractiveFigure:
    """A chart with sliders that a notebook and the site can show.

    Parameters
    ----------
    name : str
        The name of the figure, unique in the book.
    spec : dict
        The chart in Vega-Lite.
    alt : str
        What is to be seen, in words.
    text : str
        The readout at the first position of the sliders.
    """

    name: str
    spec: dict
    alt: str
    text: str

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {MIME_TYPE: self.spec, "text/plain": str(self)}

    def __str__(self):
        return f"{self.alt}\n{self.text}"


def slider(name, low, high, value, *, step=0.1, label=None):
    """Return a parameter of a chart that the reader moves.

    Parameters
    ----------
    name : str
        Its name in expressions.
    low, high : float
        The ends of the slider.
    value : float
        Where it stands at first, within the ends.
    step : float
        The distance between two positions.
    label : str, optional
        What stands beside the slider; its name if left out.

    Returns
    -------
    altair.Parameter

    Raises
    ------
    ValueError
        If the value does not lie between the ends.

    Examples
    --------
    >>> slider("z", -4, 4, 1.0).param.value
    1.0
    """
    if not low <= value <= high:
        raise ValueError(f"slider {name!r} must start between {low} and {high}, not at {value}")
    alt = _altair()
    bind = alt.binding_range(min=low, max=high, step=step, name=label or name)
    return alt.param(name=name, value=value, bind=bind)


def derived(name, expression):
    """Return a parameter of a chart that follows from others.

    Parameters
    ----------
    name : str
        Its name in other expressions.
    expression : str
        A Vega expression over the names of other parameters.

    Returns
    -------
    altair.Parameter

    Examples
    --------
    >>> derived("y", "exp(z)").param.expr
    'exp(z)'
    """
    return _altair().param(name=name, expr=expression)


def _fill(template, values):
    """Fill in a readout in Python, with numbers written as a browser writes them."""
    parts = []
    for literal, field, form, _ in Formatter().parse(template):
        parts.append(literal)
        if form == "s":
            parts.append(values[field])
        elif field is not None:
            parts.append(format(values[field], f"z{form}").replace("-", "−"))
    return "".join(parts)


def _expression(template):
    """Translate a readout into a Vega expression that fills it in."""
    parts = []
    for literal, field, form, _ in Formatter().parse(template):
        if literal:
            parts.append(json.dumps(literal, ensure_ascii=False))
        if field is not None:
            parts.append(field if form == "s" else f"format({field}, '{form}')")
    return " + ".join(parts)


def figure(chart, *, name, alt, text, values):
    """Make an interactive figure of an Altair chart.

    Parameters
    ----------
    chart : altair chart
        Its sliders come from `slider`, what follows from them from `derived`.
    name : str
        A name in lower case with hyphens, unique in the book.
    alt : str
        What is to be seen, in words.
    text : str
        The readout: a template such as ``"p = {p:.3f}"`` over names of parameters.  The
        form ``s`` stands for a parameter that holds words.
    values : dict
        The numbers for the readout at the first position of the sliders, computed
        with this package and not with the chart.

    Returns
    -------
    InteractiveFigure

    Raises
    ------
    ValueError
        If the readout has a field for which there is no value.

    Examples
    --------
    >>> import altair
    >>> dot = altair.Chart(altair.InlineData([{}])).mark_point().add_params(slider("z", 0, 1, 0.5))
    >>> print(figure(dot, name="dot", alt="A dot.", text="z = {z:.1f}", values={"z": 0.5}))
    A dot.
    z = 0.5
    """
    fields = [field for _, field, _, _ in Formatter().parse(text) if field is not None]
    missing = sorted(set(fields) - set(values))
    if missing:
        raise ValueError(f"the readout of {name!r} needs values for {', '.join(missing)}")
    spec = chart.add_params(derived("readout", _expression(text))).to_dict()
    filled = _fill(text, values)
    spec["$schema"] = "https://vega.github.io/schema/vega-lite/v5.json"
    spec["config"] = {"view": {"stroke": None}, "axis": {"grid": False, "labelPadding": 6}}
    spec["description"] = alt
    spec["width"] = WIDTH
    spec["title"] = {
        "text": {"expr": "split(readout, '\\n')"},
        "anchor": "start",
        "fontWeight": "normal",
        "orient": "bottom",
    }
    spec["usermeta"] = {"name": name, "readout": filled}
    return InteractiveFigure(name=name, spec=spec, alt=alt, text=filled)


def _names(letter, count):
    return [f"{letter}{k}" for k in range(1, count + 1)]


def _softmax_parameters(scores, temperature=None):
    """Sliders for scores, and parameters for the steps of a stable softmax."""
    z, e, p = (_names(letter, len(scores)) for letter in "zep")
    sliders = [
        slider(name, -4, 4, score, label=f"score z{SUBSCRIPTS[k]}")
        for k, (name, score) in enumerate(zip(z, scores, strict=True))
    ]
    if temperature is not None:
        sliders.append(slider("T", 0.1, 5, temperature, label="temperature T"))
    over = " / T" if temperature is not None else ""
    return [
        *sliders,
        derived("largest", f"max({', '.join(z)})"),
        *(derived(e[k], f"exp(({z[k]} - largest){over})") for k in range(len(z))),
        derived("total", " + ".join(e)),
        *(derived(p[k], f"{e[k]} / total") for k in range(len(z))),
    ]


def _softmax_values(scores, temperature=1.0):
    """The same steps in NumPy, by the names of the parameters."""
    scores = np.asarray(scores, dtype=float)
    exponentials = np.exp((scores - scores.max()) / temperature)
    columns = {"z": scores, "e": exponentials, "p": softmax(scores, temperature=temperature)}
    values = {"T": temperature, "largest": scores.max(), "total": exponentials.sum()}
    for letter, column in columns.items():
        values.update(zip(_names(letter, len(scores)), column, strict=True))
    return values


def _listing(letter, count, form):
    """A tuple of fields of a template: ``({p1:.3f}, {p2:.3f})``."""
    return "(" + ", ".join(f"{{{name}:{form}}}" for name in _names(letter, count)) + ")"


def softmax_explorer(scores=(2.0, 1.0, 0.0), temperature=1.0, *, name="softmax-explorer"):
    """Return a figure of softmax: sliders for the scores and for the temperature.

    The probabilities are bars with their numbers.  Below stands the formula,
    ``p = exp((z − max z) / T) / sum``, with the current numbers in it.

    Parameters
    ----------
    scores : sequence of float
        Two to five scores, each between -4 and 4, where the sliders stand at first.
    temperature : float
        Between 0.1 and 5.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    InteractiveFigure

    Raises
    ------
    ValueError
        If there are fewer than two scores or more than five, or one is out of range.

    Examples
    --------
    >>> print(softmax_explorer((2.0, 1.0, 0.0)).text)
    z = (2.0, 1.0, 0.0), T = 1.0
    e = exp((z − 2.0) / 1.0) = (1.000, 0.368, 0.135)
    p = e / 1.503 = (0.665, 0.245, 0.090)
    """
    count = len(scores)
    if not 2 <= count <= len(CLASS_COLORS):
        raise ValueError(f"expected two to {len(CLASS_COLORS)} scores, got {count}")
    alt = _altair()
    data = alt.InlineData([{"class": f"class {k}", "k": k - 1} for k in range(1, count + 1)])
    base = alt.Chart(data).transform_calculate(
        p=f"[{', '.join(_names('p', count))}][datum.k]", shown="format(datum.p, '.3f')"
    )
    x = alt.X("p:Q").title("probability").scale(domain=[0, 1]).axis(values=[0, 0.5, 1])
    y = alt.Y("class:N").title(None).axis(ticks=False, domain=False)
    color = alt.Color("class:N").scale(range=CLASS_COLORS[:count]).legend(None)
    bars = base.mark_bar(height={"band": 0.6}).encode(x=x, y=y, color=color)
    # A number stands right of its bar, or inside it where the bar leaves no room.
    place = {"expr": "datum.p > 0.8 ? 'right' : 'left'"}
    numbers = base.mark_text(align=place, dx={"expr": "datum.p > 0.8 ? -6 : 6"}, fontSize=13)
    numbers = numbers.encode(x=x, y=y, text="shown:N")
    chart = (bars + numbers).properties(height=44 * count)
    return figure(
        chart.add_params(*_softmax_parameters(scores, temperature)),
        name=name,
        alt=f"Bars for the probabilities of {count} classes, which follow the sliders.",
        text=f"z = {_listing('z', count, '.1f')}, T = {{T:.1f}}\n"
        f"e = exp((z − {{largest:.1f}}) / {{T:.1f}}) = {_listing('e', count, '.3f')}\n"
        f"p = e / {{total:.3f}} = {_listing('p', count, '.3f')}",
        values=_softmax_values(scores, temperature),
    )


def jacobian_explorer(scores=(1.0, 2.0, 3.0), *, name="jacobian-explorer"):
    """Return a figure of the Jacobian of softmax: sliders for three scores.

    The matrix ``diag(p) − p pᵀ`` is a heat map with its numbers: one hue where a
    larger score makes a probability larger, the other where it makes it smaller.

    Parameters
    ----------
    scores : sequence of float
        Three scores between -4 and 4, where the sliders stand at first.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    InteractiveFigure

    Raises
    ------
    ValueError
        If there are not three scores, or one is out of range.

    Examples
    --------
    >>> print(jacobian_explorer((1.0, 2.0, 3.0)).text)
    p = (0.090, 0.245, 0.665)
    ∂p₁/∂z = (0.082, −0.022, −0.060)
    ∂p₂/∂z = (−0.022, 0.185, −0.163)
    ∂p₃/∂z = (−0.060, −0.163, 0.223)
    """
    if len(scores) != 3:
        raise ValueError(f"expected three scores, got {len(scores)}")
    alt = _altair()
    cells = [(i, j) for i in range(3) for j in range(3)]
    entries = [
        derived(f"J{i + 1}{j + 1}", f"p{i + 1} * ({int(i == j)} - p{j + 1})") for i, j in cells
    ]
    rows = [
        {"row": f"p{SUBSCRIPTS[i]}", "column": f"z{SUBSCRIPTS[j]}", "k": 3 * i + j}
        for i, j in cells
    ]
    base = alt.Chart(alt.InlineData(rows)).transform_calculate(
        value=f"[{', '.join(entry.name for entry in entries)}][datum.k]",
        sign="datum.value < 0 ? 'smaller' : 'larger'",
        size="abs(datum.value)",
        shown="format(datum.value, '.3f')",
    )
    x = alt.X("column:N").title("by the score").axis(orient="top", labelAngle=0, ticks=False)
    y = alt.Y("row:N").title("change of").axis(ticks=False)
    tiles = base.mark_rect(strokeWidth=0).encode(
        x=x.axis(domain=False),
        y=y.axis(domain=False),
        color=alt.Color("sign:N")
        .scale(domain=["larger", "smaller"], range=[FORWARD, BACKWARD])
        .legend(None),
        opacity=alt.Opacity("size:Q").scale(domain=[0, 0.25], range=[0.04, 0.5]).legend(None),
    )
    numbers = base.mark_text(fontSize=14).encode(x=x, y=y, text="shown:N")
    jacobian = softmax_jacobian(softmax(np.asarray(scores, dtype=float)))
    values = {entry.name: jacobian[i, j] for entry, (i, j) in zip(entries, cells, strict=True)}
    lines = [f"∂p{SUBSCRIPTS[i]}/∂z = {_listing(f'J{i + 1}', 3, '.3f')}" for i in range(3)]
    return figure(
        (tiles + numbers).properties(height=200).add_params(*_softmax_parameters(scores), *entries),
        name=name,
        alt="A three by three heat map of the derivatives of softmax, which follows the sliders.",
        text="\n".join([f"p = {_listing('p', 3, '.3f')}", *lines]),
        values={**_softmax_values(scores), **values},
    )
