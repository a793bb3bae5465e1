"""What people pass to fit: names and forms that are taken, and what is refused before the start.

A refusal is a sentence about the argument, and leaves the model as it was: its parameters to
the last bit, and not built if it was not.
"""

import functools
import itertools
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import smnn

X, Y = smnn.load_iris()
PERFECT = np.eye(3)[Y]


def new_model(*, built=False, units=3, activation=None):
    shape = (4,) if built else None
    return smnn.Sequential([smnn.Dense(units, activation, input_shape=shape)], rng=0)


def fitted(x=X, y=Y, **options):
    model = new_model()
    smnn.fit(model, x, y, **{"epochs": 2, "rng": 0} | options)
    return model.params["0.W"]


# What is taken


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [("adam", smnn.Adam), ("adamw", smnn.AdamW), ("sgd", smnn.SGD)],
)
def test_an_optimizer_by_its_name(name, optimizer):
    assert np.array_equal(fitted(optimizer=name), fitted(optimizer=optimizer()))


@pytest.mark.parametrize(
    ("name", "loss", "y"),
    [
        ("cross_entropy", smnn.softmax_cross_entropy, Y),
        ("softmax_cross_entropy", smnn.softmax_cross_entropy, Y),
        ("mse", smnn.mse, PERFECT),
        ("huber", smnn.huber, PERFECT),
        ("binary_cross_entropy", smnn.binary_cross_entropy_with_logits, PERFECT),
        ("binary_cross_entropy_with_logits", smnn.binary_cross_entropy, PERFECT),
        ("multiclass_hinge", smnn.multiclass_hinge, Y),
    ],
)
def test_a_loss_by_its_name(name, loss, y):
    assert np.array_equal(fitted(y=y, loss=name), fitted(y=y, loss=loss))
    model = new_model(built=True)
    assert smnn.evaluate(model, X, y, loss=name)["loss"] == pytest.approx(loss(model(X), y)[0])


@pytest.mark.parametrize(
    ("metrics", "names"),
    [
        ("accuracy", ["accuracy"]),
        (smnn.accuracy, ["accuracy"]),
        (None, []),
        (("accuracy", "perplexity"), ["accuracy", "perplexity"]),
        (functools.partial(smnn.top_k_accuracy, k=2), ["top_k_accuracy(k=2)"]),
        ([lambda t, p: 0.5], ["<lambda>"]),
        ({"one": lambda t, p: 1.0, "two": "accuracy"}, ["one", "two"]),
    ],
)
def test_metrics_and_the_names_that_they_get(metrics, names):
    history = smnn.fit(new_model(), X, Y, epochs=1, metrics=metrics)
    assert list(history) == ["loss", *names, "lr"]


@pytest.mark.parametrize("form", [list, iter, lambda one: one[0]])
def test_callbacks_alone_or_several(form):
    seen = []
    smnn.fit(new_model(), X, Y, epochs=1, callbacks=form([lambda run: seen.append(run.epoch)]))
    smnn.fit(new_model(), X, Y, epochs=1, callbacks=None)
    assert seen == [1]


LABELS = {
    "int32": Y.astype(np.int32),
    "uint8": Y.astype(np.uint8),
    "uint64": Y.astype(np.uint64),
    "big-endian": Y.astype(">i8"),
    "list": Y.tolist(),
    "column": Y[:, None],
    "series": pd.Series(Y),
    "nullable series": pd.Series(Y, dtype="Int64"),
    "strided": np.repeat(Y, 2)[::2],
}
INPUTS = {
    "float32": X.astype(np.float32).astype(float),  # rounded, to compare with all others
    "fortran": np.asfortranarray(X),
    "list": X.tolist(),
    "frame": pd.DataFrame(X),
    "nullable frame": pd.DataFrame(X).convert_dtypes(),
    "big-endian": X.astype(">f8"),
    "read-only": np.broadcast_to(X, X.shape),
}


