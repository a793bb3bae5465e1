"""Callbacks: when they are called, what they keep, and how they end a run."""

import io

import numpy as np
import pytest

import smnn
from smnn.training import loop
from smnn.training.callbacks import AfterEpoch
from smnn.training.history import Snapshot


def small_model(seed=0):
    return smnn.Sequential([smnn.Dense(5, "tanh", input_shape=(2,)), smnn.Dense(3)], rng=seed)


def weights(model):
    return {name: value.copy() for name, value in model.params.items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@pytest.fixture
def spirals():
    return smnn.make_spirals(20, rng=0)


class Diary(smnn.Callback):
    def __init__(self):
        self.lines = []

    def on_start(self, run):
        self.lines.append("start")

    def on_step(self, run):
        self.lines.append(f"step {run.step} of epoch {run.epoch + 1}")

    def on_epoch(self, run):
        self.lines.append(f"epoch {run.epoch}, {len(run.history)} recorded")

    def on_end(self, run):
        self.lines.append(f"end, {run.stopped}")


def test_callbacks_are_told_everything_in_order(spirals):
    diary = Diary()
    smnn.fit(small_model(), *spirals, epochs=2, batch_size=40, callbacks=[diary])
    assert diary.lines == [
        "start",
        "step 1 of epoch 1",
        "step 2 of epoch 1",
        "epoch 1, 1 recorded",
        "step 3 of epoch 2",
        "step 4 of epoch 2",
        "epoch 2, 2 recorded",
        "end, None",
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_end_is_told_however_it_comes(spirals, error):
    diary = Diary()

    def fail(run):
        raise error

    try:
        smnn.fit(small_model(), *spirals, epochs=2, callbacks=[fail, diary])
    except RuntimeError:
        pass
    assert diary.lines[-1].startswith("end")


def test_a_callback_ends_the_training(spirals):
    def enough(run):
        if run.epoch == 3:
            run.stopped = "enough"

    history = smnn.fit(small_model(), *spirals, epochs=9, callbacks=[enough])
    assert len(history) == 3 and history.stopped == "enough"


def test_history_names_what_it_has():
    history = smnn.History()
    with pytest.raises(KeyError, match="'loss' was not recorded; recorded: nothing"):
        history["loss"]
    history.append({"loss": 1.0})
    with pytest.raises(KeyError, match="'acc' was not recorded; recorded: 'loss'"):
        history["acc"]
    assert list(history.keys()) == ["loss"] and len(history) == 1


def test_snapshot_is_a_copy_and_takes_no_nan():
    params = {"w": np.zeros(2)}
    best = Snapshot(params)
    assert not best.offer(np.nan, params, 1)
    assert best.offer(1.0, params, 2)
    params["w"] += 5
    assert not best.offer(1.0, params, 3)
    best.restore(params)
    assert params["w"].tolist() == [0, 0] and best.epoch == 2


# Early stopping


class Fake:
    """A run whose monitored values are given; its only parameter is the epoch."""

    def __init__(self, values, name="val_loss"):
        self.values, self.name = values, name
        self.history, self.stopped, self.epoch = smnn.History(), None, 0
        self.model = self
        self.params = {"w": np.zeros(1)}

    def train(self, callback):
        callback.on_start(self)
        for value in self.values:
            self.epoch += 1
            self.params["w"][0] = self.epoch
            self.history.append({self.name: value})
            callback.on_epoch(self)
            if self.stopped:
                break
        callback.on_end(self)
        return self.epoch, self.params["w"][0]


@pytest.mark.parametrize(
    ("values", "options", "ended", "kept"),
    [
        ([5, 4, 3, 3.5, 3.2, 1], {"patience": 2}, 5, 3),
        ([5, 4, 3, 3.5, 3.2, 1], {"patience": 3}, 6, 6),
        ([5, 6, 7], {"patience": 9}, 3, 1),
        ([5, 4.95, 4.9, 4.85], {"patience": 2, "min_delta": 0.2}, 3, 1),
        ([5, 4.95, 4.9, 4.85], {"patience": 2, "min_delta": 0.06}, 4, 3),
        ([np.nan, 2, np.nan, np.nan], {"patience": 2}, 4, 2),
        ([1, 2, 3, 2], {"patience": 1, "goal": "high"}, 4, 3),
    ],
)
def test_early_stopping_waits_and_restores_the_best(values, options, ended, kept):
    assert Fake(values).train(smnn.EarlyStopping(**options)) == (ended, kept)


def test_accuracy_is_better_when_it_is_higher():
    stopping = smnn.EarlyStopping("val_accuracy", patience=2)
    run = Fake([0.5, 0.9, 0.8, 0.7], "val_accuracy")
    assert run.train(stopping) == (4, 2)
    assert run.stopped == (
        "val_accuracy has not improved for 2 epochs; the best was 0.9 in epoch 2"
    )


def test_all_nan_leaves_the_parameters():
    assert Fake([np.nan, np.nan]).train(smnn.EarlyStopping(patience=2)) == (2, 2)


def test_early_stopping_starts_anew_in_each_fit():
    stopping = smnn.EarlyStopping(patience=2)
    assert Fake([1, 2, 3]).train(stopping) == (3, 1)
    assert Fake([9, 8, 10, 11]).train(stopping) == (4, 2)


def test_early_stopping_in_a_real_run(spirals):
    kept = []

    def keep(run):
        kept.append(weights(run.model))

    model = small_model()
    history = smnn.fit(
        model,
        *spirals,
        validation_data=smnn.make_spirals(20, rng=5),
        optimizer=smnn.Adam(0.3),
        epochs=200,
        callbacks=[keep, smnn.EarlyStopping(patience=4)],
        rng=0,
    )
    best = int(np.argmin(history["val_loss"]))
    assert len(history) == best + 1 + 4 < 200
    assert same(weights(model), kept[best])
    assert f"in epoch {best + 1}" in history.stopped


def test_what_is_monitored_must_be_recorded(spirals):
    with pytest.raises(KeyError, match="'val_loss' was not recorded; recorded: 'loss', 'lr'"):
        smnn.fit(small_model(), *spirals, callbacks=[smnn.EarlyStopping()])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"patience": 0}, "patience must be at least 1, got 0"),
        ({"min_delta": -1}, "min_delta must not be negative, got -1"),
        ({"goal": "up"}, "goal must be one of 'auto', 'low', 'high', got 'up'"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words):
        smnn.EarlyStopping(**options)


