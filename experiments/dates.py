"""Write dates of seven languages in ISO form: with attention, with uniform attention, and unseen.

    python -m experiments.dates

``smnn_book/dates.py`` says what a date and its reader are.  The rival has the same weights, but
every query is 0, so that it takes the mean of all states.  Each learns from 8,000 dates in 600
batches of 64.  Its rate is the best of three on validation dates, of one seed that is not used
again.  Then five seeds are run, and each writes the 1,000 dates of the test once.

After that, one language is left out: the reader with attention learns from the other six, with the
rate found before and 300 batches, and writes 500 validation dates of the seventh.  Five seeds for
each language.

The result is kept in ``smnn_book/data/dates.json``, with shares of dates of which every symbol
is right.
"""

import numpy as np

from smnn_book.dates import (
    LANGUAGES,
    DateReader,
    alphabet_of,
    as_numbers,
    as_symbols,
    dates_in_words,
    exact,
    train_reader,
)

from . import keep

TRAIN, JUDGED, STEPS, EVERY, SEEDS, RATES = 8000, 1000, 600, 50, 5, [0.003, 0.006, 0.012]


def encoded(texts, dates, alphabet):
    return (*as_numbers(texts, alphabet), as_symbols(dates))


def run(data, symbols, *, uniform, rate, steps, seed, watch=None):
    """Return a trained reader and the shares of exact dates on the way."""
    reader = DateReader(symbols, uniform=uniform, rng=seed)
    shares = train_reader(
        reader, data, rate=rate, steps=steps, seed=seed, watch=watch, every=min(EVERY, steps)
    )
    return reader, shares


def measure(*, quick=False):
    """Return shares of exact dates; ``quick``: a few steps."""
    size, judged, steps, seeds, rates = (
        (100, 20, 2, 1, RATES[:1]) if quick else (TRAIN, JUDGED, STEPS, SEEDS, RATES)
    )
    parts = {
        part: dates_in_words(part, count, np.random.default_rng(k))
        for k, (part, count) in enumerate(
            (("train", size), ("validation", judged // 2), ("test", judged))
        )
    }
    alphabet = alphabet_of(parts["train"][0])
    train, validation, test = (encoded(*part, alphabet) for part in parts.values())
    symbols, rivals = len(alphabet) + 1, {}
    for name in ("attention", "uniform"):
        options = {"uniform": name == "uniform", "steps": steps}
        tried = [
            run(train, symbols, rate=rate, seed=100, watch=validation, **options)[1][-1]
            for rate in rates
        ]
        rate, runs = rates[int(np.argmax(tried))], []
        for seed in range(seeds):
            reader, shares = run(train, symbols, rate=rate, seed=seed, watch=validation, **options)
            right = reader.read(*test[:2]) == test[2]
            runs.append({
                "validation": shares, "test": exact(reader, test) / len(test[0]),
                "symbols": right.mean(axis=0).round(4).tolist(),
            })  # fmt: skip
        rivals[name] = {"rate": rate, "tried": tried, "runs": runs}
    left_out = {}
    for k, code in enumerate(LANGUAGES):
        others = tuple(other for other in LANGUAGES if other != code)
        texts, dates = dates_in_words("train", size, np.random.default_rng(10 + k), others)
        alone = dates_in_words("validation", judged // 2, np.random.default_rng(20 + k), (code,))
        alphabet = alphabet_of(texts)
        data, unknown = encoded(texts, dates, alphabet), encoded(*alone, alphabet)
        left_out[code] = []
        for seed in range(seeds):
            reader, _ = run(
                data, len(alphabet) + 1, uniform=False, rate=rivals["attention"]["rate"],
                steps=max(2, steps // 2), seed=seed,
            )  # fmt: skip
            left_out[code].append(exact(reader, unknown) / len(alone[0]))
    return {
        "train": size, "test": judged, "steps": steps, "every": min(EVERY, steps),
        "rates": rates, "rivals": rivals, "left out": left_out,
    }  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
