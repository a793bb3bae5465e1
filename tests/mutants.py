"""How many small faults in the package its tests notice.

    python tests/mutants.py [MODULE ...]

A mutant is a module with one small fault: a comparison or an operation turned around, a number
moved by one, a condition negated, an argument swapped.  A seeded sample of forty of each module
is tried, each in a copy of the project, with its examples, its tests and the compiler of kernels
switched off.  The tests that take least run first, up to the first that fails.  What no test
notices is listed, with its line before and after.  Needs a system that can fork.
"""

import ast
import contextlib
import copy
import functools
import importlib
import json
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
LIMIT = 5  # times the processor time without a fault, after which tests count as without an end

#: What bad arguments do, without the tests of threads and processes, which take minutes.
OF_ARGUMENTS = tuple(
    f"robustness::test_{name}"
    for name in (
        "dtypes_that_are_not_real_numbers",
        "a_ragged_list_is_refused_by_numpy",
        "wrong_axes",
        "wrong_temperatures",
        "wrong_masks_and_outputs",
        "gradients_of_another_shape",
        "labels_out_of_range",
        "the_place_of_a_wrong_label_is_that_of_the_target",
        "wrong_targets",
        "wrong_options",
        "options_that_do_not_go_together",
        "wrong_linear_layers",
        "no_warning_for_values_that_the_table_allows",
    )
)

#: The modules, and the tests of each: files, or a function of a file.
MODULES = {
    "functional/_softmax": (
        "spellings",
        "functional",
        "properties",
        "every_name",
        "reference::test_softmax_error_bound",
        *OF_ARGUMENTS,
    ),
    "functional/_cross_entropy": (
        "cross_entropy",
        "linear_cross_entropy",
        "functional",
        "properties",
        *OF_ARGUMENTS,
    ),
    "functional/_attention": ("attention",),
    "_core/validation": (
        "validation",
        *OF_ARGUMENTS,
        "functional",
        "losses",
        "metrics",
        "layers",
        "edges",
    ),
    "activations": ("activations", "every_name"),
    "losses": (
        "losses",
        "entmax",
        "edges",
        "every_name",
        "gradients::test_gradient",
        "ensemble::test_it_can_be_below_1",
        "ensemble::test_it_is_the_number_of_experts_where_one_is_always_certain",
        "ensemble::test_several_experts_a_row_and_float32",
        "ensemble::test_a_gate_says_what_it_expected",
    ),
    "metrics": ("metrics",),
    "optim/optimizers": ("optim",),
    "pullback": ("pullback", "gradients", "autograd", "gradcheck", "functional", "layers"),
    "ctc": ("ctc",),
    "sampling": ("sampling",),
}
#: Tests that take long where the kernels are interpreted, and are left out.
LEFT_OUT = (
    "attention::test_its_memory_grows_with_the_rows_and_not_with_their_square",
    "attention::test_no_result_depends_on_the_number_of_threads",
    "attention::test_with_the_tiles_that_are_used",
    "ctc::test_thousands_of_frames_lose_no_digits",
    "images::test_a_network_learns_images_and_comes_back",
    "images::test_many_images_are_taken_in_pieces",
    "linear_cross_entropy::test_its_scratch_is_a_tenth_of_the_logits",
    "sampling::test_a_wrong_temperature_is_seen",
    "sampling::test_draws_do_not_depend_on_threads",
    "sampling::test_draws_have_the_probabilities_of_the_softmax",
    "sampling::test_truncation_against_one_row_at_a_time",
    "sequences::test_a_model_learns_what_came_first_and_comes_back",
    "sequences::test_gradients_with_lengths",
    "vocabulary::test_a_tree_learns_a_distribution",
    "vocabulary::test_the_bias_of_sampled_softmax_falls_with_k_and_stays_without_the_correction",
)
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
    """Return all mutants of a source: line, function, what stood there, what does now, the text.

    The text is a function that makes it, because few of them are wanted.
    """
    tree = ast.parse(source)
    messages = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise | ast.JoinedStr)
        for part in ast.walk(node)
    }

    # An inner function comes after the one around it, and counts.
    function = {
        id(part): node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
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
            where = node.lineno, function.get(id(node), "<module>")
            found.append((*where, before, after, functools.partial(text, place, change)))
    return found


def node_id(name):
    """Return a file or a function of the tests, as pytest names it."""
    file, *function = name.split("::")
    return "::".join([f"tests/test_{file}.py", *function])


def left_out():
    """Return the options of pytest that leave out what takes too long."""
    return [f"--deselect={node_id(name)}" for name in LEFT_OUT]


def tests_of(module):
    """Return the examples and the tests of a module, as pytest names them."""
    return [f"smnn/{module}.py", *map(node_id, MODULES[module])]


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


class ShortestFirst:
    """Order tests by the seconds that they took before, and note what they take now."""

    def __init__(self, seconds):
        self.before, self.seconds = seconds, dict.fromkeys(seconds, 0.0)

    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: self.before.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration


def run_tests(folder, tests, limit=None, seconds=()):
    """Run tests in a copy of this process, up to the first that fails.

    What the tests import from elsewhere is there already, so that a mutant need not wait for it.

    Returns
    -------
    status : int
        0 if all pass.
    spent : float
        Seconds of processor time.
    """
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.chdir(folder)
            sys.path.insert(0, str(folder))
            os.environ["PYTHONPATH"] = str(folder)
            # Two mutants of one size and second would share their bytecode.
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            sys.dont_write_bytecode = True
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            options = "-x -q -n0 -o addopts= -p no:cacheprovider --assert=plain --doctest-modules"
            order = ShortestFirst(dict(seconds))
            status = pytest.main([*options.split(), *left_out(), *tests], plugins=[order])
            learned = {"imported": imported_from_elsewhere(folder), "seconds": order.seconds}
            (folder / "learned.json").write_text(json.dumps(learned))
        finally:
            os._exit(status)
    _, status, usage = os.wait4(child, 0)
    return status, usage.ru_utime + usage.ru_stime


@contextlib.contextmanager
def changed(path, text):
    """Let a file hold another text for a while."""
    good = path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(good, encoding="utf-8")


def score(module, sample=SAMPLE):
    """Return how many mutants of a module were tried, and those that no test noticed."""
    source = (ROOT / "smnn" / f"{module}.py").read_text(encoding="utf-8")
    every = mutants(source)
    chosen = random.Random(module).sample(every, min(sample, len(every)))
    tests, survivors = tests_of(module), []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name in ("smnn", "tests"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("book"))
        for name in ("pyproject.toml", "conftest.py"):
            shutil.copy(ROOT / name, folder)
        run_tests(folder, tests)
        learned = json.loads((folder / "learned.json").read_text())
        import_ahead(learned["imported"])
        status, spent = run_tests(folder, tests, seconds=learned["seconds"])
        if status:
            raise RuntimeError(f"the tests of {module} fail without any fault")
        limit = 10 + int(LIMIT * spent)
        for *fault, text in tqdm(chosen, desc=module, disable=not sys.stderr.isatty()):
            with changed(folder / "smnn" / f"{module}.py", text()):
                if not run_tests(folder, tests, limit, learned["seconds"])[0]:
                    survivors.append(tuple(fault))
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
        for line, function, before, after in survivors:
            print(f"    {line} {function}: {before}  →  {after}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
