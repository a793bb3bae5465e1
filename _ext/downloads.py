"""What a reader can take along: the site, its notebooks and the PDF, each as one file.

Every build packs the site and the notebooks; an archive opens from `file:` after
unpacking.  Then the page with a box of the class `downloads` offers what is there, each
with its size.  The PDF takes a browser and a minute, so it has its own command,
`make pdf`, which ends by making the offer again.  A PDF of other pages than these is
not offered.

The archives name no date and sort their names: the same pages give the same bytes.
"""

import hashlib
import re
import shutil
import zipfile

FOLDER = "downloads"
NAME = "from-one-neuron-to-softmax"
PDF_FOLDER = "pdf"  # beside the site: the PDF, and the fingerprint of the pages that it shows

BOX = re.compile(r'(<div class="[^"]*\bdownloads\b[^"]*">)(<!--offer-->.*?<!--/offer-->)?', re.S)
OFFERED = (
    (f"{NAME}.pdf", "PDF", "The book as one document, with bookmarks, to read or to print."),
    (f"{NAME}.zip", "Site", "These pages as they are. Unpack the file and open index.html."),
    (f"{NAME}-notebooks.zip", "Notebooks", "Every chapter as a notebook, to run and to change."),
)
# What installs the package that the notebooks import.
PACKAGE = ("pyproject.toml", "README.md", "LICENSE", "smnn/**/*", "smnn_book/**/*")

FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can name

HOW_TO_RUN = """The notebooks of the book "From One Neuron to Softmax".

They need Python 3.11 or newer.  The package that they import lies beside them.  In this folder:

    pip install jupyterlab ".[all]"
    jupyter lab

After that they run without a network.

Text: CC BY 4.0. Code: BSD 3-Clause.
"""


def without_offer(text):
    """Return the text of a page as it was before it offered anything."""
    return BOX.sub(r"\1", text)


def write_zip(target, contents):
    """Write an archive of these bytes by their names; its own bytes depend on them only."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, FIRST_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, contents[name])


def site_files(site):
    """Return what belongs to a site, by name, without what it offers for download."""
    files = {}
    for path in site.rglob("*"):
        name = path.relative_to(site).as_posix()
        if path.is_file() and not name.startswith(f"{FOLDER}/") and name != ".buildinfo":
            data = path.read_bytes()
            is_page = path.suffix == ".html"
            files[name] = without_offer(data.decode()).encode() if is_page else data
    return files


def notebook_files(files, sources):
    """Return the notebooks among the files of a site, the package, and how to run them."""
    notebooks = {
        name.removeprefix("_sources/"): data
        for name, data in files.items()
        if name.startswith("_sources/") and name.endswith(".ipynb")
    }
    package = {
        path.relative_to(sources).as_posix(): path.read_bytes()
        for pattern in PACKAGE
        for path in sources.glob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }
    return {**notebooks, **package, "README.txt": HOW_TO_RUN.encode()}


def fingerprint_of_pages(files):
    """Return a short name for the pages and the pictures of a site."""
    digest = hashlib.sha256()
    for name in sorted(files):
        if name.startswith(("book/", "_images/")) or name.endswith(".css"):
            digest.update(name.encode() + files[name])
    return digest.hexdigest()[:16]


def pack(site, files, sources):
    """Write the archives of a site, and of its notebooks, into its folder for downloads."""
    (site / FOLDER).mkdir(exist_ok=True)
    for name, kept in ((NAME, files), (f"{NAME}-notebooks", notebook_files(files, sources))):
        in_folder = {f"{name}/{path}": data for path, data in kept.items()}
        write_zip(site / FOLDER / f"{name}.zip", in_folder)


def take_pdf(site, files):
    """Copy the PDF into the folder for downloads if it shows these pages; else remove it."""
    made, offered = site.parent / PDF_FOLDER, site / FOLDER / f"{NAME}.pdf"
    mark = made / "pages.txt"
    if mark.exists() and mark.read_text() == fingerprint_of_pages(files):
        shutil.copyfile(made / f"{NAME}.pdf", offered)
    else:
        offered.unlink(missing_ok=True)


def size_of(number):
    """Return a number of bytes in words.

    Examples
    --------
    >>> size_of(1_234_567), size_of(80)
    ('1.2 MB', '1 kB')
    """
    return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{max(1, round(number / 1e3))} kB"


def offer(site):
    """Let the page with the box offer the files that are in the folder for downloads."""
    offered = "".join(
        f'<li><a href="{{root}}{FOLDER}/{name}" download>{title}</a> '
        f"<span>{size_of((site / FOLDER / name).stat().st_size)}</span> <div>{words}</div></li>"
        for name, title, words in OFFERED
        if (site / FOLDER / name).exists()
    )
    for page in site.glob("book/**/*.html"):
        text = page.read_text(encoding="utf-8")
        if BOX.search(text):
            root = "../" * (len(page.relative_to(site).parts) - 1)
            shown = f"<!--offer--><ul>{offered.format(root=root)}</ul><!--/offer-->"
            text = BOX.sub(rf"\1{shown}", text)
            page.write_text(text, encoding="utf-8")


def pack_and_offer(site, sources):
    """Pack a site that was built from these sources, and let it offer what there is."""
    files = site_files(site)
    pack(site, files, sources)
    take_pdf(site, files)
    offer(site)
