"""The reference of the package: docstrings, entries, and links both ways."""

import os
import re
import subprocess
import sys
from functools import cache

import pytest
from book_checks import ROOT, SITE

bs4 = pytest.importorskip("bs4", reason="needs what builds the book")
sphinx = pytest.importorskip("sphinx", reason="needs what builds the book")
import api_links  # noqa: E402
import api_names  # noqa: E402
import api_reference  # noqa: E402
import general_index  # noqa: E402
import previews  # noqa: E402
from sphinx.util.inventory import InventoryFile  # noqa: E402

import smnn  # noqa: E402

PUBLIC = api_names.public_names()
PAGES = sorted((ROOT / "book" / "reference" / "api").glob("*.md"))
BUILT = SITE / "book" / "reference" / "api"
needs_site = pytest.mark.skipif(
    not BUILT.exists() and not os.environ.get("CI"), reason="the book is not built: run make book"
)


# ------------------------------------------------------------------ names in code


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import smnn\nsmnn.softmax(z)", {"softmax"}),
        ("import smnn as s\ns.functional.softmax(z)", {"softmax"}),
        ("from smnn import relu as r, softmax\nr(1)", {"relu", "softmax"}),
        ("from smnn import plot\nplot.simplex(p)", {"plot.simplex"}),
        (
            "from smnn.plot import simplex",
            {"plot.simplex"},
        ),
        ("import numpy as np\nnp.tanh(1)\nsoftmax(z)", set()),
        ("import smnn\nsmnn.losses.softmax\nsmnn.no_such_name", set()),
        ("%matplotlib inline", set()),
    ],
)
def test_names_are_read_off_the_code(code, names):
    assert api_names.names_used([code], PUBLIC) == names


def test_an_import_in_one_cell_serves_the_next():
    assert api_names.names_used(["import smnn", "smnn.Adam(0.1)"], PUBLIC) == {"Adam"}


def test_code_in_the_text_is_linked_only_where_it_is_clear():
    page = {"names_used": {"softmax", "relu"}, "names_bound": {"softmax"}}
    meant = {text: api_links.meant_name(text, page, PUBLIC) for text in ("relu", "relu()")}
    assert meant == {"relu": "relu", "relu()": "relu"}
    assert api_links.meant_name("softmax", page, PUBLIC) is None, "the page has one of its own"
    assert api_links.meant_name("smnn.softmax", page, PUBLIC) == "softmax"
    assert api_links.meant_name("tanh", page, PUBLIC) is None, "the page does not use it"
    assert api_links.meant_name("smnn.nothing", page, PUBLIC) is None


# ------------------------------------------------------------------ docstrings

NUMPYDOC = """Do it, as `softmax` does.

Parameters
----------
x : array_like
    What `x` is.
*rest : {"a", "b"}

Returns
-------
y : ndarray
    The result.

Raises
------
ValueError
    If not.
"""


def convert(docstring, obj):
    lines = docstring.split("\n")
    api_reference.write_docstring(None, "function", "smnn.f", obj, None, lines)
    return "\n".join(lines)


def test_docstrings_become_definition_lists_under_small_titles():
    text = convert(NUMPYDOC, lambda x, *rest: x)
    assert ".. rubric:: Parameters\n\n``x`` : ``array_like``\n    What ``x`` is.\n" in text
    assert '``*rest`` : ``{"a", "b"}``\n    ..\n' in text
    assert ".. rubric:: Returns\n\n``y`` : ``ndarray``\n    The result.\n" in text
    assert ".. rubric:: Raises\n\n``ValueError``\n    If not.\n" in text


def test_names_in_docstrings_are_links_unless_they_are_arguments():
    assert "as :py:obj:`softmax <smnn.softmax>` does" in convert(NUMPYDOC, lambda x: x)
    assert "as ``softmax`` does" in convert(NUMPYDOC, lambda softmax: softmax)


def test_a_function_as_a_default_is_shown_by_its_name():
    shown = "(y, loss=<function softmax_cross_entropy>)"
    written, _ = api_reference.write_signature(None, "function", "smnn.f", None, None, shown, None)
    assert written == "(y, loss=softmax_cross_entropy)"


def test_methods_of_private_bases_count_and_those_of_public_ones_do_not():
    assert "scores" in api_reference.documented_members(smnn.Perceptron)
    assert "config" in api_reference.documented_members(smnn.Layer)
    assert "config" not in api_reference.documented_members(smnn.Dense)
    assert "get_metadata_routing" not in api_reference.documented_members(smnn.SoftmaxClassifier)
    assert "those of :py:obj:`layer <smnn.layer>`." in convert_class(smnn.Dense)


def convert_class(cls):
    lines = []
    api_reference.write_docstring(None, "class", "smnn.C", cls, None, lines)
    return "\n".join(lines).lower()


def test_the_index_says_whose_a_method_is():
    links = [("main", "training.html#smnn.fit")]
    below = {"(smnn.Adaline method)": [("", "neurons.html#smnn.Adaline.fit")]}.items()
    entries = list(general_index.flat([("fit() (in module smnn)", (links, below, None))]))
    assert [(entry["name"], entry["kind"]) for entry in entries] == [
        ("fit()", ""),
        ("fit()", "of Adaline"),
    ]
    assert general_index.entry("bit (unit)", "glossary.html#term-bit")["name"] == "bit (unit)"


