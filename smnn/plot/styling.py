"""One look for all pictures: colors that carry meaning, and one figure for every page.

A picture stands on a transparent ground.  Text and axes are of a gray whose contrast is the
same against white paper and against a dark page, so one picture serves both.  The colors
mean the same everywhere: classes come in the order of Okabe and Ito, whose palette people
with any kind of color vision can tell apart; values that flow forward are blue, those that
flow backward are vermilion; lines that are compared with each other, such as methods,
losses or sizes, are violet, from dark to light.  Nothing is said by color alone: classes
differ in their marker too, compared lines in their dashes, backward values are dashed lines
or italics, and the true class wears a ring.  Names stand on the lines instead of in a legend.
"""

import numpy as np

try:
    import matplotlib
    from matplotlib import pyplot
    from matplotlib.colors import to_rgb
except ImportError as error:
    raise ImportError('smnn.plot needs Matplotlib: pip install "smnn[plot]"') from error

#: The color of text and axes, as far from white paper as from a dark page.
INK = "#7a7a7a"
#: The color of values that flow forward.
FORWARD = "#1a80c0"
#: The color of gradients, which flow backward.
BACKWARD = "#cc5800"
#: The colors of the classes, in the order of Okabe and Ito.
CLASS_COLORS = (
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#d0b800",  # the palette's yellow, darker, or it would be lost on white
    "#0072b2",
    "#d55e00",
    "#cc79a7",
    "#999999",
)
#: The markers of the classes, for those who see no colors.
CLASS_MARKERS = "o^sDvPX*"
#: The colors of lines that are compared: violet, which no class has.  By their lightness the
#: order is 0, 3, 1, 4, 2, so that the first two, and the first three, are far apart.
SERIES_COLORS = ("#6b47e1", "#9e55ed", "#d265f2", "#854ee8", "#b85cf0")
#: The dashes of lines that are compared.  They are one more than the colors, so that a line
#: whose color has been there before has other dashes.
SERIES_DASHES = (
    "solid",
    (0, (4, 1.5)),
    (0, (1.2, 1.2)),
    (0, (7, 1.5, 1.2, 1.5)),
    (0, (9, 2)),
    (0, (4, 1.5, 1.2, 1.5, 1.2, 1.5)),
)

_SETTINGS = {
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "figure.constrained_layout.use": True,
    "figure.dpi": 120,
    "figure.edgecolor": "none",
    "figure.facecolor": "none",
    "figure.figsize": (6.0, 3.4),
    "font.family": "DejaVu Sans",  # comes with Matplotlib
    "font.size": 10,
    "grid.color": INK,
    "grid.alpha": 0.25,
    "image.cmap": "cividis",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "lines.markersize": 6,
    "mathtext.fontset": "dejavuserif",
    "savefig.facecolor": "none",
    "svg.hashsalt": "smnn",  # or two runs would give two files
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 9,
    "ytick.color": INK,
    "ytick.labelsize": 9,
}


def style():
    """Give every figure from now on the look of the book; call it once, at the top.

    Lines without a color of their own take those of series, `SERIES_COLORS`.  In a notebook
    the pictures become sharp ones, with two pixels for one.

    Examples
    --------
    >>> from smnn import plot
    >>> with plot.pyplot.rc_context():   # in a program that wants its own look back
    ...     plot.style()
    ...     plot.pyplot.rcParams["figure.facecolor"]
    'none'
    """
    matplotlib.rcParams.update(_SETTINGS)
    matplotlib.rcParams["axes.prop_cycle"] = matplotlib.cycler(color=SERIES_COLORS)
    if "inline" in matplotlib.get_backend():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("retina")


def class_color(k):
    """The color of class k; after eight they come around again, the markers with them.

    Examples
    --------
    >>> class_color(0), class_color(8)
    ('#e69f00', '#e69f00')
    """
    return CLASS_COLORS[k % len(CLASS_COLORS)]


def series_color(k):
    """The color of line k among lines that are compared; after five they come around again.

    Examples
    --------
    >>> series_color(0), series_color(5)
    ('#6b47e1', '#6b47e1')
    """
    return SERIES_COLORS[k % len(SERIES_COLORS)]


