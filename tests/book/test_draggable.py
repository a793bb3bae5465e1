"""The softmax machine and the pad of the cover, driven in a real browser by mouse, finger and keys.

What they compute is compared with the package.  `test_draggable_figures.py` drives all the others.
"""

import os

import numpy as np
import pytest
from browser import find_browser

pytest.importorskip("playwright.sync_api")
pytest.importorskip("py_mini_racer", reason="needs the book's requirements")

from draggable_bench import middle, opened, state, touching

import smnn
from smnn_book.explorers import digit_network, softmax_machine, worst_mistakes

if find_browser() is None and not os.environ.get("CI"):
    pytest.skip("no browser: install Chromium", allow_module_level=True)

CLOSE = 1e-6


def assert_machine_agrees(page):
    """Every number of the machine is the package's, and so is what it says."""
    now = state(page)
    expected = smnn.softmax(np.array(now["z"]), temperature=now["T"])
    np.testing.assert_allclose(now["p"], expected, rtol=0, atol=CLOSE)
    text = page.locator(".interactive-readout").inner_text()
    assert text == softmax_machine(now["z"], now["T"]).text
    drawn = page.locator("svg:visible .scene text").all_text_contents()
    assert {f"{p:.3f}" for p in expected} <= {words.partition(" = ")[2] for words in drawn}
    knobs = page.locator("svg:visible .handle")
    said = [knob.get_attribute("aria-valuetext") for knob in knobs.all()]
    assert [float(words.replace("−", "-")) for words in said] == now["z"]
    return now


@pytest.mark.parametrize("width", [390, 1280])
def test_a_mouse_drags_the_scores(width, page, workbench):
    opened(page, workbench, "softmax-machine", width)
    assert_machine_agrees(page)
    for k, down in enumerate((60, -40, -500)):
        x, y = middle(page.locator(f"svg:visible .handle[data-name=z{k + 1}]"))
        before = state(page)["z"]
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 30, y + down, steps=4)
        after = assert_machine_agrees(page)["z"]
        page.mouse.up()
        assert after[k] * down < before[k] * down, "up is more"
        assert [a for j, a in enumerate(after) if j != k] == [
            b for j, b in enumerate(before) if j != k
        ]
        knob = middle(page.locator(f"svg:visible .handle[data-name=z{k + 1}]"))
        assert abs(knob[1] - y - down) < 2 or abs(after[k]) == 4, "the knob stays under the pointer"
    assert state(page)["z"][2] == 4
    assert page.faults == []


def test_keys_move_the_scores(page, workbench):
    opened(page, workbench, "softmax-machine")
    page.locator("h1").click()
    for name in ("z1", "z2", "z3"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.dataset.name") == name
    for key, score in (
        ("ArrowUp", 0.1),
        ("ArrowRight", 0.2),
        ("ArrowDown", 0.1),
        ("PageUp", 1.1),
        ("End", 4),
        ("Home", -4),
        ("PageDown", -4),
    ):
        page.keyboard.press(key)
        assert assert_machine_agrees(page)["z"] == [2, 1, score]
    page.locator("input").focus()
    for key, temperature in (("ArrowRight", 1.1), ("End", 5), ("Home", 0.1)):
        page.keyboard.press(key)
        assert assert_machine_agrees(page)["T"] == temperature


def test_a_finger_drags_a_score_and_the_page_stands_still(browser, workbench):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 400})
    page = context.new_page()
    opened(page, workbench, "softmax-machine", 390, 400)
    x, y = middle(page.locator("svg:visible .handle[data-name=z1]"))
    touch = touching(page)
    touch("Start", (x + 12, y + 8))
    touch("Move", (x + 12, y + 40))
    touch("Move", (x + 12, y + 70))
    touch("End")
    assert assert_machine_agrees(page)["z"][0] < 0
    assert page.evaluate("scrollY") == 0
    context.close()


def test_chips_of_the_machine(page, workbench):
    opened(page, workbench, "softmax-machine")
    first = state(page)
    chip = lambda name: page.locator(f".chip[data-chip={name}]").click()  # noqa: E731
    chip("raise")
    assert assert_machine_agrees(page)["z"] == [3, 2, 1]
    assert state(page)["p"] == pytest.approx(first["p"], abs=CLOSE), "a shift changes nothing"
    for _ in range(3):
        chip("raise")
    assert state(page)["z"] == [4, 3, 2], "the shift ends where one score would be cut"
    chip("cold")
    assert assert_machine_agrees(page)["p"][0] > 0.99
    chip("equal")
    assert assert_machine_agrees(page)["p"] == pytest.approx([1 / 3] * 3)
    chip("reset")
    assert assert_machine_agrees(page) == first


def test_a_preset_glides_there_where_motion_is_welcome(page, workbench):
    opened(page, workbench, "softmax-machine")
    page.emulate_media(reduced_motion="no-preference")
    page.locator(".chip[data-chip=equal]").click()
    page.wait_for_function("document.querySelector('.draggable').smnnState.z[0] === 0")
    assert_machine_agrees(page)


@pytest.mark.parametrize("scores", [(1.0, 2.0), (1.0, 2.0, 5.0)])
def test_the_machine_wants_three_scores_in_range(scores):
    with pytest.raises(ValueError, match=r"expected three scores between -4\.0 and 4\.0"):
        softmax_machine(scores)


def test_the_machine_wants_a_temperature_in_range():
    with pytest.raises(ValueError, match=r"expected a temperature between 0\.1 and 5, got 0"):
        softmax_machine(temperature=0)


