"""The roofline: what is counted, what is measured, and what is drawn."""

import itertools

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import smnn
from smnn import plot
from smnn_book import roofline
from smnn_book.roofline import Roofs, count_accesses, count_passes

X = np.random.default_rng(0).standard_normal((3, 5))


@pytest.fixture(autouse=True)
def _close():
    yield
    plot.pyplot.close("all")


@pytest.mark.parametrize(
    ("function", "passes"),
    [
        (lambda x: x.max(axis=1), (1, 0)),
        (lambda x: x.sum(), (1, 0)),
        (lambda x: x - x.max(axis=1, keepdims=True), (2, 1)),
        (lambda x: x + x, (2, 1)),
        (lambda x: np.exp(x, out=x), (1, 1)),
        (lambda x: np.log(np.exp(x).sum(axis=1)), (2, 1)),  # the logarithm is of one per row
        (lambda x: None, (0, 0)),
    ],
)
def test_passes_are_counted(function, passes):
    assert count_passes(function, X) == passes


def test_passes_in_place_count_as_those_of_a_new_array():
    def in_place(x):
        x -= x.max(axis=1, keepdims=True)
        np.exp(x, out=x)
        x /= x.sum(axis=1, keepdims=True)

    def new(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    assert count_passes(in_place, X) == count_passes(new, X) == (5, 3)


def test_counting_changes_neither_the_argument_nor_the_result():
    before, results = X.copy(), []
    count_passes(lambda x: results.append(np.exp(x, out=x)), X)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(results[0], np.exp(X))


def test_accesses_are_counted_for_each_element():
    def three_loads_two_stores(x, out):
        for v in x:
            out[0] = v
        for i in range(len(x)):
            out[i] = x[i] + x[i]

    assert count_accesses(three_loads_two_stores, [1.0, 2.0]) == (3.0, 2.0)


def test_a_race_takes_the_best_of_each_and_gives_every_function_its_turns():
    ticks = itertools.chain([0, 1, 0, 4], itertools.cycle([0, 2, 0, 3]))
    calls = {"fast": 0, "slow": 0}

    def count(name):
        calls[name] += 1

    functions = {name: lambda name=name: count(name) for name in calls}
    best = roofline.race(functions, seconds=0, clock=lambda: float(next(ticks)))
    assert best == {"fast": 1.0, "slow": 3.0}
    assert calls == {"fast": 5, "slow": 5}  # to compile, to estimate, and three rounds


def test_roofs_are_limits():
    roofs = Roofs(bandwidth=10.0, peak=30.0)
    assert roofs.limit([1, 3, 100]).tolist() == [10, 30, 30]
    measured = roofline.measure_roofs(1 << 16)
    assert measured.bandwidth > 1e7 and measured.peak > 1e7  # of the slowest machine


def test_the_kernels_that_measure_compute_what_they_say():
    a, b, c = np.zeros(8, np.float32), np.ones(8, np.float32), np.full(8, 2, np.float32)
    roofline._triad(a, b, c, 4)
    assert a.tolist() == [7] * 8  # 1 + 3 · 2 in the last round
    x = np.array([0.5], np.float32)
    out = np.empty_like(x)
    roofline._polynomial(x, out, 1)
    p = 0.5
    for _ in range(roofline.DEGREE // 2):
        p = (p * 0.5 + 0.5) * 0.5 + 0.25
    assert out[0] == pytest.approx(p)


def test_limits_grow_with_the_array_and_the_call_does_not():
    small, large = (roofline.limits((rows, 10), 24, 1e9) for rows in (1, 50_000))
    assert small["arithmetic"] == pytest.approx(24 * 10 / 1e9)
    assert large["arithmetic"] == pytest.approx(50_000 * small["arithmetic"])
    assert large["memory"] > 100 * small["memory"]
    assert large["call"] < 100 * small["call"]


@pytest.mark.parametrize("past_caches", [False, True])
def test_softmax_by_blocks_is_softmax(past_caches):
    x = np.random.default_rng(1).standard_normal((3, 3000)).astype(np.float32)
    out = np.empty_like(x)
    roofline.softmax_by_blocks(x, out, past_caches)
    np.testing.assert_allclose(out, smnn.softmax(x), rtol=1e-5)


def test_a_race_is_printed_line_beside_line(capsys, monkeypatch):
    monkeypatch.setattr(roofline, "race", lambda functions, seconds: {"a": 4e-9, "bb": 1e-9})
    found = roofline.show_race({"a": None, "bb": None}, {"a": 2, "bb": 2})
    assert found == {"a": pytest.approx(2), "bb": pytest.approx(0.5)}
    assert capsys.readouterr().out.splitlines() == [
        "a      2.00 ns per element",
        "bb     0.50 ns per element     4.0 times as fast",
    ]


def texts(figure):
    return {text.get_text() for text in figure.axes[0].texts}


def test_a_roofline_names_its_roofs_and_its_dots():
    dots = {"slow": (0.5, 1e9), "fast": (2.0, 1.5e10), "faster": (2.0, 1.6e10)}
    figure = roofline.draw_roofline(Roofs(1e10, 5e10), dots)
    assert texts(figure) == {"memory", "arithmetic", *dots}
    figure.draw_without_rendering()
    low, high = sorted(
        text.get_window_extent().y0 for text in figure.axes[0].texts
        if text.get_text().startswith("fast")
    )  # fmt: skip
    assert high - low > 8  # points: names of dots that nearly touch do not


def test_lines_bars_and_limits_name_what_they_show():
    lines = roofline.draw_lines([1, 10, 100], {"a": [3, 2, 1], "b": [3, 2, 1.01]}, "size")
    assert texts(lines) == {"a", "b"}
    bars = roofline.draw_savings({"first": (2.0, 1.0), "second": (1.0, 1.2)})
    assert texts(bars) == {"50%", "120%"}
    assert [label.get_text() for label in bars.axes[0].get_yticklabels()] == ["second", "first"]
    found = {"call": 1e-6, "arithmetic": 2e-6, "memory": 1e-5}
    assert texts(roofline.draw_limits({"1 × 10": found, "2 × 10": found})) == set(found)
