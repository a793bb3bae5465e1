"""The Sphinx extensions of this book, on pieces of pages and on a book of two pages."""

import json
import re
import textwrap
import threading
import time
import zlib
from base64 import b64decode
from types import SimpleNamespace

import pytest
from book_checks import ROOT, Page, faults_in_links, faults_in_requests
from small_book import build, write_book

bs4 = pytest.importorskip("bs4", reason="needs what builds the book")
import cell_pictures  # noqa: E402
import draggable_figures  # noqa: E402
import execution_ahead  # noqa: E402
import file_pictures  # noqa: E402
import freshness  # noqa: E402
import kernel_pictures  # noqa: E402
import light_pictures  # noqa: E402
import nbformat  # noqa: E402
import numpy as np  # noqa: E402
import page_body  # noqa: E402
import page_facts  # noqa: E402
import page_frame  # noqa: E402
import page_markup  # noqa: E402
import pygments  # noqa: E402
import thumbnails  # noqa: E402
from docutils import nodes as docutils_nodes  # noqa: E402
from jupyter_cache import get_cache  # noqa: E402
from pygments.formatters import HtmlFormatter  # noqa: E402
from pygments.lexers import PythonLexer  # noqa: E402
from sphinx_exercise.nodes import solution_node  # noqa: E402

from smnn_book import draggable  # noqa: E402
from smnn_book.draggable import MIME_TYPE  # noqa: E402
from smnn_book.explorers import jacobian_explorer, loss_explorer  # noqa: E402


def soup(text):
    return bs4.BeautifulSoup(text, "html.parser")


def mended(text, mend):
    """A piece of a page after one mender has worked on it."""
    body = soup(text)
    mend(body)
    return str(body)


# ------------------------------------------------------------------ pieces of pages


def test_slots_are_known_by_their_headings():
    section = '<section class="slot slot-check"><h2>Check it</h2></section>'
    assert mended("<section><h2>Check it</h2></section>", page_markup.mark_slots) == section
    for heading in ("A number first: three scores", "1.2. A number first"):
        marked = mended(f"<section><h2>{heading}</h2></section>", page_markup.mark_slots)
        assert 'class="slot slot-number"' in marked
    other = "<section><h2>Codes and ciphers</h2></section>"
    assert mended(other, page_markup.mark_slots) == other


def test_dropdowns_become_plain_boxes_that_open():
    dropdown = (
        '<details class="sd-dropdown sd-card"><summary class="sd-card-header">'
        '<span class="sd-summary-text">Hint</span><svg></svg></summary>'
        '<div class="sd-summary-content"><p class="sd-card-text">Try 2.</p></div></details>'
    )
    assert mended(dropdown, page_markup.fold_dropdowns) == (
        '<details class="fold"><summary><span>Hint</span></summary>'
        '<div class="fold-content"><p>Try 2.</p></div></details>'
    )


def test_solutions_become_boxes_that_open():
    solution = (
        '<div class="solution admonition" id="s"><p class="admonition-title">'
        '<a href="#e">Solution to Exercise 1</a></p><div><p>Two.</p></div></div>'
    )
    folded = mended(solution, page_markup.fold_solutions)
    assert folded == (
        '<details class="fold fold-solution" id="s"><summary>Worked solution</summary>'
        '<div class="fold-content"><div><p>Two.</p></div></div></details>'
    )


def test_figures_stand_before_their_code():
    cell = (
        '<div class="cell"><details class="hide above-input"><summary><p>Show</p></summary>'
        '<div class="cell_input"></div></details>'
        '<div class="cell_output"><figure></figure></div></div>'
    )
    body = soup(cell)
    page_markup.fold_hidden_code(body)
    page_markup.put_figures_first(body)
    assert [part["class"] for part in body.div.find_all(recursive=False)] == [
        ["cell_output"],
        ["fold", "fold-code"],
    ]
    assert body.summary.string == "Code of this figure"


