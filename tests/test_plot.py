"""Pictures: what was drawn, in which color, with which words; and what is refused."""

import io
import subprocess
import sys

import matplotlib

matplotlib.use("agg")

import numpy as np
import pytest
from matplotlib.colors import same_color, to_rgb

import smnn
from smnn import plot
from smnn.plot import graph, pixels, space, styling


@pytest.fixture(autouse=True)
def clean():
    with plot.pyplot.rc_context():
        yield
    plot.pyplot.close("all")


def words(ax):
    return [text.get_text() for text in ax.texts]


def contrast(one, other):
    lighter, darker = sorted(
        (styling._luminance(np.array(to_rgb(color))) for color in (one, other)), reverse=True
    )
    return (lighter + 0.05) / (darker + 0.05)


PAPER, NIGHT = "#fefdfb", "#15171a"


# The look


@pytest.mark.parametrize("color", [plot.INK, plot.FORWARD, plot.BACKWARD])
@pytest.mark.parametrize("page", [PAPER, NIGHT])
def test_text_is_readable_on_a_light_and_on_a_dark_page(color, page):
    assert contrast(color, page) > 4


@pytest.mark.parametrize("color", [*plot.CLASS_COLORS, "black", "white", "#000080"])
def test_any_color_can_be_made_readable(color):
    shade = plot.readable(color)
    assert contrast(shade, PAPER) > 4 and contrast(shade, NIGHT) > 4


def test_readable_keeps_the_hue():
    red, green, blue = to_rgb(plot.readable("#e69f00"))
    assert red > green > blue == 0


def test_classes_are_told_apart_by_marker_too():
    assert len(set(plot.CLASS_COLORS)) == len(set(plot.CLASS_MARKERS)) == 8
    assert plot.class_color(9) == plot.CLASS_COLORS[1]


def test_no_two_of_thirty_series_are_alike():
    styles = [plot.series_style(k) for k in range(30)]
    assert len({(style["color"], style["linestyle"]) for style in styles}) == 30
    assert plot.series_color(6) == styles[6]["color"] == plot.SERIES_COLORS[1]
    assert not set(plot.SERIES_COLORS) & {*plot.CLASS_COLORS, plot.FORWARD, plot.BACKWARD}


def test_lines_without_a_color_are_series():
    plot.style()
    lines = plot.pyplot.subplots()[1].plot([[1, 2, 3], [4, 5, 6]])
    assert [line.get_color() for line in lines] == list(plot.SERIES_COLORS[:3])


def test_style_makes_a_transparent_figure_that_is_the_same_twice():
    plot.style()

    def drawn():
        ax = plot.activation("tanh")
        assert ax.figure.get_facecolor()[3] == ax.get_facecolor()[3] == 0
        content = io.BytesIO()
        ax.figure.savefig(content, format="png")
        return content.getvalue()

    first = drawn()
    assert first == drawn()
    pixels = plot.pyplot.imread(io.BytesIO(first))
    assert pixels.shape[2] == 4 and pixels[0, 0, 3] == 0, "the ground must be transparent"


def test_style_asks_a_notebook_for_sharp_pictures(monkeypatch):
    asked = []
    inline = pytest.importorskip("matplotlib_inline.backend_inline")
    monkeypatch.setattr(matplotlib, "get_backend", lambda: "module://matplotlib_inline.backend")
    monkeypatch.setattr(inline, "set_matplotlib_formats", lambda *formats: asked.append(formats))
    plot.style()
    assert asked == [("retina",)]


