"""Nothing a user gives may crash, or give a wrong number without a word.

Wrong input raises an exception that says what was expected and what came.  And the functions
work from many threads at once, after a fork, and without numba.
"""

import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

import smnn
from smnn.functional.backend import kernels

TESTS = Path(__file__).parent
X = np.zeros((2, 3))
ROW_FUNCTIONS = [smnn.softmax, smnn.log_softmax, smnn.logsumexp]
LOSSES = [smnn.cross_entropy, smnn.softmax_cross_entropy]


# --- Wrong input ------------------------------------------------------------------------

WRONG_DTYPES = {
    "bool": np.zeros((2, 3), bool),
    "complex128": np.zeros((2, 3), complex),
    "object": np.array([[1, None]], object),
    "<U1": np.array([["a", "b"]]),
    "longdouble": np.zeros((2, 3), np.longdouble),
    "datetime64": np.zeros((2, 3), "datetime64[s]"),
}


@pytest.mark.parametrize("name", WRONG_DTYPES)
@pytest.mark.parametrize("function", ROW_FUNCTIONS)
def test_dtypes_that_are_not_real_numbers(function, name):
    x = WRONG_DTYPES[name]
    with pytest.raises(TypeError, match=r"x must hold .* numbers, got dtype"):
        function(x)
    with pytest.raises(TypeError, match=r"logits must hold .* numbers, got dtype"):
        smnn.cross_entropy(x, [0, 0])


def test_a_ragged_list_is_refused_by_numpy():
    with pytest.raises(ValueError):
        smnn.softmax([[1.0], [1.0, 2.0]])


@pytest.mark.parametrize("function", ROW_FUNCTIONS)
@pytest.mark.parametrize(
    "axis, error, words",
    [
        (2, ValueError, "axis 2 is out of range for an array of 2 dimensions"),
        (-3, ValueError, "axis -3 is out of range"),
        ((0, 0), ValueError, "axis must not name an axis twice"),
        ((0, -2), ValueError, "axis must not name an axis twice"),
        (1.0, TypeError, "axis must be an integer"),
        ("rows", TypeError, "axis must be an integer"),
        ([0], TypeError, "axis must be an integer"),
    ],
)
def test_wrong_axes(function, axis, error, words):
    with pytest.raises(error, match=words):
        function(X, axis)


@pytest.mark.parametrize("function", [smnn.softmax, smnn.log_softmax])
@pytest.mark.parametrize(
    "temperature, error",
    [
        (0, ValueError),
        (-1.0, ValueError),
        (np.nan, ValueError),
        (np.inf, ValueError),
        ("hot", TypeError),
        (None, TypeError),
        (True, TypeError),
        (np.ones(2), TypeError),
    ],
)
def test_wrong_temperatures(function, temperature, error):
    with pytest.raises(error, match="temperature must be"):
        function(X, temperature=temperature)


@pytest.mark.parametrize("function", [smnn.softmax, smnn.log_softmax])
def test_wrong_masks_and_outputs(function):
    read_only = np.empty_like(X)
    read_only.flags.writeable = False
    with pytest.raises(TypeError, match="where must be a boolean array, got dtype int64"):
        function(X, where=np.ones((2, 3), np.int64))
    with pytest.raises(ValueError, match=r"where must broadcast .* \(2, 3\), got shape \(2,\)"):
        function(X, where=np.ones(2, bool))
    with pytest.raises(TypeError, match="out must be a NumPy array, got list"):
        function(X, out=[0.0])
    with pytest.raises(TypeError, match="out must have the dtype of the result, float64"):
        function(X, out=np.empty((2, 3), np.float32))
    with pytest.raises(ValueError, match=r"out must have the shape .* \(2, 3\), got \(3, 2\)"):
        function(X, out=np.empty((3, 2)))
    with pytest.raises(ValueError, match="read-only"):
        function(X, out=read_only)


def test_gradients_of_another_shape():
    for pullback in (smnn.softmax_vjp, smnn.log_softmax_vjp):
        with pytest.raises(ValueError, match=r"shape of y, \(2, 3\), got shape \(3, 2\)"):
            pullback(X.T, X)
    with pytest.raises(ValueError, match=r"y must have .* \(2,\), got shape \(3,\)"):
        smnn.logsumexp_vjp(np.zeros(2), np.zeros(3), X)
    with pytest.raises(ValueError, match=r"dy must have .* \(2, 1\), got shape \(2,\)"):
        smnn.logsumexp_vjp(np.zeros(2), np.zeros((2, 1)), X, keepdims=True)
    with pytest.raises(ValueError, match="at least one dimension"):
        smnn.softmax_jacobian(1.0)


