"""Train recurrent networks to tell nine speakers apart, with and without the lengths.

    python -m experiments.japanese_vowels

Of the 30 utterances of each speaker that are for training, the last 6 are held out, and the rate
of each network is the best of three there, by the cross-entropy of one run.  Then five seeds are
trained on all 270 at that rate, and the 370 test utterances are classified once per seed, and
once by the mean of the probabilities of the five.  All networks have 32 units and 40 epochs.
Without lengths a network reads the zeros past the end of an utterance as if they were sound.

The result is kept in ``smnn_book/data/japanese_vowels.json``.
"""

import numpy as np

import smnn
from smnn_book.utterances import load_japanese_vowels

from . import keep

UNITS, EPOCHS, BATCH, SEEDS = 32, 40, 30, 5
RATES = [0.003, 0.01, 0.03]
NETWORKS = {
    "tanh RNN": (smnn.SimpleRNN, True),
    "GRU": (smnn.GRU, True),
    "LSTM": (smnn.LSTM, True),
    "LSTM without lengths": (smnn.LSTM, False),
}


def train(network, seed, rate, epochs, utterances):
    layer, has_lengths = network
    model = smnn.Sequential([layer(UNITS), smnn.Dense(9)], dtype="float32", rng=seed)
    smnn.fit(
        model, utterances.x, utterances.y,
        lengths=utterances.lengths if has_lengths else None,
        optimizer=smnn.Adam(rate), epochs=epochs, batch_size=BATCH, clip_norm=1.0, rng=seed,
        progress=False,
    )  # fmt: skip
    return model


def logits(model, network, utterances):
    return model.predict(utterances.x, lengths=utterances.lengths if network[1] else None)


def standardized(train, test):
    """Return both, with the mean 0 and the standard deviation 1 of all frames of the first."""
    frames = train.x[np.arange(train.x.shape[1]) < train.lengths[:, None]]
    mean, deviation = frames.mean(axis=0), frames.std(axis=0)
    inside = [np.arange(u.x.shape[1])[:, None] < u.lengths[:, None, None] for u in (train, test)]
    return tuple(
        u._replace(x=np.where(here, (u.x - mean) / deviation, 0))
        for u, here in zip((train, test), inside, strict=True)
    )


def measure(*, quick=False):
    """Return how many test utterances each network gets right; ``quick``: after an epoch."""
    epochs, seeds, rates = (1, 1, RATES[:1]) if quick else (EPOCHS, SEEDS, RATES)
    train_part, test = standardized(*load_japanese_vowels())
    held_out = np.concatenate([np.flatnonzero(train_part.y == k)[-6:] for k in range(9)])
    learned = np.setdiff1d(np.arange(len(train_part.y)), held_out)
    fitting, validation = (
        type(test)(*(part[rows] for part in train_part)) for rows in (learned, held_out)
    )
    results = {}
    for name, network in NETWORKS.items():
        losses = []
        for rate in rates:
            model = train(network, 100, rate, epochs, fitting)
            loss = smnn.cross_entropy(logits(model, network, validation), validation.y)
            losses.append(float(f"{loss:.3g}"))
        rate = rates[int(np.argmin(losses))]
        models = [train(network, seed, rate, epochs, train_part) for seed in range(seeds)]
        of_seeds = np.array([logits(model, network, test) for model in models])
        together = smnn.softmax(of_seeds).mean(axis=0)
        results[name] = {
            "rate": rate,
            "tried": losses,
            "right": (of_seeds.argmax(axis=2) == test.y).sum(axis=1).tolist(),
            "right together": int((together.argmax(axis=1) == test.y).sum()),
        }
    return {"test utterances": len(test.y), "rates": rates, "networks": results}


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
