"""The prose of the project: what a person reads, without code, formulas and markup.

Prose is the text of the chapters, of the pages in Markdown and of the docstrings.
What is taken out leaves a blank in its place, so that lines keep their numbers.
"""

import ast
import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
FOLDERS_OF_CODE = ("smnn", "smnn_book", "_ext", "tools", "experiments", "benchmarks", "tests")

# What is not prose, in this order; the group "kept" stays.
NOT_PROSE = tuple(
    re.compile(pattern, re.MULTILINE | re.DOTALL)
    for pattern in (
        r"^\s*([`:]{3,})\{(?:api|code|math|include|literalinclude)[\w-]*\}.*?^\s*\1\s*$",
        r"^\s*(`{3,}|~{3,})(?!\{).*?^\s*\1\s*$",  # code
        r"\$\$.*?\$\$",
        r"^\s*\\begin\{(\w+\*?)\}.*?\\end\{\1\}",
        r"\$[^$]+\$",
        r"^\s*\.\. math::.*?(?=^\S|\Z|\n\n(?=\s{0,4}\S))",
        r"^\s*>>> .*?(?=\n\s*\n|\Z)",  # an example in a docstring, and what it prints
        r"\{(?:doc|ref|numref|eq|cite|prf:ref|download|py)[\w:]*\}"
        r"`(?:(?P<kept>[^`<]*)<[^`]*>|[^`]*)`",
        r":(?:math|doc|ref|func|class|mod|meth|cite):`[^`]*`",
        r"``.*?``|`[^`]*`(?!`)",
        r"\]\([^)\s]*\)",  # the address of a link
        r"https?://\S+",
        r"\b10\.\d{4,}/\S+",
        r"^\s*:\w[\w-]*:.*?$",  # an option of a directive
        r"^\s*[`:]{3,}(?:\{[\w:-]+\})?(?:\s+(?:ex|thm|lem|eq|fig)[\w-]+\s*$)?",  # the fence
        r"\{\w[\w:-]*\}",
        r"^\([\w-]+\)=$",
        r"<!--.*?-->|</?\w[^>]*>|&\w+;",
    )
)


def without(text, pattern):
    """Return a text with blanks in the place of what a pattern matches."""

    def blank(match):
        kept = match.groupdict().get("kept") or ""
        return kept + "\n" * (match.group().count("\n") - kept.count("\n"))

    return pattern.sub(blank, text)


def prose_of(markup):
    """Return what a person reads of a text in Markdown or reStructuredText."""
    for pattern in NOT_PROSE:
        markup = without(markup, pattern)
    return markup


def docstrings(source):
    """Return the docstrings of a Python file as one text, each on the lines where it stands."""
    lines = [""] * (source.count("\n") + 2)
    documented = ast.Module | ast.ClassDef | ast.FunctionDef
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and ast.get_docstring(node):
            quoted = node.body[0].value
            for number, line in enumerate(quoted.value.split("\n"), start=quoted.lineno - 1):
                lines[number] = line
    return "\n".join(lines)


def pieces():
    """Return the prose of every source by its path, with the name of a cell for a chapter."""
    found = {}
    for path in [*ROOT.glob("*.md"), *(ROOT / "book").rglob("*.md")]:
        found[path.relative_to(ROOT).as_posix()] = prose_of(path.read_text(encoding="utf-8"))
    for path in (ROOT / "book").rglob("*.ipynb"):
        if ".ipynb_checkpoints" in path.parts:
            continue
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type == "markdown":
                name = f"{path.relative_to(ROOT).as_posix()}, cell {number}"
                found[name] = prose_of(cell.source)
    for path in [file for name in FOLDERS_OF_CODE for file in (ROOT / name).rglob("*.py")]:
        text = prose_of(docstrings(path.read_text(encoding="utf-8")))
        found[path.relative_to(ROOT).as_posix()] = text
    return found