def test_every_picture_draws_on_the_axes_it_is_given():
    x, y = smnn.make_blobs(5, rng=0)
    probs = np.full((6, 3), 1 / 3)
    history = smnn.History()
    history.append({"loss": 1.0})
    tensor = smnn.Tensor(1.0)
    calls = {
        "activation": lambda ax: plot.activation("relu", ax=ax),
        "probability_bars": lambda ax: plot.probability_bars([0.4, 0.6], ax=ax),
        "training_history": lambda ax: plot.training_history(history, ax=ax),
        "confusion_matrix": lambda ax: plot.confusion_matrix(np.eye(3, dtype=int), ax=ax),
        "reliability_diagram": lambda ax: plot.reliability_diagram([0] * 6, probs, ax=ax),
        "images": lambda ax: plot.images(np.zeros((3, 4)), (2, 2), ax=ax),
        "weights_as_images": lambda ax: plot.weights_as_images(np.eye(4), (2, 2), ax=ax),
        "decision_regions": lambda ax: plot.decision_regions(smnn.softmax, x, y, ax=ax),
        "simplex": lambda ax: plot.simplex(probs, ax=ax),
        "network": lambda ax: plot.network([2, 3], ax=ax),
        "computation_graph": lambda ax: plot.computation_graph({"x": tensor}, ax=ax),
    }
    functions = {n for n in plot.__all__ if callable(getattr(plot, n))}
    looks = {"class_color", "label_lines", "readable", "series_color", "series_style", "style"}
    assert functions - looks == calls.keys()
    for call in calls.values():
        ax = plot.pyplot.figure().add_subplot()
        assert call(ax) is ax
        assert len(ax.figure.axes) == 1


# Names on lines


def test_names_stand_at_the_ends_of_their_lines_and_apart():
    _, ax = plot.pyplot.subplots()
    for k, last in enumerate([1.0, 1.001, 1.002, 3.0]):
        ax.plot([0, 1, 2], [0, 1, last], label=f"line {k}", color=plot.class_color(k))
    ax.plot([0, 2], [0, np.nan], label="gone half way", color="black")
    ax.plot([0, 1], [5, 5])
    names = plot.label_lines(ax)
    assert [name.get_text() for name in names] == [
        "gone half way", "line 0", "line 1", "line 2", "line 3",
    ]  # fmt: skip
    assert [name.xy[0] for name in names] == [0, 2, 2, 2, 2]
    assert names[1].get_color() == plot.readable(plot.class_color(0))
    ax.figure.draw_without_rendering()
    heights = [name.get_window_extent().y0 * 72 / ax.figure.dpi for name in names]
    assert (np.diff(heights) > 11.5).all()
    assert names[4].xyann == (5, 0), "a name with room stays where it is"


# Curves and charts


@pytest.mark.parametrize("name", [name for name in smnn.ACTIVATIONS if name != "softmax"])
def test_activation_draws_value_and_derivative(name):
    value, slope = plot.activation(name).get_lines()[:2]
    x, y = value.get_data()
    f, vjp = smnn.ACTIVATIONS[name]
    assert np.array_equal(y, f(x))
    drawn = slope.get_ydata()
    known = np.isfinite(drawn)
    assert known.mean() > 0.99
    assert np.array_equal(drawn[known], vjp(np.ones_like(x), y, x)[known])
    assert same_color(value.get_color(), plot.FORWARD)
    assert same_color(slope.get_color(), plot.BACKWARD)
    assert value.is_dashed() is False and slope.is_dashed() is True


def test_a_jump_of_the_derivative_is_a_gap():
    slope = plot.activation("relu").get_lines()[1].get_ydata()
    assert np.isnan(slope).sum() == 1


def test_activation_takes_options_and_names():
    ax = plot.activation("leaky_relu", slope=0.5, limits=(-2, 2))
    x, y = ax.get_lines()[0].get_data()
    assert x[0] == -2 and y[0] == -1
    assert sorted(words(ax)) == ["derivative", "leaky relu"]
    styles = {text.get_text(): text.get_style() for text in ax.texts}
    assert styles == {"derivative": "italic", "leaky relu": "normal"}


def test_softmax_is_no_curve():
    with pytest.raises(ValueError, match="got 'softmax'"):
        plot.activation("softmax")


