"""Read strips of digits without an alignment, at several strides: how long all frames are blank.

    python -m experiments.ctc_digits

The chapter *Paths: CTC* trains one such network on the page, and reads these results for the rest.
``smnn_book/strips.py`` says what a strip and its reader are.  A small stride makes many frames.

Every case gets the same budget: three learning rates a factor of about three apart, and five
seeds with each, which set the weights and the strips.  4,000 images make the training strips and
500 others those that are read.  The last 500 stay shut: the chapter opens them once.  The result
is kept in ``smnn_book/data/ctc_digits.json``: for every case, by rate, the label error after every
25 steps, a list for each seed.
"""

import numpy as np
from tqdm import tqdm

from smnn_book.strips import make_strips, small_images, train_reader

from . import keep

STEPS, EVERY, READ, SEEDS, RATES = 800, 25, 100, range(5), (0.001, 0.003, 0.01)
# The stride, and how many steps with a stride of 4 come first.
CASES = {"stride 4": (4, 0), "stride 2": (2, 0), "stride 1": (1, 0), "stride 4, then 1": (1, 150)}


def measure(*, quick=False):
    """Return the label errors of every case and seed; ``quick``: after four steps of two seeds."""
    images, digits = small_images()
    steps, every, read, seeds = (4, 2, 5, SEEDS[:2]) if quick else (STEPS, EVERY, READ, SEEDS)
    watch = make_strips(images[4000:4500], digits[4000:4500], read, np.random.default_rng(1))
    runs = [(case, rate, seed) for case in CASES for rate in RATES for seed in seeds]
    errors = {case: {f"{rate:g}": [] for rate in RATES} for case in CASES}
    for case, rate, seed in tqdm(runs, disable=None):  # None: a bar only where a person watches
        stride, first_steps = CASES[case]
        _, found = train_reader(
            images[:4000], digits[:4000], stride=stride, rate=rate, steps=steps, seed=seed,
            first_steps=first_steps, watch=watch, every=every,
        )  # fmt: skip
        errors[case][f"{rate:g}"].append([round(error, 3) for error in found])
    return {"steps": steps, "every": every, "strips": read, "label_error": errors}


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
