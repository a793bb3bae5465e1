"""The house rules: imports go down, who may import what, no assert, and a light door.

The floors are contracts in pyproject.toml, which import-linter holds.
"""

import ast
import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import smnn

PACKAGE = Path(smnn.__file__).parent
ROOT = PACKAGE.parent

# Packages beside NumPy and the standard library, and the only rooms that may import them.
GUESTS = {
    "numba": {"_kernels"},
    "llvmlite": {"_kernels"},
    "sklearn": {"estimator", "datasets"},
    "scipy": {"estimator"},
    "matplotlib": {"plot"},
    "matplotlib_inline": {"plot"},
    "tqdm": {"_core", "training", "datasets", "__main__"},
    "pooch": {"datasets"},
    "mlxtend": {"datasets"},
    "safetensors": {"_core"},
    "dask": {"dask", "estimator"},
}
# The rooms that cannot be imported without their guests; in all others the import stands in
# the function that needs it.
AT_THE_TOP = {
    "_kernels": {"numba", "llvmlite"},
    "estimator": {"sklearn"},
    "plot": {"matplotlib"},
}
# What the tests of the package may import at their top: the group test of pyproject.toml, what
# the extras bring, and this repository without what builds the book.
HERE = {"smnn", "benchmarks", "tools"}
HOSTS = HERE | {*GUESTS, "numpy", "pandas", "pytest", "hypothesis", "mpmath"}
# "layers/dense" for a file in a folder.
FILES = sorted(str(path.relative_to(PACKAGE).with_suffix("")) for path in PACKAGE.rglob("*.py"))


def imports(source):
    """Yield (package, at the top of the file) for every import from outside."""
    tree = ast.parse(source)
    top = {id(node) for node in tree.body}
    for guarded in tree.body:
        if isinstance(guarded, ast.Try | ast.If):
            top |= {id(node) for node in ast.walk(guarded)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module]
        else:
            continue
        for module in modules:
            yield module.partition(".")[0], id(node) in top


def faults(name, source):
    """Return what is wrong with the imports of one file, in words."""
    found = []
    room = name.split("/")[0]
    for package, at_top in imports(source):
        if package in ("numpy", "smnn") or package in sys.stdlib_module_names:
            continue
        if room not in GUESTS.get(package, ()):
            found.append(f"{name} imports {package}, which only {GUESTS.get(package)} may")
        elif at_top and package not in AT_THE_TOP.get(room, ()):
            found.append(f"{name} imports {package} at its top: import it where it is needed")
    return found


@pytest.mark.skipif(
    not shutil.which("lint-imports", path=Path(sys.executable).parent), reason="needs import-linter"
)
def test_imports_go_down():
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


def test_the_table_of_floors_is_the_contract():
    command = [sys.executable, "tools/floors.py", "--check"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("name", FILES)
def test_guests_stay_in_their_rooms(name):
    assert faults(name, (PACKAGE / f"{name}.py").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "name, source",
    [
        ("layers/dense", "import numba"),
        ("layers/dense", "try:\n    import sklearn.base\nexcept ImportError:\n    pass"),
        ("plot/charts", "import scipy"),
        ("datasets/loaders", "import sklearn.datasets"),
        ("_kernels/passes", "import scipy"),
    ],
)
def test_the_check_finds_what_is_wrong(name, source):
    assert len(faults(name, source)) == 1


@pytest.mark.parametrize(
    "name, source",
    [
        ("layers/dense", "import math\nimport numpy as np\nfrom .. import activations"),
        ("_kernels/passes", "import numba\nfrom . import memory"),
        ("datasets/loaders", "def load():\n    import sklearn.datasets"),
        ("estimator/classifier", "from sklearn.base import x"),
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


def test_the_stub_names_what_the_door_does():
    command = [sys.executable, "tools/stub.py", "--check"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def test_every_public_function_has_types():
    """Parameters and result, so that an editor can say what a call takes."""
    for name in smnn.__all__:
        value = getattr(smnn, name)
        if inspect.isroutine(value):
            signature = inspect.signature(value)
            untyped = [p.name for p in signature.parameters.values() if p.annotation is p.empty]
            assert untyped == [] and signature.return_annotation is not signature.empty, name


@pytest.mark.parametrize("path", sorted((ROOT / "tests").glob("*.py")), ids=lambda path: path.stem)
def test_tests_of_the_package_need_nothing_of_the_book(path):
    known = HOSTS | sys.stdlib_module_names | {other.stem for other in path.parent.glob("*.py")}
    found = {package for package, at_top in imports(path.read_text(encoding="utf-8")) if at_top}
    assert found <= known, f"{path.name} imports {found - known}: does it belong in tests/book?"
