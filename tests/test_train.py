"""Training: every example once an epoch, the steps of the formula, and every way to end."""

import functools
from itertools import chain

import numpy as np
import pytest

import smnn
from smnn.functional import softmax_cross_entropy


def small_model(*, ending="softmax", dtype="float64", seed=0):
    last = [smnn.Activation(ending)] if ending else []
    return smnn.Sequential(
        [smnn.Dense(6, "tanh", input_shape=(2,)), smnn.Dense(3), *last], dtype=dtype, rng=seed
    )


def weights(model):
    return {name: value.copy() for name, value in model.params.items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@pytest.fixture
def spirals():
    return smnn.make_spirals(20, rng=0)


# Batches


@pytest.mark.parametrize("batch_size", [1, 4, 10, 11, 99])
def test_every_example_comes_once_and_the_last_batch_may_be_short(batch_size):
    x, y = np.arange(11)[:, None] * 10, np.arange(11)
    batches = list(smnn.minibatches(x, y, batch_size, rng=0))
    lengths = [len(y_batch) for _, y_batch in batches]
    assert lengths[:-1] == [batch_size] * (len(lengths) - 1)
    assert 1 <= lengths[-1] <= batch_size
    seen = np.concatenate([y_batch for _, y_batch in batches])
    assert sorted(seen) == list(range(11))
    assert np.array_equal(np.concatenate([x_batch for x_batch, _ in batches])[:, 0], 10 * seen)


def test_examples_are_shuffled_and_not_the_batches():
    x = np.arange(1000)
    first, _ = next(smnn.minibatches(x, x, 10, rng=0))
    assert len(set(first // 10)) > 5, "neighbors stayed together"


def test_two_epochs_have_different_batches():
    rng = np.random.default_rng(0)
    x = np.arange(50)
    a = np.concatenate([batch for batch, _ in smnn.minibatches(x, x, 7, rng=rng)])
    b = np.concatenate([batch for batch, _ in smnn.minibatches(x, x, 7, rng=rng)])
    assert not np.array_equal(a, b)


class Witness:
    """A model without parameters that notes the rows it was trained on."""

    def __init__(self):
        self.params, self.batches = {}, []

    def forward(self, x, training=False):
        if training:
            self.batches.append(x[:, 0].tolist())
        return x * 1.0, lambda dy, input_gradient=True: (None, {})


def test_fit_shows_every_example_once_an_epoch_in_a_new_order():
    x = np.column_stack([np.arange(10.0), np.zeros(10)])
    witness = Witness()
    smnn.fit(witness, x, np.zeros(10, int), epochs=2, batch_size=4, rng=0)
    assert [len(batch) for batch in witness.batches] == [4, 4, 2, 4, 4, 2]
    first, second = (list(chain(*epoch)) for epoch in (witness.batches[:3], witness.batches[3:]))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second and first != list(range(10))


# Steps


def test_fit_takes_the_steps_of_the_hand_written_loop(spirals):
    x, y = spirals
    by_fit, by_hand = small_model(), small_model()
    smnn.fit(by_fit, x, y, optimizer=smnn.SGD(0.3), epochs=3, batch_size=16, rng=5)
    optimizer, rng = smnn.SGD(0.3), np.random.default_rng(5)
    for _ in range(3):
        for x_batch, y_batch in smnn.minibatches(x, y, 16, rng=rng):
            logits, backward = by_hand.forward_logits(x_batch, True)
            _, dlogits = softmax_cross_entropy(logits, y_batch)
            optimizer.step(by_hand.params, backward(dlogits)[1])
    assert same(weights(by_fit), weights(by_hand))


def test_softmax_at_the_end_makes_no_difference(spirals):
    with_softmax, with_logits = small_model(), small_model(ending=None)
    a = smnn.fit(with_softmax, *spirals, epochs=2, rng=0)
    b = smnn.fit(with_logits, *spirals, epochs=2, rng=0)
    assert same(weights(with_softmax), weights(with_logits))
    assert a["loss"] == b["loss"]


def test_options_of_the_loss_keep_the_softmax_off(spirals):
    loss = functools.partial(softmax_cross_entropy, label_smoothing=0.1)
    with_softmax, with_logits = small_model(), small_model(ending=None)
    smnn.fit(with_softmax, *spirals, loss=loss, epochs=2, rng=0)
    smnn.fit(with_logits, *spirals, loss=loss, epochs=2, rng=0)
    assert same(weights(with_softmax), weights(with_logits))


def test_sigmoid_is_left_to_binary_cross_entropy():
    x, y = smnn.make_moons(30, rng=0)
    target = y[:, None].astype(float)
    models = [
        smnn.Sequential([smnn.Dense(1, activation, input_shape=(2,))], rng=0)
        for activation in ("sigmoid", None)
    ]
    for model in models:
        smnn.fit(model, x, target, loss=smnn.binary_cross_entropy, epochs=3, rng=0)
    assert same(*map(weights, models))


def test_another_loss_gets_the_softmax_output():
    seen = []

    def squares(prediction, target):
        seen.append(prediction.sum(axis=-1))
        return smnn.mse(prediction, target)

    x, y = smnn.make_spirals(10, rng=0)
    smnn.fit(small_model(), x, np.eye(3)[y], loss=squares, epochs=1, rng=0)
    assert np.allclose(np.concatenate(seen), 1)


def test_logits_of_ten_thousand_train_without_overflow():
    model = smnn.Sequential([smnn.Dense(3, "softmax", input_shape=(2,))], rng=0)
    model.params["0.W"][...] *= 1e4
    x, y = smnn.make_blobs(20, rng=0)
    history = smnn.fit(model, x, y, optimizer=smnn.SGD(1.0), epochs=3, rng=0)
    assert np.isfinite(history["loss"]).all() and history["loss"][0] > 100


def test_the_snippet_that_everyone_copies():
    from smnn import Activation, Dense, Sequential, fit

    model = Sequential(
        [Dense(32, input_shape=(784,)), Activation("relu"), Dense(10), Activation("softmax")], rng=0
    )
    x = np.random.default_rng(0).normal(size=(100, 784))
    y = np.arange(100) % 10
    history = fit(model, x, y, epochs=20, rng=0)
    assert history["loss"][-1] < history["loss"][0] / 2
    assert np.allclose(model(x).sum(axis=1), 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_keep_their_dtype(dtype, spirals):
    model = small_model(dtype=dtype)
    smnn.fit(model, *spirals, epochs=1)
    assert {value.dtype.name for value in model.params.values()} == {dtype}


def test_spirals_are_learned():
    x, y = smnn.make_spirals(rng=0)
    model = smnn.Sequential([smnn.Dense(100, "relu"), smnn.Dense(3, "softmax")], rng=0)
    smnn.fit(model, x, y, optimizer=smnn.Adam(0.01), epochs=60, rng=0)
    assert smnn.evaluate(model, x, y, metrics=["accuracy"])["accuracy"] > 0.97


def test_gradients_are_clipped(spirals):
    clipped, free = small_model(), small_model()
    before = weights(clipped)
    options = dict(optimizer=smnn.SGD(1.0), epochs=1, batch_size=99, rng=0)
    smnn.fit(clipped, *spirals, clip_norm=1e-3, **options)
    smnn.fit(free, *spirals, **options)

    def length(model):
        return np.sqrt(sum(np.sum((v - before[k]) ** 2) for k, v in model.params.items()))

    assert length(clipped) == pytest.approx(1e-3)
    assert length(free) > 1e-2


# What is recorded


def test_history_is_the_mean_over_the_epoch(spirals):
    losses = []

    def noted(logits, target):
        loss, gradient = softmax_cross_entropy(logits, target)
        losses.append((float(loss), len(target)))
        return loss, gradient

    model = small_model(ending=None)
    history = smnn.fit(model, *spirals, loss=noted, epochs=2, batch_size=25, rng=0)
    values, sizes = np.array(losses[1:]).T  # the first call is the trial before the start
    assert sizes.tolist() == [25, 25, 10] * 2
    expected = np.average(values.reshape(2, 3), axis=1, weights=sizes[:3])
    assert np.allclose(history["loss"], expected, rtol=1e-12)
    assert history["lr"] == [0.001, 0.001]
    assert len(history) == 2 and history.stopped is None


def test_metrics_are_measured_as_the_model_learns(spirals):
    x, y = spirals
    model, still = small_model(), small_model()
    options = dict(epochs=1, batch_size=16, rng=0, metrics=["accuracy", smnn.perplexity])
    history = smnn.fit(model, x, y, optimizer=smnn.SGD(0.0), **options)
    expected = smnn.evaluate(still, x, y, metrics=["accuracy", "perplexity"])
    assert history["accuracy"][0] == pytest.approx(expected["accuracy"])
    assert history["perplexity"][0] == pytest.approx(expected["perplexity"])
    assert history["loss"][0] == pytest.approx(expected["loss"])
    assert expected["perplexity"] == pytest.approx(np.exp(expected["loss"]))


def test_metrics_survive_a_model_that_returns_its_input():
    x, y = smnn.make_blobs(20, np.eye(3), spread=0.3, rng=0)
    model = smnn.Sequential([smnn.Activation("identity")])
    history = smnn.fit(model, x, y, metrics=["accuracy"], epochs=1, batch_size=8)
    assert history["accuracy"] == [pytest.approx(smnn.accuracy(y, x))]


def test_metrics_get_probabilities_from_logits_too(spirals):
    results = [
        smnn.evaluate(small_model(ending=ending), *spirals, metrics=["negative_log_likelihood"])
        for ending in ("softmax", None)
    ]
    assert results[0] == results[1]
    assert results[0]["negative_log_likelihood"] == pytest.approx(results[0]["loss"])


def test_validation_is_measured_after_the_epoch(spirals):
    model = small_model()
    held_out = smnn.make_spirals(10, rng=9)
    history = smnn.fit(
        model, *spirals, validation_data=held_out, metrics=["accuracy"], epochs=2, rng=0
    )
    expected = smnn.evaluate(model, *held_out, metrics=["accuracy"])
    assert list(history.keys()) == ["loss", "accuracy", "val_loss", "val_accuracy", "lr"]
    assert history["val_loss"][-1] == expected["loss"]
    assert history["val_accuracy"][-1] == expected["accuracy"]


def test_evaluation_in_pieces_equals_evaluation_at_once():
    x, y = smnn.make_blobs(1500, rng=0)
    model = small_model(ending=None)
    result = smnn.evaluate(model, x, y, metrics=["accuracy"])
    assert result["loss"] == pytest.approx(float(softmax_cross_entropy(model(x), y)[0]), rel=1e-12)
    assert result["accuracy"] == smnn.accuracy(y, model(x))


def test_dropout_is_off_in_evaluation(spirals):
    model = smnn.Sequential([smnn.Dropout(0.5), smnn.Dense(3)], rng=0)
    assert smnn.evaluate(model, *spirals) == smnn.evaluate(model, *spirals)


def test_a_schedule_is_recorded(spirals):
    recorder = smnn.StepRecorder()
    optimizer = smnn.SGD(smnn.step_decay(1.0, every=2, factor=0.5))
    smnn.fit(
        small_model(), *spirals, optimizer=optimizer, epochs=2, batch_size=20, callbacks=[recorder]
    )
    assert recorder.lr == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]


# Ways to end


def test_interruption_returns_what_was_learned(spirals):
    def interrupt(run):
        if run.epoch == 2:
            raise KeyboardInterrupt

    model, reference = small_model(), small_model()
    history = smnn.fit(model, *spirals, epochs=50, callbacks=[interrupt], rng=0)
    smnn.fit(reference, *spirals, epochs=2, rng=0)
    assert len(history) == 2
    assert same(weights(model), weights(reference))
    assert history.stopped == "interrupted after epoch 2 at step 4"
    assert "interrupted" in repr(history)


def test_interruption_inside_an_epoch(spirals):
    class AtStep(smnn.Callback):
        def on_step(self, run):
            if run.step == 3:
                raise KeyboardInterrupt

    model = small_model()
    before = weights(model)
    history = smnn.fit(model, *spirals, epochs=9, batch_size=10, callbacks=[AtStep()], rng=0)
    assert len(history) == 0 and history.stopped == "interrupted in epoch 1 at step 3"
    assert not same(weights(model), before)


def test_nan_in_the_data_names_the_row(spirals):
    x, y = spirals.x.copy(), spirals.y
    x[37, 1] = np.nan
    model = small_model()
    words = r"loss became nan in epoch 1 at step \d+: row 37 of x"
    with pytest.raises(smnn.TrainingDiverged, match=words):
        smnn.fit(model, x, y, batch_size=8, rng=0)
    assert all(np.isfinite(value).all() for value in model.params.values())


class LossThatBreaks:
    """Cross-entropy, until a given call."""

    def __init__(self, call, value=np.nan):
        self.calls, self.call, self.value = 0, call, value

    def __call__(self, logits, target):
        loss, gradient = softmax_cross_entropy(logits, target)
        self.calls += 1
        return (self.value if self.calls == self.call else loss), gradient


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_divergence_keeps_the_best_so_far(spirals, value):
    model, reference = small_model(ending=None), small_model(ending=None)
    reference_history = smnn.fit(reference, *spirals, epochs=3, batch_size=20, rng=0)
    assert np.argmin(reference_history["loss"]) == 2
    broken = LossThatBreaks(call=1 + 3 * 3 + 2, value=value)  # one trial, three epochs, two steps
    with pytest.raises(smnn.TrainingDiverged) as caught:
        smnn.fit(model, *spirals, loss=broken, epochs=9, batch_size=20, rng=0)
    assert f"the loss became {value} in epoch 4 at step 11" in str(caught.value)
    assert "those of epoch 3" in str(caught.value)
    assert same(weights(model), weights(reference))
    assert caught.value.history["loss"] == reference_history["loss"]


def test_divergence_by_a_wild_learning_rate_gives_back_the_start():
    x, y = smnn.make_blobs(20, rng=0)
    model = smnn.Sequential([smnn.Dense(8, input_shape=(2,)), smnn.Dense(3)], rng=0)
    before = weights(model)
    with (
        np.errstate(all="ignore"),
        pytest.raises(smnn.TrainingDiverged, match="those of the start") as caught,
    ):
        smnn.fit(model, x, y, loss=smnn.multiclass_hinge, optimizer=smnn.SGD(1e200), rng=0)
    assert same(weights(model), before)
    assert "parameter" in str(caught.value) or "scores" in str(caught.value)


def test_parameters_that_break_in_the_last_step_are_noticed(spirals):
    class Breaker(smnn.Callback):
        def on_step(self, run):
            if run.step == run.epochs * run.steps_per_epoch:
                run.model.params["0.b"][0] = np.inf

    model = small_model()
    with pytest.raises(smnn.TrainingDiverged, match=r"parameters did not stay finite.*'0\.b'"):
        smnn.fit(model, *spirals, epochs=2, callbacks=[Breaker()])
    assert np.isfinite(model.params["0.b"]).all()


# What is refused


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"x": np.zeros((0, 2)), "y": np.zeros(0, int)}, ValueError, "at least one example"),
        ({"x": np.zeros((4, 2))}, ValueError, r"shapes \(4, 2\) and \(60,\)"),
        ({"y": np.full(60, 3)}, IndexError, "label 3 at row 0 .* 3 classes"),
        ({"y": np.r_[np.zeros(59, int), -1]}, IndexError, "label -1 at row 59"),
        ({"y": np.zeros(60)}, TypeError, "labels must be integers"),
        ({"x": np.zeros((60, 5))}, smnn.ShapeError, r"\(1, 5\)"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
        ({"epochs": 1.5}, TypeError, "epochs must be an integer"),
        ({"batch_size": -1}, ValueError, "batch_size must be at least 1, got -1"),
        ({"metrics": ["acuracy"]}, ValueError, "'accuracy', .* got 'acuracy'"),
        ({"rng": "seed"}, TypeError, "rng"),
        ({"validation_data": (np.zeros((2, 2)), [9, 9])}, IndexError, "label 9"),
        (
            {"loss": functools.partial(softmax_cross_entropy, reduction="none")},
            ValueError,
            r"one number and a gradient of shape \(32, 3\), got shapes \(32,\)",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_changes(spirals, change, kind, words):
    model = small_model()
    before = weights(model)
    arguments = {"x": spirals.x, "y": spirals.y, "epochs": 1} | change
    with pytest.raises(kind, match=words):
        smnn.fit(model, arguments.pop("x"), arguments.pop("y"), **arguments)
    assert same(weights(model), before)


@pytest.mark.parametrize("ignored", [-100, 7])
def test_ignored_labels_teach_nothing_and_are_not_judged(spirals, ignored):
    x, y = spirals.x, spirals.y.copy()
    y[::2] = ignored
    loss = softmax_cross_entropy
    if ignored != -100:
        loss = functools.partial(loss, ignore_index=ignored)
    model, reference = small_model(), small_model()
    smnn.fit(model, x, y, loss=loss, epochs=1, batch_size=60, rng=0)
    smnn.fit(reference, x[1::2], y[1::2], epochs=1, batch_size=60, rng=0)
    for name, value in model.params.items():
        assert np.allclose(value, reference.params[name], rtol=1e-12)
    result = smnn.evaluate(model, x, y, loss=loss, metrics=["accuracy"])
    assert result["accuracy"] == smnn.accuracy(y[1::2], model(x[1::2]))


def test_sequences_of_labels_are_judged_one_by_one():
    x = np.random.default_rng(0).normal(size=(5, 4, 2))
    y = np.random.default_rng(1).integers(0, 3, (5, 4))
    model = smnn.Sequential([smnn.Dense(3, "softmax")], rng=0)
    result = smnn.evaluate(model, x, y, metrics=["accuracy", "perplexity"])
    assert result["accuracy"] == np.mean(model(x).argmax(axis=-1) == y)
    assert result["perplexity"] == pytest.approx(np.exp(result["loss"]))


def test_a_model_shaped_by_its_first_batch(spirals):
    model = smnn.Sequential([smnn.Dense(4, "relu"), smnn.Dense(3)], rng=0)
    smnn.fit(model, *spirals, epochs=1)
    assert model.params["0.W"].shape == (2, 4)


def test_nothing_is_printed_when_nobody_watches(spirals, capsys):
    smnn.fit(small_model(), *spirals, epochs=2)
    assert capsys.readouterr() == ("", "")
