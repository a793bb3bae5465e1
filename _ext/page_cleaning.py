"""Send the reader nothing that no reader needs, written as the standard of HTML says.

This comes last, when the page is complete.  A chapter with much code loses nearly
half of its weight: Pygments marks every name, bracket and operator, and only some
of these marks have a color here.
"""

import re
from pathlib import Path
from urllib.parse import quote

from bs4 import BeautifulSoup

# The classes that the style of code knows.
STYLE_OF_CODE = Path(__file__).parents[1] / "assets" / "code.css"
COLORED = frozenset(re.findall(r"\.([a-z]\w*)", STYLE_OF_CODE.read_text(encoding="utf-8")))

# What an address may hold as it is; all else is written with percent signs.
MAY_STAND_IN_ADDRESSES = "!#$%&'()*+,-./:;=?@_~"


def drop_plain_spans(body):
    """Keep the marks in code that have a color, and no others."""
    for code in body.select(".highlight pre"):
        for part in code.select("span"):
            if not COLORED.intersection(part.get("class", [])):
                part.unwrap()


def drop_thebe(body):
    """Take out the settings of Thebe, which would run cells on a remote server."""
    for script in body.select("script"):
        if "thebe" in script.get("type", "") or "kernelName" in script.get_text():
            script.decompose()


def level_titles(body):
    """Let the title of a page stand outside of sections, where it is the first level."""
    for title in body.select("section > h1"):
        title.parent.name = "div"


def encode_addresses(body):
    """Write with percent signs what may not stand in an address, such as the < of old DOIs."""
    for link in body.select("a[href]"):
        link["href"] = quote(link["href"], safe=MAY_STAND_IN_ADDRESSES)


CLEANERS = (drop_plain_spans, drop_thebe, level_titles, encode_addresses)


def clean_page(app, pagename, templatename, context, doctree):
    """Clean the body of a page."""
    if "body" not in context:
        return
    body = BeautifulSoup(context["body"], "html.parser")
    for clean in CLEANERS:
        clean(body)
    context["body"] = str(body)


def setup(app):
    """Connect to Sphinx, after all that works on the text of a page."""
    app.connect("html-page-context", clean_page, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