@pytest.mark.parametrize("form", LABELS)
def test_labels_of_every_form_train_the_same(form):
    assert np.array_equal(fitted(y=LABELS[form]), fitted())


@pytest.mark.parametrize("form", INPUTS)
def test_inputs_of_every_form_train_the_same(form):
    reference = fitted(x=X.astype(np.float32)) if form == "float32" else fitted()
    assert np.array_equal(fitted(x=INPUTS[form]), reference)


def test_booleans_are_numbers_and_labels():
    assert np.array_equal(fitted(x=X > 2), fitted(x=(X > 2).astype(float)))
    assert np.array_equal(fitted(y=Y > 0), fitted(y=(Y > 0).astype(int)))
    target = (Y > 0)[:, None]
    models = [smnn.Sequential([smnn.Dense(1, "sigmoid")], rng=0) for _ in range(2)]
    for model, y in zip(models, (target, target.astype(float)), strict=True):
        smnn.fit(model, X, y, loss="binary_cross_entropy", epochs=1, rng=0)
    assert np.array_equal(*(model.params["0.W"] for model in models))


def test_a_table_of_booleans_and_numbers():
    table = pd.get_dummies(pd.DataFrame({"n": [1.0, 2.0, 3.0, 4.0], "c": list("abab")}))
    model = smnn.Sequential([smnn.Dense(2)], rng=0)
    smnn.fit(model, table, [0, 1, 0, 1], epochs=1)
    assert model.params["0.W"].shape == (3, 2)


def test_validation_data_as_a_pair_a_list_and_a_dataset():
    data = smnn.load_iris()
    losses = [
        smnn.fit(new_model(), X, Y, epochs=1, rng=0, validation_data=given)["val_loss"]
        for given in ((X, Y), [X, Y], data)
    ]
    assert losses[0] == losses[1] == losses[2]


# What is refused


