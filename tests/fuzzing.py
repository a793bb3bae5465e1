"""Random calls of the functions of the package, each made from a name and a number.

A case draws plain arguments.  One in five is spoiled on purpose.  The call is then made three
times: with the arguments as they are, laid out in memory in some other way, and in float64.
What must hold is the same for every function, so that no oracle has to be written for each:

- what is refused is refused by the package, in a sentence, however the arrays are laid out;
- the layout changes no result, and float64 changes it only within the rounding of the dtype;
- no argument is written to, and no result shares its memory with one.

A case of ``training`` is a sequence of calls: a model is trained twice, once left alone and once
looked at, copied, saved and loaded between the steps, and both end with the same weights.

``python tests/fuzzing.py FIRST COUNT`` runs that many cases of every name and prints what
broke; it says the name of a case before it begins, for the one that takes the interpreter along.
"""

import copy
import inspect
import pickle
import sys
import tempfile
import traceback
import warnings
import zlib
from pathlib import Path

import numpy as np

import smnn

DTYPES = ("float16", "float32", "float64")
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -104.0, 6e4)
SIZES = (1, 1, 2, 3, 4, 5, 7, 8, 10, 15, 16, 17, 33, 64, 131)


class Draw:
    """Random arguments."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.dtype = self.one_of(DTYPES)

    def one_of(self, values):
        return values[self.rng.integers(len(values))]

    def maybe(self, value, otherwise=None, chance=0.4):
        return value if self.rng.random() < chance else otherwise

    def size(self):
        return self.maybe(0, self.one_of(SIZES), 0.03)

    def shape(self, least=1, most=4):
        sizes = [self.size() for _ in range(self.rng.integers(least, most + 1))]
        while np.prod(sizes) > 5000:
            sizes[np.argmax(sizes)] = 2
        return tuple(sizes)

    def numbers(self, shape, special=True):
        x = np.asarray(self.rng.standard_normal(shape) * self.one_of((0.01, 1.0, 10.0, 1000.0)))
        if special and x.size and self.rng.random() < 0.15:
            places = self.rng.integers(0, x.size, 1 + x.size // 5)
            x.flat[places] = self.rng.choice(SPECIAL, len(places))
        with np.errstate(over="ignore"):
            return x.astype(self.dtype)

    def small(self, shape):
        return np.asarray(self.rng.standard_normal(shape)).astype(self.dtype)

    def positive(self, shape):
        return self.rng.uniform(0.1, 2, shape).astype(self.dtype)

    def probs(self, shape):
        p = self.rng.exponential(size=shape)
        return (p / p.sum(axis=-1, keepdims=True)).astype(self.dtype)

    def labels(self, n, classes):
        kind = self.one_of(("int64", "int32", "uint8", "int16"))
        return self.rng.integers(0, max(classes, 1), n).astype(kind)

    def axis(self, ndim, several=False):
        if several and self.rng.random() < 0.3:
            return self.one_of((None, tuple(range(ndim)), (0,), (-1,)))
        return int(self.rng.integers(-ndim, ndim))

    def rows(self, least=1):
        shape = max(self.size(), least), max(self.size(), 1)
        return shape

    def seed(self):
        return int(self.rng.integers(1000))


# ------------------------------------------------------------------ the calls


def pointwise(name):
    options = {
        "elu": {"alpha": 0.7},
        "leaky_relu": {"slope": 0.2},
        "sigmoid": {"scale": 2.0, "shift": 0.5},
    }.get(name, {})

    def value(draw):
        return getattr(smnn, name), (draw.numbers(draw.shape(0)),), draw.maybe(options, {})

    def vjp(draw):
        x, chosen = draw.numbers(draw.shape(0)), draw.maybe(options, {})
        arguments = draw.small(x.shape), getattr(smnn, name)(x, **chosen), x
        return getattr(smnn, f"{name}_vjp"), arguments, chosen

    return {name: value, f"{name}_vjp": vjp}


def along_rows(name, **options):
    def drawn(draw, shape):
        made = {key: make(draw) for key, make in options.items() if draw.rng.random() < 0.5}
        if draw.rng.random() < 0.7:
            made["axis"] = draw.axis(len(shape), several=name.endswith("softmax"))
        return made

    def value(draw):
        x = draw.numbers(draw.shape())
        made = drawn(draw, x.shape)
        if name in ("softmax", "log_softmax", "logsumexp"):
            made |= draw.maybe({"where": draw.rng.random(x.shape) < 0.7}, {}, 0.2)
        return getattr(smnn, name), (x,), made

    def vjp(draw):
        x = draw.numbers(draw.shape(), special=False)
        made = drawn(draw, x.shape)
        y = getattr(smnn, name)(x, **made)
        return getattr(smnn, f"{name}_vjp"), (draw.small(np.shape(y)), y, x), made

    return {name: value, f"{name}_vjp": vjp}


def temperature(draw):
    return float(draw.one_of((0.5, 1.0, 2.0, 0.1)))


def class_loss(name, **fixed):
    def call(draw):
        n, classes = draw.rows()
        logits = draw.numbers((n, classes))
        options = dict(fixed)
        if name in ("cross_entropy", "softmax_cross_entropy"):
            options |= draw.maybe({"weight": draw.positive(classes)}, {})
            options |= draw.maybe({"sample_weight": draw.positive(n)}, {})
            options |= draw.maybe({"label_smoothing": 0.1}, {})
            options |= draw.maybe({"reduction": draw.one_of(("none", "sum", "mean"))}, {})
        if name == "multiclass_hinge":
            return smnn.multiclass_hinge, (logits, draw.labels(n, classes)), options
        target = draw.labels(n, classes)
        if name != "focal_loss":
            target = draw.maybe(draw.probs(logits.shape), target)
        return getattr(smnn, name), (logits, target), options

    return {name: call}


def linear_cross_entropy(draw):
    n, classes = draw.rows()
    d = draw.one_of((1, 3, 8))
    options = draw.maybe({"b": draw.small(classes)}, {})
    options |= draw.maybe({"weight": draw.positive(classes)}, {})
    options |= draw.maybe({"sample_weight": draw.positive(n)}, {})
    options |= draw.maybe({"softcap": 5.0}, {}) | draw.maybe({"z_loss": 0.01}, {})
    options |= draw.maybe({"reduction": draw.one_of(("none", "sum"))}, {})
    arguments = draw.small((n, d)), draw.small((d, classes)), draw.labels(n, classes)
    return smnn.linear_cross_entropy, arguments, options


def pair_loss(name, target):
    def call(draw):
        x = draw.numbers(draw.shape())
        return getattr(smnn, name), (x, target(draw, x.shape)), {}

    return {name: call}


def attend(q, k, v, dout, **options):
    out, backward = smnn.attention(q, k, v, **options)
    return out, *backward(dout)


def attention(draw):
    batch = draw.one_of(((), (2,), (2, 3)))
    n, m, d, e = (draw.one_of((1, 2, 5, 16, 70)) for _ in range(4))
    options = {"causal": bool(draw.rng.integers(2))}
    options |= draw.maybe({"mask": draw.rng.random((n, m)) < 0.7}, {})
    options |= draw.maybe({"softcap": 3.0}, {}) | draw.maybe({"sink": draw.small(n)}, {})
    options |= draw.maybe({"scale": 0.3}, {})
    arrays = draw.small((*batch, n, d)), draw.small((*batch, m, d)), draw.small((*batch, m, e))
    return attend, (*arrays, draw.small((*batch, n, e))), options


def sampled(name):
    def call(draw):
        n, V, d = draw.one_of((1, 4, 30)), draw.one_of((2, 5, 60)), draw.one_of((1, 3, 8))
        noise = draw.rng.uniform(0.5, 1.5, V)
        options = {"noise": noise / noise.sum(), "k": draw.one_of((1, 2, 10)), "rng": draw.seed()}
        options |= draw.maybe({"b": draw.small(V)}, {})
        arguments = draw.small((n, d)), draw.small((V, d)), draw.labels(n, V)
        return getattr(smnn, name), arguments, options

    return {name: call}


def sum_rows(draw):
    n, d = draw.rows()
    return smnn.sum_rows, (draw.labels(n, 7), draw.small((n, d))), {}


def merge_logsumexp(draw):
    shape = draw.shape(0)
    pairs = [(draw.numbers(shape, special=False), draw.positive(shape)) for _ in range(2)]
    return smnn.merge_logsumexp, tuple(pairs), {}


def ctc(name):
    def call(draw):
        T, N, C, L = (draw.one_of((1, 2, 3, 8, 20)) for _ in range(4))
        C += 1
        logits = draw.numbers((T, N, C), special=False)
        if draw.rng.random() < 0.5:
            lengths = {"input_lengths": draw.rng.integers(0, T + 1, N)}
        else:
            lengths = {}
        if name == "ctc_beam_search":
            return smnn.ctc_beam_search, (logits,), {"beam_width": draw.one_of((1, 3)), **lengths}
        if name == "ctc_greedy_decode":
            return smnn.ctc_greedy_decode, (logits,), lengths
        labels = draw.rng.integers(1, C, (N, L))
        lengths |= draw.maybe({"label_lengths": draw.rng.integers(0, L + 1, N)}, {})
        lengths |= draw.maybe({"reduction": draw.one_of(("none", "sum"))}, {})
        return smnn.ctc_loss, (logits, labels), lengths

    return {name: call}


def of_choices(name, scores, **options):
    """A metric: labels first, then scores or probabilities."""

    def call(draw):
        n, classes = draw.one_of((1, 2, 30)), draw.one_of((2, 3, 10))
        draw.dtype = draw.one_of(("float32", "float64"))  # halves do not sum to 1
        made = {key: draw.one_of(values) for key, values in options.items()}
        return getattr(smnn, name), (draw.labels(n, classes), scores(draw, (n, classes))), made

    return {name: call}


def one_hot(draw):
    classes = draw.one_of((1, 3, 10))
    labels = draw.labels(draw.shape(0, 3), classes)
    return smnn.one_hot, (labels,), {"num_classes": classes}


def sample(draw):
    options = draw.maybe({"top_k": draw.one_of((1, 2, 5))}, {}) | draw.maybe({"top_p": 0.8}, {})
    options |= draw.maybe({"min_p": 0.1}, {}) | draw.maybe({"temperature": 0.7}, {})
    options |= draw.maybe({"size": draw.one_of((1, 3, (2, 2)))}, {})
    # Draws of another dtype differ where a number falls on a border: float64 alone.
    logits = draw.small((*draw.shape(0, 3), draw.one_of(SIZES))).astype(np.float64)
    return smnn.sample, (logits,), {"rng": draw.seed(), **options}


def sample_without_replacement(draw):
    classes = draw.one_of(SIZES)
    logits = draw.small((*draw.shape(0, 3), classes)).astype(np.float64)
    k = int(draw.rng.integers(1, classes + 1))
    return smnn.sample_without_replacement, (logits, k), {"rng": draw.seed()}


def load_balancing_loss(draw):
    n, experts = draw.rows()
    gate = draw.probs((n, experts))
    chosen = draw.maybe(draw.labels(n, experts), draw.labels((n, 2), experts))
    return smnn.load_balancing_loss, (gate, chosen), {}


def layer(make, shape, lengths=False):
    """A layer on a batch: value, gradient of the input and of the parameters."""

    def call(draw):
        x = draw.small(shape(draw))
        made, seed = make(draw), draw.seed()

        def pass_through(x, **options):
            y, backward = copy.deepcopy(made).forward(x, training=True, **options)
            dy = np.random.default_rng(seed).standard_normal(y.shape).astype(y.dtype)
            return y, *backward(dy)

        options = {}
        if lengths and draw.rng.random() < 0.5:
            options["lengths"] = draw.rng.integers(0, x.shape[1] + 1, len(x))
        return pass_through, (x,), options

    return call


def table(draw):
    return draw.rows()


def images(draw):
    return (draw.one_of((1, 3)), draw.one_of((4, 5, 9)), draw.one_of((4, 6)), draw.one_of((1, 3)))


def sequences(draw):
    return draw.one_of((1, 2, 9)), draw.one_of((1, 2, 7)), draw.one_of((1, 3, 8))


def channels(draw):
    """How a convolution goes over an image."""
    padding = draw.one_of(("valid", "same"))
    return {"strides": draw.one_of((1, 2)), "padding": padding, "rng": draw.seed()}


ELEMENTWISE = [name for name in smnn.ACTIVATIONS if name != "softmax"]
CASES = {
    **{key: call for name in ELEMENTWISE for key, call in pointwise(name).items()},
    **along_rows("softmax", temperature=temperature),
    **along_rows("log_softmax", temperature=temperature),
    **along_rows("logsumexp", keepdims=lambda draw: True),
    **along_rows("sparsemax"),
    **along_rows("entmax", alpha=lambda draw: draw.one_of((1.0, 1.2, 1.5, 2.0, 3.0))),
    **class_loss("cross_entropy"),
    **class_loss("softmax_cross_entropy"),
    **class_loss("multiclass_hinge"),
    **class_loss("focal_loss", gamma=2.0),
    **class_loss("fenchel_young_loss", alpha=1.5),
    "linear_cross_entropy": linear_cross_entropy,
    **pair_loss("mse", Draw.numbers),
    **pair_loss("huber", Draw.numbers),
    **pair_loss("binary_cross_entropy_with_logits", lambda draw, shape: draw.rng.random(shape)),
    "distillation_loss": lambda draw: (
        smnn.distillation_loss,
        tuple(draw.small(shape) for shape in [draw.rows()] * 2),
        {"temperature": 2.0},
    ),
    "attention": attention,
    **sampled("negative_sampling_loss"),
    **sampled("nce_loss"),
    **sampled("sampled_softmax_loss"),
    "sum_rows": sum_rows,
    "merge_logsumexp": merge_logsumexp,
    **ctc("ctc_loss"),
    **ctc("ctc_greedy_decode"),
    **ctc("ctc_beam_search"),
    "sample": sample,
    "sample_without_replacement": sample_without_replacement,
    "one_hot": one_hot,
    "load_balancing_loss": load_balancing_loss,
    **of_choices("accuracy", Draw.small),
    **of_choices("top_k_accuracy", Draw.small, k=(1, 2)),
    **of_choices("negative_log_likelihood", Draw.probs),
    **of_choices("perplexity", Draw.probs),
    **of_choices("expected_calibration_error", Draw.probs, n_bins=(1, 10)),
    "softmax_jacobian": lambda draw: (smnn.softmax_jacobian, (draw.probs(draw.rows()),), {}),
    "Dense": layer(lambda draw: smnn.Dense(3, draw.one_of(("relu", "softmax")), rng=0), table),
    "Activation": layer(lambda draw: smnn.Activation(draw.one_of(ELEMENTWISE[1:])), table),
    "PReLU": layer(lambda draw: smnn.PReLU(), table),
    "Dropout": layer(lambda draw: smnn.Dropout(0.3, rng=0), table),
    "LayerNorm": layer(lambda draw: smnn.LayerNorm(), table),
    "Flatten": layer(lambda draw: smnn.Flatten(), images),
    "Conv2D": layer(lambda draw: smnn.Conv2D(2, 3, "tanh", **channels(draw)), images),
    "Conv2DTranspose": layer(lambda draw: smnn.Conv2DTranspose(2, 3, **channels(draw)), images),
    "MaxPooling2D": layer(lambda draw: smnn.MaxPooling2D(2), images),
    "AveragePooling2D": layer(lambda draw: smnn.AveragePooling2D(2), images),
    "SimpleRNN": layer(
        lambda draw: smnn.SimpleRNN(4, return_sequences=draw.maybe(True, False), rng=0),
        sequences, lengths=True,
    ),
    "LSTM": layer(
        lambda draw: smnn.LSTM(4, return_sequences=draw.maybe(True, False), rng=0),
        sequences, lengths=True,
    ),
    "GRU": layer(
        lambda draw: smnn.GRU(4, return_sequences=draw.maybe(True, False), rng=0),
        sequences, lengths=True,
    ),
    "MultiHeadAttention": layer(
        lambda draw: smnn.MultiHeadAttention(2, 3, causal=draw.maybe(True, False), rng=0),
        sequences, lengths=True,
    ),
    "MixtureOfExperts": layer(
        lambda draw: smnn.MixtureOfExperts(
            [smnn.Dense(2), smnn.Dense(2, "tanh"), smnn.Dense(2)], top_k=draw.maybe(2), rng=0
        ),
        table,
    ),
}  # fmt: skip


# What gives back a view of what it takes, as NumPy does.
VIEWS = {"identity", "identity_vjp", "Flatten"}


# ------------------------------------------------------------------ what is done to arguments


def each_array(value, change):
    """Return arguments with a function of every array in the place of the array."""
    if type(value) is np.ndarray:
        return change(value)
    if isinstance(value, tuple | list):
        return type(value)(each_array(part, change) for part in value)
    if isinstance(value, dict):
        return {key: each_array(part, change) for key, part in value.items()}
    return value


def laid_out(x, rng):
    """Return an equal array that lies in memory in some other way."""
    if not x.ndim or x.dtype == object:
        return x
    kind = rng.integers(7)
    if kind == 0:
        return np.asfortranarray(x)
    if kind == 1:
        wide = np.repeat(x, 2, axis=-1)
        return wide[..., ::2]
    if kind == 2:
        return np.ascontiguousarray(x[::-1])[::-1]
    if kind == 3:
        return x.astype(x.dtype.newbyteorder())
    if kind == 4:
        raw = np.frombuffer(b"_" + x.tobytes(), np.uint8)[1:]
        return raw.view(x.dtype).reshape(x.shape)  # not aligned, and read-only
    if kind == 5:
        return x.view(np.memmap) if x.size else x
    kept = x.copy()
    kept.flags.writeable = False
    return kept


def in_float64(x):
    return x.astype(np.float64) if x.dtype.kind == "f" else x


def spoil(rng, args, options):
    """Put something unexpected in the place of one argument."""
    strange = (
        None, "text", np.nan, -1, 0, 1000, 1.5, True, [], [[1.0], [1.0, 2.0]], np.zeros((0,)),
        np.zeros((2, 3, 4, 5)), np.array(["a"]), np.array([1j, 2]), np.array(None), object(),
        np.ma.masked_array([1.0, 2.0], [True, False]), 3 + 4j, np.inf, -np.inf, {"a": 1},
    )  # fmt: skip
    args, options = list(args), dict(options)
    places = [*range(len(args)), *options]
    place = places[rng.integers(len(places))]
    old = args[place] if isinstance(place, int) else options[place]
    new = strange[rng.integers(len(strange))]
    if isinstance(old, np.ndarray) and old.ndim and rng.random() < 0.6:
        new = [old[..., None], old[:-1], old[None], old + 100, -1.0 * old, old * np.nan]
        new = new[rng.integers(len(new))]
    if isinstance(place, int):
        args[place] = new
    else:
        options[place] = new
    return tuple(args), options


# ------------------------------------------------------------------ what must hold


class Fault(AssertionError):
    """What must not happen has happened."""


def parts_of(value):
    """Return the arrays and numbers of a result, in order."""
    if isinstance(value, tuple | list):
        return [part for item in value for part in parts_of(item)]
    if isinstance(value, dict):
        return [part for key in sorted(value) for part in parts_of(value[key])]
    return [] if value is None else [np.asarray(value)]


def outcome(function, args, options):
    """Return the parts of the result, or the exception of the package."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return parts_of(function(*args, **options)), None
        except (TypeError, ValueError, IndexError) as error:
            return None, error


