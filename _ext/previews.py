"""Let a link tell what is behind it before it is followed.

Links to equations, figures and exercises of the same page are previewed by the
page's script, which has them at hand.  A link to a term, to a source or to a name of
the package leads to another page, so its text is put on the link here, when the page
is built.
"""

from api_reference import entries
from bs4 import BeautifulSoup
from docutils import nodes


def as_line(part):
    """Return the text of a part of a page as one line, with its formulas in TeX."""
    copy = part.deepcopy()
    for formula in list(copy.findall(nodes.math)):
        formula.replace_self(nodes.Text(rf"\({formula.astext()}\)"))
    return " ".join(copy.astext().split())


def definitions(env):
    """Return the definitions of all terms of the glossary by their anchors."""
    places = {
        docname for (kind, _), (docname, _) in env.domains["std"].objects.items() if kind == "term"
    }
    found = {}
    for docname in places:
        for item in env.get_doctree(docname).findall(nodes.definition_list_item):
            for term in item.findall(nodes.term):
                line = as_line(next(item.findall(nodes.definition)))
                found.update({anchor: line for anchor in term["ids"]})
    return found


def summaries(env):
    """Return the first lines of all entries of the reference by their anchors."""
    return {
        anchor: as_line(nodes.paragraph("", "", *summary))
        for docname, record in env.metadata.items()
        if "api" in record
        for _, anchor, summary in entries(env, docname)
    }


def add_previews(body, texts):
    """Put the text behind each link to a term, a name or a source on the link, in place."""
    for link in body.select("a:has(> .std-term, > .py-obj), a.api"):
        anchor = link["href"].partition("#")[2]
        if anchor in texts:
            link["data-preview"] = texts[anchor]
    for link in body.select(".bibtex-citation a[title]"):
        link["data-preview"] = link["title"]
        del link["title"]


def preview_links(app, pagename, templatename, context, doctree):
    """Add the previews to a page that comes from a source."""
    if doctree is None:
        return
    if not hasattr(app, "texts_behind_links"):
        app.texts_behind_links = {**definitions(app.env), **summaries(app.env)}
    body = BeautifulSoup(context["body"], "html.parser")
    add_previews(body, app.texts_behind_links)
    context["body"] = str(body)


def setup(app):
    """Connect to Sphinx, after the page has been mended."""
    app.connect("html-page-context", preview_links, priority=930)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
