"""Numbers about the book and its checks, counted while the book is built.

A page writes ``{counted}`notebooks` `` where such a number belongs, and the number is put
there; a word that is not in `COUNTS` breaks the build.  The directive `executed-notebooks`
makes a table of the notebooks and of how long their cells took, and `executed-with`
one of the versions that executed them.
"""

import ast
import json
import re
from pathlib import Path

from docutils import nodes
from freshness import versions
from later import place_of
from myst_nb.sphinx_ import NbMetadataCollector
from page_facts import pages_in_order
from sphinx.util.docutils import SphinxRole
from sphinx.util.nodes import make_refnode

NOT_COMPARED = frozenset({"nbval-ignore-output", "nbval-skip"})


# ------------------------------------------------------------------ what is counted


class Book:
    """The sources of a book: its notebooks, its tests and its package."""

    def __init__(self, app):
        self.root = Path(app.srcdir)
        root_doc = app.config.root_doc
        self.docnames = [root_doc, *pages_in_order(app.env, root_doc)]
        paths = {docname: self.root / f"{docname}.ipynb" for docname in self.docnames}
        self.notebooks = {  # by the names of their pages
            docname: json.loads(path.read_text(encoding="utf-8"))
            for docname, path in paths.items()
            if path.exists()
        }

    def cells(self, kind):
        """All cells of one kind: code or markdown."""
        books = self.notebooks.values()
        return [cell for book in books for cell in book["cells"] if cell["cell_type"] == kind]

    def outputs(self, without=frozenset()):
        """The outputs of all code cells, except of those with one of these tags."""
        for cell in self.cells("code"):
            if not without.intersection(cell["metadata"].get("tags", ())):
                yield from cell["outputs"]

    def definitions(self, pattern):
        """The syntax trees of all functions, classes and modules of the files of a pattern."""
        for path in sorted(self.root.glob(pattern)):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                    yield node


def is_text(output):
    """Tell whether an output of a cell is printed text, and not the caption of a picture."""
    kinds = output.get("data", {"text/plain": ""})  # what is printed has no kind
    return "text/plain" in kinds and not any(
        "image" in kind or "draggable" in kind for kind in kinds
    )


def can_be_moved(output):
    """Tell whether an output of a cell is a figure that a reader moves."""
    return any("draggable" in kind for kind in output.get("data", {}))


def compared_outputs(book):
    """Outputs in text that are compared with a fresh run, letter by letter."""
    return sum(map(is_text, book.outputs(without=NOT_COMPARED)))


def occurrences(book, kind, pattern):
    """How often a pattern occurs in the cells of one kind."""
    return sum(len(re.findall(pattern, "".join(cell["source"]))) for cell in book.cells(kind))


def test_functions(book):
    """Functions that are tests; many of them run on many cases."""
    names = (getattr(node, "name", "") for node in book.definitions("tests/**/test_*.py"))
    return sum(name.startswith("test_") for name in names)


def examples(book):
    """Docstrings of the package with an example, which runs as a test."""
    definitions = book.definitions("smnn/**/*.py")
    return sum(">>>" in (ast.get_docstring(node) or "") for node in definitions)


COUNTS = {
    "notebooks": lambda book: len(book.notebooks),
    "code cells": lambda book: len(book.cells("code")),
    "compared outputs": compared_outputs,
    "asserted equalities": lambda book: occurrences(book, "code", r"\bassert"),
    "gradient checks": lambda book: occurrences(
        book, "code", r"\b(?:check_(?:vjp|pullback|layer)|numerical_jacobian|centered_difference)\("
    ),
    "interactive figures": lambda book: sum(map(can_be_moved, book.outputs())),
    "exercises": lambda book: occurrences(book, "markdown", r"\{exercise\}"),
    "test functions": test_functions,
    "examples": examples,
    "pages": lambda book: len(book.docnames),
}


# ------------------------------------------------------------------ where it is put


class Counted(SphinxRole):
    """The place of a number."""

    def run(self):
        if self.text not in COUNTS:
            message = f"nothing is counted under {self.text!r}, only {', '.join(COUNTS)}"
            report = self.inliner.reporter.error(message, line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, report)], [report]
        return [place_of(self.env, self.text)], []


def table(head, rows, numbers=()):
    """Return a table; the columns whose positions are in `numbers` stand to the right."""
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += [nodes.thead("", line(head, numbers)), nodes.tbody()]
    group[-1] += [line(row, numbers) for row in rows]
    return nodes.table("", group)


def line(cells, numbers):
    """Return a row of a table from nodes or words."""
    row = nodes.row()
    for position, cell in enumerate(cells):
        content = cell if isinstance(cell, nodes.Node) else nodes.Text(cell)
        classes = ["text-right"] if position in numbers else []
        row += nodes.entry("", nodes.paragraph("", "", content), classes=classes)
    return row


def executed_notebooks(app, docname):
    """Return the table of the notebooks: how many cells, and how long they took."""
    rows, total_cells, total_seconds = [], 0, 0.0
    for page, notebook in Book(app).notebooks.items():
        title = nodes.Text(app.env.titles[page].astext())
        cells = sum(cell["cell_type"] == "code" for cell in notebook["cells"])
        done = NbMetadataCollector.get_exec_data(app.env, page) or {}
        seconds = done.get("runtime") or 0.0
        said = "all cells ran" if done.get("succeeded") else "not executed"
        link = make_refnode(app.builder, docname, page, None, title)
        rows.append((link, str(cells), f"{seconds:.1f}", said))
        total_cells, total_seconds = total_cells + cells, total_seconds + seconds
    rows.append(("Together", f"{total_cells:,}", f"{total_seconds:.1f}", ""))
    return table(("Notebook", "Code cells", "Seconds", "Outcome"), rows, numbers=(1, 2))


def executed_with(app, docname):
    """Return the table of the versions that executed the notebooks."""
    return table(("Program", "Version"), versions().items())


def number(what):
    """Return the function that counts something, as a place asks for it."""
    return lambda app, docname: nodes.Text(f"{COUNTS[what](Book(app)):,}")
