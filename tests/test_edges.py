"""Numbers at the edges: certain answers, weights of 0, rows that do not count, powers at 0."""

import numpy as np
import pytest

import smnn

INF, NAN = np.inf, np.nan


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "z, t, loss, slope",
    [(-INF, 0, 0, 0), (INF, 1, 0, 0), (-INF, 1, INF, -1), (INF, 0, INF, 1), (0, 0.5, np.log(2), 0)],
)
def test_binary_cross_entropy_of_a_certain_answer(dtype, z, t, loss, slope):
    for target in (t, bool(t)) if t in (0, 1) else (t,):
        found, gradient = smnn.binary_cross_entropy(np.array([z], dtype), np.array([target]))
        assert found == pytest.approx(loss) and gradient[0] == slope
        assert gradient.dtype == dtype


@pytest.mark.parametrize("rows", [1, 3, 40])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_class_weight_of_zero_against_minus_infinity(rows, smoothing, reduction):
    """A label and the same target as a row of probabilities say the same."""
    z = np.zeros((rows, 3))
    z[0, 0] = -INF
    labels = np.zeros(rows, int)
    labels[1:] = 1
    weight = np.array([0.0, 1.0, 1.0])
    options = {"weight": weight, "label_smoothing": smoothing, "reduction": reduction}
    loss, gradient = smnn.softmax_cross_entropy(z, labels, **options)
    assert np.isfinite(gradient).all() or (reduction == "mean" and rows == 1)
    if reduction != "mean":  # whose divisor differs
        same = smnn.softmax_cross_entropy(z, smnn.one_hot(labels, 3), **options)
        np.testing.assert_allclose(loss, same[0], 1e-12)
        np.testing.assert_allclose(gradient, same[1], 1e-12, 1e-15)
    elif rows > 1:
        assert np.isfinite(loss)
    else:
        assert np.isnan(loss)  # a mean over no weight at all


def test_a_class_weight_of_zero_leaves_the_mean_to_the_others():
    z = np.array([[-INF, 0.0, 0.0], [0.0, 0.0, 0.0]])
    found = smnn.cross_entropy(z, [0, 1], weight=[0.0, 1.0, 1.0])
    assert found == pytest.approx(np.log(3))


FUNCTIONS = {
    "cross_entropy": lambda x, t, **o: (smnn.cross_entropy(x, t, **o),),
    "softmax_cross_entropy": lambda x, t, **o: smnn.softmax_cross_entropy(x, t, **o),
    "linear_cross_entropy": lambda x, t, **o: (lambda loss, grads: (loss, *grads))(
        *smnn.linear_cross_entropy(x, np.eye(3), t, np.zeros(3), **o)
    ),
}


@pytest.mark.parametrize("ignore_index", [-100, 0, 2])
@pytest.mark.parametrize("dirt", [NAN, INF, -INF])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_ignored_row_poisons_nothing(name, reduction, dirt, ignore_index):
    x = np.random.default_rng(0).normal(size=(6, 3))
    labels = np.array([1, ignore_index, 1, ignore_index, 1, 1])
    clean = FUNCTIONS[name](x, labels, ignore_index=ignore_index, reduction=reduction)
    x[labels == ignore_index] = dirt
    found = FUNCTIONS[name](x, labels, ignore_index=ignore_index, reduction=reduction)
    for one, other in zip(found, clean, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 3, 4)])
def test_what_a_mask_leaves_out_gives_and_receives_no_gradient(shape):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=shape), rng.normal(size=shape)
    where = rng.random(shape) < 0.6
    where[..., 0] = True
    y = smnn.log_softmax(x, where=where)
    dx = smnn.log_softmax_vjp(dy, y)
    assert (dx[~where] == 0).all()
    masked = np.where(where, dy, 0)
    expected = np.where(where, masked - np.exp(y) * masked.sum(axis=-1, keepdims=True), 0)
    np.testing.assert_allclose(dx, expected, 1e-12, 1e-15)
    assert smnn.log_softmax_vjp([0.3, -1.0, 7.0], [-1.0, -INF, -0.46])[1] == 0


