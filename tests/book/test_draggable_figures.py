"""Every figure that a reader takes hold of, driven in a real browser by mouse, finger and keys.

After each move its numbers are compared with the package's, and its words with those that the
package's numbers give.
"""

import gzip
import json
import os
import re

import numpy as np
import pytest
from book_checks import SITE
from browser import find_browser

pytest.importorskip("playwright.sync_api")
pytest.importorskip("py_mini_racer", reason="needs the book's requirements")

from draggable_bench import FIGURES, middle, opened, readout, state, touching
from draggable_figures import scripts
from test_browser import faults_in_access, faults_in_width

import smnn
from smnn_book import draggable, explorers
from smnn_book.actions import corridor_value
from smnn_book.draggable import number
from smnn_book.waveguide import Waveguide, replicas

if find_browser() is None and not os.environ.get("CI"):
    pytest.skip("no browser: install Chromium", allow_module_level=True)

ALL_SCRIPTS, WEIGHTS = 40_000, 120_000  # bytes, compressed
CLOSE = 1e-6


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=CLOSE)


def numbers_of(values):
    """Numbers that came from a page, where JSON has no nan and no infinity."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def assert_same_words(found, expected):
    """The same words and numbers, which may differ by one in the last of three digits.

    Where a number lies in the middle of two, the order of a sum decides how it is rounded.
    """
    pattern = r"−?\d+\.\d+"
    assert re.sub(pattern, "#", found) == re.sub(pattern, "#", expected)
    pairs = zip(re.findall(pattern, found), re.findall(pattern, expected), strict=True)
    for one, other in pairs:
        apart = abs(float(one.replace("−", "-")) - float(other.replace("−", "-")))
        assert apart < (0.11 if len(one.partition(".")[2]) == 1 else 0.0011), (one, other)


def pullback_agrees(now, words):
    close(now["dz"], smnn.softmax_vjp(np.array(now["dp"]), np.array(now["p"])))
    assert min(now["p"]) > 0.0199 and abs(sum(now["p"]) - 1) < CLOSE
    assert_same_words(words, explorers.softmax_pullback(now["p"], now["dp"]).text)


def neuron_agrees(now, words):
    leaves = {name: smnn.Tensor(value) for name, value in now["leaves"].items()}
    z = leaves["x"] * leaves["w"] + leaves["b"]
    loss = 0.5 * (1 / (1 + (-z).exp()) - now["nodes"][-1]["target"]) ** 2
    loss.backward()
    close(now["values"]["L"], loss.data)
    for name, leaf in leaves.items():
        close(now["gradients"][name], leaf.grad)
    says_its_step(now, words)


def network_agrees(now, words):
    leaf = now["leaves"]
    x = np.array([[leaf["x0"], leaf["x1"]]])
    W1, W2 = (
        np.array([[leaf[f"W{layer}{i}{j}"] for j in (0, 1)] for i in (0, 1)]) for layer in (1, 2)
    )
    b1, b2 = (next(n["bias"] for n in now["nodes"] if n["name"] == name) for name in ("s0", "z0"))
    hidden = smnn.sigmoid(x @ W1 + b1)
    target = np.array([now["nodes"][-1]["target"]])
    loss, dz = smnn.softmax_cross_entropy(hidden @ W2 + b2, target)
    ds = dz @ W2.T * hidden * (1 - hidden)
    close(now["values"]["L"], loss)
    for letter, grads in (("z", dz), ("h", dz @ W2.T), ("s", ds), ("x", ds @ W1.T)):
        close([now["gradients"][f"{letter}{k}"] for k in (0, 1)], grads[0])
    for layer, grads in ((1, x.T @ ds), (2, hidden.T @ dz)):
        for i, j in np.ndindex(2, 2):
            close(now["gradients"][f"W{layer}{i}{j}"], grads[i, j])
    says_its_step(now, words)


def says_its_step(now, words):
    """The words of a step have the value, or the gradient, that comes with it."""
    nodes = [node["name"] for node in now["nodes"]]
    order = [node["name"] for node in now["nodes"] if "op" in node]
    step = now["step"]
    assert words.startswith(f"step {step} of {len(order) + len(nodes)}: ")
    if step > len(order) + 1:
        gradient = now["gradients"][nodes[::-1][step - len(order) - 1]]
        assert f" = {number(gradient, 4)}, the gradient at" in words
    elif 0 < step <= len(order):
        assert words.endswith(f" = {number(now['values'][order[step - 1]], 4)}")


def line_agrees(now, words):
    w, b = explorers.unit_of(now["ends"])
    close([*now["w"], now["b"]], [*w, b])
    assert words == explorers.one_line(now["ends"], now["gate"]).text
    if now["gate"] == "XOR":
        assert now["right"] <= 3


def mesa_agrees(now, words):
    dtype = explorers.TYPES[now["type"]]
    _, plain, safe = explorers.plain_and_safe(now["z"], now["shift"], dtype)
    for found, theirs in ((now["plain"], plain), (now["safe"], safe)):
        close(numbers_of(found["p"]), theirs[1].astype(float))
    ours = smnn.softmax(np.array(now["moved"], dtype)).astype(float)  # rounds float16 once
    once = np.finfo(dtype).eps if dtype is np.float16 else CLOSE
    np.testing.assert_allclose(now["safe"]["p"], ours, rtol=0, atol=once)
    assert words == explorers.walk_off_the_mesa(now["z"], now["shift"], now["type"]).text


def spaces_agree(now, words):
    seed = list(explorers.STARTS.values())[now["start"]]
    network = explorers.train_xor(explorers.xor_network(seed), now["step"])
    for name, theirs in (("W1", "0.W"), ("b1", "0.b"), ("W2", "1.W"), ("b2", "1.b")):
        close(now["params"][name], network.params[theirs])
    x, y = explorers.xor_cloud()
    close(now["loss"], smnn.cross_entropy(network(x), y))
    assert words == explorers.two_spaces(now["start"], now["step"], now["probe"]).text


def cuts_agree(now, words):
    row = next(k for k, row in enumerate(now["rows"]) if row["z"] == now["z"])
    options = {
        "temperature": now["T"],
        "top_k": now["k"],
        "top_p": now["topP"],
        "min_p": now["minP"],
    }
    kept = explorers.kept_classes(now["z"], **options)
    assert now["kept"] == kept.tolist()
    masked = np.where(kept, now["z"], -np.inf)
    close(now["q"], smnn.softmax(masked, temperature=now["T"]))
    drawn = smnn.sample(np.array(now["z"]), size=300, rng=0, **options)
    assert kept[drawn].all(), "the package draws what the page leaves out"
    assert words == explorers.three_cuts(row, *options.values()).text


def tiles_agree(now, words):
    _, _, v = explorers.queries_keys_values()
    if now["seen"]:
        m, total, out = explorers.sweep_of(now["query"], now["seen"])
        close([now["m"], now["s"], *now["o"]], [m, total, *out])
        close(np.array(now["weights"]) @ v, out)
    assert words == explorers.attention_tiles(now["query"], now["seen"], now["tile"]).text


def trellis_agrees(now, words):
    p, label = np.array(now["p"]), now["label"]
    classes = ["−ab".index(letter) for letter in label]
    loss, dlogits = smnn.ctc_loss(np.log(p)[:, None], [classes], reduction="none")
    close([now["loss"], now["P"]], [loss[0], np.exp(-loss[0])])
    close(p - np.array(now["y"]), dlogits[:, 0])
    close(np.sum(now["share"], axis=1), 1)
    assert_same_words(words, explorers.ctc_trellis(p, label).text)


def huffman_agrees(now, words):
    tree = smnn.HierarchicalSoftmax.from_counts(now["w"], 1)
    assert now["lengths"] == tree.code_lengths.tolist()
    close([now["H"], now["L"]], explorers.entropy_and_mean_length(now["w"]))
    assert now["H"] - 1e-9 <= now["L"] < now["H"] + 1
    assert sorted(now["w"], reverse=True) == now["w"]
    assert_same_words(words, explorers.huffman_tree(now["w"], now["drawn"]).text)


def gate_agrees(now, words):
    gates = explorers.gate_of(now["c"], now["b"], now["s"])
    close(now["g"], gates)
    for found, expected in zip(("f", "P", "L", "db"), explorers.balance_of(gates), strict=True):
        close(now[found], expected)
    made = explorers.gate_regions(now["c"], now["s"], now["b"], now["step"])
    assert_same_words(words, made.text)


def corridor_agrees(now, words):
    v, visits, slope = explorers.corridor_flow(now["p"])
    close([*now["v"], *now["visits"], now["slope"]], [*v, *visits, slope])
    close(now["v"][0], corridor_value(now["p"]))
    assert_same_words(words, explorers.corridor_coin(now["p"]).text)


def sigmoid_agrees(now, words):
    s, v = now["s"], now["v"]
    ends = smnn.sigmoid(np.array([-1, 0, 1]) * now["climb"] / 2 + v, scale=s, shift=v)
    close(ends, [0.1, 0.5, 0.9])
    close(now["steepest"], smnn.sigmoid_vjp(1.0, ends[1], v, scale=s))
    close(now["weight"] * v + now["bias"], 0)
    assert_same_words(words, explorers.sigmoid_explorer(s, v).text)


def descent_agrees(now, words):
    start, rate, steps = now["start"], now["eta"], now["step"]
    close(now["path"], [explorers.descend(rate, k, start)[0] for k in range(steps + 1)])
    w, loss, slope = explorers.descend(rate, steps, start)
    close([now["w"], now["loss"], now["slope"], now["next"]], [w, loss, slope, -rate * slope])
    assert_same_words(words, explorers.descent_explorer(rate, steps, start).text)


def loss_agrees(now, words):
    p, entropy, squares = explorers.two_losses(now["z"], now["K"])
    close([now["p"], now["entropy"], now["entropySlope"]], [p, *entropy])
    close([now["squares"], now["squaresSlope"]], squares)
    assert_same_words(words, explorers.loss_explorer(now["z"], now["K"]).text)


def jacobian_agrees(now, words):
    p = smnn.softmax(np.array(now["z"]))
    close(now["p"], p)
    close(now["jacobian"], smnn.softmax_jacobian(p))
    assert_same_words(words, explorers.jacobian_explorer(now["z"]).text)


def network_of(weights):
    """The network of the package that has the weights of a figure."""
    layers = [smnn.Dense(len(weights["c"]), "tanh", input_shape=(2,)), smnn.Dense(3)]
    network = smnn.Sequential(layers, rng=0)
    for key, name in (("0.W", "V"), ("0.b", "c"), ("1.W", "W"), ("1.b", "b")):
        network.params[key][...] = weights[name]
    return network


def regions_agree(now, words):
    networks = [network_of(weights) for weights in now["networks"]]
    network, ring = networks[now["n"] - 1], tuple(now["ring"])
    close(now["p"], smnn.softmax(network(np.array([ring])))[0])
    assert now["right"] == (network(np.array(now["x"])).argmax(axis=1) == now["y"]).sum()
    figure = explorers.regions_explorer(networks, now["x"], now["y"], start=now["n"], ring=ring)
    assert_same_words(words, figure.text)


def field_agrees(now, words):
    p = explorers.range_posterior(now["km"], now["depth"], now["snr"])
    close(now["p"], p)
    heard = replicas(Waveguide(), [1000 * now["km"]], source=now["depth"])
    close(now["d"], np.abs(heard[0]))
    assert_same_words(words, explorers.source_in_guide(now["km"], now["depth"], now["snr"]).text)


def valley_agrees(now, words):
    start, turn = now["start"], now["turn"]
    for name, walk in zip(explorers.OPTIMIZERS, now["walks"], strict=True):
        path = explorers.walk_valley(name, now["eta"], now["step"], start, turn)
        size = np.maximum(1, np.abs(path))  # a walk that diverges goes far
        close(np.array(walk["path"], dtype=float) / size, path / size)
    assert_same_words(words, explorers.long_valley(now["eta"], now["step"], start, turn).text)


AGREES = {
    "attention-tiles": tiles_agree,
    "corridor-coin": corridor_agrees,
    "ctc-trellis": trellis_agrees,
    "descent-explorer": descent_agrees,
    "gate-regions": gate_agrees,
    "huffman-tree": huffman_agrees,
    "jacobian-explorer": jacobian_agrees,
    "long-valley": valley_agrees,
    "loss-explorer": loss_agrees,
    "mesa": mesa_agrees,
    "network-graph": network_agrees,
    "neuron-graph": neuron_agrees,
    "one-line": line_agrees,
    "regions-explorer": regions_agree,
    "sigmoid-explorer": sigmoid_agrees,
    "softmax-pullback": pullback_agrees,
    "source-in-guide": field_agrees,
    "three-cuts": cuts_agree,
    "two-spaces": spaces_agree,
}
every_figure = pytest.mark.parametrize("name", FIGURES)
driven = pytest.mark.parametrize("name", AGREES)


def assert_agrees(page, name):
    now = state(page)
    AGREES[name](now, readout(page))
    return now


@driven
def test_keys_and_chips_move_it(name, page, workbench):
    opened(page, workbench, name)
    first, seen = assert_agrees(page, name), set()
    for knob in page.locator("svg:visible .handle").all():
        knob.focus()
        for key in ("ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft", "PageUp", "Home", "End"):
            page.keyboard.press(key)
            assert_agrees(page, name)
            seen.add(knob.get_attribute("aria-valuetext"))
            low, now, high = (
                float(knob.get_attribute(f"aria-value{at}")) for at in ("min", "now", "max")
            )
            assert low <= now <= high
    assert len(seen) > 3, "the keys move nothing"
    for chip in page.locator(".chip:not([data-chip=play])").all():
        chip.click()
        seen.add(json.dumps(assert_agrees(page, name)))
    assert state(page) == first, "the last chip is Reset"
    for slider in page.locator("input[type=range]").all():
        slider.focus()
        for key in ("ArrowRight", "End", "Home"):
            page.keyboard.press(key)
            assert_agrees(page, name)
    assert page.faults == []


@driven
@pytest.mark.parametrize("width", [390, 1280])
def test_a_mouse_drags_every_handle(name, width, page, workbench):
    opened(page, workbench, name, width)
    for knob in page.locator("svg:visible .handle").all():
        knob.scroll_into_view_if_needed()
        x, y = middle(knob)
        before, moved = state(page), False
        horizontal = knob.get_attribute("aria-orientation") == "horizontal"
        page.mouse.move(x, y)
        page.mouse.down()
        for right, down in ((24, 18), (-26, -20)):
            page.mouse.move(x + right, y + down, steps=3)
            moved |= assert_agrees(page, name) != before
            place = middle(knob)
            way, wanted = (place[0] - x, right) if horizontal else (place[1] - y, down)
            value, low, high = (
                float(knob.get_attribute(f"aria-value{at}")) for at in ("now", "min", "max")
            )
            step = 25 if name == "three-cuts" else 12  # half of the way from one k to the next
            assert abs(way - wanted) < step or value in (low, high), "it follows the pointer"
        page.mouse.up()
        assert moved
    assert page.faults == []


# All presets, and with each of them all sliders, and the handles at their ends: the heights, each
# with words that the figure says there.
HEIGHTS = """() => {
  const root = document.querySelector(".draggable");
  const heights = {};
  const look = () => {
    const words = root.querySelector(".interactive-readout").textContent;
    heights[Math.round(root.getBoundingClientRect().height)] = words;
  };
  const ends = () => {
    for (const key of ["Home", "End", "PageDown"]) {
      for (const knob of root.querySelectorAll(".handle")) {
        if (!knob.getClientRects().length) continue;
        knob.dispatchEvent(new KeyboardEvent("keydown", { key }));
        look();
      }
    }
  };
  look();
  for (const chip of root.querySelectorAll(".chip:not([data-chip=play])")) {
    chip.click();
    look();
    for (const slider of root.querySelectorAll("input[type=range]")) {
      for (let k = 0; k <= 24; k += 1) {
        slider.value = +slider.min + ((slider.max - slider.min) * k) / 24;
        slider.dispatchEvent(new Event("input"));
        look();
        if (k % 8 === 0) ends();
      }
    }
    ends();
  }
  return heights;
}"""


@every_figure
@pytest.mark.parametrize("width", [390, 1280])
def test_it_keeps_its_height(name, width, page, workbench):
    opened(page, workbench, name, width)
    heights = page.evaluate(HEIGHTS)
    assert len(heights) == 1, heights


@driven
def test_a_finger_drags_and_the_page_stands_still(name, browser, workbench):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 420})
    page = context.new_page()
    opened(page, workbench, name, 390, 420)
    knob = page.locator("svg:visible .handle").first
    knob.evaluate("one => one.scrollIntoView({ block: 'center' })")
    before, top = state(page), page.evaluate("scrollY")
    x, y = middle(knob)
    touch = touching(page)
    touch("Start", (x + 9, y + 7))
    touch("Move", (x - 30, y - 20))
    touch("Move", (x - 40, y - 40))
    touch("End")
    assert assert_agrees(page, name) != before
    assert page.evaluate("scrollY") == top
    context.close()


@pytest.mark.parametrize("name", ["neuron-graph", "two-spaces"])
def test_what_plays_can_be_stopped_and_ends(name, page, workbench):
    opened(page, workbench, name)
    play = page.locator(".chip[data-chip=play]")
    first = state(page)["step"]
    play.click()
    page.wait_for_function(f"document.querySelector('.draggable').smnnState.step > {first}")
    assert play.inner_text() == "❚❚ Stop"
    play.click()
    at = assert_agrees(page, name)["step"]
    page.wait_for_timeout(1200 if name == "neuron-graph" else 300)
    assert state(page)["step"] == at, "it stands still"
    page.locator("input").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    play.click()
    page.wait_for_function("document.querySelector('.chip[data-chip=play]').innerText === '▶ Play'")
    last = assert_agrees(page, name)["step"]
    page.wait_for_timeout(200)
    assert state(page)["step"] == last == int(page.locator("input").get_attribute("max"))


PLAYS = {
    "descent-explorer": ("step", 20),
    "long-valley": ("step", 100),
    "regions-explorer": ("n", 3),
}


@pytest.mark.parametrize("name", PLAYS)
def test_what_plays_goes_on_from_where_it_is_and_ends(name, page, workbench):
    opened(page, workbench, name)
    what, last = PLAYS[name]
    slider = page.locator(f"input[name={what}]")
    slider.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.locator(".chip[data-chip=play]").click()
    page.wait_for_function(f"document.querySelector('.draggable').smnnState.{what} === {last}")
    page.wait_for_function("document.querySelector('.chip[data-chip=play]').innerText === '▶ Play'")
    page.wait_for_timeout(1200)
    assert assert_agrees(page, name)[what] == last


def test_the_ball_starts_anew_where_it_is_put_down(page, workbench):
    opened(page, workbench, "descent-explorer")
    x, y = middle(page.locator("svg:visible .handle"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y, steps=3)
    page.mouse.up()
    now = assert_agrees(page, "descent-explorer")
    assert now["step"] == 0 and now["start"] > 0.6
    page.locator(".chip[data-chip='rate-0.4']").click()
    page.locator(".chip[data-chip=step]").click()
    now = assert_agrees(page, "descent-explorer")
    assert now["step"] == 1
    close(now["w"], 0.6)


def test_the_square_shows_the_jacobian(page, workbench):
    opened(page, workbench, "jacobian-explorer")
    for key in ("Home", "PageUp", "End"):
        page.locator("svg:visible .handle").nth(1).focus()
        page.keyboard.press(key)
        drawn = page.locator("svg:visible .scene text").all_text_contents()
        numbers = [words for words in drawn if re.fullmatch(r"−?\d\.\d{3}", words)]
        expected = smnn.softmax_jacobian(smnn.softmax(np.array(state(page)["z"])))
        assert_same_words(" ".join(numbers), " ".join(number(v, 3) for v in expected.ravel()))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_colors_of_the_regions_are_the_answers_of_the_network(n, page, workbench):
    opened(page, workbench, "regions-explorer")
    slider = page.locator("input[name=n]")
    slider.evaluate(f"one => {{ one.value = {n}; one.dispatchEvent(new Event('input')); }}")
    now, cells = state(page), 48
    shown = np.full((cells, cells), -1)
    for path in page.locator("svg:visible .scene > g > path").all():
        k = int(re.search(r"class-(\d)", path.get_attribute("fill"))[1]) - 1
        for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1H\1z", path.get_attribute("d")):
            shown[int(y), int(x) : int(x) + int(width)] = k
    middles = now["low"] + (np.arange(cells) + 0.5) / cells * (now["high"] - now["low"])
    points = np.stack(np.meshgrid(middles, middles[::-1]), axis=-1)
    expected = network_of(now["networks"][n - 1])(points.reshape(-1, 2)).argmax(axis=1)
    np.testing.assert_array_equal(shown.ravel(), expected)


@pytest.mark.parametrize("start", range(3))
def test_a_hundred_steps_in_the_page_are_the_packages(start, page, workbench):
    opened(page, workbench, "two-spaces")
    page.locator(f".chip[data-chip=start-{start}]").click()
    page.locator("input").evaluate(
        "one => { one.value = 100; one.dispatchEvent(new Event('input')); }"
    )
    now = assert_agrees(page, "two-spaces")
    assert (now["start"], now["step"], len(now["losses"])) == (start, 100, 101)
    assert (now["right"] == 48) == (start < 2)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("rate", ["0.02", "0.18", "0.21"])
def test_a_hundred_steps_in_the_valley_are_the_optimizers(rate, turned, page, workbench):
    opened(page, workbench, "long-valley")
    page.locator(f".chip[data-chip='rate-{rate}']").click()
    if turned:
        page.locator(".chip[data-chip=turn]").click()
    now = assert_agrees(page, "long-valley")
    assert (now["eta"], now["turn"], now["step"]) == (float(rate), 30 * turned, 100)
    assert [len(walk["path"]) for walk in now["walks"]] == [101] * 3
    assert [walk["diverges"] for walk in now["walks"]] == [rate == "0.21", False, False]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: explorers.descent_explorer(1.5), "a learning rate between 0.01 and 0.9, got 1.5"),
        (lambda: explorers.descent_explorer(steps=21), "a number of steps between 0 and 20"),
        (lambda: explorers.descent_explorer(start=3.0), "a start between -1.4 and 2.6, got 3.0"),
        (lambda: explorers.jacobian_explorer((1.0, 2.0)), "expected three scores between -4.0"),
        (lambda: explorers.jacobian_explorer((1.0, 2.0, 5.0)), "three scores between -4.0 and 4.0"),
        (lambda: explorers.loss_explorer(7.0), "expected a score between -4 and 6, got 7.0"),
        (lambda: explorers.loss_explorer(0.0, 11), "a number of classes between 2 and 10, got 11"),
        (lambda: explorers.sigmoid_explorer(0.1), "expected a scale between 0.5 and 20, got 0.1"),
        (lambda: explorers.sigmoid_explorer(shift=4), "expected a shift between -3 and 3, got 4"),
        (lambda: explorers.neuron_graph(x=3.5), "expected x, w and b between -3 and 3, got 3.5"),
        (lambda: explorers.network_graph(x=(0.1, 2.0)), "expected two inputs between -1 and 1"),
        (lambda: explorers.one_line(gate="NOR"), "expected one of AND, OR, NAND, XOR, got 'NOR'"),
        (lambda: explorers.one_line(((0, 0), (0, 0.1))), "at least 0.2 apart"),
        (lambda: explorers.one_line(((0, 0), (0, 2))), "two points between -0.5 and 1.5"),
        (lambda: explorers.softmax_pullback(p=(0.5, 0.5, 0)), "three probabilities of at least"),
        (lambda: explorers.softmax_pullback(dp=(0, 0, 3)), "three gradients between -2 and 2"),
        (lambda: explorers.walk_off_the_mesa((1.0,)), "expected three scores"),
        (lambda: explorers.walk_off_the_mesa(shift=2000), "a shift between -1000 and 1000"),
        (lambda: explorers.walk_off_the_mesa(dtype="int8"), "one of float16, float32, float64"),
        (lambda: explorers.attention_tiles(query=16), "a query below 16 and at most 16 keys"),
        (lambda: explorers.attention_tiles(tile=3), "a tile of 1, 2, 4 or 8, got 3"),
        (lambda: explorers.corridor_coin(1), "a probability between 0.04 and 0.97, got 1"),
        (lambda: explorers.ctc_trellis(label="b"), "one of aba, ab, aa, got 'b'"),
        (lambda: explorers.ctc_trellis(p=[[1, 0, 0]] * 6), "six rows of three positive"),
        (lambda: explorers.gate_regions(((0, 1),) * 3), "three places between -0.95 and 0.95"),
        (lambda: explorers.gate_regions(sure=0), "a factor between 1 and 20, got 0"),
        (lambda: explorers.huffman_tree([1, 2] + [1] * 6), "eight counts from 96 to 1"),
        (lambda: explorers.huffman_tree(drawn=201), "at most 200 words drawn, got 201"),
        (lambda: explorers.long_valley(0.5), "a learning rate between 0.01 and 0.4, got 0.5"),
        (lambda: explorers.long_valley(steps=101), "a number of steps between 0 and 100, got 101"),
        (lambda: explorers.long_valley(start=(0, 2)), "a start of at most 3 and 1.8 either way"),
        (lambda: explorers.source_in_guide(3), "kilometers between 0.1 and 2.86, got 3"),
        (lambda: explorers.three_cuts(row=2), "expected row 0 or 1, got 2"),
        (lambda: explorers.three_cuts(top_k=0), "expected top_k between 1 and 12, got 0"),
        (lambda: explorers.two_spaces(start=3), "a start below 3, got 3"),
        (lambda: explorers.two_spaces(step=401), "a step between 0 and 400, got 401"),
    ],
)
def test_a_first_state_out_of_range_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@every_figure
def test_no_drawing_holds_another(name, workbench):
    """What takes a page apart goes from the beginning of a drawing to the first end."""
    drawings = re.split("</svg>", (workbench / f"{name}.html").read_text(encoding="utf-8"))
    assert {part.count("<svg") for part in drawings[:-1]} == {1}


@every_figure
def test_everybody_can_read_it(name, page, workbench):
    opened(page, workbench, name)
    faults = faults_in_width(page) + faults_in_access(page)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    faults += faults_in_width(page) + faults_in_access(page, rules=["color-contrast"])
    assert page.faults + faults == []


@every_figure
def test_without_scripts_the_first_state_is_there(name, browser, workbench):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((workbench / f"{name}.html").as_uri())
    assert page.locator("svg:visible .scene path").count() > 2
    if name != "digit-pad":
        assert readout(page) == FIGURES[name]().text
    assert not page.locator(".chip").first.is_visible()
    assert not page.locator(".handle:visible").count()
    context.close()


DRAWING_IN = """(html) => {
  const part = document.createElement("div");
  part.innerHTML = html;
  return part.querySelector("svg.wide .scene").innerHTML;
}"""


def test_the_scripts_draw_what_the_build_has_drawn(page, workbench):
    for name, make in FIGURES.items():
        opened(page, workbench, name)
        scene = page.locator("svg.wide .scene")
        scene.evaluate("one => one.replaceChildren()")
        page.locator(".chip[data-chip=reset]").click()
        drawn = draggable.first_state(name, make().kind, make().data)
        again = page.evaluate(DRAWING_IN, drawn)
        assert scene.evaluate("one => one.innerHTML") == again


def test_a_figure_comes_to_life_near_the_window(page, workbench):
    html = (workbench / "jacobian-explorer.html").read_text(encoding="utf-8")
    far = workbench / "far.html"
    far.write_text(html.replace("<h1>", '<p style="height: 4000px">Far</p><h1>'), encoding="utf-8")
    page.goto(far.as_uri())
    page.wait_for_timeout(300)
    figure = page.locator(".draggable")
    assert "is-alive" not in figure.get_attribute("class")
    height = figure.bounding_box()["height"]
    page.keyboard.press("Tab")  # to the first handle
    page.locator(".draggable.is-alive").wait_for()
    page.keyboard.press("ArrowUp")
    assert assert_agrees(page, "jacobian-explorer")["z"] == [1.1, 2, 3]
    assert figure.bounding_box()["height"] == pytest.approx(height, abs=1)


PAGES = [
    path
    for path in sorted(SITE.glob("book/**/*.html"))
    if 'class="draggable' in path.read_text(encoding="utf-8")
]
ELSEWHERE = {"digit-pad", "softmax-machine"}  # compared in test_draggable.py


@pytest.mark.skipif(not PAGES, reason="the book is not built: run make book")
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(SITE).as_posix())
def test_figures_of_the_page(path, page, address):
    """Over http each figure comes to life when it is near, and says what the package computes."""
    page.home = address
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{address}/{path.relative_to(SITE).as_posix()}")
    for identity in page.locator(".draggable").evaluate_all("all => all.map((one) => one.id)"):
        name, figure = identity.removeprefix("draggable-"), page.locator(f"#{identity}")
        figure.scroll_into_view_if_needed()
        page.locator(f"#{identity}.is-alive").wait_for()
        seen = set()
        for control in figure.locator(".handle:visible, input[type=range]").all():
            control.focus()
            for key in ("ArrowRight", "End", "Home"):
                page.keyboard.press(key)
                words = figure.locator(".interactive-readout").inner_text()
                seen.add(words)
                if name not in ELSEWHERE:
                    AGREES[name](figure.evaluate("one => one.smnnState"), words)
        assert len(seen) > 1, f"nothing moves {name}"
        assert figure.locator("svg:visible").first.bounding_box()["width"] > 200
    assert page.faults == []


def test_scripts_and_weights_are_light():
    sources, data = {}, {}
    for kind in draggable.KINDS:
        for name, source in scripts(kind).items():
            (data if name.endswith("-data.js") else sources)[name] = len(
                gzip.compress(source.encode(), mtime=0)
            )
    print(sources, data)
    assert sum(sources.values()) <= ALL_SCRIPTS
    assert sum(data.values()) <= WEIGHTS


@every_figure
def test_a_figure_is_the_same_every_time_and_shows_itself_in_a_notebook(name):
    first, second = FIGURES[name]()._repr_mimebundle_(), FIGURES[name]()._repr_mimebundle_()
    assert json.dumps(first) == json.dumps(second)
    assert first["image/svg+xml"].startswith("<svg") and "var(" not in first["image/svg+xml"]
    assert str(FIGURES[name]()) == first["text/plain"]
