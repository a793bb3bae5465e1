"""Six losses on the next word of NumPy's docstrings, for the chapter "Fifty thousand classes".

    python -m experiments.large_vocabulary

The model is the same for all: a vector h of the word before, with a constant 1, and a row of
weights for each word (or for each node of a tree).  Every loss sees the same pairs as often, with
Adagrad and batches of the same size.  The rate of each is chosen on the validation texts; the
test texts are read once, by five runs with this rate.
"""

import numpy as np

import smnn
from smnn_book.docstrings import Corpus, read_docstrings

from . import keep

LEAST_COUNT, DIM, BATCH, EPOCHS, K = 20, 32, 512, 1, 10
RATES, SEEDS = (0.1, 0.3, 1.0), 5


class Adagrad:
    """Gradient descent with a rate for each number; ``rows`` are those that have a gradient."""

    def __init__(self, W, rate):
        self.W, self.rate, self.squares = W, rate, np.zeros_like(W)

    def step(self, rows, gradient):
        """Change the rows of W in place."""
        squares = self.squares[rows] + gradient**2
        self.squares[rows] = squares
        self.W[rows] -= self.rate * gradient / np.sqrt(squares + 1e-10)


class Rows:
    """A row of weights per word, with one of the sampled losses or with full softmax."""

    def __init__(self, corpus, rate, rng, loss):
        self.loss, self.rng = loss, rng
        self.noise = smnn.UnigramSampler(corpus.counts)
        self.W = np.zeros((len(corpus.words), DIM + 1), np.float32)
        self.W[:, -1] = -np.log(len(self.W))
        self.optimizer = Adagrad(self.W, rate)

    def learn(self, h, y):
        """Make a step on the weights; return the gradient of h."""
        if self.loss is None:
            _, (dh, dW, _) = smnn.linear_cross_entropy(h, np.ascontiguousarray(self.W.T), y)
            self.optimizer.step(slice(None), dW.T)
        else:
            _, (dh, (rows, dW), _) = self.loss(h, self.W, y, noise=self.noise, k=K, rng=self.rng)
            self.optimizer.step(rows, dW)
        return dh

    def losses(self, h, y):
        """Return −log p of the words in each way to read the scores."""
        scores = h @ self.W.T
        each = np.arange(len(y)), y
        found = {"softmax(s)": -smnn.log_softmax(scores)[each]}
        if self.loss is smnn.nce_loss:
            found["exp(s)"] = -scores[each]
            found["sum of exp(s)"] = np.exp(smnn.logsumexp(scores))
        if self.loss is smnn.negative_sampling_loss:
            corrected = scores + np.log(self.noise.probs).astype(np.float32)
            found["softmax(s + log q)"] = -smnn.log_softmax(corrected)[each]
        return found


class Layer:
    """A tree, or an adaptive softmax."""

    def __init__(self, corpus, rate, rng, make):
        self.layer = make(corpus, rng)
        self.optimizers = {}
        for name, W in self.layer.params.items():
            W = self.layer.params[name] = W.astype(np.float32)
            self.optimizers[name] = Adagrad(W, rate)

    def learn(self, h, y):
        """Make a step on the weights; return the gradient of h."""
        _, grads, dh = self.layer.loss(h, y)
        for name, gradient in grads.items():
            rows, values = gradient if isinstance(gradient, tuple) else (slice(None), gradient)
            self.optimizers[name].step(rows, values)
        return dh

    def losses(self, h, y):
        """Return −log p of the words."""
        return {"p": -self.layer.log_prob(h)[np.arange(len(y)), y]}


def tree(corpus, rng):
    """Return Huffman's tree."""
    return smnn.HierarchicalSoftmax.from_counts(corpus.counts, DIM + 1, rng=rng)


def adaptive(corpus, rng):
    """Return an adaptive softmax with a short list of 400 words."""
    return smnn.AdaptiveSoftmax(DIM + 1, [400, len(corpus.words)], rng=rng)


METHODS = {
    "sampled softmax": (Rows, smnn.sampled_softmax_loss),
    "NCE": (Rows, smnn.nce_loss),
    "negative sampling": (Rows, smnn.negative_sampling_loss),
    "tree": (Layer, tree),
    "adaptive softmax": (Layer, adaptive),
    "full softmax": (Rows, None),
}


def with_one(E, x):
    """Return the vectors of the words x with a constant 1."""
    return np.concatenate([E[x], np.ones((len(x), 1), E.dtype)], axis=1)


def train(corpus, method, rate, seed):
    """Return a trained output and the vectors of the words."""
    rng = np.random.default_rng(seed)
    make, argument = METHODS[method]
    output = make(corpus, rate, rng, argument)
    E = rng.normal(scale=0.1, size=(len(corpus.words), DIM)).astype(np.float32)
    inputs = Adagrad(E, rate)
    for _ in range(EPOCHS):
        order = rng.permutation(len(corpus.train[0]))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            x, y = (part[order[start : start + BATCH]] for part in corpus.train)
            dh = output.learn(with_one(E, x), y)
            inputs.step(*smnn.sum_rows(x, np.ascontiguousarray(dh[:, :DIM])))
    return output, E


def evaluate(output, E, pairs):
    """Return the mean over the pairs of everything that the output reports."""
    sums, (x, y) = {}, pairs
    for start in range(0, len(x), 2048):
        some = slice(start, start + 2048)
        for name, values in output.losses(with_one(E, x[some]), y[some]).items():
            sums[name] = sums.get(name, 0.0) + float(values.sum(dtype=np.float64))
    return {name: total / len(x) for name, total in sums.items()}


def measure(*, quick=False):
    """Return the losses of every method on the test texts; ``quick``: after four batches."""
    smnn.set_num_threads(1)
    corpus = Corpus(read_docstrings("numpy"), LEAST_COUNT)
    rates, seeds = (RATES[:1], 1) if quick else (RATES, SEEDS)
    if quick:
        for name in ("train", "validation", "test"):
            setattr(corpus, name, tuple(part[: 4 * BATCH] for part in getattr(corpus, name)))
    p = corpus.counts / corpus.counts.sum()
    results = {
        "numpy": np.__version__,
        "classes": len(p),
        "pairs": [len(part[0]) for part in (corpus.train, corpus.validation, corpus.test)],
        "unigram": float(-np.log(p[corpus.test[1]]).mean()),
        "rates": {},
        "test": {},
    }
    for method in METHODS:
        on_validation = []
        for rate in rates:
            found = evaluate(*train(corpus, method, rate, seed=100), corpus.validation)
            found.pop("sum of exp(s)", None)
            on_validation.append(min(found.values()))
        rate = rates[int(np.argmin(on_validation))]
        results["rates"][method] = rate
        runs = [evaluate(*train(corpus, method, rate, s), corpus.test) for s in range(seeds)]
        results["test"][method] = {name: [run[name] for run in runs] for name in runs[0]}
    return results


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
