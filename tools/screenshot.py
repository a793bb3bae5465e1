"""Take a picture of a built page, as a reader sees it.

    python tools/screenshot.py book/many-classes/softmax.html --width 390 --dark

writes `softmax-390-dark.png` in `_build/screenshots`.  A page is long: by default
the first 1400 pixels are shown; `--from` starts lower, `--height` shows more or less.
"""

import argparse
import sys
from pathlib import Path

from browser import find_browser, launch, settle
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]


def take(address, picture, *, width, height, top=0, dark=False):
    """Open a page and save a picture of a part of it.

    Parameters
    ----------
    address : str
        The page, as `file:` or `http:` address.
    picture : pathlib.Path
        Where the PNG goes.
    width, height : int
        The size of the part, in pixels of the page.
    top : int
        Where the part begins, in pixels from the top of the page.
    dark : bool
        Whether the reader's system asks for dark colors.
    """
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
        )
        page.goto(address)
        settle(page)
        page.evaluate(f"window.scrollTo({{ top: {top}, behavior: 'instant' }})")
        page.wait_for_timeout(200)
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=picture)
        browser.close()


def main():
    """Read the arguments, take the picture, say where it is."""
    parser = argparse.ArgumentParser(description="Take a picture of a built page.")
    parser.add_argument("page", help="path of the page inside the built site")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=1400)
    parser.add_argument("--from", type=int, default=0, dest="top", metavar="PIXELS")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    page = options.site.resolve() / options.page
    if not page.exists():
        sys.exit(f"there is no page {page}: build the book first")
    if find_browser() is None:
        sys.exit("no browser found: install Chromium")
    name = f"{page.stem}-{options.width}{'-dark' if options.dark else ''}.png"
    picture = options.out or ROOT / "_build" / "screenshots" / name
    size = {"width": options.width, "height": options.height, "top": options.top}
    take(page.as_uri(), picture, dark=options.dark, **size)
    print(picture)


if __name__ == "__main__":
    main()
