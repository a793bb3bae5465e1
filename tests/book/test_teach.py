"""What a teacher hands out: exercises without answers, answers, slides."""

import nbformat
import pytest
from book_checks import ROOT, SITE

pytest.importorskip("bs4", reason="needs what builds the book")
import teach
from bs4 import BeautifulSoup

CHAPTER = ROOT / "book" / "many-classes" / "softmax.ipynb"


def test_exercises_have_no_answers(tmp_path):
    notebook = nbformat.read(teach.exercises(CHAPTER, tmp_path), as_version=4)
    nbformat.validate(notebook)
    text = "\n".join(cell.source for cell in notebook.cells)
    for telling in (".accepts(", ".rejects(", "{dropdown}", "{solution", "Answer"):
        assert telling not in text
    asked = nbformat.read(CHAPTER, as_version=4)
    count = sum(cell.source.count("{exercise}") for cell in asked.cells)
    assert text.count("## ★") == count > 3
    assert all(not cell.get("outputs") for cell in notebook.cells)


def test_exercises_run(tmp_path):
    notebook = nbformat.read(teach.exercises(CHAPTER, tmp_path), as_version=4)
    names = {"display": lambda *_: None}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, "a cell", "exec"), names)
    assert "check_reheat" in names


def test_answers_hold_every_exercise_with_its_solution(tmp_path):
    text = teach.answers(tmp_path).read_text(encoding="utf-8")
    asked = sum(
        cell.source.count("{exercise} ★")
        for path in (ROOT / "book").rglob("*.ipynb")
        for cell in nbformat.read(path, as_version=4).cells
    )
    assert text.count("\n## ★") == asked > 100
    assert "{solution" not in text and ":::" not in text
    assert ".accepts(" in text and "**Solution.**" in text


@pytest.mark.skipif(not SITE.exists(), reason="the book is not built: run make book")
def test_slides_keep_what_a_room_looks_at(tmp_path):
    page = BeautifulSoup(teach.slides(CHAPTER, tmp_path).read_text(encoding="utf-8"), "html.parser")
    slides = page.select("body > .slide")
    assert len(slides) > 8 and page.base["href"].startswith("file:")
    assert page.select_one(".slide > figure svg, .slide svg") and page.select_one(".slide math")
    assert len(page.select(".slide > p")) == len(page.select(".slide > p.said")) > 20
    assert all(slide.select(":scope > :not(.said)") for slide in slides)


def test_slides_need_a_built_page(tmp_path, monkeypatch):
    monkeypatch.setattr(teach, "ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match="make book"):
        teach.slides(tmp_path / "book" / "softmax.ipynb", tmp_path)
