"""Each figure's chart must say the same as the package, wherever its sliders stand."""

import json
from html import unescape

import numpy as np
import pytest

from smnn import cross_entropy, numerical_jacobian, softmax
from smnn.interactive_figures import _two_losses, loss_explorer

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