def test_bars_are_as_long_as_the_probabilities_and_the_true_class_is_ringed():
    probs = [0.1, 0.7, 0.2]
    ax = plot.probability_bars(probs, class_names=["a", "b", "c"], true=2)
    assert [bar.get_width() for bar in ax.patches] == probs
    assert [same_color(b.get_facecolor(), plot.class_color(k)) for k, b in enumerate(ax.patches)]
    assert words(ax) == ["0.100", "0.700", "0.200"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b", "c"]
    (ring,) = [line for line in ax.get_lines() if line.get_label() == "true class"]
    assert ring.get_ydata()[0] == 2 and ring.get_markerfacecolor() == "none"
    plain = plot.probability_bars(probs)
    assert not [line for line in plain.get_lines() if line.get_label() == "true class"]


def test_history_draws_what_was_recorded():
    history = smnn.History()
    for loss in (3.0, 2.0, 1.5):
        history.append({"loss": loss, "accuracy": 1 / loss, "val_loss": loss + 1, "lr": 0.1})
    ax = history.plot()
    assert sorted(words(ax)) == ["loss", "validation loss"]
    training, validation = ax.get_lines()
    assert training.get_xdata().tolist() == [1, 2, 3]
    assert training.get_ydata().tolist() == [3.0, 2.0, 1.5]
    assert validation.get_ydata().tolist() == [4.0, 3.0, 2.5] and validation.is_dashed()
    other = history.plot(["accuracy"])
    assert words(other) == ["accuracy"]
    with pytest.raises(KeyError, match="'acc' was not recorded"):
        history.plot(["acc"])


def test_confusion_matrix_shows_counts_shares_and_the_diagonal():
    matrix = np.array([[8, 2, 0], [0, 5, 0], [1, 1, 2]])
    ax = plot.confusion_matrix(matrix, class_names=["cat", "dog", "horse"])
    assert words(ax) == ["8", "2", "5", "1", "1", "2"]
    shades = ax.get_images()[0].get_array()[..., 3]
    assert np.allclose(shades, matrix / matrix.sum(axis=1, keepdims=True))
    outlined = [patch.get_xy() for patch in ax.patches]
    assert outlined == [(i - 0.5, i - 0.5) for i in range(3)]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["cat", "dog", "horse"]


def test_confusion_matrix_of_a_class_that_never_came():
    ax = plot.confusion_matrix([[3, 0], [0, 0]])
    assert words(ax) == ["3"]


def test_reliability_diagram_draws_the_curve_and_the_error():
    rng = np.random.default_rng(0)
    probs, y = rng.dirichlet([1, 1, 1], 200), rng.integers(0, 3, 200)
    ax = plot.reliability_diagram(y, probs, n_bins=8)
    confidence, correct, count = smnn.reliability_curve(y, probs, n_bins=8)
    dots = ax.collections[-1]
    assert np.allclose(dots.get_offsets(), np.column_stack([confidence, correct]))
    assert (np.argsort(dots.get_sizes()) == np.argsort(count)).all()
    gaps = np.array(ax.collections[0].get_segments())
    assert np.allclose(gaps[:, 0, 1], confidence) and np.allclose(gaps[:, 1, 1], correct)
    error = smnn.expected_calibration_error(y, probs, n_bins=8)
    assert words(ax) == [f"calibration error {error:.3f}"]


# Pictures made of pixels


def test_images_are_ink_on_nothing_in_reading_order():
    x = np.arange(24).reshape(6, 4) / 24
    ax = plot.images(x, (2, 2), titles="abcdef", columns=3)
    shown = ax.get_images()[0].get_array()
    assert words(ax) == list("abcdef")
    assert same_color(shown[0, 0, :3], plot.INK)
    opaque = shown[..., 3]
    mosaic, corners = pixels._mosaic(x, (2, 2), 3, True)
    assert len({top for top, _ in corners}) == 2 and len({left for _, left in corners}) == 3
    for picture, (top, left) in zip(x, corners, strict=True):
        assert np.allclose(opaque[top : top + 2, left : left + 2].ravel(), picture)
    assert opaque[np.isnan(mosaic)].max() == 0


def test_weights_share_one_scale_with_zero_in_the_middle():
    W = np.array([[0.0, -2.0], [1.0, 0.0], [2.0, 0.5], [-1.0, 0.0]])
    shown = plot.weights_as_images(W, (2, 2)).get_images()[0].get_array()
    _, corners = pixels._mosaic(W.T, (2, 2), None, False)
    cividis = plot.pyplot.get_cmap("cividis")
    for column, (top, left) in zip(W.T, corners, strict=True):
        expected = cividis((column.reshape(2, 2) / 2 + 1) / 2)
        assert np.allclose(shown[top : top + 2, left : left + 2], expected)
    assert (shown[..., 3] == 0).any(), "the gaps must be transparent"
    plot.weights_as_images(np.zeros((4, 1)), (2, 2))


# The plane and the simplex


def quadrants(points):
    return (points[:, 0] > 0).astype(int) + 2 * (points[:, 1] > 0)


def test_regions_are_what_the_classifier_says():
    x = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1.0]])
    ax = plot.decision_regions(quadrants, x, [0, 1, 2, 3], class_names="abcd", resolution=50)
    shown = ax.get_images()[0]
    left, right, bottom, top = shown.get_extent()
    assert left < -1 and right > 1 and bottom < -1 and top > 1
    corner_colors = shown.get_array()[[0, 0, -1, -1], [0, -1, 0, -1], :3]
    for k, color in enumerate(corner_colors):
        assert same_color(color, plot.class_color(k))
    points = [c for c in ax.collections if isinstance(c, matplotlib.collections.PathCollection)]
    assert [p.get_offsets().data.tolist() for p in points] == [[list(row)] for row in x]
    assert words(ax) == list("abcd")
    for k, name in enumerate(ax.texts):
        right_half, upper_half = np.array(name.get_position()) > 0.5
        assert right_half + 2 * upper_half == k, "a name stands in its own region"


