"""What a reader takes along or opens elsewhere, and how a page introduces itself."""

import json
import struct
import zipfile

import pytest
from book_checks import ROOT, SITE, Page, faults_in_links, faults_in_requests
from small_book import build, write_book

bs4 = pytest.importorskip("bs4", reason="needs what builds the book")
import downloads  # noqa: E402
import launch  # noqa: E402
import page_frame  # noqa: E402
import sharing  # noqa: E402

BASE = "https://softmax.example/book"
REPOSITORY = "https://github.com/someone/some.book"
CODE = "print(2 + 2)"


def site_of(folder, **addresses):
    """The folder of a built site, of a book with these addresses."""
    write_book(folder, CODE, **addresses)
    status, said = build(folder)
    assert status == 0, said
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def unpublished(tmp_path_factory):
    return site_of(tmp_path_factory.mktemp("unpublished"))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    return site_of(folder, base=BASE, repository=REPOSITORY)


def page_of(site, name):
    return bs4.BeautifulSoup((site / name).read_text(encoding="utf-8"), "html.parser")


def meta(page):
    """What the head of a page says, by name."""
    tags = page.select("head > meta[content]")
    return {tag.get("property", tag.get("name")): tag["content"] for tag in tags}


# ------------------------------------------------------------------ downloads


def test_the_cover_offers_what_is_there_with_its_size(unpublished):
    box = page_of(unpublished, "book/index.html").select_one(".downloads")
    offered = {link.get_text(): link["href"] for link in box.select("li > a")}
    assert list(offered) == ["Site", "Notebooks"]
    for link, size in zip(box.select("li > a"), box.select("li > span"), strict=True):
        path = (unpublished / "book" / link["href"]).resolve()
        assert size.get_text() == downloads.size_of(path.stat().st_size)
    assert "It works without a network." in box.get_text()


def test_the_archive_is_a_whole_site_without_offers(unpublished, tmp_path):
    with zipfile.ZipFile(unpublished / "downloads" / f"{downloads.NAME}.zip") as archive:
        archive.extractall(tmp_path)
    site = tmp_path / downloads.NAME
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert len(pages) == len(list(unpublished.rglob("*.html")))
    for path, page in pages.items():
        assert faults_in_links(path, pages) == []
        assert faults_in_requests(page) == []
    notebook = page_of(site, "book/chapter.html").select_one(".facts-notebook")["href"]
    assert CODE in (site / "book" / notebook).read_text(encoding="utf-8")
    assert page_of(site, "book/index.html").select("li > a[download]") == []


def test_the_notebooks_come_with_their_package_and_a_word_on_how_to_run_them(unpublished):
    name = f"{downloads.NAME}-notebooks"
    with zipfile.ZipFile(unpublished / "downloads" / f"{name}.zip") as archive:
        found = [entry.removeprefix(f"{name}/") for entry in archive.namelist()]
    assert found == ["README.txt", "book/chapter.ipynb", "smnn/stand_in.py"]


def test_archives_of_the_same_pages_have_the_same_bytes(tmp_path):
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    downloads.write_zip(first, {"b": b"2", "a": b"1"})
    downloads.write_zip(second, {"a": b"1", "b": b"2"})
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {downloads.FIRST_DAY}
    downloads.write_zip(second, {"a": b"1", "b": b"3"})
    assert first.read_bytes() != second.read_bytes()


def test_a_pdf_is_offered_only_with_the_pages_that_it_shows(unpublished):
    made = unpublished.parent / downloads.PDF_FOLDER
    made.mkdir()
    (made / f"{downloads.NAME}.pdf").write_bytes(b"%PDF")
    pages = downloads.fingerprint_of_pages(downloads.site_files(unpublished))
    for mark, offered in ((pages, ["PDF", "Site", "Notebooks"]), ("old", ["Site", "Notebooks"])):
        (made / "pages.txt").write_text(mark)
        downloads.pack_and_offer(unpublished, unpublished.parents[1])
        links = page_of(unpublished, "book/index.html").select(".downloads li > a")
        assert [link.get_text() for link in links] == offered
    assert pages == downloads.fingerprint_of_pages(downloads.site_files(unpublished))


# ------------------------------------------------------------------ Colab and Binder


def test_links_to_services_are_drawn_only_for_a_known_repository(published, unpublished):
    assert page_of(unpublished, "book/chapter.html").select(".facts-launch") == []
    assert not (unpublished.parent / launch.COLAB_BRANCH).exists()
    place = page_of(published, "book/chapter.html").select_one(".facts-launch")
    assert {link.get_text(): link["href"] for link in place.select("a")} == {
        "Colab": "https://colab.research.google.com/github/someone/some.book"
        "/blob/colab/book/chapter.ipynb",
        "Binder": "https://mybinder.org/v2/gh/someone/some.book/main"
        "?urlpath=lab/tree/book/chapter.ipynb",
    }
    assert "need the network" in place.get_text()
    assert page_of(published, "book/index.html").select(".facts-launch") == []


