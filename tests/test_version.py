"""The version is said in three places, and its day in two."""

import re
from pathlib import Path

import smnn

ROOT = Path(__file__).resolve().parents[1]


def read(name, pattern):
    """Return the groups of the first match of a pattern in a file, or None."""
    found = re.search(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    return found and found.groups()


def test_changelog_citation_and_package_agree():
    version, day = read("CHANGELOG.md", r"^## ([^,\n]+), (.+)$")
    assert (version,) == read("CITATION.cff", r"^version: (.+)$")
    assert version == smnn.__version__
    released = None if day == "not yet released" else (day,)
    assert released == read("CITATION.cff", r"^date-released: (.+)$")