REFUSED = {
    "optimizer class": ({"optimizer": smnn.Adam}, TypeError, r"class Adam: pass Adam\(\.\.\.\)"),
    "optimizer name": ({"optimizer": "adamm"}, ValueError, "optimizer must be one of 'adam'"),
    "optimizer": ({"optimizer": 0.1}, TypeError, "optimizer must be a name or an optimizer, got"),
    "loss name": ({"loss": "msee"}, ValueError, "loss must be one of 'cross_entropy'.*'msee'"),
    "value only": ({"loss": smnn.cross_entropy}, TypeError, "pass softmax_cross_entropy"),
    "value of a partial": (
        {"loss": functools.partial(smnn.cross_entropy, label_smoothing=0.1)},
        TypeError,
        "cross_entropy does not: pass softmax_cross_entropy",
    ),
    "own value only": ({"loss": lambda p, t: 1.0}, TypeError, "the gradient .* got float"),
    "no loss": ({"loss": 3}, TypeError, "loss must be a name or a function, got 3"),
    "mse of labels": ({"loss": "mse"}, ValueError, r"output, \(150, 3\), got \(150,\)"),
    "answers": (
        {"loss": "binary_cross_entropy", "y": 2 * PERFECT},
        ValueError,
        "y must hold numbers that are from 0 to 1, got 2.0 in row 0",
    ),
    "nan in y": ({"loss": "mse", "y": PERFECT * np.nan}, ValueError, "finite, got nan in row 0"),
    "metric name": ({"metrics": "acuracy"}, ValueError, "'accuracy', .* got 'acuracy'"),
    "metric": ({"metrics": [3]}, TypeError, "a metric must be a name or a function, got 3"),
    "metrics": ({"metrics": 3}, TypeError, "metrics must be names or functions, got 3"),
    "not a number": (
        {"metrics": [smnn.confusion_matrix]},
        ValueError,
        r"'confusion_matrix' must return one number, got an array of shape \(3, 3\)",
    ),
    "k above classes": (
        {"metrics": "top_k_accuracy"},
        ValueError,
        r"'top_k_accuracy' does not go with .* \(N, 3\): k must be from 1 to 3",
    ),
    "names twice": (
        {"metrics": [lambda t, p: 1.0, lambda t, p: 2.0]},
        ValueError,
        "two metrics have the name '<lambda>'",
    ),
    "name taken": ({"metrics": {"loss": "accuracy"}}, ValueError, "cannot have the name 'loss'"),
    "name of validation": ({"metrics": {"val_a": "accuracy"}}, ValueError, "the name 'val_a'"),
    "callback class": (
        {"callbacks": [smnn.EarlyStopping]},
        TypeError,
        r"class EarlyStopping: pass EarlyStopping\(",
    ),
    "callback": ({"callbacks": [3]}, TypeError, "a Callback or a function, got 3"),
    "callbacks": ({"callbacks": 3}, TypeError, "callbacks or functions, got 3"),
    "unwatched": ({"callbacks": smnn.EarlyStopping()}, ValueError, "watches 'val_loss'"),
    "no folder": (
        {"callbacks": smnn.Checkpoint("no/such/folder/run.ck")},
        FileNotFoundError,
        "there is no folder no/such/folder",
    ),
    "a share": ({"validation_data": 0.2}, TypeError, r"a pair \(x, y\) .* got 0\.2"),
    "a triple": ({"validation_data": (X, Y, None)}, TypeError, r"a pair .* got tuple of 3"),
    "x alone": ({"validation_data": X}, TypeError, r"got an array of shape \(150, 4\)"),
    "validation rows": (
        {"validation_data": (X, Y[:9])},
        ValueError,
        r"x and y of validation_data .* shapes \(150, 4\) and \(9,\)",
    ),
    "validation label": ({"validation_data": (X, Y + 1)}, IndexError, "label 3 at row 100"),
    "validation width": ({"validation_data": (X[:, :3], Y)}, smnn.ShapeError, r"\(1, 3\)"),
    "two columns": ({"y": np.c_[Y, Y]}, ValueError, r"shape \(150,\), got shape \(150, 2\)"),
    "whole one-hot": ({"y": PERFECT.astype(int)}, ValueError, "probabilities as floating"),
    "float labels": ({"y": Y * 1.0}, TypeError, "labels must be integers, got dtype float64"),
    "sparse x": ({"x": scipy.sparse.csr_matrix(X)}, TypeError, "sparse csr_matrix: pass x.toarray"),
    "sparse y": ({"y": scipy.sparse.csr_matrix(PERFECT)}, TypeError, "sparse csr_matrix"),
    "masked x": ({"x": np.ma.masked_array(X)}, TypeError, "masked array"),
    "masked y": ({"y": np.ma.masked_array(Y)}, TypeError, "masked array"),
    "text": ({"x": X.astype(str)}, TypeError, "x must hold .* got dtype <U"),
    "complex": ({"x": X + 0j}, TypeError, "x must hold .* got dtype complex128"),
    "ragged": ({"x": [[1.0, 2.0], [1.0]], "y": [0, 1]}, ValueError, "x must be an array of numb"),
    "no y": ({"y": None}, TypeError, "y is missing"),
    "all ignored": ({"y": np.full(150, -100)}, ValueError, "every label in y is ignored"),
    "all weigh 0": ({"sample_weight": np.zeros(150)}, ValueError, "every label in y is ignored or"),
    "few weights": ({"sample_weight": np.ones(3)}, ValueError, r"shape \(150,\), got shape \(3,\)"),
    "weight below 0": ({"sample_weight": -np.ones(150)}, ValueError, "at least 0 .* got -1.0"),
    "weight nan": ({"sample_weight": np.full(150, np.nan)}, ValueError, "at least 0 .* got nan"),
    "no weights": (
        {"loss": "multiclass_hinge", "sample_weight": np.ones(150)},
        ValueError,
        "multiclass_hinge has no such argument",
    ),
    "epochs below 0": ({"epochs": -1}, ValueError, "epochs must be at least 1, got -1"),
    "epochs True": ({"epochs": True}, TypeError, "epochs must be an integer, got True"),
    "epochs 1.0": ({"epochs": 1.0}, TypeError, "epochs must be an integer, got 1.0"),
    "batch_size": ({"batch_size": 2.5}, TypeError, "batch_size must be an integer, got 2.5"),
    "clip_norm": ({"clip_norm": -1}, ValueError, "clip_norm must be at least 0"),
    "l2": ({"l2": -0.1}, ValueError, "l2 must be at least 0"),
    "shuffle": ({"shuffle": "yes"}, TypeError, "shuffle must be True or False, got 'yes'"),
    "progress": ({"progress": 1}, TypeError, "progress must be True or False, got 1"),
    "rng": ({"rng": "seed"}, TypeError, "rng must be None, an int or"),
}


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("what", REFUSED)
def test_a_refusal_is_a_sentence_and_leaves_the_model(what, built):
    change, kind, words = REFUSED[what]
    model = new_model(built=built)
    before = {name: value.copy() for name, value in model.params.items()} if built else None
    state = model.rng.bit_generator.state
    arguments = {"x": X, "y": Y, "epochs": 1} | change
    with pytest.raises(kind, match=words):
        smnn.fit(model, arguments.pop("x"), arguments.pop("y"), **arguments)
    if built:
        assert all(np.array_equal(before[name], value) for name, value in model.params.items())
    else:
        assert model.output_shapes is None
        assert not model.layers[0].params and model.rng.bit_generator.state == state


