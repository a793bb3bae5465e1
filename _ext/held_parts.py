"""Spare the extensions that mend a page its drawings and formulas.

Each of them parses the page, and a page has ten times as many elements inside of drawings and
formulas as outside.  So these are held back as they are, with a mark in their place, from
before the page is mended until it is clean.
"""

import re

HEAVY = re.compile(r"<svg\b.*?</svg>|<math\b.*?</math>", re.DOTALL)
MARK = re.compile(r'<held-part number="(\d+)"></held-part>')


def hold(html):
    """Return a page with marks in the place of its heavy parts, and the parts.

    Examples
    --------
    >>> hold("<p>See <math><mi>x</mi></math>.</p>")
    ('<p>See <held-part number="0"></held-part>.</p>', ['<math><mi>x</mi></math>'])
    """
    parts = []

    def mark(match):
        parts.append(match.group())
        return f'<held-part number="{len(parts) - 1}"></held-part>'

    return HEAVY.sub(mark, html), parts


def give_back(html, parts):
    """Return a page with its heavy parts in their places; the inverse of `hold`."""
    return MARK.sub(lambda match: parts[int(match.group(1))], html)


def hold_parts(app, pagename, templatename, context, doctree):
    """Take the heavy parts out of the body of a page."""
    if "body" in context:
        context["body"], context["held_parts"] = hold(context["body"])


def give_parts_back(app, pagename, templatename, context, doctree):
    """Put the heavy parts back."""
    if "held_parts" in context:
        context["body"] = give_back(context["body"], context.pop("held_parts"))


def setup(app):
    """Connect to Sphinx, around all that works on the text of a page."""
    app.connect("html-page-context", hold_parts, priority=400)
    app.connect("html-page-context", give_parts_back, priority=960)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
