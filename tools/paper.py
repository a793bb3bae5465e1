"""One printable document out of the pages of the built site.

The site is read as it was built, in the order of its contents.  Every page gives the
text of its article.  What a reader on paper needs is different in four things:

* a link within the book leads to a place in the same document, so every id and every
  link to it carries the name of its page;
* boxes that open stand open; the hints, answers and solutions of the exercises stand
  together at the end of their chapter, where they give nothing away;
* the code that draws a figure is left out, and what only a screen has goes with it;
* a cover and a table of contents come first.

`pdf.py` prints the document and fills in the page numbers of the contents.
"""

import posixpath
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup
from downloads import without_offer
from page_markup import new_tag

STYLE = Path(__file__).with_name("paper.css")
COVER = "book/index.html"
ONLY_ON_SCREEN = ".fold-code, .headerlink, .facts, .in-package, .draggable-controls"
SHORT = 14  # lines of code that are not parted
NAMES_OF_IDS = ("id", "for", "aria-labelledby", "aria-describedby")

COVER_PAGE = """<section class="paper-cover">
<img src="{logo}" alt="">
<p class="paper-title">{title}</p>
<p class="paper-subtitle">{subtitle}</p>
<p class="paper-author">{author}</p>
<p class="paper-rights">Text and figures: CC BY 4.0. Code: BSD 3-Clause.</p>
</section>"""

ABOUT_THE_PAPER = """<section class="paper-about"><h2>About this edition</h2>
<p>These are the pages of the site. Four things differ on paper.
The hints, answers and worked solutions of the exercises stand at the end of each chapter.
A figure that a reader moves shows its first state.
The code that draws a figure is left out; it is in the notebook of the chapter.
What each function of the package takes and returns is told on the site.</p></section>"""


@dataclass
class Part:
    """A part of the book: its caption, and its pages as pairs of a title and a path."""

    caption: str
    pages: list = field(default_factory=list)


def parse(path):
    """Return a built page as a tree."""
    return BeautifulSoup(without_offer(path.read_text(encoding="utf-8")), "html.parser")


def reading_order(site):
    """Return the parts of the book, in the order of the contents; the cover comes first.

    Parameters
    ----------
    site : pathlib.Path
        The folder of the built site.

    Returns
    -------
    list of Part
        The first has the cover only, and no caption.
    """
    parts = [Part("", [("About this book", COVER)])]
    for element in parse(site / COVER).select("nav.contents > h2, nav.contents a"):
        words = " ".join(element.get_text().split())
        if element.name == "h2":
            parts.append(Part(words))
        else:
            address = from_the_root(COVER, urlsplit(element["href"]).path)
            if address.startswith("book/"):  # the index lists places by links alone
                parts[-1].pages.append((words, address))
    return parts


def place(path, anchor=""):
    """Return the id that a place of a page has in the document.

    Examples
    --------
    >>> place("book/many-classes/softmax.html", "exercises")
    'many-classes.softmax--exercises'
    """
    name = path.removeprefix("book/").removesuffix(".html").replace("/", ".")
    return f"{name}--{anchor}" if anchor else name