def test_a_metric_that_does_not_fit_one_column():
    x, y = smnn.make_moons(50, rng=0)
    model = smnn.Sequential([smnn.Dense(1, "sigmoid", input_shape=(2,))], rng=0)
    before = model.params["0.W"].copy()
    words = r"'accuracy' does not go with y of shape \(N, 1\) and predictions of shape \(N, 1\)"
    with pytest.raises(ValueError, match=words):
        smnn.fit(model, x, y[:, None], loss="binary_cross_entropy", metrics="accuracy")
    with pytest.raises(ValueError, match=r"output, \(100, 1\), got \(100,\): pass y\[:, None\]"):
        smnn.fit(model, x, y, loss="binary_cross_entropy")
    assert np.array_equal(before, model.params["0.W"])


def test_a_metric_of_ones_own_that_needs_many_rows_is_given_them():
    def needs_all_classes(y, p):
        if len(y) < 100:
            raise ValueError("too few rows")
        return 0.5

    history = smnn.fit(new_model(), X, Y, epochs=1, metrics=needs_all_classes)
    assert history["needs_all_classes"] == [0.5]
    with pytest.raises(ValueError, match=r"'needs_all_classes' does not go .* too few rows"):
        smnn.fit(new_model(), X[:50], Y[:50], epochs=1, metrics=needs_all_classes)


@pytest.mark.parametrize("model", [smnn.Sequential, "model", [smnn.Dense(3)], None])
def test_what_is_no_model(model):
    with pytest.raises(TypeError, match="model must be a Sequential, or have params and forward"):
        smnn.fit(model, X, Y)


def test_integers_that_an_embedding_does_not_know_are_found_before_the_start():
    x = np.zeros((200, 2), int)
    x[173, 1] = 9
    layers = [smnn.Embedding(9, 3, input_shape=(2,)), smnn.Flatten(), smnn.Dense(2)]
    model = smnn.Sequential(layers, rng=0)
    before = model.params["0.W"].copy()
    with pytest.raises(IndexError, match="rows 0 … 8, got integers from 0 to 9"):
        smnn.fit(model, x, np.zeros(200, int), batch_size=1, rng=0)
    assert np.array_equal(before, model.params["0.W"])


def test_a_refused_resume_leaves_a_model_that_is_not_built(tmp_path):
    path = tmp_path / "run.ck"
    smnn.fit(new_model(), X, Y, epochs=1, callbacks=smnn.Checkpoint(path))
    model = new_model(units=4)
    with pytest.raises(ValueError, match="checkpoint of another run: parameters"):
        smnn.fit(model, X, Y, epochs=2, callbacks=smnn.Checkpoint(path, resume=True))
    assert model.output_shapes is None