WRONG_LABELS = {
    # labels: the row, the value
    "too large": ([0, 3], "label 3 at row 1 .* 3 classes .* 0 … 2"),
    "negative": ([-1, 0], "label -1 at row 0"),
    "far off": ([0, -(2**62)], "label -4611686018427387904 at row 1"),
    "huge": (np.array([0, 2**63 + 5], np.uint64), "label 9223372036854775813 at row 1"),
    "wraps to −100": (np.array([2**64 - 100, 0], np.uint64), "label 18446744073709551516 at row 0"),
}


@pytest.mark.parametrize("name", WRONG_LABELS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("function", LOSSES)
def test_labels_out_of_range(function, smoothing, name):
    labels, words = WRONG_LABELS[name]
    with pytest.raises(IndexError, match=words):
        function(X, labels, label_smoothing=smoothing)
    with pytest.raises(IndexError, match=words):
        smnn.linear_cross_entropy(X, np.zeros((3, 3)), labels, label_smoothing=smoothing)


def test_the_place_of_a_wrong_label_is_that_of_the_target():
    with pytest.raises(IndexError, match="label 9 at row 1, 2 is"):
        smnn.cross_entropy(np.zeros((2, 3, 4)), [[0, 0, 0], [0, 0, 9]])
    with pytest.raises(IndexError, match="label 4 at row 99999 is"):
        smnn.cross_entropy(
            np.zeros((100_000, 4), np.float32),
            np.arange(100_000) // 25_000 // 1 + (np.arange(100_000) == 99_999),
        )
    with pytest.raises(IndexError, match="label 0 at row 0"):
        smnn.cross_entropy(np.zeros((1, 0)), [0])
    with pytest.raises(IndexError, match="-100"):
        smnn.cross_entropy(X, [-100, 0], ignore_index=-1)


WRONG_TARGETS = [
    ([0.0, 1.0], TypeError, "labels must be integers, got dtype float64"),
    ([True, False], TypeError, "target must hold integer labels or floating probabilities"),
    (["a", "b"], TypeError, "target must hold"),
    ([0, 1, 2], ValueError, r"labels and must have shape \(2,\) .* \(2, 3\), got shape \(3,\)"),
    ([[0, 1, 0], [1, 0, 0]], ValueError, "pass probabilities as floating numbers"),
    (np.zeros((2, 4)), ValueError, r"probabilities of shape \(2, 3\) .* got shape \(2, 4\)"),
    (np.zeros((3, 3)), ValueError, r"got shape \(3, 3\)"),
    (0, ValueError, r"must have shape \(2,\)"),
]


@pytest.mark.parametrize("target, error, words", WRONG_TARGETS)
@pytest.mark.parametrize("function", LOSSES)
def test_wrong_targets(function, target, error, words):
    with pytest.raises(error, match=words):
        function(X, target)


WRONG_OPTIONS = [
    ({"weight": [1.0, 2.0]}, ValueError, r"shape \(3,\), got shape \(2,\)"),
    ({"weight": [True] * 3}, TypeError, "weight must hold"),
    ({"label_smoothing": 1.5}, ValueError, r"label_smoothing must lie in \[0, 1\], got 1.5"),
    ({"label_smoothing": -0.1}, ValueError, "label_smoothing must lie in"),
    ({"label_smoothing": np.nan}, ValueError, "label_smoothing must lie in"),
    ({"label_smoothing": "much"}, TypeError, "label_smoothing must be a real number"),
    ({"reduction": "median"}, ValueError, "reduction must be one of 'mean', 'sum', 'none'"),
    ({"reduction": None}, ValueError, "reduction must be one of"),
    ({"ignore_index": 0.5}, TypeError, "ignore_index must be an integer"),
    ({"ignore_index": True}, TypeError, "ignore_index must be an integer"),
]


@pytest.mark.parametrize("options, error, words", WRONG_OPTIONS)
@pytest.mark.parametrize("function", LOSSES)
def test_wrong_options(function, options, error, words):
    with pytest.raises(error, match=words):
        function(X, [0, 1], **options)


def test_options_that_do_not_go_together():
    with pytest.raises(ValueError, match="ignore_index goes with labels"):
        smnn.cross_entropy(X, X, ignore_index=0)
    with pytest.raises(ValueError, match=r"logits must have shape \(..., C\)"):
        smnn.cross_entropy(1.0, 0)
    with pytest.raises(TypeError, match="out must have the dtype"):
        smnn.softmax_cross_entropy(X, [0, 1], out=X.astype(np.float32))
    with pytest.raises(ValueError, match="out must have the shape"):
        smnn.softmax_cross_entropy(X, [0, 1], out=np.empty((3, 2)))


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((X, np.zeros((2, 4)), [0, 0]), r"x of shape \(2, 3\) and W of shape \(2, 4\)"),
        ((X, np.zeros(3), [0, 0]), r"W of shape \(3,\)"),
        ((1.0, X, [0]), r"x of shape \(\)"),
        ((X, np.zeros((3, 4)), [0, 0], np.zeros(3)), r"b must have shape \(4,\), got shape \(3,\)"),
        ((X, np.zeros((3, 4)), [0]), r"must have shape \(2,\)"),
    ],
)
def test_wrong_linear_layers(arguments, words):
    with pytest.raises(ValueError, match=words):
        smnn.linear_cross_entropy(*arguments)


