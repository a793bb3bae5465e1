"""The built site: it loads nothing from elsewhere, and no link of it is broken.

``make test`` builds the site first.  Without it these tests are skipped, except in
continuous integration, where a missing site is a failure.
"""

import os

import pytest
from book_checks import (
    DOI,
    ROOT,
    SITE,
    Page,
    faults_in_address,
    faults_in_ids,
    faults_in_links,
    faults_in_requests,
    is_external,
    weight,
)
from pybtex.database import parse_file

if not (SITE / "index.html").exists() and not os.environ.get("CI"):
    pytest.skip("the book is not built: run make book", allow_module_level=True)

# In bytes: a page as it is sent, its text compressed; what pages share as it lies on the disk.
HEAVIEST_PAGE = 180_000
HEAVIEST_SHARED_PART = 2_000_000

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


def test_ids_are_unique_and_are_found(pages):
    faults = {path.name: faults_in_ids(page) for path, page in pages.items()}
    assert {name: found for name, found in faults.items() if found} == {}


def test_links_to_elsewhere_are_well_formed(pages):
    addresses = {link for page in pages.values() for link in page.links if is_external(link)}
    assert len(addresses) > 20
    assert [fault for link in sorted(addresses) for fault in faults_in_address(link)] == []


def test_sources_have_well_formed_addresses():
    entries = parse_file(ROOT / "references.bib").entries.values()
    fields = [(entry.fields.get("url"), entry.fields.get("doi")) for entry in entries]
    assert [doi for _, doi in fields if doi and not DOI.fullmatch(doi)] == []
    assert [fault for url, _ in fields if url for fault in faults_in_address(url)] == []


def test_pages_are_light(pages):
    weights = {path.name: weight(path, page) for path, page in pages.items()}
    heaviest = max(weights, key=weights.get)
    shared = sum(path.stat().st_size for path in (SITE / "_static").rglob("*.*"))
    print(f"the heaviest page is {heaviest}: {weights[heaviest] / 1000:.0f} kB;")
    print(f"styles and scripts of the whole site: {shared / 1000:.0f} kB")
    assert {name: size for name, size in weights.items() if size > HEAVIEST_PAGE} == {}
    assert shared < HEAVIEST_SHARED_PART


def test_images_have_alt_text(pages):
    faults = {path.name: page.images_without_alt for path, page in pages.items()}
    assert {name: found for name, found in faults.items() if found} == {}
