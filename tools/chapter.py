"""Edit a chapter as text, and execute it in place.

The notebook (``.ipynb``, with its outputs) is the source and the only file that is
committed.  Text is easier to edit, so this tool makes a text twin beside it and
takes it back::

    python tools/chapter.py text book/many-classes/softmax.ipynb   # writes softmax.md
    (edit softmax.md)
    python tools/chapter.py run book/many-classes/softmax.ipynb    # takes it back, executes

``run`` without a text twin executes the notebook as it is.  It names every cell
whose text output changed, and it removes the twin once the notebook is written.
"""

import argparse
import os
import sys
from pathlib import Path

import jupytext
import nbformat
from jupytext.combine import combine_inputs_with_outputs
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

# One thread of linear algebra is faster for arrays as small as the chapters', and always
# adds in the same order.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def write_text(notebook_path):
    """Write the text twin of a notebook and return its path."""
    text_path = notebook_path.with_suffix(".md")
    if text_path.exists():
        raise FileExistsError(f"{text_path} is there already; run or delete it first")
    jupytext.write(nbformat.read(notebook_path, as_version=4), text_path, fmt="md:myst")
    return text_path


def read_latest(notebook_path):
    """Read the notebook, with the inputs of its text twin where there is one."""
    text_path = notebook_path.with_suffix(".md")
    stored = nbformat.read(notebook_path, as_version=4) if notebook_path.exists() else None
    if not text_path.exists():
        if stored is None:
            raise FileNotFoundError(f"neither {notebook_path} nor {text_path} exists")
        return stored
    edited = jupytext.read(text_path, fmt="md:myst")
    return combine_inputs_with_outputs(edited, stored, fmt="md:myst") if stored else edited


def text_outputs(cell):
    """The outputs of a cell that nbval compares, as one string."""
    parts = []
    for output in cell.get("outputs", []):
        parts.append(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
    return "".join(parts)


def execute(notebook, folder):
    """Execute a notebook in its folder and drop what differs from run to run."""
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = joined_streams(cell.outputs)
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}


def joined_streams(outputs):
    """Return outputs in which what was printed in one go is in one piece.

    The kernel sends it in several when the machine is slow.

    Examples
    --------
    >>> pieces = [nbformat.v4.new_output("stream", text=text) for text in ("one ", "line")]
    >>> [output.text for output in joined_streams(pieces)]
    ['one line']
    """
    joined = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def run(notebook_path):
    """Take the text twin back, execute the notebook, and report changed outputs."""
    notebook = read_latest(notebook_path)
    code_cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    before = [text_outputs(cell) for cell in code_cells]
    execute(notebook, notebook_path.parent)
    for number, (cell, old) in enumerate(zip(code_cells, before, strict=True), start=1):
        new = text_outputs(cell)
        if new != old:
            print(f"cell {number} printed\n{old or 'nothing'}\nand now prints\n{new}\n")
        for output in cell.outputs:
            if output.get("name") == "stderr":
                print(f"cell {number} writes to stderr, which no chapter may:\n{output.text}\n")
    nbformat.write(notebook, notebook_path)
    notebook_path.with_suffix(".md").unlink(missing_ok=True)
    print(f"{notebook_path}: {len(code_cells)} code cells executed")


def main():
    """Parse the command line and do what it asks."""
    parser = argparse.ArgumentParser(description="Edit a chapter as text, and execute it in place.")
    parser.add_argument("action", choices=["text", "run"])
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    arguments = parser.parse_args()
    for path in arguments.notebooks:
        notebook_path = path.with_suffix(".ipynb")
        try:
            if arguments.action == "text":
                print(f"edit {write_text(notebook_path)}, then run it back")
            else:
                run(notebook_path)
        except (OSError, CellExecutionError) as error:
            sys.exit(f"{notebook_path}: {error}")


if __name__ == "__main__":
    main()