def test_regions_fade_where_the_classifier_is_unsure():
    x = np.array([[-3.0, 0], [3, 1]])

    def unsure(points):
        return smnn.softmax(np.column_stack([-points[:, 0], points[:, 0]]))

    shades = plot.decision_regions(unsure, x, [0, 1]).get_images()[0].get_array()[150, :, 3]
    assert shades[0] == shades[-1] == shades.max() > 3 * shades[150]


def test_anything_that_predicts_will_do():
    x, y = smnn.make_blobs(10, rng=0)
    classifier = smnn.SoftmaxClassifier().fit(x, y)

    class OnlyPredict:
        predict = staticmethod(classifier.predict)

    pictures = [
        plot.decision_regions(what, x, y, resolution=40).get_images()[0].get_array()
        for what in (classifier, classifier.predict_proba, OnlyPredict())
    ]
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0][..., :3], pictures[2][..., :3])


def test_a_name_keeps_away_from_examples_and_borders():
    region = np.zeros((60, 60), bool)
    region[:, 30:] = True
    place = space._roomiest(region, np.array([[0.75, 0.5]]))
    assert 0.6 < place[0] < 0.9 and abs(place[1] - 0.5) > 0.2
    middle = space._roomiest(np.zeros((9, 9), bool), np.array([[0.2, 0.4]]))
    assert middle.tolist() == [0.2, 0.4]


def test_simplex_corners_middle_ring_and_path():
    points = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3]]
    ax = plot.simplex(points, class_names="xyz", true=1, path=True)
    height = np.sqrt(3) / 2
    drawn = ax.collections[0].get_offsets()
    assert np.allclose(drawn, [[0, 0], [1, 0], [0.5, height], [0.5, height / 3]])
    assert words(ax) == ["x", "y", "z"]
    (ring,) = [line for line in ax.get_lines() if line.get_label() == "true class"]
    assert np.allclose(ring.get_data(), [[1], [0]])
    (path,) = [line for line in ax.get_lines() if line.get_zorder() == 2 and line is not ring]
    assert np.allclose(path.get_xydata(), drawn)


# Networks and graphs


def test_network_joins_every_unit_to_the_next_layer():
    ax = plot.network([3, 4, 2], names=["in", "hidden", "out"])
    assert len(ax.patches) == 9 and len(ax.get_lines()) == 3 * 4 + 4 * 2
    assert words(ax) == ["in", "hidden", "out"]


def test_network_of_a_model_shows_its_weights():
    model = smnn.Sequential([smnn.Dense(2, input_shape=(2,))], rng=0)
    model.params["0.W"][...] = [[1.0, -0.5], [0.0, 0.25]]
    lines = plot.network(model).get_lines()
    widths = [line.get_linewidth() for line in lines]
    assert widths == pytest.approx([2.0, 1.15, 0.3, 0.725])
    assert [line.is_dashed() for line in lines] == [False, True, False, False]


