"""How a page introduces itself where it is linked: its card, its icon, its place in the site.

A card is the picture that a messenger shows beside a link.  It holds the title of the
page and softmax of the scores 1, 2, 3, computed by the package.  A card must be named by
its full address, so cards, `sitemap.xml` and `robots.txt` exist only where
`html.baseurl` in `_config.yml` says where the book is published.
"""

import posixpath
import re
import textwrap
from html import escape
from pathlib import Path

import vl_convert
from page_facts import number_of

from smnn import softmax

WIDTH, HEIGHT = 1200, 630
LOGO = Path(__file__).parents[1] / "assets" / "logo.svg"
CARDS = "_static/cards"
ICONS = "_static/icons"
ICON_SIZES = (32, 180)  # the tab of a browser; the home screen of a telephone
FONTS = "Charter, Cambria, Caladea, 'Noto Serif', 'Liberation Serif', serif"
PAPER, INK, SOFT = "#fefdfb", "#1f1d1a", "#5d5850"
TITLE_SIZES = {1: 96, 2: 88, 3: 80, 4: 66}  # by the number of lines


def mark():
    """Return the mark of the logo at large, in SVG, with softmax of 1, 2, 3 below its bars."""
    logo = re.search('<g id="mark">.*</g>', LOGO.read_text(encoding="utf-8"), re.DOTALL).group()
    drawing = logo.replace('stroke-width="1.500"', 'stroke-width="0.6"')  # as fine as letters
    numbers = "".join(
        f'<text x="995" y="{265 + 98 * k}" font-size="28" fill="{SOFT}">{prob:.3f}</text>'
        for k, prob in enumerate(softmax([1.0, 2.0, 3.0]))
    )
    return f'<g transform="translate(840 140) scale(10.3)">{drawing}</g>{numbers}'


def card_svg(above, title, below):
    """Return a card as SVG: a title on up to four lines, a line above and one at the foot."""
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
        f"{mark()}</svg>"
    )


def draw_icons(app):
    """Draw the logo in the sizes for those who cannot read SVG."""
    logo = LOGO.read_text(encoding="utf-8")
    folder = Path(app.outdir, ICONS)
    folder.mkdir(parents=True, exist_ok=True)
    for size in ICON_SIZES:
        (folder / f"icon-{size}.png").write_bytes(vl_convert.svg_to_png(logo, scale=size / 32))


def draw_cards(app):
    """Draw the card of every page."""
    folder = Path(app.outdir, CARDS)
    folder.mkdir(parents=True, exist_ok=True)
    for docname in sorted(app.env.found_docs):
        above, below = "", app.config.html_title
        if docname == app.config.root_doc:
            below = "A book of notebooks, and the package smnn"
        elif number := number_of(app.env, docname):
            above = f"Chapter {number}"
        svg = card_svg(above, app.env.titles[docname].astext(), below)
        (folder / f"{docname.replace('/', '-')}.png").write_bytes(vl_convert.svg_to_png(svg))


def list_pages(app):
    """Write `sitemap.xml`, and `robots.txt` that names it."""
    base, site = posixpath.join(app.config.html_baseurl, ""), Path(app.outdir)
    addresses = [base + app.builder.get_target_uri(name) for name in sorted(app.env.found_docs)]
    entries = "".join(f"<url><loc>{escape(address)}</loc></url>\n" for address in addresses)
    (site / "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</urlset>\n',
        encoding="utf-8",
    )
    (site / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {base}sitemap.xml\n")


def introduce_site(app):
    """Write the pictures and lists of the whole site."""
    draw_icons(app)
    if app.config.html_baseurl:
        draw_cards(app)
        list_pages(app)
