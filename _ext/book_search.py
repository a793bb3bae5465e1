"""The search: what it knows, and its page.

Sphinx's own search gives titles of pages.  This one knows every section, every term of the
glossary and every name of the package as a place of its own, with its words; so it can lead to
the place, show an excerpt, and put a title or a definition before a mention.  The words lie in
one script, because a page that is opened from the disk may load scripts and no data; they are
compressed there, to a third of their size, and the browser unpacks them.
"""

import json
import shutil
import zlib
from base64 import b64encode
from pathlib import Path

from api_reference import entries
from docutils import nodes
from formulas import FormulaError, in_words, without_tag
from page_facts import number_of, pages_in_order

INDEX = "search-index.js"
SPHINX_INDEX = "searchindex.js"  # kept beside the doctrees, out of the site
NOT_READ = (nodes.literal_block, nodes.raw, nodes.comment, nodes.image, nodes.title)


def words(part):
    """Return what can be read in a part of a page as one line; sections within are left out."""
    if isinstance(part, nodes.Text):
        return part.astext()
    if isinstance(part, nodes.math | nodes.math_block):
        return formula(part.astext())
    if isinstance(part, NOT_READ) or title_of(part) is not None:
        return ""
    has_lines = isinstance(part, nodes.TextElement) and not isinstance(part, nodes.Inline)
    return "".join(map(words, part.children)) + " " * has_lines


def formula(tex):
    """Return a formula in words; one that cannot be read has been warned of, and is left out."""
    try:
        return in_words(without_tag(tex)[0])
    except FormulaError:
        return ""


def title_of(part):
    """Return the title of a section; nothing for other parts and for sections without one."""
    is_titled = isinstance(part, nodes.section) and isinstance(part[0], nodes.title)
    return part[0] if is_titled else None


def in_one_line(text):
    """Return a text with single spaces."""
    return " ".join(text.split())


def places(app, docname):
    """Yield the places of a page: kind, title, address and words of each."""
    env, page = app.env, app.builder.get_target_uri(docname)
    doctree = env.get_doctree(docname)
    for section in doctree.findall(nodes.section):
        title = title_of(section)
        if title is None:
            continue
        is_page = section.parent is doctree
        anchor = "" if is_page else f"#{section['ids'][0]}"
        text = in_one_line(" ".join(map(words, section.children)))
        yield "page" if is_page else "section", in_one_line(title.astext()), page + anchor, text
    for item in doctree.findall(nodes.definition_list_item):
        if "glossary" not in item.parent.get("classes", []):
            continue
        definition = in_one_line(words(item.next_node(nodes.definition)))
        for term in item.findall(nodes.term):
            name = term.next_node(nodes.Text).astext()
            yield "term", in_one_line(name), f"{page}#{term['ids'][0]}", definition
    if "api" in env.metadata.get(docname, {}):
        for name, anchor, summary in entries(env, docname):
            text = "".join(node.astext() for node in summary)
            yield "name", name, f"{page}#{anchor}", in_one_line(text)


def index(app):
    """Return all places of the book as the search reads them."""
    found = []
    for docname in (app.config.root_doc, *pages_in_order(app.env, app.config.root_doc)):
        number, title = number_of(app.env, docname), app.env.titles[docname].astext()
        page = f"{number}. {title}" if number else title
        for kind, name, address, text in places(app, docname):
            found.append({"kind": kind, "title": name, "page": page, "at": address, "text": text})
    return found


def script_of(places):
    """Return the script that hands the places to the page, compressed."""
    said = json.dumps(places, ensure_ascii=False, separators=(",", ":"))
    packed = b64encode(zlib.compress(said.encode(), level=9)).decode("ascii")
    return f'window.bookIndex = "{packed}";\n'


def write_index(app):
    """Write the index in the place of Sphinx's own."""
    site = Path(app.outdir)
    (site / "_static" / INDEX).write_text(script_of(index(app)), encoding="ascii")
    if (site / SPHINX_INDEX).exists():
        (site / SPHINX_INDEX).replace(Path(app.doctreedir, SPHINX_INDEX))


def return_index(app):
    """Lay Sphinx's own index where Sphinx looks for it when it builds only some pages again."""
    kept = Path(app.doctreedir, SPHINX_INDEX)
    if kept.exists():
        Path(app.outdir).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, Path(app.outdir, SPHINX_INDEX))
