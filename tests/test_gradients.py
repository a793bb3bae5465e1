"""One check for every gradient in the package.

Each case is a function that returns its value and its pullback, at a point away from
kinks, in float64.  The cotangent is random.  What a case compares with is a centered
difference.
"""

import copy
import inspect
import re

import numpy as np
import pytest

import smnn
from smnn import activations, autograd, functional, layers, losses
from smnn.activations import ACTIVATIONS
from smnn.ensemble import MixtureOfExperts
from smnn.gradcheck import check_layer, check_pullback
from smnn.layers import (
    GRU,
    LSTM,
    Activation,
    AveragePooling2D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    MaxPooling2D,
    MultiHeadAttention,
    PReLU,
    SimpleRNN,
)
from smnn.model import Sequential
from smnn.pullback import with_pullback

RNG = np.random.default_rng(7)
# No entry is within 0.05 of a kink at −1, 0 or 1; some are on every side of all of them.
X = np.array([[-2.7, -1.3, -0.6, -0.1], [0.1, 0.4, 0.7, 1.2], [1.9, 2.6, -0.3, 0.85]])
W = RNG.standard_normal((4, 5))
B = RNG.standard_normal(5)
LABELS = np.array([2, 0, 3])
PROBS = RNG.dirichlet(np.ones(4), size=3)
BITS = np.array([[0, 1, 1, 0], [1, 1, 0, 0], [0, 0.3, 1, 0.5]])
MASK = np.array([[True, False, True], [False, True, True], [True, True, False]])
CLASS_WEIGHTS = np.array([0.5, 2.0, 1.0, 0.0])


def case(forward, *inputs):
    return forward, inputs


def loss_case(loss, pred, target, **options):
    """A loss returns its gradient; its pullback is that gradient times a number."""

    def forward(pred):
        value, dpred = loss(pred, target, **options)
        return value, lambda dvalue: dvalue * dpred

    return forward, (pred,)


def tape_case(function, *inputs):
    """The same for a function of tensors, differentiated by the tape."""

    def forward(*arrays):
        tensors = [autograd.Tensor(array) for array in arrays]
        y = function(*tensors)

        def backward(dy):
            y.backward(dy)
            return tuple(tensor.grad for tensor in tensors)

        return y.data, backward

    return forward, inputs


def linear_cross_entropy_forward(x, W, b):
    loss, grads = functional.linear_cross_entropy(x, W, np.array([4, 0, 2]), b)
    return loss, lambda dloss: tuple(dloss * grad for grad in grads)


def sampled_forward(loss):
    """A loss with fixed draws, whose gradients by rows are written into whole arrays."""
    noise = smnn.UnigramSampler([3, 1, 2, 5, 1])

    def forward(h, weights, b):
        loss_value, (dh, (rows, dW), (_, db)) = loss(
            h, weights, np.array([4, 0, 2]), noise=noise, k=3, b=b, rng=6
        )
        full = dh, np.zeros(weights.shape), np.zeros(b.shape)
        full[1][rows], full[2][rows] = dW, db
        return loss_value, lambda dloss: tuple(dloss * gradient for gradient in full)

    return forward


def ctc_none_forward(logits):
    """Two losses; that of each depends on its own logits alone."""
    losses_of_sequences, dlogits = smnn.ctc_loss(
        logits, [[1, 1], [0, 1]], blank=2, reduction="none"
    )
    return losses_of_sequences, lambda dlosses: dlogits * np.asarray(dlosses)[:, None]


def tree_forward(h):
    tree = smnn.HierarchicalSoftmax.from_counts([3, 1, 2, 5, 1], 4, rng=0)
    value, _, dh = tree.loss(h, np.array([4, 0, 2]))
    return value, lambda dvalue: dvalue * dh


def adaptive_forward(h):
    value, _, dh = smnn.AdaptiveSoftmax(4, [2, 3, 6], rng=0).loss(h, np.array([4, 0, 2]))
    return value, lambda dvalue: dvalue * dh