CELL = '<div class="cell{}"><div class="cell_input"><pre>{}</pre></div></div>'
FOLD = '<details class="fold"><summary>Why?</summary><div class="fold-content"></div></details>'


def test_cells_of_an_answer_go_into_its_fold():
    cells = CELL.format("", "1") + CELL.format("", "2")
    questions = f'<section class="slot-questions">{FOLD}{cells}<p>On.</p></section>'
    body = soup(questions)
    page_markup.fold_in_cells(body)
    assert [cell.get_text() for cell in body.select(".fold-content > .cell")] == ["1", "2"]
    elsewhere = soup(FOLD + CELL.format(" tag_question", "1") + CELL.format("", "2"))
    page_markup.fold_in_cells(elsewhere)
    assert [cell.get_text() for cell in elsewhere.select(".fold-content > .cell")] == ["1"]


def test_code_with_long_lines_is_marked():
    body = soup(CELL.format("", "x" * 72) + CELL.format("", "x" * 73))
    page_markup.mark_wide_code(body)
    inputs = [code["class"] for code in body.select(".cell_input")]
    assert inputs == [["cell_input"], ["cell_input", "reaching"]]


def test_verdicts_may_break_and_other_output_keeps_its_lines():
    output = '<div class="cell_output"><pre>{}</pre></div>'
    body = soup(output.format("✓ a sum: 1e-16\n✓ a &lt; b\n") + output.format("✓ a\n  x   y"))
    page_markup.mark_verdicts(body)
    assert [pre.get("class") for pre in body.select("pre")] == [["verdicts"], None]
    assert [line.string for line in body.select("span")] == ["✓ a sum: 1e-16", "✓ a < b"]
    assert body.pre.get_text() == "✓ a sum: 1e-16\n✓ a < b\n"


def test_included_source_begins_at_the_left_edge():
    code = '<div class="highlight-python"><pre>{}</pre></div>'
    method = '    <span class="k">def</span> f():\n\n        return 1\n'
    left = '<span class="k">def</span> f():\n\n    return 1\n'
    assert mended(code.format(method), page_markup.outdent_code) == code.format(left)


def test_no_line_ends_beside_a_sign():
    text = "<p>The mean of (P − Y) / N <code>a − b</code></p>"
    assert mended(text, page_markup.join_operators) == (
        "<p>The mean of (P\u00a0−\u00a0Y) / N <code>a − b</code></p>"
    )


def test_a_glossary_has_letters():
    terms = '<dt id="a">argmax</dt><dt id="b">axis</dt><dt id="c">bit</dt>'
    body = soup(f'<dl class="glossary">{terms}</dl>')
    page_markup.add_letters(body)
    assert [(link.string, link["href"]) for link in body.select(".letters a")] == [
        ("A", "#a"),
        ("B", "#c"),
    ]


def test_pictures_of_cells_take_the_colors_of_the_page():
    svg = (
        '<?xml version="1.0"?><svg viewBox="0 0 400 200"><style>* { fill: red }</style>'
        '<path id="a" style="stroke: #7a7a7a"/><use xlink:href="#a"/>'
        "<text style=\"font-size: 9px; font-family: 'DejaVu Sans'; fill: #a47000\">0.1234</text>"
        "</svg>"
    )
    html = cell_pictures.picture_html({"wide": svg, "narrow": ""}, 'a "picture"')
    assert "#7a7a7a" not in html and "DejaVu" not in html and "<style>" not in html
    picture = soup(html).div
    assert picture["aria-label"] == 'a "picture"'
    assert picture.path["style"] == "stroke: var(--ink-soft)"
    assert picture.use["href"] == f"#{picture.path['id']}" != "#a"
    assert "fill: var(--class-1-text)" in picture.find("text")["style"]
    assert picture.get_text() == "0.1234"
    assert "min-width: 489px" in picture.svg["style"]  # 9 units are 11 pixels


