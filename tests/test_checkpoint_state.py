"""Saved runs come back: every state of a callback, exceptions across processes, other settings."""

import copy
import itertools
import math
import multiprocessing
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import smnn
from smnn.training import checkpoint

X, Y = smnn.make_xor(4, rng=0)

keys = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["a/b", "a", "b", "array", "dict", "list", "tuple", "number", "", "0", "0 a"])
)
atoms = (
    keys
    | arrays.arrays(
        st.sampled_from(["?", "i1", "u8", "i8", "f2", "f4", "f8", ">f8", ">i4"]),
        arrays.array_shapes(min_dims=0, min_side=0, max_side=3),
    )
    | st.sampled_from([np.float32(1.5), np.float64(-0.0), np.int8(3), np.bool_(True)])
)
states = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=12,
)


def same(a, b):
    """Whether two states are equal in kind and to the last bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray | np.generic):
        native = a.dtype.newbyteorder("=")
        return (
            a.shape == b.shape
            and native == b.dtype
            and np.array_equal(a, b, equal_nan=native.kind == "f")
        )
    if isinstance(a, dict):
        pairs = itertools.zip_longest(a.items(), b.items())
        return all(same(p, q) for p, q in pairs)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("states")


@settings(max_examples=300, deadline=None)
@given(state=states)
def test_every_state_comes_back_as_it_was(folder, state):
    checkpoint._write(folder / "state.ck", {"callbacks": state})
    assert same(state, checkpoint._read(folder / "state.ck")["callbacks"])


class Keeper(smnn.Callback):
    """Remembers what it was given."""

    def __init__(self, kept):
        self.kept = kept

    def state(self):
        return self.kept

    def load_state(self, state):
        self.kept = state


def new_model(units=2):
    return smnn.Sequential([smnn.Dense(units, input_shape=(2,))], rng=0)


def train(path, *callbacks, epochs=2, batch_size=4, resume=True, **options):
    return smnn.fit(
        new_model(), X, Y, epochs=epochs, batch_size=batch_size, rng=0,
        callbacks=[smnn.Checkpoint(path, resume=resume), *callbacks], **options,
    )  # fmt: skip


def test_a_callback_gets_its_state_back(tmp_path):
    state = {"a": {"b": 1}, "a/b": np.array(2.0), 3: (4, [5]), "user": {"array": "x"}}
    train(tmp_path / "k.ck", Keeper(state))
    again = Keeper(None)
    train(tmp_path / "k.ck", again, epochs=3)
    assert same(again.kept, state)


@pytest.mark.parametrize(
    "value", [{1, 2}, object(), b"bytes", 1j, np.array(["text"]), np.array([None]), print]
)
def test_what_no_file_can_keep_is_refused_before_the_first_step(tmp_path, value):
    model = new_model()
    before = model.params["0.W"].copy()
    options = dict(callbacks=[smnn.Checkpoint(tmp_path / "k.ck"), Keeper({"here": [value]})])
    with pytest.raises(ValueError, match=r"cannot keep the .* at the callbacks/0/1/here/0"):
        smnn.fit(model, X, Y, **options)
    assert np.array_equal(before, model.params["0.W"]) and not list(tmp_path.iterdir())


def test_a_parameter_that_is_one_number_is_resumed(tmp_path):
    class Temperature(smnn.Layer):
        def build(self, shape, dtype="float64", rng=None):
            self.params.setdefault("t", np.ones((), dtype))
            return tuple(shape)

        def forward(self, x, training=False):
            t = self.params["t"]
            return x * t, lambda dy: (dy * t, {"t": np.asarray((dy * x).sum())})

    def run(epochs, *callbacks):
        layers = [smnn.Dense(2, input_shape=(2,)), Temperature()]
        model = smnn.Sequential(layers, rng=0)
        smnn.fit(model, X, Y, epochs=epochs, callbacks=callbacks, rng=0)
        return model.params["1.t"]

    for epochs in (1, 3):
        resumed = run(epochs, smnn.Checkpoint(tmp_path / "k.ck", resume=True))
    assert resumed.shape == () and resumed == run(3) and resumed != 1


# Another run


OTHERS = {
    "metrics": ({"metrics": ["accuracy"]}, "records"),
    "validation": ({"validation_data": (X, Y)}, "validation examples"),
    "loss": ({"loss": "multiclass_hinge"}, "loss"),
    "batch size": ({"batch_size": 9}, "steps an epoch"),
    "l2": ({"l2": 0.1}, "l2"),
    "clip_norm": ({"clip_norm": 1.0}, "clip_norm"),
    "shuffle": ({"shuffle": False}, "shuffle"),
    "weights": ({"sample_weight": np.arange(16) > 0}, "examples"),
    "rate": ({"optimizer": smnn.Adam(0.002)}, "optimizer"),
    "betas": ({"optimizer": smnn.Adam(betas=(0.8, 0.99))}, "optimizer"),
    "kind": ({"optimizer": smnn.SGD(0.001)}, "optimizer"),
    "decay": ({"optimizer": smnn.Adam(weight_decay=0.1)}, "optimizer"),
    "schedule": ({"optimizer": smnn.Adam(smnn.exponential_decay(0.001, factor=0.9))}, "optimizer"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_run_with_other_settings_is_refused(tmp_path, what):
    path = tmp_path / "h.ck"
    train(path)
    change, name = OTHERS[what]
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"is a checkpoint of another run: .*{name}: .* there, "):
        train(path, epochs=4, **change)
    assert path.read_bytes() == before


def test_another_schedule_is_refused_and_the_same_is_resumed(tmp_path):
    def options(factor):
        return {"optimizer": smnn.SGD(smnn.exponential_decay(0.5, factor=factor), momentum=0.9)}

    train(tmp_path / "s.ck", epochs=3, **options(0.9))
    with pytest.raises(ValueError, match=r"learning rates: .* there, .* here"):
        train(tmp_path / "s.ck", epochs=4, **options(0.8))
    resumed = train(tmp_path / "s.ck", epochs=5, **options(0.9))
    assert resumed["lr"] == train(tmp_path / "straight.ck", epochs=5, **options(0.9))["lr"]


def test_a_rate_that_a_callback_lowers_is_resumed(tmp_path):
    def lower(run):
        run.optimizer.lr /= 2

    train(tmp_path / "l.ck", lower, epochs=2)
    resumed = train(tmp_path / "l.ck", lower, epochs=4)
    assert resumed["lr"] == train(tmp_path / "m.ck", lower, epochs=4)["lr"]


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"every": 0}, ValueError, "every must be at least 1, got 0"),
        ({"every": True}, TypeError, "every must be an integer, got True"),
        ({"every": 1.5}, TypeError, "every must be an integer, got 1.5"),
        ({"resume": "yes"}, TypeError, "resume must be True or False, got 'yes'"),
        ({"path": 3}, TypeError, "path must be a str or path-like, got 3"),
    ],
)
def test_bad_options(options, kind, words):
    with pytest.raises(kind, match=words):
        smnn.Checkpoint(**{"path": "k.ck"} | options)


# Across processes, and in copies


def _diverge(seed):
    history = smnn.History()
    history.append({"loss": float(seed)})
    raise smnn.TrainingDiverged("the loss became nan", history)


def test_divergence_crosses_a_process_boundary():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        with pytest.raises(smnn.TrainingDiverged, match="the loss became nan") as caught:
            pool.apply_async(_diverge, [7]).get(timeout=120)
    assert caught.value.history["loss"] == [7.0]


def exceptions():
    found, new = set(), {BaseException}
    while new:
        new = {child for parent in new for child in parent.__subclasses__()} - found
        found |= new
    return sorted(
        (e for e in found if e.__module__.startswith("smnn.")), key=lambda error: error.__name__
    )


def test_every_exception_of_the_package_is_pickled_and_copied():
    assert {smnn.TrainingDiverged, smnn.ShapeError} <= set(exceptions())
    for kind in exceptions():
        arguments = ("words", smnn.History()) if kind is smnn.TrainingDiverged else ("words",)
        error = kind(*arguments)
        error.note = "mine"
        for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
            assert type(twin) is kind and str(twin) == "words" and twin.note == "mine"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
@pytest.mark.parametrize("used", [False, True])
def test_callbacks_are_copied_and_pickled(tmp_path, duplicate, used):
    made = [
        smnn.EarlyStopping("loss", patience=3),
        smnn.StepRecorder(),
        smnn.Checkpoint(tmp_path / "k.ck"),
    ]
    if used:
        smnn.fit(new_model(), X, Y, epochs=1, callbacks=made)
    twins = [duplicate(callback) for callback in made]
    if duplicate is pickle.dumps:
        twins = [pickle.loads(twin) for twin in twins]
    history = smnn.fit(new_model(), X, Y, epochs=2, callbacks=twins)
    assert len(history) == 2 and len(twins[1].loss) == 2


def test_a_state_is_not_changed_by_what_comes_after(tmp_path):
    recorder, stopping = smnn.StepRecorder(), smnn.EarlyStopping("loss")
    states = []

    def keep(run):
        states.append((recorder.state(), stopping.state(), run.history.state(), run.best.state()))

    smnn.fit(new_model(), X, Y, epochs=3, callbacks=[recorder, stopping, keep])
    first, last = states[0], states[-1]
    assert len(first[0]["loss"]) == 1 and len(last[0]["loss"]) == 3
    assert not np.array_equal(first[1]["best"]["params"]["0.W"], last[1]["best"]["params"]["0.W"])
    assert not np.array_equal(first[3]["params"]["0.W"], last[3]["params"]["0.W"])
