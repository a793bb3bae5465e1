"""Five losses on top of the same network, for the chapter "Other ways to normalize".

    SMNN_DATA=... python -m experiments.last_layers

A network 784-128-10 learns 10,000 images of MNIST with cross-entropy, two Fenchel-Young losses or
two hinges.  Each loss gets the same budget: four rates of Adam, five seeds with each, as many
epochs.  The rate is chosen by the mean error on 5,000 validation images; the 10,000 test images
are read once, by the five networks with this rate.  With ``quick``, the small digits of
scikit-learn serve.

The result is kept in ``smnn_book/data/last_layers.json``: for every loss its rate, the test errors,
the test loss under every one of the five, and the share of training images without gradient.
"""

from functools import partial

import numpy as np
from tqdm import tqdm

import smnn
from smnn import Adam, Dense, Sequential, fit

from . import keep

WIDTH, EPOCHS, BATCH, SEEDS, RATES = 128, 10, 128, 5, (0.001, 0.003, 0.01, 0.03)


def squared_hinge(scores, target):
    """Return the loss of ten linear machines, one against the rest, as Tang has it on top."""
    signs = 2 * smnn.one_hot(target, scores.shape[1], dtype=scores.dtype) - 1
    lack = np.maximum(1 - signs * scores, 0)
    return float((lack**2).sum(axis=1).mean()), -2 * signs * lack / len(scores)


LOSSES = {
    "cross-entropy": smnn.softmax_cross_entropy,
    "1.5-entmax loss": partial(smnn.fenchel_young_loss, alpha=1.5),
    "sparsemax loss": partial(smnn.fenchel_young_loss, alpha=2.0),
    "hinge": smnn.multiclass_hinge,
    "squared hinge": squared_hinge,
}


def images(quick):
    """Return images and labels to learn from, to choose by and to test with."""
    if quick:
        data = smnn.load_digits()
        parts = np.split(np.random.default_rng(0).permutation(len(data.x))[:900], [300, 600])
        return [(data.x[part], data.y[part]) for part in parts]
    train, test = smnn.load_mnist()
    first, second = np.split(np.random.default_rng(0).permutation(len(train.x))[:15_000], [10_000])
    return [(train.x[first], train.y[first]), (train.x[second], train.y[second]), (test.x, test.y)]


def train(loss, rate, seed, x, y, epochs):
    """Return a trained network."""
    model = Sequential([Dense(WIDTH, "relu"), Dense(10)], rng=seed, dtype="float32")
    fit(
        model, x, y, loss=loss, optimizer=Adam(rate), epochs=epochs, batch_size=BATCH, rng=seed,
        progress=False,
    )  # fmt: skip
    return model


def error(model, x, y):
    """Return the share of wrong answers in percent."""
    return round(100 * float((model(x).argmax(axis=1) != y).mean()), 3)


def at_rest(loss, scores, y):
    """Return the percentage of examples whose own gradient is exactly 0."""
    gradients = [loss(row[None], label[None])[1] for row, label in zip(scores, y, strict=True)]
    return round(100 * float(np.mean([not gradient.any() for gradient in gradients])), 2)


def measure(*, quick=False):
    """Return the results of every loss; ``quick``: on few images, one epoch and two seeds."""
    (x, y), validation, test = images(quick)
    x, epochs = x.astype(np.float32), 1 if quick else EPOCHS
    seeds, rates = range(2 if quick else SEEDS), RATES[:1] if quick else RATES
    results = {}
    for name in tqdm(LOSSES, disable=None):
        loss = LOSSES[name]
        models = {rate: [train(loss, rate, seed, x, y, epochs) for seed in seeds] for rate in rates}
        tried = {rate: [error(model, *validation) for model in models[rate]] for rate in rates}
        best = min(rates, key=lambda rate: np.mean(tried[rate]))
        scores = [np.asarray(model(test[0]), float) for model in models[best]]
        results[name] = {
            "rate": best,
            "validation_error": round(float(np.mean(tried[best])), 3),
            "test_error": [error(model, *test) for model in models[best]],
            "test_loss": {
                other: [round(float(LOSSES[other](z, test[1])[0]), 4) for z in scores]
                for other in LOSSES
            },
            "at_rest": [at_rest(loss, model(x[:2000]), y[:2000]) for model in models[best]],
        }
    return {
        "width": WIDTH, "epochs": epochs, "images": len(x), "tests": len(test[1]),
        "rates": list(rates), "losses": results,
    }  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
