"""Recurrent layers, attention over a sequence and layer normalization, with lengths.

They are held against loops over time, ONNX, PyTorch, and sequences that are cut off.
"""

import numpy as np
import pytest
from attention_cases import naive_attention
from test_conformance import attributes_of, cases_of

import smnn
from smnn import (
    GRU,
    LSTM,
    Dense,
    Flatten,
    LayerNorm,
    MultiHeadAttention,
    Sequential,
    SimpleRNN,
    reference,
)
from smnn.functional.backend import kernels
from smnn.layers.sequences import is_past

RNG = np.random.default_rng(0)
RECURRENT = [SimpleRNN, LSTM, GRU]
SEEDS = range(40)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def states_by_loops(layer, x):
    """Every state of one sequence (T, features), by the formulas."""
    W, U, b = layer.params["W"], layer.params["U"], layer.params["b"]
    n = layer.units
    h, c, states = np.zeros(n), np.zeros(n), []
    for row in x:
        z = row @ W + b
        if isinstance(layer, SimpleRNN):
            h = np.tanh(z + h @ U)
        elif isinstance(layer, LSTM):
            i, f, candidate, o = np.split(z + h @ U, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(candidate)
            h = sigmoid(o) * np.tanh(c)
        else:
            update, r = np.split(sigmoid(z[: 2 * n] + h @ U[:, : 2 * n]), 2)
            candidate = np.tanh(z[2 * n :] + (r * h) @ U[:, 2 * n :])
            h = update * h + (1 - update) * candidate
        states.append(h)
    return np.array(states).reshape(len(x), n)


def random_case(seed, kind):
    """A layer with random numbers in it, sequences, and how long each is."""
    rng = np.random.default_rng(seed)
    count, steps, features, units = (int(rng.integers(1, most)) for most in (6, 9, 6, 25))
    layer = kind(units, return_sequences=bool(rng.random() < 0.5))
    layer.build((steps, features))
    for value in layer.params.values():
        value[...] = rng.normal(size=value.shape)
    x = rng.normal(size=(count, steps, features))
    return layer, x, rng.integers(0, steps + 1, count)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrence_by_loops(kind, seed):
    layer, x, lengths = random_case(seed, kind)
    for given in (None, lengths):
        expected = []
        for sequence, length in zip(x, [len(x[0])] * len(x) if given is None else given,
                                    strict=True):  # fmt: skip
            states = np.zeros((len(x[0]), layer.units))
            states[:length] = states_by_loops(layer, sequence[:length])
            last = states[length - 1] if length else np.zeros(layer.units)
            expected.append(states if layer.return_sequences else last)
        found = layer(x, lengths=given)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("kind", RECURRENT)
def test_backpropagation_through_time(kind, return_sequences, steps):
    layer = kind(5, return_sequences=return_sequences)
    assert smnn.check_layer(layer, (steps, 3), rng=steps).ok


class WithLengths(smnn.Sequential):
    """A layer that is always called with the same lengths."""

    def __init__(self, layer, lengths):
        super().__init__([layer])
        self.lengths = lengths

    def forward(self, x, training=False):
        return super().forward(x, training, self.lengths)


def layers_of_sequences():
    for kind in RECURRENT:
        for return_sequences in (True, False):
            yield kind(19, return_sequences=return_sequences)
    yield MultiHeadAttention(2, 3)
    yield MultiHeadAttention(1, 4, causal=True)
    yield smnn.Sequential(
        [smnn.Dense(4, "tanh"), LSTM(3, return_sequences=True), MultiHeadAttention(2, 2),
         LayerNorm(eps=0.1), GRU(4), smnn.Dense(2)], rng=0,
    )  # fmt: skip


@pytest.mark.parametrize("layer", [*layers_of_sequences()], ids=lambda layer: type(layer).__name__)
def test_gradients_with_lengths(layer):
    layer.build((5, 3), rng=0)
    for value in layer.params.values():
        value *= 3
    lengths = np.array([3, 0, 5, 1])
    x = np.random.default_rng(6).normal(size=(4, 5, 3))
    report = smnn.check_layer(WithLengths(layer, lengths), (5, 3), x=x, rng=1)
    assert report.ok, f"\n{report}"
    # With smaller weights, rounding would drown the gradients behind the attention's scores.
    assert min(np.abs(part.analytic).max() for part in report.parts.values()) > 0.3
    assert not report.parts["dx"].analytic[is_past(lengths, 5)].any()


@pytest.mark.parametrize("layer", [*layers_of_sequences()], ids=lambda layer: type(layer).__name__)
def test_what_lies_past_the_end_is_not_read(layer):
    layer.build((5, 3))
    lengths = np.array([3, 0, 5, 1])
    x = RNG.normal(size=(4, 5, 3))
    poisoned = x.copy()
    poisoned[is_past(lengths, 5)] = np.nan
    (y, backward), (other, other_backward) = (
        layer.forward(values, lengths=lengths) for values in (x, poisoned)
    )
    np.testing.assert_array_equal(y, other)
    dy = RNG.normal(size=y.shape)
    for name, value in backward(dy)[1].items():
        np.testing.assert_array_equal(value, other_backward(dy)[1][name])
        assert np.isfinite(value).all()


@pytest.mark.parametrize("layer", [*layers_of_sequences()], ids=lambda layer: type(layer).__name__)
def test_a_sequence_does_what_it_does_when_it_is_cut_off(layer):
    layer.build((5, 3))
    x = RNG.normal(size=(4, 5, 3))
    y = layer(x, lengths=[2] * 4)
    short = layer(x[:, :2])
    np.testing.assert_allclose(y[:, :2] if y.ndim == 3 else y, short, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(layer(x, lengths=[5] * 4), layer(x), rtol=1e-12)


@pytest.mark.parametrize("kind", RECURRENT)
def test_time_reversed_twice_is_the_same_and_once_is_not(kind):
    layer, x = kind(5, return_sequences=True, rng=0), RNG.normal(size=(3, 6, 2))
    layer.build(x.shape[1:])
    backwards = layer(x[:, ::-1])
    expected = [states_by_loops(layer, sequence[::-1]) for sequence in x]
    np.testing.assert_allclose(backwards, expected, rtol=1e-10, atol=1e-12)
    assert np.abs(layer(x) - backwards[:, ::-1]).max() > 1e-3
    np.testing.assert_array_equal(layer(x[:, ::-1][:, ::-1]), layer(x))


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_first_layer_takes_no_gradient_of_its_input(kind):
    layer, x, lengths = random_case(3, kind)
    y, backward = layer.forward_first(x, lengths=lengths)
    dx, grads = backward(y, input_gradient=False)
    assert dx is None
    for name, value in layer.forward(x, lengths=lengths)[1](y)[1].items():
        np.testing.assert_array_equal(grads[name], value)


@pytest.mark.parametrize("kind", RECURRENT)
def test_the_way_back_is_that_of_its_own_forward_pass(kind):
    layer, x, _ = random_case(5, kind)
    y, backward = layer.forward(x)
    dx, grads = backward(y)
    for value in layer.params.values():
        value += 1
    layer.forward(2 * x)
    again, grads_again = backward(y)
    np.testing.assert_array_equal(dx, again)
    for name, value in grads.items():
        np.testing.assert_array_equal(value, grads_again[name])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [*RECURRENT, MultiHeadAttention])
def test_dtypes(kind, dtype):
    layer = kind(3, 4) if kind is MultiHeadAttention else kind(17, rng=0)
    y, backward = layer.forward(RNG.normal(size=(4, 6, 5)).astype(dtype))
    dx, grads = backward(y)
    assert {y.dtype, dx.dtype, *(value.dtype for value in grads.values())} == {np.dtype(dtype)}


@pytest.mark.parametrize("kind", RECURRENT)
def test_float32_is_float64_rounded(kind):
    layer, x, lengths = random_case(7, kind)
    (y, back), dy = layer.forward(x, lengths=lengths), None
    dy = RNG.normal(size=y.shape)
    dx, grads = back(dy)
    for name in layer.params:
        layer.params[name] = layer.params[name].astype(np.float32)
    y32, back = layer.forward(x.astype(np.float32), lengths=lengths)
    dx32, grads32 = back(dy)
    np.testing.assert_allclose(y32, y, atol=3e-5)
    np.testing.assert_allclose(dx32, dx, atol=1e-3)
    for name, value in grads.items():
        np.testing.assert_allclose(grads32[name], value, rtol=1e-3, atol=1e-3)


# What each kernel reads and writes, by what it is: states, gates, lengths, the step.
STEPS = {
    "lstm_step": (4, "g p4 h h l t h h h"),
    "lstm_step_vjp": (4, "g h h h l t h h p4"),
    "gru_gates": (3, "g p2 h l t h"),
    "gru_state": (3, "g h h l t h"),
    "gru_state_vjp": (3, "g h h l t h p3"),
    "gru_reset_vjp": (3, "g h h h p3"),
}


@pytest.mark.parametrize("size", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("units", [1, 7, 16, 37])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", STEPS)
def test_kernels_against_the_reference(name, dtype, units, size):
    gates, letters = STEPS[name]
    rng = np.random.default_rng(units)
    arguments = []
    for letter in letters.split():
        if letter in "lt":
            arguments.append(np.array([2, 1, 5, 0, 2, 3]) if letter == "l" else 1)
        else:
            width = gates if letter == "g" else int(letter[1:] or 1)
            values = (size * rng.normal(size=(6, width * units))).astype(dtype)
            arguments.append(values)
    expected = [np.copy(one) if isinstance(one, np.ndarray) else one for one in arguments]
    getattr(kernels, name)(*arguments)
    getattr(reference, name)(*expected)
    close = 1e-5 if dtype == "float32" else 1e-13
    for one, other in zip(arguments, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=close, atol=close * size**3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tanh_and_sigmoid_have_small_relative_errors_everywhere(dtype):
    """Through an LSTM without inputs of its own: cells and gates are what a function gives."""
    x = np.concatenate([np.geomspace(1e-30, 80, 4001), -np.geomspace(1e-30, 80, 4001), [0.0]])
    x = x.astype(dtype)
    gates = np.zeros((len(x), 4), dtype)
    gates[:, 0] = gates[:, 2] = x
    zeros, results = np.zeros((len(x), 1), dtype), [np.empty((len(x), 1), dtype) for _ in range(3)]
    kernels.lstm_step(gates, 0 * gates, zeros, zeros, np.ones(len(x), np.int64), 0, *results)
    exact = x.astype(np.float64)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(gates[:, 2], np.tanh(exact), rtol=3 * eps)
    np.testing.assert_allclose(gates[:, 0], sigmoid(exact), rtol=4 * eps)


def test_extreme_numbers():
    """Infinite inputs saturate the gates; nan stays nan, in its own sequence."""
    layer = LSTM(2, rng=0, return_sequences=True)
    x = np.zeros((3, 2, 1))
    layer.build(x.shape[1:])
    layer.params["W"][:] = 1
    x[1], x[2] = 1e300, np.nan
    y = layer(x)
    assert np.isfinite(y[:2]).all() and np.isnan(y[2]).all()
    np.testing.assert_allclose(y[1], np.tanh([[1.0, 1.0], [2.0, 2.0]]))


def test_no_sequence_and_no_step():
    for kind in RECURRENT:
        layer = kind(3, rng=0)
        layer.build((4, 2))
        for shape in ((0, 4, 2), (5, 0, 2)):
            y, backward = layer.forward(np.ones(shape))
            assert y.shape == (shape[0], 3) and not y.any()
            dx, grads = backward(np.ones_like(y))
            assert dx.shape == shape and not any(value.any() for value in grads.values())


def test_first_weights():
    layer = LSTM(8, forget_bias=2.0, rng=0)
    layer.build((None, 5))
    np.testing.assert_array_equal(layer.params["b"], np.repeat([0, 2, 0, 0], 8))
    for part in np.split(layer.params["U"], 4, axis=1):
        np.testing.assert_allclose(part.T @ part, np.eye(8), atol=1e-12)
    assert np.abs(layer.params["W"]).max() <= np.sqrt(6 / 13)


# --- Attention over a sequence, layer normalization ---------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_attention_by_the_definition(seed):
    rng = np.random.default_rng(seed)
    count, steps, features, heads, width = (int(n) for n in rng.integers(1, 6, 5))
    layer = MultiHeadAttention(heads, width, causal=bool(seed % 2))
    layer.build((steps, features))
    for value in layer.params.values():
        value[...] = rng.normal(size=value.shape)
    x, lengths = rng.normal(size=(count, steps, features)), rng.integers(0, steps + 1, count)
    p, y = layer.params, layer(x, lengths=lengths)
    for n, length in enumerate(lengths):
        own = x[n, :length]
        q, k, v = own @ p["W_q"] + p["b_q"], own @ p["W_k"], own @ p["W_v"] + p["b_v"]
        columns = [slice(h * width, (h + 1) * width) for h in range(heads)]
        outs = [naive_attention(q[:, c], k[:, c], v[:, c], causal=layer.causal)[0] for c in columns]
        expected = np.concatenate(outs, axis=1) @ p["W_o"] + p["b_o"]
        np.testing.assert_allclose(y[n, :length], expected, rtol=1e-9, atol=1e-12)
        assert not y[n, length:].any()


def test_a_bias_of_the_keys_would_change_nothing():
    """Which is why there is none: it adds the same number to all scores of a query."""
    q, k, v = RNG.normal(size=(3, 5, 4))
    before, after = (smnn.attention(q, keys, v)[0] for keys in (k, k + RNG.normal(size=4)))
    np.testing.assert_allclose(before, after, rtol=1e-9)


def test_a_causal_layer_does_not_look_ahead():
    x = RNG.normal(size=(2, 6, 4))
    later = x.copy()
    later[:, 4:] += 1
    for causal in (True, False):
        layer = MultiHeadAttention(2, 3, causal=causal, rng=0)
        same = np.allclose(layer(x)[:, :4], layer(later)[:, :4], rtol=1e-12)
        assert same == causal


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_layer_norm_by_its_definition(shift):
    x = RNG.normal(size=(4, 3, 7)) + shift
    layer = LayerNorm()
    layer.build(x.shape[1:])
    layer.params["gamma"][:], layer.params["beta"][:] = RNG.normal(size=(2, 7))
    expected = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    expected = expected * layer.params["gamma"] + layer.params["beta"]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(layer(np.ones((1, 7))), [layer.params["beta"]])


# --- In models ---------------------------------------------------------------------------


def of_sequences(*layers, dtype="float64"):
    return smnn.Sequential([*layers], dtype=dtype, rng=0)


def test_a_model_learns_what_came_first_and_comes_back(tmp_path):
    """The label is the first token; all that follows is noise, of any length."""
    x, lengths = RNG.integers(0, 4, (200, 8)), RNG.integers(1, 9, 200)
    for kind in RECURRENT:
        model = of_sequences(smnn.Embedding(4, 6), kind(12), smnn.Dense(4, "softmax"))
        options = {"lengths": lengths, "metrics": "accuracy"}
        history = smnn.fit(
            model, x, x[:, 0], epochs=30, optimizer=smnn.Adam(0.02), rng=0, **options
        )
        assert history["accuracy"][-1] > 0.95, kind
        model.save(tmp_path / "model")
        twin = smnn.Sequential.load(tmp_path / "model")
        np.testing.assert_array_equal(twin(x, lengths=lengths), model(x, lengths=lengths))
        assert smnn.evaluate(twin, x, x[:, 0], **options)["accuracy"] > 0.95


@pytest.mark.parametrize(
    "layers",
    [
        (SimpleRNN(3, "relu", return_sequences=True, init="he"), LayerNorm(eps=1e-3)),
        (LSTM(3, forget_bias=0.0, return_sequences=True), GRU(2, recurrent_init="glorot")),
        (MultiHeadAttention(2, 3, causal=True), LayerNorm(), smnn.Dense(2)),
    ],
)
def test_a_saved_model_comes_back(layers, tmp_path):
    model = of_sequences(*layers, dtype="float32")
    x = RNG.normal(size=(2, 4, 5))
    y = model(x, lengths=[4, 2])
    model.save(tmp_path / "model")
    twin = smnn.Sequential.load(tmp_path / "model")
    np.testing.assert_array_equal(twin(x, lengths=[4, 2]), y)
    assert repr(twin) == repr(model)


def test_lengths_reach_nested_models_and_end_with_the_sequence():
    inner = of_sequences(smnn.Dense(3), LSTM(4, return_sequences=True))
    model = of_sequences(inner, smnn.Dropout(0.0), GRU(5), smnn.Dense(2))
    flat = of_sequences(*inner.layers, *model.layers[1:])
    x, lengths = RNG.normal(size=(3, 6, 2)), [6, 1, 0]
    y = model(x, lengths=lengths)
    np.testing.assert_array_equal(flat(x, lengths=lengths), y)
    np.testing.assert_array_equal(model.forward(x, True, lengths)[0], y)
    np.testing.assert_array_equal(model.forward_logits(x, True, "softmax", lengths)[0], y)
    np.testing.assert_allclose(model.predict(x, lengths=lengths, batch_size=2), y, rtol=1e-12)
    assert (inner.takes_lengths, inner.ends_sequences) == (True, False)
    assert model.ends_sequences and not np.allclose(model(x), y)


def test_tokens_past_the_end_may_be_anything():
    model = of_sequences(smnn.Embedding(3, 2), GRU(4, return_sequences=True), smnn.Dense(2))
    x = np.array([[0, 2, -1, 99], [1, -1, -1, -1]])
    # A batch of the same shape: with fewer rows, BLAS may add in another order.
    other = np.array([[0, 2, 0, 0], [1, 2, 1, 0]])
    y, expected = model(x, lengths=[2, 1]), model(other, lengths=[2, 1])
    np.testing.assert_array_equal(y[0, :2], expected[0, :2])
    np.testing.assert_array_equal(y[1, :1], expected[1, :1])


LOSSES = {
    "cross_entropy": lambda rng, shape: rng.integers(0, 2, shape),
    "probabilities": lambda rng, shape: rng.dirichlet([1, 1], shape),
    "multiclass_hinge": lambda rng, shape: rng.integers(0, 2, shape),
    "mse": lambda rng, shape: rng.normal(size=(*shape, 2)),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_steps_past_the_end_count_neither_in_the_loss_nor_in_a_step(loss):
    """One batch of sequences teaches what its steps teach as rows, for a layer by itself."""
    rng = np.random.default_rng(2)
    x, lengths = rng.normal(size=(7, 5, 3)), rng.integers(0, 6, 7)
    y = LOSSES[loss](rng, (7, 5))
    kept = ~is_past(lengths, 5)
    x[~kept] = np.nan
    if y.dtype.kind == "i":
        y[~kept] = 1000
    name = "cross_entropy" if loss == "probabilities" else loss
    metrics = {"mean": lambda truth, output: float(np.mean(output))}
    losses, weights = [], []
    for arguments, options in (((x, y), {"lengths": lengths}), ((x[kept], y[kept]), {})):
        model = of_sequences(smnn.Dense(2))
        history = smnn.fit(
            model, *arguments, epochs=3, batch_size=100, loss=name, optimizer=smnn.SGD(0.1),
            metrics=metrics, rng=0, **options,
        )  # fmt: skip
        measured = smnn.evaluate(model, *arguments, loss=name, metrics=metrics, **options)
        losses.append([*history["loss"], *history["mean"], *measured.values()])
        weights.append(model.params["0.W"])
    np.testing.assert_allclose(*losses, rtol=1e-9)
    np.testing.assert_allclose(*weights, rtol=1e-9)


def test_weights_of_sequences_and_of_steps():
    rng = np.random.default_rng(2)
    x, lengths = rng.normal(size=(7, 5, 3)), rng.integers(1, 6, 7)
    y, weight = rng.integers(0, 2, (7, 5)), rng.random(7)
    kept = ~is_past(lengths, 5)
    model = of_sequences(smnn.Dense(2))
    of_steps = np.broadcast_to(weight[:, None], (7, 5))
    expected = smnn.evaluate(model, x[kept], y[kept], sample_weight=of_steps[kept])["loss"]
    for target in (y, smnn.one_hot(y, 2)):
        found = smnn.evaluate(model, x, target, lengths=lengths, sample_weight=weight)["loss"]
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_batches_and_validation_bring_their_lengths():
    x, lengths = RNG.normal(size=(8, 4, 2)), np.array([4, 3, 2, 1, 4, 3, 2, 1])
    y = RNG.integers(0, 2, (8, 4))
    y[is_past(lengths, 4)] = 99
    histories = []
    for arguments in (
        {"x": x, "y": y, "lengths": lengths},
        {"x": [(x[:4], y[:4], None, lengths[:4]), (x[4:], y[4:], None, lengths[4:])]},
    ):
        model = of_sequences(GRU(3, return_sequences=True), smnn.Dense(2))
        histories.append(
            smnn.fit(
                model,
                **arguments,
                batch_size=4,
                epochs=2,
                shuffle=False,
                validation_data=(x, y, lengths),
            )
        )
    assert histories[0]["loss"] == histories[1]["loss"]
    assert histories[0]["val_loss"] == histories[1]["val_loss"]


class NoLengths:
    params = {"W": np.zeros(1)}  # noqa: RUF012

    def forward(self, x, training=False):
        return x, lambda dy, input_gradient=True: (dy, {})


X = np.ones((2, 5, 3))


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: LSTM(0), ValueError, "units must be at least 1, got 0"),
        (lambda: GRU(2.5), TypeError, "units must be an integer, got 2.5"),
        (lambda: LSTM(2, return_sequences=1), TypeError, "return_sequences must be True or False"),
        (lambda: LSTM(2, forget_bias="open"), TypeError, "forget_bias must be"),
        (lambda: SimpleRNN(2, "nothing"), ValueError, "activation must be one of"),
        (lambda: GRU(2, recurrent_init="no"), ValueError, "init must be one of"),
        (lambda: MultiHeadAttention(0, 2), ValueError, "num_heads must be at least 1, got 0"),
        (lambda: MultiHeadAttention(2, 0), ValueError, "key_dim must be at least 1, got 0"),
        (lambda: MultiHeadAttention(2, 2, causal=None), TypeError, "causal must be True or False"),
        (lambda: LayerNorm(eps=0), ValueError, "eps must be"),
        (lambda: LayerNorm()(np.ones((2, 0))), smnn.ShapeError, "features"),
        (lambda: LSTM(2)(np.ones((5, 3))), smnn.ShapeError, r"\(N, T, features\), got \(5, 3\)"),
        (lambda: LSTM(2)([["a"]]), TypeError, "x must hold"),
        (
            lambda: MultiHeadAttention(1, 2)(np.ones((5, 3))),
            smnn.ShapeError,
            r"\(N, T, features\), got \(5, 3\)",
        ),
        (lambda: LSTM(2)(X, lengths=[5]), ValueError, r"one number per sequence .*shape \(1,\)"),
        (lambda: LSTM(2)(X, lengths=[5, 6]), ValueError, "from 0 to 5, got 6"),
        (lambda: LSTM(2)(X, lengths=[5, -1]), ValueError, "from 0 to 5, got -1"),
        (lambda: LSTM(2)(X, lengths=[5, 2.5]), TypeError, "lengths must hold integer"),
        (
            lambda: of_sequences(smnn.Dense(2))(np.ones((3, 1)), lengths=[1, 2, 0]),
            ValueError,
            "from 0 to 1, got 2",
        ),
        (
            lambda: of_sequences(GRU(2), GRU(2))(X),
            smnn.ShapeError,
            r"layer 1: GRU\(2\) expects inputs of shape \(T, features\), got \(2,\)",
        ),
        (
            lambda: smnn.fit(NoLengths(), X, X, loss="mse", lengths=[5, 5]),
            TypeError,
            "whose forward takes them",
        ),
        (
            lambda: smnn.fit(of_sequences(GRU(2)), [(X, [0, 1])], lengths=[5, 5]),
            TypeError,
            "batches bring their lengths",
        ),
        (
            lambda: smnn.fit(
                of_sequences(GRU(2, return_sequences=True)), X, np.zeros((2, 5), int),
                lengths=[0, 0],
            ),
            ValueError,
            "nothing to learn from",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_other_features_than_before_are_refused():
    for layer in (LSTM(2), MultiHeadAttention(2, 2), LayerNorm()):
        layer(X)
        with pytest.raises(smnn.ShapeError, match=r"3\), got"):
            layer(np.ones((2, 5, 4)))


# --- ONNX and PyTorch --------------------------------------------------------------------

SKIPPED = {
    "gates that see the cell": {"test_lstm_with_peepholes"},
}
ALL_SKIPPED = set().union(*SKIPPED.values())
ONNX_COUNTS = {"RNN": 4, "LSTM": 3, "GRU": 4}
ONNX = {"RNN": (SimpleRNN, [0]), "LSTM": (LSTM, [0, 2, 3, 1]), "GRU": (GRU, [0, 1, 2])}


def layer_of(operator, W, R, B):
    """The layer of a node of ONNX, whose gates have another order: i, o, f, c of an LSTM."""
    kind, order = ONNX[operator]
    layer = kind(R.shape[-1], return_sequences=True)
    layer.build((None, W.shape[-1]), W.dtype)
    for name, value in ("W", W), ("U", R):
        parts = np.split(value, len(order))
        layer.params[name][:] = np.concatenate([parts[i].T for i in order], axis=1)
    parts = np.split(sum(np.split(B, 2)), len(order))
    layer.params["b"][:] = np.concatenate([parts[i] for i in order])
    return layer


def of_node(operator, attributes, x, W, R, B=None, lengths=None, initial_h=None, initial_c=None):
    """The states (T, directions, N, units) and the last of each direction, for x (T, N, features).

    Backward in time is forward through what is reversed.
    """
    assert not attributes.get("linear_before_reset")
    assert initial_h is None or not initial_h.any()
    assert initial_c is None or not initial_c.any()
    direction = attributes.get("direction", b"forward").decode()
    steps = {"forward": [1], "reverse": [-1], "bidirectional": [1, -1]}[direction]
    assert lengths is None or steps == [1]
    B = np.zeros((len(W), 2 * W.shape[1])) if B is None else B
    states, last = [], []
    for step, *weights in zip(steps, W, R, B, strict=True):
        layer = layer_of(operator, *weights)
        own = np.swapaxes(x, 0, 1)[:, ::step]
        states.append(layer(own, lengths=lengths)[:, ::step])
        layer.return_sequences = False
        last.append(layer(own, lengths=lengths))
    return np.transpose(states, (2, 0, 1, 3)), np.array(last)


@pytest.mark.parametrize("operator", ONNX)
def test_onnx_recurrent(operator):
    ran = 0
    for case in cases_of(operator):
        if case.name in ALL_SKIPPED:
            continue
        node, attributes = case.model.graph.node[0], attributes_of(case)
        batch_first = bool(attributes.get("layout"))
        for inputs, outputs in case.data_sets:
            given = iter(inputs)
            x, *others = [next(given) if name else None for name in node.input]
            x = np.swapaxes(x, 0, 1) if batch_first else x
            found = of_node(operator, attributes, x, *others)
            if batch_first:
                found = np.transpose(found[0], (2, 0, 1, 3)), np.swapaxes(found[1], 0, 1)
            named = [one for one, name in zip(found, node.output, strict=False) if name]
            # A node may give the cells of an LSTM as well, which a layer keeps to itself.
            for one, other in zip(named, outputs[: len(named)], strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6, err_msg=case.name)
            ran += 1
    assert ran >= ONNX_COUNTS[operator]


def test_onnx_layer_normalization():
    ran = 0
    for case in cases_of("LayerNormalization"):
        attributes = attributes_of(case)
        for (x, scale, bias), (expected, *_) in case.data_sets:
            axis = attributes.get("axis", -1) % x.ndim
            rows = x.reshape(*x.shape[:axis], -1)  # ONNX may take several axes as one row
            layer = LayerNorm(eps=attributes.get("epsilon", 1e-5))
            layer.build(rows.shape[1:] or rows.shape, x.dtype)
            layer.params["gamma"][:], layer.params["beta"][:] = scale.ravel(), bias.ravel()
            found = layer(rows if axis else rows[None]).reshape(x.shape)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=case.name)
            ran += 1
    assert ran >= 19


def test_what_is_skipped_exists():
    assert {case.name for operator in ONNX for case in cases_of(operator)} >= ALL_SKIPPED


def torch_of(layer, torch):
    """The function of PyTorch that does what a layer does, and its parameters, transposed."""
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in layer.params.items()}
    units = getattr(layer, "units", None)

    def gru(x):
        h, states = torch.zeros(len(x), units, dtype=x.dtype), []
        W, U, b = (leaves[name].split(units, dim=-1) for name in "WUb")
        for t in range(x.shape[1]):
            z, r = (torch.sigmoid(x[:, t] @ W[i] + h @ U[i] + b[i]) for i in (0, 1))
            h = z * h + (1 - z) * torch.tanh(x[:, t] @ W[2] + (r * h) @ U[2] + b[2])
            states.append(h)
        return torch.stack(states, 1)

    def recurrent(x):
        kind = {SimpleRNN: torch.nn.RNN, LSTM: torch.nn.LSTM}[type(layer)]
        twin = kind(x.shape[-1], units, batch_first=True, dtype=x.dtype)
        weights = leaves["W"].T, leaves["U"].T, leaves["b"], torch.zeros_like(leaves["b"])
        names = [f"{name}_l0" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        return torch.func.functional_call(twin, dict(zip(names, weights, strict=True)), x)[0]

    def heads(x):
        q, k, v = (x @ leaves[f"W_{one}"] for one in "qkv")
        q, v = q + leaves["b_q"], v + leaves["b_v"]
        split = (*x.shape[:2], layer.num_heads, layer.key_dim)
        out = torch.nn.functional.scaled_dot_product_attention(
            *(one.reshape(split).transpose(1, 2) for one in (q, k, v)), is_causal=layer.causal
        )
        return out.transpose(1, 2).reshape(*x.shape[:2], -1) @ leaves["W_o"] + leaves["b_o"]

    def norm(x):
        return torch.nn.functional.layer_norm(x, x.shape[-1:], leaves["gamma"], leaves["beta"])

    functions = {GRU: gru, MultiHeadAttention: heads, LayerNorm: norm}
    return functions.get(type(layer), recurrent), leaves


@pytest.mark.peers
@pytest.mark.parametrize("kind", [*RECURRENT, MultiHeadAttention, LayerNorm])
def test_they_are_those_of_pytorch(kind):
    torch = pytest.importorskip("torch")
    for seed in range(40):
        rng = np.random.default_rng(seed)
        count, steps, features, units = (int(rng.integers(1, most)) for most in (6, 12, 9, 25))
        if kind is MultiHeadAttention:
            layer = kind(2, 5, causal=bool(seed % 2))
        else:
            layer = kind() if kind is LayerNorm else kind(units, return_sequences=True)
        layer.build((steps, features))
        for value in layer.params.values():
            value[...] = rng.normal(size=value.shape)
        x = rng.normal(size=(count, steps, features))
        y, backward = layer.forward(x)
        dy = rng.normal(size=y.shape)
        dx, grads = backward(dy)
        function, leaves = torch_of(layer, torch)
        tensor = torch.tensor(x, requires_grad=True)
        expected = function(tensor)
        wanted = torch.autograd.grad(expected, [tensor, *leaves.values()], torch.from_numpy(dy))
        found = [y, dx, *(grads[name] for name in leaves)]
        for one, other in zip(found, [expected.detach(), *wanted], strict=True):
            np.testing.assert_allclose(one, other.numpy(), rtol=1e-7, atol=1e-9)


def test_a_model_gives_no_gradient_to_what_it_does_not_read():
    """Flatten knows no lengths, but the model that it is in does."""
    model = Sequential([LayerNorm(), Flatten(), Dense(2)], input_shape=(4, 3), rng=0)
    x, lengths = np.random.default_rng(0).normal(size=(3, 4, 3)), np.array([4, 1, 0])
    past = np.arange(4) >= lengths[:, None]
    y, backward = model.forward(x, training=True, lengths=lengths)
    dx, _ = backward(np.ones_like(y))
    assert not dx[past].any() and dx[0].any()
    x[past] = np.nan
    assert np.array_equal(model(x, lengths), y)
