"""Links both ways between the chapters and the reference of the package.

Below an entry of the reference stands the chapter that derives it, as its page says,
and the chapters whose cells use it, as their syntax trees say.  At the end of a chapter
stand the names that it derives and those that it uses.  In between, a name of the
package that stands as code in the text becomes a link, the first time in each section.
"""

from api_names import names_bound, names_used, public_names
from docutils import nodes
from page_facts import number_of, pages_in_order
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


def entries(env):
    """Return for each name that has an entry: its page and the chapter that derives it."""
    return {
        name: (docname, chapter)
        for docname in pages_in_order(env, env.config.root_doc)
        for name, chapter in env.metadata[docname].get("api", {}).items()
    }


def uses(env):
    """Return for each notebook the names that its cells use, in the order of the book."""
    records = {page: env.metadata[page] for page in pages_in_order(env, env.config.root_doc)}
    return {page: names for page, record in records.items() if (names := record.get("names_used"))}


def pages_to_write(app, env):
    """Have the pages written again whose links have changed."""
    links = entries(env), uses(env)
    if getattr(env, "links_of_the_book", None) == links:
        return []
    env.links_of_the_book = links
    return sorted({page for page, _ in links[0].values()} | links[1].keys())


# ------------------------------------------------------------------ what is written


class Links:
    """Makes the links of one page."""

    def __init__(self, app, docname):
        self.builder, self.env, self.docname = app.builder, app.env, docname
        self.entries, self.uses = entries(app.env), uses(app.env)

    def to_page(self, docname, *, named):
        """A link to a page: the number of a chapter, and its title if wanted."""
        title, number = self.env.titles[docname].astext(), number_of(self.env, docname)
        words = f"Chapter {number}, {title}" if named and number else number or title
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
        others = [page for page, names in links.uses.items() if name in names and page != chapter]
        if others:
            pages = listing(links.to_page(docname, named=False) for docname in others)
            numbered = sum(1 for docname in others if number_of(links.env, docname))
            words = "Also used in " if chapter else "Used in "
            words += "" if not numbered else "chapter " if numbered == 1 else "chapters "
            line += [nodes.Text(words), *pages, nodes.Text(".")]
        if line.children:
            description[-1] += line


def add_package(doctree, docname, links):
    """Say at the end of a chapter which names of the package it derives and which it uses."""
    derived = [name for name, (_, chapter) in links.entries.items() if chapter == docname]
    used = [name for name in links.entries if name in links.uses[docname] - set(derived)]
    used = [name for name in used if "." not in name]  # what draws is not what a chapter is about
    if not (derived or used):
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
    if docname in links.uses:
        add_package(doctree, docname, links)
