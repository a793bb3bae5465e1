"""The figures with sliders say what the package computes, wherever the sliders stand.

The charts are evaluated by Vega itself, which `vl-convert-python` carries.
"""

import json
import re
import sys

import numpy as np
import pytest

from smnn import softmax, softmax_jacobian
from smnn_book import sliders
from smnn_book.explorers import jacobian_explorer, sigmoid_explorer
from smnn_book.sliders import derived, figure, slider

alt = pytest.importorskip("altair", reason="needs the extra plot")
vl_convert = pytest.importorskip("vl_convert", reason="needs the extra plot")

SCORES = [(2.0, 1.0, 0.0), (-4.0, 4.0, 0.3), (1.5, 1.5, 1.5), (-1.2, 0.4, -3.9)]


def drawn(figure, **positions):
    """Return the texts of a figure as Vega draws it, with its sliders at these positions."""
    spec = json.loads(json.dumps(figure.spec))
    for param in spec["params"]:
        if param["name"] in positions:
            param["value"] = positions[param["name"]]
    svg = vl_convert.vegalite_to_svg(spec)
    title = re.search(r"role-title-text.*?</g>", svg, re.DOTALL).group()
    readout = re.findall(r"<t(?:ext|span)[^>]*>([^<>]+)</t(?:ext|span)>", title)
    marks = re.findall(r">(−?\d\.\d{3})</text>", svg.replace(title, ""))
    return "\n".join(readout), [float(number.replace("−", "-")) for number in marks]


def positions(scores):
    return {f"z{k}": score for k, score in enumerate(scores, start=1)}


@pytest.mark.parametrize("scores", SCORES)
def test_jacobian_explorer_follows_its_sliders(scores):
    readout, marks = drawn(jacobian_explorer(), **positions(scores))
    assert readout == jacobian_explorer(scores).text
    expected = softmax_jacobian(softmax(np.array(scores))).round(3) + 0.0
    assert marks == expected.ravel().tolist()


def test_a_figure_is_the_same_every_time():
    make = jacobian_explorer
    first, second = make()._repr_mimebundle_(), make()._repr_mimebundle_()
    assert json.dumps(first) == json.dumps(second)
    assert set(first) == {sliders.MIME_TYPE, "text/plain"}


def test_a_figure_says_in_words_what_is_to_be_seen():
    shown = jacobian_explorer()
    assert shown.spec["description"] == shown.alt
    assert shown.spec["usermeta"] == {"name": shown.name, "readout": shown.text}
    assert str(shown) == f"{shown.alt}\n{shown.text}"


def test_the_colors_are_those_of_the_other_pictures():
    style = pytest.importorskip("smnn.plot.styling", exc_type=ImportError)
    assert sliders.CLASS_COLORS == style.CLASS_COLORS[: len(sliders.CLASS_COLORS)]
    assert (sliders.FORWARD, sliders.BACKWARD) == (style.FORWARD, style.BACKWARD)


def test_small_figures():
    assert len(json.dumps(sigmoid_explorer().spec)) < 4000


def dot():
    return alt.Chart(alt.InlineData([{}])).mark_point().add_params(slider("z", -1, 1, 0.5))


def test_numbers_are_written_as_a_browser_writes_them():
    chart = dot().add_params(derived("tiny", "-0.0001 * z"), derived("minus", "-z"))
    shown = figure(
        chart,
        name="dot",
        alt="A dot.",
        text="{tiny:.3f} and {minus:.1f}",
        values={"tiny": -0.0001, "minus": -0.5},
    )
    assert shown.text == "0.000 and −0.5"
    assert drawn(shown)[0] == shown.text


def test_a_readout_needs_a_value_for_every_field():
    with pytest.raises(ValueError, match=r"readout of 'dot' needs values for p, q"):
        figure(dot(), name="dot", alt="A dot.", text="{q:.1f} {p:.1f}", values={})


def test_a_slider_starts_between_its_ends():
    with pytest.raises(ValueError, match=r"slider 'z' must start between -1 and 1, not at 2"):
        slider("z", -1, 1, 2)


def test_jacobian_explorer_wants_three_scores():
    with pytest.raises(ValueError, match="expected three scores, got 2"):
        jacobian_explorer((1.0, 2.0))


def test_without_altair_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(ImportError, match=r'pip install "smnn\[plot\]"'):
        jacobian_explorer()
