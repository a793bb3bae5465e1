"""Send the reader nothing that no reader needs, written as the standard of HTML says.

This comes last, when the page is complete.
"""

from urllib.parse import quote

from page_body import body_of

# What an address may hold as it is; all else is written with percent signs.
MAY_STAND_IN_ADDRESSES = "!#$%&'()*+,-./:;=?@_~"


def level_titles(body):
    """Let the title of a page stand outside of sections, where it is the first level."""
    for title in body.select("section > h1"):
        title.parent.name = "div"


def encode_addresses(body):
    """Write with percent signs what may not stand in an address, such as the < of old DOIs."""
    for link in body.select("a[href]"):
        link["href"] = quote(link["href"], safe=MAY_STAND_IN_ADDRESSES)


CLEANERS = (level_titles, encode_addresses)


def clean_page(app, pagename, templatename, context, doctree):
    """Clean the body of a page."""
    if "body" in context:
        for clean in CLEANERS:
            clean(body_of(context))


def setup(app):
    """Connect to Sphinx, after all that works on the text of a page."""
    app.connect("html-page-context", clean_page, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
