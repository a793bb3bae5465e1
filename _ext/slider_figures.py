"""Put figures with sliders on a page.

A cell that returns a figure of `smnn_book.explorers` gives a chart in Vega-Lite.
Here it becomes a group of labeled sliders, a drawing and the readout, which is plain
text and says the same without any script.

The first state is drawn here, as SVG, once for the column of text and once for a phone:
it is there without scripts, on paper, and before anything is loaded.  At the first touch
of a slider `interactive.js` loads Vega, which draws from then on.

The chart loses what only a live notebook needs (its own sliders, the readout as
a title) and takes its colors from the style sheet, so that it follows the
reader's choice of light or dark without being drawn again.
"""

import json
import re
from functools import cache
from html import escape

import vl_convert
from docutils import nodes
from kernel_pictures import with_short_numbers
from myst_nb.core import render

from smnn_book import sliders

MARK = 'class="interactive"'

COLUMN, PHONE = 608, 340  # pixels; narrower windows scale the drawing for phones
MANY = 300_000  # bytes; a drawing with more is made once, and is scaled on a phone

# Attributes of Vega's drawings that do nothing in a page.
OF_NO_USE = ("aria-[a-z]+", "role", "pointer-events", "class", "xmlns(?::xlink)?", "version")

# Areas and lines of a class; words of a class need more contrast.
SHADES = {
    **{color: f"var(--class-{k})" for k, color in enumerate(sliders.CLASS_COLORS, start=1)},
    sliders.FORWARD: "var(--forward)",
    sliders.BACKWARD: "var(--backward)",
}
WORD_SHADES = {
    **SHADES,
    **{color: f"var(--class-{k}-text)" for k, color in enumerate(sliders.CLASS_COLORS, start=1)},
}

CONFIG = {
    "background": "transparent",
    "aria": False,
    "view": {"stroke": None},
    "text": {"fill": "var(--ink)"},
    "rule": {"color": "var(--ink-soft)"},
    "axis": {
        "grid": False,
        "labelColor": "var(--ink)",
        "titleColor": "var(--ink-soft)",
        "titleFontWeight": "normal",
        "labelFontSize": 13,
        "labelPadding": 6,
        "labelSeparation": 8,
        "titleFontSize": 13,
        "domainColor": "var(--rule-strong)",
        "tickColor": "var(--rule-strong)",
        "gridColor": "var(--rule)",
    },
}


def with_shades(value, shades=SHADES):
    """Return a part of a chart with the style sheet's names for the package's colors."""
    if isinstance(value, dict):
        if "type" in value:
            value, shades = legible(value), WORD_SHADES if value["type"] == "text" else SHADES
        return {key: with_shades(part, shades) for key, part in value.items()}
    if isinstance(value, list):
        return [with_shades(part, shades) for part in value]
    return shades.get(value, value) if isinstance(value, str) else value


def legible(mark):
    """Return a mark that stands out on any ground: full lines, dots with a rim."""
    if mark["type"] in ("line", "rule"):
        return {key: part for key, part in mark.items() if key != "opacity"}
    if mark["type"] == "point" and mark.get("filled") and "color" not in mark:
        return {"stroke": "var(--ink-soft)", "strokeWidth": 1, **mark}
    return mark


def for_the_site(spec):
    """Return the chart as the site's script draws it."""
    chart = {key: part for key, part in spec.items() if key not in ("$schema", "title", "usermeta")}
    chart["params"] = [
        {key: part for key, part in param.items() if key != "bind"} for param in spec["params"]
    ]
    return {**with_shades(chart), "width": "container", "config": CONFIG}


