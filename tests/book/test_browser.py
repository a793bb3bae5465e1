"""The built site in a real browser, from the file system and over http.

Each page is loaded from the file system and looked at in two color schemes and three widths.  Each
check is a function that lists faults, and was shown a page that has them.  Over http
the figures are tried.
"""

import os
from importlib.resources import files

import pytest
from book_checks import ROOT, SITE
from browser import find_browser, settle

playwright = pytest.importorskip("playwright.sync_api")

if find_browser() is None and not os.environ.get("CI"):
    pytest.skip("no browser: install Chromium", allow_module_level=True)

WIDTHS = (360, 768, 1280)
SCHEMES = ("light", "dark")
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
LEGIBILITY = (ROOT / "tests/book/legibility.js").read_text(encoding="utf-8").rstrip().rstrip(";")
# Contrasts of words and marks; pixels of letters in figures and of formulas; and how thin, in
# units of a drawing, a line may be that is faint on purpose.
LIMITS = {"words": 4.5, "marks": 3, "letter": 11, "formula": 12, "thin": 0.8}
FRONT_DOOR = SITE / "index.html"  # leads to the cover at once
PAGES = sorted(set(SITE.rglob("*.html")) - set(SITE.glob("_static/**/*")) - {FRONT_DOOR})


def faults_in_formulas(page):
    """Every formula is typeset."""
    untypeset = page.locator(".math:not(:has(math[alttext]))").all_inner_texts()
    return [f"not typeset: {text}" for text in untypeset]


def faults_in_legibility(page):
    """Everything can be read: what `legibility.js` finds, in the window as it is."""
    return page.evaluate(LEGIBILITY, LIMITS)


def faults_in_width(page, schemes=("light",)):
    """Nothing pushes the page wider than the window, and everything can be read in all colors."""
    faults = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        try:  # a figure follows the window a moment later
            page.wait_for_function(f"document.documentElement.scrollWidth <= {width}", timeout=2500)
        except playwright.TimeoutError:
            wide = page.evaluate("document.documentElement.scrollWidth")
            faults.append(f"is {wide} pixels wide in a window of {width}")
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            faults += [f"{width} pixels, {scheme}: {fault}" for fault in faults_in_legibility(page)]
    return faults


# Spares axe what it has seen, here or on an earlier page.  The inside of an image is no part of
# what it judges (the colors are left to legibility.js), nor is that of a formula, but for the
# looks of its letters.  And of words that look alike, on the same grounds, the first stand for
# all, and of links in words that look alike: the search for what is behind a word takes most of
# the time of these tests.  Returns the looks that are new.
BEFORE_AXE = """(known) => {
  window.emptied = [];
  function empty(one) {
    emptied.push([one, [...one.childNodes]]);
    one.replaceChildren();
  }
  document.querySelectorAll(".picture[role=img] > svg").forEach(empty);

  function beneath(one) {
    one.scrollIntoView({ block: "center", behavior: "instant" });
    const { x, y, width, height } = one.getBoundingClientRect();
    return document.elementsFromPoint(x + width / 2, y + height / 2).map((other) => {
      const { backgroundImage, backgroundColor } = getComputedStyle(other);
      return [other.tagName, backgroundImage, backgroundColor];
    }).join();
  }
  const behind = new Map(); // each element, and what can be seen behind its words
  function lookBehind(one) {
    if (!one) return { opacities: "", grounds: "", floats: false };
    if (!behind.has(one)) {
      const { position, opacity, backgroundImage, backgroundColor } = getComputedStyle(one);
      const above = lookBehind(one.parentElement);
      const covers = backgroundImage === "none" && backgroundColor.startsWith("rgb(");
      const isPaper = backgroundImage === "none" && backgroundColor === "rgba(0, 0, 0, 0)";
      behind.set(one, {
        opacities: opacity === "1" ? above.opacities : `${opacity} ${above.opacities}`,
        grounds: (isPaper ? "" : `${backgroundImage} ${backgroundColor} `)
          + (covers ? "" : above.grounds),
        floats: !covers && (above.floats || ["absolute", "fixed"].includes(position)),
      });
    }
    return behind.get(one);
  }
  const seen = new Set(known);
  const looks = [];
  function note(one, kind, more) {
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(one);
    const { opacities, grounds, floats } = lookBehind(one);
    const below = floats ? beneath(one) : "";
    const look = [kind, color, fontSize, fontWeight, textShadow, opacities, grounds, below, ...more]
      .join();
    if (seen.has(look)) one.setAttribute(`data-seen-${kind}`, "");
    else looks.push(look);
    seen.add(look);
  }
  const hasWords = (one) => [...one.childNodes].some(
    (child) => child.nodeType === Node.TEXT_NODE && child.data.trim());
  for (const one of document.querySelectorAll("body *")) {
    if (hasWords(one)) note(one, "word", []);
    else if (!one.matches("input, select, textarea")) one.setAttribute("data-seen-word", "");
  }
  for (const link of document.querySelectorAll("a[href]")) {
    const { textDecoration, borderBottom } = getComputedStyle(link);
    const { color, fontSize, fontWeight } = getComputedStyle(link.parentElement);
    note(link, "link", [textDecoration, borderBottom, color, fontSize, fontWeight]);
  }
  document.querySelectorAll("math:not(:has(:not([data-seen-word])))").forEach(empty);
  scrollTo({ top: 0, behavior: "instant" });
  axe.configure({ rules: [
    { id: "color-contrast", selector: "*:not([data-seen-word])" },
    { id: "link-in-text-block", selector: "a[href]:not([data-seen-link])" },
  ] });
  return looks;
}"""
AFTER_AXE = """() => {
  for (const [one, content] of emptied) one.replaceChildren(...content);
  for (const kind of ["data-seen-word", "data-seen-link"]) {
    for (const one of document.querySelectorAll(`[${kind}]`)) one.removeAttribute(kind);
  }
}"""
OF_LOOKS = ["color-contrast", "link-in-text-block"]  # rules that ask what a look alone answers


