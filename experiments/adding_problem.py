"""Train five recurrent networks on the adding problem, and measure how far their states reach.

    python -m experiments.adding_problem

A sequence has 50 steps, a random number and a mark in each; the target is the sum of the two
numbers that are marked.  Who always answers 1 has a mean squared error of 1/6.  All networks
have 32 units and learn from the same number of batches, with Adam and gradients clipped to norm
1.  The rate of each is the best of three on validation data, in a run of full length with a seed
of its own; then five seeds are run at that rate, and the test data are used once per seed.

Kept are the error on the validation data as it fell, the error on the test data, and before and
after training the norm of the Jacobian of the last state with respect to earlier ones.

The result is kept in ``smnn_book/data/adding_problem.json``.
"""

import numpy as np

import smnn
from smnn_book.recurrence import adding_problem, cells, reach

from . import keep

STEPS, UNITS, BATCH, UPDATES, EVERY, SEEDS = 50, 32, 50, 1000, 50, 5
RATES = [0.001, 0.003, 0.01]
DISTANCES = [1, *range(4, 50, 5)]


def rounded(value):
    return float(f"{value:.3g}")


def error(model, x, y):
    return rounded(np.mean((model.predict(x) - y) ** 2))


def train(cell, rate, seed, updates, validation):
    """Return the trained model, the errors on the way, and the reach before training."""
    model = smnn.Sequential(
        [cell(), smnn.Dense(1)], input_shape=(STEPS, 2), dtype="float32", rng=seed
    )
    optimizer, rng = smnn.Adam(rate), np.random.default_rng([seed, 1])
    x_val, y_val = validation
    before = reach(model[0], x_val[:4], DISTANCES)
    errors = [error(model, x_val, y_val)]
    for update in range(1, updates + 1):
        x, y = adding_problem(BATCH, STEPS, rng)
        prediction, backward = model.forward(x, training=True, input_gradient=False)
        _, gradients = backward(smnn.mse(prediction, y)[1].astype(np.float32))
        smnn.clip_gradients(gradients, 1.0)
        optimizer.step(model.params, gradients)
        if update % EVERY == 0:
            errors.append(error(model, x_val, y_val))
    return model, errors, before


def measure(*, quick=False):
    """Return the curves of all networks; ``quick``: with five updates and one seed."""
    updates, seeds, rates = (5, 1, RATES[:1]) if quick else (UPDATES, SEEDS, RATES)
    rng = np.random.default_rng(0)
    validation = adding_problem(500, STEPS, rng)
    x_test, y_test = adding_problem(2000, STEPS, rng)
    if quick:
        validation = tuple(part[:10] for part in validation)
    results = {}
    for name, cell in cells(UNITS).items():
        tried = [min(train(cell, rate, 100, updates, validation)[1]) for rate in rates]
        rate = rates[int(np.argmin(tried))]
        runs = []
        for seed in range(seeds):
            model, errors, before = train(cell, rate, seed, updates, validation)
            after = reach(model[0], validation[0][:4], DISTANCES)
            runs.append({
                "validation": errors, "test": error(model, x_test, y_test),
                "reach before": [rounded(v) for v in before],
                "reach after": [rounded(v) for v in after],
            })  # fmt: skip
        results[name] = {"rate": rate, "tried": tried, "runs": runs}
    return {
        "steps": STEPS, "units": UNITS, "batch": BATCH, "every": EVERY, "rates": rates,
        "distances": DISTANCES, "always 1": rounded(np.mean((y_test - 1) ** 2)),
        "cells": results,
    }  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
