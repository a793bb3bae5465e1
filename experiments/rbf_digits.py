"""A thousand Gaussians read handwritten digits, for the chapter "Older relatives".

    SMNN_DATA=... python -m experiments.rbf_digits

The network of 1998: 1,000 Gaussian bumps on the pixels, ten linear outputs by least squares.  The
bumps stand where five rounds of k-means put a hundred for each digit, or on a hundred random
images of each digit.  All have one width.  It is a multiple of the root mean square distance
between an image and the nearest bump, which is chosen for each kind of bumps on 10,000 validation
images after a fit to 20,000 others (first seed).  Five seeds then learn all 60,000 images, and the
10,000 test images are read once by each.  With ``quick``, the small digits of scikit-learn serve.

The result is kept in ``smnn_book/data/rbf_digits.json``: for both kinds of bumps the chosen
multiple, the validation error of every multiple, and the test errors, in percent.
"""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances
from tqdm import tqdm

import smnn

from . import keep

PER_CLASS, SEEDS, MULTIPLES = 100, 5, (0.5, 1.0, 2.0, 4.0)


def images(quick):
    """Return images and labels to learn from and to test with."""
    if quick:
        train, test = smnn.load_digits().split(360, rng=0)
    else:
        train, test = smnn.load_mnist()
    return [(np.asarray(part.x, np.float32), part.y) for part in (train, test)]


def centers(kind, x, y, seed, per_class):
    """Return as many bumps for each digit, on random images or in the means of clusters."""
    rng, found = np.random.default_rng(seed), []
    for digit in range(10):
        own = x[y == digit]
        first = own[rng.choice(len(own), per_class, replace=False)]
        if kind == "k-means":
            first = KMeans(per_class, init=first, n_init=1, max_iter=5).fit(own).cluster_centers_
        found.append(first)
    return np.concatenate(found)


def squared(x, c):
    """Return the squared distances between images and bumps."""
    return pairwise_distances(x, c, metric="sqeuclidean")


def bumps(distances, scale):
    """Return the outputs of the Gaussians, and a 1 for the bias."""
    return np.append(np.exp(distances / (-2 * scale)), np.ones((len(distances), 1), "f4"), axis=1)


def least_squares(features, y):
    """Return the weights of the linear outputs, from the normal equations."""
    gram = (features.T @ features).astype(float)
    gram[np.diag_indices_from(gram)] += 1e-6 * len(features)  # or close bumps make it singular
    return np.linalg.solve(gram, features.T @ smnn.one_hot(y, 10)).astype(np.float32)


def error(weights, features, y):
    """Return the share of wrong answers in percent."""
    return round(100 * float(((features @ weights).argmax(axis=1) != y).mean()), 3)


def measure(*, quick=False):
    """Return the errors of both kinds of bumps; ``quick``: on few images, with two seeds."""
    (x, y), test = images(quick)
    per_class, seeds = (5, 2) if quick else (PER_CLASS, SEEDS)
    order = np.random.default_rng(0).permutation(len(x))
    learn, choose = (order[:700], order[700:]) if quick else (order[:20_000], order[20_000:30_000])
    results = {}
    for kind in ("random images", "k-means"):
        c = centers(kind, x[learn], y[learn], 0, per_class)
        near, far = squared(x[learn], c), squared(x[choose], c)
        nearest, tried = float(near.min(axis=1).mean()), {}
        for multiple in MULTIPLES:
            weights = least_squares(bumps(near, multiple**2 * nearest), y[learn])
            tried[str(multiple)] = error(weights, bumps(far, multiple**2 * nearest), y[choose])
        best = min(MULTIPLES, key=lambda multiple: tried[str(multiple)])
        errors = []
        for seed in tqdm(range(seeds), desc=kind, disable=None):
            c = centers(kind, x, y, seed, per_class)
            near = squared(x, c)
            scale = best**2 * float(near.min(axis=1).mean())
            weights = least_squares(bumps(near, scale), y)
            errors.append(error(weights, bumps(squared(test[0], c), scale), test[1]))
        results[kind] = {"multiple": best, "validation_error": tried, "test_error": errors}
    return {"bumps": 10 * per_class, "images": len(x), "tests": len(test[1]), "kinds": results}


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