def test_evaluate_refuses_in_the_same_words():
    for what in ("loss name", "value only", "mse of labels", "metric", "two columns"):
        change, kind, words = REFUSED[what]
        arguments = {"x": X, "y": Y} | change
        with pytest.raises(kind, match=words):
            smnn.evaluate(new_model(), arguments.pop("x"), arguments.pop("y"), **arguments)


# Batches from an iterable


def in_batches(size=32):
    return [(X[i : i + size], Y[i : i + size]) for i in range(0, 150, size)]


@pytest.mark.parametrize("form", ["list", "function", "generator function"])
def test_an_iterable_of_batches_is_gone_through_every_epoch(form):
    def generate():
        yield from in_batches()

    source = {"list": in_batches(), "function": in_batches, "generator function": generate}[form]
    history = smnn.fit(model := new_model(), source, epochs=3, optimizer="sgd", metrics="accuracy")
    expected = smnn.fit(
        twin := new_model(), X, Y, epochs=3, optimizer="sgd", shuffle=False, metrics="accuracy"
    )
    assert np.array_equal(model.params["0.W"], twin.params["0.W"])
    assert history["loss"] == expected["loss"] and history["accuracy"] == expected["accuracy"]
    assert smnn.evaluate(model, source)["loss"] == pytest.approx(smnn.evaluate(twin, X, Y)["loss"])


def test_an_iterator_serves_one_epoch():
    history = smnn.fit(model := new_model(), iter(in_batches()), epochs=1, optimizer="sgd")
    smnn.fit(twin := new_model(), X, Y, epochs=1, optimizer="sgd", shuffle=False)
    assert len(history) == 1 and np.array_equal(model.params["0.W"], twin.params["0.W"])
    with pytest.raises(ValueError, match="ends after one epoch, and epochs is 2: pass a list"):
        smnn.fit(new_model(), iter(in_batches()), epochs=2)
    with pytest.raises(ValueError, match="nothing to learn from in epoch 2"):
        used_up = iter(in_batches())
        smnn.fit(new_model(), lambda: used_up, epochs=2)


def test_batches_bring_their_weights_and_leave_out_what_is_ignored():
    y = np.where(np.arange(150) % 3 == 0, -100, Y)
    y[:32] = -100  # nothing is left of the first batch
    weight = np.linspace(0, 2, 150)
    batches = [(X[i : i + 32], y[i : i + 32], weight[i : i + 32]) for i in range(0, 150, 32)]
    model, history = new_model(), None
    history = smnn.fit(model, batches, epochs=2, optimizer=smnn.SGD(0.0))
    expected = smnn.evaluate(model, X, y, sample_weight=weight)["loss"]
    assert history["loss"] == pytest.approx([expected] * 2, rel=1e-12)


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ([], ValueError, "at least one batch, got none"),
        (3, TypeError, "an iterable of batches .* got int"),
        ([X], TypeError, r"must yield batches .* got ndarray of shape \(150, 4\)"),
        ([(X, Y, Y, Y, Y)], TypeError, "must yield batches .* got tuple"),
        (smnn.load_iris(), TypeError, "y is missing"),
        ([(X, Y[:4])], ValueError, "one row per example"),
        ([(X, Y + 9)], IndexError, "label 9 at row 0"),
        (lambda: 3, TypeError, "a function that returns one, got int"),
    ],
)
def test_what_are_no_batches(source, kind, words):
    model = new_model()
    with pytest.raises(kind, match=words):
        smnn.fit(model, source, epochs=1)
    assert model.output_shapes is None


def test_weights_go_with_the_batches():
    with pytest.raises(TypeError, match="batches bring their weights"):
        smnn.fit(new_model(), in_batches(), sample_weight=np.ones(150))


