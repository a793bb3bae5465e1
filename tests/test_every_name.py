"""Every public name with every kind of input: floating results, kept dtypes, no crash.

`CALLS` says how to call a name on a table of numbers, and `NOT_CALLED` why a name is not in it.
A new public name has to come into one of the two.
"""

import inspect

import numpy as np
import pytest

import smnn

RNG = np.random.default_rng(0)
BASE = RNG.integers(-3, 4, (4, 3))
LABELS = np.array([0, 2, 1, 1])


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


# how the table is given -> (the table, the floating dtype of a result)
INPUTS = {
    "int64": (BASE, "float64"),
    "int8": (BASE.astype(np.int8), "float64"),
    "uint8": (np.abs(BASE).astype(np.uint8), "float64"),
    "a list": (BASE.tolist(), "float64"),
    "float16": (BASE.astype(np.float16), "float16"),
    "float32": (BASE.astype(np.float32), "float32"),
    "float64": (BASE.astype(np.float64), "float64"),
    "read-only": (read_only(BASE.astype(np.float32)), "float32"),
    "Fortran order": (np.asfortranarray(BASE, np.float32), "float32"),
    "every second": (np.repeat(BASE, 2, 1).astype(np.float32)[:, ::2], "float32"),
    "other byte order": (BASE.astype(">f4"), "float32"),
    "not aligned": (
        np.frombuffer(b"_" + BASE.astype(np.float32).tobytes(), "V1")[1:]
        .view(np.float32)
        .reshape(BASE.shape),
        "float32",
    ),
    "one row": (BASE[:1].astype(np.float32), "float32"),
    "no row": (BASE[:0].astype(np.float32), "float32"),
}


def rows_of(x):
    return len(x)


def labels_for(x):
    return LABELS[: len(x)]


def same_shape(x):
    return np.shape(x)


def activation(name):
    return lambda x: getattr(smnn, name)(x), same_shape


def pullback(name, **options):
    def call(x):
        y = getattr(smnn, name)(x, **options)
        return getattr(smnn, f"{name}_vjp")(np.ones_like(y), y, x, **options)

    return call, same_shape


def sampled_loss(name):
    def call(x):
        W, noise = np.ones((5, 3), np.float16), [0.2] * 5
        return getattr(smnn, name)(x, W, labels_for(x), noise=noise, rng=0)[1][0]

    return call, same_shape


def layer(make, shape=same_shape):
    def call(x):
        made = make()
        y = made(x)
        again, backward = made.forward(np.asarray(x), training=True)
        dx, _ = backward(np.ones_like(again))
        assert dx.dtype == y.dtype and np.shape(dx) == np.shape(x)
        for value in made.params.values():
            assert value.dtype.kind == "f"
        return y

    return call, shape


def model(x):
    made = smnn.Sequential([smnn.Dense(2, "tanh"), smnn.Dense(3)], rng=0)
    y = made(x)
    assert {value.dtype.name for value in made.params.values()} == {"float64"}
    np.testing.assert_array_equal(made.predict(x, batch_size=3), y)
    return y.astype(smnn.relu(x).dtype)  # a model computes in its own dtype


def attention(x):
    out, backward = smnn.attention(x, x, x)
    assert {gradient.dtype for gradient in backward(out)} == {out.dtype}
    return out


