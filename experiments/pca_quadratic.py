"""Forty principal components and all their products, for the chapter "Features first".

    SMNN_DATA=… python -m experiments.pca_quadratic

LeCun and others (1998) report 3.3% errors for "40 PCA + quadratic": the projections of an image
on 40 principal components, all products of pairs of them, and a linear classifier with 821 inputs.
It is not said whether the mean image is subtracted before an image is projected, and for products
that matters.  So the classifier is fitted by least squares, which has nothing to choose, on each
set of features that the sentence could mean.  Beside it there are Gaussian classes, the other
classifier that is called quadratic.

A softmax learns from three of the sets.  Its rate is chosen on the last 10,000 of the shuffled
training images, after training on the others; then five seeds train on all.  The test images are
read once by each model.

The result is kept in ``smnn_book/data/pca_quadratic.json``.
"""

import dataclasses

import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

import smnn
from smnn import Adam, Dense, Sequential, fit
from smnn_book.features import pairwise_products

from . import keep

COMPONENTS, RATES, EPOCHS, BATCH, SEEDS = 40, (0.001, 0.003, 0.01), 12, 128, range(5)
CHUNK = 5000  # rows whose features are computed at once


class Features:
    """The sets of features: functions of pixels, named by what they are."""

    def __init__(self, x, components):
        self.pca = PCA(components, svd_solver="covariance_eigh").fit(x.astype("float64"))
        self.of = {
            "pixels": lambda x: x,
            "40 projections": self.centered,
            "820 products, not centered": lambda x: pairwise_products(self.not_centered(x)),
            "820 products, centered": lambda x: pairwise_products(self.centered(x)),
            "both, centered": lambda x: with_products(self.centered(x)),
            "both, not centered": lambda x: with_products(self.not_centered(x)),
        }

    def not_centered(self, x):
        return x @ self.pca.components_.T

    def centered(self, x):
        return (x - self.pca.mean_) @ self.pca.components_.T


def with_products(u):
    return np.hstack([u, pairwise_products(u)])


def chunks(x):
    """Yield the slices of rows that are worked on at once, in double precision."""
    for start in range(0, len(x), CHUNK):
        yield slice(start, start + CHUNK), x[start : start + CHUNK].astype("float64")


def moments(features, x):
    """Return the mean and the standard deviation of every feature; 1 for a constant one."""
    total = square = 0.0
    for _, part in chunks(x):
        values = features(part)
        total, square = total + values.sum(axis=0), square + (values**2).sum(axis=0)
    mean = total / len(x)
    spread = np.sqrt(np.maximum(square / len(x) - mean**2, 0))
    return mean, np.where(spread > 1e-8, spread, 1)


def least_squares_errors(features, train, test):
    """Return how many test images the linear classifier of least squares reads wrong."""
    mean, spread = moments(features, train.x)

    def columns(part):
        values = (features(part) - mean) / spread
        return np.hstack([np.ones((len(part), 1)), values])

    gram = right = 0.0
    for rows, part in chunks(train.x):
        values = columns(part)
        gram, right = gram + values.T @ values, right + values.T @ np.eye(10)[train.y[rows]]
    gram.flat[:: len(gram) + 1] += 1e-9 * len(train.x)  # pixels that are always 0 have no weight
    weights = np.linalg.solve(gram, right)
    return sum(
        int(((columns(part) @ weights).argmax(axis=1) != test.y[rows]).sum())
        for rows, part in chunks(test.x)
    )


def standardized(features, mean, spread, x):
    """Return all features with mean 0 and variance 1 over the training images, as float32."""
    parts = [((features(part) - mean) / spread).astype("float32") for _, part in chunks(x)]
    return np.concatenate(parts)


def softmax_errors(x, y, x_test, y_test, rate, epochs, seed):
    """Return how many images a softmax on these features reads wrong."""
    model = Sequential([Dense(10, input_shape=(x.shape[1],))], dtype="float32", rng=seed)
    schedule = smnn.cosine_decay(rate, steps=epochs * -(-len(x) // BATCH))
    fit(
        model, x, y, optimizer=Adam(schedule), epochs=epochs, batch_size=BATCH, rng=seed,
        progress=False,
    )  # fmt: skip
    return int((model.predict(x_test).argmax(axis=1) != y_test).sum())


def data_of(quick):
    """Return images to train on, shuffled, and to test with."""
    if not quick:
        everything, test = smnn.load_mnist(progress=False)
        order = np.random.default_rng(0).permutation(len(everything.x))
        return dataclasses.replace(everything, x=everything.x[order], y=everything.y[order]), test
    few, rest = smnn.load_mnist_subset().split(4700, rng=0)
    return few, rest.split(4600, rng=0)[0]


def measure(*, quick=False):
    """Return errors on test images; ``quick``: of few images and components, and one seed."""
    train, test = data_of(quick)
    rates, epochs, seeds = (RATES[:1], 1, SEEDS[:1]) if quick else (RATES, EPOCHS, SEEDS)
    held_out = len(train.x) // 6
    features = Features(train.x, 6 if quick else COMPONENTS)
    linear = {name: least_squares_errors(of, train, test) for name, of in features.of.items()}
    gaussian = QuadraticDiscriminantAnalysis(reg_param=1e-6)
    gaussian.fit(features.centered(train.x), train.y)
    softmax = {}
    for name in ("pixels", "40 projections", "both, centered"):
        of = features.of[name]
        mean, spread = moments(of, train.x[:-held_out])
        x = standardized(of, mean, spread, train.x)

        def quality(rate, x=x):
            some, others = slice(None, -held_out), slice(-held_out, None)
            return softmax_errors(
                x[some], train.y[some], x[others], train.y[others], rate, epochs, seeds[0]
            )

        rate = rates[0] if len(rates) == 1 else min(rates, key=quality)
        x_test = standardized(of, mean, spread, test.x)
        found = [
            softmax_errors(x, train.y, x_test, test.y, rate, epochs, 1000 + seed) for seed in seeds
        ]
        softmax[name] = {"rate": rate, "errors": found}
    return {
        "images": len(train.x), "test": len(test.x), "epochs": epochs, "seeds": len(seeds),
        "variance": round(float(features.pca.explained_variance_ratio_.sum()), 4),
        "least_squares": linear,
        "gaussian": int((gaussian.predict(features.centered(test.x)) != test.y).sum()),
        "softmax": softmax,
    }  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