def test_axes_side_by_side_are_put_under_each_other_for_a_phone(pyplot):
    figure, _ = pyplot.subplots(1, 3, figsize=(9, 3), sharey=True)
    drawings = kernel_pictures.drawn(figure)
    sizes = [
        [float(size) for size in re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups()]
        for svg in drawings.values()
    ]
    assert sizes[0][0] > 550 and sizes[1][0] < 270
    assert sizes[1][1] > 2.5 * sizes[0][1]
    figure, _ = pyplot.subplots(figsize=(3, 3))
    assert kernel_pictures.drawn(figure)["narrow"] == ""


@pytest.fixture
def pyplot():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield pyplot
    pyplot.close("all")


def places(svg):
    """Where the words of a drawing stand, by their letters."""
    found = {}
    for tag, text in re.findall(r"<text([^>]*)>([^<]+)</text>", svg):
        place = re.search(r'x="([\d.]+)" y="([\d.]+)"|translate\(([\d.]+) ([\d.]+)\)', tag)
        found[text] = tuple(float(number) for number in place.groups() if number)
    return found


def width_of(svg):
    return float(re.search(r'viewBox="0 0 (\S+) ', svg)[1])


def test_titled_panels_stand_in_two_columns_on_a_phone(pyplot):
    figure, panels = pyplot.subplots(2, 3, figsize=(6, 4), sharex=True, sharey=True)
    for k, panel in enumerate(panels.flat):
        panel.set_title(f"panel {k}")
    panels[1, 2].set_xlabel("input")
    drawings = kernel_pictures.drawn(figure)
    assert width_of(drawings["narrow"]) < 270
    assert panels[0, 0].get_subplotspec().get_gridspec().ncols == 3, "the figure itself is moved"
    for name, columns in (("wide", 3), ("narrow", 2)):
        left = {text: x for text, (x, _) in places(drawings[name]).items()}
        assert len({round(left[f"panel {k}"]) for k in range(6)}) == columns
        assert ">input</text>" in drawings[name]


def test_words_that_would_touch_on_a_phone_are_parted(pyplot):
    figure, axes = pyplot.subplots(figsize=(8, 3), layout="constrained")
    axes.set(xlim=(0, 10), ylim=(0, 1))
    axes.annotate("from minus two", (3, 0.5), xytext=(2, 0), textcoords="offset points")
    axes.text(5.5, 0.5, "from minus four")
    wide, narrow = map(places, kernel_pictures.drawn(figure).values())
    assert wide["from minus two"][1] == pytest.approx(wide["from minus four"][1], abs=1)
    assert narrow["from minus two"][1] - narrow["from minus four"][1] > 8


def test_an_axis_reaches_further_where_its_words_would_stick_out(pyplot):
    figure, axes = pyplot.subplots(figsize=(7, 3), layout="constrained")
    axes.plot([4, 10], [0, 1])
    axes.set_xlim(0, 10)
    axes.text(4, 0.5, "a long explanation", ha="right")
    phone = kernel_pictures.drawn(figure)["narrow"]
    assert places(phone)["a long explanation"][0] > places(phone)["1.0"][0]
    assert axes.get_xlim() == (0, 10)
    axes.texts[0].set_text("an explanation that is far too long for the paper of a phone")
    axes.set_xlim(-20, 10)
    assert kernel_pictures.drawn(figure)["narrow"] == ""


def test_small_letters_grow_on_narrow_paper_so_that_a_phone_need_not_scroll(pyplot):
    figure, axes = pyplot.subplots(figsize=(8, 3), layout="constrained")
    axes.text(0.1, 0.5, "small", fontsize=8)
    wide, narrow = kernel_pictures.drawn(figure).values()
    column = 350 / float(re.search(r'viewBox="0 0 (\S+)', narrow)[1])  # pixels a unit has at 390
    assert cell_pictures.smallest_letters(wide) == 8
    assert cell_pictures.smallest_letters(narrow) * column >= cell_pictures.SMALLEST


def test_graphs_keep_their_shape(pyplot):
    figure, axes = pyplot.subplots(figsize=(7, 2))
    axes.axis("off")
    axes.text(0.2, 0.5, "node", bbox={"boxstyle": "round"})
    assert kernel_pictures.drawn(figure)["narrow"] == ""


