"""What a page asks for before a reader touches it, and how still it stands while it loads.

The network of a phone is imitated: 1.6 Mbit/s with a delay of 150 ms.
"""

import os

import pytest
from book_checks import ROOT, SITE
from browser import find_browser, settle

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


# Whether the end of a chapter is laid out when its first picture is drawn.
NOTE_THE_END = """addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => {
  const end = document.querySelector("#in-short > h2");
  window.endIsThere = end.checkVisibility({ contentVisibilityAuto: true });
}))"""
PLACES = """() => [...document.querySelectorAll(".text :is(h2, h3, p, figure, pre), .turn")].map(
  (part) => Math.round(part.getBoundingClientRect().top + window.scrollY)
)"""


def test_a_phone_lays_out_a_page_in_helpings_and_ends_with_the_same(phone, address):
    phone.add_init_script(NOTE_THE_END)
    long = f"{address}/book/many-classes/derivative.html"
    phone.goto(long)
    settle(phone)
    assert not phone.evaluate("endIsThere")
    in_helpings = phone.evaluate(PLACES)
    phone.reload()  # all at once, because the reader may come back to a place
    settle(phone)
    assert phone.evaluate("endIsThere")
    assert phone.evaluate(PLACES) == in_helpings


def test_a_link_to_a_place_leads_there_at_once(phone, address):
    phone.add_init_script(NOTE_THE_END)
    phone.goto(f"{address}/book/many-classes/derivative.html#the-product-without-the-matrix")
    settle(phone)
    assert phone.evaluate("endIsThere")
    top = "document.querySelector(':target').getBoundingClientRect().top"
    phone.wait_for_function(f"0 <= {top} && {top} < 200")  # it scrolls there


def test_all_marks_are_one_drawing():
    styles = [path.read_text(encoding="utf-8") for path in (ROOT / "assets").glob("*.css")]
    assert sum(style.count("data:image/svg") for style in styles) == 1


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