def test_sequences_of_different_length_come_in_batches():
    rng = np.random.default_rng(0)
    batches = [
        (rng.normal(size=(4, length, 4)), rng.integers(0, 3, (4, length))) for length in (5, 2, 7)
    ]
    history = smnn.fit(new_model(), batches, epochs=2, optimizer=smnn.SGD(0.0), metrics="accuracy")
    x, y = (np.concatenate([b[i].reshape(-1, *b[i].shape[2:]) for b in batches]) for i in (0, 1))
    expected = smnn.evaluate(new_model(), x, y, metrics="accuracy")
    assert history["loss"][1] == pytest.approx(expected["loss"], rel=1e-12)
    assert history["accuracy"][1] == expected["accuracy"]


# Memory maps


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8, np.bool_, ">f4"])
def test_a_memory_map_trains_as_the_array_and_stays_in_its_file(tmp_path, dtype):
    np.save(tmp_path / "x.npy", (X * 20).astype(dtype))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    parts = mapped[:, :4], mapped[::-1][::-1], np.asarray(mapped)
    for part in parts:
        assert np.array_equal(fitted(x=part, batch_size=7), fitted(x=np.array(part), batch_size=7))


def test_a_memory_map_is_never_read_whole(tmp_path):
    code = """
        import resource, sys
        import numpy as np, smnn
        x = np.lib.format.open_memmap(sys.argv[1], mode="w+", dtype=np.uint8, shape=(30_000, 4_000))
        x.flush(); del x
        x = np.load(sys.argv[1], mmap_mode="r")
        model = smnn.Sequential([smnn.Dense(2)], rng=0)
        smnn.fit(model, x[:64], np.arange(64) % 2, epochs=1, progress=False)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        y = np.where(np.arange(30_000) % 100 < 2, np.arange(30_000) % 2, -100)
        smnn.fit(model, x, y, epochs=1, validation_data=(x[:100], y[:100]), progress=False)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    grown = run_python(code, str(tmp_path / "x.npy"))
    # All pages of the map are 120 MB, and as float64 they are 960 MB.
    assert int(grown) < 60_000, "in KiB"


def run_python(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Shuffling and penalties


def test_without_shuffling_batches_come_in_order():
    first = next(iter(smnn.minibatches(X, Y, 32, rng=0)))[0]
    assert not np.array_equal(first, X[:32])
    assert np.array_equal(fitted(shuffle=False, rng=1), fitted(shuffle=False, rng=2))
    assert not np.array_equal(fitted(rng=1), fitted(rng=2))


def test_the_penalty_is_in_the_value_and_in_the_gradient():
    model = smnn.Sequential([smnn.Dense(5, "tanh", input_shape=(4,)), smnn.Dense(3)], rng=0)
    squares = sum(np.sum(model.params[name] ** 2) for name in ("0.W", "1.W"))
    plain = smnn.evaluate(model, X, Y)["loss"]
    assert smnn.evaluate(model, X, Y, l2=0.3)["loss"] == pytest.approx(plain + 0.15 * squares)
    recorder = smnn.StepRecorder()
    before = {name: value.copy() for name, value in model.params.items()}
    options = dict(optimizer=smnn.SGD(1e-6), epochs=1, batch_size=150, rng=0)
    smnn.fit(model, X, Y, l2=0.3, callbacks=[recorder], **options)
    assert recorder.loss[0] == pytest.approx(plain + 0.15 * squares)
    step = {name: (before[name] - model.params[name]) / 1e-6 for name in before}
    for name, direction in itertools.product(before, range(3)):
        rng = np.random.default_rng(direction)
        d = rng.normal(size=before[name].shape)
        values = []
        for sign in (1, -1):
            for key, value in before.items():
                model.params[key][...] = value + (sign * 1e-6 * d if key == name else 0)
            values.append(smnn.evaluate(model, X, Y, l2=0.3)["loss"])
        assert np.sum(step[name] * d) == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-4)
