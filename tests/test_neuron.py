"""One neuron: gates, the perceptron, ADALINE, the logistic neuron."""

import numpy as np
import pytest

from smnn import AND, NAND, NOT, OR, Adaline, LogisticNeuron, Perceptron, ThresholdUnit

A, B = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
CORNERS = np.stack([A, B], axis=1)
LEARNERS = [Perceptron, Adaline, LogisticNeuron]


@pytest.fixture
def clouds():
    """Two clouds of points, far enough apart for a line to separate."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    return rng.normal(size=(60, 2)) + 6 * y[:, None] + [10, -3], y


def test_truth_tables():
    assert AND(A, B).tolist() == [0, 0, 0, 1]
    assert OR(A, B).tolist() == [0, 1, 1, 1]
    assert NAND(A, B).tolist() == [1, 1, 1, 0]
    assert NOT(A).tolist() == [1, 1, 0, 0]
    assert AND(1, 1) == 1
    assert AND(A, 1).tolist() == A.tolist()


def test_nand_makes_an_adder():
    def xor(a, b):
        middle = NAND(a, b)
        return NAND(NAND(a, middle), NAND(b, middle))

    assert (xor(A, B) + 2 * AND(A, B)).tolist() == (A + B).tolist()


def test_no_threshold_unit_computes_xor():
    grid = np.linspace(-2, 2, 21)
    for w1 in grid:
        for w2 in grid:
            sums = CORNERS @ [w1, w2]
            assert not (min(sums[1], sums[2]) > max(sums[0], sums[3]))


def test_the_threshold_itself_fires():
    unit = ThresholdUnit([1.0, 2.0], threshold=3.0)
    assert unit.predict([[1, 1], [0.999, 1], [3, 0]]).tolist() == [1, 0, 1]


def test_threshold_unit_refuses_other_widths():
    with pytest.raises(ValueError, match="takes 2 inputs, got 3"):
        AND(0, 1, 1)
    with pytest.raises(ValueError, match=r"\(…, 2\), got \(4, 3\)"):
        AND.predict(np.zeros((4, 3)))


def test_perceptron_step_by_step():
    """Against the rule written out as a loop."""
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((30, 3)), rng.integers(0, 2, 30)
    neuron = Perceptron(lr=0.5, epochs=4).fit(X, y)
    w, b, states, errors = np.zeros(3), 0.0, [], []
    for _ in range(4):
        errors.append(0)
        for x, t in zip(X, y, strict=True):
            output = 1 if x @ w + b >= 0 else 0
            if output != t:
                w, b = w + 0.5 * (t - output) * x, b + 0.5 * (t - output)
                states.append((w, b))
                errors[-1] += 1
    assert neuron.history["errors"] == errors
    assert len(neuron.history["weights"]) == len(neuron.history["bias"]) == 1 + sum(errors)
    np.testing.assert_allclose(neuron.history["weights"][1:], [w for w, _ in states])
    np.testing.assert_allclose(neuron.history["bias"][1:], [b for _, b in states])


def test_perceptron_separates_what_a_line_separates(clouds):
    neuron = Perceptron(epochs=1000).fit(*clouds)
    assert neuron.history["errors"][-1] == 0
    assert len(neuron.history["errors"]) < 1000
    assert neuron.predict(clouds[0]).tolist() == clouds[1].tolist()


def test_perceptron_never_settles_on_xor():
    neuron = Perceptron(epochs=50).fit(CORNERS, A ^ B)
    assert len(neuron.history["errors"]) == 50
    assert min(neuron.history["errors"]) > 0


def test_the_rate_of_a_perceptron_changes_no_decision(clouds):
    one, other = (Perceptron(lr=lr).fit(*clouds).history["errors"] for lr in (1.0, 0.125))
    assert one == other


def test_adaline_finds_the_least_squares_solution(clouds):
    X, y = clouds
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    neuron = Adaline(lr=0.5, epochs=2000).fit(X, y)
    solution, *_ = np.linalg.lstsq(np.c_[X, np.ones(len(X))], 2 * y - 1, rcond=None)
    np.testing.assert_allclose([*neuron.weights, neuron.bias], solution, atol=1e-9)
    np.testing.assert_allclose(
        neuron.history["loss"][-1],
        np.mean((X @ solution[:2] + solution[2] - (2 * y - 1)) ** 2) / 2,
    )


def test_logistic_neuron_agrees_with_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 2))
    y = (X @ [1.0, -2.0] + rng.logistic(size=200) > 0.5).astype(int)
    neuron = LogisticNeuron(lr=2.0, epochs=2000).fit(X, y)
    theirs = linear_model.LogisticRegression(C=np.inf, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(neuron.weights, theirs.coef_[0], rtol=1e-5)
    np.testing.assert_allclose(neuron.predict_proba(X), theirs.predict_proba(X)[:, 1], rtol=1e-4)
    assert neuron.predict(X).tolist() == theirs.predict(X).tolist()


@pytest.mark.parametrize("learner", [Adaline, LogisticNeuron])
def test_history_is_the_descent(learner, clouds):
    """The kept states are the steps of w ← w − η dL/dw, with the loss's own numbers."""
    X, y = clouds
    neuron = learner(lr=0.005, epochs=20).fit(X, y)
    history = neuron.history
    assert len(history["weights"]) == len(history["bias"]) == len(history["loss"]) == 21
    assert not history["weights"][0].any() and history["bias"][0] == 0

    def loss(w, b):
        z = X @ w + b
        if learner is Adaline:
            return np.mean((z - (2 * y - 1)) ** 2) / 2
        return np.mean(np.logaddexp(0, z) - y * z)

    for i in (0, 7, 19):
        w, b = history["weights"][i], history["bias"][i]
        assert history["loss"][i] == pytest.approx(loss(w, b))
        steps = 1e-6 * np.eye(2)
        slope = [(loss(w + h, b) - loss(w - h, b)) / 2e-6 for h in steps]
        np.testing.assert_allclose(
            history["weights"][i + 1], w - 0.005 * np.array(slope), atol=1e-9
        )
    assert history["loss"][-1] < history["loss"][0]


