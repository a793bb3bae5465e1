"""Reading the book in less common ways: by search, by keyboard, without scripts, without styles.

A chapter with everything in it stands for the others.
"""

import os

import pytest
from book_checks import SITE
from browser import find_browser, settle

playwright = pytest.importorskip("playwright.sync_api")

CHAPTER = "book/many-classes/softmax.html"

if not (find_browser() and (SITE / CHAPTER).exists()) and not os.environ.get("CI"):
    pytest.skip("needs the built book and Chromium", allow_module_level=True)

# What readers look for, and the places of which one should be among the first three.
SOUGHT = {
    "Jacobian": ("derivative.html", "glossary.html#term-Jacobian"),
    "overflow": ("overflow.html",),
    "Mazur": ("backpropagation.html", "numbers.html", "bugs.html"),
}
FIRST = {
    "softmax overflow": "book/many-classes/overflow.html",
    "logits": "book/reference/glossary.html#term-logit",
    "softmax_cross_entropy": "api/softmax.html#smnn.softmax_cross_entropy",
}


def open_chapter(page):
    page.goto((SITE / CHAPTER).as_uri())
    settle(page)


# ------------------------------------------------------------------ search


@pytest.mark.parametrize("home", ["file", "http"])
def test_search_finds_the_chapter(home, page, address):
    page.home = SITE.as_uri() if home == "file" else address
    for word, wanted in SOUGHT.items():
        page.goto(f"{page.home}/book/index.html")
        page.keyboard.press("/")
        page.keyboard.type(word)
        page.keyboard.press("Enter")
        page.locator("#search-results li a").nth(2).wait_for()
        links = page.locator("#search-results li a").evaluate_all("all => all.map((a) => a.href)")
        assert any(name in link for link in links[:3] for name in wanted), links[:3]
        assert page.locator("#search-field").input_value() == word
        marked = page.locator("#search-results li mark").first.inner_text()
        assert marked.lower().startswith(word.lower())
    assert page.faults == []


def test_titles_and_definitions_come_first_and_a_hit_leads_to_its_place(page):
    page.emulate_media(reduced_motion="reduce")  # or the way there takes a while
    for words, place in FIRST.items():
        page.goto(f"{SITE.as_uri()}/search.html?q={words}")
        first = page.locator("#search-results li a").first
        assert first.get_attribute("href").endswith(place), words
        assert len(page.locator("#search-results li p").first.inner_text()) > 40
    page.locator("#search-results li a").first.click()
    page.wait_for_load_state()
    top = "document.querySelector(':target').getBoundingClientRect().top"
    assert 0 <= page.evaluate(top) < 300
    assert page.faults == []


# ------------------------------------------------------------------ keyboard

# What has the focus: whether it comes after what had it before, and whether a reader can see that
# it has it.
FOCUSED = """() => {
  const one = document.activeElement;
  if (one === document.body) return null;
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  const bar = document.querySelector(".bar").getBoundingClientRect().bottom;
  const isBelowBar = !one.closest("main") || box.bottom > bar;
  const before = window.focusedBefore ?? document.body;
  window.focusedBefore = one;
  return {
    name: one.cloneNode().outerHTML.slice(0, 100),
    isOnward: Boolean(before.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING),
    isMarked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    isSeen: style.opacity > 0.9 && box.width > 0 && box.top < innerHeight && isBelowBar,
  };
}"""


def walk(page):
    """Everything that has the focus, one after the other, while the Tab key is pressed."""
    page.keyboard.press("Tab")
    while (focused := page.evaluate(FOCUSED)) is not None:
        yield focused
        page.keyboard.press("Tab")


def faults_on_the_way(page):
    """The Tab key goes through the page once, in its order, and shows where it is."""
    faults = []
    for stop in walk(page):
        if not stop["isOnward"]:
            return [*faults, f"the Tab key goes back to, or stays at, {stop['name']}"]
        if not stop["isMarked"]:
            faults.append(f"has the focus without a mark: {stop['name']}")
        if not stop["isSeen"]:
            faults.append(f"has the focus and is not seen: {stop['name']}")
    return faults


