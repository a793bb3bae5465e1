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
>>> from smnn_book.sliders import derived, figure, slider
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

__all__ = [
    "InteractiveFigure",
    "derived",
    "figure",
    "slider",
]

MIME_TYPE = "application/vnd.vegalite.v5+json"  # what JupyterLab and VS Code draw

# The classes in the order of Okabe and Ito, and the hues of values that flow forward
# and backward.  The site's script knows these colors and puts its own shades for them.
CLASS_COLORS = ("#e69f00", "#56b4e9", "#009e73", "#d0b800", "#0072b2")
FORWARD, BACKWARD = "#1a80c0", "#cc5800"

WIDTH = 480  # in a live notebook; on the site a chart is as wide as the text


def load_altair():
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
    alt = load_altair()
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
    return load_altair().param(name=name, expr=expression)


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
