"""Links both ways between the chapters and the reference of the package.

Below an entry of the reference stands the chapter that derives it, as its page says,
and the chapters whose cells use it, as their syntax trees say.  At the end of a chapter
stand the names that it derives and those that it uses.  In between, a name of the
package that stands as code in the text becomes a link, the first time in each section.
"""

from api_names import names_bound, names_used, public_names
from docutils import nodes
from page_facts import facts_of
from sphinx import addnodes
from sphinx.util.nodes import make_refnode

NOT_LINKED = (nodes.reference, nodes.title, nodes.term, addnodes.desc)


def note_names(app, doctree):
    """Note in Sphinx's record of a notebook which names its cells use, and which they bind."""
    cells = [
        block.astext()
        for box in doctree.findall(nodes.container)
        if "cell_input" in box["classes"]
        for block in box.findall(nodes.literal_block)
    ]
    used = names_used(cells, public_names())
    record = app.env.metadata[app.env.docname]
    record["names_used"], record["names_bound"] = used, names_bound(cells)


# ------------------------------------------------------------------ what is known


def pages_in_order(env, docname):
    """Yield the pages below a page, in the order of the contents."""
    for below in env.toctree_includes.get(docname, ()):
        yield below
        yield from pages_in_order(env, below)


def entries(env):
    """Return for each name that has an entry: its page and the chapter that derives it."""
    return {
        name: (docname, chapter)
        for docname in pages_in_order(env, env.config.root_doc)
        for name, chapter in env.metadata[docname].get("api", {}).items()
    }


def notebooks(env):
    """Return the pages whose cells use the package, in the order of the book."""
    pages = pages_in_order(env, env.config.root_doc)
    return [docname for docname in pages if env.metadata[docname].get("names_used")]


def users(env, name):
    """Return the pages whose cells use a name, in the order of the book."""
    return [docname for docname in notebooks(env) if name in env.metadata[docname]["names_used"]]


def derived_in(env, docname):
    """Return the names that a chapter derives, in the order of the reference."""
    return [name for name, (_, chapter) in entries(env).items() if chapter == docname]


def links_of_the_book(env):
    """Return all that the links depend on, to be compared with the build before."""
    used = {docname: env.metadata[docname]["names_used"] for docname in notebooks(env)}
    return entries(env), used


def pages_to_write(app, env):
    """Have the pages written again whose links have changed."""
    links = links_of_the_book(env)
    if getattr(env, "links_of_the_book", None) == links:
        return []
    env.links_of_the_book = links
    return sorted({page for page, _ in links[0].values()} | set(links[1]))


# ------------------------------------------------------------------ what is written


class Links:
    """Makes the links of one page."""

    def __init__(self, app, docname):
        self.builder, self.env, self.docname = app.builder, app.env, docname
        self.entries = entries(app.env)

    def number(self, docname):
        """The number of a chapter; empty for a page that has none."""
        return ".".join(map(str, self.env.toc_secnumbers.get(docname, {}).get("", ())))

    def to_page(self, docname, *, named):
        """A link to a page: the number of a chapter, and its title if wanted."""
        title, number = self.env.titles[docname].astext(), self.number(docname)
        words = number or title
        if named and number:
            words = f"Chapter {number}, {title}"
        link = make_refnode(self.builder, self.docname, docname, None, nodes.Text(words))
        if not named and number:
            link["reftitle"] = title
        return link

    def to_name(self, name, words=None):
        """A link to the entry of a name."""
        page = self.entries[name][0]
        code = nodes.literal("", words or name)
        link = make_refnode(self.builder, self.docname, page, f"smnn.{name}", code)
        link["classes"].append("api")
        return link


def listing(links):
    """Return links with commas between them."""
    parts = []
    for link in links:
        parts += [nodes.Text(", "), link]
    return parts[1:]


def add_chapters(doctree, links):
    """Say below each entry which chapter derives it and which use it."""
    for description in doctree.findall(addnodes.desc):
        name = description[0]["ids"][0].removeprefix("smnn.")
        if name not in links.entries:
            continue
        chapter = links.entries[name][1]
        line = nodes.paragraph(classes=["api-chapters"])
        if chapter:
            line += [nodes.Text("Derived in "), links.to_page(chapter, named=True)]
            line += nodes.Text(". ")
        others = [docname for docname in users(links.env, name) if docname != chapter]
        if others:
            pages = listing(links.to_page(docname, named=False) for docname in others)
            numbered = sum(1 for docname in others if links.number(docname))
            words = "Also used in " if chapter else "Used in "
            words += "" if not numbered else "chapter " if numbered == 1 else "chapters "
            line += [nodes.Text(words), *pages, nodes.Text(".")]
        if line.children:
            description[-1] += line


def add_package(doctree, docname, links):
    """Say at the end of a chapter which names of the package it derives and which it uses."""
    derived = derived_in(links.env, docname)
    used = links.env.metadata[docname].get("names_used", set()) & set(links.entries)
    used = [name for name in links.entries if name in used and name not in derived]
    used = [name for name in used if "." not in name]  # what draws is not what a chapter is about
    if not (derived or used) or docname not in notebooks(links.env):
        return
    box = nodes.container(classes=["in-package"])
    box += nodes.paragraph("", "In the package", classes=["in-package-title"])
    for words, names in (("Derived here: ", derived), ("Used here: ", used)):
        if names:
            paragraph = nodes.paragraph("", words)
            paragraph += [*listing(links.to_name(name) for name in names), nodes.Text(".")]
            box += paragraph
    next(doctree.findall(nodes.section)).append(box)


def meant_name(text, record, public):
    """Return the public name that a piece of code in the text means, or None.

    With ``smnn.`` before it, it is clear.  Without, the page must use the name and must
    not give it to something of its own.
    """
    name = text.removesuffix("()").removeprefix("smnn.")
    if name not in public:
        return None
    if text.startswith("smnn."):
        return name
    is_used = name in record.get("names_used", ()) and name not in record.get("names_bound", ())
    return name if is_used else None


def link_code(doctree, docname, links):
    """Link names of the package in the text, the first time in each section."""
    record, seen = links.env.metadata[docname], set()
    for code in list(doctree.findall(nodes.literal)):
        ancestors = list(parents(code))
        name = meant_name(code.astext(), record, links.entries)
        if name is None or any(isinstance(node, NOT_LINKED) for node in ancestors):
            continue
        section = next((node for node in ancestors if isinstance(node, nodes.section)), doctree)
        if (id(section), name) not in seen:
            seen.add((id(section), name))
            code.replace_self(links.to_name(name, code.astext()))


def parents(node):
    """Yield the nodes around a node, from the inside out."""
    while node.parent is not None:
        node = node.parent
        yield node


def link_page(app, doctree, docname):
    """Write all links of a page."""
    links = Links(app, docname)
    if "api" in app.env.metadata[docname]:
        add_chapters(doctree, links)
        return
    link_code(doctree, docname, links)
    if facts_of(app.env, docname).get("is_chapter") or docname in notebooks(app.env):
        add_package(doctree, docname, links)


def setup(app):
    """Connect to Sphinx."""
    app.connect("doctree-read", note_names)
    app.connect("env-updated", pages_to_write)
    app.connect("doctree-resolved", link_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
