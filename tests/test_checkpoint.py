"""Checkpoints: a resumed run equals one that was never interrupted, bit for bit."""

import json
import os

import numpy as np
import pytest
from safetensors.numpy import save_file

import smnn
from smnn.training import checkpoint


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


DATA = smnn.make_spirals(30, rng=0)
HELD_OUT = smnn.make_spirals(20, rng=1)


def make_model(units=8):
    return smnn.Sequential(
        [
            smnn.Dense(units, "relu", input_shape=(2,)),
            smnn.Dropout(0.3),
            smnn.Sequential([smnn.Dropout(0.1, rng=77), smnn.Dense(3, "softmax")]),
        ],
        rng=0,
    )


OPTIMIZERS = {
    "sgd": lambda: smnn.SGD(0.1),
    "momentum": lambda: smnn.SGD(smnn.exponential_decay(0.1, factor=0.99), momentum=0.9),
    "adam": lambda: smnn.Adam(0.02),
}


def train(epochs, callbacks=(), *, optimizer="adam", model=None, batch_size=16, rng=3):
    model = model or make_model()
    history = smnn.fit(
        model,
        *DATA,
        optimizer=OPTIMIZERS[optimizer](),
        validation_data=HELD_OUT,
        metrics=["accuracy"],
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks,
        rng=rng,
    )
    return model, history


def columns(history):
    return {name: history[name] for name in history.keys()}


def same(a, b):
    return all(np.array_equal(a.params[name], b.params[name]) for name in a.params)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_resume_equals_an_uninterrupted_run_bit_for_bit(path, optimizer):
    straight, expected = train(7, optimizer=optimizer)
    train(3, [smnn.Checkpoint(path)], optimizer=optimizer)
    resumed, history = train(7, [smnn.Checkpoint(path, resume=True)], optimizer=optimizer)
    assert same(straight, resumed)
    assert columns(history) == columns(expected)


def test_resume_after_an_interruption_inside_an_epoch(path):
    class AtStep(smnn.Callback):
        def on_step(self, run):
            if run.step == 20:
                raise KeyboardInterrupt

    straight, expected = train(6)
    train(6, [smnn.Checkpoint(path), AtStep()])
    resumed, history = train(6, [smnn.Checkpoint(path, resume=True)])
    assert same(straight, resumed) and columns(history) == columns(expected)


@pytest.mark.parametrize("first", [True, False])
def test_what_callbacks_remember_is_resumed(path, first):
    def run(epochs, *checkpoint):
        stopping, recorder = smnn.EarlyStopping(patience=4), smnn.StepRecorder()
        others = [stopping, recorder]
        model, history = train(epochs, [*checkpoint, *others] if first else [*others, *checkpoint])
        return model, history, recorder

    straight, expected, all_steps = run(80)
    assert 6 < len(expected) < 80, "the run must stop early for this test to mean anything"
    run(len(expected) - 2, smnn.Checkpoint(path))
    resumed, history, steps = run(80, smnn.Checkpoint(path, resume=True))
    assert same(straight, resumed)
    assert columns(history) == columns(expected) and history.stopped == expected.stopped
    assert steps.loss == all_steps.loss and steps.lr == all_steps.lr


def test_a_finished_run_stays_finished(path):
    model, history = train(4, [smnn.Checkpoint(path)])
    again, unchanged = train(4, [smnn.Checkpoint(path, resume=True)])
    assert same(model, again) and columns(unchanged) == columns(history)


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox])
def test_every_generator_is_resumed(path, kind):
    def rng():
        return np.random.Generator(kind(5))

    straight, _ = train(4, rng=rng())
    train(2, [smnn.Checkpoint(path)], rng=rng())
    resumed, _ = train(4, [smnn.Checkpoint(path, resume=True)], rng=rng())
    assert same(straight, resumed)