@pytest.mark.parametrize("exponent", [0, 0.0, 1, 2, 3.0, np.float32(2), np.int64(0)])
def test_the_derivative_of_a_power_at_zero(exponent):
    x = smnn.Tensor(np.array([0.0, 2.0]))
    (x**exponent).sum().backward()
    derivative = {0: [0, 0], 1: [1, 1], 2: [0, 4], 3: [0, 12]}[int(exponent)]
    np.testing.assert_allclose(x.grad, derivative)


@pytest.mark.parametrize("order", [(0, 2, 1), (0, -1, 1), (-1, 0, 1), (-1, -2, -3), (2, 0, 1)])
def test_transposing_by_negative_axes(order):
    w = np.arange(24.0).reshape(2, 3, 4)
    x = smnn.Tensor(w.copy())
    y = x.transpose(*order)
    (y * w.transpose(order)).sum().backward()
    np.testing.assert_array_equal(x.grad, w)
    np.testing.assert_array_equal(x.transpose(order).data, y.data)
    with pytest.raises(ValueError, match="axis"):
        x.transpose(0, 0, 1)


@pytest.mark.parametrize("axis", [0, -1, -2, (0, -1), None])
def test_reductions_along_negative_axes(axis):
    x = smnn.Tensor(np.random.default_rng(0).normal(size=(3, 4)))
    for reduce in ("sum", "mean", "max"):
        x.grad = None
        y = getattr(x, reduce)(axis)
        (y * y).sum().backward()

        def value(x, reduce=reduce):
            return np.sum(getattr(np, reduce)(x, axis) ** 2)

        np.testing.assert_allclose(x.grad, smnn.numerical_jacobian(value, x.data), 1e-6, 1e-8)


@pytest.mark.parametrize("make", [
    lambda: smnn.Dense(3, "tanh", rng=0),
    lambda: smnn.PReLU(),
    lambda: smnn.Sequential([smnn.Dense(4, "relu"), smnn.PReLU(), smnn.Dense(2)], rng=0),
])  # fmt: skip
@pytest.mark.parametrize("move", ["step", "write", "one entry"])
def test_a_pullback_is_that_of_its_own_forward_pass(make, move):
    layer, x = make(), np.random.default_rng(0).normal(size=(4, 3))
    y, backward = layer.forward(x, training=True)
    dy = np.ones_like(y)
    dx, grads = backward(dy)
    for name, value in layer.params.items():
        if move == "step":
            smnn.SGD(1.0).step(layer.params, {name: grads[name]})
        elif move == "write":
            value[...] = 7
        else:
            value.reshape(-1)[0] += 1
    again, same = backward(dy)
    np.testing.assert_array_equal(again, dx)
    for name in grads:
        np.testing.assert_array_equal(same[name], grads[name])


def test_a_tensor_remembers_what_it_was_computed_from():
    w = smnn.Tensor(np.array([1.0, 2.0]))
    y = (w * w).sum()
    w.data[...] = 100
    y.backward()
    np.testing.assert_array_equal(w.grad, [2.0, 4.0])


@pytest.mark.parametrize("make", [
    lambda: smnn.Dropout(0.5),
    lambda: smnn.Dropout(0.5, rng=1),
    lambda: smnn.Sequential([smnn.Dense(4), smnn.Dropout(0.5), smnn.Dense(2)]),
    lambda: smnn.Sequential([smnn.Sequential([smnn.Dropout(0.3)]), smnn.Dense(2)]),
])  # fmt: skip
@pytest.mark.parametrize("seed", [0, 1, None])
def test_a_random_layer_is_checked_with_the_same_draws(make, seed):
    assert smnn.check_layer(make(), (3,), training=True, rng=seed)
