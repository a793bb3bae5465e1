"""The fused linear layer and cross-entropy: every combination of its options, and its memory."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

from smnn import linear_cross_entropy
from smnn.functional import _cross_entropy as module

RNG = np.random.default_rng(0)
N, D, C = 6, 3, 4
X, W, B = 2 * RNG.standard_normal((N, D)), RNG.standard_normal((D, C)), RNG.standard_normal(C)
LABELS = np.array([0, 3, 1, 1, 2, 0])
TARGETS = {
    "labels": (LABELS, {}),
    "some ignored": (np.where(np.arange(N) % 3 == 1, -1, LABELS), {"ignore_index": -1}),
    "probabilities": (RNG.dirichlet(np.ones(C), size=N), {}),
}
WEIGHTS = {"": None, "class weights": np.array([0.5, 2.0, 1.0, 1.5]),
           "a class of weight 0": np.array([0.5, 0.0, 1.0, 1.5])}  # fmt: skip
ROW_WEIGHTS = np.array([1.0, 0.5, 0.0, 2.0, 3.0, 0.25])
COMBINATIONS = list(
    itertools.product(
        TARGETS, WEIGHTS, (None, ROW_WEIGHTS), ("mean", "sum", "none"), (0.0, 0.2), (0.0, 0.3),
        (None, 1.5),
    )
)  # fmt: skip


def options_of(combination):
    target, weight, sample_weight, reduction, smoothing, z_loss, softcap = combination
    given, options = TARGETS[target]
    return given, options | {
        "weight": WEIGHTS[weight], "sample_weight": sample_weight, "reduction": reduction,
        "label_smoothing": smoothing, "z_loss": z_loss, "softcap": softcap,
    }  # fmt: skip


def composed(x, W, b, target, *, weight, sample_weight, reduction, label_smoothing, z_loss,
             softcap, ignore_index=-100):  # fmt: skip
    """The loss by its definition, a step at a time, with all logits stored."""
    z = x @ W + b
    z = z if softcap is None else softcap * np.tanh(z / softcap)
    lse = np.log(np.exp(z).sum(axis=1))
    log_p = z - lse[:, None]
    weight = np.ones(C) if weight is None else weight
    rows = np.ones(len(x)) if sample_weight is None else sample_weight
    probs, divisor = target, rows.sum()
    if target.ndim == 1:
        rows = np.where(target == ignore_index, 0, rows)
        labels = np.where(target == ignore_index, 0, target)
        probs, divisor = np.eye(C)[labels], (rows * weight[labels]).sum()
    probs = (1 - label_smoothing) * probs + label_smoothing / C
    losses = rows * (-(weight * probs * log_p).sum(axis=1) + z_loss * lse**2)
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / divisor}[reduction]


@pytest.fixture(params=["whole", "in chunks"])
def chunks(request, monkeypatch):
    if request.param == "in chunks":  # of a row or two, and panels of a column
        monkeypatch.setattr(module, "_CHUNK_BYTES", 2 * C * 8)
        monkeypatch.setattr(module, "_PANEL", 1)
        monkeypatch.setattr(module, "_FEWEST_COLUMNS", 1)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("weight", WEIGHTS)
def test_every_combination_is_what_is_composed(target, weight, chunks):
    """The loss against its definition, and each gradient against differences of that."""
    found, rng = 0, np.random.default_rng(1)
    for combination in COMBINATIONS:
        if combination[:2] != (target, weight):
            continue
        given, options = options_of(combination)
        loss, gradients = linear_cross_entropy(X, W, given, B, **options)
        expected = composed(X, W, B, given, **options)
        np.testing.assert_allclose(loss, expected, 1e-12, 1e-14, err_msg=str(combination))

        # along two random directions in the space of all inputs
        for _ in range(2):
            steps = [rng.standard_normal(gradient.shape) for gradient in gradients]
            ends = []
            for h in (3e-6, -3e-6):
                moved = [x + h * step for x, step in zip((X, W, B), steps, strict=True)]
                ends.append(np.sum(composed(*moved, given, **options)))
            slope = sum(np.vdot(one, step) for one, step in zip(gradients, steps, strict=True))
            np.testing.assert_allclose(
                slope, (ends[0] - ends[1]) / 6e-6, 1e-6, 1e-7, err_msg=str(combination)
            )
        found += 1
    assert found == 48


@pytest.mark.parametrize("z_loss", [0.0, 0.3])
@pytest.mark.parametrize("softcap", [None, 1.5])
def test_a_gradient_from_above_enters_as_weights_of_the_rows(z_loss, softcap):
    """Losses of rows go into Σ u loss with another u for each: not the first one for all."""
    u = np.array([0.1, 5.0, 0.0, 1.0, 2.0, 0.7])
    options = {"z_loss": z_loss, "softcap": softcap}
    losses, _ = linear_cross_entropy(X, W, LABELS, B, reduction="none", **options)
    total, found = linear_cross_entropy(
        X, W, LABELS, B, reduction="sum", sample_weight=u, **options
    )
    np.testing.assert_allclose(total, u @ losses, 1e-12)
    expected = [np.zeros_like(gradient) for gradient in found]
    for i in range(N):
        _, (dx, dW, db) = linear_cross_entropy(
            X[i : i + 1], W, LABELS[i : i + 1], B, reduction="sum", **options
        )
        expected[0][i] = u[i] * dx[0]
        expected[1] += u[i] * dW
        expected[2] += u[i] * db
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, 1e-12, 1e-14)


def test_softcap_where_it_binds():
    """The slope 1 − tanh² is far from 1: leaving it out would show."""
    _, (dx, _, _) = linear_cross_entropy(20 * X, W, LABELS, B, softcap=1.5)
    _, (flat, _, _) = linear_cross_entropy(0.01 * X, W, LABELS, B, softcap=1.5)
    assert np.abs(dx).max() < 0.3 * np.abs(flat).max()


@pytest.mark.parametrize("z_loss", [0.0, 0.3])
def test_what_does_not_count_may_be_nan(z_loss):
    x = X.copy()
    x[[1, 2]] = np.nan
    target = np.where(np.arange(N) == 1, -100, LABELS)
    rows = np.where(np.arange(N) == 2, 0.0, 1.0)
    found = linear_cross_entropy(x, W, target, B, sample_weight=rows, z_loss=z_loss, softcap=2.0)
    kept = [0, 3, 4, 5]
    expected = linear_cross_entropy(X[kept], W, LABELS[kept], B, z_loss=z_loss, softcap=2.0)
    np.testing.assert_allclose(found[0], expected[0], 1e-12)
    assert not found[1][0][[1, 2]].any()
    for one, other in zip(found[1][1:], expected[1][1:], strict=True):
        np.testing.assert_allclose(one, other, 1e-12)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"z_loss": -1.0}, ValueError, "z_loss must be at least 0 and finite, got -1.0"),
        ({"z_loss": np.nan}, ValueError, "z_loss must be at least 0 and finite"),
        ({"z_loss": "1"}, TypeError, "z_loss must be a real number"),
        ({"softcap": 0}, ValueError, "softcap must be positive and finite, got 0"),
        ({"softcap": np.inf}, ValueError, "softcap must be positive and finite"),
    ],
)
def test_what_makes_no_sense_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        linear_cross_entropy(X, W, LABELS, B, **options)


def test_empty_batches():
    loss, (dx, dW, db) = linear_cross_entropy(X[:0], W, LABELS[:0], B, z_loss=0.1, softcap=1.0)
    assert np.isnan(loss) and dx.shape == (0, D) and not dW.any() and not db.any()


def test_the_z_loss_is_added_in_panels(monkeypatch):
    """Its gradient needs no second array of the size of the logits."""
    logits, losses, ones = np.zeros((512, 64)), np.zeros(512), np.ones(512)
    gradient, sizes = np.zeros_like(logits), []
    vjp = module.kernels.logsumexp_vjp

    def noticed(dy, y, x, dx):
        sizes.append(dx.size)
        return vjp(dy, y, x, dx)

    monkeypatch.setattr(module.kernels, "logsumexp_vjp", noticed)
    module._add_z_loss(logits, 0.5, (ones, ones), losses, gradient)
    assert max(sizes) <= logits.size / 2
    np.testing.assert_allclose(losses, 0.5 * np.log(64) ** 2, 1e-12)
    np.testing.assert_allclose(gradient, np.log(64) / 64, 1e-12)


@pytest.mark.parametrize("with_z_loss", [False, True])
@pytest.mark.parametrize(("n", "d", "classes"), [(4000, 32, 1000), (6000, 16, 3000)])
def test_its_scratch_is_hardly_less_than_a_tenth(n, d, classes, with_z_loss):
    """More rows at a time would take too much memory, and fewer would take longer."""
    columns, rows = module._sizes(n, d, classes, 2, with_z_loss, 4)
    panels = d * columns + with_z_loss * module._Z_PANEL
    assert 0.09 < ((rows + 1) * 2 * classes + panels) / (n * classes) <= 0.1


MEASURED = """
import sys, tracemalloc, numpy as np
from smnn import linear_cross_entropy, set_num_threads
set_num_threads(1)
n, d, classes = map(int, sys.argv[1:4])
options = eval(sys.argv[4])
rng = np.random.default_rng(0)
x, W = rng.standard_normal((n, d), np.float32), rng.standard_normal((d, classes), np.float32)
target = rng.integers(0, classes, n)
linear_cross_entropy(x, W, target, **options)  # compiles
tracemalloc.start()
loss, gradients = linear_cross_entropy(x, W, target, **options)
held = sum(gradient.nbytes for gradient in gradients[:2])
print((tracemalloc.get_traced_memory()[1] - held) / (n * classes * 4))
"""


@pytest.mark.parametrize("options", ["{}", "{'z_loss': 1e-4, 'softcap': 30.0}"])
@pytest.mark.parametrize("shape", [(4000, 32, 1000), (6000, 16, 3000)])
def test_its_scratch_is_a_tenth_of_the_logits(shape, options):
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, shape), options],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert 0.005 < float(done.stdout) <= 0.1, done.stdout
