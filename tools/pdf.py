"""Print the built book as one PDF, with bookmarks, numbered contents and tags.

    make pdf          # builds the book first; writes _build/pdf/, and the site offers it

Chromium prints the document of `paper.py`.  Then the places are known, and three
things are added to the file:

* the numbers in the table of contents: the first pages are printed again with them,
  and only what is drawn on these pages is taken over, so all links stay;
* bookmarks by part, chapter and section, out of those that Chromium makes of headings;
* title, author and language.  No date goes in: the same site gives the same bytes.
"""

import sys
from io import BytesIO
from pathlib import Path

import pikepdf
from browser import find_browser, launch
from downloads import NAME, PDF_FOLDER, fingerprint_of_pages, pack_and_offer, site_files
from paper import COVER, document, place, reading_order
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
PDF = ROOT / "_build" / PDF_FOLDER / f"{NAME}.pdf"
AUTHOR = "The smnn authors"
PRINT = {"outline": True, "tagged": True, "prefer_css_page_size": True, "print_background": True}
MINUTES = 60_000

# A formula is read aloud as the TeX that it was written in.
NAME_FORMULAS = """() => {
  for (const formula of document.querySelectorAll("math")) {
    const tex = formula.getAttribute("alttext"); // pieces of a long one have none
    formula.setAttribute("role", "img");
    formula.setAttribute("aria-label", tex ?? "…");
  }
}"""

NUMBER_CONTENTS = """(numbers) => {
  for (const cell of document.querySelectorAll(".paper-number")) {
    cell.textContent = numbers[cell.dataset.place];
  }
  document.querySelector("main").style.display = "none";
}"""


def page_numbers(pdf):
    """Return the page on which each named place of a document is, counted from 1.

    Parameters
    ----------
    pdf : pikepdf.Pdf

    Returns
    -------
    dict of str to int
    """
    numbers = {page.objgen: number for number, page in enumerate(pdf.pages, start=1)}
    names = pdf.Root.get("/Dests", {})
    return {name.removeprefix("/"): numbers[names[name][0].objgen] for name in names.keys()}


def print_book(paper):
    """Print a document with Chromium, then its first pages again with page numbers.

    Parameters
    ----------
    paper : pathlib.Path
        The document.

    Returns
    -------
    pikepdf.Pdf
    """
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 720, "height": 1000}, color_scheme="light")
        page.set_default_timeout(10 * MINUTES)
        page.goto(paper.as_uri())
        page.evaluate("async () => { await document.fonts.ready; }")
        page.evaluate(NAME_FORMULAS)
        book = pikepdf.open(BytesIO(page.pdf(**PRINT)))
        numbers = page_numbers(book)
        page.evaluate(NUMBER_CONTENTS, numbers)
        front = pikepdf.open(BytesIO(page.pdf(**PRINT)))
        browser.close()
    first = numbers[place(COVER)]
    if len(front.pages) != first - 1:
        raise RuntimeError(
            f"the text begins on page {first}, but cover and contents with their numbers"
            f" take {len(front.pages)} pages"
        )
    for numbered, blank in zip(front.pages, book.pages, strict=False):
        for key in ("/Contents", "/Resources"):
            blank.obj[key] = book.copy_foreign(front.make_indirect(numbered.obj[key]))
    return book


def said_once(title):
    """Return the title of a heading, which Chromium doubles when it moves one to the next page.

    Examples
    --------
    >>> said_once("In shortIn short"), said_once("In short")
    ('In short', 'In short')
    """
    half = title[: len(title) // 2]
    return half if title == 2 * half else title


def say_once(items):
    """Mend the titles of bookmarks and of all that stands under them."""
    for item in items:
        item.title = said_once(item.title)
        say_once(item.children)


def add_bookmarks(pdf, parts):
    """Put the bookmarks of the pages under their parts, with the titles of the contents."""
    with pdf.open_outline() as outline:
        say_once(outline.root)
        contents, *chapters = outline.root
        contents.children.clear()  # the names of the parts, on that page
        entries = iter(chapters)
        root = [contents]
        for part in parts:
            under = None
            for title, _ in part.pages:
                entry = next(entries)
                entry.title, entry.is_closed = title, True
                if under is not None:
                    under.children.append(entry)
                elif not part.caption:
                    root.append(entry)
                elif title == part.caption:  # the introduction stands for its part
                    under = entry
                    root.append(entry)
                else:
                    under = pikepdf.OutlineItem(part.caption, entry.destination)
                    under.is_closed = True
                    under.children.append(entry)
                    root.append(under)
        outline.root[:] = root


def describe(pdf, title):
    """Say in the file what it is, and nothing about when and where it was made."""
    for key in list(pdf.docinfo.keys()):
        del pdf.docinfo[key]
    pdf.docinfo["/Title"], pdf.docinfo["/Author"] = title, AUTHOR
    pdf.Root.Lang = pikepdf.String("en-US")
    pdf.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
    pdf.Root.PageMode = pikepdf.Name.UseOutlines


def write_pdf(site, target):
    """Print a built site.

    Parameters
    ----------
    site : pathlib.Path
        The folder of the built site.
    target : pathlib.Path
        Where the PDF goes.
    """
    paper = site / "paper.html"
    try:
        paper.write_text(document(site, author=AUTHOR), encoding="utf-8")
        pdf = print_book(paper)
    finally:
        paper.unlink(missing_ok=True)
    title = str(pdf.docinfo["/Title"])
    add_bookmarks(pdf, reading_order(site))
    describe(pdf, title)
    target.parent.mkdir(parents=True, exist_ok=True)
    objects = pikepdf.ObjectStreamMode.generate
    pdf.save(target, object_stream_mode=objects, linearize=True, deterministic_id=True)


def main():
    """Print the book and return the exit status."""
    if not (SITE / "index.html").exists():
        print("There is no book to print: run make book first.", file=sys.stderr)
        return 1
    if find_browser() is None:
        print("No browser found: install Chromium.", file=sys.stderr)
        return 1
    write_pdf(SITE, PDF)
    (PDF.parent / "pages.txt").write_text(fingerprint_of_pages(site_files(SITE)))
    pack_and_offer(SITE, ROOT)
    print(f"The PDF is at {PDF}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