@cache
def drawing(chart, width):
    """Return the first state of a chart as SVG.

    Parameters
    ----------
    chart : str
        The chart as the site's script draws it, in JSON.
    width : int
        Its width in pixels, labels of axes and all.

    Returns
    -------
    str
    """
    spec = json.loads(chart)
    spec["width"], spec["autosize"] = width, {"type": "fit-x", "contains": "padding"}
    svg = vl_convert.vegalite_to_svg(spec)
    svg = re.sub(r'<path class="background"[^>]*/>', "", svg)
    svg = re.sub(rf' ({"|".join(OF_NO_USE)})="[^"]*"', "", svg)
    svg = re.sub(r' (stroke-miterlimit="10"|opacity="1"|transform="translate\(0,0\)")', "", svg)
    svg = with_short_numbers(svg)
    while (lighter := re.sub(r"<g>\s*</g>", "", svg)) != svg:
        svg = lighter
    return svg.replace("<svg", '<svg focusable="false"', 1)


def drawings(chart):
    """Return the first state for the column of text and for a phone, in that order."""
    wide = drawing(chart, COLUMN)
    if len(wide) > MANY:
        return wide
    both = {"wide": wide, "narrow": drawing(chart, PHONE)}
    return "".join(svg.replace("<svg", f'<svg class="{name}"', 1) for name, svg in both.items())


def decimals(step):
    """Return how many decimals a slider with this step shows.

    Examples
    --------
    >>> decimals(0.1), decimals(1)
    (1, 0)
    """
    return len(f"{step:g}".partition(".")[2])


def slider_html(name, param):
    """Return a slider with its label and its value."""
    bind = param["bind"]
    identity = f"{name}-{param['name']}"
    digits = decimals(bind["step"])
    value = f"{param['value']:.{digits}f}".replace("-", "−")
    limits = f'min="{bind["min"]:g}" max="{bind["max"]:g}" step="{bind["step"]:g}"'
    return (
        f'<div class="interactive-slider"><label for="{identity}">{escape(bind["name"])}</label>'
        f'<span class="interactive-value" aria-hidden="true">{value}</span>'
        f'<input id="{identity}" type="range" name="{param["name"]}" {limits}'
        f' value="{param["value"]:g}" data-digits="{digits}" autocomplete="off"></div>'
    )


def figure_html(spec):
    """Return a figure as HTML.

    Parameters
    ----------
    spec : dict
        The chart in Vega-Lite, with `name` and `readout` in its `usermeta`.

    Returns
    -------
    str
    """
    name, readout = spec["usermeta"]["name"], spec["usermeta"]["readout"]
    sliders = [slider_html(name, param) for param in spec["params"] if "bind" in param]
    # a closing tag inside the data would end the element that holds it
    chart = json.dumps(for_the_site(spec), ensure_ascii=False).replace("</", "<\\/")
    return "\n".join(
        [
            f'<div {MARK} id="interactive-{name}" role="group"'
            f' aria-label="{escape(spec["description"])}">',
            f'<div class="interactive-sliders">{"".join(sliders)}</div>',
            f'<div class="interactive-drawing" aria-hidden="true">{drawings(chart)}</div>',
            f'<p class="interactive-readout" role="status">{escape(readout)}</p>',
            f'<script type="application/json">{chart}</script>',
            "</div>",
        ]
    )


class FigureRenderer:
    """What MyST-NB asks when it meets a chart among the outputs of a cell."""

    mime_priority_overrides = (("*", sliders.MIME_TYPE, 1),)

    @staticmethod
    def handle_mime(renderer, data, inline):
        """Return the figure as raw HTML; leave every other output alone."""
        if inline or data.mime_type != sliders.MIME_TYPE:
            return None
        return [nodes.raw("", figure_html(data.content), format="html")]


def load_on_pages_with_figures(app, pagename, templatename, context, doctree):
    """Let only those pages load the script that have something to draw."""
    if MARK in context.get("body", ""):
        app.add_js_file("interactive.js", defer="defer")


def setup(app):
    """Connect to Sphinx and to MyST-NB, which knows other renderers by entry points only."""
    found = render.load_mime_renders()
    render.load_mime_renders = lambda: [FigureRenderer, *found]
    app.connect("html-page-context", load_on_pages_with_figures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
