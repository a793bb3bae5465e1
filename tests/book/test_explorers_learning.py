"""Each figure's chart must say the same as the package, wherever its sliders stand."""

import json
import re
from html import unescape

import numpy as np
import pytest

from smnn import cross_entropy, numerical_jacobian, sigmoid, softmax
from smnn_book.explorers.learning import (
    _two_losses,
    descent_explorer,
    loss_explorer,
    sigmoid_explorer,
)

pytest.importorskip("altair")
vl_convert = pytest.importorskip("vl_convert")


def text_of_drawing(figure):
    """What the chart itself writes under the drawing, evaluated by Vega."""
    return unescape(vl_convert.vegalite_to_svg(json.dumps({**figure.spec, "width": 300})))


@pytest.mark.parametrize(("score", "classes"), [(-4.0, 2), (-3.0, 3), (0.5, 7), (6.0, 10)])
def test_loss_explorer_says_the_same_in_vega_and_in_numpy(score, classes):
    figure = loss_explorer(score, classes)
    drawing = text_of_drawing(figure)
    for line in figure.text.split("\n"):
        assert line in drawing


@pytest.mark.parametrize("classes", [2, 5])
def test_slopes_of_the_two_losses(classes):
    target = np.eye(classes)[0]
    scores = np.array([-1.5] + [0.0] * (classes - 1))
    values = _two_losses(-1.5, classes)
    entropy = numerical_jacobian(lambda z: cross_entropy(z, target), scores)
    squares = numerical_jacobian(lambda z: ((softmax(z) - target) ** 2).sum() / 2, scores)
    assert values["entropy_slope"] == pytest.approx(entropy[0], rel=1e-7)
    assert values["squares_slope"] == pytest.approx(squares[0], rel=1e-7)


def test_loss_explorer_rejects_what_its_sliders_cannot_show():
    with pytest.raises(ValueError, match="between 2 and 10"):
        loss_explorer(0.0, 11)


@pytest.mark.parametrize(("scale", "shift"), [(0.5, -3.0), (1.0, 0.0), (20.0, 1.3)])
def test_sigmoid_explorer_says_the_same_in_vega_and_in_numpy(scale, shift):
    figure = sigmoid_explorer(scale, shift)
    drawing = text_of_drawing(figure)
    for line in figure.text.split("\n"):
        assert line in drawing


def test_sigmoid_explorer_fills_its_width():
    """A parameter with the name of one of Vega's own, such as width, squeezes the chart."""
    drawing = text_of_drawing(sigmoid_explorer())
    ends = re.findall(r"translate\((\d+),\d+\)[^>]*>−?6</text>", drawing)
    assert ends == ["0", "300"]


def test_sigmoid_climbs_from_a_tenth_to_nine_tenths_in_the_width_that_is_told():
    climb = float(sigmoid_explorer(4.0, 1.0).text.split()[-1])
    ends = sigmoid(np.array([1 - climb / 2, 1 + climb / 2]), scale=4.0, shift=1.0)
    np.testing.assert_allclose(ends, [0.1, 0.9], atol=1e-3)


@pytest.mark.parametrize(("rate", "steps"), [(0.01, 20), (0.1, 8), (0.4, 1), (0.85, 7)])
def test_descent_explorer_says_the_same_in_vega_and_in_numpy(rate, steps):
    """The chart raises 1 − 2.5 η to a power; the package takes the steps one by one."""
    figure = descent_explorer(rate, steps)
    drawing = text_of_drawing(figure)
    for line in figure.text.split("\n"):
        assert line in drawing


def test_one_step_is_in_the_singular():
    figure = descent_explorer(0.4, 1)
    assert "after 1 step: " in figure.text
    assert "after 1 step: " in text_of_drawing(figure)


def test_new_explorers_reject_what_their_sliders_cannot_show():
    with pytest.raises(ValueError, match=r"between 0\.5 and 20"):
        sigmoid_explorer(0.1)
    with pytest.raises(ValueError, match=r"between 0\.01 and 0\.9"):
        descent_explorer(1.5)
