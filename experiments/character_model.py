"""Train recurrent networks to foresee the next character, and hold them to counts.

    SMNN_DATA=… python -m experiments.character_model

The text is NumPy's docstrings (see ``smnn_book.characters``).  A network looks up a vector for
each character, has 128 recurrent units and a score for every character, and learns from 500
batches of 32 pieces of 32 characters.  The rate of each is the best of three on validation data
after 150 batches.  Then five seeds are run, and the test text is read once per seed.  A network
starts every piece with an empty state; losses are those of pieces of 256 characters.

After that, one run of each on tiny Shakespeare, whose text lies in ``text/tinyshakespeare.txt``
in the folder that ``SMNN_DATA`` names.  The last tenth of it is for validation, and there is no
test.  Its counts are kept with it, since the chapter does not have the text.

The result is kept in ``smnn_book/data/character_model.json``.
"""

import os
from pathlib import Path

import numpy as np

import smnn
from smnn_book.characters import Characters, docstring_characters, ngram_probabilities

from . import keep

UNITS, BATCH, STEPS, UPDATES, EVERY, SEEDS = 128, 32, 32, 500, 50, 5
RATES = [0.002, 0.005, 0.01]
NETWORKS = {"tanh RNN": smnn.SimpleRNN, "LSTM": smnn.LSTM}


def loss(model, text, piece=256):
    """Return the mean cross-entropy in nats, over as many whole pieces as there are."""
    count = (len(text) - 1) // piece
    x, y = (text[k : k + count * piece].reshape(count, piece) for k in (0, 1))
    total = sum(
        smnn.cross_entropy(model(x[i : i + 32]), y[i : i + 32]) * len(x[i : i + 32])
        for i in range(0, count, 32)
    )
    return float(f"{total / count:.4g}")


def train(layer, rate, seed, updates, text):
    """Return the trained model and its losses on the validation text on the way."""
    size = len(text.letters)
    model = smnn.Sequential(
        [smnn.Embedding(size, size), layer(UNITS, return_sequences=True), smnn.Dense(size)],
        input_shape=(STEPS,), dtype="float32", rng=seed,
    )  # fmt: skip
    optimizer, rng = smnn.Adam(rate), np.random.default_rng([seed, 1])
    glimpse = text.validation[: 256 * 64 + 1]
    losses = [loss(model, glimpse)]
    for update in range(1, updates + 1):
        starts = rng.integers(len(text.train) - STEPS, size=(BATCH, 1))
        pieces = text.train[starts + np.arange(STEPS + 1)]
        logits, backward = model.forward(pieces[:, :-1], training=True, input_gradient=False)
        _, dlogits = smnn.softmax_cross_entropy(logits, pieces[:, 1:])
        _, gradients = backward(dlogits)
        smnn.clip_gradients(gradients, 1.0)
        optimizer.step(model.params, gradients)
        if update % EVERY == 0:
            losses.append(loss(model, glimpse))
    return model, losses


def written(model, text, seed):
    """Return what a model writes after "the ", at temperature 0.7."""
    places = smnn.generate(model, text.encode("the "), 150, temperature=0.7, rng=seed)
    return text.decode(np.ravel(places))


def counts(text, judged):
    """Return the losses of n-grams in nats, each with the strength that validation prefers."""
    size, losses = len(text.letters), {}
    for n in range(1, 7):
        of_strength = {
            s: -np.log(ngram_probabilities(text.train, text.validation, n, size, s)).mean()
            for s in (1, 3, 10, 30)
        }
        best = min(of_strength, key=of_strength.get)
        p = ngram_probabilities(text.train, judged, n, size, best)
        losses[str(n)] = float(f"{-np.log(p).mean():.4g}")
    return losses


def shakespeare():
    text = Path(os.environ["SMNN_DATA"], "text", "tinyshakespeare.txt").read_text(encoding="utf-8")
    cut = len(text) * 9 // 10
    return Characters(text[:cut], text[cut:], "")


def measure(*, quick=False):
    """Return losses and a sample; ``quick``: few updates, and on docstrings only."""
    updates, seeds, rates = (2, 1, RATES[:1]) if quick else (UPDATES, SEEDS, RATES)
    text, results = docstring_characters(), {}
    if quick:
        text.train, text.validation = text.train[:2000], text.validation[:600]
        text.test = text.test[:600]
    for name, layer in NETWORKS.items():
        tried = [train(layer, rate, 100, 3 * updates // 10, text)[1][-1] for rate in rates]
        rate = rates[int(np.argmin(tried))]
        runs = []
        for seed in range(seeds):
            model, losses = train(layer, rate, seed, updates, text)
            runs.append({"validation": losses, "test": loss(model, text.test)})
        results[name] = {
            "rate": rate, "tried": tried, "runs": runs, "writes": written(model, text, 0)
        }  # fmt: skip
    other = text if quick else shakespeare()
    plays = {"counts": counts(other, other.validation), "networks": {}}
    for name, layer in NETWORKS.items():
        model, losses = train(layer, results[name]["rate"], 0, updates, other)
        plays["networks"][name] = {
            "validation": losses, "whole validation": loss(model, other.validation),
            "writes": written(model, other, 0) if not quick else "",
        }  # fmt: skip
    return {
        "units": UNITS, "batch": BATCH, "steps": STEPS, "every": EVERY, "rates": rates,
        "letters": len(text.letters), "counts": counts(text, text.test), "networks": results,
        "tiny Shakespeare": {"letters": len(other.letters), **plays},
    }  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
