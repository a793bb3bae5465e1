"""Is anybody watching?  A progress bar is for a person.

A bar in a log file or in the stored output of a notebook is noise, and it makes a
page that should be the same on every machine differ.  So a bar is drawn only when a
person can see it move: standard error is a terminal, or the code runs in a live
notebook.  A notebook that a program executes (nbconvert, nbval, Jupyter Book) tells
its kernel that nobody can answer a question.  That is how the two are told apart.
"""

import os
import sys
from importlib.util import find_spec


def bar_is_wanted(show=True):
    """Whether to draw a bar: it is asked for, tqdm is there, and a person watches.

    Standard error has to be a terminal, or the code has to run in a live notebook.  The
    environment variable ``CI`` says that nobody watches.
    """
    if not show or os.environ.get("CI") or find_spec("tqdm") is None:
        return False
    return _in_live_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def _in_live_notebook():
    """Whether a notebook's frontend sits at the other end and could answer a question."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    kernel = getattr(shell, "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))
