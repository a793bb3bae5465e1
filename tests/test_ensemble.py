"""Ensembles and mixtures: means, votes, gates, and what Jensen's inequality promises."""

import subprocess
import sys

import numpy as np
import pytest

import smnn
from smnn import (
    GRU,
    LSTM,
    Dense,
    Dropout,
    Ensemble,
    Flatten,
    MixtureOfExperts,
    Sequential,
    ShapeError,
    load_balancing_loss,
    negative_log_likelihood,
    softmax,
)

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(200, 5)), RNG.integers(4, size=200)
MODELS = [Sequential([Dense(4, input_shape=(5,))], rng=seed) for seed in range(3)]
LOGITS = np.array([model(X) for model in MODELS])


def test_the_three_ways():
    ensemble = Ensemble(MODELS)
    assert np.allclose(ensemble(X), softmax(LOGITS).mean(axis=0), atol=1e-14)
    assert np.allclose(ensemble(X, aggregate="logits"), softmax(LOGITS.mean(axis=0)), atol=1e-14)
    votes = ensemble(X, aggregate="vote")
    counts = [np.bincount(LOGITS[:, n].argmax(axis=1), minlength=4) for n in range(200)]
    assert np.allclose(votes, np.array(counts) / 3)
    for probs in (ensemble(X), ensemble(X, aggregate="logits"), votes):
        assert np.allclose(probs.sum(axis=1), 1)


def test_a_softmax_at_the_end_of_a_model_changes_nothing():
    twins = []
    for model in MODELS:
        twin = Sequential([Dense(4, "softmax", input_shape=(5,))], rng=9)
        for name, value in model.params.items():
            twin.params[name][...] = value
        twins.append(twin)
    for aggregate in ("probs", "logits", "vote"):
        expected = Ensemble(MODELS)(X, aggregate=aggregate)
        assert np.allclose(Ensemble(twins)(X, aggregate=aggregate), expected, atol=1e-14)


@pytest.mark.parametrize("aggregate", ["probs", "logits"])
def test_the_likelihood_of_a_mean_is_at_least_the_mean_likelihood(aggregate):
    single = np.mean([smnn.cross_entropy(z, Y, reduction="none") for z in LOGITS], axis=0)
    together = -np.log(Ensemble(MODELS)(X, aggregate=aggregate)[np.arange(200), Y])
    assert (together <= single + 1e-12).all() and (together < single - 1e-3).any()
    together = negative_log_likelihood(Y, Ensemble(MODELS)(X, aggregate=aggregate))
    assert together < single.mean()


def test_functions_that_return_logits_are_models():
    ensemble = Ensemble([lambda x: x @ np.ones((5, 2)), lambda x: [[1.0, 0.0]] * len(x)])
    assert ensemble(X).shape == (200, 2) and repr(ensemble) == "Ensemble of 2 models"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Ensemble([]), ValueError, "at least one model"),
        (lambda: Ensemble([3]), TypeError, "models that can be called, got 3"),
        (lambda: Ensemble(MODELS)(X, aggregate="mean"), ValueError, "'probs', 'logits', 'vote'"),
        (
            lambda: Ensemble([*MODELS, lambda x: np.ones((200, 3))])(X),
            ValueError,
            r"one shape \(N, C\), got \(200, 3\), \(200, 4\)",
        ),
        (lambda: Ensemble([lambda x: np.ones(4)])(X), ValueError, r"got \(4,\)"),
    ],
)
def test_it_says_what_it_expected(make, error, words):
    with pytest.raises(error, match=words):
        make()


# ------------------------------------------------------------------ the balance of a gate


def test_equal_use_has_the_loss_1_whatever_the_probabilities_are():
    probs = softmax(RNG.normal(size=(12, 4)))
    loss, gradient = load_balancing_loss(probs, np.arange(12) % 4)
    assert loss == pytest.approx(1, abs=1e-12)
    assert np.allclose(gradient, 1 / 12)


def test_it_can_be_below_1():
    """Three tokens: twice barely for the first expert, once surely for the second."""
    loss, _ = load_balancing_loss([[0.51, 0.49], [0.51, 0.49], [0.01, 0.99]], [0, 0, 1])
    assert loss == pytest.approx(2 * (2 / 3 * 1.03 / 3 + 1 / 3 * 1.97 / 3), abs=1e-12)
    assert loss < 0.9


def test_it_is_the_number_of_experts_where_one_is_always_certain():
    assert load_balancing_loss([[0, 1, 0], [0, 1, 0]], [1, 1])[0] == 3


def test_it_is_at_least_1_where_use_equals_probability():
    for _ in range(50):
        share = RNG.dirichlet(np.ones(5)).round(1)
        share[0] += 1 - share.sum()
        chosen = np.repeat(np.arange(5), np.maximum(np.rint(10 * share), 0).astype(int))
        share = np.bincount(chosen, minlength=5) / len(chosen)
        loss, _ = load_balancing_loss(np.tile(share, (len(chosen), 1)), chosen)
        assert loss >= 1 - 1e-12


