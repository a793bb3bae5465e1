"""The built pages and their styles keep to the standards: the Nu validator says so.

It comes from npm (`npm ci`) and needs Java; without them these tests are skipped.
"""

import json
import os
import shutil
import subprocess

import pytest
from book_checks import ROOT, SITE

VALIDATOR = ROOT / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
HAS_ALL = (SITE / "index.html").exists() and VALIDATOR.exists() and shutil.which("java")

if not HAS_ALL and not os.environ.get("CI"):
    pytest.skip("needs the built book, Java and npm ci", allow_module_level=True)

# What the validator remarks and is meant to be so.
REMARKS = (
    "Trailing slash on void elements",  # Beautiful Soup writes <br/>, which is allowed
    "CSS: “paint-order”",  # a property of SVG 2, which the validator does not know yet
)


def remarks(*files):
    """What the validator says about files: where, and what."""
    command = ["java", "-jar", VALIDATOR, "--format", "json", "--stdout"]
    if files[0].suffix == ".css":
        command.append("--css")
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    found = [
        f"{message['url'].rpartition('/')[2]}, line {message.get('lastLine')}: {message['message']}"
        for message in json.loads(done.stdout)["messages"]
        if not message["message"].startswith(REMARKS)
    ]
    return sorted(set(found))


def test_pages_and_styles_are_valid():
    pages = [path for path in SITE.rglob("*.html") if "_static" not in path.parts]
    assert len(pages) > 20
    assert remarks(*pages) == []
    assert remarks(*SITE.glob("_static/*.css")) == []


def test_the_validator_finds_faults(tmp_path):
    page, style = tmp_path / "page.html", tmp_path / "style.css"
    page.write_text('<!DOCTYPE html><html lang="en"><title>A</title><p id="a"><p id="a">')
    style.write_text("p { colour: red }")
    assert any("Duplicate ID" in remark for remark in remarks(page))
    assert any("colour" in remark for remark in remarks(style))
