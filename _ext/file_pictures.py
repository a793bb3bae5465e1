"""Show a drawing from a file as the pictures of cells are shown: in the colors of the page.

An author writes ``![what is to be seen](drawing.svg "What it says.")``, which a live notebook
shows too.  The title becomes the caption of a numbered figure.  Where there is a file
`drawing-narrow.svg` beside it, phones show that one.
"""

from pathlib import Path

from cell_pictures import picture_html
from docutils import nodes


def read_drawings(path):
    """Return the drawing in a file and the one for phones beside it, by their kinds."""
    narrow = path.with_stem(f"{path.stem}-narrow")
    return {
        "wide": path.read_text(encoding="utf-8"),
        "narrow": narrow.read_text(encoding="utf-8") if narrow.exists() else "",
    }


def figure_of(image, drawings, name):
    """Return a figure with the drawings of an image; its title is the caption."""
    figure = nodes.figure(ids=[name], names=[name])
    figure += nodes.raw("", picture_html(drawings, image.get("alt", "")), format="html")
    if image.get("title"):
        figure += nodes.caption("", image["title"])
    return figure


def show_drawings(app, doctree):
    """Put figures in the place of paragraphs that hold nothing but a drawing from a file."""
    for image in list(doctree.findall(nodes.image)):
        path = Path(app.srcdir) / image["uri"]
        alone = isinstance(image.parent, nodes.paragraph) and len(image.parent) == 1
        if path.suffix != ".svg" or not alone:
            continue
        app.env.note_dependency(str(path))
        name = f"fig-{path.stem}"
        image.parent.replace_self(figure_of(image, read_drawings(path), name))