def test_several_experts_a_row_and_float32():
    probs = softmax(RNG.normal(size=(6, 3)).astype(np.float32))
    chosen = np.argsort(-probs, axis=1)[:, :2]
    loss, gradient = load_balancing_loss(probs, chosen)
    share = np.bincount(chosen.ravel(), minlength=3) / 12
    assert loss == pytest.approx(3 * share @ probs.mean(axis=0), rel=1e-6)
    assert gradient.dtype == np.float32 and np.allclose(gradient, 3 * share / 6)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([0.5, 0.5], [0]), ValueError, r"shape \(N, E\), with rows, got \(2,\)"),
        ((np.ones((0, 2)), np.ones(0, int)), ValueError, "with rows"),
        (([[2.0, -1.0]], [0]), ValueError, "probabilities, got numbers from -1 to 2"),
        (([[1.5, 0.5]], [0]), ValueError, "probabilities, got numbers from 0.5 to 1.5"),
        (([[np.nan, 0.5]], [0]), ValueError, "probabilities, got numbers from nan"),
        ((np.ones((2, 2)) / 2, [0]), ValueError, r"shape \(2,\) or \(2, k\)"),
        ((np.ones((2, 2)) / 2, [0, 2]), ValueError, "from 0 to 1, got integers from 0 to 2"),
        ((np.ones((2, 2)) / 2, [-1, 1]), ValueError, "from 0 to 1, got integers from -1 to 1"),
        ((np.ones((2, 2)) / 2, [0.5, 1]), TypeError, "chosen"),
    ],
)
def test_a_gate_says_what_it_expected(arguments, error, words):
    with pytest.raises(error, match=words):
        load_balancing_loss(*arguments)


# ------------------------------------------------------------------ mixtures of experts


def by_hand(mixture, x):
    """The value of a mixture row by row."""
    rows = []
    for row in x:
        logits = mixture.gate(row[None])[0]
        kept = np.argsort(-logits, kind="stable")[: mixture.top_k]
        weights = softmax(logits[kept])
        answers = [mixture.experts[e](row[None])[0] for e in kept]
        rows.append(sum(w * answer for w, answer in zip(weights, answers, strict=True)))
    return np.array(rows)


@pytest.mark.parametrize("top_k", [None, 1, 2, 3])
def test_a_mixture_is_the_weighted_sum_of_its_experts(top_k):
    experts = [Dense(4, "tanh"), Sequential([Dense(6, "relu"), Dense(4)]), Dense(4)]
    mixture = MixtureOfExperts(experts, top_k=top_k, input_shape=(5,), rng=0)
    assert np.allclose(mixture(X), by_hand(mixture, X), atol=1e-14)


def test_chosen_gates_are_renormalized():
    mixture = MixtureOfExperts([Dense(1, use_bias=False) for _ in range(3)], top_k=2)
    mixture.build((2,))
    mixture.gate.params["W"][...] = [[2.0, 1.0, -5.0], [0, 0, 0]]
    for expert, value in zip(mixture.experts, (1.0, 0.0, 100.0), strict=True):
        expert.params["W"][...] = value
    assert mixture([[1.0, 0.0]])[0, 0] == pytest.approx(0.7310585786300049, rel=1e-12)


def test_an_expert_that_nobody_chose_has_the_gradient_0():
    mixture = MixtureOfExperts([Dense(2), Dense(2)], top_k=1, input_shape=(5,), rng=0)
    mixture.gate.params["W"][...] = 0
    mixture.gate.params["b"][...] = [3.0, 0.0]
    y, backward = mixture.forward(X, training=True)
    dx, grads = backward(np.ones_like(y))
    assert list(grads) and set(grads) == set(mixture.params)
    assert not grads["2.W"].any() and not grads["2.b"].any() and grads["1.W"].any()
    assert not grads["0.W"].any()  # one gate of 1: nothing to learn from it
    assert backward(np.ones_like(y), input_gradient=False)[0] is None and dx.shape == X.shape


def test_a_dense_gate_learns_the_responsibilities():
    """−log Σ g_e N_e has the gradient g − h with respect to the logits of the gate."""
    mixture = MixtureOfExperts([Dense(1, "sigmoid") for _ in range(3)], input_shape=(5,), rng=1)
    y, backward = mixture.forward(X, training=True)
    _, grads = backward(-1 / y / len(X))
    g = softmax(mixture.gate(X))
    likelihood = np.concatenate([expert(X) for expert in mixture.experts], axis=1)
    h = g * likelihood / (g * likelihood).sum(axis=1, keepdims=True)
    assert np.allclose(grads["0.W"], X.T @ (g - h) / len(X), atol=1e-14)


