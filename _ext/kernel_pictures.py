"""What a kernel does for the site: it gives each Matplotlib figure as SVG too, in two widths.

The build starts kernels with this file (`PYTHONSTARTUP`); a notebook that is run by hand, or
by the tests, gives PNG only and stays light.  `cell_pictures.py` puts the SVG on the page.

A figure for a phone is drawn again on narrower paper, with letters of the same size: axes that
stand side by side are put under each other.  Where that is not possible there is none, and
the wide figure scrolls.
"""

import io

MIME_TYPE = "application/vnd.book.picture+json"
HEAVIEST = 250_000  # characters of SVG; a figure with more stays a PNG
PHONE = 3.6  # inches
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "book"}  # text stays text; ids stay the same


def as_svg(figure):
    """Return a figure as SVG."""
    from matplotlib import rc_context

    text = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with rc_context(SETTINGS):
        figure.savefig(text, format="svg", bbox_inches="tight", metadata=nothing)
    return text.getvalue()


def stacked(figure):
    """Put axes that stand side by side under each other; return how many, or None if that fails."""
    from matplotlib.gridspec import GridSpec

    placed = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    grids = {ax.get_subplotspec().get_topmost_subplotspec().get_gridspec() for ax in placed}
    if len(grids) != 1 or len(placed) < len(figure.axes) or not all(ax.axison for ax in placed):
        return None
    rows, columns = next(iter(grids)).get_geometry()
    if columns == 1:
        return 1
    if rows > 1:
        return None
    below = GridSpec(columns, 1, figure=figure)
    for ax in placed:
        ax.set_subplotspec(below[ax.get_subplotspec().num1])
        ax.tick_params(labelleft=True, labelbottom=True)
    return columns


def for_a_phone(figure):
    """Return a figure as SVG on narrow paper, or an empty text.  The figure is spoiled."""
    width, height = figure.get_size_inches()
    if width <= PHONE:
        return ""
    many = stacked(figure)
    if many is None:
        return ""
    figure.set_size_inches(PHONE, height * many if many > 1 else min(height, 1.4 * PHONE))
    return as_svg(figure)


def drawn(figure):
    """Return both drawings of a figure by their names, or None if they are too heavy."""
    import pickle
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the figure itself has been drawn, and has warned
        wide = as_svg(figure)
        if len(wide) > HEAVIEST:
            return None
        try:
            copy = pickle.loads(pickle.dumps(figure))
            narrow = for_a_phone(copy)
            copy.clear()
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