ELEMENTWISE = [name for name in smnn.ACTIVATIONS if name != "softmax"]
CALLS = {
    **{name: activation(name) for name in ELEMENTWISE},
    **{f"{name}_vjp": pullback(name) for name in ELEMENTWISE},
    "softmax": activation("softmax"),
    "log_softmax": activation("log_softmax"),
    "softmax_vjp": pullback("softmax"),
    "log_softmax_vjp": pullback("log_softmax"),
    "logsumexp": (lambda x: smnn.logsumexp(x), lambda x: np.shape(x)[:1]),
    "logsumexp_vjp": pullback("logsumexp"),
    "sparsemax": activation("sparsemax"),
    "entmax": activation("entmax"),
    "sparsemax_vjp": pullback("sparsemax"),
    "entmax_vjp": pullback("entmax", alpha=1.3),
    "softmax_jacobian": (
        lambda x: smnn.softmax_jacobian(smnn.softmax(x)),
        lambda x: (*np.shape(x), np.shape(x)[1]),
    ),
    "prelu": (lambda x: smnn.prelu(x, 0.5), same_shape),
    "prelu_vjp": (
        lambda x: smnn.prelu_vjp(np.ones_like(smnn.relu(x)), smnn.prelu(x, 0.5), x, 0.5)[0],
        same_shape,
    ),
    "cross_entropy": (
        lambda x: smnn.cross_entropy(x, labels_for(x), reduction="none"),
        lambda x: np.shape(x)[:1],
    ),
    "softmax_cross_entropy": (
        lambda x: smnn.softmax_cross_entropy(x, labels_for(x))[1],
        same_shape,
    ),
    "linear_cross_entropy": (
        lambda x: smnn.linear_cross_entropy(x, np.ones((3, 5), np.float16), labels_for(x))[1][0],
        same_shape,
    ),
    "attention": (attention, same_shape),
    "negative_sampling_loss": sampled_loss("negative_sampling_loss"),
    "nce_loss": sampled_loss("nce_loss"),
    "sampled_softmax_loss": sampled_loss("sampled_softmax_loss"),
    "sum_rows": (lambda x: smnn.sum_rows(np.arange(len(x)), x)[1], same_shape),
    "merge_logsumexp": (lambda x: smnn.merge_logsumexp((x, x), (x, x))[1], same_shape),
    "mse": (lambda x: smnn.mse(x, x)[1], same_shape),
    "huber": (lambda x: smnn.huber(x, x)[1], same_shape),
    "binary_cross_entropy": (
        lambda x: smnn.binary_cross_entropy(x, np.ones(np.shape(x), bool))[1],
        same_shape,
    ),
    "binary_cross_entropy_with_logits": (
        lambda x: smnn.binary_cross_entropy_with_logits(x, np.zeros(np.shape(x), int))[1],
        same_shape,
    ),
    "fenchel_young_loss": (
        lambda x: smnn.fenchel_young_loss(x, labels_for(x), alpha=1.5)[1],
        same_shape,
    ),
    "focal_loss": (lambda x: smnn.focal_loss(x, labels_for(x))[1], same_shape),
    "distillation_loss": (
        lambda x: smnn.distillation_loss(x, np.zeros(np.shape(x), int), temperature=2.0)[1],
        same_shape,
    ),
    "multiclass_hinge": (lambda x: smnn.multiclass_hinge(x, labels_for(x))[1], same_shape),
    "Activation": layer(lambda: smnn.Activation("tanh")),
    "Dense": layer(lambda: smnn.Dense(2, rng=0), lambda x: (len(x), 2)),
    "Dropout": layer(lambda: smnn.Dropout(0.5, rng=0)),
    "PReLU": layer(lambda: smnn.PReLU()),
    "LayerNorm": layer(lambda: smnn.LayerNorm()),
    "Flatten": (lambda x: smnn.Flatten()(x) * 1.0, same_shape),
    "Sequential": (model, same_shape),
    "Tensor": (lambda x: (smnn.Tensor(x) * np.float64(2)).data, same_shape),
    "apply": (
        lambda x: smnn.apply(smnn.with_pullback(smnn.relu, smnn.relu_vjp), x).data,
        same_shape,
    ),
}
NOT_CALLED = {
    "takes other things than a table of numbers, and has tests of its own": {
        "ACTIVATIONS", "INITIALIZERS", "AND", "NAND", "NOT", "OR", "Adaline", "LogisticNeuron",
        "Perceptron", "ThresholdUnit", "Embedding", "Layer", "one_hot", "with_pullback",
        "apply_layer", "apply_loss", "get_num_threads", "set_num_threads", "release_buffers",
        "show_versions", "AdaptiveSoftmax", "HierarchicalSoftmax", "UnigramSampler",
    },
    "takes images, and has tests of its own": {
        "AveragePooling2D", "Conv2D", "Conv2DTranspose", "MaxPooling2D",
    },
    "takes sequences, and has tests of its own": {"GRU", "LSTM", "MultiHeadAttention", "SimpleRNN"},
    "takes frames of several sequences, and has tests of its own": {
        "ctc_beam_search", "ctc_greedy_decode", "ctc_loss",
    },
    "takes gates and choices, or models, and has tests of its own": {
        "Ensemble", "MixtureOfExperts", "load_balancing_loss",
    },
    "draws at random": {"beam_search", "generate", "sample", "sample_without_replacement"},
    "makes arrays from a shape": {
        "get_initializer", "glorot", "he", "lecun", "orthogonal", "zeros",
    },
    "checks gradients in float64": {
        "Comparison", "GradientReport", "centered_difference", "check_layer", "check_pullback",
        "check_vjp", "numerical_jacobian",
    },
    "is an exception": {"ShapeError", "TrainingDiverged"},
    "changes parameters": {
        "SGD", "Adam", "AdamW", "Optimizer", "clip_gradients", "cosine_decay",
        "exponential_decay", "step_decay", "warmup",
    },
    "is a metric: a number of labels and scores": {
        "accuracy", "confusion_matrix", "expected_calibration_error", "negative_log_likelihood",
        "perplexity", "reliability_curve", "top_k_accuracy",
    },
    "trains": {
        "Callback", "Checkpoint", "EarlyStopping", "History", "ProgressBar", "Run",
        "SoftmaxClassifier", "StepRecorder", "conditional_logit", "evaluate", "fit", "minibatches",
    },
    "gives data": {
        "Dataset", "load_breast_cancer", "load_digits", "load_iris", "load_mnist",
        "load_mnist_subset", "load_wine", "make_blobs", "make_moons", "make_spirals", "make_xor",
        "read_idx",
    },
}  # fmt: skip


