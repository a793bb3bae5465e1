"""Typeset the formulas when the site is built, as MathML.

MathJax reads the TeX, in an engine for JavaScript that a wheel brings, and writes
MathML; every browser of today draws that by itself, with the font in `assets/fonts`.
So a page needs no script for its formulas: they are there at once, also without scripts,
screen readers speak them, and whoever copies one gets its TeX, which `alttext` keeps.

What browsers draw is *MathML Core*, which leaves out what MathJax would do while it draws:
alphabets are letters of Unicode there, and a sign has the spaces of a dictionary instead of
those of TeX.  `to_core` closes the gap.
"""

import atexit
import json
import re
import unicodedata
from contextlib import suppress
from functools import cache
from html import escape
from importlib.metadata import distribution
from xml.etree import ElementTree

from docutils import nodes
from py_mini_racer import MiniRacer
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

PARTS = ("startup", "core", "adaptors/liteDOM", "input/tex-full")
PACKAGES = ("base", "ams", "newcommand", "boldsymbol")
START = """
globalThis.MathJax = {
  loader: { load: [] },
  startup: { typeset: false, ready() {} },
  tex: { packages: %s, formatError(jax, error) { throw Error(error.message); } },
};
"""
READY = """
Object.assign(MathJax.config.startup, { input: ["tex"], output: null, adaptor: "liteAdaptor" });
MathJax.startup.getComponents();
MathJax.startup.makeMethods();
"""

# As MathML names them; Unicode has letters for each.
ALPHABETS = ("bold", "script", "double-struck", "sans-serif", "bold-italic", "monospace")
APPLY = "\N{FUNCTION APPLICATION}"
ACCENTS = frozenset("^~¯˙¨ˇ→´`ˉ―‾")
THIN = "0.1667em"
ROWS = ("math", "mrow", "mtd", "mstyle", "mpadded", "msqrt", "menclose")
LONG, SHORT = 18, 6  # letters of a formula that is parted, and of its shortest pieces
OPENING, CLOSING = ("(", "[", "{"), (")", "]", "}")
PARTING = ("=", "≈", "≠", "<", ">", "≤", "≥", "→", "←", "−", "+")
SCRIPTED = ("msub", "msup", "msubsup", "munder", "mover", "munderover")
NAMESPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'  # HTML knows it without


class FormulaError(ValueError):
    """TeX that MathJax cannot read."""


@cache
def engine():
    """Return MathJax, ready to read TeX."""
    context = MiniRacer()
    atexit.register(context.close)  # or Python waits for it when it ends
    context.eval(START % json.dumps(PACKAGES))
    package = distribution("sphinx-mathjax-offline")
    folder = package.locate_file("sphinx-mathjax-offline/static/mathjax")
    for name in PARTS:
        context.eval((folder / f"{name}.js").read_text("utf-8") + "\n;0")
    context.eval(READY + ";0")
    return context


@cache
def read(tex, display):
    """Return what MathJax writes for a formula."""
    call = f"MathJax.tex2mml({json.dumps(tex)}, {{ display: {json.dumps(display)} }})"
    guarded = f"(() => {{ try {{ return {call} }} catch (error) {{ return `!${{error}}` }} }})()"
    answer = engine().eval(guarded)
    if answer.startswith("!"):
        raise FormulaError(f"MathJax cannot read {tex.strip()!r}: {answer[1:]}")
    return answer


@cache
def typeset(tex, display=False):
    r"""Return a formula in MathML: one element `math`, whose `alttext` is the TeX.

    Examples
    --------
    >>> typeset("x")
    '<math alttext="x"><mi>x</mi></math>'
    >>> typeset(r"\mathbf{x}")
    '<math alttext="\\mathbf{x}"><mi>𝐱</mi></math>'
    """
    return as_text(core(tex, display), tex)


def in_words(tex):
    r"""Return the letters and signs of a formula, as an excerpt of the search shows them.

    Examples
    --------
    >>> in_words(r"\ell = -\log p_k")
    'ℓ=−log pk'
    """
    words = "".join(core(tex, False).itertext())
    return words.replace(APPLY, " ")


def core(tex, display):
    """Return a formula as a tree of MathML Core."""
    tree = ElementTree.fromstring(read(tex, display).replace(NAMESPACE, ""))
    to_core(tree)
    return tree


def as_text(tree, tex):
    """Return a tree as text, with its TeX if there is some."""
    if tex:
        tree.set("alttext", " ".join(tex.split()))
    return ElementTree.tostring(tree, encoding="unicode", short_empty_elements=False)


@cache
def typeset_in_line(tex):
    """Return a formula in MathML that may part into lines before its signs, if it is long.

    Browsers part no element `math`.  So a long formula is several; the first has the TeX.
    """
    first, *others = parted(core(tex, False))
    return as_text(first, tex) + "".join("<wbr>" + as_text(part, "") for part in others)