def test_too_large_a_rate_stops_with_a_sentence_and_keeps_the_history(clouds):
    neuron = Adaline(lr=1.0, epochs=10_000)
    with pytest.raises(FloatingPointError, match=r"after \d+ steps: lr = 1.0 is too large"):
        neuron.fit(*clouds)
    losses = neuron.history["loss"]
    assert np.isfinite(losses).all() and losses[-1] > 1e100 > losses[0]


@pytest.mark.parametrize("learner", LEARNERS)
def test_fitting_again_starts_again(learner, clouds):
    neuron = learner(epochs=5, lr=0.001)
    first = neuron.fit(*clouds).weights.copy()
    np.testing.assert_array_equal(neuron.fit(*clouds).weights, first)


@pytest.mark.parametrize("learner", LEARNERS)
def test_bad_input(learner):
    with pytest.raises(RuntimeError, match="call fit first"):
        learner().predict([[1.0]])
    with pytest.raises(ValueError, match="labels must be 0 or 1, got"):
        learner().fit([[1.0], [2.0]], [1, 2])
    with pytest.raises(ValueError, match=r"got \(2, 1\) and \(3,\)"):
        learner().fit([[1.0], [2.0]], [1, 0, 1])
    with pytest.raises(ValueError, match=r"got \(0, 2\) and \(0,\)"):
        learner().fit(np.zeros((0, 2)), [])
    with pytest.raises(ValueError, match="finite, got nan"):
        learner().fit([[np.nan], [2.0]], [1, 0])
    with pytest.raises(ValueError, match="lr must be positive"):
        learner(lr=0)
    with pytest.raises(ValueError, match=r"\(…, 2\), got \(3,\)"):
        learner().fit(CORNERS, A).predict([1.0, 2.0, 3.0])
