"""Parse the body of each page once: all that mend it change the same tree.

A page has ten times as many elements inside of drawings and formulas as outside.  So these are
held back as they are, with a mark in their place, until the page is mended.  Of the rest, most
are marks in code: Pygments marks every name, bracket and operator, and only some of these marks
have a color here.  The others go, which takes nearly half of its weight from a chapter with much
code.
"""

import re
from pathlib import Path

from bs4 import BeautifulSoup

# No drawing and no formula holds another.
HEAVY = re.compile(r"<svg\b.*?</svg>|<math\b.*?</math>", re.DOTALL)
MARK = re.compile(r'<held-part number="(\d+)"></held-part>')

# The classes that the style of code knows.
STYLE_OF_CODE = Path(__file__).parents[1] / "assets" / "code.css"
COLORED = frozenset(re.findall(r"\.([a-z]\w*)", STYLE_OF_CODE.read_text(encoding="utf-8")))
CODE = re.compile(r'(?<=<div class="highlight">)<pre>.*?</pre>', re.DOTALL)
SPAN = re.compile(r'(<span(?: class="[^"]*")?>|</span>)')


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


def is_colored(span):
    """Tell whether a class of an opening ``<span class="…">`` has a color."""
    classes = re.search(r'class="([^"]*)"', span)
    return classes is not None and not COLORED.isdisjoint(classes[1].split())


def drop_plain_spans(html):
    """Keep the marks in code that have a color, and no others.

    Examples
    --------
    >>> drop_plain_spans('<div class="highlight"><pre><span class="n">x</span></pre></div>')
    '<div class="highlight"><pre>x</pre></div>'
    """

    def thin(code):
        kept, opened = [], []
        for piece in SPAN.split(code.group()):
            keep = True
            if piece.startswith("<span"):
                keep = is_colored(piece)
                opened.append(keep)
            elif piece == "</span>":
                keep = opened.pop()
            if keep:
                kept.append(piece)
        return "".join(kept)

    return CODE.sub(thin, html)


def lighten(app, pagename, templatename, context, doctree):
    """Take the heavy parts and the plain marks out of the body of a page."""
    if "body" in context:
        html, context["held_parts"] = hold(context["body"])
        context["body"] = drop_plain_spans(html)


def body_of(context):
    """Return the parsed body of a page, which is written when all have changed it in place."""
    if "parsed_body" not in context:
        context["parsed_body"] = BeautifulSoup(context["body"], "html.parser")
    return context["parsed_body"]


def write_body(app, pagename, templatename, context, doctree):
    """Write the body, and put the heavy parts back."""
    if "parsed_body" in context:
        context["body"] = str(context.pop("parsed_body"))
    if "held_parts" in context:
        context["body"] = give_back(context["body"], context.pop("held_parts"))


def setup(app):
    """Connect to Sphinx, around all that works on the body of a page."""
    app.connect("html-page-context", lighten, priority=400)
    app.connect("html-page-context", write_body, priority=960)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
