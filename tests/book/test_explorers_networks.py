"""The figures of networks say in Vega what the package computes."""

import json

import numpy as np
import pytest

from smnn import Dense, Sequential, make_spirals

pytest.importorskip("altair", reason="needs the extra plot")
pytest.importorskip("vl_convert", reason="needs the extra plot")

from test_sliders import drawn

from smnn_book.explorers import regions_explorer


@pytest.fixture(scope="module")
def networks():
    made = [Sequential([Dense(h, "tanh", input_shape=(2,)), Dense(3)], rng=h) for h in (1, 3)]
    for network in made:
        for array in network.params.values():
            array[...] = array.round(3)  # as the figure holds them
    return made


@pytest.mark.parametrize("chosen", [1, 2])
def test_regions_follow_the_slider(networks, chosen):
    data = make_spirals(10, rng=0)
    figure = regions_explorer(networks, data.x, data.y)
    there = regions_explorer(networks, data.x, data.y, start=chosen)
    assert drawn(figure, n=chosen)[0] == there.text
    share = (networks[chosen - 1](data.x).argmax(axis=1) == data.y).mean()
    assert f"{share:.0%}" in there.text


def test_one_hidden_unit_is_in_the_singular(networks):
    data = make_spirals(10, rng=0)
    assert regions_explorer(networks, data.x, data.y).text.startswith("1 hidden unit: ")
    figure = regions_explorer(networks[:1], data.x, data.y)
    assert figure.spec["params"][0]["bind"]["name"] == "hidden units"
    figure = regions_explorer(networks, data.x, data.y, start=2)
    assert figure.spec["params"][0]["bind"]["name"] == "network"
    assert drawn(figure, n=1)[0].startswith("1 hidden unit: ")


def test_the_colors_of_the_regions_are_the_answers_of_the_network(networks):
    """Ask Vega for the class of every cell, and the network for the same points."""
    vl_convert = pytest.importorskip("vl_convert")
    data = make_spirals(10, rng=0)
    spec = json.loads(json.dumps(regions_explorer(networks, data.x, data.y, start=2).spec))
    cells = spec["layer"][0]
    cells["mark"] = {"type": "text", "fontSize": 1}
    cells["encoding"] = {
        "x": cells["encoding"]["x"],
        "y": cells["encoding"]["y"],
        "text": {"field": "answer", "type": "nominal"},
    }
    cells["transform"].append(
        {
            "calculate": "format(datum.u, '.9f') + ' ' + format(datum.v, '.9f') + ' ' + datum.k",
            "as": "answer",
        }
    )
    spec["layer"] = [cells]
    svg = vl_convert.vegalite_to_svg(spec).replace("−", "-")
    answers = np.array(
        [
            t.split()
            for t in svg.replace("<", ">").split(">")
            if t.count(" ") == 2 and t.count(".") == 2 and t[0] in "-0123456789"
        ],
        dtype=float,
    )
    assert len(answers) > 1000
    width = np.diff(np.unique(answers[:, 0])).min()
    expected = networks[1](answers[:, :2] + width / 2).argmax(axis=1)
    np.testing.assert_array_equal(answers[:, 2], expected)


@pytest.mark.parametrize("start", [-1, 7])
def test_the_slider_must_be_able_to_stand_there(start, networks):
    with pytest.raises(ValueError, match="start must lie between"):
        regions_explorer(networks, np.zeros((1, 2)), [0], start=start)
