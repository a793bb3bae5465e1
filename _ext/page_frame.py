"""The frame around the text: contents beside it, the way to the next page below it.

The theme in `theme/` is Sphinx's basic one with templates of our own.
"""

import posixpath
import re
from pathlib import Path

from bs4 import BeautifulSoup
from page_facts import facts_of

import smnn

THEME = Path(__file__).parent / "theme"


def contents(context):
    """Return the tree of the contents, with the sections of this page under its own entry."""
    tree = context["toctree"](collapse=False, includehidden=True, titles_only=True, maxdepth=2)
    soup = BeautifulSoup(tree or "", "html.parser")
    for caption in soup.select("p.caption"):
        caption.name = "h2"
        del caption["role"], caption["aria-level"]
    for closed in soup.select("li:not(.current) > ul"):
        closed.decompose()
    here = soup.select_one("li.current > a.current")
    if here is not None:
        here["aria-current"] = "page"
        sections = BeautifulSoup(context.get("toc", ""), "html.parser").select_one("ul ul")
        if sections is not None:
            for deeper in sections.select("ul"):
                deeper.decompose()
            for link in sections.select("a"):
                link.string = link.get_text().lstrip("0123456789. ")
            sections["class"] = "sections"
            here.insert_after(sections)
    link_parts(soup)
    return soup


def link_parts(soup):
    """Let the name of a part lead to its introduction, if that has the same name, in place."""
    for heading in soup.select("h2"):
        link = heading.find_next("a")
        if link is not None and link.get_text(strip=True) == heading.get_text(strip=True):
            entry = link.parent
            heading.clear()
            heading.append(link.extract())
            if not entry.find(True):
                is_only_one = len(entry.parent.select("li")) == 1
                (entry.parent if is_only_one else entry).decompose()


def part_of(soup):
    """Return the name of the part that this page stands in, from the contents."""
    here = soup.select_one("[aria-current=page]")
    caption = here.find_previous("h2") if here else None
    return caption.get_text(strip=True) if caption else ""


def next_sentence(app, pagename):
    """Return what the next page says about itself in one sentence, if it is a chapter."""
    _, _, following = app.builder.relations.get(pagename, (None, None, None))
    facts = facts_of(app.env, following)
    return facts["sentence"] if facts.get("is_chapter") else ""


def frame_page(app, pagename, context):
    """Add to the context what the templates draw."""
    tree = contents(context)
    context["contents_html"], context["part"] = str(tree), part_of(tree)
    context["page_description"] = shorten(facts_of(app.env, pagename).get("sentence", ""), 160)
    context["next_sentence"] = next_sentence(app, pagename)
    context["book_version"] = smnn.__version__
    context["base_address"] = posixpath.join(app.config.html_baseurl, "")  # ends with a slash


def shorten(text, length):
    """Return at most `length` characters of a text, cut between sentences or between words."""
    if len(text) <= length:
        return text
    sentences = re.match(r".{49,}[.!?](?=\s)", text[: length + 1])
    if sentences:
        return sentences.group()
    return text[: length - 1].rsplit(" ", 1)[0] + "…"


def pages_without_source(app):
    """Yield the page that a host shows where there is none, and one that leads to the cover."""
    yield "404", {}, "404.html"
    cover = app.builder.get_target_uri(app.config.root_doc)
    if cover != "index.html":
        yield "index", {"cover": cover}, "front-door.html"


def setup(app):
    """Connect to Sphinx."""
    app.add_html_theme("book", str(THEME))
    app.connect("html-collect-pages", pages_without_source)
