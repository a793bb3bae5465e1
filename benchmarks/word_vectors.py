"""A step of word vectors on the King James text: every loss, beside full softmax and gensim.

    SMNN_DATA=folder python -m benchmarks.word_vectors

A pair is a word and one of its neighbors, which is to be predicted.  A step is the loss of 8,192
pairs, the gradients of the rows that they touch on both sides, and gradient descent on these
rows: float32, one thread.  Words that occur at least ten times are the vocabulary.

gensim takes the sentences, which it turns into the same pairs, in one call to its compiled loop:
its fastest form, without its queue of jobs, and without the value of its loss.  It changes the
vectors after every pair and smnn after every step.  Compared is the time per pair.
"""

import argparse
import json
import os
import re
from collections import Counter
from itertools import cycle
from pathlib import Path

from benchmarks import machine

os.environ.update(machine.thread_environment(1))
machine.pin_to_processors(1)

import numpy as np  # noqa: E402  (libraries read their threads when they are loaded)

import smnn  # noqa: E402
from benchmarks.timing import race, summary  # noqa: E402
from smnn_book import results_folder  # noqa: E402

PAIRS, DIM, WINDOW, NEGATIVE, LEAST_COUNT = 8192, 50, 4, 5, 10
LEARNING_RATE = np.float32(0.025)
RESULT = results_folder() / "word_vectors.json"
GOAL_OVER_SOFTMAX, GOAL_OVER_GENSIM = 50, 1


def read_sentences(path):
    """Return the lines as lists of words of the vocabulary, and the counts of these words."""
    lines = [re.findall(r"[a-z]+", line.lower()) for line in path.open(encoding="utf-8")]
    counts = Counter(word for line in lines for word in line)
    counts = {word: n for word, n in counts.most_common() if n >= LEAST_COUNT}
    lines = [[word for word in line if word in counts] for line in lines]
    return [line for line in lines if len(line) > 1], counts


def pairs_of(length):
    """Return the positions of the pairs of a sentence: a word, and a neighbor within the window."""
    centers, others = np.divmod(np.arange(length * length), length)
    near = (abs(centers - others) <= WINDOW) & (centers != others)
    return centers[near], others[near]


def make_batches(sentences, number):
    """Return arrays of inputs and targets of PAIRS pairs each, in the order of the text."""
    inputs, targets = [], []
    found = 0
    for sentence in sentences:
        centers, others = pairs_of(len(sentence))
        inputs.append(sentence[others])
        targets.append(sentence[centers])
        found += len(centers)
        if found >= number * PAIRS:
            break
    inputs, targets = np.concatenate(inputs), np.concatenate(targets)
    return [
        (inputs[start : start + PAIRS], targets[start : start + PAIRS])
        for start in range(0, len(inputs) - PAIRS + 1, PAIRS)
    ]


def smnn_steps(counts, batches):
    """Return a function for each loss that makes the next step."""
    rng = np.random.default_rng(0)
    classes = len(counts)
    noise = smnn.UnigramSampler(counts)
    first = ((rng.random((classes, DIM)) - 0.5) / DIM).astype(np.float32)

    def descend(W, rows, values):
        values *= LEARNING_RATE
        W[rows] -= values

    def sampled(loss):
        E, W, turn = first.copy(), np.zeros_like(first), cycle(batches)

        def step():
            x, y = next(turn)
            h = E.take(x, axis=0)
            _, (dh, (rows, dW), _) = loss(h, W, y, noise=noise, k=NEGATIVE, rng=rng)
            descend(W, rows, dW)
            descend(E, *smnn.sum_rows(x, dh))

        return step

    def hierarchical():
        E, turn = first.copy(), cycle(batches)
        tree = smnn.HierarchicalSoftmax.from_counts(counts, DIM, rng=0)
        tree.params["W"] = W = np.zeros((classes - 1, DIM), np.float32)

        def step():
            x, y = next(turn)
            _, grads, dh = tree.loss(E.take(x, axis=0), y)
            descend(W, *grads["W"])
            descend(E, *smnn.sum_rows(x, dh))

        return step

    def full():
        E, W, turn = first.copy(), np.zeros((DIM, classes), np.float32), cycle(batches)

        def step():
            x, y = next(turn)
            _, (dh, dW, _) = smnn.linear_cross_entropy(E.take(x, axis=0), W, y)
            np.multiply(dW, LEARNING_RATE, out=dW)
            np.subtract(W, dW, out=W)
            descend(E, *smnn.sum_rows(x, dh))

        return step

    return {
        "negative sampling": sampled(smnn.negative_sampling_loss),
        "NCE": sampled(smnn.nce_loss),
        "sampled softmax": sampled(smnn.sampled_softmax_loss),
        "hierarchical softmax": hierarchical(),
        "full softmax": full(),
    }


