"""Put figures with sliders on a page.

A cell that returns a figure of `smnn_book.explorers` gives a chart in Vega-Lite.
Here it becomes a group of labeled sliders, a place for the drawing and the
readout, which is plain text and says the same without any script.  The script
`interactive.js` draws the chart with Vega when the figure comes near the window.

The chart loses what only a live notebook needs (its own sliders, the readout as
a title) and takes its colors from the style sheet, so that it follows the
reader's choice of light or dark without being drawn again.
"""

import json
from html import escape

from docutils import nodes
from myst_nb.core import render

from smnn_book import sliders

MARK = 'class="interactive"'

SHADES = {
    **{color: f"var(--class-{k})" for k, color in enumerate(sliders.CLASS_COLORS, start=1)},
    sliders.FORWARD: "var(--forward)",
    sliders.BACKWARD: "var(--backward)",
}

CONFIG = {
    "background": "transparent",
    "aria": False,
    "view": {"stroke": None},
    "text": {"fill": "var(--ink)"},
    "axis": {
        "grid": False,
        "labelColor": "var(--ink)",
        "titleColor": "var(--ink-soft)",
        "titleFontWeight": "normal",
        "labelFontSize": 13,
        "labelPadding": 6,
        "titleFontSize": 13,
        "domainColor": "var(--rule-strong)",
        "tickColor": "var(--rule-strong)",
        "gridColor": "var(--rule)",
    },
}


def with_shades(value):
    """Return a part of a chart with the style sheet's names for the package's colors."""
    if isinstance(value, dict):
        return {key: with_shades(part) for key, part in value.items()}
    if isinstance(value, list):
        return [with_shades(part) for part in value]
    return SHADES.get(value, value) if isinstance(value, str) else value


def for_the_site(spec):
    """Return the chart as the site's script draws it."""
    chart = {key: part for key, part in spec.items() if key not in ("$schema", "title", "usermeta")}
    chart["params"] = [
        {key: part for key, part in param.items() if key != "bind"} for param in spec["params"]
    ]
    return {**with_shades(chart), "width": "container", "config": CONFIG}


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
    height = spec.get("height", 200) + 50
    return "\n".join(
        [
            f'<div {MARK} id="interactive-{name}" role="group"'
            f' aria-label="{escape(spec["description"])}">',
            f'<div class="interactive-sliders">{"".join(sliders)}</div>',
            '<div class="interactive-drawing" aria-hidden="true"'
            f' style="min-height: {height}px"></div>',
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
