"""The picture for the README: nanoseconds per element of every library, shape by shape."""

from benchmarks.ratios import US, library_seconds

PANELS = {
    "softmax": "softmax",
    "cross_entropy": "cross-entropy loss",
    "softmax_cross_entropy": "loss and gradient",
}
# Colors that differ in lightness too, and stand out on white and on dark gray.
COLORS = {
    US: "#e8590c",
    "PyTorch": "#4c8dd6",
    "JAX": "#3aa17e",
    "NumPy": "#9a79c8",
    "SciPy": "#b3924a",
    "ONNX Runtime": "#7f8c98",
    "scikit-learn": "#c7699a",
}
MARKERS = dict(zip(COLORS, "osD^vPX", strict=True))
TEXT = "#7b838c"  # readable on white and on dark pages


def draw(results, path):
    """Write the picture as SVG with a transparent background."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

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
        axes[0][0].set_ylabel("nanoseconds per element")
        handles, labels = axes[0][-1].get_legend_handles_labels()
        for axis in axes[0][:-1]:
            for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
                if label not in labels:
                    handles.append(handle)
                    labels.append(label)
        figure.legend(
            handles, labels, loc="lower center", ncols=len(labels), frameon=False,
            handletextpad=0.2, columnspacing=1.2,
        )  # fmt: skip
        figure.tight_layout(rect=(0, 0.06, 1, 1))
        figure.savefig(path, transparent=True, metadata={"Date": None})
        plt.close(figure)


def draw_panel(axis, records):
    records = sorted(records, key=lambda record: (record["shape"][1], record["shape"][0]))
    for library in reversed(COLORS):  # ours last, on top
        points = [
            (position, seconds * 1e9 / (record["shape"][0] * record["shape"][1]))
            for position, record in enumerate(records)
            if (seconds := library_seconds(record, library)) is not None
        ]
        if points:
            axis.plot(
                *zip(*points, strict=True), color=COLORS[library], marker=MARKERS[library],
                markersize=6 if library == US else 4, linewidth=1.6 if library == US else 0.6,
                label=library,
            )  # fmt: skip
    axis.set_yscale("log")
    axis.set_xticks(
        range(len(records)), [" × ".join(f"{size:,}" for size in r["shape"]) for r in records],
        rotation=90,
    )  # fmt: skip
    axis.grid(axis="y", color=TEXT, alpha=0.25, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