def test_titles_break_and_scales_of_functions_are_drawn_for_phones(pyplot):
    figure, panels = pyplot.subplots(3, 3, figsize=(6, 6), layout="constrained")
    for panel in panels[0]:
        panel.set_title("score moves up")
    panels[0, 0].set_xscale("function", functions=(lambda x: 2 * x, lambda x: x / 2))
    wide, narrow = kernel_pictures.drawn(figure).values()
    assert wide.count(">score moves up<") == 3
    assert narrow and "score moves up" not in narrow


def test_labels_of_ticks_that_would_touch_on_a_phone_are_left_out(pyplot):
    figure, axes = pyplot.subplots(figsize=(8, 3), layout="constrained")
    axes.set(xlim=(0, 10), xticks=range(10))
    axes.set_xticklabels([f"−{k}0,000" for k in range(10)])
    wide, narrow = map(places, kernel_pictures.drawn(figure).values())
    shown = [sum(text.endswith("0,000") for text in found) for found in (wide, narrow)]
    assert shown[0] == 10 and 3 <= shown[1] <= 5


def test_level_lines_of_areas_keep_their_ends_only(pyplot):
    figure, axes = pyplot.subplots()
    x = np.linspace(0, 1, 30_001)
    axes.fill_between(x, np.floor(4 * x))
    assert len(kernel_pictures.drawn(figure)["wide"]) < 50_000
    (path,) = axes.collections[0].get_paths()
    assert len(path.vertices) < 40 and path.vertices[:, 1].max() == 4


def test_a_drawing_from_a_file_becomes_a_numbered_figure(tmp_path):
    drawing = '<svg viewBox="0 0 {0} 50"><text style="font-size: 10px">{0}</text></svg>'
    (tmp_path / "chart.svg").write_text(drawing.format(300))
    assert file_pictures.read_drawings(tmp_path / "chart.svg")["narrow"] == ""
    (tmp_path / "chart-narrow.svg").write_text(drawing.format(150))
    drawings = file_pictures.read_drawings(tmp_path / "chart.svg")
    image = docutils_nodes.image(uri="chart.svg", alt="Times", title="Lower is better.")
    figure = file_pictures.figure_of(image, drawings, "fig-chart")
    assert figure["ids"] == ["fig-chart"]
    assert figure.children[1].astext() == "Lower is better."
    picture = soup(figure.children[0].astext()).div
    assert picture["aria-label"] == "Times"
    assert [svg.get_text() for svg in picture.select("svg")] == ["300", "150"]


def test_drawings_and_formulas_are_held_back_and_given_back():
    page = '<p>a <math alttext="x"><mi>x</mi></math></p><svg class="a">\n<path/></svg><p>b</p>'
    held, parts = page_body.hold(page)
    assert "mi" not in held and "path" not in held and len(parts) == 2
    assert page_body.give_back(str(soup(held)), parts) == page


def test_pictures_keep_their_shape():
    picture = '<img alt="a" src="a.png" style="width: 836px; height: 265px;"/>'
    assert mended(picture, page_markup.let_pictures_shrink) == (
        '<img alt="a" height="265" src="a.png" width="836"/>'
    )


def test_punctuation_stays_with_its_formula():
    text = '<p><span class="math">x</span>, and <span class="math">y</span> more.</p>'
    assert mended(text, page_markup.keep_punctuation) == (
        '<p><span class="together"><span class="math">x</span>,</span> and '
        '<span class="math">y</span> more.</p>'
    )


def test_exercises_have_a_number_a_difficulty_and_a_name():
    title = (
        '<div class="exercise"><p class="admonition-title">'
        '<span class="caption-number">Exercise 4.1 </span> (★★ By hand)</p></div>'
    )
    body = soup(title)
    page_markup.title_exercises(body)
    page_markup.speak_stars(body)
    assert body.get_text(" ", strip=True) == "Exercise 4.1 ★★ By hand 15 minutes"
    assert body.select_one(".stars")["aria-label"] == "difficulty 2 of 3,"


