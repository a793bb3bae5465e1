"""Losses: values, bad input, large numbers.  Their gradients are in test_gradients.py."""

import numpy as np
import pytest

from smnn import (
    binary_cross_entropy,
    cross_entropy,
    distillation_loss,
    entmax,
    fenchel_young_loss,
    focal_loss,
    mse,
    multiclass_hinge,
    one_hot,
    softmax,
    softmax_cross_entropy,
)

INF = np.inf


def test_mse_is_the_mean_over_all_numbers():
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    pred, target = rng.standard_normal((2, 5, 3))
    loss, dpred = mse(pred, target)
    assert loss == pytest.approx(sklearn_metrics.mean_squared_error(target, pred), rel=1e-14)
    np.testing.assert_allclose(dpred, 2 * (pred - target) / 15)


def test_mse_refuses_to_broadcast():
    with pytest.raises(ValueError, match=r"\(5, 1\).*\(5,\)"):
        mse(np.zeros((5, 1)), np.zeros(5))


@pytest.mark.parametrize("loss", [mse, binary_cross_entropy])
def test_dtype_is_kept(loss):
    value, gradient = loss(np.zeros((2, 3), np.float32), np.ones((2, 3)))
    assert isinstance(value, float)
    assert gradient.dtype == np.float32


def test_binary_cross_entropy_against_its_definition():
    rng = np.random.default_rng(0)
    logits, target = rng.standard_normal((6, 2)), rng.random((6, 2))
    p = 1 / (1 + np.exp(-logits))
    expected = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean()
    loss, dlogits = binary_cross_entropy(logits, target)
    assert loss == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(dlogits, (p - target) / 12, rtol=1e-14)


def test_binary_cross_entropy_is_exact_for_confident_answers():
    with np.errstate(all="raise", under="ignore"):
        loss, dlogits = binary_cross_entropy([1e4, -1e4], [1, 0])
        assert loss == 0 and not dlogits.any()
        assert binary_cross_entropy([-1e4, 1e4], [1, 0])[0] == 1e4
    loss, dlogits = binary_cross_entropy([40.0], [1.0])
    assert loss == pytest.approx(np.exp(-40), rel=1e-15, abs=0)  # σ(40) rounds to 1
    assert dlogits[0] == pytest.approx(-np.exp(-40), rel=1e-15, abs=0)


def test_binary_cross_entropy_refuses_targets_outside_the_unit_interval():
    with pytest.raises(ValueError, match=r"\[0, 1\], got 2"):
        binary_cross_entropy([0.0, 0.0], [1.0, 2.0])


def test_hinge_is_zero_when_every_margin_is_kept():
    loss, dscores = multiclass_hinge([[5.0, 1.0, 4.0]], [0])
    assert loss == 0 and not dscores.any()
    loss, dscores = multiclass_hinge([[5.0, 1.0, 4.5]], [0])
    assert loss == 0.5
    assert dscores.tolist() == [[-1, 0, 1]]


def test_hinge_takes_another_margin():
    assert multiclass_hinge([[1.0, 0.0]], [0], margin=3.0)[0] == 2.0


def test_hinge_labels():
    with pytest.raises(IndexError, match="label 3 at row 1"):
        multiclass_hinge(np.zeros((2, 3)), [0, 3])
    with pytest.raises(IndexError, match="label -1 at row 0"):
        multiclass_hinge(np.zeros((2, 3)), [-1, 0])
    with pytest.raises(TypeError, match="float64"):
        multiclass_hinge(np.zeros((2, 3)), [0.0, 1.0])
    with pytest.raises(ValueError, match=r"shape \(2,\), got shape \(3,\)"):
        multiclass_hinge(np.zeros((2, 3)), [0, 1, 2])


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def omega(p, alpha):
    """The regularizer of entmax; at α = 1, its limit."""
    if alpha == 1:
        return (p * np.log(np.where(p > 0, p, 1))).sum(-1)
    return ((p**alpha).sum(-1) - 1) / (alpha * (alpha - 1))


