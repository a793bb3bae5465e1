"""Name every pixel of a canvas, with and without class weights, for "A class for every pixel".

    python -m experiments.pixels

There are two tasks.  The small one is that of the chapter, the digits 0, 1 and 2 and the
background.  It is learned with class weights that are a power of the inverse frequency, by five
seeds for each power and with a common budget; the rate is chosen on validation canvases for each
power, by the first seed.  Afterwards the logits of every network are shifted by a multiple of the
logarithm of the frequencies, and the multiple, too, is chosen on validation canvases.  The large
task has all ten digits.  One network learns it for longer, and what it says about four test
canvases is kept as a picture: for each row of a canvas one character per pixel, the ink from 0 to 9
and the class from 0 to a.

Every epoch draws new canvases from the training images.  The test canvases are drawn from images
that nothing else saw, and nothing is chosen by them.
"""

import functools

import numpy as np

import smnn
from smnn import Adam, Conv2D, Conv2DTranspose, Sequential, cosine_decay, fit
from smnn_book.canvases import SmallDigits

from . import keep

POWERS, RATES, SEEDS, BATCH = (0.0, 0.5, 1.0), (0.004, 0.008), range(5), 8
SHIFTS = (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)
SMALL = {"classes": 3, "size": 24, "filters": (8, 16), "canvases": 400, "epochs": 12}
LARGE = {"classes": 10, "size": 28, "filters": (16, 32), "canvases": 1200, "epochs": 14}
LARGE_POWER, LARGE_RATE = 0.5, 0.005
CHARACTERS = "0123456789a"


def network(classes, size, filters, rng):
    """Return a network that halves a canvas, looks around, and doubles it again."""
    few, many = filters
    return Sequential(
        [
            Conv2D(few, 5, "relu", padding="same", input_shape=(size, size, 1)),
            Conv2D(many, 5, "relu", strides=2, padding="same"),
            Conv2D(many, 5, "relu", padding="same"),
            Conv2DTranspose(few, 4, "relu", strides=2, padding="same"),
            Conv2D(classes + 1, 3, padding="same"),
        ],
        dtype="float32", rng=rng,
    )  # fmt: skip


def train(digits, task, power, rate, seed):
    """Return a trained network and the frequencies of the classes."""
    classes, count = task["classes"], task["canvases"]
    rng = np.random.default_rng(seed)
    _, pixels = digits.draw("train", 200, size=task["size"], rng=rng)
    frequency = np.bincount(pixels.ravel(), minlength=classes + 1) / pixels.size
    model = network(classes, task["size"], task["filters"], seed)

    def batches():
        x, y = digits.draw("train", count, size=task["size"], rng=rng)
        for start in range(0, count, BATCH):
            yield x[start : start + BATCH], y[start : start + BATCH]

    steps = task["epochs"] * -(-count // BATCH)
    loss = functools.partial(smnn.softmax_cross_entropy, weight=frequency**-power)
    optimizer = Adam(cosine_decay(rate, steps=steps))
    fit(model, batches, loss=loss, optimizer=optimizer, epochs=task["epochs"], progress=False)
    return model, frequency


def scores(logits, pixels):
    """Return pixel accuracy and the intersection over union of every class."""
    table = smnn.confusion_matrix(
        pixels.ravel(), logits.argmax(axis=-1).ravel(), n_classes=logits.shape[-1]
    )
    both = np.diag(table)
    iou = both / (table.sum(axis=0) + table.sum(axis=1) - both)
    return both.sum() / table.sum(), iou


def rounded(values):
    return [round(float(value), 4) for value in values]


def small_task(task, powers, rates, seeds, n_test):
    """Return accuracies and mean IoU for every power of the weights, one number per seed."""
    digits = SmallDigits(task["classes"])
    draw = functools.partial(digits.draw, size=task["size"])
    x_validation, y_validation = draw("validation", n_test, rng=100)
    x_test, y_test = draw("test", n_test, rng=101)
    results = {}
    for power in powers:

        def quality(rate, power=power):
            model, _ = train(digits, task, power, rate, seeds[0])
            return scores(model.predict(x_validation), y_validation)[1].mean()

        rate = max(rates, key=quality)
        accuracy, mean_iou, shifts, shifted = [], [], [], []
        for seed in seeds:
            model, frequency = train(digits, task, power, rate, 1000 + seed)
            validation, test = model.predict(x_validation), model.predict(x_test)

            def after(shift, validation=validation, frequency=frequency):
                logits = validation - shift * np.log(frequency)
                return scores(logits, y_validation)[1].mean()

            shifts.append(max(SHIFTS, key=after))
            share, iou = scores(test, y_test)
            accuracy.append(share)
            mean_iou.append(iou.mean())
            shifted.append(scores(test - shifts[-1] * np.log(frequency), y_test)[1].mean())
        results[f"{power:g}"] = {
            "rate": rate, "accuracy": rounded(accuracy), "mean_iou": rounded(mean_iou),
            "shifts": rounded(shifts), "mean_iou_shifted": rounded(shifted),
        }  # fmt: skip
    background = float((y_test == 0).mean())
    return {"background": round(background, 4), "powers": results}


def large_task(task, n_test):
    """Return the intersection over union of all classes, and four canvases as text."""
    digits = SmallDigits(task["classes"])
    x, y = digits.draw("test", n_test, size=task["size"], rng=102)
    model, _ = train(digits, task, LARGE_POWER, LARGE_RATE, 0)
    logits = model.predict(x)
    accuracy, iou = scores(logits, y)
    ink = np.clip(np.rint(9 * x[:4, ..., 0]), 0, 9).astype(int)
    predicted = logits[:4].argmax(axis=-1)
    return {
        "background": round(float((y == 0).mean()), 4), "accuracy": round(float(accuracy), 4),
        "iou": rounded(iou), "ink": as_text(ink), "true": as_text(y[:4]),
        "predicted": as_text(predicted),
    }  # fmt: skip


def as_text(canvases):
    """Return each canvas as a list of strings, one for each row."""
    return [["".join(CHARACTERS[k] for k in row) for row in canvas] for canvas in canvases]


def measure(*, quick=False):
    """Return what both tasks give; ``quick``: of tiny networks, one epoch and two seeds."""
    small, large, rates, seeds, n_test = SMALL, LARGE, RATES, SEEDS, 300
    if quick:
        less = {"filters": (2, 2), "canvases": 8, "epochs": 1}
        small, large = SMALL | less, LARGE | less
        rates, seeds, n_test = RATES[:1], SEEDS[:2], 30
    return {
        "seeds": len(seeds),
        "canvases": small["canvases"] * small["epochs"],
        "large_canvases": large["canvases"] * large["epochs"],
        "small": small_task(small, POWERS, rates, seeds, n_test),
        "large": large_task(large, n_test),
    }


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
