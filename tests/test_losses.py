"""Losses: values, bad input, large numbers.  Their gradients are in test_gradients.py."""

import numpy as np
import pytest

from smnn import binary_cross_entropy, mse, multiclass_hinge


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
