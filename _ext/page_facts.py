"""What a page tells about itself, gathered while the pages are read.

The box *In one sentence* of a chapter is also its description for search
engines, and the sentence under the link that leads to it from the chapter
before.  The reading time and the number of exercises stand under the title; the time
is the author's where the text states one, and measured elsewhere.
"""

import re

from docutils import nodes
from sphinx_exercise.nodes import is_exercise_node, solution_node

READING_TIME = re.compile(r"Reading time:\s*(\d+)\s*minutes?\.?\s*")
WORDS_A_MINUTE = 200
SECONDS_A_FORMULA = 12
SECONDS_A_CODE_BLOCK = 30
FOLDS_OF_EXERCISES = frozenset({"Hint", "Answer"})


def one_sentence(doctree, boxes):
    """Return the first paragraph of the box *In one sentence*, or of the page."""
    for place in (*boxes, doctree):
        for paragraph in place.findall(nodes.paragraph):
            return " ".join(paragraph.astext().split())
    return ""


def is_passed_over(node):
    """Whether a reader passes over a part: an output, folded code, or help with an exercise."""
    if isinstance(node, solution_node):
        return True
    if not isinstance(node, nodes.container):
        return False
    if node.get("design_component") == "dropdown":
        title = node.next_node(nodes.rubric)
        return title is not None and title.astext() in FOLDS_OF_EXERCISES
    if node.get("nb_element") == "cell_code_source":
        return node.parent.get("hide_mode") in ("input", "all")
    return node.get("nb_element") == "cell_code_output"


def what_is_read(node):
    """Yield a node and all below it, without the parts that are passed over."""
    if not is_passed_over(node):
        yield node
        for child in node.children:
            yield from what_is_read(child)


def reading_minutes(doctree):
    """Measure the reading time of a page in minutes, at least one.

    Words are counted in the text only: a displayed formula and a block of code are read
    at another speed, and count as a fixed time each.
    """
    not_words = (nodes.math, nodes.math_block, nodes.literal_block, nodes.raw)
    words = formulas = blocks = 0
    for node in what_is_read(doctree):
        if isinstance(node, nodes.Text) and not isinstance(node.parent, not_words):
            words += len(node.split())
        formulas += isinstance(node, nodes.math_block)
        blocks += isinstance(node, nodes.literal_block)
    seconds = 60 * words / WORDS_A_MINUTE
    seconds += SECONDS_A_FORMULA * formulas + SECONDS_A_CODE_BLOCK * blocks
    return max(1, round(seconds / 60))


def stated_minutes(doctree):
    """Return the reading time that the author states, or None."""
    match = READING_TIME.search(doctree.astext())
    return int(match.group(1)) if match else None


def gather_facts(app, doctree):
    """Note the facts of a page in Sphinx's own record of that page."""
    boxes = [box for box in doctree.findall(nodes.admonition) if "one-sentence" in box["classes"]]
    app.env.metadata[app.env.docname]["book_facts"] = {
        "is_chapter": bool(boxes),
        "sentence": one_sentence(doctree, boxes),
        "minutes": stated_minutes(doctree) or reading_minutes(doctree),
        "exercises": sum(map(is_exercise_node, doctree.findall())),
    }


def facts_of(env, docname):
    """Return the facts of a page; empty for pages that no source stands behind."""
    return env.metadata.get(docname, {}).get("book_facts", {})


# ------------------------------------------------------------------ its place in the book


def pages_in_order(env, docname):
    """Yield the pages below a page, in the order of the contents."""
    for below in env.toctree_includes.get(docname, ()):
        yield below
        yield from pages_in_order(env, below)


def number_of(env, docname):
    """Return the number of a chapter; empty for a page that has none."""
    return ".".join(map(str, env.toc_secnumbers.get(docname, {}).get("", ())))
