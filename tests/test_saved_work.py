"""Saved work comes back, or is refused before anything is written.

Save and load, pickle, copy and deepcopy: models nested to any depth, built or not, parameters of
any shape, layers and functions of the reader's own.
"""

import copy
import pickle

import numpy as np
import pytest

import smnn
from smnn import Activation, Dense, Dropout, Embedding, Flatten, Layer, PReLU, Sequential

pytest.importorskip("safetensors")


class Temperature(Layer):
    """One number that is learned: a parameter without axes."""

    def build(self, input_shape, dtype="float64", rng=None):
        self.params.setdefault("t", np.full((), 2.5, dtype))
        return tuple(input_shape)

    def forward(self, x, training=False):
        t = self.params["t"].copy()
        return x * t, lambda dy: (dy * t, {"t": np.asarray((dy * x).sum())})


class Scale(Layer):
    """Keeps its argument under another name."""

    def __init__(self, factor, *, offset=0.0):
        super().__init__()
        self.f, self.o = factor, offset

    def forward(self, x, training=False):
        return x * self.f + self.o, lambda dy: (dy * self.f, {})


class Sum(Layer):
    """Takes any number of arguments."""

    def __init__(self, *terms, **more):
        super().__init__()
        self.total = sum(terms) + sum(more.values())

    def forward(self, x, training=False):
        return x + self.total, lambda dy: (dy, {})


class TwoLayers(Sequential):
    """A model with a constructor of its own."""

    def __init__(self, width, rng=None):
        super().__init__([Dense(width, "relu"), Dense(2)], rng=rng)


class Outer:
    class Scale(Scale):
        """The same name, in another class."""


def double(x):
    return 2 * x


SHARED = Dense(3)
MODELS = {
    "plain": lambda: Sequential([Dense(3, "tanh"), Dense(2)]),
    "float32": lambda: Sequential([Dense(3), PReLU()], dtype="float32"),
    "shape given": lambda: Sequential([Dense(3, input_shape=(3,)), Dense(2)]),
    "shape given twice": lambda: Sequential([Dense(3, input_shape=(3,))], input_shape=(3,)),
    "shape from NumPy": lambda: Sequential([Dense(np.int64(3), input_shape=(np.prod((3, 1)),))]),
    "two deep": lambda: Sequential([Sequential([Dense(3)]), Dense(2)]),
    "three deep": lambda: Sequential([Sequential([Sequential([Dense(3)]), Dense(3)]), Dense(2)]),
    "five deep": lambda: Sequential([Sequential([Sequential([Sequential([TwoLayers(3)])])])]),
    "deep, shapes given": lambda: Sequential(
        [Sequential([Dense(4, input_shape=(3,))], input_shape=(3,)), Dense(2, input_shape=(4,))]
    ),
    "shared": lambda: (lambda d: Sequential([d, Activation("relu"), d]))(Dense(3)),
    "shared over depths": lambda: (lambda d: Sequential([Sequential([d]), d, Sequential([d])]))(
        Dense(3)
    ),
    "every layer": lambda: Sequential(
        [
            Dense(4, Activation("leaky_relu", slope=np.float32(0.1)), use_bias=False, init="he"),
            Dropout(0.3),
            PReLU(np.float32(0.1)),
            Flatten(),
            Dense(2, "softmax"),
        ]
    ),
    "no axes": lambda: Sequential([Dense(2), Temperature()]),
    "an argument under another name": lambda: Sequential([Scale(3.0, offset=np.float64(1))]),
    "an array as argument": lambda: Sequential([Scale(np.array([1.0, 2.0, 3.0]))]),
    "any number of arguments": lambda: Sequential([Sum(1.0, 2.0, more=3.0)]),
    "a model of one's own": lambda: TwoLayers(5),
    "in a model of one's own": lambda: Sequential([TwoLayers(4), Dense(3)], dtype="float32"),
    "the same name elsewhere": lambda: Sequential([Outer.Scale(2.0), Scale(3.0)]),
}
X = np.random.default_rng(0).normal(size=(5, 3))


def disturbed(model):
    """Give every parameter another value than the constructor does."""
    for number, value in enumerate(model.params.values()):
        value[...] = np.random.default_rng(number).normal(size=value.shape)
    return model


