"""Bookkeeping: the history's loss is the loss of evaluate, counted as the loss counts rows."""

import copy
import functools
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import smnn

CLASSES = 3


@st.composite
def problems(draw):
    """Examples with ignored labels and weights, and the options of a loss."""
    n = draw(st.integers(1, 17))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (n, *draw(st.sampled_from([(), (2,), (2, 3)])))
    x = rng.normal(size=(*shape, 2))
    y = rng.integers(0, CLASSES, shape)
    ignored = draw(st.sampled_from([-100, 7, 1]))
    y[rng.random(shape) < draw(st.sampled_from([0.0, 0.4, 0.9]))] = ignored
    y.flat[0] = 0
    x[y == ignored] = draw(st.sampled_from([0.0, np.nan, np.inf]))
    options = {} if ignored == -100 else {"ignore_index": ignored}
    if draw(st.booleans()):
        options["weight"] = np.array([1.0, *rng.integers(0, 3, CLASSES - 1)])
    if draw(st.booleans()):
        options["label_smoothing"] = 0.2
    options["reduction"] = draw(st.sampled_from(["mean", "sum"]))
    weight = None
    if draw(st.booleans()):
        weight = rng.integers(0, 3, n if draw(st.booleans()) else shape).astype(float)
        weight[0] = 1.5
    return x, y, weight, options, draw(st.integers(1, 9))


@settings(max_examples=150, deadline=None)
@given(problems())
def test_the_losses_of_history_and_evaluate_are_one(problem):
    x, y, weight, options, batch_size = problem
    loss = functools.partial(smnn.softmax_cross_entropy, **options)
    model = smnn.Sequential([smnn.Dense(CLASSES)], rng=0)
    history = smnn.fit(
        model, x, y, loss=loss, optimizer=smnn.SGD(0.0), epochs=1, batch_size=batch_size,
        sample_weight=weight, validation_data=(x, y), l2=0.1, rng=1,
    )  # fmt: skip
    found = smnn.evaluate(model, x, y, loss=loss, sample_weight=weight, l2=0.1)["loss"]
    assert history["loss"][0] == pytest.approx(found, rel=1e-9)
    rows = (
        np.ones(y.shape)
        if weight is None
        else np.broadcast_to(weight.reshape(weight.shape + (1,) * (y.ndim - weight.ndim)), y.shape)
    )
    with np.errstate(invalid="ignore"):
        logits = model(x)
    expected = smnn.cross_entropy(logits, y, sample_weight=rows, **options)
    penalty = 0.05 * np.sum(model.params["0.W"] ** 2)
    assert found == pytest.approx(float(expected) + penalty, rel=1e-9)
    unweighted = smnn.cross_entropy(logits, y, **options)
    assert history["val_loss"][0] == pytest.approx(float(unweighted) + penalty, rel=1e-9)


def test_sums_are_summed():
    x, y = smnn.load_iris()
    loss = functools.partial(smnn.softmax_cross_entropy, reduction="sum")
    model = smnn.Sequential([smnn.Dense(3)], rng=0)
    history = smnn.fit(model, x, y, loss=loss, optimizer=smnn.SGD(0.0), epochs=1)
    expected = float(smnn.cross_entropy(model(x), y, reduction="sum"))
    assert history["loss"] == [pytest.approx(expected)]
    assert smnn.evaluate(model, x, y, loss=loss)["loss"] == pytest.approx(expected)


def test_sums_of_a_loss_of_ones_own_are_summed():
    def squares(prediction, target, reduction="mean"):
        wrong = prediction - target
        count = 1 if reduction == "sum" else len(target)
        return float(np.sum(wrong**2)) / count, 2 * wrong / count

    x = np.random.default_rng(0).normal(size=(10, 2))
    model = smnn.Sequential([smnn.Dense(2)], rng=0)
    for reduction in ("sum", "mean"):
        loss = functools.partial(squares, reduction=reduction)
        options = {"loss": loss, "l2": 0.1}
        history = smnn.fit(model, x, x, optimizer=smnn.SGD(0.0), epochs=1, batch_size=3, **options)
        assert history["loss"] == [pytest.approx(smnn.evaluate(model, x, x, **options)["loss"])]


def test_evaluation_takes_no_gradient():
    def without_gradient(prediction, target):
        return float(np.mean((prediction - target) ** 2)), None

    x = np.ones((5, 2))
    model = smnn.Sequential([smnn.Dense(2, init="zeros")])
    with pytest.raises(ValueError, match="one number and a gradient"):
        smnn.evaluate(model, x, x, loss=without_gradient)


def test_a_sample_weight_is_that_many_copies():
    x, y = smnn.load_iris()
    counts = np.random.default_rng(0).integers(0, 4, len(y))
    models = [smnn.Sequential([smnn.Dense(3)], rng=0) for _ in range(2)]
    options = dict(optimizer=smnn.SGD(0.1), epochs=3, batch_size=10**6)
    weighted = smnn.fit(models[0], x, y, sample_weight=counts, **options)
    repeated = smnn.fit(models[1], x.repeat(counts, axis=0), y.repeat(counts), **options)
    assert np.allclose(models[0].params["0.W"], models[1].params["0.W"], rtol=1e-10)
    assert weighted["loss"] == pytest.approx(repeated["loss"], rel=1e-12)


# Rows with nothing to teach


@pytest.mark.parametrize("unread", [np.nan, np.inf, -np.inf])
def test_what_an_ignored_position_holds_has_no_influence(unread):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 4, 3)), rng.integers(0, 2, (6, 4))
    y[0, 1] = y[2] = -100
    trained = []
    for value in (unread, 0.0):
        x[y == -100] = value
        model = smnn.Sequential([smnn.Dense(5, "tanh"), smnn.Dense(2)], rng=0)
        history = smnn.fit(model, x, y, epochs=3, batch_size=2, rng=0, metrics="accuracy")
        trained.append((history["loss"], model.params["0.W"], smnn.evaluate(model, x, y)))
    assert trained[0][0] == trained[1][0] and trained[0][2] == trained[1][2]
    assert np.array_equal(trained[0][1], trained[1][1])


@pytest.mark.parametrize("seed", range(5))
def test_batches_in_which_every_label_is_ignored_do_not_end_the_training(seed):
    x = np.random.default_rng(0).normal(size=(64, 2))
    y = np.full(64, -100)
    y[:8] = [0, 1] * 4
    model = smnn.Sequential([smnn.Dense(2)], rng=0)
    history = smnn.fit(model, x, y, batch_size=8, epochs=3, rng=seed)
    twin = smnn.Sequential([smnn.Dense(2)], rng=0)
    expected = smnn.fit(twin, x[:8], y[:8], batch_size=8, epochs=3, rng=seed)
    assert history["loss"] == expected["loss"]


def test_classes_of_weight_zero_do_not_end_the_training():
    x, y = smnn.load_iris()
    for smoothing in (0.0, 0.1):
        loss = functools.partial(
            smnn.softmax_cross_entropy, weight=[1.0, 0.0, 0.0], label_smoothing=smoothing
        )
        model = smnn.Sequential([smnn.Dense(3)], rng=0)
        history = smnn.fit(model, x, y, loss=loss, epochs=2, batch_size=4, rng=0)
        assert np.isfinite(history["loss"]).all()


@pytest.mark.parametrize("metrics", [None, "accuracy"])
def test_rows_of_nan_whose_label_is_ignored_teach_nothing(metrics):
    x, y = smnn.load_iris()
    poisoned = np.vstack([x, np.full((50, 4), np.nan)])
    labels = np.r_[y, np.full(50, -100)]
    models = [smnn.Sequential([smnn.Dense(3)], rng=0) for _ in range(2)]
    options = dict(epochs=2, rng=0, metrics=metrics)
    a = smnn.fit(models[0], poisoned, labels, validation_data=(poisoned, labels), **options)
    b = smnn.fit(models[1], x, y, validation_data=(x, y), **options)
    assert np.array_equal(models[0].params["0.W"], models[1].params["0.W"])
    assert a.state() == b.state()


# Histories


def test_a_history_is_a_mapping_of_equal_columns():
    history = smnn.History()
    history.append({"loss": 1.0, "lr": 0.1})
    assert "loss" in history and "accuracy" not in history and 0 not in history
    assert list(history) == ["loss", "lr"] and dict(history) == {"loss": [1.0], "lr": [0.1]}
    assert history.get("lr") == [0.1] and history.get("accuracy", "none") == "none"
    for record in ({"loss": 1.0}, {"loss": 1.0, "lr": 1.0, "more": 1.0}, {}):
        with pytest.raises(ValueError, match="the history records 'loss', 'lr', got"):
            history.append(record)
    assert len(history) == 1


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h))]
)
def test_a_copy_of_a_history_is_its_own(duplicate):
    history = smnn.History()
    history.append({"loss": 1.0})
    history.stopped = "enough"
    twin = duplicate(history)
    assert repr(twin) == repr(history)
    twin.append({"loss": 2.0})
    assert len(history) == 1 and len(twin) == 2


def test_names_of_curves_may_be_one_name():
    x, y = smnn.make_xor()
    history = smnn.fit(smnn.Sequential([smnn.Dense(2)], rng=0), x, y, epochs=2)
    ax = history.plot("lr")
    assert ax.get_lines()[0].get_ydata().tolist() == [0.001, 0.001]
    smnn.plot.pyplot.close(ax.figure)


@pytest.mark.parametrize("moment", range(1, 12))
def test_an_interruption_at_any_moment_leaves_a_model_that_works(moment):
    """A signal at any line of the loop: raised by the n-th call of a layer, loss or optimizer."""
    calls = []

    def count():
        calls.append(1)
        if len(calls) == moment + 5:
            raise KeyboardInterrupt

    class Layer(smnn.Layer):
        def forward(self, x, training=False):
            count()

            def backward(dy, input_gradient=True):
                count()
                return dy, {}

            return x, backward

    class Optimizer(smnn.SGD):
        def update(self, name, param, grad, lr):
            super().update(name, param, grad, lr)
            count()

    x, y = smnn.load_iris()
    model = smnn.Sequential([smnn.Dense(4, input_shape=(4,)), Layer(), smnn.Dense(3)], rng=0)
    history = smnn.fit(model, x, y, optimizer=Optimizer(0.01), epochs=9, batch_size=75)
    assert history.stopped.startswith("interrupted")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(model(x)).all()
    smnn.fit(model, x, y, epochs=1)
