"""A softmax head on a frozen network, by the number of labels, for "A class for every pixel".

    python -m experiments.frozen_head

A small convolutional network learns 2,500 upright digits.  The new task are digits that are turned
upside down, other images, of which few have labels.  Five ways to learn it are compared: a
softmax on the pixels, a head on the frozen features of a network with random weights, a head
on the frozen features of the trained network, the whole trained network with a new head, and the
whole network from random weights.  Each makes as many steps with batches of the same size, with the
best of three rates, which the first seed chooses on validation images.  A seed sets the network,
what it learned before, and which images have labels.
"""

import numpy as np

import smnn
from smnn import Adam, Conv2D, Dense, Flatten, Sequential, fit
from smnn_book.canvases import DIGIT, SmallDigits

from . import keep

LABELS, SEEDS, STEPS, BATCH, EPOCHS_BEFORE = (20, 100, 300, 1000), range(5), 400, 32, 10
RATES_OF_HEADS, RATES_OF_NETWORKS = (0.01, 0.03, 0.1), (0.001, 0.003, 0.01)
BEFORE = 2500  # training images that are upright; the others are turned


def body(rng):
    """Return the network up to its features."""
    return Sequential(
        [
            Conv2D(8, 5, "relu", strides=2, padding="same", input_shape=(DIGIT, DIGIT, 1)),
            Conv2D(16, 3, "relu", strides=2, padding="same"),
            Flatten(),
            Dense(64, "relu"),
        ],
        dtype="float32", rng=rng,
    )  # fmt: skip


def of_each_class(labels, count, rng):
    """Return the places of as many examples of each class, ``count`` in all."""
    order = rng.permutation(len(labels))
    return np.concatenate([order[labels[order] == k][: count // 10] for k in range(10)])


def learn(model, x, y, rate, steps, rng):
    """Make so many steps; the last epoch may be cut short."""
    size = min(BATCH, len(x))

    def batches():
        done = 0
        while done < steps:
            for batch in smnn.minibatches(x, y, size, rng=rng):
                if len(batch[1]) == size and done < steps:
                    yield batch
                    done += 1

    fit(model, batches, optimizer=Adam(rate), epochs=1, progress=False)
    return model


class Task:
    """Images for both tasks, and the features that a seed has for them."""

    def __init__(self, before, epochs_before, steps, n_test):
        digits = SmallDigits()
        x, y = digits.images[..., None].astype("float32"), digits.labels
        train = digits.parts["train"]
        self.before = x[train][:before], y[train][:before]
        self.pool = turned(x[train][BEFORE:]), y[train][BEFORE:]
        self.validation, self.test = (
            (turned(x[digits.parts[part]])[:n_test], y[digits.parts[part]][:n_test])
            for part in ("validation", "test")
        )
        self.epochs_before, self.steps, self.trained = epochs_before, steps, {}

    def trained_body(self, seed):
        """Return the state of a network that has learned upright digits."""
        if seed not in self.trained:
            base = body(seed)
            model = Sequential([base, Dense(10)], dtype="float32", rng=seed)
            fit(
                model, *self.before, optimizer=Adam(0.003), epochs=self.epochs_before, rng=seed,
                progress=False,
            )  # fmt: skip
            self.trained[seed] = {name: value.copy() for name, value in base.params.items()}
        return self.trained[seed]

    def start(self, way, seed):
        """Return the fixed part of a model, and the part that learns."""
        base = body(seed)
        if "trained" in way:
            for name, value in self.trained_body(seed).items():
                base.params[name][...] = value
        head = Dense(10)
        if way == "pixels":
            return Sequential([Flatten()], dtype="float32"), head
        if "head" in way:
            return base, head
        return None, Sequential([base, head], dtype="float32", rng=seed)

    def accuracy(self, way, count, rate, seed, part):
        """Return the accuracy of one way to learn from so many labels."""
        fixed, model = self.start(way, seed)
        rng = np.random.default_rng(seed)
        x, y = self.pool
        rows = of_each_class(y, count, rng)
        see = (lambda images: images) if fixed is None else fixed.predict
        if not isinstance(model, Sequential):
            model = Sequential([model], dtype="float32", rng=seed)
        learn(model, see(x[rows]), y[rows], rate, self.steps, rng)
        return smnn.accuracy(part[1], model.predict(see(part[0])))


WAYS = {
    "pixels": RATES_OF_HEADS,
    "head on random": RATES_OF_HEADS,
    "head on trained": RATES_OF_HEADS,
    "all, trained": RATES_OF_NETWORKS,
    "all, random": RATES_OF_NETWORKS,
}


def turned(images):
    """Return images upside down: turned by 180 degrees."""
    return np.ascontiguousarray(images[:, ::-1, ::-1])


def measure(*, quick=False):
    """Return test accuracies by way and labels; ``quick``: of few steps, two seeds, one rate."""
    seeds, rates_of = (SEEDS[:2], slice(1)) if quick else (SEEDS, slice(None))
    task = Task(64, 1, 2, 50) if quick else Task(BEFORE, EPOCHS_BEFORE, STEPS, 1000)
    results = {}
    for way, rates in WAYS.items():
        results[way] = {}
        for count in LABELS:

            def quality(rate, way=way, count=count):
                return task.accuracy(way, count, rate, seeds[0], task.validation)

            rate = max(rates[rates_of], key=quality)
            found = [task.accuracy(way, count, rate, 1000 + s, task.test) for s in seeds]
            results[way][str(count)] = {"rate": rate, "accuracy": [round(a, 4) for a in found]}
    return {"seeds": len(seeds), "steps": task.steps, "before": len(task.before[0]),
            "ways": results}  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
