"""What a teacher hands out: exercises without answers, answers, slides."""

import nbformat
import pytest
from book_checks import ROOT

pytest.importorskip("bs4", reason="needs what builds the book")
import teach

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


def test_slides_keep_what_a_room_looks_at(tmp_path):
    slides = teach.slides(CHAPTER, tmp_path).read_text(encoding="utf-8")
    assert slides.count('class="slide"') > 8
    assert "<math" in slides and "<svg" in slides and "<base href=" in slides


def test_slides_need_a_built_page(tmp_path, monkeypatch):
    monkeypatch.setattr(teach, "ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match="make book"):
        teach.slides(tmp_path / "book" / "softmax.ipynb", tmp_path)