def test_the_best_so_far_survives_a_resume(path):
    def praise(run):
        if run.epoch == 2:
            run.best.update_if_better(-1.0, run.model.params, run.epoch)

    train(3, [smnn.Checkpoint(path), praise])
    seen = []
    train(4, [smnn.Checkpoint(path, resume=True), lambda run: seen.append(run.best.epoch)])
    assert seen == [2]


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3).T, np.arange(6)[::2], np.zeros(0)])
def test_arrays_of_any_layout_are_kept(path, array):
    checkpoint._write(path, {"here": [{"it is": array}], "inf": np.inf})
    state = checkpoint._read(path)
    assert np.array_equal(state["here"][0]["it is"], array)
    assert state["here"][0]["it is"].shape == array.shape and state["inf"] == np.inf


def test_every_so_many_epochs_and_the_last(path, monkeypatch):
    saved = []
    monkeypatch.setattr(checkpoint, "_write", lambda path, state: saved.append(state["epoch"]))
    train(7, [smnn.Checkpoint(path, every=3)])
    assert saved == [3, 6, 7]


def test_without_resume_an_old_file_is_replaced(path):
    train(3, [smnn.Checkpoint(path)])
    _, history = train(2, [smnn.Checkpoint(path)])
    assert len(history) == 2
    _, history = train(2, [smnn.Checkpoint(path, resume=True)])
    assert len(history) == 2


def test_resume_without_a_file_starts_from_the_beginning(path):
    straight, _ = train(2)
    model, _ = train(2, [smnn.Checkpoint(path, resume=True)])
    assert same(straight, model) and path.exists()


def test_a_failed_write_leaves_the_old_file_and_no_rest(path, monkeypatch):
    train(1, [smnn.Checkpoint(path)])
    before = path.read_bytes()

    def broken(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="disk full"):
        train(2, [smnn.Checkpoint(path)])
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def refused(path, words, **options):
    """The file is refused in these words, and it and the model stay as they were."""
    content, model = path.read_bytes(), options.pop("model", None) or make_model()
    before = {name: value.copy() for name, value in model.params.items()}
    with pytest.raises(ValueError, match=words):
        train(9, [smnn.Checkpoint(path, resume=True)], model=model, **options)
    assert path.read_bytes() == content
    assert all(np.array_equal(before[name], value) for name, value in model.params.items())


def test_a_file_that_is_not_ours(path):
    path.write_bytes(b"PK\x03\x04 something else")
    refused(path, "run.safetensors is no smnn checkpoint, or is damaged")
    save_file({"w": np.zeros(2)}, path)
    refused(path, "run.safetensors is no smnn checkpoint: its format is not said")


def test_a_truncated_file(path):
    train(2, [smnn.Checkpoint(path)])
    path.write_bytes(path.read_bytes()[:-50])
    refused(path, "is no smnn checkpoint, or is damaged")


def test_a_newer_version(path):
    metadata = {"format": "smnn checkpoint", "version": "3", "text": json.dumps({})}
    save_file({"w": np.zeros(2)}, path, metadata)
    refused(path, "is of version 3, written by a newer smnn; this one reads versions up to 2")


def test_another_run(path):
    train(2, [smnn.Checkpoint(path)])
    refused(path, r"parameters: .*\(2, 8\).* there, .*\(2, 9\).* here", model=make_model(9))
    refused(path, "steps an epoch: 6 there, 12 here", batch_size=8)
    refused(path, "optimizer: .*'Adam'.* there, .*'SGD'.* here", optimizer="momentum")
    rng = np.random.Generator(np.random.MT19937(1))
    refused(path, "generators: .*'PCG64'.* there, .*'MT19937'.* here", rng=rng)


def test_other_callbacks(path):
    train(2, [smnn.Checkpoint(path), smnn.StepRecorder()])
    refused(path, r"callbacks: \['StepRecorder'\] there, \[\] here")


def test_no_code_is_in_the_file(path):
    train(1, [smnn.Checkpoint(path)])
    assert b"pickle" not in path.read_bytes() and b"numpy" not in path.read_bytes()


def test_bad_options(path):
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        smnn.Checkpoint(path, every=0)
