"""The tool that puts faults into modules: each mutant differs in one place, and is Python."""

import ast
import types

import mutants
import pytest


@pytest.mark.parametrize(
    "source, after",
    [
        ("x < y", {"x <= y"}),
        ("x + 1", {"x - 1", "x + 2"}),
        ("f(a, b)", {"f(b, a)"}),
        ("if a and not b: c", {"if not (a and (not b)):\n    c", "if a or not b:\n    c"}),
        ("raise ValueError(f'{x} < {y + 1}')", set()),
    ],
)
def test_each_fault_is_made_by_itself(source, after):
    assert {text() for *_, text in mutants.mutants(source)} == after


def test_what_stood_there_is_said_with_its_line_and_its_function():
    found = mutants.mutants("def f():\n    def g(): return 1\n    return 2\na is None")
    assert [fault[:-1] for fault in found] == [
        (4, "<module>", "a is None", "a is not None"), (3, "f", "2", "3"), (2, "g", "1", "2")
    ]  # fmt: skip


@pytest.mark.parametrize("module", mutants.MODULES)
def test_modules_and_their_tests_are_there(module):
    source = (mutants.ROOT / "smnn" / f"{module}.py").read_text(encoding="utf-8")
    found = mutants.mutants(source)
    assert len(found) > 20 and ast.parse(found[0][-1]())
    for name in *mutants.tests_of(module), *map(mutants.node_id, mutants.LEFT_OUT):
        file, *function = name.split("::")
        text = (mutants.ROOT / file).read_text(encoding="utf-8")
        assert all(f"def {one}(" in text for one in function)


def test_the_share_that_is_noticed_has_an_error():
    assert mutants.share(40, [()] * 4) == pytest.approx((0.9, (38 / 44 * 6 / 44 / 44) ** 0.5))
    assert mutants.share(40, [])[1] > 0


def test_the_tests_that_took_least_run_first():
    order = mutants.ShortestFirst({"slow": 2.0, "fast": 0.1})
    items = [types.SimpleNamespace(nodeid=name) for name in ("slow", "new", "fast")]
    order.pytest_collection_modifyitems(items)
    assert [item.nodeid for item in items] == ["new", "fast", "slow"]
    for seconds in 0.5, 1.0:  # its setup, its call
        order.pytest_runtest_logreport(types.SimpleNamespace(nodeid="new", duration=seconds))
    assert order.seconds["new"] == 1.5
