"""What a kernel does for the site: it gives each Matplotlib figure as SVG too, in two widths.

The build starts kernels with this file (`PYTHONSTARTUP`); a notebook that is run by hand, or
by the tests, gives PNG only and stays light.  `cell_pictures.py` puts the SVG on the page.

A figure for a phone is drawn again on narrower paper, with letters of the same size.  Axes that
stand side by side are put under each other, and words that were beside their marks are kept
there.  Where that is not possible there is no such figure, and the wide one scrolls.
"""

import copy
import io
import re

MIME_TYPE = "application/vnd.book.picture+json"
HEAVIEST = 400_000  # characters of SVG; a figure with more stays a PNG
PHONE = 3.6  # inches
LEAST = 8.45  # points of a letter on that paper, which a phone of 390 pixels shows with 11
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "book"}  # text stays text; ids stay the same


def with_short_numbers(svg):
    """Return a drawing with hundredths of a pixel at most; its words stay as they are.

    Examples
    --------
    >>> with_short_numbers('<text x="1.23456">0.12345</text>')
    '<text x="1.23">0.12345</text>'
    """
    return re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag.group()), svg)


def as_svg(figure):
    """Return a figure as SVG."""
    from matplotlib import rc_context

    text = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with rc_context(SETTINGS):
        figure.savefig(text, format="svg", bbox_inches="tight", metadata=nothing)
    return with_short_numbers(text.getvalue())


def straighten(figure):
    """Drop the points inside of level lines from filled areas, which Matplotlib keeps."""
    import numpy as np
    from matplotlib.collections import PolyCollection

    for area in figure.findobj(PolyCollection):
        for path in area.get_paths():
            level = path.vertices[:, 1]
            if path.codes is None or len(level) < 1000:
                continue
            inside = np.zeros(len(level), dtype=bool)
            inside[1:-2] = (level[1:-2] == level[:-3]) & (level[1:-2] == level[2:-1])
            path.vertices, path.codes = path.vertices[~inside], path.codes[~inside]


# ------------------------------------------------------------------ on narrow paper


