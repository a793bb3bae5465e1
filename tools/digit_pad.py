"""Keep the network of the chapter on digits for the pad on the cover.

    python tools/digit_pad.py

trains the first network of the chapter, with the chapter's own code and to its last epoch, rounds
the weights of the hidden layer to 64 levels, one letter each, and writes them to
`smnn_book/data/digit_pad.json`, with the ten validation images that the rounded network
misreads most confidently.  It takes about ten seconds.
"""

import ast
import json
from pathlib import Path

import matplotlib
import nbformat
import numpy as np

import smnn
from smnn_book.explorers.pad import ALPHABET, digit_network
from smnn_book.results import results_folder

CHAPTER = Path(__file__).resolve().parents[1] / "book" / "networks" / "digits.ipynb"
SEED, RATE, EPOCHS = 0, 0.003, 30  # of the first network; the rate is what the chapter chooses
MISTAKES = 10
LARGEST = 31  # a level lies between -31 and 31


def chapter_names():
    """Return what the chapter defines until it trains: its imports, images and functions."""
    matplotlib.use("Agg")
    names = {}
    for cell in nbformat.read(CHAPTER, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        if is_training := "def learn(" in cell.source:  # only the functions, not the choice
            tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        exec(compile(tree, CHAPTER.name, "exec"), names)
        if is_training:
            return names
    raise RuntimeError(f"no cell of {CHAPTER.name} defines learn")


def rounded(params):
    """Return the parameters as they are kept: levels as letters, all else with few decimals."""
    W1 = params["0.W"]
    scales = np.array([float(f"{scale:.4g}") for scale in np.abs(W1).max(axis=0) / LARGEST])
    levels = np.clip(np.rint(W1 / scales), -LARGEST, LARGEST).astype(int)
    return {
        "scales": scales.tolist(),
        "W1": "".join(ALPHABET[level + 32] for level in levels.ravel()),
        "b1": params["0.b"].round(4).tolist(),
        "W2": params["1.W"].round(3).tolist(),
        "b2": params["1.b"].round(4).tolist(),
    }


def mistakes(images):
    """Return the images that the kept network misreads most confidently."""
    p = smnn.softmax(digit_network()(images.x))
    said = p.argmax(axis=1)
    order = np.argsort(np.where(said == images.y, np.inf, p[np.arange(len(p)), images.y]))
    return [
        {
            "pixels": bytes(np.rint(255 * images.x[n]).astype(np.uint8)).hex(),
            "label": int(images.y[n]),
            "said": int(said[n]),
            "sure": round(float(p[n].max()), 6),
        }
        for n in order[:MISTAKES]
    ]


def main():
    """Write the kept results twice: the network first, then what it gets wrong."""
    names = chapter_names()
    _, network, _ = names["learn"](SEED, RATE, EPOCHS)
    path = results_folder() / "digit_pad.json"
    kept = {**rounded(network.params), "mistakes": []}
    path.write_text(json.dumps(kept), encoding="utf-8")
    validation = names["validation"]
    kept["mistakes"] = mistakes(validation)
    path.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    for name, model in (("trained", network), ("rounded", digit_network())):
        right = smnn.accuracy(validation.y, model(validation.x))
        print(f"{name}: {right:.1%} of the validation images")


if __name__ == "__main__":
    main()
