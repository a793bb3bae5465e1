"""Features from images without labels, against the number of labels, for "Features first".

    SMNN_DATA=… python -m experiments.stacked_autoencoder

Two denoising autoencoders with tied weights, 784-196 and 196-64, learn one after the other from
20,000 images of MNIST whose labels nobody looks at.  Then few of these images get labels, as many
of each class, and eight ways to learn from them are compared.

Five are a softmax on something frozen: the pixels, 64 principal components, the 64 codes, and the
64 numbers that the same network gives with random weights.  All are centered and divided by one
number, so that their mean square is 1, by the images without labels; *random, as it is* leaves that
out.  Four are a network 784-196-64-10 that is trained whole: from the weights of the autoencoders,
from random weights, and with ReLU from random weights.

Every way makes the same number of steps with Adam, with the best of three rates on validation
images, which the first seed chooses for each number of labels; other seeds give the results.  A
seed sets the weights, the noise, and which images have labels.  The test images are read once by
every model that counts.

The result is kept in ``smnn_book/data/stacked_autoencoder.json``.
"""

import numpy as np
from sklearn.decomposition import PCA
from tqdm import tqdm

import smnn
from smnn import Adam, Dense, Sequential, fit
from smnn_book.features import TiedAutoencoder

from . import keep
from .frozen_head import of_each_class

LABELS, SEEDS, UNITS, NOISE = (100, 500, 2000, 10000), range(5), (196, 64), 0.2
BATCH, STEPS, EPOCHS = 50, 600, 6
RATES_OF_HEADS, RATES_OF_NETWORKS = (0.003, 0.01, 0.03), (0.001, 0.003, 0.01)
WAYS = {
    "pixels": RATES_OF_HEADS,
    "principal components": RATES_OF_HEADS,
    "random": RATES_OF_HEADS,
    "random, as it is": RATES_OF_HEADS,
    "codes": RATES_OF_HEADS,
    "fine-tuned": RATES_OF_NETWORKS,
    "from scratch": RATES_OF_NETWORKS,
    "from scratch, ReLU": RATES_OF_NETWORKS,
}


def layers(activation="sigmoid"):
    """Return the hidden layers, with random weights."""
    return [Dense(units, activation) for units in UNITS]


class Task:
    """Images in four parts, and what a seed has learned from those without labels."""

    def __init__(self, x, y, n_validation, test, epochs, steps):
        self.validation = x[:n_validation], y[:n_validation]
        self.x, self.y = x[n_validation:], y[n_validation:]
        self.test, self.epochs, self.steps = test, epochs, steps
        self.states, self.views = {}, {}
        self.pca = PCA(UNITS[-1], svd_solver="covariance_eigh").fit(self.x)

    def pretrained(self, seed):
        """Return weights and biases of the encoders, trained one after the other."""
        if seed not in self.states:
            codes, state = self.x, []
            for units in UNITS:
                layer = TiedAutoencoder(units, noise=NOISE, input_shape=(codes.shape[1],))
                model = Sequential([layer], dtype="float32", rng=seed)
                fit(
                    model, codes, codes, loss="binary_cross_entropy", optimizer=Adam(0.003),
                    epochs=self.epochs, batch_size=100, rng=seed, progress=False,
                )  # fmt: skip
                state.append((layer.params["W"], layer.params["b"]))
                codes = layer.encode(codes)
            self.states[seed] = state
        return self.states[seed]

    def network(self, way, seed):
        """Return the hidden layers as a model, with the weights that the way begins with."""
        activation = "relu" if "ReLU" in way else "sigmoid"
        body = Sequential(layers(activation), dtype="float32", input_shape=(784,), rng=seed)
        if way in ("codes", "fine-tuned"):
            for layer, (W, b) in zip(body.layers, self.pretrained(seed), strict=True):
                layer.params["W"][...], layer.params["b"][...] = W, b
        return body

    def view(self, way, seed):
        """Return what the softmax sees of images: a function, centered and scaled by one number."""
        if (way, seed) not in self.views:
            self.views[way, seed] = self._view(way, seed)
        return self.views[way, seed]

    def _view(self, way, seed):
        if way == "pixels":
            see = np.asarray
        elif way == "principal components":
            see = self.pca.transform
        else:
            see = self.network(way, seed).predict
            if way == "random, as it is":
                return see
        features = see(self.x)
        mean = features.mean(axis=0)
        scale = np.sqrt(np.mean((features - mean) ** 2))
        return lambda x: (see(x) - mean) / scale

    def errors(self, way, count, rate, seed, part):
        """Return the share of images that one way to learn from so many labels reads wrong."""
        rng = np.random.default_rng(seed)
        rows = of_each_class(self.y, count, rng)
        see, model = (lambda x: x), Sequential([Dense(10)], dtype="float32", rng=seed)
        if WAYS[way] is RATES_OF_HEADS:
            see = self.view(way, seed)
        else:
            body = self.network(way, seed)
            model = Sequential([*body.layers, Dense(10)], dtype="float32", rng=seed)
        x, y = see(self.x[rows]), self.y[rows]

        def batches():
            done = 0
            while done < self.steps:
                for batch in smnn.minibatches(x, y, min(BATCH, len(x)), rng=rng):
                    if done < self.steps:
                        yield batch
                        done += 1

        schedule = smnn.cosine_decay(rate, steps=self.steps)
        fit(model, batches, optimizer=Adam(schedule), epochs=1, progress=False)
        return 1 - smnn.accuracy(part[1], model.predict(see(part[0])))


def task_of(quick):
    """Return the task, on all of MNIST or on a few of its images."""
    if quick:
        x, y = smnn.load_mnist_subset()
        rows = np.random.default_rng(0).permutation(5000)
        x, y = x[rows], y[rows]
        return Task(x[:500], y[:500], 100, (x[500:600], y[500:600]), epochs=1, steps=2)
    everything, test = smnn.load_mnist(progress=False)
    rows = np.random.default_rng(0).permutation(60000)[:22000]
    x, y = everything.x[rows], everything.y[rows]
    return Task(x, y, 2000, tuple(test), epochs=EPOCHS, steps=STEPS)


def measure(*, quick=False):
    """Return test errors by way and labels; ``quick``: of few images and steps, and one seed."""
    task = task_of(quick)
    seeds, rates_of = (SEEDS[:1], slice(1)) if quick else (SEEDS, slice(None))
    results = {way: {} for way in WAYS}
    for way, count in tqdm([(way, count) for way in WAYS for count in LABELS], disable=None):

        def quality(rate, way=way, count=count):
            return task.errors(way, count, rate, seeds[0], task.validation)

        rates = WAYS[way][rates_of]
        rate = rates[0] if len(rates) == 1 else min(rates, key=quality)
        found = [task.errors(way, count, rate, 1000 + seed, task.test) for seed in seeds]
        results[way][str(count)] = {"rate": rate, "error": [round(e, 4) for e in found]}
    return {"seeds": len(seeds), "steps": task.steps, "unlabeled": len(task.x),
            "ways": results}  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
