"""Build the book: execute the chapters, write the HTML, say where it is.

A line for each chapter says that it is executed.  All that the programs say is kept in
`_build/build.log`; what they warn of is shown.  The build fails, with a status other than
zero, when a cell fails, when a cell writes to stderr, and when Sphinx warns about anything
(``-n -W --keep-going``).  The cover opens in a browser when a person is there to see it.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import webbrowser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COVER = ROOT / "_build" / "html" / "index.html"
LOG = ROOT / "_build" / "build.log"
COLORS = re.compile(r"\x1b\[[0-9;]*m")


def person_is_watching():
    """True in a terminal on a machine with a screen, outside continuous integration."""
    has_screen = sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return sys.stdout.isatty() and has_screen and not os.environ.get("CI")


def spoken(line):
    """Return what a person wants to know of a line of the log; nothing of most.

    Examples
    --------
    >>> spoken("/home/a/book/many-classes/softmax.ipynb: Executing notebook using local CWD")
    'executing many-classes/softmax'
    >>> spoken("writing output... [ 9%] book/index")
    """
    line = COLORS.sub("", line).strip()
    if chapter := re.match(r".*?book/(\S+)\.ipynb: Executing notebook", line):
        return f"executing {chapter[1]}"
    if re.search(r"\b(WARNING|ERROR|CRITICAL|Traceback|Error):?", line):
        return line
    return None


def run(command, log):
    """Run a program; keep what it says in a file, and say what of it matters."""
    log.parent.mkdir(exist_ok=True)
    begun = time.monotonic()
    with (
        log.open("w", encoding="utf-8", buffering=1) as kept,
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as program,
    ):
        for line in program.stdout:
            kept.write(line)
            if words := spoken(line):
                print(f"{time.monotonic() - begun:4.0f} s  {words}", flush=True)
    return program.returncode


def main():
    """Run jupyter-book and return its exit status."""
    program = shutil.which("jupyter-book", path=Path(sys.executable).parent)
    if program is None:
        print("jupyter-book is missing: pip install -r requirements.txt", file=sys.stderr)
        return 1
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as tools/chapter.py executes them
    status = run([program, "build", ".", "-n", "-W", "--keep-going"], LOG)
    if status:
        print(f"The book was not built.  All that was said is in {LOG}; its end:", file=sys.stderr)
        print("".join(LOG.read_text(encoding="utf-8").splitlines(True)[-30:]), file=sys.stderr)
        return status
    print(f"\nThe book is at {COVER}")
    if person_is_watching():
        webbrowser.open(COVER.as_uri())
    return 0


if __name__ == "__main__":
    sys.exit(main())
