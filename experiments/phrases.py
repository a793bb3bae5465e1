"""Read phrases whose words alone say nothing: bags of words, a GRU and a recursive network.

    python -m experiments.phrases

800 phrases of depth 1 to 3 are for training, all with their parts, so that every method learns
from the same labeled spans: bags of words and of pairs of words by softmax regression, a GRU that
reads words and brackets, and a recursive network on the trees.  The test has 300 pairs of twins,
the same words and opposite labels, of each of three depths.  Each method has 16 units where it
has units, and 20 epochs; its rate is the best of three on 150 pairs of depth 3.  Five seeds
set phrases, weights and order.

The result is kept in ``smnn_book/data/phrases.json``: for every method, the share of right roots
by depth and seed, in percent.
"""

import itertools

import numpy as np

import smnn
from smnn_book.phrases import (
    NUMBER,
    TOKENS,
    RecursiveNetwork,
    label,
    pairs,
    parts,
    random_phrase,
    tokens,
    words,
)

from . import keep

PHRASES, PAIRS, UNITS, EPOCHS, SEEDS = 800, 300, 16, 20, 5
RATES = [0.003, 0.01, 0.03]
DEPTHS = (3, 4, 6)


def bag(phrases, pairs_too=False):
    """Return how often every token, and every pair of neighbors, occurs in each phrase."""
    size = len(TOKENS)
    counts = np.zeros((len(phrases), size + size * size * pairs_too))
    for row, phrase in zip(counts, phrases, strict=True):
        numbers = [NUMBER[token] for token in tokens(phrase)]
        np.add.at(row, numbers, 1)
        if pairs_too:
            for one, other in itertools.pairwise(numbers):
                row[size * (1 + one) + other] += 1
    return counts


def sequences(phrases):
    """Return the numbers of the tokens, padded, and the lengths."""
    rows = [[NUMBER[token] for token in tokens(phrase)] for phrase in phrases]
    lengths = np.array([len(row) for row in rows])
    x = np.zeros((len(rows), lengths.max()), dtype=np.int64)
    for line, row in zip(x, rows, strict=True):
        line[: len(row)] = row
    return x, lengths


def learn_bag(pairs_too):
    def learn(phrases, rate, epochs, seed):
        spans = [part for phrase in phrases for part in parts(phrase)]
        model = smnn.Sequential([smnn.Dense(3)], rng=seed)
        smnn.fit(
            model, bag(spans, pairs_too), [label(span) for span in spans],
            optimizer=smnn.Adam(rate), epochs=epochs, batch_size=100, rng=seed, progress=False,
        )  # fmt: skip
        return lambda phrases: model.predict(bag(phrases, pairs_too)).argmax(axis=1)

    return learn


def learn_gru(phrases, rate, epochs, seed):
    spans = [part for phrase in phrases for part in parts(phrase)]
    layers = [smnn.Embedding(len(TOKENS), UNITS), smnn.GRU(UNITS), smnn.Dense(3)]
    model = smnn.Sequential(layers, dtype="float32", rng=seed)
    x, lengths = sequences(spans)
    smnn.fit(
        model, x, [label(span) for span in spans], lengths=lengths, optimizer=smnn.Adam(rate),
        epochs=epochs, batch_size=100, clip_norm=1.0, rng=seed, progress=False,
    )  # fmt: skip

    def answer(phrases):
        x, lengths = sequences(phrases)
        return model.predict(x, lengths=lengths).argmax(axis=1)

    return answer


def learn_recursive(phrases, rate, epochs, seed):
    network = RecursiveNetwork(UNITS, rng=seed)
    network.fit(phrases, rate=rate, epochs=epochs, rng=seed, batch=15)
    return network.predict


METHODS = {
    "bag of words": learn_bag(False),
    "words and pairs": learn_bag(True),
    "GRU": learn_gru,
    "recursive network": learn_recursive,
}


def right(answer, phrases):
    """Return the percentage of phrases whose root gets its label."""
    return round(100 * float(np.mean(answer(phrases) == [label(p) for p in phrases])), 2)


def training_phrases(number, rng):
    return [random_phrase(1 + k % 3, rng) for k in range(number)]


def measure(*, quick=False):
    """Return the right roots by method, depth and seed; ``quick``: after an epoch on few."""
    n, n_pairs, epochs, seeds = (40, 10, 1, 1) if quick else (PHRASES, PAIRS, EPOCHS, SEEDS)
    rates = RATES[:1] if quick else RATES
    chosen, tried = {}, {}
    for name, learn in METHODS.items():
        rng = np.random.default_rng(100)
        phrases = training_phrases(n, rng)
        held_out = pairs(n_pairs // 2, 3, rng, without=phrases)
        tried[name] = [right(learn(phrases, rate, epochs, 100), held_out) for rate in rates]
        chosen[name] = rates[int(np.argmax(tried[name]))]
    results = {name: {str(depth): [] for depth in DEPTHS} for name in METHODS}
    sizes = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        phrases = training_phrases(n, rng)
        tests = {depth: pairs(n_pairs, depth, rng, without=phrases) for depth in DEPTHS}
        sizes.append(sum(len(parts(phrase)) for phrase in phrases))
        for name, learn in METHODS.items():
            answer = learn(phrases, chosen[name], epochs, seed)
            for depth, test in tests.items():
                results[name][str(depth)].append(right(answer, test))
    lengths = {str(d): float(np.mean([len(words(p)) for p in tests[d]])) for d in DEPTHS}
    return {
        "rates": rates, "chosen": chosen, "tried": tried, "right": results,
        "spans": sizes, "words": lengths,
    }  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