def file_round_trip(model, folder):
    model.save(folder / "m.safetensors")
    return type(model).load(folder / "m.safetensors")


TRIPS = {
    "file": file_round_trip,
    "pickle": lambda model, folder: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, folder: copy.deepcopy(model),
    "file of a copy": lambda model, folder: file_round_trip(copy.deepcopy(model), folder),
    "pickle of a file": lambda model, folder: pickle.loads(
        pickle.dumps(file_round_trip(model, folder))
    ),
}


@pytest.mark.parametrize("trip", TRIPS)
@pytest.mark.parametrize("name", MODELS)
def test_a_built_model_comes_back(name, trip, tmp_path):
    model = MODELS[name]()
    model(X)
    disturbed(model)
    back = TRIPS[trip](model, tmp_path)
    assert type(back) is type(model) and repr(back) == repr(model)
    assert {k: (v.shape, v.dtype) for k, v in back.params.items()} == {
        k: (v.shape, v.dtype) for k, v in model.params.items()
    }
    np.testing.assert_array_equal(back(X), model(X))
    for value in back.params.values():  # it is a twin and not the same memory
        value[...] = 0
    assert all(value.any() for value in model.params.values())


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_is_not_built_comes_back(name, tmp_path):
    model = MODELS[name]()
    back = file_round_trip(model, tmp_path)
    assert (back.output_shapes is None) == (model.output_shapes is None)
    assert repr(back) == repr(model)
    assert back(X).shape == model(X).shape


def test_layers_that_were_built_by_hand_keep_their_parameters(tmp_path):
    model = Sequential([Dense(3), Dense(2)])
    model.layers[0](X)
    assert model.output_shapes is None
    back = file_round_trip(model, tmp_path)
    np.testing.assert_array_equal(back.layers[0].params["W"], model.layers[0].params["W"])


def test_what_is_shared_stays_shared(tmp_path):
    model = MODELS["shared over depths"]()
    model(X)
    back = file_round_trip(model, tmp_path)
    assert back[0][0] is back[1] is back[2][0]


def test_an_embedding_comes_back(tmp_path):
    model = Sequential([Embedding(5, 3), Flatten(), Dense(2)])
    words = np.array([[1, 4]])
    expected = model(words)
    np.testing.assert_array_equal(file_round_trip(model, tmp_path)(words), expected)


def test_a_class_of_the_readers_own_never_takes_the_place_of_the_librarys(tmp_path):
    model = Sequential([Dense(3, input_shape=(3,))], rng=0)
    expected = model(X)
    model.save(tmp_path / "m")

    def own_dense():
        class Dense(Layer):
            def __init__(self, units, *, input_shape=None):
                super().__init__(input_shape=input_shape)
                self.units = units

            def forward(self, x, training=False):
                return np.ones((len(x), self.units)), lambda dy: (dy, {})

        return Dense

    own = own_dense()
    np.testing.assert_array_equal(Sequential.load(tmp_path / "m")(X), expected)
    mixed = Sequential([smnn.Dense(3), own(2)])
    mixed(X)
    back = file_round_trip(mixed, tmp_path)
    assert type(back[0]) is smnn.Dense and type(back[1]) is own


def test_a_file_of_the_first_version_can_be_read(tmp_path):
    from safetensors.numpy import save_file

    config = (
        '{"layer": "Sequential", "layers": [{"layer": "Dense", "units": 2, "activation": "relu", '
        '"input_shape": [3]}, {"layer": "Dense", "units": 2}, {"again": 1}]}'
    )
    arrays = {"0.W": np.ones((3, 2)), "0.b": np.zeros(2), "1.W": np.eye(2), "1.b": np.ones(2)}
    save_file(arrays, tmp_path / "m", {"format": "smnn model", "version": "1", "text": config})
    back = Sequential.load(tmp_path / "m")
    assert back[1] is back[2]
    np.testing.assert_array_equal(back(np.ones((1, 3))), [[5.0, 5.0]])


class Forgetful(Layer):
    """What it is now cannot be told from its arguments."""

    def __init__(self):
        super().__init__()
        self.noise = np.random.default_rng().normal(size=3)

    def forward(self, x, training=False):
        return x + self.noise, lambda dy: (dy, {})


