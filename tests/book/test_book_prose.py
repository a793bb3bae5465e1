"""The prose of the project is spelled well, and calls one thing by one name.

The spelling is checked with cspell, an American dictionary and the words in
`words.txt`; `npm ci` installs it, and without it that test is skipped.
"""

import json
import os
import re
import shutil
import subprocess

import pytest
from prose import ROOT, docstrings, pieces, prose_of

CSPELL = ROOT / "node_modules" / "cspell" / "bin.mjs"
WORDS = ROOT / "tests/book/words.txt"

needs_cspell = pytest.mark.skipif(
    not os.environ.get("CI") and not (CSPELL.exists() and shutil.which("node")),
    reason="needs npm ci",
)

# The name that a thing has here, and what else it could be called.
TERMS = {
    "5%": r"\d[ \u00a0\u202f]%",
    "backpropagation": r"(?i)\bback-propagat\w+|\bback propagation\b",
    "NumPy, PyTorch, TensorFlow": r"\bNumpy\b|\b[Pp]ytorch\b|\bTensorflow\b",
    "centered difference": r"(?i)\bcentral differences?\b|\bsymmetric differences?\b",
    "cross-entropy": r"(?i)\bcross entropy\b|\bcrossentropy\b",
    "dataset": r"(?i)\bdata[- ]sets?\b",
    "elementwise": r"(?i)\belement-wise\b",
    "feedforward": r"(?i)\bfeed-forward\b",
    "hyperparameter": r"(?i)\bhyper-parameter\w*",
    "learning rate": r"(?i)\blearn rates?\b|\blearning-rates?\b",
    "log loss": r"(?i)\blog-loss\b|\blogloss\b|\blogistic loss\b",
    "log-sum-exp": r"(?i)\blog sum exp\b|\blog-sum-exponential\b",
    "mini-batch": r"(?i)\bmini ?batch\w*",
    "nonlinear": r"(?i)\bnon-linear\w*",
    "one-hot": r"(?i)\bone hot\b|\bonehot\b",
    "scikit-learn": r"(?i)\bsklearn\b|\bscikit learn\b",
    "softmax": r"(?i:\bsoft-max\b)|\bSoftMax\b",
    "pre-activation": r"(?i)\bpreactivation\w*",
}


@pytest.fixture(scope="module")
def prose():
    return pieces()


def unknown_words(text, folder):
    """The words of a text that are neither in the dictionary nor in our list."""
    listed = [line for line in WORDS.read_text("utf-8").splitlines() if not line.startswith("#")]
    settings = {
        "version": "0.2",
        "language": "en-US",
        "dictionaries": ["!companies", "!filetypes", "!softwareTerms"],
        "words": " ".join(listed).split(),
        "maxNumberOfProblems": 100_000,
        "minWordLength": 3,
    }
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "prose.txt").write_text(text, encoding="utf-8")
    switches = ("--no-progress", "--no-summary", "--words-only", "--unique")
    done = subprocess.run(
        ["node", CSPELL, "lint", *switches, "--config", "settings.json", "prose.txt"],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert not done.stderr.strip(), done.stderr
    return set(done.stdout.split())


def places(words, prose):
    """Where each of some words stands."""
    letter = "[^\\W\\d_]"
    return {
        word: [
            name
            for name, text in prose.items()
            if re.search(f"(?<!{letter}){re.escape(word)}(?!{letter})", text)
        ]
        for word in sorted(words)
    }


@needs_cspell
def test_words_are_spelled_well(prose, tmp_path):
    found = places(unknown_words("\n".join(prose.values()), tmp_path), prose)
    assert found == {}, "mend them, or add words that are right to tests/book/words.txt"


@needs_cspell
def test_a_misspelled_and_a_british_word_are_found(tmp_path):
    wrong = {"colour", "gradeint"}
    assert unknown_words("The colour of a gradeint, softmax.", tmp_path) == wrong


def faults_in_terms(text):
    """The names in a text that things do not have here."""
    return [
        f"{match.group()}: call it {term}"
        for term, others in TERMS.items()
        for match in re.finditer(others, text)
    ]


def test_one_thing_has_one_name(prose):
    faults = {name: faults_in_terms(text) for name, text in prose.items()}
    assert {name: found for name, found in faults.items() if found} == {}


def test_a_second_name_is_found():
    text = "The Cross entropy\nof mini-batches, by back-propagation."
    assert len(faults_in_terms(text)) == 2


def test_prose_is_what_is_read():
    markup = (
        "See {ref}`this place <label>` and `code`, $x^2$,\n```python\nimport os\n```\n"
        ":::{exercise} A name\n:label: ex-name\nFind [it](https://example.org/place).\n:::\n"
    )
    assert prose_of(markup).split() == "See this place and , , A name Find [it.".split()
    assert prose_of(markup).count("\n") == markup.count("\n"), "lines keep their numbers"
    source = '"""First."""\n\n\ndef f():\n    """Second.\n\n    >>> f(mathjax)\n    """\n'
    assert prose_of(docstrings(source)).split() == ["First.", "Second."]
