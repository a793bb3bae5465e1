"""A book of a cover and one chapter, built as `make book` builds the real one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from book_checks import ROOT

COVER = """# Cover

Read {doc}`chapter`.

:::{div} downloads
It works without a network.
:::
"""

CHAPTER = """# Softmax

:::{admonition} In one sentence
:class: one-sentence
Softmax turns scores into probabilities.
:::

## A number first

$p = 1/2$, and a table:

| a | b |
|---|---|
| 1 | 2 |

## Exercises

:::{exercise} ★ By hand
:label: ex-hand
What is softmax of $(0, 0)$?
:::

:::{dropdown} Hint
Both are equal.
:::

:::{solution} ex-hand
:class: dropdown
One half each.
:::
"""


def write_book(folder, code, *, base="", repository=""):
    """Write the book, with this code in its cell and these addresses in its configuration."""
    for name in ("_config.yml", "_ext", "assets", "references.bib"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    config = (folder / "_config.yml").read_text(encoding="utf-8")
    config = config.replace('  baseurl: ""', f'  baseurl: "{base}"')
    config = config.replace('  url: ""', f'  url: "{repository}"')
    (folder / "_config.yml").write_text(config, encoding="utf-8")
    (folder / "smnn").mkdir(exist_ok=True)
    (folder / "smnn" / "stand_in.py").write_text("x = 1\n")
    (folder / "book").mkdir(exist_ok=True)
    toc = "format: jb-book\nroot: book/index\nchapters:\n  - file: book/chapter\n"
    (folder / "_toc.yml").write_text(toc)
    (folder / "book" / "index.md").write_text(COVER)
    cells = [nbformat.v4.new_markdown_cell(CHAPTER), nbformat.v4.new_code_cell(code)]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / "book" / "chapter.ipynb")


def build(folder):
    """Build a book as `make book` does; return the exit status and what was said."""
    program = shutil.which("jupyter-book", path=str(Path(sys.executable).parent))
    done = subprocess.run(
        [program, "build", ".", "-n", "-W", "--keep-going"],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