def is_ours(error):
    """Tell whether an exception was raised by a line of the package (or of its signature)."""
    frames = traceback.extract_tb(error.__traceback__)
    if "inhomogeneous" in str(error):
        return True  # a ragged list is refused by NumPy, in a sentence
    own = "/smnn/" in frames[-1].filename.replace("\\", "/")
    return own or (isinstance(error, TypeError) and frames[-1].filename == __file__)


def tolerance(narrow, wide):
    """How far results of a dtype may be from those of float64."""
    largest = np.max(np.abs(wide), initial=0, where=np.isfinite(wide))
    return 200 * np.finfo(narrow).eps * (1 + largest)


def agree(one, other, slack):
    """Tell whether two parts hold the same numbers, up to some slack; nan agrees with nan."""
    if one.dtype.kind != "f":
        return np.array_equal(one, other)
    with np.errstate(all="ignore"):
        near = np.abs(one.astype(np.float64) - other.astype(np.float64)) <= slack
    return bool(np.all(near | (one == other) | (np.isnan(one) & np.isnan(other))))


# ------------------------------------------------------------------ sequences of calls


def saved_and_loaded(model):
    """Return the model that a file of this one holds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        model.save(path)
        return type(model).load(path)


def used(model, x):
    """Use a model in every way that is not training, and return it."""
    model.predict(x, batch_size=2)
    model.forward(x, training=False)[1](np.ones_like(model(x)))
    repr(model)
    smnn.release_buffers()
    return model


# What may be done to a model between two steps without a trace.
WITHOUT_A_TRACE = (
    used,
    lambda model, x: copy.deepcopy(model),
    lambda model, x: pickle.loads(pickle.dumps(model)),
    lambda model, x: saved_and_loaded(model) if not model.generators() else model,
)


def check_training(number):
    """Train a random model twice, once with other calls between the steps."""
    draw = Draw(seed_of("training", number))
    features, classes = draw.one_of((1, 3, 8)), draw.one_of((2, 3, 10))
    layers = [smnn.Dense(draw.one_of((1, 4)), draw.one_of(ELEMENTWISE))]
    for layer in (smnn.LayerNorm(), smnn.PReLU(), smnn.Dropout(0.4)):
        layers += draw.maybe([layer], [])
    layers.append(smnn.Dense(classes))
    dtype = draw.one_of(("float32", "float64"))
    left_alone = smnn.Sequential(layers, dtype=dtype, input_shape=(features,), rng=draw.seed())
    x = draw.rng.standard_normal((draw.one_of((1, 5, 33)), features)).astype(dtype)
    y = draw.labels(len(x), classes)
    optimizer = draw.one_of(("sgd", "adam", "adamw"))
    batch_size = draw.one_of((1, 4, 100))
    looked_at = copy.deepcopy(left_alone)
    for step in range(int(draw.rng.integers(1, 5))):
        for model in (left_alone, looked_at):
            smnn.fit(
                model, x, y, epochs=1, batch_size=batch_size, optimizer=optimizer, rng=step,
                progress=False,
            )  # fmt: skip
        for _ in range(int(draw.rng.integers(3))):
            looked_at = draw.one_of(WITHOUT_A_TRACE)(looked_at, x)
        for name, value in left_alone.params.items():
            other = looked_at.params[name]
            if value.dtype != dtype or not np.array_equal(value, other, equal_nan=True):
                raise Fault(f"training:{number}: {name} differs after step {step}: {layers}")


def check(name, number):
    """Run one case, and raise a Fault when something does not hold."""
    if name == "training":
        check_training(number)
    else:
        check_call(name, number)


def seed_of(name, number):
    """Return the seed of a case."""
    return [zlib.crc32(name.encode()), number]


def check_call(name, number):
    """Make one call in three ways."""
    seed = seed_of(name, number)
    draw, rng = Draw(seed), np.random.default_rng([*seed, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function, args, options = CASES[name](draw)
    spoiled = rng.random() < 0.2
    if spoiled:
        args, options = spoil(rng, args, options)
    given = copy.deepcopy((args, options))
    plain, error = outcome(function, args, options)

    def fault(words):
        return Fault(f"{name}:{number}: {words}\n{inspect.unwrap(function).__name__} {given}")

    if error is not None:
        if not spoiled:
            raise fault(f"refuses what it should take: {error!r}") from error
        if not is_ours(error) or len(str(error).split()) < 4:
            raise fault(f"refuses without a sentence of its own: {error!r}") from error
    for was, now in zip(parts_of(given[0]), parts_of(args), strict=True):
        if was.dtype != object and not np.array_equal(was, now, equal_nan=was.dtype.kind in "fc"):
            raise fault("an argument was written to")
    for part in plain or ():
        if name in VIEWS:
            break
        if any(part.size and np.may_share_memory(part, x) for x in parts_of(args)):
            raise fault("a result shares its memory with an argument")

    shuffled = each_array((args, options), lambda x: laid_out(x, rng))
    other, refusal = outcome(function, *shuffled)
    if type(refusal) is not type(error):
        raise fault(f"the layout changes what is refused: {error!r}, {refusal!r}")
    for one, two in zip(plain or (), other or (), strict=True):
        if name in VIEWS:
            two = two.astype(two.dtype.newbyteorder("="))
        if one.dtype != two.dtype or one.shape != two.shape:
            kinds = [(part.dtype.str, part.shape) for part in (one, two)]
            raise fault(f"the layout changes {kinds[0]} to {kinds[1]}")
        if not agree(one, two, tolerance(one.dtype, one) / 10 if one.dtype.kind == "f" else 0):
            raise fault(f"the layout changes the result: {one} {two}")

    if error is not None or spoiled:
        return
    wide, refusal = outcome(function, *each_array((args, options), in_float64))
    if refusal is not None:
        raise fault(f"float64 is refused: {refusal!r}") from refusal
    for one, two in zip(plain, wide, strict=True):
        if one.shape != two.shape:
            raise fault("float64 changes the shape")
        narrow = draw.dtype if one.dtype.kind == "f" else None
        if narrow is None:
            if not np.array_equal(one, two):
                raise fault(f"float64 changes the result: {one} {two}")
            continue
        with np.errstate(all="ignore"):
            reachable = ~(np.abs(two) > np.finfo(narrow).max / 4)
        if not agree(one[reachable], two[reachable], tolerance(narrow, two)):
            raise fault(f"float64 changes the result: {one} {two}")


NAMES = (*CASES, "training")


def main(first, count, names=NAMES):
    """Run cases of all names or of some, and print the faults."""
    for number in range(first, first + count):
        for name in names:
            print(f"> {name}:{number}", flush=True)
            try:
                check(name, number)
            except Exception as error:
                if not isinstance(error, Fault):
                    traceback.print_exc(file=sys.stdout)
                print(f"FAULT {name}:{number}: {error}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or NAMES)
