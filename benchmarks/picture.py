"""The picture for the README and the book: every library's time over smnn's, shape by shape.

It is drawn twice: for the README and wide windows with its panels side by side, and for a
phone with its panels under each other.  Its words stay text.
"""

import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullLocator

from benchmarks.ratios import US, library_seconds
from smnn.plot import INK

PANELS = {
    "softmax": "softmax",
    "cross_entropy": "cross-entropy loss",
    "softmax_cross_entropy": "loss and gradient",
}
# Colors that differ in lightness too, and stand out on white and on dark gray.
COLORS = {
    "PyTorch": "#4c8dd6",
    "JAX": "#3aa17e",
    "NumPy": "#9a79c8",
    "SciPy": "#a8873f",
    "ONNX Runtime": "#7f8c98",
    "scikit-learn": "#c7699a",
}
MARKERS = dict(zip(COLORS, "sD^vPX", strict=True))
OURS = "#e8590c"
TEXT = INK  # readable on white and on dark pages; the book puts its own color for it


def draw(results, path):
    """Write the picture as SVG with a transparent background, and beside it that for a phone."""
    style = dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), TEXT
    ) | {"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 9}
    records = [
        record
        for record in results["records"]
        if record["dtype"] == "float32" and record["threads"] == 1 and not record["reuse"]
    ]
    panels = [name for name in PANELS if any(r["operation"] == name for r in records)]
    if not panels:
        return
    grouped = {name: [r for r in records if r["operation"] == name] for name in panels}
    narrow = path.with_stem(f"{path.stem}-narrow")
    with plt.rc_context(style):
        draw_panels(grouped, path, (1, len(panels)), (2.95, 4.3))
        draw_panels(grouped, narrow, (len(panels), 1), (3.4, 3.9))


def draw_panels(grouped, path, grid, size):
    """Write the panels in a grid, each of a size in inches, and one legend below them."""
    figure, axes = plt.subplots(
        *grid, figsize=(grid[1] * size[0], grid[0] * size[1] + 0.3), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    labeled = {}
    for axis, (operation, records) in zip(axes.flat, grouped.items(), strict=True):
        draw_panel(axis, records)
        axis.set_title(PANELS[operation])
        labeled |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    for axis in axes[:, 0]:
        axis.set_ylabel("time ÷ time of smnn")
    figure.legend(
        labeled.values(), labeled.keys(), loc="outside lower center",
        ncols=len(labeled) if grid[0] == 1 else 3,
        frameon=False, handletextpad=0.2, columnspacing=1.2,
    )  # fmt: skip
    figure.savefig(path, transparent=True, metadata={"Date": None})
    plt.close(figure)


def draw_panel(axis, records):
    records = sorted(records, key=lambda record: (record["shape"][1], record["shape"][0]))
    axis.axhline(1, color=OURS, linewidth=2, label=US)
    for library, color in COLORS.items():
        points = [
            (position, seconds / library_seconds(record, US))
            for position, record in enumerate(records)
            if (seconds := library_seconds(record, library)) is not None
        ]
        if points:
            axis.plot(
                *zip(*points, strict=True), color=color, marker=MARKERS[library], markersize=5,
                linestyle="", label=library,
            )  # fmt: skip
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_locator(NullLocator())
    axis.set_xticks(
        range(len(records)), [" × ".join(f"{size:,}" for size in r["shape"]) for r in records],
        rotation=90,
    )  # fmt: skip
    axis.grid(axis="y", color=TEXT, alpha=0.25, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
