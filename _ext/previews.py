"""Let a link tell what is behind it before it is followed.

Links to equations, figures and exercises of the same page are previewed by the
page's script, which has them at hand.  A link to a term or to a source leads to
another page, so its text is put on the link here, when the page is built.
"""

from bs4 import BeautifulSoup
from docutils import nodes


def definition_of(item):
    """Return the definition of a glossary entry as one line, with its formulas in TeX."""
    definition = next(item.findall(nodes.definition)).deepcopy()
    for formula in list(definition.findall(nodes.math)):
        formula.replace_self(nodes.Text(rf"\({formula.astext()}\)"))
    return " ".join(definition.astext().split())


def definitions(env):
    """Return the definitions of all terms of the glossary by their anchors."""
    places = {
        docname for (kind, _), (docname, _) in env.domains["std"].objects.items() if kind == "term"
    }
    found = {}
    for docname in places:
        for item in env.get_doctree(docname).findall(nodes.definition_list_item):
            for term in item.findall(nodes.term):
                found.update({anchor: definition_of(item) for anchor in term["ids"]})
    return found


def add_previews(body, terms):
    """Put the text behind each link to a term or to a source on the link, in place."""
    for link in body.select("a:has(> .std-term)"):
        anchor = link["href"].partition("#")[2]
        if anchor in terms:
            link["data-preview"] = terms[anchor]
    for link in body.select(".bibtex-citation a[title]"):
        link["data-preview"] = link["title"]
        del link["title"]


def preview_links(app, pagename, templatename, context, doctree):
    """Add the previews to a page that comes from a source."""
    if doctree is None:
        return
    if not hasattr(app, "terms_of_the_book"):
        app.terms_of_the_book = definitions(app.env)
    body = BeautifulSoup(context["body"], "html.parser")
    add_previews(body, app.terms_of_the_book)
    context["body"] = str(body)


def setup(app):
    """Connect to Sphinx, after the page has been mended."""
    app.connect("html-page-context", preview_links, priority=930)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
