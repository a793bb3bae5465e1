"""Make what a teacher hands out: slides, exercises without answers, and a book of answers.

    python tools/teach.py slides book/many-classes/softmax.ipynb
    python tools/teach.py exercises book/many-classes/softmax.ipynb
    python tools/teach.py answers

Everything goes into ``_build/teach``.  Slides are made from the built page (`make book`): what a
room looks at, one slide for each section, is what is not running text; the key n shows that
too, arrows turn.  The exercises are a notebook that runs, with the checks of the chapter.
"""

import argparse
import re
import sys
from pathlib import Path

import bs4
import nbformat

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "_build" / "teach"
sys.path.insert(0, str(ROOT / "_ext"))
from page_markup import MINUTES  # noqa: E402

EXERCISE = re.compile(r"^(:{3,})\{exercise\} (★+) ([^\n]*)\n(.*?)^\1[ ]*$\n?", re.M | re.S)
SOLUTION = re.compile(r"^(:{3,})\{solution-(?:start|end)\}[^\n]*\n.*?^\1[ ]*$\n?", re.M | re.S)

SLIDES = """<style>
  html { scroll-snap-type: y mandatory; }
  body { max-width: none; display: block; }
  .slide { min-height: 100vh; box-sizing: border-box; padding: 4vh 8vw; scroll-snap-align: start;
           font-size: 1.35rem; }
  .slide .said { display: none; }
  body.with-notes .slide .said { display: block; }
</style>
<script>
  addEventListener("keydown", (event) => {
    const height = innerHeight, here = Math.round(scrollY / height);
    if (event.key === "n") document.body.classList.toggle("with-notes");
    const step = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1,
                   ArrowLeft: -1, ArrowUp: -1, PageUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const slides = [...document.querySelectorAll(".slide")];
    const now = slides.findLastIndex((slide) => slide.getBoundingClientRect().top < 10);
    slides[Math.max(0, Math.min(slides.length - 1, now + step))].scrollIntoView();
  });
</script>"""


def own_parts(section):
    """Return the parts of a section that are not sections themselves."""
    return [part for part in section.find_all(recursive=False) if part.name != "section"]


def slides(notebook, output=OUTPUT):
    """Write the slides of a built chapter and return their path."""
    built = (ROOT / "_build" / "html" / notebook.relative_to(ROOT)).with_suffix(".html")
    if not built.is_file():
        raise FileNotFoundError(f"{built} is missing: run make book first")
    page = bs4.BeautifulSoup(built.read_text(encoding="utf-8"), "html.parser")
    page.head.insert(0, page.new_tag("base", href=built.parent.as_uri() + "/"))
    page.head.append(bs4.BeautifulSoup(SLIDES, "html.parser"))
    shown = []
    for section in page.select_one("article").find_all("section"):
        slide = page.new_tag("div", attrs={"class": "slide"})
        for part in own_parts(section):
            if part.name in ("p", "ul", "ol", "dl"):
                part["class"] = [*part.get("class", []), "said"]
            slide.append(part.extract())
        if slide.select(":scope > :not(.said)"):
            shown.append(slide)
    page.body.clear()
    page.body.extend(shown)
    return write(output / f"{notebook.stem}-slides.html", str(page))


def exercises(notebook, output=OUTPUT):
    """Write a notebook of the exercises of a chapter, without their answers; return its path."""
    chapter = nbformat.read(notebook, as_version=4)
    cells, begun, inside_solution = [], False, False
    for cell in chapter.cells:
        if cell.cell_type == "markdown":
            begun |= "## Exercises" in cell.source
            if "{solution-start}" in cell.source:
                inside_solution = True
            if "{solution-end}" in cell.source:
                inside_solution = False
            title = re.match(r"# .*", cell.source)
            asked = "\n".join(text for _, text in asked_in(cell.source)) if begun else ""
            if title or asked:
                cells.append(nbformat.v4.new_markdown_cell(asked or title.group()))
            if begun and "## In short" in cell.source:
                break
        elif not inside_solution and "remove-cell" not in cell.metadata.get("tags", ()):
            cell.outputs, cell.execution_count = [], None
            cells.append(cell)
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    chapter.cells = cells
    return write(output / f"{notebook.stem}-exercises.ipynb", nbformat.writes(chapter))


def asked_in(markdown):
    """Return the heading and the text of every exercise in a piece of Markdown."""
    found = []
    for _, stars, name, body in EXERCISE.findall(markdown):
        body = re.sub(r"^:label:.*\n", "", body, flags=re.M).strip()
        heading = f"{stars} {name} ({MINUTES[len(stars)]} minutes)"
        found.append((heading, f"## {heading}\n\n{body}\n"))
    return found


def answers(output=OUTPUT):
    """Write all exercises with their hints, answers and solutions; return the path."""
    lines = ["# Answers\n"]
    for notebook in sorted((ROOT / "book").rglob("*.ipynb")):
        cells, begun, inside = nbformat.read(notebook, as_version=4).cells, False, False
        chapter = re.match(r"# (.*)", cells[0].source)
        for cell in cells:
            if cell.cell_type == "markdown":
                if "{exercise}" in cell.source and not begun:
                    begun = True
                    lines.append(f"\n# {chapter.group(1) if chapter else notebook.stem}\n")
                inside = ("{solution-start}" in cell.source or inside) and (
                    "{solution-end}" not in cell.source
                )
                if begun:
                    lines.append(as_plain_markdown(cell.source.partition("## In short")[0]))
            elif begun and inside:
                lines.append(f"```python\n{cell.source}\n```\n")
            if "## In short" in cell.source:
                begun = False
    return write(output / "answers.md", "\n".join(lines))


def as_plain_markdown(text):
    """Return text with the headings of exercises and folds in place of their directives."""
    text = EXERCISE.sub(lambda match: asked_in(match.group())[0][1], text)
    text = SOLUTION.sub(lambda match: "**Solution.**\n" if "start" in match.group() else "", text)
    text = re.sub(r"^:{3,}\{dropdown\} (.*)$", r"**\1.**\n", text, flags=re.M)
    text = re.sub(r"^:{3,}(\{.*)?[ ]*$", "", text, flags=re.M)
    return re.sub(r"^:(class|label):.*\n|^## Exercises\n", "", text, flags=re.M)


def write(path, text):
    """Write a text and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def main():
    """Do what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("slides", "exercises", "answers"))
    parser.add_argument("chapter", nargs="?", type=Path, help="a notebook of the book")
    arguments = parser.parse_args()
    if arguments.what == "answers":
        print(answers())
        return 0
    if arguments.chapter is None or not arguments.chapter.is_file():
        parser.error(f"{arguments.what} needs a chapter, such as book/many-classes/softmax.ipynb")
    try:
        make = {"slides": slides, "exercises": exercises}[arguments.what]
        print(make(arguments.chapter.resolve()))
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
