"""What the first states of the figures of learning and of regions say."""

import numpy as np
import pytest

from smnn import (
    Dense,
    Sequential,
    cross_entropy,
    make_spirals,
    numerical_jacobian,
    sigmoid,
    softmax,
)
from smnn_book.explorers import (
    descent_explorer,
    regions_explorer,
    sigmoid_explorer,
    two_losses,
)


@pytest.mark.parametrize("classes", [2, 5])
def test_slopes_of_the_two_losses(classes):
    target = np.eye(classes)[0]
    scores = np.array([-1.5] + [0.0] * (classes - 1))
    _, (_, entropy_slope), (_, squares_slope) = two_losses(-1.5, classes)
    entropy = numerical_jacobian(lambda z: cross_entropy(z, target), scores)
    squares = numerical_jacobian(lambda z: ((softmax(z) - target) ** 2).sum() / 2, scores)
    assert entropy_slope == pytest.approx(entropy[0], rel=1e-7)
    assert squares_slope == pytest.approx(squares[0], rel=1e-7)


def test_sigmoid_climbs_from_a_tenth_to_nine_tenths_in_the_width_that_is_told():
    climb = float(sigmoid_explorer(4.0, 1.0).text.split()[-1])
    ends = sigmoid(np.array([1 - climb / 2, 1 + climb / 2]), scale=4.0, shift=1.0)
    np.testing.assert_allclose(ends, [0.1, 0.9], atol=1e-3)


def test_one_step_is_in_the_singular():
    assert "after 1 step: w = 0.600, loss 0.050" in descent_explorer(0.4, 1).text


@pytest.fixture(scope="module")
def networks():
    return [Sequential([Dense(h, "tanh", input_shape=(2,)), Dense(3)], rng=h) for h in range(1, 4)]


@pytest.mark.parametrize("start", [1, 3])
def test_regions_say_how_many_points_lie_right(networks, start):
    data = make_spirals(10, rng=0)
    text = regions_explorer(networks, data.x, data.y, start=start).text
    right = (networks[start - 1](data.x).argmax(axis=1) == data.y).sum()
    assert text.startswith(f"{start} hidden unit{'s' if start > 1 else ''}: {right} of 30 points")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": -1}, "expected a start between 1 and 3, got -1"),
        ({"start": 4}, "expected a start between 1 and 3, got 4"),
        ({"ring": (0.0, 7.0)}, r"expected a ring between 0\.0 and 1\.0, got \(0\.0, 7\.0\)"),
    ],
)
def test_regions_start_with_what_is_there(networks, options, message):
    with pytest.raises(ValueError, match=message):
        regions_explorer(networks, [[0.0, 0.0], [1.0, 1.0]], [0, 1], **options)


def test_regions_want_networks_with_one_more_unit_each(networks):
    with pytest.raises(ValueError, match=r"got \[2, 3\] hidden units and \[3\] classes"):
        regions_explorer(networks[1:], [[0.0, 0.0], [1.0, 1.0]], [0, 1])
