"""A task in six pieces: experts against networks of the same size, for "Many experts, many models".

    python -m experiments.pieces

The plane is cut like a pie into six slices whose two classes alternate (`smnn_book.pie`), and 600
points of it are to learn from.  Softmax regression, networks with one hidden layer and mixtures of
linear experts get the same budget: four rates of Adam, ten seeds with each, as many epochs.  A seed
draws the points and the weights.  The rate is chosen by the mean error on validation points; what
is kept of the test points are the errors of the ten models with this rate.  Three experts have as
many parameters as the network with 5 hidden units (27), four have one less than that with 7 (36).

The result is kept in ``smnn_book/data/pieces.json``: for every model its number of parameters, its
rate, the test errors in percent, and the epochs until 95% of the validation points were right for
the first time, None where that was never so, with the chosen rate and with the highest.
"""

import numpy as np
from tqdm import tqdm

import smnn
from smnn import Adam, Dense, MixtureOfExperts, Sequential, fit
from smnn_book.pie import mixture_loss, pie

from . import keep

EPOCHS, BATCH, SEEDS, RATES = 100, 60, 10, (0.01, 0.03, 0.1, 0.3)


def experts(count, top_k=None):
    return lambda seed: MixtureOfExperts(
        [Dense(2, "softmax") for _ in range(count)], top_k=top_k, input_shape=(2,), rng=seed
    )


def network(*hidden):
    return lambda seed: Sequential(
        [*(Dense(width, "tanh") for width in hidden), Dense(2)], input_shape=(2,), rng=seed
    )


MODELS = {
    "softmax regression": network(),
    "network, 5 hidden units": network(5),
    "three experts": experts(3),
    "network, 7 hidden units": network(7),
    "four experts": experts(4),
    "four experts, the best two": experts(4, top_k=2),
    "network, 32 hidden units": network(32),
}


def run(make, rate, seed, epochs):
    """Return validation and test error in percent, and when 95% were right."""
    rng = np.random.default_rng(seed)
    (x, y), validation, test = pie(600, rng), pie(1000, rng), pie(5000, rng)
    model = make(seed)
    history = fit(
        model, x, y, optimizer=Adam(rate), epochs=epochs, batch_size=BATCH, rng=seed,
        loss=mixture_loss if isinstance(model, MixtureOfExperts) else smnn.softmax_cross_entropy,
        validation_data=validation, metrics="accuracy", progress=False,
    )  # fmt: skip
    there = np.flatnonzero(np.array(history["val_accuracy"]) >= 0.95)
    error = [100 * float((model(x).argmax(axis=1) != y).mean()) for x, y in (validation, test)]
    return *(round(value, 2) for value in error), int(there[0]) + 1 if len(there) else None


def measure(*, quick=False):
    """Return the results of every model; ``quick``: one rate, two seeds, one epoch."""
    rates, seeds = RATES[: 1 if quick else None], range(2 if quick else SEEDS)
    epochs = 1 if quick else EPOCHS
    results = {}
    for name in tqdm(MODELS, disable=None):
        runs = {rate: [run(MODELS[name], rate, seed, epochs) for seed in seeds] for rate in rates}
        best = min(rates, key=lambda rate: np.mean([validation for validation, _, _ in runs[rate]]))
        results[name] = {
            "parameters": sum(array.size for array in MODELS[name](0).params.values()),
            "rate": best,
            "test_error": [test for _, test, _ in runs[best]],
            "epochs_to_95": [epoch for _, _, epoch in runs[best]],
            "epochs_at_highest_rate": [epoch for _, _, epoch in runs[rates[-1]]],
        }
    return {"epochs": epochs, "rates": list(rates), "models": results}


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
