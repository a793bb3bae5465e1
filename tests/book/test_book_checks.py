"""Each check of the book is shown a fault and has to find it."""

import gzip
from pathlib import Path

import pytest
from book_checks import (
    DRAGGABLE,
    SLOTS,
    Page,
    faults_in_address,
    faults_in_anatomy,
    faults_in_colors,
    faults_in_execution,
    faults_in_exercises,
    faults_in_ids,
    faults_in_links,
    faults_in_outputs,
    faults_in_pictures,
    faults_in_requests,
    share_of_ignored_cells,
    weight,
)
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

EXERCISE = """::::{exercise} Title
:label: ex-one
Do it.
::::

:::{dropdown} Hint
:::

:::{dropdown} Answer
:::

::::{solution} ex-one
::::
"""


def printed(text, tags=(), name="stdout"):
    output = new_output("stream", name=name, text=text)
    return new_code_cell("…", execution_count=1, outputs=[output], metadata={"tags": list(tags)})


def notebook(*cells):
    return new_notebook(cells=[new_markdown_cell(c) if isinstance(c, str) else c for c in cells])


def test_a_good_notebook_has_no_faults():
    good = notebook(EXERCISE, printed("0.25"))
    assert faults_in_execution(good) == []
    assert faults_in_outputs(good) == []
    assert faults_in_pictures(good) == []
    assert faults_in_exercises(good) == []


@pytest.mark.parametrize("counts", [[None], [2], [1, 3], [2, 1]])
def test_a_stripped_or_disordered_notebook_is_found(counts):
    cells = [new_code_cell("1", execution_count=count) for count in counts]
    assert faults_in_execution(notebook(*cells))


@pytest.mark.parametrize(
    "text",
    ["<object at 0x7f3a12bc>", "took 1.5 ms", "12 seconds", "/home/ada/book", "3.2 it/s"],
)
def test_an_output_that_changes_is_found_unless_it_is_not_compared(text):
    assert faults_in_outputs(notebook(printed(text)))
    assert faults_in_outputs(notebook(printed(text, tags=["nbval-ignore-output"]))) == []


def test_stderr_is_found_even_where_outputs_are_not_compared():
    assert faults_in_outputs(notebook(printed("!", tags=["nbval-ignore-output"], name="stderr")))


def test_a_stored_error_is_found():
    error = new_output("error", ename="ValueError", evalue="", traceback=[])
    assert faults_in_outputs(notebook(new_code_cell("…", execution_count=1, outputs=[error])))


def test_a_figure_without_alt_text_is_found():
    drawn = new_output("display_data", data={"image/png": "…", "text/plain": "<Figure>"})
    cell = new_code_cell("…", execution_count=1, outputs=[drawn])
    assert faults_in_pictures(notebook(cell))
    figure = {"name": "fig-curves", "caption": "Two curves."}
    cell.metadata["mystnb"] = {"image": {"alt": "Two curves that cross at zero"}, "figure": figure}
    assert faults_in_pictures(notebook(cell)) == []
    assert faults_in_pictures(notebook("![](picture.png)"))
    assert faults_in_pictures(notebook(":::{figure} picture.png\ncaption\n:::"))


def figure(source, name="fig-curves", caption="Two curves.", alt="Two curves that cross"):
    drawn = new_output("display_data", data={"image/png": "…", "text/plain": "<Figure>"})
    about = {"image": {"alt": alt}, "figure": {"name": name, "caption": caption}}
    return new_code_cell(source, execution_count=1, outputs=[drawn], metadata={"mystnb": about})


@pytest.mark.parametrize(
    "source",
    [
        'ax.plot(x, y, color="C0")',
        'for k in range(3): ax.plot(x, y, color=f"C{k}")',
        'looks = ("once", rows, "C4")',
        'ax.plot(x, y, color="tab:blue")',
        'name.set(color=plot.readable("#e69f00"))',
        "ax.plot(x, y, color=plot.class_color(0))",
        "color = plot.CLASS_COLORS[2]",
        "ax.plot(x, y, color=plot.BACKWARD)",
    ],
)
def test_a_color_that_means_something_else_is_found(source):
    assert len(faults_in_colors(notebook(figure(source)))) == 1


def test_class_colors_are_found_in_a_cell_that_draws_nothing():
    assert faults_in_colors(notebook(new_code_cell("on = plot.class_color(1)")))