def test_links_to_names_show_their_first_line():
    body = bs4.BeautifulSoup('<a class="api" href="s.html#smnn.f">f</a>', "html.parser")
    previews.add_previews(body, {"smnn.f": "Do it."})
    assert body.a["data-preview"] == "Do it."


# ------------------------------------------------------------------ the sources of the pages


def named_on_pages():
    """The names that the pages of the reference ask for, in order, repeats included."""
    blocks = re.compile(
        r"^```\{api\}\n(?::derived-in: [^\n]*\n\n)?(.*?)^```", re.MULTILINE | re.DOTALL
    )
    texts = [path.read_text(encoding="utf-8") for path in PAGES]
    return [name for text in texts for block in blocks.findall(text) for name in block.split()]


def test_every_public_name_has_one_entry():
    named = named_on_pages()
    missing = [name for name in smnn.__all__ if named.count(name) != 1]
    assert missing == [], "each has a place in one {api} block of a page in book/reference/api/"
    assert sorted(name for name in named if named.count(name) > 1) == []


def build(folder, text):
    """Build a book of one page of the reference; return the exit status and what was said."""
    conf = "extensions = ['myst_parser', 'sphinx.ext.autodoc', 'api_reference']\n"
    conf += "default_role = 'code'\nautodoc_typehints = 'none'\n"
    (folder / "conf.py").write_text(conf)
    (folder / "index.md").write_text(f"# Names\n\n```{{api}}\n{text}\n```\n")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "-b", "html", ".", "out"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "_ext"), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("softmaxx", "smnn has no public name 'softmaxx'"),
        (":derived-in: many-classes/nowhere\n\nsoftmax", "there is no chapter"),
    ],
    ids=["a name that is not there", "a chapter that is not there"],
)
def test_what_is_not_there_breaks_the_build(tmp_path, text, words):
    status, said = build(tmp_path, text)
    assert status != 0
    assert words in said


def test_a_page_of_the_reference_builds(tmp_path):
    status, said = build(tmp_path, "softmax\nAND")
    assert (status, said) == (0, "")
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert 'id="smnn.softmax"' in html and "on if both are on" in html
    (kept,) = tmp_path.rglob("index.doctree")  # knows its own page, not all pages
    assert b"BuildEnvironment" not in kept.read_bytes()


# ------------------------------------------------------------------ the built site


@cache
def page(path):
    return bs4.BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def links_into_the_package(chapter):
    """Where the paragraphs "In the package" of a chapter lead, read without the rest of it."""
    html = chapter.read_text(encoding="utf-8")
    parts = bs4.SoupStrainer(class_=re.compile("in-package"))
    found = bs4.BeautifulSoup(html, "html.parser", parse_only=parts)
    return [a["href"] for a in found.select("a")]


@pytest.fixture(scope="module")
def built():
    return {path: page(path) for path in sorted(BUILT.glob("*.html"))}


@needs_site
def test_every_public_name_is_in_the_inventory_and_on_one_page(built):
    with (SITE / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, uri: uri)
    known = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    anchors = [tag["id"] for soup in built.values() for tag in soup.select("dt.sig[id]")]
    for name in smnn.__all__:
        assert f"smnn.{name}" in known
        assert anchors.count(f"smnn.{name}") == 1, name


@needs_site
def test_the_overview_has_a_line_for_every_entry(built):
    rows = built[BUILT / "index.html"].select(".api-overview > dt")
    assert [row.get_text() for row in rows] == [
        name for path in order_of_pages(built) for name in top_entries(built[path])
    ]
    for row in rows:
        assert len(row.find_next_sibling("dd").get_text().split()) >= 2, row.get_text()


def order_of_pages(built):
    """The pages of the reference in the order of the contents."""
    links = built[BUILT / "index.html"].select(".contents li.current li a")
    return [BUILT / link["href"] for link in links if "#" not in link["href"]]


def top_entries(soup):
    """The names of the entries of a page that stand in no other entry."""
    signatures = soup.select("dl.py:not(dl.py dl.py) > dt.sig")
    return [signature["id"].removeprefix("smnn.") for signature in signatures]


@needs_site
def test_chapters_and_entries_lead_to_each_other(built):
    derived = 0
    for path, soup in built.items():
        for line in soup.select(".api-chapters"):
            anchor = line.find_parent("dl", class_="py").dt["id"]
            for link in line.select("a"):
                back = links_into_the_package((path.parent / link["href"]).resolve())
                is_drawing = "." in anchor.removeprefix("smnn.")
                assert is_drawing or any(href.endswith(f"/{path.name}#{anchor}") for href in back)
            derived += "Derived in" in line.get_text()
    assert derived > 50


@needs_site
def test_the_index_lists_terms_and_names():
    index = page(SITE / "genindex.html")
    shown = {" ".join(item.get_text().split()) for item in index.select(".letter > li")}
    assert {"softmax()", "cross-entropy", "backward() of Tensor", "Adam", "argmax"} <= shown
    assert index.select_one(".contents a[aria-current=page]").get_text() == "Index"
