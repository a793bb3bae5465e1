"""Write the table of floors in CONTRIBUTING.md from the contract in pyproject.toml.

python tools/floors.py            write it
python tools/floors.py --check    exit with 1 if it is out of date
"""

import sys
import tomllib
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- floors -->", "<!-- end of floors -->"


def table():
    """Return the floors from the ground up, each room with the first line of its docstring."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = contracts["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["id"] == "floors")
    lines = ["| floor | room | what it is |", "|---|---|---|"]
    for floor, layer in enumerate(reversed(layers)):
        for room in sorted(layer.split(" | ")):
            module = import_module(f"smnn.{room}")
            is_folder = hasattr(module, "__path__")
            what = module.__doc__.strip().splitlines()[0].rstrip(".")
            lines.append(f"| {floor} | `{room}{'/' if is_folder else '.py'}` | {what} |")
    return "\n".join(lines)


def main():
    """Write the table, or say that it differs."""
    path = ROOT / "CONTRIBUTING.md"
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if "--check" in sys.argv:
        sys.exit(text != wanted and "the table of floors is out of date: python tools/floors.py")
    path.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
