"""Build again whatever has changed, and nothing else.

Sphinx sees that the text of a page has changed, and the execution cache sees that
the cells of a notebook have.  Two things escape them.

The package under a notebook may be edited; the cache would go on showing numbers
of the older `smnn`.  So the cache gets a folder whose name is a fingerprint of all
else that decides the outputs: the package's sources, the pinned requirements, and
the versions of Python and of what computes and draws.  Another fingerprint is another,
empty cache; so the versions at hand are always those that executed the cells.

The style, the scripts and these extensions may be edited; Sphinx would write no
page, and not even copy the new style.  So their fingerprint is a value of the
configuration on which the written pages depend; for those that draw the outputs of cells
it is one on which the pages depend that were read.
"""

import hashlib
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CACHE = ".jupyter_cache"
OUTPUTS_DEPEND_ON = (
    "smnn/**/*.py",
    "smnn_book/**/*.py",
    "smnn_book/data/*",
    "smnn_book/draggable/*.js",
    "_ext/kernel_pictures.py",
    "requirements.txt",
    "constraints.txt",
)
EXECUTED_WITH = ("numpy", "numba", "scipy", "scikit-learn", "matplotlib", "mlxtend", "ipykernel")
PAGES_DEPEND_ON = ("assets/**/*", "_ext/*.py", "_ext/theme/*")
# What is made of the outputs of cells while the pages are read, and is kept with them.
OUTPUTS_ARE_DRAWN_BY = (
    "_ext/cell_pictures.py",
    "_ext/draggable_figures.py",
    "_ext/printed_lines.py",
)


def versions():
    """Return the versions of what executes the notebooks, by name."""
    found = {"Python": platform.python_version()}
    for name in EXECUTED_WITH:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def fingerprint(root, patterns):
    """Return a short name for the files of some patterns below a folder, and for the versions."""
    digest = hashlib.sha256(repr(versions()).encode())
    for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
        if path.is_file():
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def note_fingerprints(app, config):
    """Point the cache at the folder of today's fingerprint, and drop the older ones."""
    root, caches = Path(app.srcdir), Path(app.outdir).parent / CACHE
    today = caches / fingerprint(root, OUTPUTS_DEPEND_ON)
    for older in caches.glob("*"):
        if older != today:
            shutil.rmtree(older) if older.is_dir() else older.unlink()
    config.nb_execution_cache_path = str(today)
    config.look_of_the_outputs = fingerprint(root, OUTPUTS_ARE_DRAWN_BY)
    config.look_of_the_site = fingerprint(root, PAGES_DEPEND_ON)


def setup(app):
    """Connect to Sphinx."""
    app.add_config_value("look_of_the_outputs", "", "env", str)
    app.add_config_value("look_of_the_site", "", "html", str)
    app.connect("config-inited", note_fingerprints)
