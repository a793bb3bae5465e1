"""Foresee whether a share will be up: honestly, and with leaks.

    python -m experiments.up_or_down

The ten last daily returns of one of three shares are the features, or its ten last prices.  The
first 60% of the days are for training, the next 20% choose one of three learning rates, and the
last 20% are the test.  Between the parts, days are left out whose answer lies in the next part.
Softmax regression and a network of 32 hidden units train for 30 epochs, with five seeds; the
nearest of the training days, which has nothing to train, is a third method.  Each leak changes
one thing.

The result is kept in ``smnn_book/data/up_or_down.json``: for every case and share the number of
test days, and in percent the right days of the more frequent class of the training days and of
each method and seed.
"""

import numpy as np

import smnn
from smnn_book.prices import load_daily_closes, movements

from . import keep

EPOCHS, BATCH, SEEDS = 30, 50, 5
RATES = [0.001, 0.003, 0.01]
METHODS = {"softmax regression": [], "network": [32]}
CASES = {
    "honest": {},
    "scaled with all days": {"scale_all": True},
    "days shuffled": {"shuffled": True},
    "the answer in the window": {"late": 1},
    "20 days ahead, from prices": {"horizon": 20, "levels": True},
    "the same, days shuffled": {"horizon": 20, "levels": True, "shuffled": True},
}


def parts(close, *, shuffled=False, scale_all=False, **options):
    """Return (x, y) for training, validation and test, standardized."""
    x, y = movements(close, **options)
    order = np.random.default_rng(0).permutation(len(y)) if shuffled else np.arange(len(y))
    first, second = int(0.6 * len(y)), int(0.8 * len(y))
    gap = 0 if shuffled else options.get("horizon", 1) - 1
    rows = order[: first - gap], order[first : second - gap], order[second:]
    known = x if scale_all else x[rows[0]]
    mean, deviation = known.mean(axis=0), known.std(axis=0)
    return [((x[part] - mean) / deviation, y[part]) for part in rows]


def logits(method, rate, train, seed, epochs):
    layers = [smnn.Dense(units, "tanh") for units in METHODS[method]]
    model = smnn.Sequential([*layers, smnn.Dense(2)], rng=seed)
    smnn.fit(
        model, *train, optimizer=smnn.Adam(rate), epochs=epochs, batch_size=BATCH, rng=seed,
        progress=False,
    )  # fmt: skip
    return model.predict


def nearest(train):
    """Return a function that answers with the label of the nearest of the training days."""
    x, y = train

    def answer(points):
        squares = (points**2).sum(axis=1)[:, None] - 2 * points @ x.T + (x**2).sum(axis=1)
        return np.eye(2)[y[squares.argmin(axis=1)]]

    return answer


def right(predict, x, y):
    return round(100 * float(np.mean(predict(x).argmax(axis=1) == y)), 2)


def measure(*, quick=False):
    """Return the right test days by case, share, method and seed; ``quick``: of few days."""
    epochs, seeds, rates = (1, 1, RATES[:1]) if quick else (EPOCHS, SEEDS, RATES)
    results = {}
    for case, options in CASES.items():
        results[case] = {}
        for share, close in load_daily_closes().closes.items():
            train, validation, test = parts(close[-300:] if quick else close, **options)
            found = {
                "days": len(test[1]),
                "base rate": round(
                    100 * float(np.mean(test[1] == np.bincount(train[1]).argmax())), 2
                ),
            }
            for method in METHODS:
                losses = [
                    smnn.cross_entropy(
                        logits(method, rate, train, 100, epochs)(validation[0]), validation[1]
                    )
                    for rate in rates
                ]
                rate = rates[int(np.argmin(losses))]
                trained = [logits(method, rate, train, seed, epochs) for seed in range(seeds)]
                found[method] = [right(predict, *test) for predict in trained]
                found[f"{method}, training"] = [right(predict, *train) for predict in trained]
            found["nearest day"] = [right(nearest(train), *test)]
            results[case][share] = found
    return results


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
