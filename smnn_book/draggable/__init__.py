"""Figures that a reader takes hold of, with mouse, finger or keyboard.

A figure is a kind, which is a script beside this file, and data for its first state.
The scripts draw: in the reader's browser when something is dragged, and at build time in a
JavaScript engine of its own, so that the first state is there without scripts.  What
they compute is compared with this package by tests that drive each figure in a browser.

In a live notebook a figure shows its first state, and says it in words.
"""

import json
import re
from contextlib import closing
from dataclasses import dataclass, field
from importlib.resources import files

from smnn_book.results import kept_results

__all__ = ["DraggableFigure", "first_state", "kept", "number", "row", "script"]

KINDS = (
    "corridor",
    "descent",
    "digit-pad",
    "field",
    "gate",
    "graph",
    "huffman",
    "jacobian",
    "loss",
    "mesa",
    "one-line",
    "pullback",
    "regions",
    "sigmoid",
    "softmax-machine",
    "spaces",
    "tiles",
    "trellis",
    "truncation",
    "valley",
)
KEPT = {"digit-pad": "digit_pad"}  # what a kind needs beside its script, by name of kept results

MIME_TYPE = "application/vnd.smnn.draggable+json"

# The colors of a drawing where there is no style sheet.
COLORS = {
    "class-1": "#e69f00",
    "class-2": "#56b4e9",
    "class-3": "#009e73",
    "class-1-text": "#956500",
    "class-2-text": "#357599",
    "class-3-text": "#007e5b",
    "series-1": "#3b018a",
    "series-2": "#7638bf",
    "series-3": "#b666eb",
    "series-1-text": "#3b018a",
    "series-2-text": "#7638bf",
    "series-3-text": "#9948cb",
    "ink": "#1f1d1a",
    "ink-soft": "#5d5850",
    "paper": "white",
    "panel": "#f6f4ee",
    "good": "#00704f",
    "rule": "#ddd8cd",
    "rule-strong": "#928b7e",
    "forward": "#00609a",
    "backward": "#ad4300",
}


@dataclass(frozen=True)
class DraggableFigure:
    """A figure that a notebook and the site can show.

    Parameters
    ----------
    name : str
        The name of the figure, unique in the book.
    kind : str
        The name of the script that draws it.
    alt : str
        What is to be seen, in words.
    text : str
        The readout of the first state, computed by this package.
    data : dict
        What the script starts from.
    """

    name: str
    kind: str
    alt: str
    text: str
    data: dict = field(repr=False)

    def _repr_mimebundle_(self, include=None, exclude=None):
        about = {"name": self.name, "kind": self.kind, "alt": self.alt, "data": self.data}
        drawing = drawing_for_notebooks(self.kind, self.data)
        return {
            MIME_TYPE: about,
            **({"image/svg+xml": drawing} if drawing else {}),
            "text/plain": str(self),
        }

    def __str__(self):
        return f"{self.alt}\n{self.text}"


def number(value, digits):
    """Write a number as the scripts do: with a minus sign, and no negative zero."""
    return format(value, f"z.{digits}f").replace("-", "−")


def row(values, digits):
    """Write a row of numbers as the scripts do."""
    return "(" + ", ".join(number(value, digits) for value in values) + ")"


def script(name):
    """Return the source of a script: ``"figures"``, or the kind of a figure."""
    return (files(__package__) / f"{name}.js").read_text(encoding="utf-8")


def kept(kind):
    """Return the kept results that a kind of figures computes with; None if it needs none."""
    return kept_results(KEPT[kind]) if kind in KEPT else None


def _draw(call, kind):
    """Return what a function of the scripts makes of a kind of figures."""
    from py_mini_racer import MiniRacer

    with closing(MiniRacer()) as engine:  # left open, it would hold Python when it ends
        engine.eval(script("figures"))
        engine.eval(f"globalThis.smnnFiguresKept = {json.dumps(kept(kind))}")
        engine.eval(script(kind))
        return engine.eval(f"smnnFigures.{call}")


def first_state(name, kind, data):
    """Return drawings, controls and readout of the first state, as HTML.

    Parameters
    ----------
    name : str
        The name of the figure.
    kind : str
        The name of its script.
    data : dict
        What the script starts from.

    Returns
    -------
    str
    """
    arguments = ", ".join(json.dumps(part) for part in (name, kind, data))
    return _draw(f"html({arguments})", kind)


def drawing_for_notebooks(kind, data):
    """Return the first state as SVG with colors of its own; nothing without an engine."""
    try:
        svg = _draw(f"svg({json.dumps(kind)}, {json.dumps(data)})", kind)
    except ImportError:
        return ""
    return re.sub(r"var\(--([a-z0-9-]+)\)", lambda match: COLORS[match[1]], svg)
