"""The built site: it loads nothing from elsewhere, and no link of it is broken.

``make test`` builds the site first.  Without it these tests are skipped, except in
continuous integration, where a missing site is a failure.
"""

import os

import pytest
from book_checks import SITE, Page, faults_in_links, faults_in_requests, is_external

if not (SITE / "index.html").exists() and not os.environ.get("CI"):
    pytest.skip("the book is not built: run make book", allow_module_level=True)

PATHS = sorted(SITE.rglob("*.html"))


@pytest.fixture(scope="module")
def pages():
    return {path: Page(path.read_text(encoding="utf-8")) for path in PATHS}


def test_the_site_is_built():
    assert (SITE / "index.html").exists()
    assert (SITE / "book" / "index.html").exists()


def test_pages_load_nothing_from_elsewhere(pages):
    faults = {path.name: faults_in_requests(page) for path, page in pages.items()}
    assert {name: found for name, found in faults.items() if found} == {}


def test_style_sheets_load_nothing_from_elsewhere():
    loads = {
        path.name: [address for address in Page(path.read_text(encoding="utf-8")).loads]
        for path in SITE.rglob("*.css")
    }
    assert {n: f for n, found in loads.items() if (f := [a for a in found if is_external(a)])} == {}


def test_internal_links_lead_somewhere(pages):
    faults = {
        path.relative_to(SITE).as_posix(): faults_in_links(path, pages)
        for path in PATHS
        if "_static" not in path.parts
    }
    assert {name: found for name, found in faults.items() if found} == {}


def test_images_have_alt_text(pages):
    faults = {path.name: page.images_without_alt for path, page in pages.items()}
    assert {name: found for name, found in faults.items() if found} == {}
