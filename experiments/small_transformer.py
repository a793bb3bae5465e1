"""Train small transformers to foresee the next character, on docstrings and on plays.

    SMNN_DATA=… python -m experiments.small_transformer

The model is that of ``smnn_book/language_model.py``: two blocks of width 64 with four heads, which
see 64 characters.  On NumPy's docstrings it gets what the recurrent networks of
``experiments/character_model.py`` got, 500 batches of 1,024 characters, here 16 pieces of 64.  One
rival starts with waves for its places and one at random.  The rate of each is the best of three on
validation text after 150 updates; then five seeds are run, and the test text is read once per
seed.  A piece is read with an overlap of one half, and the second half is judged, so that each
judged character has at least 32 before it.

On tiny Shakespeare (``text/tinyshakespeare.txt`` in the folder that ``SMNN_DATA`` names, last
tenth for validation, no test) one larger model of width 96 learns from 1,000 batches of 24
pieces, with a rate that was better than half of it.  There all characters of a piece are judged,
as in the program whose published figure is put beside it.  The seconds are those of the
processor, without the judging.

The result is kept in ``smnn_book/data/small_transformer.json``.
"""

from time import process_time

import numpy as np

import smnn
from smnn_book.characters import docstring_characters
from smnn_book.language_model import SmallTransformer, text_losses, train

from . import keep
from .character_model import shakespeare

UPDATES, BATCH, EVERY, SEEDS, RATES = 500, 16, 100, 5, [0.002, 0.005, 0.01]
PLAYS = {"width": 96, "updates": 1000, "batch": 24, "every": 50, "rate": 0.01}


def nats(losses):
    return float(f"{losses.mean():.4g}")


def written(model, text, prompt, seed):
    """Return what a model writes after a prompt, at temperature 0.7."""
    places = smnn.generate(model, text.encode(prompt), 200, temperature=0.7, rng=seed)
    return text.decode(places)


def run(text, *, waves, rate, updates, seed):
    """Return the trained model and its losses on the validation text on the way."""
    model = SmallTransformer(len(text.letters), waves=waves, rng=seed)
    glimpse, losses = text.validation[: 32 * 256], []
    train(
        model, text.train, rate=rate, updates=updates, batch=BATCH, seed=seed, every=EVERY,
        watch=lambda _: losses.append(nats(text_losses(model, glimpse, skip=32))),
    )  # fmt: skip
    return model, losses


def plays(text, prompt, *, width, updates, batch, every, rate):
    """Return the course of one longer run: updates, seconds, losses, and what it writes."""
    model = SmallTransformer(len(text.letters), width=width, rng=0)
    course, clock = {"updates": [], "seconds": [], "validation": []}, [0.0, process_time()]

    def watch(update):
        clock[0] += process_time() - clock[1]
        course["updates"].append(update)
        course["seconds"].append(round(clock[0], 1))
        course["validation"].append(nats(text_losses(model, text.validation[: 64 * 512])))
        clock[1] = process_time()

    train(
        model, text.train, rate=rate, updates=updates, batch=batch, seed=0, watch=watch,
        every=every,
    )  # fmt: skip
    return {
        "letters": len(text.letters), "weights": sum(v.size for v in model.params.values()),
        "batch": batch, "rate": rate, **course,
        "whole validation": nats(text_losses(model, text.validation)),
        "writes": written(model, text, prompt, 0),
    }  # fmt: skip


def measure(*, quick=False):
    """Return losses and samples; ``quick``: few updates, and on docstrings only."""
    updates, seeds, rates = (2, 1, RATES[:1]) if quick else (UPDATES, SEEDS, RATES)
    text = docstring_characters()
    if quick:
        text.train, text.validation = text.train[:2000], text.validation[:400]
        text.test = text.test[:400]
    rivals = {}
    for name in ("waves", "random"):
        options = {"waves": name == "waves"}
        tried = [
            run(text, rate=rate, updates=max(1, 3 * updates // 10), seed=100, **options)[1][-1]
            for rate in rates
        ]
        rate, runs = rates[int(np.argmin(tried))], []
        for seed in range(seeds):
            model, losses = run(text, rate=rate, updates=updates, seed=seed, **options)
            test = nats(text_losses(model, text.test, skip=32))
            runs.append({"validation": losses, "test": test})
        rivals[name] = {
            "rate": rate, "tried": tried, "runs": runs, "writes": written(model, text, "the ", 0)
        }  # fmt: skip
    settings = {**PLAYS, "width": 8, "updates": 2, "every": 1} if quick else PLAYS
    other, prompt = (text, "the ") if quick else (shakespeare(), "\n")
    return {
        "every": EVERY, "rates": rates,
        "weights": sum(value.size for value in model.params.values()),
        "docstrings": rivals,
        "tiny Shakespeare": plays(other, prompt, **settings),
    }  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
