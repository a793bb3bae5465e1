"""A site that asks nothing of the network.

Every script of a page is the site's own, and small.  The formulas need none: `formulas.py`
typesets them with the MathJax that `sphinx-mathjax-offline` brings, when the site is built.

`tests/book/test_book_site.py` scans the built pages for what would be loaded from elsewhere.
"""

from importlib.metadata import files
from pathlib import Path

from one_style import PARTS

# What is copied into every site, and is used by no page of this one.
UNUSED = (
    "basic.css",
    "design-tabs.js",
    "doctools.js",
    "documentation_options.js",
    "exercise.css",
    "mystnb.*.css",
    "proof.css",
    "pygments.css",
    "sphinx-design*",
    "sphinx_highlight.js",
    "*.png",
    *(f"{name}.css" for name in PARTS),
)


def mathjax_folder():
    """Return the folder of the installed MathJax."""
    for path in files("sphinx-mathjax-offline") or []:
        if path.name == "tex-svg.js":
            return Path(path.locate()).parent
    raise FileNotFoundError("sphinx-mathjax-offline has no file tex-svg.js: install version 0.0.2")


def drop_unused_files(app, exception):
    """Delete what Sphinx and other extensions copied and no page asks for."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    for pattern in UNUSED:
        for path in static.glob(pattern):
            path.unlink()


def setup(app):
    """Connect to Sphinx."""
    app.connect("build-finished", drop_unused_files, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