def sum_rows_forward(values):
    index = np.array([1, 0, 1])
    return smnn.sum_rows(index, values)[1], lambda dsums: dsums[index]


CASES = {
    **{
        f"activation {name}": case(with_pullback(f, vjp), X)
        for name, (f, vjp) in ACTIVATIONS.items()
    },
    "prelu, a slope a feature": case(
        with_pullback(activations.prelu, activations.prelu_vjp), X, [0.1, 0.2, 0.3, 0.4]
    ),
    "prelu, one slope": case(with_pullback(activations.prelu, activations.prelu_vjp), X, 0.25),
    "softmax, axis 0": case(
        with_pullback(
            lambda x: functional.softmax(x, axis=0),
            lambda dy, y, x: functional.softmax_vjp(dy, y, axis=0),
        ),
        X,
    ),
    "log_softmax": case(
        with_pullback(
            functional.log_softmax, lambda dy, y, x: functional.log_softmax_vjp(dy, y)
        ),
        X,
    ),
    "logsumexp": case(with_pullback(functional.logsumexp, functional.logsumexp_vjp), X),
    **{
        f"entmax, alpha {alpha}": case(
            with_pullback(functional.entmax, functional.entmax_vjp, alpha=alpha), X / 4
        )
        for alpha in (1, 1.3, 1.5, 2, 2.6)
    },
    "sparsemax, axis 0": case(
        with_pullback(functional.sparsemax, functional.sparsemax_vjp, axis=0), X / 4
    ),
    "loss softmax_cross_entropy": loss_case(functional.softmax_cross_entropy, X, LABELS),
    "loss softmax_cross_entropy, probabilities": loss_case(
        functional.softmax_cross_entropy, X, PROBS
    ),
    "loss softmax_cross_entropy, smoothed and weighted": loss_case(
        functional.softmax_cross_entropy, X, LABELS, weight=CLASS_WEIGHTS, label_smoothing=0.1
    ),
    "loss softmax_cross_entropy, a row ignored": loss_case(
        functional.softmax_cross_entropy, X, LABELS, ignore_index=0, reduction="sum"
    ),
    "loss mse": loss_case(losses.mse, X, BITS),
    "loss binary_cross_entropy_with_logits": loss_case(
        losses.binary_cross_entropy_with_logits, X, BITS
    ),
    "loss huber": loss_case(losses.huber, X, BITS),
    "loss multiclass_hinge": loss_case(losses.multiclass_hinge, X, LABELS),
    "loss ctc_loss": loss_case(
        smnn.ctc_loss, RNG.standard_normal((6, 3, 4)), [[2, 2, 1], [1, 3, 0], [3, 0, 0]],
        input_lengths=[6, 6, 4], label_lengths=[3, 2, 0],
    ),
    "loss ctc_loss, another blank, none": case(
        ctc_none_forward, RNG.standard_normal((5, 2, 3)) * 3
    ),
    **{
        f"loss fenchel_young_loss, alpha {alpha}, {kind}": loss_case(
            losses.fenchel_young_loss, X, target, alpha=alpha
        )
        for alpha in (1, 1.3, 1.5, 2, 2.6)
        for kind, target in (("labels", LABELS), ("probabilities", PROBS))
    },
    **{
        f"loss focal_loss, gamma {gamma}": loss_case(losses.focal_loss, X, LABELS, gamma=gamma)
        for gamma in (0, 0.5, 2, 5)
    },
    "loss load_balancing_loss": loss_case(
        losses.load_balancing_loss, PROBS, np.arange(2 * len(PROBS)).reshape(-1, 2) % 3
    ),
    "loss distillation_loss": loss_case(losses.distillation_loss, X, X[::-1], temperature=2.0),
    "linear_cross_entropy": case(linear_cross_entropy_forward, X, W, B),
    "attention": case(functional.attention, X, W.T[:3, :4], W.T[1:4]),
    "attention, causal": case(
        lambda q, k, v: functional.attention(q, k, v, causal=True), X, X[::-1], X[:, :2]
    ),
    "attention, all at once": case(
        lambda q, k, v: functional.attention(
            q, k, v, mask=MASK, scale=-0.7, softcap=1.5, sink=[0.0, 2.0, -1.0]
        ),
        X, X[::-1], X,
    ),
    "attention, batches that broadcast": case(
        functional.attention,
        RNG.standard_normal((2, 1, 3, 2)), RNG.standard_normal((3, 4, 2)),
        RNG.standard_normal((4, 5)),
    ),
    "negative_sampling_loss": case(sampled_forward(smnn.negative_sampling_loss), X, W.T, B),
    "nce_loss": case(sampled_forward(smnn.nce_loss), X, W.T, B),
    "sampled_softmax_loss": case(sampled_forward(smnn.sampled_softmax_loss), X, W.T, B),
    "HierarchicalSoftmax": case(tree_forward, X),
    "AdaptiveSoftmax": case(adaptive_forward, X),
    "sum_rows": case(sum_rows_forward, X),
    "tape add, broadcast": tape_case(lambda a, b: a + b, X, X[:1]),
    "tape subtract": tape_case(lambda a, b: a - b, X, X[0]),
    "tape multiply, broadcast": tape_case(lambda a, b: a * b, X, X[:, :1]),
    "tape divide": tape_case(lambda a, b: a / b, X, X + 4),
    "tape numbers on the left": tape_case(lambda a: (2 - a) * 3 + 1 / (a + 4), X),
    "tape negate and power": tape_case(lambda a: (-a) ** 3 + a**2, X),
    "tape square root": tape_case(lambda a: a**0.5, np.abs(X)),
    "tape matmul": tape_case(lambda a, b: a @ b, X, W),
    "tape matmul, batches": tape_case(
        lambda a, b: a @ b, RNG.standard_normal((2, 3, 4)), RNG.standard_normal((4, 2))
    ),
    "tape matmul, vectors": tape_case(lambda a, b: a @ b, X[0], X[1]),
    "tape matmul, vector and matrix": tape_case(lambda a, b: a @ b, X[0], W),
    "tape matmul, matrix and vector": tape_case(lambda a, b: a @ b, X, X[0]),
    "tape exp": tape_case(lambda a: a.exp(), X),
    "tape log": tape_case(lambda a: a.log(), np.abs(X)),
    "tape sum": tape_case(lambda a: a.sum(), X),
    "tape sum, axis": tape_case(lambda a: a.sum(0), X),
    "tape sum, axes kept": tape_case(lambda a: a.sum((0, -1), keepdims=True), X),
    "tape mean, axis": tape_case(lambda a: a.mean(-1), X),
    "tape max": tape_case(lambda a: a.max(), X),
    "tape max, axis": tape_case(lambda a: a.max(1, keepdims=True), X),
    "tape reshape": tape_case(lambda a: a.reshape(2, 6) @ np.ones((6, 1)), X),
    "tape transpose": tape_case(lambda a: a.T @ a, X),
    "tape transpose, axes": tape_case(
        lambda a: a.transpose(1, 2, 0), RNG.standard_normal((2, 3, 4))
    ),
    "tape slices": tape_case(lambda a: a[1:, ::2] * a[:2, 1::2], X),
    "tape labels": tape_case(lambda a: a[np.arange(3), LABELS], X),
    "tape an entry taken twice": tape_case(lambda a: a[np.array([0, 0, 2])], X),
    "tape softmax in steps": tape_case(
        lambda a: -(((a - a.max(1, keepdims=True)).exp()
                     / (a - a.max(1, keepdims=True)).exp().sum(1, keepdims=True)
                     )[np.arange(3), LABELS].log().mean()),
        X,
    ),
    "tape a pair of value and derivative": tape_case(
        lambda a: autograd.apply(with_pullback(*ACTIVATIONS["gelu"]), a) * a, X
    ),
    "tape a loss": tape_case(
        lambda a, w, b: autograd.apply_loss(
            functional.softmax_cross_entropy, a @ w + b, np.array([4, 0, 2])
        ),
        X, W, B,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_gradient(name):
    forward, inputs = CASES[name]
    report = check_pullback(forward, *inputs, rng=1)
    assert report.ok, f"{name}\n{report}"
    if name != "activation step":
        assert all(part.numeric.any() for part in report.parts.values()), "compared with zero"


SHARED = Dense(4, "tanh")
LAYERS = {
    **{f"Dense {name}": (Dense(3, name), (4,), X) for name in (None, *ACTIVATIONS)},
    "Dense, no bias": (Dense(3, "tanh", use_bias=False), (4,), None),
    "Dense, many axes": (Dense(3, "tanh"), (2, 4), None),
    "Activation with options": (Activation("leaky_relu", slope=0.3), (4,), X),
    "Activation, sigmoid scaled": (Activation("sigmoid", scale=3.0, shift=0.5), (4,), X),
    "Activation, elu": (Activation("elu", alpha=2.0), (4,), X),
    "Activation of one's own": (Activation(np.sin), (4,), None),
    "Activation and its derivative": (Activation(np.sin, np.cos), (4,), None),
    "PReLU": (PReLU(), (4,), X),
    "PReLU, many axes": (PReLU(), (2, 4), None),
    "Dropout in training": (Dropout(0.4, rng=3), (8,), None),
    "Embedding": (Embedding(6, 3), (2,), np.array([[1, 5], [1, 1], [0, 2]])),
    "MixtureOfExperts": (MixtureOfExperts([Dense(3, "tanh"), Dense(3), Dense(3)]), (4,), X),
    "MixtureOfExperts, the best two, many axes": (
        MixtureOfExperts(
            [Conv2D(2, 2), Conv2D(2, 2, "tanh"), Conv2D(2, 2)],
            top_k=2,
            gate=Sequential([Flatten(), Dense(3)]),
        ),
        (3, 3, 1),
        None,
    ),
    "Flatten": (Flatten(), (2, 3), None),
    "Conv2D": (Conv2D(2, (3, 2), "tanh", strides=(1, 2)), (5, 6, 2), None),
    "Conv2DTranspose": (Conv2DTranspose(2, 3, "tanh", strides=2, padding="same"), (2, 3, 2), None),
    "MaxPooling2D": (MaxPooling2D(3, 2, "same"), (5, 6, 2), None),
    "AveragePooling2D": (AveragePooling2D(3, 2, "same"), (5, 6, 2), None),
    "SimpleRNN": (SimpleRNN(4), (5, 3), None),
    "SimpleRNN, all states, relu": (SimpleRNN(4, "relu", return_sequences=True), (5, 3), None),
    "LSTM": (LSTM(19), (5, 3), None),
    "LSTM, all states": (LSTM(3, return_sequences=True), (5, 3), None),
    "GRU": (GRU(19), (5, 3), None),
    "GRU, all states": (GRU(3, return_sequences=True), (5, 3), None),
    "LayerNorm": (LayerNorm(), (2, 4), None),
    "MultiHeadAttention": (MultiHeadAttention(2, 3), (5, 4), None),
    "MultiHeadAttention, causal": (MultiHeadAttention(2, 3, causal=True), (5, 4), None),
    "Sequential": (Sequential([Dense(5, "tanh"), Dropout(0.2), Dense(3)], rng=0), (4,), None),
    "Sequential, a softmax in it": (
        Sequential([Dense(5, "softmax"), Dense(3, "gelu"), Activation("softmax")], rng=0),
        (4,),
        None,
    ),
    "Sequential, a layer used twice": (
        Sequential([SHARED, Activation("silu"), SHARED, Dense(2)], rng=0),
        (4,),
        None,
    ),
    "Sequential in Sequential": (
        Sequential([Dense(4), Sequential([PReLU(), Dense(3, "selu")]), Dense(2)], rng=0),
        (4,),
        None,
    ),
    "Sequential, from words": (
        Sequential([Embedding(6, 3), Flatten(), Dense(4, "tanh"), Dense(2)], rng=0),
        (2,),
        np.array([[1, 5], [1, 1], [0, 2]]),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_gradient(name):
    layer, input_shape, x = LAYERS[name]
    report = check_layer(layer, input_shape, x=x, training=True, rng=5)
    assert report.ok, f"{name}\n{report}"


def built(name, dtype="float64"):
    """A copy of a layer of the table with its weights, and rows for it."""
    layer, input_shape, x = LAYERS[name]
    layer = copy.deepcopy(layer)
    layer.build(input_shape, dtype)
    x = np.random.default_rng(7).normal(size=(3, *input_shape)) if x is None else x
    return layer, x if x.dtype.kind == "i" else x.astype(dtype)


WITH_WEIGHTS = [name for name in LAYERS if built(name)[0].params]


@pytest.mark.parametrize(
    "name", [name for name in WITH_WEIGHTS if built(name)[1].dtype.kind == "f"]
)
def test_a_layer_with_weights_refuses_another_number_of_features(name):
    layer, x = built(name)
    wider = np.concatenate([x, x[..., :1]], axis=-1)
    for wrong in (wider, x[..., :1])[: x.shape[-1]]:
        with pytest.raises(smnn.ShapeError, match="got"):
            layer.forward(wrong)


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_a_pullback_belongs_to_its_forward_pass(name):
    layer, x = built(name)
    y, backward = layer.forward(x)
    dy = np.random.default_rng(8).normal(size=y.shape)
    dx, grads = copy.deepcopy(backward(dy))
    _, backward = layer.forward(x)
    for value in layer.params.values():
        value += 1
    later_dx, later_grads = backward(dy)
    for name, grad in grads.items():
        np.testing.assert_array_equal(later_grads[name], grad)
    if dx is not None:
        np.testing.assert_array_equal(later_dx, dx)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_of_float32_stays_in_float32(name):
    layer, x = built(name, "float32")
    y, backward = layer.forward(x)
    dx, grads = backward(np.ones(y.shape, y.dtype))
    found = [y, *grads.values(), *([] if dx is None else [dx])]
    assert {array.dtype.name for array in found} == {"float32"}


@pytest.mark.parametrize("activation", ["tanh", "gelu", "softplus"])
@pytest.mark.parametrize("loss", ["softmax", "mse", "hinge"])
def test_gradient_of_a_model_with_its_loss(activation, loss):
    """The whole way back: from the loss through two layers to every parameter."""
    chosen = {
        "softmax": functional.softmax_cross_entropy,
        "mse": lambda pred, target: losses.mse(pred, np.eye(4)[target]),
        "hinge": losses.multiclass_hinge,
    }[loss]
    model = Sequential([Dense(6, activation), Dense(4)], rng=2)
    model.build((4,))

    def forward(x, *values):
        for target, value in zip(model.params.values(), values, strict=True):
            target[...] = value
        pred, backward = model.forward(x, training=True)
        value, dpred = chosen(pred, LABELS)

        def pullback(dvalue):
            dx, grads = backward(dvalue * dpred)
            return dx, *(grads[name] for name in model.params)

        return value, pullback

    values = [value.copy() for value in model.params.values()]
    report = check_pullback(forward, X, *values, names=["x", *model.params], rng=4)
    assert report.ok, f"\n{report}"


def test_nothing_is_left_out():
    names = " ".join([*CASES, *LAYERS])
    classes = {re.match(r"\w+", name)[0] for name in LAYERS}
    for layer in vars(layers).values():
        if inspect.isclass(layer) and issubclass(layer, layers.Layer) and layer is not layers.Layer:
            assert layer.__name__ in classes, f"add a line for {layer.__name__} to LAYERS"
    for module, prefix in ((losses, "loss "), (activations, "")):
        for name in smnn._NAMES_OF_MODULE[module.__name__.removeprefix("smnn.")]:
            if name.islower() and not name.endswith("_vjp") and name != "with_pullback":
                assert f"{prefix}{name}" in names, f"add a case for {prefix}{name} to CASES"