def gensim_steps(sentences):
    """Return the same for gensim, and the pairs of a call."""
    try:
        from gensim.models import Word2Vec
        from gensim.models.word2vec_inner import MAX_WORDS_IN_BATCH, train_batch_sg
    except ImportError:
        print("gensim is not installed: smnn runs alone")
        return {}, 1
    batches, pairs = [[]], [0]
    for sentence in sentences:
        if pairs[-1] >= PAIRS:
            batches.append([])
            pairs.append(0)
        batches[-1].append(sentence)
        pairs[-1] += len(pairs_of(len(sentence))[0])
    if max(sum(map(len, batch)) for batch in batches) > MAX_WORDS_IN_BATCH:
        raise ValueError("gensim would leave words of a batch out")
    pairs_per_call = float(np.mean(pairs[:-1]))

    def trainer(**options):
        model = Word2Vec(
            vector_size=DIM, window=WINDOW, sg=1, min_count=1, workers=1, sample=0,
            shrink_windows=False, seed=0, **options,
        )  # fmt: skip
        model.build_vocab(sentences)
        scratch = model._get_thread_working_mem()[0]
        turn = cycle(batches[:-1])
        return lambda: train_batch_sg(model, next(turn), float(LEARNING_RATE), scratch, False)

    return {
        "negative sampling": trainer(hs=0, negative=NEGATIVE),
        "hierarchical softmax": trainer(hs=1, negative=0),
    }, pairs_per_call


def measure(path, budget_seconds):
    sentences, counts = read_sentences(path)
    number = {word: place for place, word in enumerate(counts)}
    numbered = [np.array([number[word] for word in sentence]) for sentence in sentences]
    batches = make_batches(numbered, 200)
    ours = smnn_steps(np.array(list(counts.values())), batches)
    theirs, pairs_per_call = gensim_steps(sentences[:20_000])
    functions = {f"smnn {name}": step for name, step in ours.items()}
    functions |= {f"gensim {name}": step for name, step in theirs.items()}
    for function in functions.values():
        function()
    seconds = race(functions, budget_seconds)
    pairs = {name: PAIRS if name.startswith("smnn") else pairs_per_call for name in functions}
    return {
        "machine": machine.describe(),
        "words": sum(counts.values()),
        "vocabulary": len(counts),
        "pairs_per_step": PAIRS,
        "dim": DIM,
        "negative": NEGATIVE,
        "nanoseconds_per_pair": {
            name: {which: 1e9 * value / pairs[name] for which, value in summary(times).items()}
            for name, times in seconds.items()
        },
    }


def report(record):
    """Return the table, with what was asked for."""
    per_pair = {name: entry["best"] for name, entry in record["nanoseconds_per_pair"].items()}
    full = per_pair["smnn full softmax"]
    lines = [
        f"{record['vocabulary']:,} words, {record['words']:,} tokens, dim {record['dim']}, "
        f"steps of {record['pairs_per_step']:,} pairs, best of the rounds",
        f"{'':30}{'ns per pair':>12}{'pairs per s':>13}{'of softmax':>12}{'of gensim':>11}",
    ]
    for name, nanoseconds in per_pair.items():
        library, _, loss = name.partition(" ")
        peer = per_pair.get(f"gensim {loss}") if library == "smnn" else None
        lines.append(
            f"{name:30}{nanoseconds:12,.0f}{1e9 / nanoseconds:13,.0f}{full / nanoseconds:11.1f}×"
            + (f"{peer / nanoseconds:10.2f}×" if peer else "")
        )
    for loss in ("negative sampling", "NCE", "hierarchical softmax"):
        ours, peer = per_pair[f"smnn {loss}"], per_pair.get(f"gensim {loss}")
        goals = [("full softmax", full / ours, GOAL_OVER_SOFTMAX)]
        if peer:
            goals.append(("gensim", peer / ours, GOAL_OVER_GENSIM))
        for other, reached, asked in goals:
            verdict = "met" if reached >= asked else "missed"
            lines.append(f"{loss}: {reached:.2f} times {other}: {verdict}, {asked} asked")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--budget", type=float, default=60, help="seconds for the race")
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    if "SMNN_DATA" not in os.environ:
        parser.error("set SMNN_DATA to the folder that holds text/kjv.txt")
    record = measure(Path(os.environ["SMNN_DATA"]) / "text" / "kjv.txt", arguments.budget)
    print(report(record))
    arguments.output.write_text(json.dumps(record, indent=1) + "\n")
    print(f"kept in {arguments.output}")


if __name__ == "__main__":
    main()
