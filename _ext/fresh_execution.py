"""Execute the chapters again when what they run on has changed.

The execution cache knows a notebook by its own cells.  It does not see that
the package under them was edited, and would show numbers of an older `smnn`.
So the cache gets a folder whose name is a fingerprint of everything else that
decides the outputs: the package's sources, the pinned requirements and the
version of Python.  Another fingerprint is another, empty cache.  The path is
part of Sphinx's configuration, so Sphinx reads every page again as well.
"""

import hashlib
import platform
import shutil
from pathlib import Path

CACHE = ".jupyter_cache"


def fingerprint(root):
    """Return a short name for the package, the requirements and Python itself.

    Parameters
    ----------
    root : pathlib.Path
        The folder that holds `smnn/` and `requirements.txt`.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256(platform.python_version().encode())
    pins = [root / "requirements.txt", root / "constraints.txt"]
    for path in [*sorted((root / "smnn").rglob("*.py")), *pins]:
        if path.is_file():
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def key_the_cache(app, config):
    """Point the cache at the folder of today's fingerprint; drop the older ones."""
    caches = Path(app.outdir).parent / CACHE
    today = caches / fingerprint(Path(app.srcdir))
    for older in caches.glob("*"):
        if older != today:
            shutil.rmtree(older) if older.is_dir() else older.unlink()
    config.nb_execution_cache_path = str(today)


def setup(app):
    """Connect to Sphinx."""
    app.connect("config-inited", key_the_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