def test_no_warning_for_values_that_the_table_allows():
    x = np.array([[np.inf, 0.0], [-np.inf, -np.inf], [np.nan, 1.0], [3e38, -3e38]], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        smnn.softmax(x), smnn.log_softmax(x), smnn.logsumexp(x)
        smnn.softmax_cross_entropy(x, [0, 0, 0, 1])
        smnn.softmax_cross_entropy(x, x, label_smoothing=0.5)
        smnn.softmax(x.clip(-6e4, 6e4).astype(np.float16), temperature=1e-3)


# --- Threads and processes --------------------------------------------------------------


@pytest.fixture
def shared(monkeypatch):
    """Even arrays of 256 KiB are shared among threads."""
    for name in ("SHARED_BYTES", "SHARED_SHORT_BYTES"):
        monkeypatch.setattr(kernels, name, 1 << 18, raising=False)


def test_many_threads_at_once(shared):
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal((400 + 90 * i, 500), dtype=np.float32) for i in range(6)]
    targets = [rng.integers(0, 500, len(x)) for x in inputs]
    expected = [smnn.softmax_cross_entropy(x, y) for x, y in zip(inputs, targets, strict=True)]
    failures = []

    def call(i):
        for _ in range(5):
            loss, gradient = smnn.softmax_cross_entropy(inputs[i], targets[i])
            if loss != expected[i][0] or not np.array_equal(gradient, expected[i][1]):
                failures.append(i)

    callers = [threading.Thread(target=call, args=(i,)) for i in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(120)
    assert not failures and not any(caller.is_alive() for caller in callers)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_works_and_so_does_its_parent(shared):
    x = np.random.default_rng(1).standard_normal((2000, 500), dtype=np.float32)
    expected = smnn.softmax(x)  # starts the workers
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(smnn.softmax(x), expected) else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    np.testing.assert_array_equal(smnn.softmax(x), expected)


def run(*arguments, **environment):
    """Run Python in a process of its own, and return what it prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout.strip()


def test_threads_with_a_small_stack():
    code = """
import threading
import numpy as np
import smnn

threading.stack_size(1 << 17)
results = []

def work():
    for shape in (40, 1000), (9, 4001), (5, 65_000):
        x = np.ones(shape, np.float32)
        labels = np.zeros(len(x), int)
        results.append(smnn.softmax_cross_entropy(x, labels)[0] - np.log(shape[1]))

smnn.set_num_threads(1)
for shape in (40, 1000), (9, 4001), (5, 65_000):  # compiling needs more
    smnn.softmax_cross_entropy(np.ones(shape, np.float32), np.zeros(shape[0], int))
thread = threading.Thread(target=work)
thread.start()
thread.join()
assert len(results) == 3 and max(map(abs, results)) < 1e-4, results
"""
    run("-c", code)


def test_importing_smnn_does_not_import_numba():
    code = "import sys, smnn; smnn.__version__; print('numba' in sys.modules)"
    assert run("-c", code) == "False"


PYTEST = ("-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider")
SELECTION = [str(TESTS / f"test_{name}.py") for name in ("functional", "cross_entropy")]
numba_only = pytest.mark.skipif(
    kernels.__name__.endswith("reference"), reason="this is the process without numba"
)


@numba_only
def test_everything_works_without_numba():
    code = "import smnn; print(smnn.softmax([0.0, 0.0]), smnn.functional.backend.kernels.__name__)"
    without = "import sys; sys.modules['numba'] = None; "
    assert run("-W", "error", "-c", without + code) == "[0.5 0.5] smnn.reference"
    run(*PYTEST, *SELECTION, str(TESTS / "test_reference.py"), SMNN_WITHOUT_NUMBA="1")


def test_a_numba_that_cannot_be_loaded_is_said():
    code = """
import sys, types, warnings
broken = types.ModuleType("numba")
sys.modules["numba"] = broken
warnings.simplefilter("error")
try:
    import smnn.functional
except UserWarning as warning:
    print(warning)
"""
    assert run("-c", code).startswith("numba could not be loaded, smnn runs on NumPy: ")


@numba_only
@pytest.mark.skipif(getattr(kernels, "INTERPRETED", False), reason="it is already so")
def test_everything_works_with_numba_disabled():
    run(*PYTEST, *SELECTION, NUMBA_DISABLE_JIT="1")
