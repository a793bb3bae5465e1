"""The reference of the package, written from its docstrings.

A page of the reference says in a sentence or two what belongs together, and names it::

    ```{api}
    :derived-in: many-classes/derivative

    softmax_vjp
    softmax_jacobian
    ```

Each name becomes an entry: its signature, and its docstring, in which every section has
a small title and every parameter is a term with its definition.  A name that is not
public, and a chapter that is not there, break the build.  The directive `api-overview`
makes one table of all entries of the pages below its own.
"""

import inspect
import re
from pathlib import Path
from textwrap import indent
from typing import ClassVar

import api_names
from api_names import object_of, public_names
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.ext.napoleon import Config
from sphinx.ext.napoleon.docstring import NumpyDocstring
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

import smnn

MEMBERS = (property, classmethod, staticmethod)
SETTINGS = Config(napoleon_use_param=False, napoleon_use_rtype=False)
BACKTICKS = re.compile(r"(?<![`:\w])`([A-Za-z_][\w.]*)`(?![`_])")


# ------------------------------------------------------------------ docstrings


class Docstring(NumpyDocstring):
    """A numpydoc docstring; its fields become definition lists under small titles."""

    def _format_fields(self, title, fields):
        lines = [f".. rubric:: {title}", ""]
        for name, kind, text in fields:
            parts = [part.replace("\\", "") for part in (name, kind) if part]
            term = " : ".join(f"``{part}``" for part in parts)
            body = "\n".join(self._strip_empty(text)) or ".."
            lines += [term, *indent(body, "    ").split("\n"), ""]
        return lines

    def _parse_attributes_section(self, section):
        return self._format_fields("Attributes", self._consume_fields())

    def _parse_returns_section(self, section):
        return self._format_fields("Returns", self._consume_returns_section())

    def _parse_raises_section(self, section):
        return self._format_fields("Raises", self._consume_fields(parse_type=False))


def link_names(lines, obj, public):
    """Make links of the public names in backticks, but not of an object's own arguments."""
    try:
        own = set(inspect.signature(obj).parameters)
    except (TypeError, ValueError):
        own = set()
    own.add(getattr(obj, "__name__", ""))

    def link(match):
        name = match.group(1).removeprefix("smnn.")
        if name in public and match.group(1) not in own:
            return f":py:obj:`{name} <smnn.{name}>`"
        return f"``{match.group(1)}``"

    lines[:] = [BACKTICKS.sub(link, line) for line in lines]


def write_docstring(app, what, name, obj, options, lines):
    """Turn a docstring of the package into reStructuredText, in place."""
    what = "method" if what == "property" else what  # or a colon in it would part off a type
    lines[:] = Docstring(list(lines), SETTINGS, app, what, name, obj, options).lines()
    public = public_names()
    link_names(lines, obj, public)
    if what == "class":
        lines += opening_of_methods(obj, public)


def write_signature(app, what, name, obj, options, signature, returns):
    """Write a function that is the default of an argument by its name alone."""
    return re.sub(r"<function (\w+)>", r"\1", signature or ""), returns


# ------------------------------------------------------------------ entries


def documented_members(cls):
    """Return the names of the methods and properties that get an entry below their class.

    They are public and say what they do.  Those of a private base class count as its own;
    those of a public one have their entry there.  Properties that the docstring of the
    class has named among its attributes are not said twice.
    """
    found = {}
    for base in reversed(cls.__mro__):
        if base is not cls and not is_private(base):
            continue
        for name, member in vars(base).items():
            named = isinstance(member, property) and name in inspect.getdoc(cls)
            is_member = callable(member) or isinstance(member, MEMBERS)
            is_public = not name.startswith("_") or name == "__call__"
            if is_member and is_public and member.__doc__ and not named:
                found[name] = None
    return list(found)


def is_private(cls):
    """Tell whether a class belongs to the package and is not meant for its users."""
    return cls.__module__.startswith("smnn.") and cls.__name__.startswith("_")


def opening_of_methods(cls, public):
    """Return lines that open the methods of a class, and lead to those of a public base."""
    bases = (base for base in cls.__mro__[1:] if base.__module__.startswith("smnn."))
    base = next((base.__name__ for base in bases if base.__name__ in public), None)
    if base is None and not documented_members(cls):
        return []
    lines = ["", ".. rubric:: Methods", ""]
    return [*lines, f"Those of :py:obj:`{base} <smnn.{base}>`.", ""] if base else lines