def arrange(figure):
    """Give the axes of a figure fewer columns.

    Returns
    -------
    tuple of int or None
        Rows and columns before and after, or None where axes cannot be moved.
    """
    from matplotlib.gridspec import GridSpec

    placed = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    grids = {ax.get_subplotspec().get_topmost_subplotspec().get_gridspec() for ax in placed}
    if len(grids) != 1 or len(placed) < len(figure.axes):
        return None
    rows, columns = next(iter(grids)).get_geometry()
    wanted = columns_for_a_phone(rows, columns, placed)
    if wanted is None or wanted == columns:
        return wanted and (rows, columns, rows, columns)
    below = GridSpec(-(-len(placed) // wanted), wanted, figure=figure)
    for k, ax in enumerate(placed):
        row, column = divmod(k, wanted)
        ax.set_subplotspec(below[row, column])
        is_first = column == 0 or not shares(ax, placed, "y")
        is_last = k + wanted >= len(placed) or not shares(ax, placed, "x")
        ax.tick_params(labelleft=is_first, labelbottom=is_last)
        if is_last and not ax.get_xlabel():
            ax.set_xlabel(placed[-1].get_xlabel() if shares(ax, placed, "x") else "")
        elif not is_last:
            ax.set_xlabel("")
    return rows, columns, below.nrows, below.ncols


def columns_for_a_phone(rows, columns, placed):
    """Return how many columns a grid of axes has on a phone, or None where they do not fit."""
    has_axes = all(ax.axison for ax in placed)
    if columns == 1 or (rows == 1 and has_axes):
        return 1
    if rows == 1:
        return min(columns, 5)  # images in a row
    if columns == 2:
        return 2
    if all(ax.get_title() for ax in placed) and has_axes:
        return 2
    return 3 if columns == 3 else None


def shares(ax, others, name):
    """Tell whether axes have one scale with others."""
    group = getattr(ax, f"get_shared_{name}_axes")()
    return any(group.joined(ax, other) for other in others if other is not ax)


def boxes_of_words(figure):
    """Return words that stand freely in the axes, with the boxes that they fill, in pixels.

    Words that are turned have boxes larger than they are, and are left out.
    """
    figure.draw_without_rendering()
    words = [text for ax in figure.axes for text in ax.texts if text.get_text().strip()]
    upright = [text for text in words if text.get_visible() and text.get_rotation() == 0]
    return [(text, text.get_window_extent()) for text in upright]


def words_inside(figure):
    """Tell for the words in the axes whether they stand between their left and right end."""
    return [
        text.axes.bbox.x0 - 1 <= box.x0 and box.x1 <= text.axes.bbox.x1 + 1
        for text, box in boxes_of_words(figure)
    ]


def make_room(figure, were_inside):
    """Let axes reach further where words that stood in them would stick out.

    Returns
    -------
    bool
        Whether that leaves the data at least half of the axes.
    """
    shares_left = {}
    for (text, box), was_inside in zip(boxes_of_words(figure), were_inside, strict=True):
        around, ax = text.axes.bbox, text.axes
        if not was_inside or not ax.axison or ax.get_aspect() != "auto":
            continue
        if text.get_ha() == "right" and box.x0 < around.x0 - 1:
            end, held = "left", around.x1 - box.x1
        elif text.get_ha() == "left" and box.x1 > around.x1 + 1:
            end, held = "right", box.x0 - around.x0
        else:
            continue
        share = (around.width - box.width - 2) / held
        shares_left[ax, end] = min(share, shares_left.get((ax, end), 1))
    for (ax, end), share in shares_left.items():
        if share < 0.5:
            return False
        more = ax.bbox.width * (1 / share - 1)
        pixels = ax.bbox.x0 - more if end == "left" else ax.bbox.x1 + more
        ax.set_xlim(**{end: ax.transData.inverted().transform((pixels, ax.bbox.y0))[0]})
    return True


def part_words(figure):
    """Move words of the axes that lie on others, up or down, until they only touch."""
    done = []
    for text, _ in boxes_of_words(figure):
        box = text.get_window_extent()
        for other in done:
            if box.shrunk(0.98, 0.9).overlaps(other):
                up = other.y1 - box.y0 if box.y0 >= other.y0 else other.y0 - box.y1
                lift(text, up)
                box = box.translated(0, up)
        done.append(box)


def lift(text, pixels):
    """Move words up by some pixels."""
    from matplotlib.text import Annotation
    from matplotlib.transforms import ScaledTranslation

    inches = pixels / text.figure.dpi
    if isinstance(text, Annotation):
        x, y = text.xyann
        if text.anncoords == "offset points":
            text.xyann = (x, y + 72 * inches)
        else:
            x, y = text.get_transform().transform((x, y))
            text.xyann = text.get_transform().inverted().transform((x, y + pixels))
    else:
        shift = ScaledTranslation(0, inches, text.figure.dpi_scale_trans)
        text.set_transform(text.get_transform() + shift)


def thin_labels(figure):
    """Hide labels of ticks that would touch the one before."""
    figure.draw_without_rendering()
    for ax in figure.axes:
        labels = [label for label in ax.get_xticklabels() if label.get_text()]
        end = None
        for label in labels if ax.axison else ():
            box = label.get_window_extent()
            if label.get_rotation() == 0 and end is not None and box.x0 < end + 3:
                label.set_visible(False)
            else:
                end = box.x1


def enlarge_letters(figure):
    """Give the smallest words the size that can be read without scrolling."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_fontsize(max(text.get_fontsize(), LEAST))


def break_titles(figure):
    """Put the last word of a title that is wider than its axes on a line of its own."""
    figure.draw_without_rendering()
    for ax in figure.axes:
        if ax.title.get_window_extent().width > ax.bbox.width:
            ax.title.set_text("\n".join(ax.get_title().rsplit(" ", 1)))


def collide(figure):
    """Tell whether words of a figure still lie on each other."""
    boxes = [box for _, box in boxes_of_words(figure)]
    boxes += [ax.title.get_window_extent() for ax in figure.axes if ax.get_title()]
    boxes = [box.shrunk(0.95, 0.8) for box in boxes]
    return any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def for_a_phone(figure):
    """Return a figure as SVG on narrow paper, or an empty text.  The figure is spoiled."""
    width, height = figure.get_size_inches()
    if width <= PHONE:
        return ""
    were_inside = words_inside(figure)
    bare = [ax for ax in figure.axes if not ax.axison]
    is_graph = any(text.get_bbox_patch() for ax in bare for text in ax.texts)
    grid = None if is_graph else arrange(figure)  # the boxes of a graph keep their distances
    if grid is None:
        return ""
    rows, columns, new_rows, new_columns = grid
    # a panel keeps its height where it has enough width, and loses some where it gets narrow
    narrower = (PHONE / new_columns) / (width / columns)
    height *= new_rows / rows * min(1, 1.4 * narrower)
    figure.set_size_inches(PHONE, height)
    enlarge_letters(figure)
    engine = figure.get_layout_engine()
    if new_rows > 1 and "h_pad" in (engine.get() if engine else ()):
        engine.set(h_pad=0.1)
    if not make_room(figure, were_inside):
        return ""
    break_titles(figure)
    thin_labels(figure)
    part_words(figure)
    return "" if collide(figure) else as_svg(figure)


def drawn(figure):
    """Return both drawings of a figure by their names, or None if they are too heavy."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the figure itself has been drawn, and has warned
        straighten(figure)
        wide = as_svg(figure)
        if len(wide) > HEAVIEST:
            return None
        try:
            spare = copy.deepcopy(figure)
            narrow = for_a_phone(spare)
            spare.clear()
        except Exception:  # a figure that cannot be copied has one drawing
            narrow = ""
    return {"wide": wide, "narrow": narrow if len(narrow) <= HEAVIEST else ""}


def install():
    """Let the kernel give the drawings beside the PNG."""
    from IPython import get_ipython
    from IPython.core.formatters import BaseFormatter
    from traitlets import ObjectName, Unicode

    class PictureFormatter(BaseFormatter):
        format_type = Unicode(MIME_TYPE)
        print_method = ObjectName("_picture_")
        _return_type = dict

        def __call__(self, shown):
            is_figure = type(shown).__module__ == "matplotlib.figure"
            return drawn(shown) if is_figure else None

    formatters = get_ipython().display_formatter.formatters
    formatters[MIME_TYPE] = PictureFormatter(parent=get_ipython().display_formatter)
