"""The files in the folder `_static`: one style sheet, our scripts, and nothing that no page loads.

A site asks nothing of the network (`tests/book/test_book_site.py` scans the pages for it), and
a phone paints nothing before it has all styles; so they are one file.
"""

from pathlib import Path

PARTS = ("book", "frame", "text", "slots", "boxes", "code", "draggable", "api", "print")
STYLE = "style.css"

# What is copied into every site, and is used by no page of this one.
UNUSED = (
    "basic.css",
    "design-tabs.js",
    "doctools.js",
    "documentation_options.js",
    "exercise.css",
    "language_data.js",
    "mystnb.*.css",
    "proof.css",
    "pygments.css",
    "searchtools.js",
    "sphinx-design*",
    "sphinx_highlight.js",
    "*.png",
    *(f"{name}.css" for name in PARTS),
)


def join_styles(app):
    """Write the style of the site, before a page names it with its checksum."""
    static = Path(app.outdir, "_static")
    static.mkdir(parents=True, exist_ok=True)
    parts = (Path(app.confdir, "assets", f"{name}.css") for name in PARTS)
    (static / STYLE).write_text("\n".join(part.read_text("utf-8") for part in parts), "utf-8")


def keep_own_assets(app, context):
    """Leave on a page our style and our scripts, and none that an extension adds to all pages."""
    own = {STYLE, *(path.name for path in Path(app.confdir, "assets").iterdir())}
    for kind in ("css_files", "script_files"):
        assets = context[kind]
        assets[:] = [asset for asset in assets if Path(asset.filename or "").name in own]


def drop_unused_files(app):
    """Delete what Sphinx and other extensions copied and no page asks for."""
    for pattern in UNUSED:
        for path in Path(app.outdir, "_static").glob(pattern):
            path.unlink()


def setup(app):
    """Connect to Sphinx."""
    app.add_css_file(STYLE)
    app.connect("builder-inited", join_styles)
