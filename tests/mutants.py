"""How many small faults in the package its tests notice.

    python tests/mutants.py [MODULE ...]

A mutant is a module with one small fault: a comparison or an operation turned around, a number
moved by one, a condition negated, an argument swapped.  A seeded sample of forty of each module
is tried, each in a copy of the project, with the tests of that module and the compiler of
kernels switched off.  What no test notices is listed, with its line before and after.  Needs a
system that can fork.
"""

import ast
import contextlib
import copy
import functools
import importlib
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from tqdm import tqdm

with contextlib.suppress(ImportError):
    import resource  # of Unix

ROOT = Path(__file__).parent.parent
SAMPLE = 40
LIMIT = 100  # seconds of processor time that the tests of a module may take

#: The modules, and the tests of each.
MODULES = {
    "functional/_softmax": ("functional", "properties", "every_name", "reference", "robustness"),
    "functional/_cross_entropy": ("cross_entropy", "functional", "properties", "robustness"),
    "functional/_attention": ("attention",),
    "_core/validation": ("robustness", "functional", "losses", "metrics", "layers", "edges"),
    "activations": ("activations", "every_name", "gradients"),
    "losses": ("losses", "entmax", "every_name", "robustness", "gradients"),
    "metrics": ("metrics",),
    "optim/optimizers": ("optim", "memory", "checkpoint"),
    "pullback": ("pullback", "gradients", "autograd", "gradcheck", "functional", "layers"),
    "ctc": ("ctc",),
    "sampling": ("sampling",),
}
TURNED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn,
    ast.NotIn: ast.In, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr,
}  # fmt: skip


def faults_of(node):
    """Yield functions that put one fault each into a node like this one."""

    def turned(name, index=None):
        def change(node):
            if index is None:
                setattr(node, name, TURNED[type(getattr(node, name))]())
            else:
                getattr(node, name)[index] = TURNED[type(getattr(node, name)[index])]()

        return change

    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in TURNED:
        yield turned("op")
    if isinstance(node, ast.Compare):
        yield from (turned("ops", k) for k, op in enumerate(node.ops) if type(op) in TURNED)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield lambda node: setattr(node, "value", node.value + 1)
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        yield lambda node: setattr(node, "value", not node.value)
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield lambda node: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield lambda node: setattr(node, "op", ast.UAdd())
    if isinstance(node, ast.Call) and len(node.args) > 1:
        yield lambda node: node.args.insert(0, node.args.pop(1))


def mutants(source):
    """Return all mutants of a source: line, what stood there, what stands there now, the text.

    The text is a function that makes it, because few of them are wanted.
    """
    tree = ast.parse(source)
    messages = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise | ast.JoinedStr)
        for part in ast.walk(node)
    }

    def text(place, change):
        mutant = copy.deepcopy(tree)
        change(next(node for at, node in enumerate(ast.walk(mutant)) if at == place))
        return ast.unparse(ast.fix_missing_locations(mutant))

    found = []
    for place, node in enumerate(ast.walk(tree)):
        if id(node) in messages or not hasattr(node, "lineno"):
            continue  # the words of a message are not held letter by letter
        for change in faults_of(node):
            changed = copy.deepcopy(node)
            change(changed)
            before, after = (ast.unparse(part).splitlines()[0] for part in (node, changed))
            found.append((node.lineno, before, after, functools.partial(text, place, change)))
    return found


def imported_from_elsewhere(folder):
    """Return the names of the modules in this process that do not lie in a folder."""
    return [
        name
        for name, module in sys.modules.items()
        if not str(getattr(module, "__file__", "")).startswith(str(folder))
    ]


def import_ahead(names):
    """Import modules, those that can be."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def run_tests(folder, tests):
    """Run tests in a copy of this process, up to the first that fails; return the exit status.

    What the tests import from elsewhere is there already, so that a mutant need not wait for it.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.chdir(folder)
            sys.path.insert(0, str(folder))
            os.environ["PYTHONPATH"] = str(folder)
            resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            files = [f"tests/test_{name}.py" for name in tests]
            options = [
                "-x",
                "-q",
                "-n0",
                "-o",
                "addopts=",
                "-p",
                "no:cacheprovider",
                "--assert=plain",
            ]
            status = pytest.main([*options, *files])
            (folder / "imported").write_text("\n".join(imported_from_elsewhere(folder)))
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def is_noticed(folder, module, text, tests):
    """Tell whether a test fails when the module holds this text; a test without an end does."""
    path = folder / "smnn" / f"{module}.py"
    good = path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    try:
        return run_tests(folder, tests) != 0
    finally:
        path.write_text(good, encoding="utf-8")


def score(module, sample=SAMPLE):
    """Return how many mutants of a module were tried, and those that no test noticed."""
    source = (ROOT / "smnn" / f"{module}.py").read_text(encoding="utf-8")
    every = mutants(source)
    chosen = random.Random(module).sample(every, min(sample, len(every)))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name in ("smnn", "tests"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("book"))
        for name in ("pyproject.toml", "conftest.py"):
            shutil.copy(ROOT / name, folder)
        run_tests(folder, MODULES[module])
        import_ahead((folder / "imported").read_text().splitlines())
        if is_noticed(folder, module, source, MODULES[module]):
            raise RuntimeError(f"the tests of {module} fail without any fault")
        survivors = [
            mutant[:3]
            for mutant in tqdm(chosen, desc=module, disable=not sys.stderr.isatty())
            if not is_noticed(folder, module, mutant[3](), MODULES[module])
        ]
    return len(chosen), survivors


def share(tried, survivors):
    """Return the share of mutants that were noticed, and its binomial standard error.

    The error counts two mutants more of each kind, so that it is not zero where all were noticed.
    """
    alike = (tried - len(survivors) + 2) / (tried + 4)
    return 1 - len(survivors) / tried, (alike * (1 - alike) / (tried + 4)) ** 0.5


def main(modules):
    """Print the score of each module."""
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    for module in modules or MODULES:
        tried, survivors = score(module)
        noticed, error = share(tried, survivors)
        print(f"{module}: {noticed:.0%} ± {error:.0%} of {tried} noticed", flush=True)
        for line, before, after in survivors:
            print(f"    {line}: {before}  →  {after}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