@pytest.mark.parametrize("name", [CHAPTER, "book/index.html", "genindex.html"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_tab_key_goes_through_the_page_and_shows_where_it_is(name, width, browser):
    # a window of its own: where the key begins depends on what was done in it before
    page = browser.new_page(viewport={"width": width, "height": 800}, reduced_motion="reduce")
    page.goto((SITE / name).as_uri())
    settle(page)
    assert faults_on_the_way(page) == []
    page.close()


def test_faults_on_the_way_are_found(page):
    page.set_content(
        '<header class="bar">Bar</header><main><a href="#">one</a>'
        '<a href="#" style="outline: none">two</a><a href="#" style="opacity: 0">three</a>'
        '<button onblur="this.focus()">four</button></main>'
    )
    page.add_style_tag(content=":focus { outline: 2px solid red }")
    words = [fault.partition(":")[0] for fault in faults_on_the_way(page)]
    assert words[:2] == ["has the focus without a mark", "has the focus and is not seen"]
    assert words[2].startswith("the Tab key goes back to, or stays at, <button")


def test_the_first_key_skips_to_the_text(page):
    open_chapter(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


# A fold in a fold can be reached when the outer one is open.
OPEN_AROUND = """fold => {
  let outer = fold.parentElement.closest("details");
  for (; outer; outer = outer.parentElement.closest("details")) outer.open = true;
}"""


def test_every_fold_opens_and_closes_by_key(page):
    open_chapter(page)
    folds = page.locator("main details").all()
    assert len(folds) > 10
    for fold in folds:
        fold.evaluate(OPEN_AROUND)
        fold.evaluate("fold => fold.querySelector('summary').focus()")
        for key in ("Enter", "Space"):
            was_open = fold.evaluate("fold => fold.open")
            page.keyboard.press(key)
            assert fold.evaluate("fold => fold.open") != was_open, (key, fold.inner_text()[:60])


def test_a_term_tells_what_it_is_and_the_colors_change_by_key(page):
    open_chapter(page)
    term = page.locator("main a[data-preview]").first
    term.evaluate("term => term.closest('details')?.setAttribute('open', '')")
    page.keyboard.press("Tab")
    term.focus()
    assert len(page.locator("#preview").inner_text()) > 20
    page.keyboard.press("Escape")
    assert not page.locator("#preview").is_visible()
    before = page.evaluate("document.documentElement.dataset.theme")
    page.locator(".theme-button").focus()
    page.keyboard.press("Space")
    assert page.evaluate("document.documentElement.dataset.theme") != before
    assert page.faults == []


# ------------------------------------------------------------------ without scripts, without styles


def test_a_chapter_can_be_read_without_scripts(browser):
    page = browser.new_page(viewport={"width": 360, "height": 800}, java_script_enabled=False)
    page.goto((SITE / CHAPTER).as_uri())
    formula = page.locator(".math math").first
    assert formula.text_content() and formula.bounding_box()["height"] > 10
    drawings = ".draggable-drawing > svg:visible"
    assert page.locator(drawings).count() > 0
    for readout in page.locator(".interactive-readout").all():
        assert len(readout.inner_text()) > 20
    inputs = page.locator(".draggable input")
    assert not inputs.first.is_visible(), "a slider without a script"
    assert not page.locator(".theme-button").is_visible()
    assert page.locator("nav.contents a").first.is_visible()
    fold = page.locator("main details").first
    fold.locator("summary").click()
    assert fold.locator(".fold-content, .cell_input").first.is_visible()
    wide = page.locator("html").bounding_box()["width"]
    assert wide <= 360
    page.close()


def test_a_chapter_can_be_read_without_styles(page):
    open_chapter(page)
    order = "all => all.map((one) => one.tagName.toLowerCase() + (one.id && '#' + one.id))"
    parts = page.locator("body > a, header, nav, main, h1, footer").evaluate_all(order)
    assert parts == ["a", "header", "nav#contents", "main#main", "h1", "nav", "footer"]
    visible = page.locator("main").inner_text()
    page.evaluate(
        "document.querySelectorAll('link[rel=stylesheet]').forEach((one) => one.remove())"
    )
    plain = page.locator("main").inner_text()
    words = [word for word in visible.split() if len(word) > 3]
    assert len(words) > 1000
    assert [word for word in words if word not in plain] == []
    assert page.locator("main img:not([alt])").count() == 0