def entry(name, env):
    """Return the reStructuredText of the entry of a public name, as lines."""
    obj = object_of(name)
    place = f"smnn.{name}"
    if inspect.isclass(obj):
        kind = "autoexception" if issubclass(obj, Exception) else "autoclass"
        members = documented_members(obj)
        options = [f"   :members: {', '.join(members)}"] if members else []
        if "__call__" in members:
            options.append("   :special-members: __call__")
        return [f".. {kind}:: {place}", *options, ""]
    if inspect.isroutine(obj):
        return [f".. autofunction:: {place}", ""]
    path, comment = comment_on(name.rpartition(".")[2])
    env.note_dependency(str(path))
    return [f".. py:data:: {place}", "", *("   " + line for line in comment), ""]


def comment_on(name):
    """Return the file of a value, and the lines ``#: ...`` that stand above it there."""
    for path in sorted(Path(smnn.__file__).parent.rglob("*.py")):
        if "\n#: " in path.read_text(encoding="utf-8"):
            comments = ModuleAnalyzer.for_file(path, f"smnn.{path.stem}").find_attr_docs()
            if ("", name) in comments:
                return path, list(comments["", name])
    raise LookupError(f"the value {name} has no comment that begins with #:")


class Api(SphinxDirective):
    """The entries of some public names, with the chapter that derives them."""

    has_content = True
    option_spec: ClassVar = {"derived-in": directives.unchanged}

    def run(self):
        chapter = self.options.get("derived-in")
        if chapter is not None:
            chapter = f"book/{chapter}"
            if chapter not in self.env.found_docs:
                raise self.error(f"there is no chapter {chapter}")
        for source in (__file__, api_names.__file__):
            self.env.note_dependency(source)
        lines = ["```{eval-rst}"]
        for name in " ".join(self.content).split():
            if name not in public_names():
                raise self.error(f"smnn has no public name {name!r}")
            lines += entry(name, self.env)
            self.env.metadata[self.env.docname].setdefault("api", {})[name] = chapter
        box = nodes.container()
        source = self.get_source_info()[0]
        text = StringList([*lines, "```"], source=source)
        self.state.nested_parse(text, self.content_offset, box)
        for node in box.findall():  # parsed in a document that knows, and pickles, all pages
            node.document = self.state.document
        return box.children


# ------------------------------------------------------------------ the overview


def entries(env, docname):
    """Return the entries of a page: public name, anchor, and summary as nodes."""
    found = []
    for description in env.get_doctree(docname).findall(addnodes.desc):
        signature = description.next_node(addnodes.desc_signature)
        name = signature["ids"][0].removeprefix("smnn.")
        if name in env.metadata[docname].get("api", {}):
            summary = description.next_node(addnodes.desc_content).next_node(nodes.paragraph)
            found.append((name, signature["ids"][0], plain(summary)))
    return found


def plain(paragraph):
    """Return the nodes of a paragraph without its links."""
    copy = paragraph.deepcopy()
    for link in list(copy.findall(addnodes.pending_xref)):
        link.replace_self(link.children)
    return copy.children


def overview_of(app, docname, page):
    """Return a section with the entries of one page of the reference, as a table."""
    title = app.env.titles[page].astext()
    section = nodes.section(ids=[nodes.make_id(title)])
    to_page = make_refnode(app.builder, docname, page, None, nodes.Text(title))
    section += nodes.title("", "", to_page)
    table = nodes.definition_list(classes=["api-overview"])
    for name, anchor, summary in entries(app.env, page):
        link = make_refnode(app.builder, docname, page, anchor, nodes.literal("", name))
        line = nodes.definition("", nodes.paragraph("", "", *summary))
        table += nodes.definition_list_item("", nodes.term("", "", link), line)
    section += table
    return section


def overview(app, docname):
    """Return the tables of the pages below a page."""
    return [overview_of(app, docname, page) for page in app.env.toctree_includes[docname]]


def setup(app):
    """Connect to Sphinx."""
    app.add_directive("api", Api)
    app.connect("autodoc-process-signature", write_signature)
    app.connect("autodoc-process-docstring", write_docstring)
