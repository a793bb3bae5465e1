"""What the tests of the built book share: a browser, a page, and the site on a server."""

import pytest


@pytest.fixture(scope="module")
def browser():
    """An installed Chromium."""
    from browser import launch
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = launch(driver)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def window(browser):
    """The one window of a module: a new one for each test would take half of its time."""
    page = browser.new_page()
    page.on("request", lambda request: note_request(page, request.url))
    page.on("console", lambda message: note_message(page, message))
    page.on("pageerror", lambda error: page.faults.append(f"raises {error}"))
    return page


@pytest.fixture
def page(window):
    """An empty page that notes what it asks for and what it complains about.

    What lies at `page.home` it may ask for, and files.
    """
    window.faults, window.home = [], "file:"
    window.mouse.up()
    window.goto("about:blank")
    window.mouse.move(0, 0)
    window.set_viewport_size({"width": 1280, "height": 800})
    window.emulate_media(media="null", color_scheme="light", reduced_motion="no-preference")
    window.faults.clear()  # of the page before
    return window


def note_request(page, address):
    if not address.startswith((page.home, "file:", "data:", "blob:", "about:")):
        page.faults.append(f"asks for {address}")


def note_message(page, message):
    if message.type in ("error", "warning"):
        page.faults.append(f"logs {message.text}")


@pytest.fixture(scope="session")
def address():
    """The address of the built site on a small server."""
    from book_checks import SITE
    from serve import serving

    with serving(SITE) as address:
        yield address


@pytest.fixture(scope="session")
def workbench(tmp_path_factory):
    """A folder with a page for each figure that a reader takes hold of."""
    from draggable_bench import write_pages

    return write_pages(tmp_path_factory.mktemp("workbench"))
