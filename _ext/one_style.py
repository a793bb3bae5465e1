"""Send the styles of the site as one file: a phone paints nothing before it has them all."""

from pathlib import Path

PARTS = ("book", "frame", "text", "slots", "boxes", "code", "draggable", "api", "print")
STYLE = "style.css"


def join_parts(app):
    """Write the style of the site, before a page names it with its checksum."""
    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    parts = (Path(app.confdir, "assets", f"{name}.css") for name in PARTS)
    (static / STYLE).write_text("\n".join(part.read_text("utf-8") for part in parts), "utf-8")


def setup(app):
    """Connect to Sphinx."""
    app.add_css_file(STYLE)
    app.connect("builder-inited", join_parts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
