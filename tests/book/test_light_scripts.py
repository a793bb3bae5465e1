"""What makes the scripts of the site smaller leaves what they do."""

from contextlib import closing

import pytest

pytest.importorskip("py_mini_racer", reason="needs the book's requirements")

from light_scripts import light
from py_mini_racer import MiniRacer

TRICKY = r"""
// A comment with "quotes" and `ticks`.
(() => {
  const shared = { length: 3, other: "a // b" };  // the end of a line
  const { length, other: renamed } = shared;
  function joined(first, second = `${first ? `<${first}>` : ""}`) {
    return first + second;
  }
  const words = ["it's", 'a "b"', `\`${joined("x")}\` { ${[length, renamed].join(" + ")} }`];
  const signs = { "<": "&lt;", "/": " / " };
  const escaped = words.join("/").replace(/[&<>"/]/g, (found) => signs[found] ?? found);
  let total = 0;
  for (const word of words) total += word.length;
  const before = total++;
  const minus = 1 - -total;
  const state = { total, minus, nested: { renamed }, get answer() { return total; } };
  const answer = [total];
  const more = { before, first: answer[0], half: total / 2 / 2, is: typeof total };
  return JSON.stringify({ ...state, escaped, ...more });
})()
"""


def test_a_tricky_script_says_the_same():
    small = light(TRICKY)
    with closing(MiniRacer()) as engine:
        assert engine.eval(small) == engine.eval(TRICKY)
    assert len(small) < 0.75 * len(TRICKY)
    assert "comment" not in small and "the end of" not in small


def test_names_that_are_properties_stay_and_others_go():
    small = light(
        "function sum(values, { start }) { const total = values.length; return total + start; }"
    )
    assert small == "function c(a,{start}){const b=a.length;return b+start;}"