# The others


def test_step_recorder_notes_every_step(spirals):
    recorder = smnn.StepRecorder()
    history = smnn.fit(
        small_model(), *spirals, optimizer=smnn.SGD(0.5), epochs=2, batch_size=20,
        callbacks=[recorder], rng=0,
    )  # fmt: skip
    assert recorder.lr == [0.5] * 6
    assert np.mean(recorder.loss[:3]) == pytest.approx(history["loss"][0])


def test_a_bar_only_when_somebody_watches(spirals, monkeypatch):
    asked = []

    def wanted(show):
        asked.append(show)
        return False

    monkeypatch.setattr(loop, "bar_is_wanted", wanted)
    smnn.fit(small_model(), *spirals, epochs=1)
    smnn.fit(small_model(), *spirals, epochs=1, progress=False)
    assert asked == [True, False]
    monkeypatch.setattr(loop, "bar_is_wanted", lambda show: True)
    made = loop._all_callbacks([print], True)
    assert [type(callback) for callback in made] == [AfterEpoch, smnn.ProgressBar]


def test_the_bar_counts_the_steps_and_shows_the_numbers(spirals):
    screen = io.StringIO()
    smnn.fit(
        small_model(), *spirals, epochs=2, batch_size=20, callbacks=[smnn.ProgressBar(file=screen)]
    )
    assert "6/6" in screen.getvalue() and "loss=" in screen.getvalue()
