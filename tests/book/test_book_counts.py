"""The numbers about the book that are counted while it is built."""

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from book_checks import ROOT, SITE, is_compared

bs4 = pytest.importorskip("bs4", reason="needs what builds the book")
pytest.importorskip("sphinx", reason="needs what builds the book")
import book_counts  # noqa: E402
from freshness import versions  # noqa: E402

NOTEBOOK = [
    ("markdown", [], "An exercise:\n\n:::{exercise} One\n:::", None),
    ("code", [], "assert 1 == 1\nprint(2)", {"name": "stdout", "text": "2"}),
    ("code", [], "check_vjp(f, g, x).ok", {"data": {"text/plain": "True"}}),
    ("code", [], "draw()", {"data": {"text/plain": "<Figure>", "image/png": ""}}),
    ("code", [], "drag()", {"data": {"application/vnd.smnn.draggable+json": {}}}),
    ("code", ["nbval-ignore-output"], "time()", {"name": "stdout", "text": "3 s"}),
]


@pytest.fixture
def book(tmp_path):
    """A book of one page and one notebook, with one test and one example."""
    cells = [
        {
            "cell_type": kind,
            "metadata": {"tags": tags},
            "source": [source],
            "outputs": [output] if output else [],
        }
        for kind, tags, source, output in NOTEBOOK
    ]
    (tmp_path / "chapter.ipynb").write_text(json.dumps({"cells": cells}))
    (tmp_path / "tests" / "book").mkdir(parents=True)
    (tmp_path / "tests" / "book" / "test_b.py").write_text("def test_b(): pass\n")
    (tmp_path / "tests" / "test_a.py").write_text("def test_a(): pass\n\n\ndef helper(): pass\n")
    (tmp_path / "smnn").mkdir()
    (tmp_path / "smnn" / "a.py").write_text('def f():\n    """Do.\n\n    >>> f()\n    """\n')
    env = SimpleNamespace(toctree_includes={"index": ["chapter"]})
    config = SimpleNamespace(root_doc="index")
    return book_counts.Book(SimpleNamespace(srcdir=tmp_path, env=env, config=config))


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("pages", 2),
        ("notebooks", 1),
        ("code cells", 5),
        ("compared outputs", 2),
        ("asserted equalities", 1),
        ("gradient checks", 1),
        ("interactive figures", 1),
        ("exercises", 1),
        ("test functions", 2),
        ("examples", 1),
    ],
)
def test_each_count(book, what, number):
    assert book_counts.COUNTS[what](book) == number


def test_every_count_is_tested_and_used():
    page = (ROOT / "book" / "reference" / "checks.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\{counted\}`(.*?)`", page)) == set(book_counts.COUNTS)


def test_what_is_not_compared_is_known_by_the_same_tags():
    for tag in book_counts.NOT_COMPARED:
        cell = SimpleNamespace(metadata={"tags": [tag]})
        assert not is_compared(cell)


needs_site = pytest.mark.skipif(
    not (SITE / "book" / "reference" / "status.html").exists() and not os.environ.get("CI"),
    reason="the book is not built: run make book",
)


def read(name):
    path = SITE / "book" / "reference" / name
    return bs4.BeautifulSoup(Path(path).read_text(encoding="utf-8"), "html.parser")


@needs_site
def test_the_status_page_has_every_notebook_and_every_version():
    notebooks, programs = read("status.html").select("main table")
    rows = [[cell.get_text() for cell in row.select("td")] for row in notebooks.select("tbody tr")]
    sources = [path for path in (ROOT / "book").rglob("*.ipynb") if "checkpoints" not in str(path)]
    assert len(rows) == len(sources) + 1
    assert all(float(row[2]) > 0 and row[3] == "all cells ran" for row in rows[:-1])
    shown = [tuple(cell.get_text() for cell in row.select("td")) for row in programs.select("tr")]
    assert shown[1:] == list(versions().items())


@needs_site
def test_numbers_and_changes_are_on_their_pages():
    text = " ".join(read("checks.html").select_one("main").get_text().split())
    numbers = re.search(r"(\d+) notebooks with ([\d,]+) code cells", text)
    assert int(numbers[1]) == len(read("status.html").select("main table")[0].select("tr")) - 2
    assert "A site that needs no network" in read("changes.html").get_text()