def series_style(k):
    """The color and the dashes of line k among lines that are compared, for ``ax.plot``.

    No two of the first thirty are alike.

    Returns
    -------
    dict

    Examples
    --------
    >>> series_style(0)
    {'color': '#6b47e1', 'linestyle': 'solid'}
    >>> ax = axes()
    >>> _ = ax.plot([1, 2], [3, 4], **series_style(1), label="second")
    >>> pyplot.close(ax.figure)
    """
    return {"color": series_color(k), "linestyle": SERIES_DASHES[k % len(SERIES_DASHES)]}


def readable(color):
    """The same hue, light or dark enough to read as text on white and on a dark page.

    Examples
    --------
    >>> readable("#e69f00")
    '#a47000'
    """
    rgb = np.array(to_rgb(color))
    wanted = _luminance(np.array(to_rgb(INK)))
    linear = _linear(rgb)
    if _luminance(rgb) >= wanted:
        linear = linear * (wanted / _luminance(rgb))
    else:
        share = (wanted - _luminance(rgb)) / (1 - _luminance(rgb))
        linear = linear + share * (1 - linear)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return matplotlib.colors.to_hex(np.clip(encoded, 0, 1))


def tinted(color, share):
    """A color as opaque as the share says, for each number in an array from 0 to 1.

    Examples
    --------
    >>> tinted("black", np.array([0.0, 0.5]))
    array([[0. , 0. , 0. , 0. ],
           [0. , 0. , 0. , 0.5]])
    """
    rgb = np.broadcast_to(to_rgb(color), (*share.shape, 3))
    return np.concatenate([rgb, np.clip(share, 0, 1)[..., None]], axis=-1)


def _linear(rgb):
    """From the numbers in a file to amounts of light, as sRGB defines it."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _luminance(rgb):
    return float(_linear(rgb) @ [0.2126, 0.7152, 0.0722])


def axes(ax=None, size=None):
    """The axes that were given, or new ones in a figure of their own.

    Examples
    --------
    >>> ax = axes(size=(4, 2))
    >>> axes(ax) is ax
    True
    >>> pyplot.close(ax.figure)
    """
    if ax is None:
        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    return ax


def label_lines(ax):
    """Write the name of each line at its right end, in the line's color.

    Names that would touch each other are moved apart.  Call it when everything is drawn.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Lines without a label stay without.

    Returns
    -------
    list of matplotlib.text.Annotation

    Examples
    --------
    >>> ax = axes()
    >>> _ = ax.plot([0, 1], [0, 1], label="up"), ax.plot([0, 1], [1, 0], label="down")
    >>> [name.get_text() for name in label_lines(ax)]
    ['down', 'up']
    >>> pyplot.close(ax.figure)
    """
    named = []
    for line in ax.get_lines():
        known = np.isfinite(np.asarray(line.get_ydata(), dtype=float))
        if not line.get_label().startswith("_") and known.any():
            last = np.flatnonzero(known)[-1]
            named.append((line, line.get_xdata()[last], float(line.get_ydata()[last])))
    ax.figure.draw_without_rendering()  # places the axes
    points = 72 / ax.figure.dpi
    named = [(ax.transData.transform((x, y))[1] * points, line, x, y) for line, x, y in named]
    named.sort(key=lambda one: one[0])
    heights = np.array([height for height, *_ in named])
    return [
        ax.annotate(
            line.get_label(),
            (x, y),
            xytext=(5, shift),
            textcoords="offset points",
            va="center",
            color=readable(line.get_color()),
            annotation_clip=False,
        )
        for (_, line, x, y), shift in zip(named, _apart(heights, 12) - heights, strict=True)
    ]


def _apart(places, gap):
    """Sorted places moved as little as it takes to be at least a gap from each other."""
    places = np.array(places, dtype=float)
    for _ in range(100):
        overlap = np.maximum(gap - np.diff(places), 0) / 2
        if not (overlap > 1e-3).any():
            break
        places[:-1] -= overlap
        places[1:] += overlap
    return places