def parted(tree):
    """Return a formula in pieces, each of which begins with a sign outside of brackets."""
    if len("".join(tree.itertext())) <= LONG:
        return [tree]
    pieces, depth = [ElementTree.Element("math")], 0
    for child in list(tree):
        sign = child.text if child.tag == "mo" else None
        depth += (sign in OPENING) - (sign in CLOSING)
        may_part = not depth and sign in PARTING and child.get("form") != "prefix"
        if may_part and len("".join(pieces[-1].itertext())) >= SHORT:
            pieces.append(ElementTree.Element("math"))
            child.set("form", "infix")
        pieces[-1].append(child)
    return pieces


def to_core(tree):
    """Say in MathML Core what MathJax would do while it draws, in place."""
    for element in tree.iter():
        element.tail = None
        if len(element):
            element.text = None
    space_signs(tree)
    for element in tree.iter():
        if element.text:
            element.text = in_alphabet(element)
        mend_element(element)
    for element in tree.iter():
        for name in [name for name in element.attrib if name.startswith("data-mjx")]:
            del element.attrib[name]
    drop_groups_of_one(tree)


def in_alphabet(element):
    """Return the text of an element in the letters of its alphabet."""
    text, variant = element.text, element.get("mathvariant")
    if variant in ALPHABETS:
        del element.attrib["mathvariant"]
        return "".join(letter_of(variant, letter) for letter in text)
    if variant and not (variant == "normal" and element.tag == "mi" and len(text) == 1):
        del element.attrib["mathvariant"]
    return text


def letter_of(alphabet, letter):
    """Return the letter of an alphabet that stands for an ASCII letter or digit.

    Examples
    --------
    >>> letter_of("bold", "x"), letter_of("script", "L"), letter_of("bold", "+")
    ('𝐱', 'ℒ', '+')
    """
    name = unicodedata.name(letter, "").replace("LATIN ", "").replace("LETTER ", "")
    name = f"{alphabet.upper()} {name}".replace("BOLD-", "BOLD ")
    for begin in ("MATHEMATICAL ", ""):  # some letters are older than the alphabets
        with suppress(KeyError):
            return unicodedata.lookup(begin + name)
    return letter


def space_signs(tree):
    """Give signs and names of functions the spaces that they have in TeX, in place."""
    for row in list(tree.iter()):
        if row.tag not in ROWS:
            continue
        before = None
        for child in list(row):
            if child.tag == "mo" and child.text in ("−", "+", "±", "∓") and may_be_signed(before):
                child.set("form", "prefix")
            if is_function(child):
                space_function(row, list(row).index(child))
            if not is_space(child):
                before = child


def is_function(element):
    """Tell whether an element is the name of a function, such as log, with its indices."""
    while element.tag in SCRIPTED:
        element = element[0]
    is_name = element.tag in ("mi", "mo") and len(element.text or "") > 1 and element.text.isalpha()
    return is_name and "mathvariant" not in element.attrib


def is_space(element):
    """Tell whether an element is only a space."""
    while element.tag == "mstyle" and len(element) == 1:
        element = element[0]
    return element.tag == "mspace"


def may_be_signed(before):
    """Tell whether a minus after this element is a sign: after a relation, not after a letter."""
    if before is None:
        return True
    ends = before.get("data-mjx-texclass") in ("CLOSE", "ORD")
    return before.tag == "mo" and not ends and before.text not in (")", "]", "}", "!", "′")


def space_function(row, at):
    """Put thin spaces around the name of a function, as TeX does unless a bracket follows."""
    for sign in row[at].iter("mo"):
        sign.set("lspace", "0")
        sign.set("rspace", "0")
    end = at + 1
    if end < len(row) and row[end].text == APPLY:
        end += 1
    after = row[end] if end < len(row) else None
    if after is not None and not opens(after) and after.tag not in ("mspace", "mstyle", "mo"):
        row.insert(end, ElementTree.Element("mspace", width=THIN))
    before = row[at - 1] if at else None
    if before is not None and (before.tag not in ("mo", "mspace", "mstyle") or closes(before)):
        row.insert(at, ElementTree.Element("mspace", width=THIN))


def opens(element):
    """Tell whether an element is, or begins with, an opening bracket."""
    while len(element) and element.tag in ("mrow", "mstyle", *SCRIPTED):
        element = element[0]
    return element.tag == "mo" and element.text in ("(", "[", "{", "|", "‖", "⟨")


def closes(element):
    """Tell whether an element is a closing bracket."""
    return element.tag == "mo" and element.text in (")", "]", "}", "|", "⟩")


