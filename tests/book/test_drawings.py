"""Drawings: shapes where they belong, numbers as they are, tiles where they are at work."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from smnn import plot
from smnn_book.drawings import attention_sweeps, matrices, pixel_classes, softmax_network

SHAPES = {
    "X": (5, 2), "W1": (2, 4), "b1": (4,), "Z1": (5, 4), "H": (5, 4),
    "W2": (4, 3), "b2": (3,), "Z2": (5, 3), "P": (5, 3), "loss": (),
}  # fmt: skip
VALUES = {name: np.zeros(shape) for name, shape in SHAPES.items()}


@pytest.fixture(autouse=True)
def _close():
    yield
    plot.pyplot.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_every_shape_and_every_gradient_appears_once():
    gradients = {name: VALUES[name] for name in ("W1", "b1", "Z1", "H", "W2", "b2", "Z2")}
    found = texts(softmax_network(VALUES, gradients).axes[0])
    for name, written in (("W1", "dW₁  2×4"), ("b2", "db₂  3"), ("H", "dH  5×4")):
        assert found.count(written) == 1, name
    assert sum(text.startswith("d") for text in found) == 7
    assert found.count("5×3") == 2, "Z2 and P"


def test_the_boxes_of_the_forward_pass_do_not_overlap():
    figure = softmax_network(VALUES, {})
    boxes = [text.get_bbox_patch() for text in figure.axes[0].texts if text.get_bbox_patch()]
    edges = [box.get_window_extent() for box in boxes]
    assert len(edges) == 14
    assert not any(a.overlaps(b) for i, a in enumerate(edges) for b in edges[:i])


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"dW1 must have the shape of W1, \(2, 4\), got \(4, 2\)"):
        softmax_network(VALUES, {"W1": np.zeros((4, 2))})


def test_matrices_show_sign_and_size():
    figure = matrices({"Y": [[0, 1]]}, {"P − Y": [[0.25, -0.5]]}, columns=["a", "b"])
    values, gradients = figure.axes
    assert texts(values) == ["0", "1"]
    assert texts(gradients) == ["0.250", "−0.500"]
    assert [square.get_hatch() for square in gradients.patches] == [None, "///"]
    small, large = (square.get_alpha() for square in gradients.patches)
    assert small == large / 2


def squares(ax):
    """How full each square with a color is, by its place."""
    shown = [patch for patch in ax.patches if patch.get_alpha()]
    return {(round(p.get_x() - 0.05, 2), round(p.get_y() - 0.05, 2)): p.get_alpha() for p in shown}


def test_one_tile_of_the_scores_exists_in_each_sweep():
    for ax in attention_sweeps(4, 5, at=(2, 3)).axes:
        inside = [place for place in squares(ax) if 0 <= place[0] < 5 and 0 <= place[1] < 4]
        assert inside == [(3, 2)]


def test_outputs_below_the_block_at_work_are_not_there_yet():
    forward, backward = attention_sweeps(4, 5, at=(1, 2)).axes
    for ax, rows in ((forward, [0, 1]), (backward, [0, 1, 2, 3])):
        assert sorted(y for x, y in squares(ax) if x == 5.45) == rows


@pytest.mark.parametrize("at", [(-1, 0), (0, -1), (4, 0), (0, 5)])
def test_a_tile_outside_the_matrix_is_refused(at):
    with pytest.raises(ValueError, match="4 blocks and 5 tiles"):
        attention_sweeps(4, 5, at=at)


def test_pixels_have_the_color_of_their_class_and_its_name_where_they_are_many():
    true = np.zeros((2, 12, 12), int)
    true[0, 2:6, 3:6] = 3
    true[1, 5, 5] = 8  # one pixel has no room for a name
    panel, bars = pixel_classes(true > 0, true, true, np.linspace(0.1, 0.9, 9)).axes
    assert texts(panel) == ["canvas", "truth", "2", "network", "2"]
    pictures = [image.get_array() for image in panel.images]
    assert len(pictures) == 6
    for picture, k in ((pictures[2], 3), (pictures[3], 8)):
        colored = picture[..., 3] > 0
        np.testing.assert_array_equal(colored, true[0 if k == 3 else 1] == k)
        expected = plot.pyplot.matplotlib.colors.to_rgb(plot.class_color(k - 1))
        np.testing.assert_allclose(np.unique(picture[colored][:, :3], axis=0), [expected])
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches], np.linspace(0.1, 0.9, 9))
