"""Build the book: execute the chapters, write the HTML, say where it is.

The build fails, with a status other than zero, when a cell fails, when a cell
writes to stderr, and when Sphinx warns about anything (``-n -W --keep-going``).
The cover opens in a browser when a person is there to see it.
"""

import os
import shutil
import subprocess
import sys
import webbrowser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COVER = ROOT / "_build" / "html" / "index.html"


def person_is_watching():
    """True in a terminal on a machine with a screen, outside continuous integration."""
    has_screen = sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return sys.stdout.isatty() and has_screen and not os.environ.get("CI")


def main():
    """Run jupyter-book and return its exit status."""
    program = shutil.which("jupyter-book", path=Path(sys.executable).parent)
    if program is None:
        print("jupyter-book is missing: pip install -r requirements.txt", file=sys.stderr)
        return 1
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as tools/chapter.py executes them
    status = subprocess.call([program, "build", ".", "-n", "-W", "--keep-going"], cwd=ROOT)
    if status:
        print("The book was not built: the messages above say why.", file=sys.stderr)
        return status
    print(f"\nThe book is at {COVER}")
    if person_is_watching():
        webbrowser.open(COVER.as_uri())
    return 0


if __name__ == "__main__":
    sys.exit(main())