@pytest.mark.parametrize("alpha", [1, 1.2, 1.5, 2, 3])
def test_fenchel_young_is_its_definition(rng, alpha):
    scores, labels = rng.standard_normal((30, 5)) * 2, rng.integers(0, 5, 30)
    probs = rng.dirichlet(np.full(5, 0.3), size=30)
    probs[:5] = [0, 0.5, 0, 0.5, 0]
    for target, y in ((labels, one_hot(labels, 5)), (probs, probs)):
        p = entmax(scores, alpha=alpha)
        conjugate = (p * scores).sum(-1) - omega(p, alpha)
        expected = (conjugate + omega(y, alpha) - (scores * y).sum(-1)).mean()
        loss, dscores = fenchel_young_loss(scores, target, alpha=alpha)
        assert loss == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(dscores, (p - y) / 30, atol=1e-16)


def test_fenchel_young_of_labels_at_alpha_1_is_cross_entropy(rng):
    scores, labels = rng.standard_normal((4, 6, 5)) * 3, rng.integers(0, 5, (4, 6))
    loss, dscores = fenchel_young_loss(scores, labels, alpha=1)
    expected, gradient = softmax_cross_entropy(scores, labels)
    assert loss == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(dscores, gradient, rtol=1e-12)


@pytest.mark.parametrize("alpha", [1.25, 1.5, 2.0, 3.0])
def test_the_loss_is_0_from_the_margin_on_and_not_before(alpha):
    margin = 1 / (alpha - 1)
    loss, dscores = fenchel_young_loss([[0.0, -margin, -margin - 1]], [0], alpha=alpha)
    assert loss == 0 and not dscores.any()
    for lack in (0.5, 1e-3, 1e-6):
        loss, dscores = fenchel_young_loss([[0.0, lack - margin]], [0], alpha=alpha)
        assert loss > 0 and dscores[0, 1] > 0
    for gap in (1, 10, 700):  # softmax never says so
        assert fenchel_young_loss([[0.0, -gap]], [0], alpha=1)[0] > 0


def test_small_losses_keep_their_digits():
    # (p − y)² / 2 for each of two classes, with p − y = ± lack / 2
    for lack in (1e-3, 1e-6, 1e-9):
        loss, dscores = fenchel_young_loss([[1 - lack, 0.0]], [0], alpha=2)
        exact = 1 - (1 - lack)  # the lack that is left after rounding
        assert loss == pytest.approx(exact**2 / 4, rel=1e-6)
        assert dscores[0, 0] == -dscores[0, 1] == pytest.approx(-exact / 2, rel=1e-6)
    assert fenchel_young_loss([[0.0, -40.0]], [0], alpha=1)[0] == pytest.approx(
        np.exp(-40), rel=1e-13, abs=0
    )


def test_a_score_of_minus_infinity_costs_nothing_unless_it_is_true():
    """entmax, issue 9: −∞ · 0 was nan."""
    scores = [[1.0, -INF, 0.5]]
    for alpha in (1, 1.5, 2):
        with np.errstate(all="raise", under="ignore"):
            loss, dscores = fenchel_young_loss(scores, [0], alpha=alpha)
            assert loss == pytest.approx(
                fenchel_young_loss([[1.0, 0.5]], [0], alpha=alpha)[0], rel=1e-12
            )
            assert dscores[0, 1] == 0
            loss, dscores = fenchel_young_loss(scores, [1], alpha=alpha)
            assert loss == INF and np.isfinite(dscores).all()
            loss, _ = fenchel_young_loss(scores, [[0.5, 0.0, 0.5]], alpha=alpha)
            assert np.isfinite(loss)
        assert np.isnan(fenchel_young_loss([[np.nan, 0.0]], [0], alpha=alpha)[0])


