"""LeNet-5 on the 60,000 training images of MNIST, for the chapter "Images: LeNet-5".

    SMNN_DATA=… python -m experiments.lenet

The network is the usual form of today, with 61,706 parameters, tanh, mean pooling and softmax.
The last 5,000 of the shuffled training images are for validation: the rate is chosen on them
after one epoch of one seed, and they are counted after each epoch of every run.  The test images
are read once, at the end of each run.  The rate falls to zero along half a cosine.

The result is kept in ``smnn_book/data/lenet.json``.
"""

import time

import numpy as np
from tqdm import tqdm

import smnn
from smnn import Adam, AveragePooling2D, Conv2D, Dense, Flatten, Sequential, fit

from . import keep

RATES, EPOCHS, BATCH, SEEDS = (0.001, 0.002, 0.004, 0.008), 3, 64, range(5)


def lenet(seed):
    """Return LeNet-5 as it is usually written today, with new weights."""
    layers = [
        Conv2D(6, 5, "tanh", padding="same", input_shape=(28, 28, 1)), AveragePooling2D(),
        Conv2D(16, 5, "tanh"), AveragePooling2D(), Flatten(),
        Dense(120, "tanh"), Dense(84, "tanh"), Dense(10),
    ]  # fmt: skip
    return Sequential(layers, rng=seed, dtype="float32")


def pictures(data):
    """Return the pixels as images with one channel, and the labels."""
    return data.x.reshape(-1, 28, 28, 1), data.y


def errors(model, data):
    """Return how many of these images are read wrong."""
    x, y = pictures(data)
    answers = [model(x[i : i + 1000]).argmax(axis=1) for i in range(0, len(x), 1000)]
    return int((np.concatenate(answers) != y).sum())


def train(seed, rate, epochs, data, validation):
    """Return the model and, after each epoch, training loss and errors in validation."""
    model, found = lenet(seed), []
    steps = epochs * -(-len(data.x) // BATCH)
    history = fit(
        model, *pictures(data), optimizer=Adam(smnn.cosine_decay(rate, steps=steps)), epochs=epochs,
        batch_size=BATCH, rng=seed, progress=False,
        callbacks=[lambda run: found.append(errors(run.model, validation))],
    )  # fmt: skip
    return model, [round(loss, 4) for loss in history["loss"]], found


def data_of(quick):
    """Return images to train on, for validation, and to test with."""
    if not quick:
        everything, test = smnn.load_mnist(progress=False)
        return *everything.split(5000, rng=0), test
    few, _ = smnn.load_mnist_subset().split(4400, rng=0)
    few, rest = few.split(200, rng=0)
    return few, *rest.split(100, rng=0)


def measure(*, quick=False):
    """Return errors and losses of every run; ``quick``: on 400 images, with two seeds."""
    data, validation, test = data_of(quick)
    seeds, epochs = (SEEDS[:2], 2) if quick else (SEEDS, EPOCHS)
    by_rate = {rate: train(0, rate, 1, data, validation)[2][-1] for rate in RATES}
    rate = min(by_rate, key=by_rate.get)
    runs = []
    for seed in tqdm(seeds, disable=None):  # None: a bar only where a person watches
        start = time.process_time()
        model, losses, found = train(seed, rate, epochs, data, validation)
        seconds = time.process_time() - start
        runs.append({
            "training_loss": losses, "validation_errors": found,
            "test_errors": errors(model, test), "processor_seconds": round(seconds, 1),
        })  # fmt: skip
    return {
        "training_images": len(data.x), "validation_images": len(validation.x),
        "test_images": len(test.x), "batch_size": BATCH, "epochs": epochs, "rate": rate,
        "errors_after_one_epoch": {f"{rate:g}": count for rate, count in by_rate.items()},
        "runs": runs,
    }  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