def from_the_root(path, address):
    """Return an address on a page as seen from the root of the site."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), address))


def lead_within(article, path, known):
    """Rewrite the ids of a page, and its links, for a document that holds all pages."""
    for name in NAMES_OF_IDS:
        for element in article.select(f"[{name}]:not(svg *)"):  # a picture has ids of its own
            element[name] = " ".join(place(path, one) for one in element[name].split())
    for image in article.select("img[src]"):
        image["src"] = from_the_root(path, image["src"])
    for link in article.select("a[href]"):
        parts = urlsplit(link["href"])
        if parts.scheme or parts.netloc:
            continue
        target = from_the_root(path, unquote(parts.path)) if parts.path else path
        if target in known:
            link["href"] = "#" + place(target, unquote(parts.fragment))
        else:  # the page of the search, a notebook: there is nothing like it on paper
            link.unwrap()


def open_boxes(article):
    """Let every box that opens stand open, as a title and its content."""
    for box in article.select("details"):
        title = box.find("summary", recursive=False)
        title.name, title["class"] = "p", ["box-title"]
        box.name = "div"
        box.attrs.pop("open", None)


def keep_short_code_whole(article):
    """Mark the cells that are short enough to be pushed to the next page in one piece."""
    for code in article.select(".highlight"):
        if len(code.get_text().splitlines()) <= SHORT:
            code["class"] = [*code["class"], "paper-whole"]


def set_apart(soup, article, path):
    """Move what helps with the exercises of a chapter to its end, in place."""
    helped = [
        (exercise, folds)
        for exercise in article.select(".exercise")
        if (folds := following_folds(exercise))
    ]
    if not helped:
        return
    anchor = place(path, "solutions")
    section = new_tag(soup, "section", id=anchor, class_="solutions")
    section.append(new_tag(soup, "h2", "Hints, answers and solutions"))
    for exercise, folds in helped:
        title = exercise.select_one(".admonition-title")
        heading = new_tag(soup, "p", class_="solutions-title")
        heading.append(
            new_tag(soup, "a", " ".join(title.get_text().split()), href=f"#{exercise['id']}")
        )
        section.append(heading)
        section.extend(fold.extract() for fold in folds)
    note = new_tag(soup, "p", class_="solutions-note")
    note.append(new_tag(soup, "a", "Hints, answers and worked solutions", href=f"#{anchor}"))
    note.append(" are at the end of this chapter.")
    helped[0][0].insert_before(note)
    article.append(section)


def following_folds(exercise):
    """Return the boxes that open after an exercise: its hint, answer and solution.

    The cells of the exercise may stand between them.
    """
    folds = []
    for sibling in exercise.find_next_siblings():
        if sibling.name == "details":
            folds.append(sibling)
        elif "cell" not in sibling.get("class", []):
            break
    return folds


def article_of(site, path, known):
    """Return the text of a page, made ready for paper."""
    soup = parse(site / path)
    article = soup.select_one("article.text")
    for element in article.select(f"{ONLY_ON_SCREEN}, section:has(> .downloads)"):
        element.decompose()
    lead_within(article, path, known)
    set_apart(soup, article, path)
    open_boxes(article)
    keep_short_code_whole(article)
    article["id"] = place(path)
    return article


def contents_list(parts):
    """Return the table of contents, with three zeros in the place of each page number."""
    lines = ['<nav class="paper-contents" aria-label="Contents"><h1>Contents</h1>']
    for part in parts:
        if part.caption:
            lines.append(f"<h2>{escape(part.caption)}</h2>")
        lines.append("<ul>")
        for title, path in part.pages:
            if title == part.caption:
                title = "Introduction"
            lines.append(
                f'<li><a href="#{place(path)}">{escape(title)}</a>'
                f'<span class="paper-number" data-place="{place(path)}">000</span></li>'
            )
        lines.append("</ul>")
    return "\n".join([*lines, ABOUT_THE_PAPER, "</nav>"])


def running_heads(parts):
    """Return style rules that name the chapter at the head of each of its pages."""
    rules = []
    for title, path in (page for part in parts for page in part.pages):
        name = "page-" + place(path).replace(".", "-")
        words = title.replace("\\", "\\\\").replace('"', '\\"')
        rules.append(f'@page {name} {{ @top-left {{ content: "{words}"; }} }}')
        rules.append(f'article[id="{place(path)}"] {{ page: {name}; }}')
    return "\n".join(rules)


def heads_of(site, known):
    """Return the styles that the pages load between them, each file once.

    A page written by an earlier build may name another version of the same file.
    """
    kept = {}
    for path in known:
        for element in parse(site / path).select("head > link[rel=stylesheet]"):
            element["href"] = from_the_root(path, element["href"])
            kept.setdefault(element["href"].partition("?")[0], str(element))
    return "\n".join(kept.values())


def document(site, *, author):
    """Return the whole book as one page of HTML, to be written into the folder of the site.

    Parameters
    ----------
    site : pathlib.Path
        The folder of the built site.
    author : str
        Who stands on the cover.

    Returns
    -------
    str
    """
    parts = reading_order(site)
    known = [path for part in parts for _, path in part.pages]
    cover = parse(site / COVER)
    title = " ".join(cover.select_one("article h1").find(string=True).split())
    subtitle = " ".join(cover.select_one("article h1 ~ p").get_text().split())
    articles = [article_of(site, path, known) for path in known]
    articles[0].select_one("h1").string = parts[0].pages[0][0]
    front = COVER_PAGE.format(
        logo="_static/logo.svg",
        title=escape(title),
        subtitle=escape(subtitle),
        author=escape(author),
    )
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en" class="js" data-theme="light"><head>',
            f'<meta charset="utf-8"><title>{escape(title)}</title>',
            f'<meta name="author" content="{escape(author)}">',
            heads_of(site, known),
            f"<style>{STYLE.read_text(encoding='utf-8')}\n{running_heads(parts)}</style>",
            f"</head><body>{front}{contents_list(parts)}<main>",
            *map(str, articles),
            "</main></body></html>",
        ]
    )
