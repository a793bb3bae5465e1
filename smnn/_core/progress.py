"""Whether to draw a progress bar: only where a person can see it move.

A bar in a log file or in the stored output of a notebook is noise, and it makes a
page that should be the same on every machine differ.  So a bar is drawn only when
standard error is a terminal, or the code runs in a live notebook.  A notebook that a program
executes (nbconvert, nbval, Jupyter Book) tells its kernel that nobody can answer a question;
that is how the two are told apart.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec


def bar_is_wanted(show: bool = True) -> bool:
    """Return whether to draw a bar: it is asked for, tqdm is installed, and a person watches.

    Standard error has to be a terminal, or the code has to run in a live notebook.  The
    environment variable ``CI`` says that nobody watches.
    """
    if not show or os.environ.get("CI") or find_spec("tqdm") is None:
        return False
    return _in_live_notebook() or _is_terminal(sys.stderr)


def _is_terminal(stream):
    try:
        return bool(stream.isatty())
    except (AttributeError, OSError, ValueError):  # None, a stand-in for a file, or closed
        return False


def _in_live_notebook():
    """Return whether a notebook's frontend is connected and could answer a question."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    kernel = getattr(shell, "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))