def test_tables_scroll_in_a_box_and_have_no_empty_headers():
    table = (
        '<div><style scoped></style><table border="1"><thead><tr style="x"><th></th><th>p</th>'
        "</tr></thead></table></div>"
    )
    assert mended(table, page_markup.frame_tables) == (
        '<div><div class="table-box"><table><thead><tr><td></td><th>p</th>'
        "</tr></thead></table></div></div>"
    )


def test_sections_without_a_heading_lose_their_repeated_ids():
    text = '<section id="exercise-content"><p>a</p></section>' * 2
    assert mended(text, page_markup.unwrap_nameless_sections) == "<div><p>a</p></div>" * 2
    proofs = '<div id="proof">a</div><div id="proof">b</div>'
    assert "id" not in mended(proofs, page_markup.unwrap_nameless_sections)


def test_code_keeps_only_the_marks_that_have_a_color():
    code = '<div class="highlight"><pre><span></span><span class="n">x</span> {}</pre></div>'
    number = '<span class="mi">1</span>'
    assert page_body.drop_plain_spans(code.format(number)) == (
        f'<div class="highlight"><pre>x {number}</pre></div>'
    )
    nested = f'<span class="n">y<span class="p">(</span>{number}</span>'
    assert page_body.drop_plain_spans(code.format(nested)) == (
        f'<div class="highlight"><pre>x y({number}</pre></div>'
    )


def test_an_included_method_keeps_the_indentation_of_its_body():
    method = "    def double(self):\n        if self:\n            return 2\n\n        return 0\n"
    marked = pygments.highlight(method, PythonLexer(stripnl=False), HtmlFormatter())
    body = soup(page_body.drop_plain_spans(f'<div class="highlight-python">{marked}</div>'))
    page_markup.outdent_code(body)
    assert body.pre.get_text() == textwrap.dedent(method)


def test_addresses_are_written_with_percent_signs():
    link = '<a href="https://doi.org/10.1175/1520(1950)078&lt;0001:V&gt;2.0?a=b%20c#d">e</a>'
    assert mended(link, page_markup.encode_addresses) == (
        '<a href="https://doi.org/10.1175/1520(1950)078%3C0001:V%3E2.0?a=b%20c#d">e</a>'
    )


def test_a_page_shows_the_light_copies_of_its_pictures():
    page = '<a href="../_images/curves.{0}"><img src="../_images/curves.{0}"/></a>{1}'
    others = '<a href="../_images/curves.svg"></a><img src="curves.png"/>'
    shown = mended(page.format("png", others), light_pictures.use_light_pictures)
    assert shown == page.format("webp", others)


def test_light_pictures_look_the_same(tmp_path):
    levels = np.random.default_rng(1).integers(0, 256, (8, 8, 4), dtype=np.uint8)
    levels[0, :, 3] = 0  # clear
    levels[1:, :, 3] = 255
    levels[1] = 255  # white
    light_pictures.Image.fromarray(levels).save(tmp_path / "a.png")
    light_pictures.write_light_copy(tmp_path / "a.png")
    with light_pictures.Image.open(tmp_path / "a.webp") as image:
        light = np.asarray(image)
    np.testing.assert_array_equal(light[..., 3], levels[..., 3])
    np.testing.assert_allclose(light[1:], levels[1:], atol=3)
    assert light[1].min() == 255


def test_contents_show_the_sections_of_this_page():
    tree = '<ul><li class="current"><a class="current" href="#">4. Softmax</a></li></ul>'
    sections = '<ul><li><a href="#code">4.1. Code</a></li></ul>'
    toc = f'<ul><li><a href="#">4. Softmax</a>{sections}</li></ul>'
    html = str(page_frame.contents({"toctree": lambda **options: tree, "toc": toc}))
    links = [(link["href"], link.string) for link in soup(html).select("a")]
    assert links == [("#", "4. Softmax"), ("#code", "Code")]
    assert soup(html).a["aria-current"] == "page"