def test_the_copy_for_colab_installs_the_package_first(published):
    path = published.parent / launch.COLAB_BRANCH / "book" / "chapter.ipynb"
    copy = json.loads(path.read_text(encoding="utf-8"))
    first, *others = copy["cells"]
    wanted = '%pip install -q "smnn[all] @ git+https://github.com/someone/some.book@main"'
    assert wanted in first["source"]
    assert [cell["source"] for cell in others if cell["cell_type"] == "code"] == [[CODE]]
    assert all(cell.get("outputs", []) == [] for cell in copy["cells"])


def test_binder_installs_this_package_with_all_its_extras():
    lines = (ROOT / ".binder" / "requirements.txt").read_text().split("\n")
    assert ".[all]" in lines
    assert "-c ../requirements.txt" in lines


def test_another_host_than_github_is_refused(tmp_path):
    write_book(tmp_path, CODE, repository="https://git.example/me/book")
    status, said = build(tmp_path)
    assert status != 0
    assert "https://git.example/me/book" in said
    assert "https://github.com/owner/name" in said


# ------------------------------------------------------------------ how a page introduces itself


def test_a_published_page_names_its_card_and_its_address(published):
    said = meta(page_of(published, "book/chapter.html"))
    assert said["og:image"] == f"{BASE}/_static/cards/book-chapter.png"
    assert said["og:url"] == f"{BASE}/book/chapter.html"
    assert said["twitter:card"] == "summary_large_image"
    canonical = page_of(published, "book/chapter.html").select_one("link[rel=canonical]")
    assert canonical["href"] == said["og:url"]
    card = (published / said["og:image"].removeprefix(BASE).strip("/")).read_bytes()
    assert struct.unpack(">II", card[16:24]) == (1200, 630)
    assert len(card) < 100_000
    listed = (published / "sitemap.xml").read_text()
    assert f"<loc>{BASE}/book/chapter.html</loc>" in listed
    assert f"Sitemap: {BASE}/sitemap.xml" in (published / "robots.txt").read_text()


def test_a_missing_page_finds_its_style_whatever_its_address(published, unpublished):
    page = page_of(published, "404.html")
    first = page.head.find(["base", "link"])
    assert (first.name, first["href"]) == ("base", f"{BASE}/")
    assert page.select_one("a.skip")["href"] == "404.html#main"
    assert page_of(unpublished, "404.html").base is None


def test_an_unpublished_page_names_no_address(unpublished):
    page = page_of(unpublished, "book/chapter.html")
    said = meta(page)
    assert said["og:title"] and said["og:description"] and said["twitter:card"] == "summary"
    assert "og:image" not in said and "og:url" not in said
    assert page.select("link[rel=canonical]") == []
    for name in ("sitemap.xml", "robots.txt", "_static/cards"):
        assert not (unpublished / name).exists()


def test_the_icon_comes_as_svg_and_as_png(unpublished):
    icons = page_of(unpublished, "book/chapter.html").select("link[rel$=icon]")
    kinds = [(icon.get("type"), icon["href"].rpartition("/")[2]) for icon in icons]
    assert kinds == [
        ("image/png", "icon-32.png"),
        (None, "icon-180.png"),
        ("image/svg+xml", "logo.svg"),
    ]
    for size in sharing.ICON_SIZES:
        png = (unpublished / "_static" / "icons" / f"icon-{size}.png").read_bytes()
        assert struct.unpack(">II", png[16:24]) == (size, size)


def test_a_card_shows_the_title_and_softmax_of_one_two_three():
    svg = sharing.card_svg("Chapter 4", "Softmax & more", "The book")
    for words in ("Chapter 4", "Softmax &amp; more", "0.090", "0.245", "0.665"):
        assert words in svg


def test_descriptions_end_with_a_sentence_where_one_fits():
    sentence = "This one is long enough to say what the page is about."
    assert page_frame.shorten(f"{sentence} {'more ' * 40}", 160) == sentence
    assert page_frame.shorten(f"No. {'more ' * 40}", 60).endswith("more…")


@pytest.mark.skipif(not (SITE / "index.html").exists(), reason="the book is not built")
def test_every_page_has_a_title_and_a_description_of_its_own():
    said = {}
    for path in sorted(SITE.rglob("*.html")):
        head, body, _ = path.read_text(encoding="utf-8").partition("<body")
        assert body or path.name == "index.html", path.name
        page = bs4.BeautifulSoup(head, "html.parser")
        assert page.html["lang"] == "en", path.name
        said[path.relative_to(SITE).as_posix()] = (
            page.title.get_text(),
            meta(page).get("description", ""),
        )
    del said["index.html"]  # leads to the cover
    titles, descriptions = zip(*said.values(), strict=True)
    assert len(set(titles)) == len(titles)
    assert len(set(descriptions)) == len(descriptions)
    odd = {name: text for name, (_, text) in said.items() if not 50 <= len(text) <= 160}
    assert odd == {}
