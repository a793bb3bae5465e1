"""Put the pictures of cells on a page as SVG in the colors of the page.

Kernels of the build give each figure in two drawings (`kernel_pictures.py`).  Here the
colors of `smnn.plot` become those of the style sheet, so that a picture is right in light
and in dark and needs no filter; the words take the page's font and can be selected.
"""

import hashlib
import re
from html import escape
from pathlib import Path

from docutils import nodes
from kernel_pictures import MIME_TYPE, with_short_numbers

from smnn import plot

SMALLEST = 11  # pixels of a letter at any width of the window
COLUMN = 608  # pixels of the column of text
USUAL = 1.4  # pixels for a point where there is room

STARTUP = Path(__file__).with_name("kernel_startup.py")

COLORS_OF = (("class", plot.CLASS_COLORS[:7]), ("series", plot.SERIES_COLORS))
SHADES = {
    **{c: f"var(--{kind}-{k})" for kind, colors in COLORS_OF for k, c in enumerate(colors, 1)},
    plot.CLASS_COLORS[7]: "var(--rule-strong)",
    plot.INK: "var(--ink-soft)",
    plot.FORWARD: "var(--forward)",
    plot.BACKWARD: "var(--backward)",
}
# Words in the color of a mark have been made readable, or are made so here.
WORD_SHADES = {
    **SHADES,
    **{
        shade: f"var(--{kind}-{k}-text)"
        for kind, colors in COLORS_OF
        for k, color in enumerate(colors, start=1)
        for shade in (color, plot.readable(color))
    },
    plot.readable(plot.FORWARD): "var(--forward)",
    plot.readable(plot.BACKWARD): "var(--backward)",
    plot.INK: "var(--ink)",
}
STYLE = re.compile(r'style="[^"]*"')
WIDTH = re.compile(r"stroke-width: ([\d.]+)")
OPACITY = re.compile(r"(stroke-opacity|fill-opacity): ([\d.]+)")
COLOR = re.compile(r"#[0-9a-f]{6}\b")
FONT = re.compile(r"(font-family: |font: (?:[a-z]+ |\d00 )*[\d.]+px )([^;\"]*)")
SIZE = re.compile(r"font(?:-size)?: [^;\"]*?([\d.]+)px")


def shaded(svg):
    """Return a drawing in the names of colors that the style sheet has.

    Examples
    --------
    >>> shaded('<path style="fill: #e69f00"/><text style="fill: #e69f00">a</text>')
    '<path style="fill: var(--class-1)"/><text style="fill: var(--class-1-text)">a</text>'
    """
    parts = re.split(r"(<text.*?</text>)", svg, flags=re.DOTALL)
    named = (SHADES, WORD_SHADES)
    return "".join(
        COLOR.sub(lambda match, names=named[k % 2]: names.get(match.group(), match.group()), part)
        for k, part in enumerate(parts)
    )


def firm(svg):
    """Return a drawing whose marks stand out even where they are half transparent.

    Thin lines are those of a grid, and stay faint; so does the ground of a region.

    Examples
    --------
    >>> firm('<path style="stroke: var(--a); stroke-opacity: 0.5; stroke-width: 6"/>')
    '<path style="stroke: var(--a); stroke-opacity: 0.8; stroke-width: 6"/>'
    """

    def firmer(style):
        width = WIDTH.search(style.group())
        if "stroke: var(" not in style.group() or (width and float(width[1]) < 0.8):
            return style.group()
        least = "1" if "fill: var(" in style.group() else "0.8"  # a dot, or a line
        return OPACITY.sub(lambda m: f"{m[1]}: {max(m[2], least, key=float)}", style.group())

    return STYLE.sub(firmer, svg)


def in_page_fonts(svg):
    r"""Return a drawing whose words are in the fonts of the page.

    Examples
    --------
    >>> in_page_fonts("<text style=\"font-size: 9px; font-family: 'DejaVu Sans', serif\">a</text>")
    '<text style="font-size: 9px; font-family: var(--sans)">a</text>'
    """

    def in_page_font(match):
        is_serif = "Serif" in match[2].partition(",")[0]
        return match[1] + ("var(--serif)" if is_serif else "var(--sans)")

    return FONT.sub(in_page_font, svg)


def smallest_letters(svg):
    """Return the size of the smallest words of a drawing, in its own units.

    Indices and exponents do not count; what they belong to does.
    """
    words = re.findall(r"<text.*?</text>", svg, flags=re.DOTALL)
    return min((max(map(float, SIZE.findall(word)), default=10.0) for word in words), default=None)


def own_names(svg):
    """Return a drawing whose ids are its own on any page."""
    name = "p" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"', svg)
    svg = re.sub(r'href="#([^"]*)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]*)\)", rf"url(#{name}-\1)", svg)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]*)', svg))
    return re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", svg)


def drawing(svg, kind):
    """Return a drawing as it stands on a page, no smaller than its words allow."""
    svg = svg[svg.index("<svg") :]
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r"<!--.*?-->|<(metadata|style)\b.*?</\1>", "", svg, flags=re.DOTALL)
    svg = with_short_numbers(svg)
    svg = re.sub(r"\s*\n\s*", " ", svg).replace("> <", "><").replace("<defs></defs>", "")
    svg = own_names(in_page_fonts(firm(shaded(svg))))
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups())
    letters = smallest_letters(svg)
    least = SMALLEST / letters if letters else 0
    usual = max(USUAL, least)
    size = f"width: {width * usual:.0f}px; min-width: {width * least:.0f}px"
    head = f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" style="{size}">'
    return head + svg[svg.index(">") + 1 :]


def picture_html(drawings, alt):
    """Return a picture with its words for those who do not see it."""
    kinds = ("wide", "narrow") if drawings["narrow"] else ("wide",)
    only = "" if drawings["narrow"] else " only"
    shown = "".join(drawing(drawings[kind], kind + only) for kind in kinds)
    is_broad = re.search(r'class="wide[^"]*" [^>]*width: (\d+)px', shown)
    classes = "picture beyond" if is_broad and int(is_broad.group(1)) > COLUMN else "picture"
    return f'<div class="{classes}" role="img" aria-label="{escape(alt)}">{shown}</div>'


class PictureRenderer:
    """What MyST-NB asks when it meets such a picture among the outputs of a cell."""

    mime_priority_overrides = (("*", MIME_TYPE, 1),)

    @staticmethod
    def handle_mime(renderer, data, inline):
        """Return the picture as raw HTML; leave every other output alone."""
        if inline or data.mime_type != MIME_TYPE:
            return None
        options = renderer.renderer.get_cell_level_config(
            "render_image_options", data.cell_metadata, line=data.line
        )
        html = picture_html(data.content, options.get("alt", ""))
        return [nodes.raw("", html, format="html")]