def test_an_expert_that_is_there_twice_has_one_name_and_the_sum_of_the_gradients():
    expert = Dense(2)
    mixture = MixtureOfExperts([expert, expert], input_shape=(5,), rng=0)
    assert list(mixture.params) == ["0.W", "0.b", "1.W", "1.b"]
    y, backward = mixture.forward(X, training=True)
    dy = RNG.normal(size=y.shape)
    assert np.allclose(backward(dy)[1]["1.W"], X.T @ dy)


def test_it_learns_inside_of_a_model_and_comes_back_from_a_file(tmp_path):
    mixture = MixtureOfExperts([Dense(8, "tanh"), Sequential([Dense(8), Dropout(0.2)])], top_k=1)
    model = Sequential([mixture, Dense(4, "softmax")], rng=0)
    labels = (np.abs(X[:, 0]) + X[:, 1] > 0.8).astype(int)
    history = smnn.fit(model, X, labels, epochs=30, batch_size=20, rng=0, progress=False)
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    model.save(tmp_path / "model.safetensors")
    twin = Sequential.load(tmp_path / "model.safetensors")
    assert np.array_equal(twin(X), model(X))
    assert len(model.generators()) == len(twin.generators()) > 1


def test_the_generators_of_experts_are_among_those_of_the_model():
    dropout = Dropout(0.2, rng=7)
    mixture = MixtureOfExperts([Sequential([Dense(4), dropout]), Dense(4)])
    model = Sequential([mixture, Dense(2)], input_shape=(5,), rng=0)
    assert any(generator is dropout.rng for generator in model.generators())


@pytest.mark.parametrize("top_k", [None, 1])
def test_experts_get_the_lengths_of_their_rows(top_k):
    x, lengths = RNG.normal(size=(6, 4, 3)), np.array([4, 1, 3, 0, 2, 4])
    gate = Sequential([Flatten(), Dense(2)])
    mixture = MixtureOfExperts([LSTM(5), GRU(5)], gate=gate, top_k=top_k, input_shape=(4, 3), rng=0)
    past = np.arange(4) >= lengths[:, None]
    x[past] = 0
    logits = gate(x)
    answers = np.array([expert(x, lengths=lengths) for expert in mixture.experts])
    weights = softmax(logits) if top_k is None else np.eye(2)[logits.argmax(axis=1)]
    expected = np.einsum("ne,enu->nu", weights, answers)
    x[past] = np.nan  # is not read
    y, backward = mixture.forward(x, training=True, lengths=lengths)
    assert np.allclose(y, expected, atol=1e-14) and np.array_equal(mixture(x, lengths), y)
    model = Sequential([mixture])
    assert np.array_equal(model(x, lengths), y)
    dx, grads = backward(np.ones_like(y))
    assert not dx[past].any() and all(np.isfinite(array).all() for array in grads.values())


def test_a_process_that_has_not_seen_a_mixture_can_load_one(tmp_path):
    model = Sequential([MixtureOfExperts([Dense(2), Dense(2)])], input_shape=(3,), rng=0)
    model.save(tmp_path / "model.safetensors")
    code = (
        "import sys, smnn; model = smnn.Sequential.load(sys.argv[1]);"
        "print(type(model[0]).__name__, len(model.params))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model.safetensors"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["MixtureOfExperts", "6"]


def test_float32_stays_float32():
    mixture = MixtureOfExperts([Dense(2), Dense(2)], top_k=1, dtype="float32", input_shape=(5,))
    y, backward = mixture.forward(X.astype(np.float32), training=True)
    dx, grads = backward(np.ones_like(y))
    assert {array.dtype.name for array in (y, dx, *grads.values())} == {"float32"}


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: MixtureOfExperts([]), ValueError, "at least one layer"),
        (lambda: MixtureOfExperts([Dense(2), np.tanh]), TypeError, "takes layers"),
        (lambda: MixtureOfExperts([Dense(2)], gate=np.tanh), TypeError, "gate must be a layer"),
        (lambda: MixtureOfExperts([Dense(2)] * 2, top_k=3), ValueError, "top_k must be at most 2"),
        (lambda: MixtureOfExperts([Dense(2)], top_k=0), ValueError, "top_k must be at least 1"),
        (
            lambda: MixtureOfExperts([Dense(2), Dense(3)])(X),
            ShapeError,
            r"outputs of one shape, got \(2,\), \(3,\)",
        ),
        (
            lambda: MixtureOfExperts([Dense(2), Dense(2)], gate=Dense(3))(X),
            ShapeError,
            "the gate must return 2 logits",
        ),
    ],
)
def test_a_mixture_says_what_it_expected(make, error, words):
    with pytest.raises(error, match=words):
        make()