def faults_in_access(page, rules=(), known=None):
    """What axe-core finds, in short; with rules, what it finds against these.

    `known` are the looks of words that have been judged right; those of the page join them.
    """
    known = set() if known is None else known
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    looks = page.evaluate(BEFORE_AXE, sorted(known))
    # without preload: axe would fetch the style sheets, which file: does not allow
    options = {"preload": False, "resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    if not looks:
        options["rules"] = {rule: {"enabled": False} for rule in OF_LOOKS}
    asked = looks or set(rules) != set(OF_LOOKS)
    found = page.evaluate("(options) => axe.run(options)", options)["violations"] if asked else []
    page.evaluate(AFTER_AXE)
    if not {fault["id"] for fault in found} & set(OF_LOOKS):
        known.update(looks)
    places = [(fault["id"], node["target"][0]) for fault in found for node in fault["nodes"]]
    return [f"{rule}: {place}" for rule, place in places if not is_formula(page, rule, place)]


def is_formula(page, rule, place):
    """True for a table header whose words are MathML, which axe does not see."""
    return rule == "empty-table-header" and page.locator(place).first.locator("math").count() > 0


ENLARGE_ALL = """() => {
  const dialog = document.querySelector("dialog.enlarged");
  const faults = [];
  for (const part of document.querySelectorAll("main .picture")) {
    if (!part.getClientRects().length) continue; // in a closed box
    const button = part.parentElement.querySelector(".enlarge");
    if (!button) { faults.push("cannot be enlarged"); continue; }
    button.click();
    const large = dialog.querySelector("svg")?.getBoundingClientRect();
    const usual = part.querySelector("svg:not(.narrow)").getBoundingClientRect();
    const box = dialog.getBoundingClientRect();
    const fault = (words) => faults.push(`${words}: ${dialog.ariaLabel.slice(0, 50)}`);
    if (!dialog.open || !large) fault("does not enlarge");
    else if (box.width > innerWidth || box.height > innerHeight) fault("leaves the window");
    else if (large.width + 1 < usual.width) fault("gets smaller");
    dialog.close();
  }
  return faults;
}"""


def faults_in_enlarging(page):
    """Every figure in view enlarges within the window."""
    return page.evaluate(ENLARGE_ALL)


every_page = pytest.mark.parametrize(
    "path", PAGES, ids=lambda path: path.relative_to(SITE).as_posix()
)
needs_pages = pytest.mark.skipif(not PAGES, reason="the book is not built: run make book")


@pytest.fixture(scope="module")
def known():
    """The looks of words whose contrast was right on a page before."""
    return set()


@needs_pages
@every_page
def test_page(path, page, known):
    page.goto(path.as_uri())
    settle(page)
    faults = faults_in_formulas(page) + faults_in_width(page, SCHEMES)
    faults += faults_in_access(page, rules=OF_LOOKS, known=known)  # in the dark, as it is left
    page.emulate_media(color_scheme="light")
    faults += faults_in_access(page, known=known) + faults_in_enlarging(page)
    found = page.faults + faults
    assert not found, "\n".join(found)


BEHAVING = """<!DOCTYPE html><html lang="en" class="js"><meta charset="utf-8">
<title>Behavior</title>
<link rel="stylesheet" href="{assets}/book.css"><link rel="stylesheet" href="{assets}/frame.css">
<link rel="stylesheet" href="{assets}/boxes.css">
<header><button class="contents-button" aria-expanded="false">Contents</button>
<input id="bar-search-field" type="search" aria-label="Search">
<button class="theme-button"></button></header>
<nav class="contents" tabindex="-1"><ul class="sections"><li><a href="#last">Last</a></li></ul>
</nav>
<main class="text"><h1>Behavior</h1>
<p><a id="one" href="glossary.html#t" data-preview="A &lt;em&gt;word&lt;/em&gt;.">term</a>
with <span id="formula" class="math"><math alttext="z_k"><msub><mi>z</mi><mi>k</mi></msub></math>
</span> in it
<a id="two" href="#figure">Figure 1</a> <a id="three" href="#hidden">answer</a></p>
<figure id="figure"><p id="inside">A picture</p></figure>
<details><summary>Answer</summary><p id="hidden">42</p></details>
<div class="cell_input"><div class="highlight"><pre>x = 1</pre></div></div>
<section id="last"><h2>Last</h2></section></main>
<script src="{assets}/book.js"></script><script src="{assets}/previews.js"></script></html>"""


@pytest.fixture
def behaving(tmp_path, page):
    """A small page with what the scripts work on, opened in a narrow window."""
    path = tmp_path / "behaving.html"
    path.write_text(BEHAVING.replace("{assets}", (ROOT / "assets").as_uri()), encoding="utf-8")
    page.set_viewport_size({"width": 700, "height": 500})
    page.goto(path.as_uri())
    return page


def test_the_reader_chooses_the_colors_and_the_choice_is_kept(behaving):
    theme = "document.documentElement.dataset.theme"
    behaving.evaluate(f"{theme} = 'light'")
    behaving.click(".theme-button")
    assert behaving.evaluate(theme) == "dark"
    assert behaving.evaluate("localStorage.getItem('theme')") == "dark"
    assert behaving.get_attribute(".theme-button", "aria-pressed") == "true"
    behaving.click(".theme-button")
    assert behaving.evaluate("localStorage.getItem('theme')") is None


def test_a_page_in_dark_colors_prints_in_light_ones(behaving):
    shade = "getComputedStyle(document.documentElement).getPropertyValue('--backward')"
    behaving.evaluate("document.documentElement.dataset.theme = 'light'")
    light = behaving.evaluate(shade)
    behaving.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert behaving.evaluate(shade) != light
    behaving.emulate_media(media="print")
    assert behaving.evaluate(shade) == light


def test_contents_open_and_escape_closes_them(behaving):
    assert not behaving.locator(".contents a").is_visible()
    behaving.click(".contents-button")
    assert behaving.locator(".contents a").is_visible()
    assert behaving.get_attribute(".contents-button", "aria-expanded") == "true"
    behaving.keyboard.press("Escape")
    assert not behaving.locator(".contents a").is_visible()
    assert behaving.evaluate("document.activeElement.className") == "contents-button"


def test_links_show_what_is_behind_them(behaving):
    preview = behaving.locator("#preview")
    behaving.focus("body")
    behaving.keyboard.press("Tab")
    for identity, words in (("one", "A word."), ("two", "A picture")):
        while behaving.evaluate("document.activeElement.id") != identity:
            behaving.keyboard.press("Tab")
        assert preview.inner_text() == words
        assert behaving.get_attribute(f"#{identity}", "aria-describedby") == "preview"
    assert behaving.locator("#inside").count() == 1, "the copy must not repeat an id"
    behaving.keyboard.press("Escape")
    assert not preview.is_visible()
    behaving.hover("#one")
    preview.wait_for(state="visible", timeout=2000)


def test_a_finger_gets_the_preview_first_and_then_the_way_on(browser, tmp_path):
    path = tmp_path / "touched.html"
    path.write_text(BEHAVING.replace("{assets}", (ROOT / "assets").as_uri()), encoding="utf-8")
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(path.as_uri())
    page.tap("#one")
    assert page.url == path.as_uri()
    assert page.locator("#preview em").inner_text() == "word"
    on = page.locator("#preview .preview-on")
    assert on.get_attribute("href").endswith("glossary.html#t")
    page.tap("h1")
    assert not page.locator("#preview").is_visible()
    context.close()


def test_whoever_copies_a_formula_gets_its_tex(behaving):
    behaving.evaluate("""() => {
      const range = document.createRange();
      range.setStartBefore(document.querySelector("#one"));
      range.setEndAfter(document.querySelector("#formula"));
      document.getSelection().addRange(range);
      document.addEventListener("copy", (event) => {
        window.copied = event.clipboardData.getData("text/plain");
      });
      document.execCommand("copy");
    }""")
    assert " ".join(behaving.evaluate("copied").split()) == "term with $z_k$"


def test_a_link_into_a_closed_box_opens_it(behaving):
    assert not behaving.locator("#hidden").is_visible()
    behaving.click("#three")
    behaving.locator("#hidden").wait_for(state="visible", timeout=2000)


def test_the_slash_goes_to_the_search_and_code_has_a_copy_button(behaving):
    behaving.keyboard.press("/")
    assert behaving.evaluate("document.activeElement.id") == "bar-search-field"
    assert behaving.locator(".highlight .copy").get_attribute("aria-label") == "Copy this code"
    assert behaving.faults == []


def test_every_verdict_begins_at_the_left_and_goes_on_below_its_words(page):
    page.set_content(
        '<div class="highlight" style="width: 160px"><pre class="verdicts">'
        "<span>✓ each row sums to one again</span>\n<span>✓ a shift changes nothing</span>\n"
        "</pre></div>"
    )
    page.add_style_tag(path=ROOT / "assets/code.css")
    lines = page.evaluate("""() => [...document.querySelectorAll(".verdicts > span")].map((one) => {
      const range = document.createRange();
      range.selectNodeContents(one);
      const left = {}; // of each line, by its top
      for (const box of range.getClientRects()) {
        left[box.top] = Math.min(left[box.top] ?? box.left, box.left);
      }
      return Object.entries(left).sort(([a], [b]) => a - b).map(([, x]) => Math.round(x));
    })""")
    assert lines[0] == lines[1] and lines[0][0] < lines[0][1], lines
    assert page.locator("pre").inner_text().split("\n")[1].startswith("✓ a shift")


ENLARGING = """<!DOCTYPE html><html lang="en" class="js"><meta charset="utf-8">
<title>Enlarging</title>
<link rel="stylesheet" href="{assets}/book.css"><link rel="stylesheet" href="{assets}/boxes.css">
<main class="text" style="max-width: 600px"><h1>Enlarging</h1><a href="#here" id="before">Before</a>
<figure id="here"><div class="picture" role="img" aria-label="A line that rises">
<svg class="wide" viewBox="0 0 300 150" style="width: 420px; min-width: 300px">
<defs><path id="mark" d="M0 0h9v9"/></defs><use href="#mark"/><text x="20" y="80">wide</text></svg>
<svg class="narrow" viewBox="0 0 200 150" style="width: 280px; min-width: 200px">
<text x="20" y="80">narrow</text></svg></div>
<figcaption>It rises.<a class="headerlink" href="#here">#</a></figcaption></figure>
<p><a href="#before" id="after">After</a></p></main>
<script src="{assets}/enlarge.js"></script></html>"""

IN_DIALOG = "document.querySelector('dialog').contains(document.activeElement)"


@pytest.fixture
def enlarging(tmp_path, page):
    """A small page with one figure in its two drawings."""
    path = tmp_path / "enlarging.html"
    path.write_text(ENLARGING.replace("{assets}", (ROOT / "assets").as_uri()), encoding="utf-8")
    page.set_viewport_size({"width": 1000, "height": 700})
    page.goto(path.as_uri())
    return page


def test_a_click_enlarges_a_figure_and_escape_leads_back(enlarging):
    dialog, figure = enlarging.locator("dialog"), enlarging.locator("figure")
    before = figure.bounding_box()
    figure.locator("svg.wide").click()
    assert dialog.is_visible() and dialog.get_attribute("aria-label") == "A line that rises"
    assert dialog.locator("text").all_text_contents() == ["wide"]
    assert dialog.locator("figcaption").inner_text() == "It rises."
    assert dialog.locator("svg").bounding_box()["width"] > 800, "not larger than on the page"
    assert figure.bounding_box() == before, "the page moves"
    identities = enlarging.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(identities) == len(set(identities))
    for theme in ("light", "dark"):
        enlarging.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        assert faults_in_access(enlarging) == []
    enlarging.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert enlarging.evaluate("document.activeElement.className") == "enlarge"


def test_the_keyboard_enlarges_a_figure_and_stays_in_it(enlarging):
    dialog = enlarging.locator("dialog")
    enlarging.focus("#before")
    enlarging.keyboard.press("Tab")
    assert enlarging.evaluate("document.activeElement.ariaLabel") == "Enlarge this figure"
    enlarging.keyboard.press("Enter")
    assert dialog.is_visible()
    for _ in range(5):
        assert enlarging.evaluate(f"{IN_DIALOG} || document.activeElement === document.body")
        enlarging.keyboard.press("Tab")
    dialog.locator("button").focus()
    enlarging.keyboard.press("Enter")
    assert not dialog.is_visible()
    assert enlarging.evaluate("document.activeElement.className") == "enlarge"
    enlarging.keyboard.press("Tab")
    assert enlarging.evaluate("document.activeElement.className") == "headerlink"


def test_a_click_beside_an_enlarged_figure_closes_it_and_marked_words_do_not_open_it(enlarging):
    enlarging.locator("svg.wide").click()
    enlarging.mouse.click(5, 5)
    assert not enlarging.locator("dialog").is_visible()
    word = enlarging.locator("svg.wide text").bounding_box()
    enlarging.mouse.move(word["x"] + 1, word["y"] + word["height"] / 2)
    enlarging.mouse.down()
    enlarging.mouse.move(word["x"] + word["width"] - 1, word["y"] + word["height"] / 2)
    enlarging.mouse.up()
    assert enlarging.evaluate("document.getSelection().toString()")
    assert not enlarging.locator("dialog").is_visible()


def test_a_tap_on_a_phone_shows_the_wide_drawing(browser, tmp_path):
    path = tmp_path / "tapped.html"
    path.write_text(ENLARGING.replace("{assets}", (ROOT / "assets").as_uri()), encoding="utf-8")
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(path.as_uri())
    page.tap("svg.narrow")
    dialog = page.locator("dialog")
    assert dialog.locator("text").all_text_contents() == ["wide"]
    assert dialog.locator("svg").bounding_box()["width"] == 420, "no smaller than it is drawn"
    assert dialog.bounding_box()["width"] <= 390
    page.tap(".enlarged-close")
    assert not dialog.is_visible()
    context.close()


FAULTY = """<!DOCTYPE html><html lang="en"><title>Faulty</title><main><h1>Faulty</h1>
<div style="width: 900px">wide</div><img src="data:," width="1" height="1">
<span class="math">not typeset</span></main></html>"""

# Each fault that the script looks for, and beside it what is right.
ILLEGIBLE = """<!DOCTYPE html><html lang="en"><title>Illegible</title>
<style>body { background: white } nav { height: 50px; overflow: auto }</style>
<nav class="contents"><a aria-current="page" style="display: block; margin-top: 900px">Here</a>
</nav>
<main><div class="picture"><svg viewBox="0 0 200 100" width="200" height="100">
<path d="M0 60 H200 V100 H0 Z" fill="#0072b2"/>
<path d="M0 10 H200" fill="none" stroke="#cccccc" stroke-width="2"/>
<path d="M0 20 H200" fill="none" stroke="#cccccc" stroke-width="0.5"/>
<path d="M0 30 H200" fill="none" stroke="black" stroke-width="2" opacity="0.35"/>
<path d="M0 40 H200" fill="none" stroke="#767676" stroke-width="2"/>
<text x="0" y="20" font-size="9">small</text><text x="60" y="20" font-size="12">right</text>
<text x="0" y="55" font-size="12" fill="#aaaaaa">pale</text>
<text x="0" y="90" font-size="12" fill="#333333">sunk</text>
<text x="60" y="90" font-size="12" fill="white">clear</text>
<text x="110" y="20" font-size="12">one</text><text x="120" y="21" font-size="12">two</text>
<text x="110" y="36" font-size="12">below</text></svg></div>
<figure><img src="data:," alt="pixels" width="9" height="9">
<figcaption>Below</figcaption></figure>
<figure class="right" style="display: flex"><hr><figcaption>Beside</figcaption></figure>
<aside class="margin" style="float: right; height: 60px">A note</aside>
<aside class="margin" style="float: left; clear: both; height: 9px">Free</aside>
<div class="reaching" style="height: 20px; width: 100%"></div>
<p style="font-size: 10px"><math><mi>x</mi></math></p>
<p style="width: 60px; overflow-wrap: anywhere"><code>learning_rate</code> <code>lr</code></p>
<div class="math" style="width: 50px; overflow: auto"><math><mi>abcdefghijklm</mi></math></div>
<pre style="width: 50px; overflow: auto">x = 1 + 2 + 3 + 4</pre>
<table style="width: 60px; line-height: 20px"><td>one word below the other, seven lines</table>
</main></html>"""


def test_the_checks_find_faults(page):
    page.set_content(FAULTY)
    assert faults_in_width(page) == [
        "is 908 pixels wide in a window of 360",
        "is 908 pixels wide in a window of 768",
    ]
    assert faults_in_formulas(page) == ["not typeset: not typeset"]
    assert [fault.split(":")[0] for fault in faults_in_access(page)] == ["image-alt"]
    page.evaluate("console.error('trouble')")
    page.evaluate("fetch('http://127.0.0.1:9/nowhere').catch(() => {})")
    page.wait_for_timeout(200)
    assert page.faults[:2] == ["logs trouble", "asks for http://127.0.0.1:9/nowhere"]


def test_of_faint_words_that_look_alike_one_is_found(page):
    page.set_content("""<html lang="en"><title>t</title><main><h1>Faint</h1>
      <p>dark</p><p>dark</p><p style="color: #ccc">faint</p><p style="color: #ccc">faint too</p>
      <p style="background: #222">on <b>a</b> dark ground <big>alike</big></p>
      <p><big>alike</big></p><p><math><mi>max</mi></math>
      <math><mi style="color: #bbb">min</mi></math></p>""")
    found = faults_in_access(page, rules=["color-contrast"])
    places = ["p:nth-child(4)", "p:nth-child(6)", "p:nth-child(6) > big", "mi"]
    assert found == [f"color-contrast: {place}" for place in places]
    assert page.locator("[data-seen-word], [data-seen-link]").count() == 0


def test_what_an_earlier_page_has_shown_is_not_judged_again(page):
    right = """<html lang="en"><title>t</title><main><h1>Right</h1>
      <p>dark words, <a href="#x">a link</a></p>"""
    known = set()
    page.set_content(right)
    assert faults_in_access(page, known=known) == []
    looks = set(known)
    assert looks
    for _ in range(2):
        page.set_content(
            f'{right}<p style="color: #ccc">faint</p>'
            "<p>many more dark words, "
            '<a href="#x" style="color: #222; text-decoration: none">hidden</a></p>'
        )
        found = faults_in_access(page, rules=OF_LOOKS, known=known)
        assert found == ["color-contrast: p:nth-child(3)", "link-in-text-block: p:nth-child(4) > a"]
        assert known == looks, "what is wrong must be found on the next page too"


def test_words_that_lie_on_something_else_are_known_by_what_lies_beneath(page):
    known = set()
    for ground, found in (("white", []), ("#333", ["color-contrast: p"])):
        page.set_content(f"""<html lang="en"><title>t</title><main><h1>Over</h1>
          <div style="height: 900px; background: {ground}"></div>
          <p class="over" style="position: absolute; top: 500px; color: #222">over</p>""")
        assert faults_in_access(page, rules=OF_LOOKS, known=known) == found


def test_what_is_illegible_is_found(page):
    page.set_viewport_size({"width": 1280, "height": 800})
    page.set_content(ILLEGIBLE)
    assert faults_in_legibility(page) == [
        "letters of 9.0 px: small",
        "words of 2.32 to 1: pale",
        "words of 2.44 to 1: sunk",
        "words on words: one, two",
        "a mark of 1.61 to 1: rgb(204, 204, 204)",
        "a mark of 2.44 to 1: rgb(0, 0, 0)",
        "a picture of pixels, whose words nobody can measure: pixels",
        "a formula of 10 px",
        "parts the name learning_rate",
        "cuts abcdefghijklm",
        "cuts a line of 17 letters: x = 1 + 2 + 3 + 4",
        "presses words into a column: one word below the other, seven lines",
        "covers the note A note",
        "not in the margin: Below",
        "the entry of this page is out of view",
    ]
