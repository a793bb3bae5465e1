"""Write `smnn/__init__.pyi`, which tells editors and type checkers the public names.

The door imports a module when one of its names is first used, and a reader of the source cannot
see through that.  The stub is made of the same table.

    python tools/stub.py            write it
    python tools/stub.py --check    exit with 1 if it is out of date
"""

import sys
from pathlib import Path

import smnn

PATH = Path(smnn.__file__).with_suffix(".pyi")


def stub():
    """Return the text of the stub."""
    lines = ["# Made by tools/stub.py from the table in __init__.py.", ""]
    lines += [f"from . import {name} as {name}" for name in sorted(smnn._MODULES)]
    for module, names in sorted(smnn._NAMES_OF_MODULE.items()):
        lines += [f"from .{module} import {name} as {name}" for name in sorted(names)]
    lines += ["", "__version__: str", "__all__: list[str]", ""]
    return "\n".join(lines)


def main():
    """Write the stub, or say that it differs."""
    if "--check" in sys.argv:
        sys.exit(PATH.read_text(encoding="utf-8") != stub() and "run python tools/stub.py")
    PATH.write_text(stub(), encoding="utf-8")


if __name__ == "__main__":
    main()