def mend_element(element):
    """Mend what MathML Core draws in another way, one element in place."""
    if element.tag == "mo" and (element.get("data-mjx-texclass") == "ORD" or element.text == "|"):
        element.set("lspace", "0")
        element.set("rspace", "0")
    if element.tag in ("mover", "munder") and len(element) == 2:
        over = element[1]
        if over.tag == "mo" and (over.text in ACCENTS or over.get("accent") == "true"):
            element.set("accent" if element.tag == "mover" else "accentunder", "true")
    if element.tag == "mtable":
        mend_table(element)
    if element.tag == "menclose":
        element.tag, element.attrib = "mrow", {"class": "boxed"}


def mend_table(table):
    """Write how the columns of a table stand as classes, which the style sheet knows."""
    aligns = table.attrib.pop("columnalign", "center").split()
    spacing = ["", *table.attrib.pop("columnspacing", "1em").split()]
    for name in ("rowspacing", "side", "minlabelspacing", "columnlines", "width"):
        table.attrib.pop(name, None)
    for row in table:
        for k, cell in enumerate(row):
            align = aligns[min(k, len(aligns) - 1)]
            gap = {"0": "close", "2": "far"}.get(spacing[min(k, len(spacing) - 1)][:1])
            classes = [align if align != "center" else None, gap]
            if any(classes):
                cell.set("class", " ".join(filter(None, classes)))


def drop_groups_of_one(tree):
    """Take out the rows that hold one element and say nothing about it, in place."""
    for parent in list(tree.iter()):
        for k, child in enumerate(list(parent)):
            while len(child) == 1 and says_nothing(child):
                child = child[0]
            parent[k] = child


def says_nothing(group):
    """Tell whether a group only holds its one element: a row, or a style of a space."""
    return (group.tag == "mrow" and not group.attrib) or (
        group.tag == "mstyle" and group[0].tag == "mspace"
    )


# ------------------------------------------------------------------ what Sphinx asks for


def shown(tex, node, display=False):
    """Return a formula in MathML; a formula that cannot be read is a warning, and stays TeX."""
    try:
        return typeset(tex, True) if display else typeset_in_line(tex)
    except FormulaError as error:
        logger.warning("%s", error, location=node)
        return f"<code>{escape(tex)}</code>"


def without_tag(tex):
    r"""Return a formula without its `\tag{...}`, and what the tag says.

    Examples
    --------
    >>> without_tag(r"a = b \tag{BP1}")
    ('a = b ', 'BP1')
    """
    match = re.search(r"\\tag\{([^}]*)\}", tex)
    return (tex, "") if match is None else (tex.replace(match.group(), ""), match.group(1))


def side_by_side(tex):
    r"""Return the formulas that stand in one line with a wide space between them.

    Examples
    --------
    >>> side_by_side(r"a = 1, \qquad b = \begin{cases} 1 \qquad 2 \end{cases}")
    ['a = 1,', 'b = \\begin{cases} 1 \\qquad 2 \\end{cases}']
    """
    formulas, depth = [""], 0
    for part in re.split(r"(\\q?quad\b|\\begin\b|\\end\b|\\left\b|\\right\b|\\.|[{}])", tex):
        depth += part in ("{", r"\begin", r"\left")
        depth -= part in ("}", r"\end", r"\right")
        if part in (r"\quad", r"\qquad") and not depth:
            formulas.append("")
        else:
            formulas[-1] += part
    return [formula.strip() for formula in formulas if formula.strip()]


def in_lines(tex):
    """Return a displayed formula with its paragraphs and lines under each other, as Sphinx does."""
    parts = [part.strip() for part in tex.split("\n\n") if part.strip()]
    parts = [
        rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part and r"\begin" not in part else part
        for part in parts
    ]
    if len(parts) == 1:
        return parts[0]
    return r"\begin{gathered}" + r" \\ ".join(parts) + r"\end{gathered}"


def visit_inline(writer, node):
    """Write a formula within a line."""
    formula = shown(node.astext(), node)
    writer.body.append(f'<span class="math notranslate nohighlight">{formula}</span>')
    raise nodes.SkipNode


def visit_display(writer, node):
    """Write a formula that has lines of its own, with its number."""
    tex, tag = without_tag(node.astext())
    writer.body.append(writer.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        number = get_node_equation_number(writer, node)
        writer.body.append(f'<span class="eqno">({number})')
        writer.add_permalink_ref(node, "Link to this equation")
        writer.body.append("</span>")
    elif tag:
        writer.body.append(f'<span class="eqno">({escape(tag)})</span>')
    tex = tex if node["nowrap"] else in_lines(tex)
    formulas = [tex] if node["number"] or tag else side_by_side(tex)
    writer.body.extend(shown(formula, node, display=True) for formula in formulas)
    writer.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Offer the typesetter to Sphinx, under a name that `_config.yml` chooses."""
    app.add_html_math_renderer(
        "mathml", inline_renderers=(visit_inline, None), block_renderers=(visit_display, None)
    )