def test_fenchel_young_refuses_what_is_no_target():
    with pytest.raises(ValueError, match="rows of probabilities that sum to 1, got the row"):
        fenchel_young_loss([[0.0, 0.0]], [[0.5, 0.6]], alpha=2)
    with pytest.raises(ValueError, match="rows of probabilities that sum to 1, got the row"):
        fenchel_young_loss([[0.0, 0.0]], [[1.5, -0.5]], alpha=2)
    with pytest.raises(IndexError, match="label 2 at row 0"):
        fenchel_young_loss([[0.0, 0.0]], [2], alpha=2)
    with pytest.raises(TypeError, match="labels must be integers"):
        fenchel_young_loss([[0.0, 0.0]], [1.0], alpha=2)
    with pytest.raises(ValueError, match="got a single number"):
        fenchel_young_loss(1.0, 0, alpha=2)


@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2, 5])
def test_focal_is_its_definition_and_weights_each_row(rng, gamma):
    """Others took p from a loss that was already averaged, so that γ changed only the scale."""
    logits, labels = rng.standard_normal((3, 7, 4)) * 2, rng.integers(0, 4, (3, 7))
    p = np.take_along_axis(softmax(logits), labels[..., None], axis=-1)
    loss, dlogits = focal_loss(logits, labels, gamma=gamma)
    assert loss == pytest.approx(-((1 - p) ** gamma * np.log(p)).mean(), rel=1e-12)
    factor = (1 - p) ** (gamma - 1) * (1 - p - gamma * p * np.log(p))
    expected = (softmax(logits) - one_hot(labels, 4)) * factor / 21
    np.testing.assert_allclose(dlogits, expected, rtol=1e-9)


def test_focal_with_gamma_0_is_cross_entropy(rng):
    logits, labels = rng.standard_normal((9, 4)) * 20, rng.integers(0, 4, 9)
    loss, dlogits = focal_loss(logits, labels, gamma=0)
    assert loss == pytest.approx(cross_entropy(logits, labels), rel=1e-14)
    np.testing.assert_allclose(dlogits, softmax_cross_entropy(logits, labels)[1], rtol=1e-12)


def test_focal_is_finite_where_the_answer_is_certain():
    with np.errstate(all="raise", under="ignore"):
        for gamma in (0, 0.3, 1, 2):
            loss, dlogits = focal_loss([[900.0, 0.0]], [0], gamma=gamma)
            assert loss == 0 and not dlogits.any()
            loss, dlogits = focal_loss([[-900.0, 0.0]], [0], gamma=gamma)
            assert loss == 900 and dlogits.tolist() == [[-1, 1]]
            loss, dlogits = focal_loss([[-INF, 0.0]], [0], gamma=gamma)
            assert loss == INF and dlogits.tolist() == [[-1, 1]]
    loss, dlogits = focal_loss([[0.0, -30.0]], [0], gamma=1)  # ε² and 2ε², with ε = e⁻³⁰
    assert loss == pytest.approx(np.exp(-60), rel=1e-12, abs=0)
    assert dlogits[0, 1] == pytest.approx(2 * np.exp(-60), rel=1e-12, abs=0)


def test_focal_takes_labels_and_a_gamma_of_at_least_0():
    with pytest.raises(ValueError, match="gamma must be at least 0"):
        focal_loss([[0.0, 0.0]], [0], gamma=-1)
    with pytest.raises(IndexError, match="label 5 at row 0"):
        focal_loss([[0.0, 0.0]], [5])
    with pytest.raises(TypeError, match="integer labels"):
        focal_loss([[0.0, 0.0]], [[0.5, 0.5]])


