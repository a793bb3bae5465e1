"""Say in one sentence what this machine lacks, before anything is installed.

This file runs under whatever Python the machine offers, so it uses no syntax
newer than Python 2.7.
"""

import sys

OLDEST = (3, 11)


def what_is_missing():
    """Return a sentence about what is missing, or None."""
    if sys.version_info < OLDEST:
        return (
            "This project needs Python %d.%d or newer, but %s is Python %d.%d. "
            "Name a newer one: make book PYTHON=python3.12"
        ) % (OLDEST + (sys.executable,) + tuple(sys.version_info[:2]))
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        return (
            "This project makes a virtual environment, but %s has no module %r. "
            "On Debian and Ubuntu, install the package python3-venv." % (sys.executable, error.name)
        )
    return None


if __name__ == "__main__":
    sys.exit(what_is_missing())
