"""Make the body of a page light, before it is parsed and mended.

A page has ten times as many elements inside of drawings and formulas as outside.  So these are
held back as they are, with a mark in their place, until the page is mended.  Of the rest, most
are marks in code: Pygments marks every name, bracket and operator, and only some of these marks
have a color here.  The others go, which takes nearly half of its weight from a chapter with much
code.
"""

import re
from itertools import count
from pathlib import Path

# No drawing and no formula holds another.
HEAVY = re.compile(r"<svg\b.*?</svg>|<math\b.*?</math>", re.DOTALL)
MARK = re.compile(r'<held-part number="(\d+)"></held-part>')

# The classes that the style of code knows.
STYLE_OF_CODE = Path(__file__).parents[1] / "assets" / "code.css"
COLORED = frozenset(re.findall(r"\.([a-z]\w*)", STYLE_OF_CODE.read_text(encoding="utf-8")))
CODE = re.compile(r'(?<=<div class="highlight">)<pre>.*?</pre>', re.DOTALL)
SPAN = re.compile(r'<span(?: class="([^"]*)")?>|</span>')


def hold(html):
    """Return a page with marks in the place of its heavy parts, and the parts.

    Examples
    --------
    >>> hold("<p>See <math><mi>x</mi></math>.</p>")
    ('<p>See <held-part number="0"></held-part>.</p>', ['<math><mi>x</mi></math>'])
    """
    numbers = count()
    held = HEAVY.sub(lambda _: f'<held-part number="{next(numbers)}"></held-part>', html)
    return held, HEAVY.findall(html)


def give_back(html, parts):
    """Return a page with its heavy parts in their places; the inverse of `hold`."""
    return MARK.sub(lambda match: parts[int(match[1])], html)


def drop_plain_spans(html):
    """Keep the marks in code that have a color, and no others.

    Examples
    --------
    >>> drop_plain_spans('<div class="highlight"><pre><span class="n">x</span></pre></div>')
    '<div class="highlight"><pre>x</pre></div>'
    """
    stays = []  # for each mark that is open

    def thin(tag):
        if tag[0] == "</span>":
            return tag[0] * stays.pop()
        stays.append(not COLORED.isdisjoint((tag[1] or "").split()))
        return tag[0] * stays[-1]

    return CODE.sub(lambda code: SPAN.sub(thin, code[0]), html)