def test_the_name_of_a_part_leads_to_its_introduction():
    tree = (
        '<p class="caption" role="heading">Many</p><ul><li><a href="many.html">Many</a></li></ul>'
        '<ul><li><a href="softmax.html">4. Softmax</a></li></ul>'
    )
    html = str(page_frame.contents({"toctree": lambda **options: tree, "toc": ""}))
    assert html == (
        '<h2 class="caption"><a href="many.html">Many</a></h2>'
        '<ul><li><a href="softmax.html">4. Softmax</a></li></ul>'
    )


def test_descriptions_are_cut_between_words():
    assert page_frame.shorten("one two three", 9) == "one two…"
    assert page_frame.shorten("one two", 7) == "one two"


def test_figures_take_their_colors_from_the_style_sheet():
    html = draggable_figures.figure_html(jacobian_explorer()._repr_mimebundle_()[MIME_TYPE])
    style = (ROOT / "assets" / "book.css").read_text(encoding="utf-8")
    assert not re.search(r"#[0-9a-f]{6}", html)
    for shade in draggable.COLORS:
        assert f"--{shade}: " in style
    assert len(re.findall(r"--class-\d: ", style)) >= 8
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", html)) <= set(draggable.COLORS)
    drawn = soup(html).select(".draggable-drawing > svg")
    assert [svg["class"] for svg in drawn] == [["wide"], ["narrow"]]
    assert "0.223" in drawn[0].get_text()  # the first state, without a script
    html = draggable_figures.figure_html(loss_explorer()._repr_mimebundle_()[MIME_TYPE])
    labels = soup(html).select("label")
    assert [label["for"] for label in labels] == [i["id"] for i in soup(html).select("input")]


# ------------------------------------------------------------------ fingerprints


def test_a_fingerprint_changes_with_content_and_name_of_its_files(tmp_path):
    (tmp_path / "smnn").mkdir()
    source, pins = tmp_path / "smnn" / "a.py", tmp_path / "requirements.txt"
    source.write_text("x = 1\n")
    pins.write_text("numpy==2.4\n")

    def name():
        return freshness.fingerprint(tmp_path, freshness.OUTPUTS_DEPEND_ON)

    names = [name()]
    assert name() == names[0]
    (tmp_path / "notes.txt").write_text("of no importance")
    assert name() == names[0]
    source.write_text("x = 2\n")
    names.append(name())
    pins.write_text("numpy==2.5\n")
    names.append(name())
    source.rename(tmp_path / "smnn" / "b.py")
    names.append(name())
    assert len(set(names)) == 4


def test_a_fingerprint_changes_with_what_executes_the_notebooks(tmp_path, monkeypatch):
    before = freshness.fingerprint(tmp_path, ())
    assert freshness.versions()["numpy"].split(".")[0].isdigit()
    monkeypatch.setattr(freshness, "version", lambda name: "99.0")
    assert freshness.versions()["numpy"] == "99.0"
    assert freshness.fingerprint(tmp_path, ()) != before


# ------------------------------------------------------------------ execution


