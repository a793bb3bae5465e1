"""The picture for the README: every library's time over smnn's, shape by shape."""

import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator, NullLocator

from benchmarks.ratios import US, library_seconds

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
    "SciPy": "#b3924a",
    "ONNX Runtime": "#7f8c98",
    "scikit-learn": "#c7699a",
}
MARKERS = dict(zip(COLORS, "sD^vPX", strict=True))
OURS = "#e8590c"
TEXT = "#7b838c"  # readable on white and on dark pages


def draw(results, path):
    """Write the picture as SVG with a transparent background."""
    style = dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), TEXT
    ) | {"svg.hashsalt": "benchmarks", "svg.fonttype": "path", "font.size": 9}
    records = [
        record
        for record in results["records"]
        if record["dtype"] == "float32" and record["threads"] == 1 and not record["reuse"]
    ]
    panels = [name for name in PANELS if any(r["operation"] == name for r in records)]
    if not panels:
        return
    with plt.rc_context(style):
        figure, axes = plt.subplots(
            1, len(panels), figsize=(3.6 * len(panels), 4.6), sharey=True, squeeze=False
        )
        for axis, operation in zip(axes[0], panels, strict=True):
            draw_panel(axis, [r for r in records if r["operation"] == operation])
            axis.set_title(PANELS[operation])
        axes[0][0].set_ylabel("time ÷ time of smnn")
        labeled = {}
        for axis in axes[0]:
            labeled |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
        figure.legend(
            labeled.values(), labeled.keys(), loc="lower center", ncols=len(labeled),
            frameon=False, handletextpad=0.2, columnspacing=1.2,
        )  # fmt: skip
        figure.tight_layout(rect=(0, 0.06, 1, 1))
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
