"""The chapters as thumbnails of their first figures.

The directive ``chapter-thumbnails`` puts a link for each numbered chapter on a page, with
a small picture of the figure that the chapter begins with.  The pictures are made from the built
pages, in the colors of each theme, and lie side by side in one file for each.
"""

import io
import re
from pathlib import Path

import vl_convert
from docutils import nodes
from page_facts import number_of, pages_in_order
from PIL import Image

SIZE = (288, 180)  # of one picture, in pixels
QUALITY = 35
FIRST_DRAWING = re.compile(
    r'<div [^>]*class="(?:picture[^"]*|draggable-drawing)"[^>]*>\s*(<svg.*?</svg>)', re.DOTALL
)
HANDLE = re.compile(r'<g class="handle".*?</g>', re.DOTALL)  # needs the style sheet
VARIABLE = re.compile(r"(--[a-z0-9-]+): (#[0-9a-f]{3,6});")
STYLES = "assets/book.css"


def chapters(env):
    """Return the numbered chapters in the order of the book, with their numbers."""
    pages = pages_in_order(env, env.config.root_doc)
    return {docname: number for docname in pages if (number := number_of(env, docname))}


def links(app, docname):
    """Return links to the chapters; which picture is whose is their order."""
    numbers, items = chapters(app.env), []
    for order, (chapter, number) in enumerate(numbers.items()):
        down = 100 * order / max(1, len(numbers) - 1)  # per cent of the strip
        items.append(
            f'<li><a href="{app.builder.get_relative_uri(docname, chapter)}"'
            f' style="--place: {down:.2f}%"><span class="thumbnail"></span>'
            f"{number}. {app.env.titles[chapter].astext()}</a></li>"
        )
    return nodes.raw("", f'<ol class="thumbnails">{"".join(items)}</ol>', format="html")


def shades(css):
    """Return the colors of the style sheet for each theme, by their names.

    Examples
    --------
    >>> shades(':root { --ink: #111; } :root[data-theme="dark"] { --ink: #eee; }')["dark"]
    {'--ink': '#eee'}
    """
    light, _, dark = css.partition('[data-theme="dark"]')
    light = dict(VARIABLE.findall(light))
    return {"light": light, "dark": {**light, **dict(VARIABLE.findall(dark.partition("}")[0]))}}


def first_drawing(html):
    """Return the first drawing of a page as SVG; an empty one if the page has none."""
    found = FIRST_DRAWING.search(html)
    svg = found.group(1) if found else '<svg viewBox="0 0 8 5"></svg>'
    svg = HANDLE.sub("", svg)
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return svg.replace("<svg", f"<svg {names}", 1) if "xmlns=" not in svg[:400] else svg


def small_picture(svg, colors):
    """Return a drawing in these colors, as large as fits into a thumbnail."""
    svg = re.sub(r"var\(--(?:sans|serif)\)", "sans-serif", svg)
    named = re.sub(r"var\((--[a-z0-9-]+)\)", lambda match: colors.get(match[1], "none"), svg)
    picture = Image.open(io.BytesIO(vl_convert.svg_to_png(named, scale=1)))
    picture.thumbnail(SIZE)
    place = Image.new("RGB", SIZE, colors["--paper"])  # what is clear would weigh more
    corner = tuple((a - b) // 2 for a, b in zip(SIZE, picture.size, strict=True))
    place.paste(picture, corner, picture.convert("RGBA"))
    return place


def write_pictures(app):
    """Write the pictures of all chapters, one file for each theme."""
    pages = [Path(app.outdir, app.builder.get_target_uri(name)) for name in chapters(app.env)]
    drawings = [first_drawing(page.read_text(encoding="utf-8")) for page in pages]
    css = Path(app.srcdir, STYLES).read_text(encoding="utf-8")
    for theme, colors in shades(css).items() if drawings else ():
        strip = Image.new("RGB", (SIZE[0], SIZE[1] * len(drawings)))
        for k, svg in enumerate(drawings):
            strip.paste(small_picture(svg, colors), (0, SIZE[1] * k))
        strip.save(Path(app.outdir, "_static", f"chapters-{theme}.webp"), quality=QUALITY)
