"""Put figures that a reader takes hold of on a page.

A cell that returns a figure of `smnn_book.draggable` names a kind of figure and the data of its
first state.  Here it becomes drawings, controls and the state in words, made by the scripts
that move it in the browser.  A page loads the scripts of its own kinds and no others.
"""

import json
import shutil
from html import escape
from pathlib import Path

import minify
from docutils import nodes

from smnn_book import draggable

BROAD = frozenset({"digit-pad"})  # kinds that reach out of the column of text
FOLDER = "draggable"


def figure_html(about):
    """Return a figure as HTML; the cell has given its name, kind, alt and data."""
    name, kind, data = about["name"], about["kind"], about["data"]
    classes = "draggable beyond" if kind in BROAD else "draggable"
    # a closing tag inside the data would end the element that holds it
    stored = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    return (
        f'<div class="{classes}" id="draggable-{name}" data-kind="{kind}" role="group"'
        f' aria-label="{escape(about["alt"])}">{draggable.first_state(name, kind, data)}'
        f'<script type="application/json">{stored}</script></div>'
    )


class FigureRenderer:
    """What MyST-NB asks when it meets such a figure among the outputs of a cell."""

    mime_priority_overrides = (("*", draggable.MIME_TYPE, 1),)

    @staticmethod
    def handle_mime(renderer, data, inline):
        """Return the figure as raw HTML; leave every other output alone."""
        if inline or data.mime_type != draggable.MIME_TYPE:
            return None
        return [nodes.raw("", figure_html(data.content), format="html")]


def for_browsers(source):
    """Return a script that does the same in fewer bytes.

    Examples
    --------
    >>> for_browsers("const twice = (value) => { return 2 * value; }; // why")
    'const twice=e=>2*e'
    """
    return minify.string("application/javascript", source)


def scripts(kind):
    """Return what a figure of a kind needs, by the names of the files."""
    sources = {"figures.js": for_browsers(draggable.script("figures"))}
    if kept := draggable.kept(kind):
        data = json.dumps(kept, separators=(",", ":"))
        sources[f"{kind}-data.js"] = f"globalThis.smnnFiguresKept = {data};\n"
    return {**sources, f"{kind}.js": for_browsers(draggable.script(kind))}


def load_scripts(app, body):
    """Let a page load what its figures need."""
    for kind in sorted({figure["data-kind"] for figure in body.select(".draggable")}):
        for name in scripts(kind):
            app.add_js_file(f"{FOLDER}/{name}", defer="defer")


def write_scripts(app):
    """Write the scripts that some page loads into the site, and no others."""
    site = Path(app.outdir)
    folder = site / "_static" / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    loads = "".join(page.read_text(encoding="utf-8") for page in site.rglob("*.html"))
    for kind in draggable.KINDS:
        for name, source in scripts(kind).items():
            if f"_static/{FOLDER}/{name}" in loads:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(source, encoding="utf-8")
