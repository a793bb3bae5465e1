"""The public names of the package, and which of them a piece of code uses.

The door of the package, `smnn.__all__`, holds the names that stand directly below
`smnn`.  Pictures and functions on Dask arrays stay in their modules, and are known as
`plot.simplex` for instance.
Which names a chapter uses is read off the syntax trees of its cells, so that no list
has to be kept.
"""

import ast
from importlib import import_module

import smnn

MODULES = ("dask", "plot")


def public_names():
    """Return the public names, as they are written after ``smnn.``, in a set."""
    names = set(smnn.__all__)
    for module in MODULES:
        names.update(f"{module}.{name}" for name in import_module(f"smnn.{module}").__all__)
    return names


def object_of(name):
    """Return what a public name stands for."""
    module, _, last = name.rpartition(".")
    return getattr(import_module(f"smnn.{module}") if module else smnn, last)


def trees(cells):
    """Yield the syntax trees of those cells that are plain Python."""
    for cell in cells:
        try:
            yield ast.parse(cell)
        except SyntaxError:  # a cell with a magic command
            continue


def imported(tree):
    """Return what the imports of `smnn` bind: local names and what they stand for."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "smnn":
                    found[alias.asname or "smnn"] = alias.name if alias.asname else "smnn"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "smnn":
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def public_name(path, public):
    """Return the public name behind a path such as ``smnn.functional.softmax``, or None."""
    inside = path.removeprefix("smnn.")
    if inside in public:
        return inside
    module, _, last = inside.partition(".")
    return last if last in public and smnn._MODULE_OF_NAME.get(last) == module else None


def names_used(cells, public):
    """Return which of the public names are used by the cells of a notebook.

    Examples
    --------
    >>> cells = ["import smnn", "smnn.softmax([0, 1]) + softmax"]
    >>> names_used(cells, {"softmax", "relu"})
    {'softmax'}
    """
    parsed = list(trees(cells))
    local = {name: path for tree in parsed for name, path in imported(tree).items()}
    paths = set(local.values())
    for node in (node for tree in parsed for node in ast.walk(tree)):
        if isinstance(node, ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            if first in local:
                paths.add(f"{local[first]}.{rest}")
    return {name for path in paths if (name := public_name(path, public))}


def names_bound(cells):
    """Return the names that cells give to something of their own.

    Examples
    --------
    >>> sorted(names_bound(["def softmax(z): pass", "step = 3"]))
    ['softmax', 'step']
    """
    bound = set()
    for tree in trees(cells):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                bound.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound.add(node.id)
    return bound