def test_chapters_run_side_by_side_and_those_that_measure_time_alone(tmp_path, monkeypatch):
    names = {"a": [], "b": [], "c": ["hide-input", "nbval-ignore-output"]}
    for name, tags in names.items():
        cell = nbformat.v4.new_code_cell(f"name = {name!r}", metadata={"tags": tags})
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / f"{name}.ipynb")
    both, running, beside = threading.Barrier(2), set(), {}

    def run(notebook, *arguments, **options):
        name = notebook.cells[0].source[-2]
        running.add(name)
        if name != "c":
            both.wait(timeout=20)  # raises unless the other one comes
        time.sleep(0.2)  # whoever is to come has come
        beside[name] = running - {name}
        if name != "c":
            both.wait(timeout=20)
        running.discard(name)
        return SimpleNamespace(nb=notebook, err=None if name != "b" else ValueError(), time=1.0)

    monkeypatch.setattr(execution_ahead, "single_nb_execution", run)
    monkeypatch.setattr(execution_ahead, "get_num_threads", lambda: 3)
    folder = str(tmp_path / "cache")
    config = SimpleNamespace(nb_execution_cache_path=folder, nb_execution_timeout=9)
    env = SimpleNamespace(doc2path=lambda name: tmp_path / f"{name}.ipynb")
    app = SimpleNamespace(config=config)
    execution_ahead.fill_cache(app, env, list(names))
    assert beside == {"a": {"b"}, "b": {"a"}, "c": set()}
    kept = [record.uri for record in get_cache(folder).list_cache_records()]
    assert sorted(kept) == [str(tmp_path / "a.ipynb"), str(tmp_path / "c.ipynb")]  # b has failed
    monkeypatch.setattr(execution_ahead, "single_nb_execution", None)  # would raise if called
    execution_ahead.fill_cache(app, env, ["a", "c"])


# ------------------------------------------------------------------ the reading time


def words(count):
    """A paragraph of so many words."""
    return docutils_nodes.paragraph("", " ".join(["word"] * count))


def dropdown(title, *parts):
    heading = docutils_nodes.rubric("", title)
    return docutils_nodes.container("", heading, *parts, design_component="dropdown")


def code_cell(hide_mode=None):
    """A cell with a line of code and 400 words of output, folded or not."""
    source = docutils_nodes.literal_block("", "draw()")
    return docutils_nodes.container(
        "",
        docutils_nodes.container("", source, nb_element="cell_code_source"),
        docutils_nodes.container("", words(400), nb_element="cell_code_output"),
        nb_element="cell_code",
        hide_mode=hide_mode,
    )


@pytest.mark.parametrize(
    ("parts", "minutes"),
    [
        ([words(600)], 3),
        ([words(200), *(docutils_nodes.math_block("", "p") for _ in range(10))], 3),
        ([words(200), *(code_cell() for _ in range(4))], 3),
        ([words(200), *(code_cell("input") for _ in range(4))], 1),
        ([words(200), *(code_cell("all") for _ in range(4))], 1),
        ([words(200), *(code_cell("output") for _ in range(4))], 3),
        ([words(200), dropdown("Hint", words(400)), dropdown("Answer", words(400))], 1),
        ([words(200), dropdown("Why √d?", words(400))], 3),
        ([words(200), solution_node("", words(400), code_cell())], 1),
    ],
)
def test_reading_time_counts_what_is_read(parts, minutes):
    assert page_facts.reading_minutes(docutils_nodes.section("", *parts)) == minutes


# ------------------------------------------------------------------ a book of two pages


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The folder of a built book, and what its build said."""
    folder = tmp_path_factory.mktemp("book")
    write_book(folder, "from smnn_book.explorers import jacobian_explorer\n\njacobian_explorer()")
    status, said = build(folder)
    assert status == 0, said
    return folder, said


def test_built_pages_load_nothing_from_elsewhere_and_link_to_what_is_there(book):
    site = book[0] / "_build" / "html"
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert {path.name for path in pages} >= {"index.html", "chapter.html", "search.html"}
    for path, page in pages.items():
        assert faults_in_requests(page) == []
        assert faults_in_links(path, pages) == []


def test_built_chapter_has_its_facts_its_figure_and_its_description(book):
    html = (book[0] / "_build" / "html" / "book" / "chapter.html").read_text(encoding="utf-8")
    chapter = soup(html)
    description = chapter.select_one("meta[name=description]")["content"]
    assert description == "Softmax turns scores into probabilities."
    assert chapter.select_one(".facts").get_text(" ") == "1 minute 1 exercise Notebook"
    assert len(chapter.select("#draggable-jacobian-explorer svg.wide .handle")) == 3
    assert [fold.summary.get_text() for fold in chapter.select("details.fold")] == [
        "Hint",
        "Worked solution",
    ]
    cover = (book[0] / "_build" / "html" / "book" / "index.html").read_text(encoding="utf-8")
    assert soup(cover).select_one(".turn-sentence").string == description
    formula = chapter.select_one("article .math math")
    assert formula["alttext"] == "p = 1/2" and formula.get_text() == "p=1/2"


def test_a_built_page_says_its_version_and_a_missing_one_leads_on(book):
    lost = soup((book[0] / "_build" / "html" / "404.html").read_text(encoding="utf-8"))
    assert [link["href"] for link in lost.select("article a")] == [
        "book/index.html",
        "search.html",
        "genindex.html",
    ]
    assert "Version" in lost.select_one(".foot").get_text()


def test_the_search_knows_sections_of_the_book(book):
    script = (book[0] / "_build" / "html" / "_static" / "search-index.js").read_text("utf-8")
    packed = script.removeprefix('window.bookIndex = "').removesuffix('";\n')
    found = json.loads(zlib.decompress(b64decode(packed)))
    place = next(place for place in found if place["title"] == "A number first")
    assert place["at"] == "book/chapter.html#a-number-first"
    assert place["text"].startswith("p=1/2, and a table:") and place["page"] == "Softmax"


def test_scripts_are_copied_once_and_leftovers_removed(book):
    static = book[0] / "_build" / "html" / "_static"
    assert sorted(path.name for path in (static / "draggable").iterdir()) == [
        "figures.js",
        "jacobian.js",
    ]
    assert not (static / "scripts").exists()
    said = "".join(
        path.read_text(encoding="utf-8")
        for path in (book[0] / "_build" / "html").rglob("*.*")
        if path.suffix in (".html", ".js", ".css")
    )
    assets = [path.name for path in static.rglob("*.*") if path.suffix in (".js", ".css")]
    assert [name for name in assets if name not in said] == []
    assert sum(path.stat().st_size for path in static.rglob("*.*")) < 1_500_000


def test_building_again_makes_what_has_changed_and_nothing_else(book):
    folder, first = book
    assert "Executed notebook" in first
    status, second = build(folder)
    assert status == 0 and "Executed notebook" not in second
    (folder / "assets" / "print.css").write_text("/* new */")
    status, third = build(folder)
    assert status == 0 and "Executed notebook" not in third
    style = folder / "_build" / "html" / "_static" / "style.css"
    assert style.read_text(encoding="utf-8").endswith("/* new */")
    (folder / "smnn" / "stand_in.py").write_text("x = 2\n")
    status, fourth = build(folder)
    assert status == 0 and "Executed notebook" in fourth


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("1 / 0", ("chapter.ipynb", "1 / 0", "ZeroDivisionError")),
        ("import sys\nprint('noise', file=sys.stderr)", ("chapter.ipynb", "stderr")),
    ],
    ids=["a cell that fails", "a cell that writes to stderr"],
)
def test_a_broken_cell_breaks_the_build(tmp_path, code, words):
    write_book(tmp_path, code)
    status, said = build(tmp_path)
    assert status != 0
    for word in words:
        assert word in said


def test_thumbnails_have_the_colors_of_the_theme():
    css = ':root {--paper: #ffffff; --ink: #111111;} :root[data-theme="dark"] {--ink: #eeeeee;}'
    html = (
        '<p>No drawing</p><div class="picture beyond" role="img">'
        '<svg viewBox="0 0 8 5" width="8" height="5"><path d="M0 0h8v5h-8z" fill="var(--ink)"/>'
        '<g class="handle"><circle r="9"/></g></svg></div>'
    )
    svg = thumbnails.first_drawing(html)
    assert "handle" not in svg
    for theme, ink in (("light", (17, 17, 17)), ("dark", (238, 238, 238))):
        picture = thumbnails.small_picture(svg, thumbnails.shades(css)[theme])
        assert picture.size == thumbnails.SIZE
        assert picture.getpixel((thumbnails.SIZE[0] // 2, thumbnails.SIZE[1] // 2)) == ink
    assert "<path" not in thumbnails.first_drawing("<p>No drawing</p>")
