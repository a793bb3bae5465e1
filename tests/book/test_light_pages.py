"""What a page asks for before a reader touches it, and how still it stands while it loads.

The network of a phone is imitated: 1.6 Mbit/s with a delay of 150 ms.
"""

import os

import pytest
from book_checks import SITE
from browser import find_browser

from smnn_book.explorers import jacobian_explorer

pytest.importorskip("playwright.sync_api")

# The cover, the chapter with the most formulas, one with much of everything, and two with
# many or large pictures.
PAGES = (
    "book/index.html",
    "book/many-classes/derivative.html",
    "book/networks/softmax-backpropagation.html",
    "book/networks/digits.html",
    "book/reference/speed.html",
)
SCRIPTS = 250_000  # bytes as they are sent
EVERYTHING = 450_000
REQUESTS = 20
SHIFT = 0.02
PHONE = {"latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000}

if not (find_browser() and (SITE / PAGES[0]).exists()) and not os.environ.get("CI"):
    pytest.skip("needs the built book and Chromium", allow_module_level=True)

SUM_OF_SHIFTS = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 300);
})"""


@pytest.fixture
def phone(browser, address):
    """A page as wide as a phone, on its network, that notes what it gets."""
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.sent = {}
    page.on("response", lambda response: note(page, response))
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {"offline": False, **PHONE})
    yield page
    page.close()


def note(page, response):
    size = int(response.headers.get("content-length", 0))
    page.sent[response.url.partition("?")[0]] = (response.request.resource_type, size)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_light_and_stands_still_until_it_is_touched(path, phone, address):
    phone.goto(f"{address}/{path}")
    phone.wait_for_load_state("networkidle")
    scripts = sum(size for kind, size in phone.sent.values() if kind == "script")
    everything = sum(size for _, size in phone.sent.values())
    print(f"{path}: {scripts / 1000:.0f} kB of scripts, {everything / 1000:.0f} kB in all")
    assert scripts <= SCRIPTS
    assert everything <= EVERYTHING
    assert len(phone.sent) <= REQUESTS, sorted(phone.sent)
    waiting = phone.locator("head script[src]:not([defer]):not([async])")
    assert waiting.count() == 0, "a script that the text waits for"
    assert phone.evaluate(SUM_OF_SHIFTS) < SHIFT


def test_a_figure_moves_in_place(phone, address):
    phone.goto(f"{address}/book/many-classes/derivative.html")
    phone.wait_for_load_state("networkidle")
    figure = phone.locator("#draggable-jacobian-explorer")
    figure.scroll_into_view_if_needed()
    phone.locator("#draggable-jacobian-explorer.is-alive").wait_for()
    before = figure.bounding_box()["height"]
    figure.locator(".handle:visible").first.focus()
    phone.keyboard.press("End")
    assert figure.bounding_box()["height"] == pytest.approx(before, abs=1)
    scores = figure.evaluate("one => one.smnnState.z")
    readout = figure.locator(".interactive-readout").inner_text()
    assert scores[0] == 4.0 and readout == jacobian_explorer(scores).text
