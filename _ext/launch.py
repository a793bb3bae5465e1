"""Links that open the notebook of a page in Colab or Binder.

They are drawn where `repository` in `_config.yml` names a repository on GitHub, and say
that they need the network.  Both install the package out of that repository, so that a
notebook meets the version it was written for.

Binder reads `.binder/` in the repository.  Colab reads nothing but the notebook, so it
opens a copy whose first cell installs the package.  The build writes these copies, and
`.github/workflows/tests.yml` publishes them as the branch `colab`; the notebooks of
the book have no such cell, and their outputs stay comparable.
"""

import json
import re
from pathlib import Path
from urllib.parse import quote

import nbformat
from page_markup import new_tag
from sphinx.errors import ConfigError

COLAB_BRANCH = "colab"
GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")


def repository(config):
    """Return the repository as `owner/name`, and the branch; nothing where none is set."""
    address = config.html_theme_options.get("repository_url")
    if not address:
        return None
    match = GITHUB.fullmatch(address)
    if match is None:
        raise ConfigError(
            f"repository: url: in _config.yml is {address!r}; "
            "Colab and Binder need https://github.com/owner/name"
        )
    return match[1], config.html_theme_options.get("repository_branch") or "main"


def addresses(owner_and_name, branch, notebook):
    """Return the services by name, each with the address that opens a notebook in it.

    Examples
    --------
    >>> for name, address in addresses("me/book", "main", "book/softmax.ipynb").items():
    ...     print(name, address)
    Colab https://colab.research.google.com/github/me/book/blob/colab/book/softmax.ipynb
    Binder https://mybinder.org/v2/gh/me/book/main?urlpath=lab/tree/book/softmax.ipynb
    """
    path = quote(notebook)
    return {
        "Colab": f"https://colab.research.google.com/github/{owner_and_name}"
        f"/blob/{COLAB_BRANCH}/{path}",
        "Binder": f"https://mybinder.org/v2/gh/{owner_and_name}/{quote(branch, safe='')}"
        f"?urlpath=lab/tree/{path}",
    }


def with_installation(notebook, owner_and_name, branch):
    """Return a notebook with a first cell that installs the package, and without outputs."""
    package = f"smnn[all] @ git+https://github.com/{owner_and_name}@{branch}"
    source = f'# Colab starts without the package of this book.\n%pip install -q "{package}"'
    first = nbformat.v4.new_code_cell(source, id="install-the-package")
    cells = [
        {**cell, "execution_count": None, "outputs": []} if cell["cell_type"] == "code" else cell
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": [first, *cells]}


def add_links(app, context, body):
    """Put the links beside the link to the notebook."""
    found, notebook = repository(app.config), body.select_one(".facts-notebook")
    if found is None or notebook is None:
        return
    place = new_tag(body, "span", class_="facts-launch")
    for name, address in addresses(*found, context["sourcename"]).items():
        place.extend([new_tag(body, "a", name, href=address), " "])
    place.append(new_tag(body, "span", "(need the network)"))
    notebook.insert_after(place)


def write_colab_copies(app):
    """Write the notebooks that Colab opens, beside the site."""
    found, sources = repository(app.config), Path(app.outdir, "_sources")
    for path in sources.rglob("*.ipynb") if found else ():
        copy = Path(app.outdir).parent / COLAB_BRANCH / path.relative_to(sources)
        copy.parent.mkdir(parents=True, exist_ok=True)
        notebook = with_installation(json.loads(path.read_text(encoding="utf-8")), *found)
        copy.write_text(json.dumps(notebook, ensure_ascii=False, indent=1), encoding="utf-8")
