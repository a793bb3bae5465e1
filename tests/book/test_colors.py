"""The colors: what they are told apart from, by whom, and on which ground."""

import itertools
import re

import cell_pictures
import nbformat
import numpy as np
import pytest
from book_checks import BOOK, CLASSES_SHOWN, ROOT, code_cells
from matplotlib.colors import to_rgb

from smnn import plot
from smnn.plot.styling import _linear, _luminance

STYLE = (ROOT / "assets" / "book.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part))
    for part in STYLE.split(':root[data-theme="dark"]')
)
THEMES = {"light": LIGHT, "dark": LIGHT | DARK}
every_theme = pytest.mark.parametrize("theme", THEMES)

# What is left of amounts of red, green and blue light for a viewer without one kind of cones:
# Machado, Oliveira and Fernandes 2009, severity 1.
SEEN = {
    "all": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                 [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
TO_CONES = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
TO_OKLAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip


def luminance(color):
    return _luminance(np.array(to_rgb(color)))


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def distance(one, other, viewer="all"):
    """How far apart two colors look: their distance in Oklab, where black to white is 100."""
    places = [
        TO_OKLAB @ np.cbrt(TO_CONES @ np.clip(SEEN[viewer] @ _linear(np.array(to_rgb(c))), 0, 1))
        for c in (one, other)
    ]
    return 100 * np.linalg.norm(places[0] - places[1])


def series(theme, kind=""):
    return [THEMES[theme][f"series-{k}{kind}"] for k in range(1, 6)]


def with_a_meaning(theme):
    names = [*(f"class-{k}" for k in range(1, 8)), "forward", "backward", "ink-soft"]
    return [THEMES[theme][name] for name in names]


def test_white_and_black_are_a_hundred_apart():
    assert distance("white", "black") == pytest.approx(100, abs=1e-3)
    assert contrast("white", "black") == pytest.approx(21)


@every_theme
@pytest.mark.parametrize("ground", ["paper", "panel"])
def test_marks_and_words_of_series_stand_out(theme, ground):
    assert min(contrast(c, THEMES[theme][ground]) for c in series(theme)) >= 3
    assert min(contrast(c, THEMES[theme][ground]) for c in series(theme, "-text")) >= 4.5


@pytest.mark.parametrize("ground", ["#ffffff", "#15171a"])
def test_stored_pictures_of_series_serve_both_grounds(ground):
    assert min(contrast(color, ground) for color in plot.SERIES_COLORS) >= 3


@every_theme
@pytest.mark.parametrize("viewer", SEEN)
def test_series_look_unlike_each_other(theme, viewer):
    pairs = itertools.combinations(series(theme), 2)
    assert min(distance(one, other, viewer) for one, other in pairs) > 6


@every_theme
def test_series_are_told_apart_in_gray(theme):
    levels = sorted(luminance(color) + 0.05 for color in series(theme))
    assert min(np.divide(levels[1:], levels[:-1])) > 1.25


@every_theme
def test_series_look_unlike_classes_values_and_gradients(theme):
    others = with_a_meaning(theme)
    least = min(distance(one, other) for one in series(theme) for other in others)
    among = min(distance(*pair) for pair in itertools.combinations(others, 2))
    assert least > 10 > among


@every_theme
@pytest.mark.parametrize("viewer", SEEN)
def test_no_viewer_finds_series_closer_than_the_other_colors_are(theme, viewer):
    others = with_a_meaning(theme)
    least = min(distance(one, other, viewer) for one in series(theme) for other in others)
    among = min(distance(*pair, viewer) for pair in itertools.combinations(others, 2))
    assert least > among


def test_pictures_of_series_take_their_colors_from_the_style_sheet():
    for k, color in enumerate(plot.SERIES_COLORS, start=1):
        mark = f'<path style="stroke: {color}"/>'
        assert cell_pictures.shaded(mark) == f'<path style="stroke: var(--series-{k})"/>'
        for shade in (color, plot.readable(color)):
            word = cell_pictures.shaded(f'<text style="fill: {shade}">a</text>')
            assert word == f'<text style="fill: var(--series-{k}-text)">a</text>'


def test_every_figure_that_may_show_classes_is_in_the_book():
    names = {
        cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
        for path in BOOK.rglob("*.ipynb")
        for cell in code_cells(nbformat.read(path, as_version=4))
    }
    assert CLASSES_SHOWN.keys() <= names