@pytest.mark.parametrize("temperature", [0.1, 1.0, 4.0, 20.0])
def test_distillation_is_the_mean_over_rows_of_the_divergence(rng, temperature):
    """Others averaged over the classes as well, and made the term C times too small."""
    logits, teacher = rng.standard_normal((2, 3, 4, 5))
    p, q = (softmax(z, temperature=temperature) for z in (logits, teacher))
    loss, dlogits = distillation_loss(logits, teacher, temperature=temperature)
    expected = temperature**2 * (q * np.log(q / p)).sum(-1).mean()
    assert loss == pytest.approx(expected, rel=1e-11)
    np.testing.assert_allclose(dlogits, temperature * (p - q) / 12, rtol=1e-12, atol=1e-17)


def test_distillation_of_equals_is_0_and_of_warm_ones_least_squares(rng):
    logits, teacher = rng.standard_normal((2, 6, 5))
    loss, dlogits = distillation_loss(teacher, teacher, temperature=3)
    assert loss == 0 and not dlogits.any()
    centered = [z - z.mean(axis=1, keepdims=True) for z in (logits, teacher)]
    difference = centered[0] - centered[1]
    for temperature, tolerance in ((1e3, 1e-2), (1e5, 1e-4)):
        loss, dlogits = distillation_loss(logits, teacher, temperature=temperature)
        assert loss == pytest.approx((difference**2).mean() / 2, rel=tolerance)
        np.testing.assert_allclose(dlogits, difference / 30, atol=tolerance / 30)


def test_distillation_knows_classes_that_cannot_be():
    with np.errstate(all="raise", under="ignore"):
        loss, _ = distillation_loss([[0.0, -INF, 1]], [[0, -INF, 3]], temperature=2)
        assert loss == pytest.approx(
            distillation_loss([[0.0, 1]], [[0.0, 3]], temperature=2)[0], rel=1e-12
        )
        assert distillation_loss([[0.0, -INF]], [[0.0, 0.0]], temperature=2)[0] == INF
        assert distillation_loss([[0.0, 1e4]], [[0.0, -1e4]], temperature=1)[0] == 1e4


def test_distillation_refuses_a_temperature_of_0_and_another_shape():
    with pytest.raises(ValueError, match="temperature must be positive and finite, got 0"):
        distillation_loss([[0.0, 0.0]], [[0.0, 0.0]], temperature=0)
    with pytest.raises(ValueError, match="must have the shape of logits"):
        distillation_loss([[0.0, 0.0]], [[0.0, 0.0, 0.0]], temperature=1)


@pytest.mark.parametrize(
    "loss, pred, target",
    [(mse, (0, 3), (0, 3)), (binary_cross_entropy, (0,), (0,)), (multiclass_hinge, (0, 3), (0,))],
)
def test_no_rows_have_no_mean(loss, pred, target):
    kind = int if loss is multiclass_hinge else float
    value, gradient = loss(np.zeros(pred), np.zeros(target, kind))
    assert np.isnan(value)
    assert gradient.shape == pred


@pytest.mark.peers
def test_losses_agree_with_pytorch():
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    rng = np.random.default_rng(0)
    pred, target, bits = (
        rng.standard_normal((4, 3)),
        rng.standard_normal((4, 3)),
        rng.random((4, 3)),
    )
    labels = np.array([2, 0, 1, 1])
    for ours, theirs in [
        (mse(pred, target), lambda p: F.mse_loss(p, torch.tensor(target))),
        (
            binary_cross_entropy(pred, bits),
            lambda p: F.binary_cross_entropy_with_logits(p, torch.tensor(bits)),
        ),
        (  # PyTorch divides by the number of classes as well
            multiclass_hinge(pred, labels),
            lambda p: 3 * F.multi_margin_loss(p, torch.tensor(labels)),
        ),
    ]:
        tensor = torch.tensor(pred, requires_grad=True)
        expected = theirs(tensor)
        expected.backward()
        assert ours[0] == pytest.approx(expected.item(), rel=1e-13)
        np.testing.assert_allclose(ours[1], tensor.grad.numpy(), rtol=1e-12, atol=1e-15)
