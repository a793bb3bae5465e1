"""Let a link tell what is behind it before it is followed.

Links to equations, figures and exercises of the same page are previewed by the
page's script, which has them at hand.  A link to a term, to a source or to a name of
the package leads to another page, so its text is put on the link here, when the page
is built, with its formulas.
"""

import re
from functools import cache
from html import escape

from api_reference import entries
from docutils import nodes
from formulas import typeset
from page_markup import add_class


def as_html(part):
    """Return a part of a page as a line of HTML: words, code, emphasis and formulas."""
    if isinstance(part, nodes.Text):
        return escape(" ".join(re.split(r"\s+", part.astext())), quote=False)
    if isinstance(part, nodes.math):
        return typeset(part.astext())
    if isinstance(part, nodes.literal):
        return f'<code class="literal">{escape(part.astext())}</code>'
    inside = "".join(map(as_html, part.children))
    if isinstance(part, nodes.emphasis | nodes.strong):
        tag = "em" if isinstance(part, nodes.emphasis) else "strong"
        return f"<{tag}>{inside}</{tag}>"
    return inside + " " if isinstance(part, nodes.paragraph) else inside


def definitions(env):
    """Return the definitions of all terms of the glossary by their anchors."""
    places = {
        docname for (kind, _), (docname, _) in env.domains["std"].objects.items() if kind == "term"
    }
    return {
        anchor: as_html(next(item.findall(nodes.definition))).strip()
        for docname in places
        for item in env.get_doctree(docname).findall(nodes.definition_list_item)
        for term in item.findall(nodes.term)
        for anchor in term["ids"]
    }


def summaries(env):
    """Return the first lines of all entries of the reference by their anchors."""
    return {
        anchor: as_html(nodes.paragraph("", "", *summary)).strip()
        for docname, record in env.metadata.items()
        if "api" in record
        for _, anchor, summary in entries(env, docname)
    }


@cache
def texts_behind_links(env):
    """Return what a link shows, by the anchors that it leads to."""
    return {**definitions(env), **summaries(env)}


def add_previews(body, texts):
    """Put the text behind each link to a term, a name or a source on the link, in place."""
    for term in body.select("a:has(> .std-term)"):
        add_class(term, "term")
    for link in body.select("a:has(> .std-term, > .py-obj), a.api"):
        anchor = link["href"].partition("#")[2]
        if anchor in texts:
            link["data-preview"] = texts[anchor]
    for link in body.select(".bibtex-citation a[title]"):
        link["data-preview"] = escape(link["title"], quote=False)
        del link["title"]
