"""The notebooks as a book: executed, complete, readable without the pictures.

nbval compares the numbers; these tests see to everything that nbval passes over.
"""

import re
from itertools import pairwise

import nbformat
import pytest
import yaml
from book_checks import (
    BOOK,
    ROOT,
    exercise_labels,
    faults_in_anatomy,
    faults_in_colors,
    faults_in_execution,
    faults_in_exercises,
    faults_in_outputs,
    faults_in_pictures,
    prose,
    share_of_ignored_cells,
)

NOTEBOOKS = sorted(BOOK.rglob("*.ipynb"))
NOTEBOOKS = [path for path in NOTEBOOKS if ".ipynb_checkpoints" not in path.parts]
PARTS = ("one-neuron", "many-classes", "networks", "fast", "at-work")


def name_of(path):
    return path.relative_to(BOOK).as_posix()


def is_chapter(path):
    return path.parent.name in PARTS and path.stem != "project"


CHAPTERS = [path for path in NOTEBOOKS if is_chapter(path)]
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=name_of)


def read(path):
    return nbformat.read(path, as_version=4)


def pages_in_contents(entry):
    """Every file that the table of contents names."""
    if isinstance(entry, dict):
        found = [entry[key] for key in ("root", "file") if key in entry]
        return found + [name for value in entry.values() for name in pages_in_contents(value)]
    if isinstance(entry, list):
        return [name for item in entry for name in pages_in_contents(item)]
    return []


@every_notebook
def test_cells_were_executed_in_order(path):
    assert faults_in_execution(read(path)) == []


@every_notebook
def test_outputs_are_the_same_on_every_run(path):
    assert faults_in_outputs(read(path)) == []


@every_notebook
def test_pictures_have_alt_text(path):
    assert faults_in_pictures(read(path)) == []


@every_notebook
def test_colors_mean_the_same_in_every_figure(path):
    assert faults_in_colors(read(path)) == []


@every_notebook
def test_exercises_have_hint_answer_and_solution(path):
    assert faults_in_exercises(read(path)) == []


@every_notebook
def test_few_outputs_are_left_uncompared(path):
    assert share_of_ignored_cells(read(path)) <= 0.1


@every_chapter
def test_chapter_has_the_anatomy(path):
    assert faults_in_anatomy(read(path)) == []


@every_chapter
def test_chapter_has_four_exercises(path):
    assert len(exercise_labels(read(path))) >= 4


def test_contents_name_every_notebook_once():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    named = pages_in_contents(contents)
    assert len(named) == len(set(named))
    on_disk = {path.relative_to(ROOT).with_suffix("").as_posix() for path in NOTEBOOKS}
    assert on_disk - set(named) == set(), "notebooks that the contents do not name"
    missing = [n for n in named if not any((ROOT / f"{n}{s}").exists() for s in (".ipynb", ".md"))]
    assert missing == [], "pages that the contents name and nobody wrote"


def test_exercise_labels_are_unique_in_the_book():
    labels = [label for path in NOTEBOOKS for label in exercise_labels(read(path))]
    assert len(labels) == len(set(labels))


def test_the_questions_are_as_many_as_every_page_says():
    numbers = [
        int(line.split(".")[0].removeprefix("### "))
        for line in prose(read(BOOK / "reference" / "questions.ipynb")).splitlines()
        if line.startswith("### ")
    ]
    assert numbers == list(range(1, len(numbers) + 1))
    texts = {name_of(path): prose(read(path)) for path in NOTEBOOKS}
    pages = [*BOOK.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"]
    texts |= {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in pages}
    named = {
        (name, int(count))
        for name, text in texts.items()
        for count in re.findall(r"\b[Tt]he \[?(\d+) questions\b", text)
    }
    assert ("reference/questions.ipynb", len(numbers)) in named, "the title names the number"
    assert [(name, count) for name, count in sorted(named) if count != len(numbers)] == []


def test_the_glossary_is_in_alphabetical_order():
    lines = (BOOK / "reference" / "glossary.md").read_text(encoding="utf-8").splitlines()
    terms = [line for line, after in pairwise(lines) if after.startswith("  ")]
    assert len(terms) > 100
    in_order = sorted(terms, key=lambda term: re.findall(r"\w+", term.lower()))
    assert terms == in_order