def changed_after_construction():
    layer = Scale(2.0)
    layer.f = 5.0
    return layer


REFUSED = {
    "a function": (lambda: Activation(np.sin), "sin"),
    "a lambda": (lambda: Activation(lambda x: 2 * x), "lambda"),
    "an initializer of one's own": (lambda: Dense(2, init=lambda shape, rng, dtype: 0), "lambda"),
    "chance": (Forgetful, "noise"),
    "a change after construction": (changed_after_construction, r"attribute f is 5\.0"),
    "an object": (lambda: Scale(object()), "object"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_come_back_is_refused_before_anything_is_written(name, tmp_path):
    make, words = REFUSED[name]
    path = tmp_path / "m"
    path.write_bytes(b"what was there before")
    with pytest.raises(ValueError, match=f"this model cannot be saved.*{words}"):
        Sequential([Dense(3), Sequential([make()])]).save(path)
    assert path.read_bytes() == b"what was there before"
    assert list(tmp_path.iterdir()) == [path]


def test_functions_of_a_module_survive_a_pickle():
    model = Sequential([Dense(3), Activation(double), Activation(np.sin, derivative=np.cos)])
    expected = model(X)
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(back(X), expected)
    dx = back.forward(X)[1](np.ones((5, 3)))[0]
    np.testing.assert_array_equal(dx, model.forward(X)[1](np.ones((5, 3)))[0])


def test_every_layer_shows_itself_whatever_its_arguments_are_called(capsys):
    model = Sequential([Dense(2, input_shape=(3,)), Scale(3.0), Sum(1.0), Scale(np.ones(2))])
    model.summary()
    assert "Scale(3.0)" in capsys.readouterr().out
    assert "Scale(array([1., 1.]))" in repr(model)


SCHEDULES = [
    smnn.step_decay(0.1, every=3),
    smnn.exponential_decay(0.1, factor=0.9),
    smnn.cosine_decay(0.1, steps=10),
    smnn.warmup(smnn.cosine_decay(0.1, steps=10), steps=4),
]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("kind", [smnn.SGD, smnn.Adam, smnn.AdamW])
def test_optimizers_with_schedules_survive_a_pickle(kind, schedule):
    one = kind(schedule)
    params = {"w": np.ones(2)}
    one.step(params, {"w": np.ones(2)})
    other = pickle.loads(pickle.dumps(one))
    assert other.learning_rate == one.learning_rate
    for optimizer in (one, other):
        again = {"w": params["w"].copy()}
        optimizer.step(again, {"w": np.ones(2)})
        np.testing.assert_array_equal(again["w"], again["w"])
    assert one.state_dict().keys() == other.state_dict().keys()


@pytest.mark.parametrize("error", [smnn.ShapeError("layer 0: …")])
def test_exceptions_cross_a_process_boundary(error):
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error) and str(back) == str(error)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "m"
    model = Sequential([Dense(2, input_shape=(1,))], rng=0)
    model.save(path)
    return path, model


def test_a_file_cut_anywhere_is_refused(written, tmp_path):
    content = written[0].read_bytes()
    cut = tmp_path / "cut"
    for length in range(len(content)):
        cut.write_bytes(content[:length])
        with pytest.raises(ValueError, match="cut"):
            Sequential.load(cut)


def test_a_bit_flipped_anywhere_is_refused_or_harmless(written, tmp_path):
    path, model = written
    content = bytearray(path.read_bytes())
    flipped = tmp_path / "flipped"
    refused = 0
    for place in range(len(content)):
        content[place] ^= 1 << (place % 8)
        flipped.write_bytes(content)
        try:
            back = Sequential.load(flipped)
        except ValueError:
            refused += 1
        else:
            np.testing.assert_array_equal(back(np.ones((1, 1))), model(np.ones((1, 1))))
        content[place] ^= 1 << (place % 8)
    assert refused > 0.9 * len(content)


def test_where_it_cannot_be_written_or_read_is_an_os_error(tmp_path):
    model = Sequential([Dense(2, input_shape=(3,))])
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        model.save(tmp_path / "no" / "such" / "m")
    with pytest.raises(IsADirectoryError):
        model.save(tmp_path)
    with pytest.raises(FileNotFoundError):
        Sequential.load(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []
