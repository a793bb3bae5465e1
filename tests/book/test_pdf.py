"""The PDF of the book, page by page: `make pdf` prints it before these tests look at it."""

import os
import re
from ctypes import c_float
from urllib.parse import unquote

import pytest
from book_checks import ROOT, SITE
from browser import find_browser

pikepdf = pytest.importorskip("pikepdf")
pdfium = pytest.importorskip("pypdfium2")
bs4 = pytest.importorskip("bs4")
import paper  # noqa: E402
from downloads import NAME, PDF_FOLDER, fingerprint_of_pages, site_files  # noqa: E402
from pdf import page_numbers  # noqa: E402

PDF = ROOT / "_build" / PDF_FOLDER / f"{NAME}.pdf"
TEX = re.compile(r"\\(?:frac|operatorname|begin|sum|left|right|partial)\b|\\\(|\\\[")


def soup(text):
    return bs4.BeautifulSoup(text, "html.parser")


# ------------------------------------------------------------------ the document that is printed


def test_the_order_is_that_of_the_contents(tmp_path):
    nav = (
        '<nav class="contents"><h2><a href="one/index.html">One</a></h2>'
        '<ul><li><a href="one/first.html">1. First</a></li></ul><h2>Two</h2>'
        '<ul><li><a href="two/last.html">Last</a></li></ul>'
        '<ul><li><a href="../genindex.html">Index</a></li></ul></nav>'
    )
    (tmp_path / "book").mkdir()
    (tmp_path / paper.COVER).write_text(nav)
    assert [(part.caption, part.pages) for part in paper.reading_order(tmp_path)] == [
        ("", [("About this book", "book/index.html")]),
        ("One", [("One", "book/one/index.html"), ("1. First", "book/one/first.html")]),
        ("Two", [("Last", "book/two/last.html")]),
    ]


def test_each_file_is_loaded_once_in_whatever_version(tmp_path):
    for name, version in (("one.html", ""), ("two.html", "?v=1")):
        style = f'<link rel="stylesheet" href="book.css{version}">'
        script = '<script src="book.js"></script>'  # paper does nothing
        (tmp_path / name).write_text(f"<html><head>{style}{script}</head><body></body></html>")
    heads = soup(paper.heads_of(tmp_path, ["one.html", "two.html"]))
    assert [element.name for element in heads.find_all(True)] == ["link"]


def test_links_within_the_book_lead_within_the_document():
    page = soup(
        '<article><h2 id="a">A</h2><a href="#a">1</a><a href="other.html#b">2</a>'
        '<a href="../index.html">3</a><a href="../../search.html">4</a>'
        '<a href="https://example.org">5</a><img src="../../_images/x.png"></article>'
    )
    known = ["book/index.html", "book/part/one.html", "book/part/other.html"]
    paper.lead_within(page.article, "book/part/one.html", known)
    assert [link["href"] for link in page.select("a")] == [
        "#part.one--a",
        "#part.other--b",
        "#index",
        "https://example.org",
    ]
    assert page.h2["id"] == "part.one--a"
    assert page.img["src"] == "_images/x.png"
    assert "4" in page.get_text()


def test_help_with_exercises_stands_at_the_end_of_the_chapter():
    page = soup(
        '<article><div class="exercise" id="ex"><p class="admonition-title">Exercise 1</p></div>'
        '<div class="cell">Your turn</div><details><summary>Hint</summary>Try 2.</details>'
        "<details><summary>Answer</summary>Two.</details><p>After.</p>"
        "<details><summary>More</summary>Algebra.</details></article>"
    )
    paper.set_apart(page, page.article, "book/part/one.html")
    paper.open_boxes(page.article)
    text = page.get_text("|")
    assert text.index("After.") < text.index("Algebra.") < text.index("Try 2.") < text.index("Two.")
    assert page.select_one(".solutions a")["href"] == "#ex"
    assert page.select_one(".solutions-note a")["href"] == "#part.one--solutions"
    assert page.select("details") == []


# ------------------------------------------------------------------ the file


@pytest.fixture(scope="module")
def book():
    if not PDF.exists() and (find_browser() is None or not os.environ.get("CI")):
        pytest.skip("the PDF is not there: run make pdf, which needs Chromium")
    if (PDF.parent / "pages.txt").read_text() != fingerprint_of_pages(site_files(SITE)):
        pytest.skip("the PDF shows other pages than these: run make pdf")
    return pikepdf.open(PDF)


@pytest.fixture(scope="module")
def texts(book):
    """The text of each page."""
    document = pdfium.PdfDocument(PDF)
    return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document]


def plain(text):
    """Letters and digits of a text: spaces and hyphens fall otherwise in print."""
    return re.sub(r"\W+", "", text)


def bookmarks(book):
    """The titles of all bookmarks with the numbers of their pages, parts and sections too."""
    numbers = {page.objgen: number for number, page in enumerate(book.pages, start=1)}
    with book.open_outline() as outline:
        waiting, found = list(outline.root), []
        while waiting:
            item = waiting.pop(0)
            target = item.destination
            if not isinstance(target, pikepdf.Array):
                target = book.Root.Dests[f"/{str(target).removeprefix('/')}"]
            found.append((item.title, numbers[target[0].objgen]))
            waiting[:0] = item.children
    return found


def test_every_page_of_the_site_has_a_bookmark_and_a_line_in_the_contents(book, texts):
    numbers, marks = page_numbers(book), bookmarks(book)
    contents = plain(" ".join(texts[1:3]))
    for part in paper.reading_order(SITE):
        for title, path in part.pages:
            number = numbers[paper.place(path)]
            assert (title, number) in marks
            words = title.split(". ", 1)[-1]
            assert plain(words) in plain(texts[number - 1])[:400], title
            line = "Introduction" if title == part.caption else title
            assert plain(f"{line} {number}") in contents
    with book.open_outline() as outline:
        top = [item.title for item in outline.root]
        assert not outline.root[0].children
    captions = [part.caption for part in paper.reading_order(SITE)[1:]]
    assert top == ["Contents", "About this book", *captions]


def test_every_section_has_a_bookmark(book):
    titles = {plain(title) for title, _ in bookmarks(book)}
    chapter = paper.parse(SITE / "book" / "many-classes" / "derivative.html")
    for heading in chapter.select("article h2"):
        heading.select_one(".headerlink").decompose()
        assert plain(heading.get_text()) in titles


def test_every_figure_is_there_with_its_words(book, texts):
    spoken = {plain(str(item.get("/Alt", ""))) for item in book.objects if is_figure(item)}
    whole = plain(" ".join(texts))
    pages = [path for part in paper.reading_order(SITE) for _, path in part.pages]
    for path in pages:
        article = paper.parse(SITE / path).select_one("article")
        for picture in article.select("img"):
            assert plain(picture["alt"]) in spoken, path
        for readout in article.select(".interactive-readout"):
            first = readout.get_text().splitlines()[0]
            assert plain(first) in whole, path


def is_figure(item):
    return isinstance(item, pikepdf.Dictionary) and item.get("/S") == "/Figure"


def test_formulas_are_pictures_that_say_their_tex(book, texts):
    chapter = paper.parse(SITE / "book" / "many-classes" / "derivative.html")
    written = len(chapter.select("article .math"))
    spoken = [str(item.get("/Alt", "")) for item in book.objects if is_figure(item)]
    assert len(spoken) > written > 100
    assert any(r"\frac" in words for words in spoken)
    assert {
        number: found for number, text in enumerate(texts, 1) if (found := TEX.findall(text))
    } == {}


def test_no_page_is_blank(texts):
    assert [number for number, text in enumerate(texts, 1) if len(plain(text)) < 60] == []


def seen(picture, text_width=450):
    """The box of what a picture shows: a thumbnail is a window onto the strip of all of them.

    A window as wide as the text is that of the page, which cuts what is too wide.
    """
    left, bottom, right, top = picture.get_bounds()
    window = pdfium.raw.FPDFPageObj_GetClipPath(picture.raw)
    for path in range(max(0, pdfium.raw.FPDFClipPath_CountPaths(window))):
        corners = []
        for k in range(pdfium.raw.FPDFClipPath_CountPathSegments(window, path)):
            x, y = c_float(), c_float()
            corner = pdfium.raw.FPDFClipPath_GetPathSegment(window, path, k)
            pdfium.raw.FPDFPathSegment_GetPoint(corner, x, y)
            corners.append((x.value, y.value))
        across, up = zip(*corners, strict=True)
        if max(across) - min(across) > text_width:
            continue
        left, right = max(left, min(across)), min(right, max(across))
        bottom, top = max(bottom, min(up)), min(top, max(up))
    return left, bottom, right, top


def test_nothing_is_cut_off_at_the_edge_of_a_page(book):
    faults = []
    for number, page in enumerate(pdfium.PdfDocument(PDF), start=1):
        width, height = page.get_size()
        text = page.get_textpage()
        boxes = [text.get_rect(k) for k in range(text.count_rects())]
        boxes += [seen(thing) for thing in page.get_objects(filter=[3], max_depth=4)]
        for left, bottom, right, top in boxes:
            if left < 30 or bottom < 30 or right > width - 30 or top > height - 20:
                faults.append((number, [round(side) for side in (left, bottom, right, top)]))
    assert faults == []


def test_fonts_are_in_the_file(book):
    missing = set()
    for item in book.objects:
        if isinstance(item, pikepdf.Dictionary) and "/FontDescriptor" in item:
            held = {"/FontFile", "/FontFile2", "/FontFile3"} & set(item.FontDescriptor.keys())
            if not held and item.Subtype != "/Type3":  # whose letters are drawings
                missing.add(str(item.FontDescriptor.FontName))
    assert missing == set()


def test_links_lead_to_places_of_the_document_or_to_the_web(book):
    places, inside = page_numbers(book), 0
    for page in book.pages:
        for link in page.get("/Annots", []):
            if "/A" in link and "/URI" in link.A:
                assert re.match(r"https?://|mailto:", str(link.A.URI)), str(link.A.URI)
            elif "/Dest" in link:
                assert unquote(str(link.Dest).removeprefix("/")) in places
                inside += 1
    assert inside > 300


def test_the_file_says_what_it_is(book):
    assert str(book.docinfo["/Title"]) == "From One Neuron to Softmax"
    assert str(book.Root.Lang).startswith("en")
    assert book.Root.MarkInfo.Marked
    assert "/StructTreeRoot" in book.Root
    assert "/CreationDate" not in book.docinfo
    assert PDF.stat().st_size < 25e6
