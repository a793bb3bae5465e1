"""How a page introduces itself where it is linked: its card, its icon, its place in the site.

A card is the picture that a messenger shows beside a link.  It holds the title of the
page and softmax of the scores 1, 2, 3, computed by the package.  A card must be named by
its full address, so cards, `sitemap.xml` and `robots.txt` exist only where
`html.baseurl` in `_config.yml` says where the book is published.
"""

import posixpath
import textwrap
from html import escape
from pathlib import Path

import vl_convert

from smnn import softmax

WIDTH, HEIGHT = 1200, 630
CARDS = "_static/cards"
ICONS = "_static/icons"
ICON_SIZES = (32, 180)  # the tab of a browser; the home screen of a telephone
FONTS = "Charter, Cambria, Caladea, 'Noto Serif', 'Liberation Serif', serif"
PAPER, INK, SOFT = "#fefdfb", "#1f1d1a", "#5d5850"
NEURON, BARS = "#0072b2", ("#e69f00", "#56b4e9", "#009e73")
TITLE_SIZES = {1: 96, 2: 88, 3: 80, 4: 66}  # by the number of lines

# What no source stands behind, and so no author describes.
DESCRIPTIONS = {
    "404": "There is no page of this address in From One Neuron to Softmax; the cover, the search "
    "and the index lead on.",
    "genindex": "The index of From One Neuron to Softmax: every term and function, "
    "with links to where they are explained.",
    "search": "Search the chapters, the glossary and the reference of From One Neuron to Softmax. "
    "The search runs in your browser.",
}


def neuron_drawing(left, top, width):
    """Return the logo at large, in SVG: a neuron, and bars as long as softmax of 1, 2, 3."""
    probs = softmax([1.0, 2.0, 3.0])
    radius, gap, thick = 0.13 * width, 0.38 * width, 0.15 * width
    start, reach = left + 0.36 * width, 0.64 * width / probs.max()
    middle = top + gap + thick / 2
    lines, bars = [], []
    for k, (prob, color) in enumerate(zip(probs, BARS, strict=True)):
        y = top + k * gap
        center = y + thick / 2
        lines.append(f"M{left + radius:.1f} {middle:.1f}L{start:.1f} {center:.1f}")
        bars.append(
            f'<rect x="{start:.1f}" y="{y:.1f}" width="{reach * prob:.1f}" height="{thick:.1f}"'
            f' rx="5" fill="{color}"/>'
            f'<text x="{start:.1f}" y="{y + thick + 32:.1f}" font-size="28" fill="{SOFT}">'
            f"{prob:.3f}</text>"
        )
    return (
        f'<path d="{"".join(lines)}" stroke="#8b857a" stroke-width="6"/>'
        f'<circle cx="{left + radius:.1f}" cy="{middle:.1f}" r="{radius:.1f}" fill="{NEURON}"/>'
        + "".join(bars)
    )


def card_svg(above, title, below):
    """Return a card as SVG.

    Parameters
    ----------
    above : str
        A short line over the title, such as the number of the chapter.
    title : str
        The title, set large, on up to four lines.
    below : str
        A line at the foot of the card.
    """
    lines = textwrap.wrap(title, width=17)[:4]
    size = TITLE_SIZES[len(lines)]
    first = HEIGHT / 2 - (len(lines) - 1) * 0.58 * size + 0.3 * size
    texts = [
        f'<text x="80" y="{first + k * 1.16 * size:.1f}" font-size="{size}" font-weight="bold"'
        f' fill="{INK}">{escape(line)}</text>'
        for k, line in enumerate(lines)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
        f' font-family="{FONTS}"><rect width="100%" height="100%" fill="{PAPER}"/>'
        f'<text x="80" y="100" font-size="34" fill="{SOFT}">{escape(above)}</text>'
        f"{''.join(texts)}"
        f'<text x="80" y="{HEIGHT - 64}" font-size="34" fill="{SOFT}">{escape(below)}</text>'
        f"{neuron_drawing(875, 170, 265)}</svg>"
    )


def card_name(pagename):
    """Return the file name of the card of a page."""
    return pagename.replace("/", "-") + ".png"


def base_address(app):
    """Return the address at which the site is published, with a slash at its end, or nothing."""
    base = app.config.html_baseurl or ""
    return base if not base or base.endswith("/") else base + "/"


def describe_page(app, pagename, templatename, context, doctree):
    """Add to the context what the head of the page says."""
    context["page_description"] = DESCRIPTIONS.get(pagename, context.get("page_description"))
    base = base_address(app)
    if base and doctree is not None:
        context["card_address"] = posixpath.join(base, CARDS, card_name(pagename))


def draw_icons(app):
    """Draw the logo in the sizes for those who cannot read SVG."""
    logo = (Path(app.srcdir) / "assets" / "logo.svg").read_text(encoding="utf-8")
    folder = Path(app.outdir) / ICONS
    folder.mkdir(parents=True, exist_ok=True)
    for size in ICON_SIZES:
        (folder / f"icon-{size}.png").write_bytes(vl_convert.svg_to_png(logo, scale=size / 32))


def draw_cards(app):
    """Draw the card of every page."""
    folder = Path(app.outdir) / CARDS
    folder.mkdir(parents=True, exist_ok=True)
    book = app.config.html_title
    for docname in sorted(app.env.found_docs):
        title, above, below = app.env.titles[docname].astext(), "", book
        number = app.env.toc_secnumbers.get(docname, {}).get("")
        if docname == app.config.root_doc:
            below = "A book of notebooks, and the package smnn"
        elif number:
            above = f"Chapter {'.'.join(map(str, number))}"
        png = vl_convert.svg_to_png(card_svg(above, title, below))
        (folder / card_name(docname)).write_bytes(png)


def list_pages(app, base):
    """Write `sitemap.xml`, and `robots.txt` that names it."""
    addresses = [base + app.builder.get_target_uri(name) for name in sorted(app.env.found_docs)]
    entries = "".join(f"<url><loc>{escape(address)}</loc></url>\n" for address in addresses)
    site = Path(app.outdir)
    (site / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n',
        encoding="utf-8",
    )
    (site / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {base}sitemap.xml\n")


def introduce_site(app, exception):
    """Write the pictures and lists of the whole site."""
    if exception or app.builder.format != "html":
        return
    draw_icons(app)
    if base := base_address(app):
        draw_cards(app)
        list_pages(app, base)


def setup(app):
    """Connect to Sphinx, after the frame has been made."""
    app.connect("html-page-context", describe_page, priority=915)
    app.connect("build-finished", introduce_site, priority=910)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