# ------------------------------------------------------------------ the pad


@pytest.fixture(scope="module")
def held_back():
    """The thousand validation images of the chapter on digits."""
    _, rest = smnn.load_mnist_subset(dtype="float64").split(2000, rng=0)
    return rest.split(1000, rng=0)[0]


ANSWER_ALL = """(images) => images.map((pixels) =>
  smnnFigures.compute("digit-pad", { strokes: [], pixels, T: 1 }).p)"""


def test_the_page_answers_as_the_package_on_a_thousand_images(page, workbench, held_back):
    opened(page, workbench, "digit-pad")
    pixels = np.rint(255 * held_back.x).astype(int)
    np.testing.assert_array_equal(pixels / 255, held_back.x)
    answers = np.array(page.evaluate(ANSWER_ALL, pixels.tolist()))
    expected = smnn.softmax(digit_network()(held_back.x))
    np.testing.assert_allclose(answers, expected, rtol=0, atol=CLOSE)
    np.testing.assert_array_equal(answers.argmax(axis=1), expected.argmax(axis=1))
    assert smnn.accuracy(held_back.y, expected) > 0.93


def assert_pad_agrees(page):
    """What the pad shows is what the package says about the image that the pad has made."""
    now = state(page)
    logits = digit_network()(np.array(now["image"])[None])[0]
    np.testing.assert_allclose(now["z"], logits, rtol=0, atol=CLOSE)
    p = smnn.softmax(logits, temperature=now["T"])
    np.testing.assert_allclose(now["p"], p, rtol=0, atol=CLOSE)
    readout = page.locator(".interactive-readout").inner_text()
    assert f"It reads {p.argmax()} (" in readout
    assert f"{sum(h > 0 for h in now['hidden'])} of its 128" in readout
    return now


def draw(page, points):
    """Draw a line with the mouse; the points are parts of the side of the pad."""
    box = page.locator("svg:visible .pad-reach").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    return assert_pad_agrees(page)


ONE = [(0.5, 0.2), (0.5, 0.8)]
SEVEN = [(0.25, 0.25), (0.72, 0.25), (0.45, 0.85)]


@pytest.mark.parametrize("width", [390, 1280])
def test_a_digit_that_is_drawn_is_read(width, page, workbench):
    opened(page, workbench, "digit-pad", width)
    assert np.argmax(assert_pad_agrees(page)["p"]) == 5, "the five that is there at first"
    assert np.argmax(draw(page, ONE)["p"]) == 1, "a stroke takes the place of the example"
    page.locator(".chip[data-chip=clear]").click()
    assert max(assert_pad_agrees(page)["image"]) == 0
    assert np.argmax(draw(page, SEVEN)["p"]) == 7
    assert len(draw(page, [(0.4, 0.55), (0.62, 0.55)])["strokes"]) == 2, "strokes add up"
    assert page.faults == []


def test_size_and_place_of_a_drawing_do_not_matter(page, workbench):
    opened(page, workbench, "digit-pad")
    images = []
    for scale, left, top in ((1, 0, 0), (0.5, 0.05, 0.4), (0.5, 0.45, 0.02)):
        page.locator(".chip[data-chip=clear]").click()
        points = [(left + scale * x, top + scale * y) for x, y in SEVEN]
        images.append(np.reshape(draw(page, points)["image"], (28, 28)))
    for image in images:
        ink = np.argwhere(image > 0)
        assert (np.ptp(ink, axis=0) + 1).max() in (20, 21), "the long side has 20 pixels"
        places = np.indices((28, 28)) + 0.5
        center = (places * image).sum(axis=(1, 2)) / image.sum()
        assert np.abs(center - 14).max() <= 0.5, "the mass is in the middle"
        assert np.abs(image - images[0]).mean() < 0.02


def test_keys_draw_a_one(page, workbench):
    opened(page, workbench, "digit-pad")
    page.locator(".chip[data-chip=clear]").click()
    page.locator("svg:visible .pad").focus()
    page.keyboard.press("Space")
    for _ in range(24):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    strokes = assert_pad_agrees(page)["strokes"]
    page.keyboard.press("ArrowRight")
    assert state(page)["strokes"] == strokes, "the pen is lifted"
    assert np.argmax(state(page)["p"]) == 1


def test_a_finger_draws_and_the_page_stands_still(browser, workbench):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 400})
    page = context.new_page()
    opened(page, workbench, "digit-pad", 390, 400)
    box = page.locator("svg:visible .pad-reach").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 20
    touch = touching(page)
    touch("Start", (x, y))
    for down in range(20, 160, 20):
        touch("Move", (x, y + down))
    touch("End")
    assert np.argmax(assert_pad_agrees(page)["p"]) == 1
    assert page.evaluate("scrollY") == 0
    context.close()


def test_chips_show_mistakes_and_the_temperature_flattens(page, workbench):
    opened(page, workbench, "digit-pad")
    x, labels = worst_mistakes()
    chips = page.locator(".chip[data-chip^=mistake]")
    assert chips.count() == len(labels) == 10
    for k, label in enumerate(labels):
        chips.nth(k).click()
        now = assert_pad_agrees(page)
        np.testing.assert_array_equal(now["image"], x[k])
        assert np.argmax(now["p"]) != label
        assert f"meant a {label}." in page.locator(".interactive-readout").inner_text()
    page.locator("input").focus()
    page.keyboard.press("End")
    hot = assert_pad_agrees(page)
    assert hot["T"] == 8 and max(hot["p"]) < max(now["p"])