def test_no_public_name_is_left_out():
    left_out = set().union(*NOT_CALLED.values())
    assert left_out.isdisjoint(CALLS)
    listed = left_out | set(CALLS)
    assert listed == set(smnn.__all__), "each name has a line in CALLS, or a reason in NOT_CALLED"


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", CALLS)
def test_results_are_floating_and_keep_shape_and_dtype(name, kind):
    x, dtype = INPUTS[kind]
    before = np.array(x)
    call, shape = CALLS[name]
    found = call(x)
    assert np.shape(found) == shape(x)
    assert found.dtype == dtype, f"{found.dtype} and not {dtype}"
    np.testing.assert_array_equal(np.array(x), before)


@pytest.mark.parametrize("name", CALLS)
def test_integers_give_what_floats_give(name):
    call, _ = CALLS[name]
    for kind in ("int8", "a list", "int64"):
        np.testing.assert_array_equal(call(INPUTS[kind][0]), call(BASE.astype(np.float64)))


@pytest.mark.parametrize("function", ["sigmoid", "leaky_relu", "elu"])
@pytest.mark.parametrize("number", [np.float64, np.float32, np.float16, np.int64, int, np.array])
def test_options_of_numpy_do_not_change_the_dtype(function, number):
    options = {
        "sigmoid": {"scale": number(2), "shift": number(1)},
        "leaky_relu": {"slope": number(0)},
        "elu": {"alpha": number(2)},
    }[function]
    x = BASE.astype(np.float32)
    y = getattr(smnn, function)(x, **options)
    options.pop("shift", None)
    dx = getattr(smnn, f"{function}_vjp")(np.ones_like(y), y, x, **options)
    assert y.dtype == dx.dtype == np.float32


BOOLEANS = np.array([[True, False, True]])


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Dense", "Dropout", "PReLU", "Sequential"])
def test_booleans_are_the_numbers_0_and_1_where_they_are_natural(name):
    call, _ = CALLS[name]
    np.testing.assert_array_equal(call(BOOLEANS), call(BOOLEANS.astype(float)))


def test_gates_take_booleans():
    assert smnn.AND(True, False) == 0 and smnn.OR(True, False) == 1 and smnn.NOT(True) == 0


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "cross_entropy"])
@pytest.mark.parametrize(
    "x", [BOOLEANS, BOOLEANS.astype(complex), np.array([["a", "b", "c"]]), np.array([[None, 1, 2]])]
)
def test_what_is_no_score_is_refused(name, x):
    arguments = ([0],) if name == "cross_entropy" else ()
    with pytest.raises(TypeError, match="must hold float16, float32, float64 or integer numbers"):
        getattr(smnn, name)(x, *arguments)


@pytest.mark.parametrize(
    "name", [n for n in smnn.__all__ if n.endswith("_vjp") and n != "check_vjp"]
)
def test_a_plain_number_as_gradient_keeps_the_dtype(name):
    if name.endswith(("max_vjp", "logsumexp_vjp", "prelu_vjp")):
        pytest.skip("takes a gradient of the shape of the output")
    x = BASE.astype(np.float32)
    y = getattr(smnn, name.removesuffix("_vjp"))(x)
    assert getattr(smnn, name)(1, y, x).dtype == np.float32
    assert getattr(smnn, name)(1.0, y, x).dtype == np.float32


def test_every_signature_can_be_shown():
    for name in smnn.__all__:
        value = getattr(smnn, name)
        assert inspect.getdoc(value)
        if inspect.isroutine(value) or name in CALLS:
            # A help text names its types, as "ArrayLike", and does not spell them out.
            assert "numpy._typing" not in str(inspect.signature(value)), name
