"""Mend the markup of a page after Sphinx has written it.

Authors write plain MyST, and a live notebook shows it as it is.  What a reader
of the site gets beyond that is added here, each addition by one function that
takes the parsed body of a page and changes it in place.
"""

import re
from html import escape
from urllib.parse import quote

from bs4 import BeautifulSoup, NavigableString
from page_facts import READING_TIME, facts_of

# The slots of a chapter, known by how their heading begins.
SLOTS = {
    "A picture": "picture",
    "A number first": "number",
    "Derivation": "derivation",
    "Code": "code",
    "Check it": "check",
    "Break it": "break",
    "Questions people ask": "questions",
    "Exercises": "exercises",
    "In short": "short",
    "Further reading": "reading",
    "Next": "next",
}

LETTERS_A_LINE = 72  # of code, in the column of text
OPERATOR = re.compile(r" ([−·×⊙]) ")

PICTURES = "figure, img, .picture, .draggable"

# What may stand in an address as it is; all else is written with percent signs.
IN_ADDRESSES = "!#$%&'()*+,-./:;=?@_~"

# What an exercise of one, two or three stars takes someone who has read the chapter.
MINUTES = {1: 5, 2: 15, 3: 30}


def new_tag(body, name, text=None, **attributes):
    """Return a new element, with `class_` for its class and `_` for `-` in other names."""
    attributes = {key.rstrip("_").replace("_", "-"): attributes[key] for key in attributes}
    return body.new_tag(name, attrs=attributes, string=text)


def add_class(element, *names):
    """Give an element classes beside those that it has."""
    element["class"] = [*element.get("class", []), *names]


def mark_slots(body):
    """Give the section of each slot its class, from which the style takes the mark."""
    for heading in body.select("section > h2, section > h3"):
        words = heading.get_text().lstrip("0123456789. ")
        for beginning, slot in SLOTS.items():
            if re.match(rf"{beginning}\b", words):
                add_class(heading.parent, "slot", f"slot-{slot}")
                break


def drop_numbers_below_chapters(body):
    """Keep the chapter's number in its title only: the slots carry a mark instead."""
    for number in body.select(":is(h2, h3, h4) > .section-number"):
        number.decompose()


def fold(body, element, title, *classes):
    """Turn an element into a box that opens: its content under a title to press."""
    summary = new_tag(body, "summary")
    summary.append(title)
    content = new_tag(body, "div", class_="fold-content")
    content.extend(list(element.contents))
    element.name, element["class"] = "details", ["fold", *classes]
    element.extend([summary, content])


def fold_dropdowns(body):
    """Rewrite sphinx-design's dropdowns as plain boxes that open."""
    for element in body.select("details.sd-dropdown"):
        name = new_tag(body, "span")
        name.extend(list(element.summary.extract().select_one(".sd-summary-text").contents))
        element.select_one(".sd-summary-content").unwrap()
        fold(body, element, name)
        for paragraph in element.select(".sd-card-text"):
            del paragraph["class"]


def fold_solutions(body):
    """Rewrite solutions, and other boxes of the class dropdown, as boxes that open."""
    for element in body.select("div.solution, div.admonition.dropdown"):
        title = element.select_one("p.admonition-title").extract().get_text()
        if "solution" in element["class"]:
            fold(body, element, "Worked solution", "fold-solution")
        else:
            fold(body, element, title)


def hidden_title(element):
    """Return the words on the closed lid of hidden code or hidden output."""
    if element.select_one(".cell_input") is None:
        return "What this cell prints"
    output = element.find_next_sibling(class_="cell_output")
    return "Code of this figure" if output and output.select_one(PICTURES) else "Code of this cell"


def fold_hidden_code(body):
    """Give hidden code a summary without paragraphs in it."""
    for element in body.select("details.hide"):
        element.summary.attrs.clear()
        element.summary.string = hidden_title(element)
        element["class"] = ["fold", "fold-code"]


def put_figures_first(body):
    """Show a figure before the code that draws it."""
    for code in body.select(".cell > .fold-code"):
        output = code.find_next_sibling(class_="cell_output")
        if output is not None and output.select_one(PICTURES):
            output.insert_after(code.extract())


def fold_in_cells(body):
    """Move the cells that belong to an answer into its fold.

    These are the cells that follow a fold among the questions, and everywhere those of the
    tag `question`; in a live notebook they stay below it.
    """
    for answer in body.select("details.fold:not(.fold-code)"):
        belongs = ".cell" if answer.find_parent(class_="slot-questions") else ".cell.tag_question"
        content = answer.select_one(".fold-content")
        while (cell := answer.find_next_sibling()) and cell.css.match(belongs):
            content.append(cell)


