"""What a small network learns from a teacher, for "Many experts, many models".

    python -m experiments.distillation

Five networks 64-64-10 learn 1,000 of scikit-learn's digits; the mean of their logits is the
teacher.  A network 64-12-10 learns from labels, from the softened answers of the teacher at three
temperatures, or from its logits by least squares, and sees either 100 of the images or all 1,000.
Each way gets the same budget: three rates of Adam, five seeds each, as many steps.  The rate is
chosen by the mean error on 300 validation images; what is kept of the 497 test images are the
errors of the five networks with this rate.  A seed draws the split of the images, and the weights.

The result is kept in ``smnn_book/data/distillation.json``.
"""

from functools import partial

import numpy as np
from tqdm import tqdm

import smnn
from smnn import Adam, Dense, Sequential, fit

from . import keep

SEEDS, RATES, STEPS, BATCH = 5, (0.003, 0.01, 0.03), 1000, 25
IMAGES = (100, 1000)


def mimic_loss(logits, teacher_logits):
    """Return half the mean square of the difference of centered logits, and the gradient."""
    difference = logits - teacher_logits
    difference -= difference.mean(axis=1, keepdims=True)
    return float((difference**2).mean()) / 2, difference / difference.size


LOSSES = {
    "labels": smnn.softmax_cross_entropy,
    "teacher, T = 1": partial(smnn.distillation_loss, temperature=1.0),
    "teacher, T = 4": partial(smnn.distillation_loss, temperature=4.0),
    "teacher, T = 20": partial(smnn.distillation_loss, temperature=20.0),
    "teacher's logits": mimic_loss,
}


def train(width, x, target, loss, rate, seed, steps):
    """Return a network with one hidden layer after so many steps."""
    model = Sequential([Dense(width, "relu"), Dense(10)], input_shape=(64,), rng=seed)
    epochs = max(1, steps * BATCH // len(x))
    fit(
        model, x, target, loss=loss, optimizer=Adam(rate), epochs=epochs, batch_size=BATCH,
        rng=seed, progress=False,
    )  # fmt: skip
    return model


def error(answers, y):
    """Return the share of wrong answers in percent."""
    return round(100 * float((answers.argmax(axis=1) != y).mean()), 3)


def measure(*, quick=False):
    """Return the test errors of every way; ``quick``: two seeds, one rate, few steps."""
    data = smnn.load_digits()
    seeds, rates = range(2 if quick else SEEDS), RATES[: 1 if quick else None]
    steps = 40 if quick else STEPS
    teacher_error, tried = [], {}
    for seed in tqdm(seeds, disable=None):
        order = np.random.default_rng(seed).permutation(len(data.x))
        parts = np.split(order, [1000, 1300])
        (x, y), validation, test = ((data.x[part], data.y[part]) for part in parts)
        teachers = [
            train(64, x, y, smnn.softmax_cross_entropy, 0.003, 100 * seed + m, steps)
            for m in range(5)
        ]

        def teacher(images, teachers=teachers):
            return np.mean([model(images) for model in teachers], axis=0)

        teacher_error.append(error(teacher(test[0]), test[1]))
        for count in IMAGES:
            seen = x[:count]
            for name, loss in LOSSES.items():
                target = y[:count] if name == "labels" else teacher(seen)
                for rate in rates:
                    student = train(12, seen, target, loss, rate, seed, steps)
                    errors = [error(student(a), b) for a, b in (validation, test)]
                    tried.setdefault((count, name, rate), []).append(errors)
    results = {}
    for count in IMAGES:
        for name in LOSSES:
            best = min(rates, key=lambda rate: np.mean(tried[count, name, rate], axis=0)[0])
            results.setdefault(str(count), {})[name] = {
                "rate": best,
                "test_error": [test for _, test in tried[count, name, best]],
            }
    return {
        "steps": steps, "rates": list(rates), "tests": len(data.x) - 1300,
        "teacher_error": teacher_error, "students": results,
    }  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