def test_wide_layers_are_cut_with_dots():
    ax = plot.network([784, 2])
    assert len(ax.patches) == 8 + 2 and words(ax) == ["⋮"]
    assert len(ax.get_lines()) == 8 * 2


def test_graph_shows_values_above_and_gradients_below():
    x, w = smnn.Tensor(3.0), smnn.Tensor(-2.0)
    y = (x * w).exp() * 2.0 + x
    y.backward()
    ax = plot.computation_graph({"x": x, "w": w, "y": y})
    shown = {}
    for text in ax.texts:
        shown.setdefault(text.get_color(), []).append(text.get_text())
    assert shown[plot.FORWARD] == ["3", "-2", "3"]
    assert shown[plot.BACKWARD] == [f"{float(t.grad):.3g}" for t in (x, w, y)]
    above, below = [t for t in ax.texts if t.get_color() in (plot.FORWARD, plot.BACKWARD)][:2]
    assert above.xyann[1] > 0 > below.xyann[1]
    assert (above.get_style(), below.get_style()) == ("normal", "italic")
    assert len(ax.patches) == 2, "one arrow from x and one from w, through steps without names"


def test_graph_without_gradients_and_with_arrays():
    x = smnn.Tensor(np.array([1.0, 2.5]))
    big = smnn.Tensor(np.ones((3, 2)))
    ax = plot.computation_graph({"x": x, "big": big})
    assert words(ax) == ["x", "[1 2.5]", "big", "3×2"]


def test_layout_goes_from_left_to_right_and_out_of_the_way():
    parents = {"x": [], "e": ["x"], "s": ["e"], "p": ["e", "s"], "b": ["p"], "c": []}
    places = graph._layout(parents)
    assert places["x"][0] < places["e"][0] < places["s"][0] < places["p"][0] < places["b"][0]
    assert places["e"][1] == places["p"][1]
    assert abs(places["s"][1] - places["e"][1]) >= 0.5
    late = graph._layout({"x": [], "y": ["x"], "z": ["y", "b"], "b": []})
    assert late["b"][0] == late["z"][0] - 1, "an input stands right before its use"
    assert len(set(late.values())) == 4


# What is refused


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: plot.probability_bars([[0.5, 0.5]]), ValueError, r"shape \(K,\), got \(1, 2\)"),
        (
            lambda: plot.probability_bars([0.5, 0.5], class_names=["a"]),
            ValueError,
            "class_names must hold 2 names, got 1",
        ),
        (lambda: plot.confusion_matrix(np.ones((2, 3))), ValueError, r"\(K, K\), got \(2, 3\)"),
        (lambda: plot.images(np.ones((2, 5)), (2, 2)), ValueError, r"4 pixels each.*\(2, 5\)"),
        (lambda: plot.simplex(np.ones((2, 4))), ValueError, r"three classes.*\(2, 4\)"),
        (
            lambda: plot.decision_regions(len, np.ones((4, 3)), np.zeros(4, int)),
            ValueError,
            r"\(N, 2\), got \(4, 3\)",
        ),
        (
            lambda: plot.decision_regions(lambda p: p[:5], np.eye(2), [0, 1], resolution=9),
            ValueError,
            r"shape \(81, K\) or \(81,\), got \(5, 2\)",
        ),
        (lambda: plot.computation_graph({}), ValueError, "at least one named tensor"),
        (lambda: plot.computation_graph({"x": 3.0}), TypeError, "shows tensors, got 3.0 for 'x'"),
        (lambda: plot.network([]), ValueError, "at least two layers"),
        (lambda: plot.network([2, 0]), ValueError, "at least 1 unit"),
    ],
)
def test_bad_input_is_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_without_matplotlib_the_sentence_says_what_to_install():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import smnn\n"
        "try: from smnn import plot\n"
        "except ImportError as error: print(error)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == 'smnn.plot needs Matplotlib: pip install "smnn[plot]"\n'