def mark_wide_code(body):
    """Mark the code with lines that the column of text is too narrow for; pictures stay in it.

    Code and output of one cell are equally wide.
    """
    for block in body.select(".cell, div[class*=highlight-]:not(.cell div)"):
        parts = block.find_all(recursive=False) if "cell" in block["class"] else [block]
        parts = [part for part in parts if not part.select_one(PICTURES)]
        lines = [
            line
            for part in parts
            for pre in part.select("pre:not(.verdicts)")
            for line in pre.text.splitlines()
        ]
        if max(map(len, lines), default=0) > LETTERS_A_LINE:
            for part in parts:
                add_class(part, "reaching")


def mark_verdicts(body):
    """Mark what a check prints: sentences, one on a line, which may break where it is narrow."""
    for pre in body.select(".cell_output pre"):
        lines = [line for line in pre.get_text().splitlines() if line.strip()]
        if lines and all(line.startswith("✓ ") for line in lines):
            sentences = "".join(f"<span>{escape(line)}</span>\n" for line in lines)
            marked = f'<pre class="verdicts">{sentences}</pre>'
            # inside of pre, for elsewhere the parser drops the ends of lines
            pre.replace_with(BeautifulSoup(marked, "html.parser"))


def outdent_code(body):
    """Move included source to the left edge: a method keeps no indentation of its class."""
    for pre in body.select("div[class*=highlight-]:not(.cell div) pre"):
        lines = pre.get_text().splitlines()
        common = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        if common:
            left = re.sub(rf"(?m)^((?:<[^>]*>)*) {{{common}}}", r"\1", pre.decode_contents())
            # inside of pre, for elsewhere the parser makes one line end of an indentation
            pre.replace_with(BeautifulSoup(f"<pre>{left}</pre>", "html.parser"))


def join_operators(body):
    """Keep what is computed in plain text on one line: no line break beside its signs."""
    for text in body.find_all(string=OPERATOR):
        if text.find_parent(["pre", "code", "script", "math", "svg", "title"]) is None:
            text.replace_with(OPERATOR.sub("\u00a0\\1\u00a0", text))


def add_letters(body):
    """Put the letters of a glossary above it, each leading to its first term.

    A glossary may have a section for each letter; the letters are above the first of them.
    """
    glossaries = body.select("dl.glossary")
    if not glossaries:
        return
    first = {}
    for term in body.select("dl.glossary dt[id]"):
        first.setdefault(term.get_text().strip()[0].upper(), term["id"])
    letters = new_tag(body, "nav", class_="letters", aria_label="Letters")
    for letter, place in sorted(first.items()):
        if letter.isalpha():
            letters.append(new_tag(body, "a", letter, href=f"#{place}"))
    place = glossaries[0] if len(glossaries) == 1 else glossaries[0].find_parent("section")
    place.insert_before(letters)


def let_pictures_shrink(body):
    """State the size of a picture so that it keeps its shape where the page is narrow."""
    for picture in body.select("img[style]"):
        size = re.fullmatch(r"width: (\d+)px; height: (\d+)px;", picture["style"])
        if size:
            picture["width"], picture["height"] = size.groups()
            del picture["style"]


def keep_punctuation(body):
    """Keep a comma or a full stop on the line of the formula that it follows."""
    for formula in body.select("span.math"):
        after = formula.next_sibling
        if not isinstance(after, NavigableString):
            continue
        mark = re.match(r"[.,;:!?)\]’”…]+", after)
        if mark:
            after.replace_with(after[mark.end() :])
            together = new_tag(body, "span", class_="together")
            pieces = formula.find_all(["math", "held-part"], recursive=False)
            (pieces[-1] if len(pieces) > 1 else formula).wrap(together)
            together.append(mark.group())


def unwrap_nameless_sections(body):
    """Turn sections without a heading into plain boxes; ids that repeat on a page go."""
    for section in body.select("#exercise-content, #solution-content, #proof-content"):
        section.name = "div"
        del section["id"]
    for proof in body.select("#proof"):  # of proofs without a label
        del proof["id"]


def title_exercises(body):
    """Write `Exercise 4.1 (★★ By hand)` as a number, a difficulty and a name."""
    for title in body.select(".exercise > .admonition-title:has(.caption-number)"):
        number = title.select_one(".caption-number").extract()
        for end, bracket in ((0, r"^\s*\("), (-1, r"\)\s*$")):
            text = title.find_all(string=True)[end]
            text.replace_with(re.sub(bracket, "", text))
        title.insert(0, number)
        number.insert_after(" ")


def speak_stars(body):
    """Say the stars of an exercise in words to those who hear the page, and the time it takes."""
    for title in body.select(".exercise > .admonition-title"):
        for text in title.find_all(string=re.compile("★")):
            before, stars, after = re.match(r"([^★]*)(★+)(.*)", text, re.DOTALL).groups()
            spoken = f"difficulty {len(stars)} of 3,"
            shown = new_tag(body, "span", stars, class_="stars", role="img", aria_label=spoken)
            text.replace_with(before, shown, after)
            minutes = f"{MINUTES[len(stars)]} minutes"
            title.append(new_tag(body, "span", minutes, class_="exercise-time"))


