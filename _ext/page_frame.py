"""The frame around the text: contents beside it, the way to the next page below it.

The theme in `theme/` is Sphinx's basic one with templates of our own.  A page carries the style
sheets and scripts of this book, and none that Sphinx or another extension adds.
"""

import posixpath
import re
from html import escape
from pathlib import Path
from urllib.parse import quote

from bs4 import BeautifulSoup
from one_style import STYLE
from page_facts import facts_of

import smnn

THEME = Path(__file__).parent / "theme"

FRONT_DOOR = """<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta http-equiv="refresh" content="0; url={cover}">
  <title>{title}</title>
  <meta name="description" content="{title}: the cover of the book is one step further.">
  <link rel="canonical" href="{address}">
</head>
<body><p><a href="{cover}">{title}</a></p></body>
</html>
"""

ERRATA = "book/reference/errata"
OWN_FOLDERS = {"draggable"}


def contents(context):
    """Return the table of contents with the sections of this page under its own entry.

    Parameters
    ----------
    context : dict
        What Sphinx hands to the template: `toctree` and `toc` are used.

    Returns
    -------
    str
        HTML, a list of lists of links.
    """
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
    return str(soup)


def link_parts(soup):
    """Let the name of a part lead to its introduction, if that has the same name, in place."""
    for heading in soup.select("h2"):
        link = heading.find_next("a")
        if link is not None and link.get_text(strip=True) == heading.get_text(strip=True):
            entry = link.parent
            heading.clear()
            heading.append(link.extract())
            if not entry.find(True):
                entry.parent.decompose() if len(
                    entry.parent.select("li")
                ) == 1 else entry.decompose()


def next_sentence(app, pagename):
    """Return what the next page says about itself in one sentence, if it is a chapter."""
    _, _, following = app.builder.relations.get(pagename, (None, None, None))
    facts = facts_of(app.env, following)
    return facts.get("sentence", "") if facts.get("is_chapter") else ""


def report_address(app, pagename, context):
    """Return where a mistake on this page can be reported, or how: a new issue, or the errata."""
    repository = (app.config.html_theme_options.get("repository_url") or "").rstrip("/")
    if repository:
        about = f"Mistake on the page {pagename} (version {smnn.__version__})"
        return f"{repository}/issues/new?title={quote(about)}"
    return context["pathto"](ERRATA) if ERRATA in app.env.all_docs else ""


def keep_own_assets(app, context):
    """Leave on the page the style and the scripts that come from `assets/` or a folder of ours."""
    own = {STYLE, *OWN_FOLDERS, *(path.name for path in Path(app.confdir, "assets").iterdir())}
    for kind in ("css_files", "script_files"):
        assets = context[kind]
        assets[:] = [asset for asset in assets if own_name(asset) in own]


def own_name(asset):
    """Return the first part of the address of a style or a script in the folder `_static`."""
    address = str(getattr(asset, "filename", asset) or "")
    return address.removeprefix("_static/").partition("/")[0]


def frame_page(app, pagename, templatename, context, doctree):
    """Add to the context what the templates draw."""
    facts = facts_of(app.env, pagename)
    context["contents_html"] = contents(context)
    context["page_description"] = shorten(facts.get("sentence", ""), 160)
    context["next_sentence"] = next_sentence(app, pagename)
    context["book_version"] = smnn.__version__
    context["report_address"] = report_address(app, pagename, context)
    keep_own_assets(app, context)


def shorten(text, length):
    """Return at most `length` characters of a text, cut between sentences or between words."""
    if len(text) <= length:
        return text
    sentences = re.match(r".{49,}[.!?](?=\s)", text[: length + 1])
    if sentences:
        return sentences.group()
    return text[: length - 1].rsplit(" ", 1)[0] + "…"


def write_front_door(app, exception):
    """Let the root of the site lead to the cover, with a page that says so."""
    if exception or app.builder.format != "html":
        return
    cover = app.builder.get_target_uri(app.config.root_doc)
    if cover != "index.html":
        address = posixpath.join(app.config.html_baseurl or "", cover)
        names = {"title": app.config.html_title, "cover": cover, "address": address}
        door = FRONT_DOOR.format(**{name: escape(text) for name, text in names.items()})
        (Path(app.outdir) / "index.html").write_text(door, encoding="utf-8")


def pages_without_source(app):
    """Yield the page that a host shows where there is none."""
    yield "404", {}, "404.html"


def setup(app):
    """Connect to Sphinx."""
    app.connect("html-collect-pages", pages_without_source)
    app.add_html_theme("book", str(THEME))
    app.connect("html-page-context", frame_page, priority=910)
    app.connect("build-finished", write_front_door, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
