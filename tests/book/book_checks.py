"""What every notebook and every built page must be, as functions that list the faults.

Each check takes a notebook (or the text of a page) and returns a list of sentences,
one for each fault.  ``test_book_checks.py`` shows every check a faulty notebook, so
that none of them passes everything; ``test_book_notebooks.py`` and
``test_book_site.py`` run them over the real book.
"""

import ast
import gzip
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
SITE = ROOT / "_build" / "html"

DRAGGABLE = "application/vnd.smnn.draggable+json"  # what a cell with a figure to move gives

# The slots of a chapter, in the order in which every chapter has them (second-level headings).
SLOTS = (
    "A picture",
    "A number first",
    "Derivation",
    "Code",
    "Check it",
    "Break it",
    "Questions people ask",
    "Exercises",
    "In short",
)

ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
TIMING = re.compile(r"\b\d+(\.\d+)?\s*(ns|µs|us|ms|s|sec|seconds?|minutes?|it/s)\b")
MACHINE_PATH = re.compile(r"(/home/|/Users/|/root\b|/tmp/|[A-Z]:\\Users)")
DOI = re.compile(r"10\.\d{4,9}/\S+")
WITHOUT_HTTPS = ("neuralnetworksanddeeplearning.com",)  # the book of Nielsen has http only
FENCE_OF_EXERCISE = re.compile(r"^[:`]{3,}\{exercise(?:-start)?\}", re.MULTILINE)
LABEL = re.compile(r"^:label:\s*(\S+)", re.MULTILINE)
MARKDOWN_IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\(")
FIGURE_DIRECTIVE = re.compile(r"^[:`]{3,}\{(?:figure|image)\}.*?^[:`]{3,}\s*$", re.M | re.S)


def code_cells(notebook):
    """The code cells of a notebook, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    """All the markdown of a notebook as one text."""
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def tags(cell):
    """The tags of a cell, as a set."""
    return set(cell.metadata.get("tags", []))


def is_compared(cell):
    """True when nbval compares the outputs of this cell."""
    return not tags(cell) & {"nbval-ignore-output", "nbval-skip"}


def faults_in_execution(notebook):
    """Every code cell was executed, once, from the first to the last."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    expected = list(range(1, len(counts) + 1))
    return [] if counts == expected else [f"execution counts are {counts}, not {expected}"]


def faults_in_outputs(notebook):
    """No stored output is an error or stderr; none that is compared can differ between runs."""
    faults = []
    for number, cell in enumerate(code_cells(notebook), start=1):
        for output in cell.outputs:
            if output.output_type == "error":
                faults.append(f"cell {number} stores the error {output.ename}")
            elif output.get("name") == "stderr":
                faults.append(f"cell {number} writes to stderr: {output.text[:60]!r}")
            if not is_compared(cell):
                continue
            text = output.get("text", "") or output.get("data", {}).get("text/plain", "")
            for name, pattern in (
                ("an address", ADDRESS),
                ("a timing", TIMING),
                ("a path of one machine", MACHINE_PATH),
            ):
                if match := pattern.search(text):
                    faults.append(f"cell {number} prints {name}: {match.group()!r}")
    return faults


def faults_in_pictures(notebook):
    """Every picture says in words what is to be seen, and has a number and a caption."""
    faults = []
    for number, cell in enumerate(code_cells(notebook), start=1):
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        draws = any(kind.startswith("image/") for kind in kinds)
        about = cell.metadata.get("mystnb", {})
        if draws and len(about.get("image", {}).get("alt", "").split()) < 4:
            faults.append(f"cell {number} draws a figure without alt text")
        figure = about.get("figure", {})
        if (draws or DRAGGABLE in kinds) and not (figure.get("name") and figure.get("caption")):
            faults.append(f"cell {number} draws a figure without a name or a caption")
    text = prose(notebook)
    for match in MARKDOWN_IMAGE.finditer(text):
        if not match["alt"].strip():
            faults.append(f"an image in the text has no alt text: {text[match.start() :][:40]!r}")
    for match in FIGURE_DIRECTIVE.finditer(text):
        if not re.search(r"^:alt:\s*\S", match.group(), re.MULTILINE):
            faults.append(f"a figure in the text has no alt text: {match.group()[:40]!r}")
    return faults


# Figures that show classes in the colors of classes, and what their caption or alt text calls
# these classes.  Whatever else is compared is a series and takes `plot.series_style`.
CLASSES_SHOWN = {
    "fig-bugs-shuffled": "one color per class",
    "fig-choice-buses": "red bus and blue bus",  # the colors that they are named after
    "fig-choice-voters": "seven classes",  # in the colors of the two parties
    "fig-derivative-arrows": "third class",
    "fig-derivative-nine-slopes": "probability of class i",
    "fig-hidden-xor": "two classes",
    "fig-learning-border": "two overlapping groups",  # benign and malignant
    "fig-meaning-pushes": "true class",
    "fig-random-race": "one color per winner",  # the class that wins
    "fig-softmax-simplex": "one certain class",
    "fig-softmax-temperature": "score 3 has probability 1",
    "fig-switch-gates": "filled corners from the open ones",  # the classes 1 and 0
}
COLORS_OF_CLASSES = {"class_color", "CLASS_COLORS", "CLASS_MARKERS"}
COLOR_ARGUMENTS = {"c", "color", "colors", "ec", "edgecolor", "facecolor", "fc", "mec", "mfc"}
SHADE = re.compile(r"none|white|black|[01]?\.\d+|0|1")  # no hue


def faults_in_colors(notebook):
    """Class colors show classes, gradients wear their own color, and no hue comes by itself."""
    faults = []
    for number, cell in enumerate(code_cells(notebook), start=1):
        about = cell.metadata.get("mystnb", {})
        name = about.get("figure", {}).get("name", "")
        told = f"{about.get('figure', {}).get('caption')} {about.get('image', {}).get('alt')}"
        draws = any("image/png" in output.get("data", {}) for output in cell.outputs)
        nodes = list(ast.walk(ast.parse(cell.source)))
        used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        if used & COLORS_OF_CLASSES and CLASSES_SHOWN.get(name, "?") not in told:
            faults.append(f"cell {number} has class colors, but {name or 'it'} names no classes")
        if draws and "BACKWARD" in used and not re.search("gradient|slope|derivative", told):
            faults.append(f"cell {number} has the color of gradients, but {name} names none")
        unnamed = sorted(free_colors(nodes)) if draws else []
        faults += [f"cell {number} has the color {color}" for color in unnamed]
    return faults


def free_colors(nodes):
    """The colors in a syntax tree that are neither shades of gray nor names of `smnn.plot`."""
    texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    found = {text for text in texts if re.fullmatch(r"C\d|#[0-9a-fA-F]{6}", text)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr) and getattr(node.values[0], "value", "") == "C":
            found.add(ast.unparse(node))
        elif isinstance(node, ast.keyword) and node.arg in COLOR_ARGUMENTS:
            value = getattr(node.value, "value", None)
            if isinstance(value, str) and not SHADE.fullmatch(value):
                found.add(value)
    return found


def exercise_labels(notebook):
    """The labels of the exercises of a notebook; an exercise without a label gives an empty one."""
    text = prose(notebook)
    labels = []
    for match in FENCE_OF_EXERCISE.finditer(text):
        label = LABEL.search(text, match.end(), match.end() + 200)
        labels.append(label.group(1) if label else "")
    return labels


def faults_in_exercises(notebook):
    """Every exercise has a label and, before the next one, a hint, an answer and a solution."""
    text = prose(notebook)
    starts = [match.start() for match in FENCE_OF_EXERCISE.finditer(text)]
    faults = []
    ends = [*starts, None][1:]
    for label, start, end in zip(exercise_labels(notebook), starts, ends, strict=True):
        body = text[start:end]
        if not label:
            faults.append(f"an exercise has no label: {body[:40]!r}")
        for part, pattern in (
            ("hint", r"\{dropdown\} Hint\b"),
            ("answer", r"\{dropdown\} Answer\b"),
            ("solution", r"\{solution(-start)?\} " + re.escape(label) + r"\b"),
        ):
            if not re.search(pattern, body):
                faults.append(f"exercise {label!r} has no {part}")
    return faults


def second_level_headings(notebook):
    """The headings that start with ``##``, without their marks."""
    text = re.sub(r"^(```|~~~).*?^\1", "", prose(notebook), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^## +(.+?)\s*$", text, re.MULTILINE)


def faults_in_anatomy(notebook):
    """The slots of a chapter are all there, in their order; other headings may stand between."""
    headings = second_level_headings(notebook)
    position = 0
    for slot in SLOTS:
        found = [i for i, text in enumerate(headings) if i >= position and text.startswith(slot)]
        if not found:
            return [f"no heading {slot!r} where it belongs; the headings are {headings}"]
        position = found[0] + 1
    text = prose(notebook)
    return [
        f"the box {title!r} is missing"
        for title in ("In one sentence", "You will be able to", "Further reading")
        if title not in text
    ]


def share_of_ignored_cells(notebook):
    """The share of code cells whose outputs nbval does not compare."""
    cells = code_cells(notebook)
    return sum(not is_compared(cell) for cell in cells) / max(1, len(cells))


class Page(HTMLParser):
    """What a built page loads, where it links, which ids it has and which it refers to."""

    LOADS = frozenset({"src", "srcset", "poster", "data", "background"})
    LINKS = frozenset({"href", "action", "cite"})
    LOADING_LINKS = frozenset(
        {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect"}
    )
    REFERENCES = frozenset(
        {"for", "form", "headers", "list", "aria-activedescendant", "aria-controls"}
        | {"aria-describedby", "aria-details", "aria-labelledby", "aria-owns"}
    )

    def __init__(self, text):
        super().__init__()
        self.loads, self.links, self.anchors, self.images_without_alt = [], [], set(), []
        self.ids, self.references, self.pictures = [], [], []
        self.feed(text)
        self.loads += re.findall(r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""", text)

    def handle_starttag(self, tag, attributes):
        values = {name: value or "" for name, value in attributes}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        self.ids += [values["id"]] if "id" in values else []
        for name in self.REFERENCES & set(values):
            if (tag, name) != ("mo", "form"):  # where a sign of a formula stands
                self.references += values[name].split()
        is_loading_link = set(values.get("rel", "").split()) & self.LOADING_LINKS
        kind = self.loads if tag == "link" and is_loading_link else self.links
        kind += [values[name] for name in self.LINKS & set(values)]
        if tag == "img":
            self.pictures.append(values.get("src", ""))
            if "alt" not in values:
                self.images_without_alt.append(values.get("src", ""))
        if tag != "a":
            self.loads += [values[name] for name in self.LOADS & set(values)]


def is_external(address):
    """True for an address on another machine."""
    return re.match(r"\s*(https?:|//|wss?:|ftp:)", address) is not None


def faults_in_requests(page):
    """Nothing that a page loads lies on another machine."""
    return [f"loads {address}" for address in page.loads if is_external(address)]


def file_of(path, address):
    """The file to which a page's address of its own site leads; None for other addresses."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    return target / "index.html" if target.is_dir() else target


def faults_in_links(path, pages):
    """Every link of a page to its own site leads to a file, and to an anchor that is there.

    ``pages`` maps each built file to its `Page`.
    """
    faults = []
    for link in [*pages[path].links, *pages[path].loads]:
        target, fragment = file_of(path, link), urlsplit(link).fragment
        if target is None:
            continue
        if not target.exists():
            faults.append(f"links to {link}, which is not there")
        elif fragment and target in pages and unquote(fragment) not in pages[target].anchors:
            faults.append(f"links to {link}, but {target.name} has no such anchor")
    return faults


def faults_in_ids(page):
    """No id stands twice on a page, and what refers to an id finds it."""
    twice = [name for name, count in Counter(page.ids).items() if count > 1]
    missing = sorted(set(page.references) - set(page.ids))
    return [f"has the id {name!r} twice" for name in twice] + [
        f"refers to the id {name!r}, which is not there" for name in missing
    ]


def faults_in_address(address):
    """An address on another machine is complete and has the form of its kind."""
    parts = urlsplit(address)
    faults = []
    if parts.scheme != "https" and parts.hostname not in WITHOUT_HTTPS:
        faults.append(f"{address} is not https")
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}", parts.hostname or ""):
        faults.append(f"{address} names no host of the public network")
    if re.search(r"[.,;:!?'\"]$|\s", address):
        faults.append(f"{address} has a space in it or a mark at its end")
    if parts.hostname == "doi.org" and not DOI.fullmatch(unquote(parts.path[1:])):
        faults.append(f"{address} is no DOI")
    return faults


def weight(path, page):
    """The bytes that a page brings by itself, as they are sent: its text and its pictures."""
    own = {file_of(path, address) for address in page.pictures} - {None, path}
    text = len(gzip.compress(path.read_bytes(), mtime=0))
    return text + sum(file.stat().st_size for file in own)