def drop_empty_titles(body):
    """Take out the empty titles of margin notes, and call the notes what they are."""
    for note in body.select("aside.margin"):
        note["role"] = "note"
        for title in note.select(".sidebar-title"):
            if not title.get_text(strip=True):
                title.decompose()


def mend_bibliography(body):
    """Drop the list roles that the entries of a bibliography do not keep to."""
    for element in body.select("[role=doc-biblioentry], [role=doc-backlink], [role=list]"):
        del element["role"]


def name_anchors(body):
    """Let each link to a heading say what it leads to."""
    for anchor in body.select("a.headerlink"):
        anchor["aria-label"] = anchor.get("title", "Link to this place")
        del anchor["title"]


def frame_tables(body):
    """Put each table into a box of its own that can scroll; drop presentational attributes."""
    for table in body.select("table"):
        for attribute in ("border", "align", "class"):
            del table[attribute]
        for style in table.parent.select(":scope > style"):
            style.decompose()
        for row in table.select("tr[style]"):
            del row["style"]
        for corner in table.select("thead th"):
            if not corner.get_text(strip=True):
                corner.name = "td"
                del corner["scope"]
        table.wrap(new_tag(body, "div", class_="table-box"))


def drop_stated_time(body):
    """Take the reading time out of the opening boxes: it stands under the title."""
    for strong in body.select(".admonition > p > strong"):
        after = strong.next_sibling
        match = READING_TIME.match(f"{strong.get_text()}{after or ''}")
        if match and isinstance(after, NavigableString):
            after.replace_with(after[match.end() - len(strong.get_text()) :])
            strong.decompose()


def level_titles(body):
    """Let the title of a page stand outside of sections, where it is the first level."""
    for title in body.select("section > h1"):
        title.parent.name = "div"


def encode_addresses(body):
    """Write with percent signs what may not stand in an address, such as the < of old DOIs."""
    for link in body.select("a[href]"):
        link["href"] = quote(link["href"], safe=IN_ADDRESSES)


def counted(number, noun):
    """Return a number and its noun, in the singular or the plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def state_facts(body, facts, notebook):
    """Say under the title how long a chapter is, and where the notebook of a page is."""
    line = new_tag(body, "p", class_="facts")
    if facts["is_chapter"]:
        line.append(new_tag(body, "span", counted(facts["minutes"], "minute")))
        if facts["exercises"]:
            words = counted(facts["exercises"], "exercise")
            if body.select_one("#exercises"):
                line.append(new_tag(body, "a", words, href="#exercises"))
            else:  # they stand under several headings
                line.append(new_tag(body, "span", words))
    if notebook:
        attributes = {"href": notebook, "class_": "facts-notebook", "download": ""}
        line.append(new_tag(body, "a", "Notebook", **attributes))
    if line.contents:
        body.h1.insert_after(line)


def place_chapter(body, part):
    """Write the number of a chapter, if it has one, and the name of its part above its title."""
    title = body.h1
    words = [part] if part and part != title.find(string=True) else []
    number = title.select_one(".section-number")
    if number is not None:
        words.insert(0, f"Chapter {number.extract().get_text().strip(' .')}")
    if words:
        title.insert_before(new_tag(body, "p", " · ".join(words), class_="above-title"))


MENDERS = (
    mark_slots,
    drop_numbers_below_chapters,
    fold_dropdowns,
    fold_solutions,
    fold_hidden_code,
    put_figures_first,
    fold_in_cells,
    mark_verdicts,
    outdent_code,
    mark_wide_code,
    join_operators,
    add_letters,
    let_pictures_shrink,
    keep_punctuation,
    unwrap_nameless_sections,
    title_exercises,
    speak_stars,
    drop_empty_titles,
    mend_bibliography,
    name_anchors,
    drop_stated_time,
    frame_tables,
    level_titles,
    encode_addresses,
)


def mend_page(app, pagename, context, body):
    """Mend the body of a page, and let it load a script only if it has something for it."""
    for mend in MENDERS:
        mend(body)
    place_chapter(body, context["part"])
    if pagename != app.config.root_doc:
        state_facts(body, facts_of(app.env, pagename), notebook_of(context))
    if body.select_one(PICTURES):
        app.add_js_file("enlarge.js", defer="defer")


def notebook_of(context):
    """Return the address of the notebook behind a page, or an empty string."""
    source = context.get("sourcename", "")
    return f"{context['content_root']}_sources/{source}" if source.endswith(".ipynb") else ""
