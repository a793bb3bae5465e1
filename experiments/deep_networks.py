"""Train networks of eight hidden layers from different initial weights.

    python -m experiments.deep_networks

Small differences grow while a deep network trains, so that two processors arrive at losses
that differ in the second digit.  The chapter *Training that works* therefore reads these
results instead of computing them.  Every case gets the same budget: five learning rates a
factor of about three apart, and ten seeds with each, which set the initial weights and the
order of the batches.  Data and split are those of the chapter.

The result is kept in ``smnn_book/data/deep_networks.json``: for every case, by rate, the loss
on the validation images after the last epoch, one number per seed; null where it diverged.
"""

import numpy as np
from tqdm import tqdm

import smnn
from smnn import SGD, Adam, Dense, Sequential, fit

from . import keep

DEPTH, WIDTH, EPOCHS, BATCH_SIZE, SEEDS = 8, 32, 20, 32, range(10)


def four_times_glorot(shape, *, rng, dtype):
    """Glorot's weights times 4, which makes up for a largest slope of 1/4."""
    return 4 * smnn.INITIALIZERS["glorot"](shape, rng=rng, dtype=dtype)


INITIALIZERS = {"glorot": "glorot", "he": "he", "4 × glorot": four_times_glorot}
OPTIMIZERS = {"SGD": SGD, "Adam": Adam}
SGD_RATES = (0.01, 0.03, 0.1, 0.3, 1)
SIGMOID_RATES = (0.1, 0.3, 1, 3, 10)
ADAM_RATES = (0.0003, 0.001, 0.003, 0.01, 0.03)
CASES = {
    "sigmoid, Glorot, SGD": ("sigmoid", "glorot", "SGD", SIGMOID_RATES),
    "sigmoid, 4 × Glorot, SGD": ("sigmoid", "4 × glorot", "SGD", SIGMOID_RATES),
    "sigmoid, Glorot, Adam": ("sigmoid", "glorot", "Adam", ADAM_RATES),
    "tanh, Glorot, SGD": ("tanh", "glorot", "SGD", SGD_RATES),
    "tanh, He, SGD": ("tanh", "he", "SGD", SGD_RATES),
    "ReLU, Glorot, SGD": ("relu", "glorot", "SGD", SGD_RATES),
    "ReLU, He, SGD": ("relu", "he", "SGD", SGD_RATES),
    "ReLU, He, Adam": ("relu", "he", "Adam", ADAM_RATES),
}


def split():
    """Return the training and the validation images of the chapter; its test images stay shut."""
    train, rest = smnn.load_digits().split(700, rng=0)
    validation, _ = rest.split(350, rng=0)
    return train, validation


def validation_loss(case, rate, seed, train, validation, epochs=EPOCHS):
    """Return the validation loss after training, or None where it diverged."""
    activation, init, optimizer, _ = case
    layers = [Dense(WIDTH, activation, init=INITIALIZERS[init]) for _ in range(DEPTH)]
    model = Sequential([*layers, Dense(10)], rng=seed)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # some rates diverge, on purpose
            fit(
                model, train.x, train.y, optimizer=OPTIMIZERS[optimizer](rate), epochs=epochs,
                batch_size=BATCH_SIZE, rng=seed, progress=False,
            )  # fmt: skip
    except smnn.TrainingDiverged:
        return None
    loss = float(smnn.cross_entropy(model(validation.x), validation.y))
    return round(loss, 4) if np.isfinite(loss) else None


def measure(*, quick=False):
    """Return the losses of every case; ``quick``: of one epoch and two seeds."""
    train, validation = split()
    epochs, seeds = (1, SEEDS[:2]) if quick else (EPOCHS, SEEDS)
    runs = [(name, rate) for name, case in CASES.items() for rate in case[-1]]
    losses = {name: {} for name in CASES}
    for name, rate in tqdm(runs, disable=None):  # None: a bar only where a person watches
        losses[name][f"{rate:g}"] = [
            validation_loss(CASES[name], rate, seed, train, validation, epochs) for seed in seeds
        ]
    return {
        "depth": DEPTH, "width": WIDTH, "epochs": epochs, "batch_size": BATCH_SIZE,
        "seeds": len(seeds), "validation_loss": losses,
    }  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
