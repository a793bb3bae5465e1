"""Train softmax regression in PyTorch and in Keras, and keep what they print.

    python -m benchmarks.same_lines

Both train the same model on the same split of the digits, from zero weights, with 200 steps over
all examples, by the lines in ``benchmarks/frameworks``.  Keras computes with PyTorch here and in
float32, as it does unless it is told otherwise; PyTorch gets float64, as smnn does.

Kept in ``smnn_book/data/same_lines.json`` are some of the losses on the way, and the probabilities
of the test images.  The chapter on softmax regression compares them with its own, and
``tests/test_same_lines.py`` with a fresh run.
"""

import importlib
import json
import os
from importlib import metadata
from pathlib import Path

import smnn

os.environ.setdefault("KERAS_BACKEND", "torch")

FRAMEWORKS = {"PyTorch": "torch", "Keras": "keras"}
STEPS = (0, 1, 10, 100, 199)
RESULT = Path(__file__).parents[1] / "smnn_book" / "data" / "same_lines.json"


def measure(name):
    """Return losses and probabilities of one framework."""
    training, test = smnn.load_digits().split(360, rng=0)
    framework = importlib.import_module(f"benchmarks.frameworks.with_{name.lower()}")
    losses, probabilities = framework.train(training.x, training.y, test.x)
    return {
        "version": metadata.version(FRAMEWORKS[name]).partition("+")[0],
        "losses": {str(step): float(f"{losses[step]:.9g}") for step in STEPS},
        "probabilities": [[float(f"{p:.7g}") for p in row] for row in probabilities[:5].tolist()],
    }


def main():
    results = {name: measure(name) for name in FRAMEWORKS}
    text = json.dumps(results, indent=1, allow_nan=False)
    RESULT.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