def test_colors_that_say_what_they_mean_are_no_faults():
    series = "ax.plot(x, y, **plot.series_style(1), mfc='none', mec='0.5')\nlayers = ('C1, maps',)"
    gradients = figure("ax.plot(x, y, color=plot.BACKWARD)", caption="The slopes.")
    classes = figure("plot.class_color(0)", "fig-hidden-xor", alt="The two classes as points.")
    unnamed = figure("plot.class_color(0)", "fig-hidden-xor", alt="Four points.")
    assert faults_in_colors(notebook(figure(series), gradients, classes)) == []
    assert faults_in_colors(notebook(unnamed))


@pytest.mark.parametrize("kind", ["image/png", DRAGGABLE])
@pytest.mark.parametrize("missing", ["name", "caption"])
def test_a_figure_without_a_number_or_a_caption_is_found(kind, missing):
    figure = {"name": "fig-curves", "caption": "Two curves."}
    shown = new_output("display_data", data={kind: "…", "text/plain": "…"})
    cell = new_code_cell("…", execution_count=1, outputs=[shown])
    cell.metadata["mystnb"] = {"image": {"alt": "Two curves that cross at zero"}, "figure": figure}
    assert faults_in_pictures(notebook(cell)) == []
    del cell.metadata["mystnb"]["figure"][missing]
    assert len(faults_in_pictures(notebook(cell))) == 1


@pytest.mark.parametrize(
    "part", ["{dropdown} Hint", "{dropdown} Answer", "{solution} ex-one", ":label: ex-one"]
)
def test_an_exercise_with_a_part_missing_is_found(part):
    assert faults_in_exercises(notebook(EXERCISE.replace(part, "")))


def test_the_solution_of_another_exercise_does_not_count():
    assert faults_in_exercises(notebook(EXERCISE.replace("{solution} ex-one", "{solution} ex-two")))


def test_a_missing_or_misplaced_slot_is_found():
    boxes = "In one sentence, You will be able to, Further reading\n\n"
    whole = [f"## {slot}: a title\n" for slot in SLOTS]
    assert faults_in_anatomy(notebook(boxes, *whole)) == []
    assert faults_in_anatomy(notebook(boxes, *whole[1:]))
    assert faults_in_anatomy(notebook(boxes, *whole[::-1]))
    assert faults_in_anatomy(notebook(*whole))


def test_ignored_cells_are_counted():
    assert share_of_ignored_cells(notebook(printed("1"), printed("2", ["nbval-skip"]))) == 0.5


@pytest.mark.parametrize(
    "text",
    [
        '<script\n  async\n  src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet"\nhref="//fonts.example/a.css">',
        "<style>@import 'https://fonts.example/a.css';</style>",
        '<div style="background: url(\nhttps://example.org/a.png)"></div>',
        '<img alt="" srcset="http://example.org/a.png">',
    ],
)
def test_an_external_request_is_found_across_line_breaks(text):
    assert faults_in_requests(Page(text))


def test_a_link_to_another_site_is_no_request():
    assert faults_in_requests(Page('<a href="https://example.org">there</a>')) == []


def test_broken_links_are_found(tmp_path):
    here, there = tmp_path / "here.html", tmp_path / "there.html"
    there.write_text("<p id='anchor'>", encoding="utf-8")
    here.write_text("", encoding="utf-8")

    def faults(link):
        pages = {here: Page(f'<a href="{link}">'), there: Page(there.read_text(encoding="utf-8"))}
        return faults_in_links(Path(here), pages)

    assert faults("there.html#anchor") == []
    assert faults("there.html#elsewhere")
    assert faults("nowhere.html")
    assert faults("#nothing")


def test_a_missing_picture_is_found(tmp_path):
    here = tmp_path / "here.html"
    page = Page('<img alt="" src="picture.png">')
    assert faults_in_links(here, {here: page})
    (tmp_path / "picture.png").write_bytes(b"1234")
    here.write_text("12", encoding="utf-8")
    assert faults_in_links(here, {here: page}) == []
    assert weight(here, page) == len(gzip.compress(b"12")) + 4


def test_an_id_that_stands_twice_or_nowhere_is_found():
    assert faults_in_ids(Page('<p id="a"><label for="a">')) == []
    assert faults_in_ids(Page('<p id="a"><p id="a">'))
    assert faults_in_ids(Page('<p id="a" aria-describedby="a b">'))


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/",
        "https://localhost/",
        "https://127.0.0.1:8000/",
        "https://example.org/page.",
        "https://example.org/a page",
        "https://doi.org/10.1038",
    ],
)
def test_a_malformed_address_is_found(address):
    assert faults_in_address(address)


def test_a_good_address_has_no_faults():
    for address in ("https://example.org/page", "https://doi.org/10.1038/323533a0"):
        assert faults_in_address(address) == []
