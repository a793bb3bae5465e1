"""The figures of the long runs, which tools/trust.py keeps, and the page that shows them."""

import json
import re

import nbformat
import pytest
import trust


def test_the_page_shows_what_is_kept():
    assert trust.PAGE.read_text(encoding="utf-8") == trust.page()
    shown = re.findall(rf"^{trust.BEGIN}: (\w+)$", trust.PAGE.read_text(encoding="utf-8"), re.M)
    kept = {json.loads(path.read_text("utf-8"))["check"] for path in trust.KEPT.glob("*.json")}
    assert sorted(shown) == sorted(kept) and kept <= set(trust.CHECKS)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A page of one section, and a place for results."""
    page = tmp_path / "page.md"
    page.write_text(f"Before.\n\n{trust.BEGIN}: mutation\nOld.\n{trust.END}\n\nAfter.\n", "utf-8")
    reasons = tmp_path / "reasons"
    reasons.write_text("# why\nctc\tbest\tx < y\tx <= y\tThey are never equal.\n", "utf-8")
    for name, value in {"KEPT": tmp_path / "kept", "PAGE": page, "SURVIVORS": reasons}.items():
        monkeypatch.setattr(trust, name, value)
    return page


def test_a_result_is_kept_and_shown(small):
    for module, survivors in ("a/b", []), ("ctc", [("ctc", 3, "best", "x < y", "x <= y")]):
        rows = [(module, 1234, len(survivors))]
        trust.keep(
            "mutation", [module], module, ("module", "faults", "not noticed"), rows, survivors
        )
    assert trust.main("page", "--check") and not trust.main("page")
    assert not trust.main("page", "--check")
    text = small.read_text(encoding="utf-8")
    assert text.startswith("Before.\n\n%") and text.endswith("\n\nAfter.\n") and "Old" not in text
    assert "| a/b | 1,234 | 0 |\n| ctc | 1,234 | 1 |" in text
    assert "- `ctc`, `best`: `x < y` became `x <= y`. They are never equal.\n" in text
    assert text.count(", Python ") == 1  # two parts of one day
    assert "`python tools/trust.py mutation` ran on" in text


def test_a_survivor_without_a_reason_is_not_shown_as_one(small):
    survivors = [("ctc", 3, "last", "x < y", "x <= y")]
    trust.keep("mutation", [], "ctc", ("module",), [("ctc",)], survivors)
    with pytest.raises(KeyError):
        trust.main("page")


def test_the_cells_of_a_notebook_are_run_twice():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in ("a = 1", "a + 1")]
    )
    trust.repeat_cells(notebook)
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells] == ["a = 1", "a + 1"] * 2
    assert len({cell.id for cell in notebook.cells}) == 4
