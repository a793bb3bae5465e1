"""Training 784-128-10 on MNIST beside PyTorch and scikit-learn, with one thread, in float32.

    SMNN_DATA=folder python -m benchmarks.train_mnist

smnn and PyTorch start from the same weights and see the same batches in the same order.
scikit-learn draws its own.  The libraries take turns, an epoch each, so that a slow moment of
the machine hurts all of them, and the clock counts processor time.  Kept: examples per second,
and the accuracy on the test images.

Two loops in NumPy run along and show what could be reached.  One is the same training, written
by hand for this one network.  The other is a floor: it fetches each batch, takes the two
products with the large matrix, and learns nothing.
"""

import argparse
import json
import os
import statistics
import time
import warnings
from itertools import pairwise
from pathlib import Path

from benchmarks import machine

os.environ.update(machine.thread_environment(1))
machine.pin_to_processors(1)

import numpy as np  # noqa: E402  (libraries read their threads when they are loaded)
import torch  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402

import smnn  # noqa: E402
from smnn_book import results_folder  # noqa: E402

torch.set_num_threads(1)

HIDDEN, CLASSES = 128, 10
BATCH_SIZES = (32, 128)
LEARNING_RATES = {"sgd": 0.1, "adam": 1e-3}
RESULT = results_folder() / "train_mnist.json"
# How many times the throughput of each was asked for, by batch size.
TARGETS = {"PyTorch": {32: 2.5, 128: 1.5}, "scikit-learn": {32: 1.5, 128: 1.5}}


def new_optimizer(solver):
    return {"sgd": smnn.SGD, "adam": smnn.Adam}[solver](LEARNING_RATES[solver])


class SmnnTrainer:
    """``smnn.fit``, one epoch a call; the optimizer and the order of examples go on."""

    def __init__(self, weights, solver, batch_size):
        self.batch_size = batch_size
        self.rng = np.random.default_rng(0)
        self.model = smnn.Sequential(
            [smnn.Dense(HIDDEN, "relu", input_shape=(784,)), smnn.Dense(CLASSES)], dtype="float32"
        )
        for parameter, value in zip(self.model.params.values(), weights, strict=True):
            parameter[...] = value
        self.optimizer = new_optimizer(solver)

    def epoch(self, x, y):
        smnn.fit(
            self.model, x, y, optimizer=self.optimizer, epochs=1,
            batch_size=self.batch_size, rng=self.rng, progress=False,
        )  # fmt: skip

    def predict(self, x):
        return self.model(x).argmax(axis=1)


class TorchTrainer:
    """The usual loop, with the fused optimizer; ``compiled`` compiles model and loss too."""

    def __init__(self, weights, solver, batch_size, compiled=False):
        self.batch_size = batch_size
        self.rng = np.random.default_rng(0)
        self.model = torch.nn.Sequential(
            torch.nn.Linear(784, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, CLASSES)
        )
        with torch.no_grad():
            for parameter, value in zip(self.model.parameters(), weights, strict=True):
                parameter.copy_(torch.from_numpy(value.T))
        optimizer = torch.optim.SGD if solver == "sgd" else torch.optim.Adam
        self.optimizer = optimizer(self.model.parameters(), lr=LEARNING_RATES[solver], fused=True)
        self.objective = torch.compile(self.loss, dynamic=False) if compiled else self.loss

    def loss(self, x, y):
        return torch.nn.functional.cross_entropy(self.model(x), y)

    def epoch(self, x, y):
        x, y = torch.from_numpy(x), torch.from_numpy(y)
        for rows in torch.from_numpy(self.rng.permutation(len(x))).split(self.batch_size):
            self.optimizer.zero_grad()
            self.objective(x[rows], y[rows]).backward()
            self.optimizer.step()

    def predict(self, x):
        with torch.inference_mode():
            return self.model(torch.from_numpy(x)).argmax(dim=1).numpy()


class HandTrainer:
    """The same steps, written out for this one network, in arrays that are used again."""

    def __init__(self, weights, solver, batch_size):
        self.batch_size = batch_size
        self.rng = np.random.default_rng(0)
        self.params = dict(zip("WbVc", (w.copy() for w in weights), strict=True))
        self.grads = {name: np.empty_like(param) for name, param in self.params.items()}
        self.optimizer = new_optimizer(solver)
        self.batch, self.hidden, self.dhidden = (
            np.empty((batch_size, columns), np.float32) for columns in (784, HIDDEN, HIDDEN)
        )
        self.logits, self.dlogits = (np.empty((batch_size, CLASSES), np.float32) for _ in range(2))

    def epoch(self, x, y):
        order = self.rng.permutation(len(x))
        for start in range(0, len(x), self.batch_size):
            self.step(x, y, order[start : start + self.batch_size])

    def step(self, x, y, rows):
        W, b, V, c = self.params.values()
        n = len(rows)
        batch, hidden, dhidden = self.batch[:n], self.hidden[:n], self.dhidden[:n]
        logits, dlogits = self.logits[:n], self.dlogits[:n]
        x.take(rows, axis=0, out=batch, mode="clip")
        np.matmul(batch, W, out=hidden)
        np.add(hidden, b, out=hidden)
        np.maximum(hidden, 0, out=hidden)
        np.matmul(hidden, V, out=logits)
        np.add(logits, c, out=logits)
        smnn.softmax_cross_entropy(logits, y[rows], out=dlogits)
        np.matmul(dlogits, V.T, out=dhidden)
        np.multiply(dhidden, hidden > 0, out=dhidden)
        np.matmul(hidden.T, dlogits, out=self.grads["V"])
        np.matmul(batch.T, dhidden, out=self.grads["W"])
        np.sum(dlogits, axis=0, out=self.grads["c"])
        np.sum(dhidden, axis=0, out=self.grads["b"])
        self.optimizer.step(self.params, self.grads)

    def predict(self, x):
        W, b, V, c = self.params.values()
        return (np.maximum(x @ W + b, 0) @ V + c).argmax(axis=1)


class Floor:
    """Fetch each batch, multiply it forward and back, and learn nothing."""

    def __init__(self, weights, batch_size):
        self.rng = np.random.default_rng(0)
        self.weights = weights[0]
        self.batch = np.empty((batch_size, len(self.weights)), np.float32)
        self.z = np.empty((batch_size, HIDDEN), np.float32)
        self.gradient = np.empty_like(self.weights)

    def epoch(self, x, y):
        order = self.rng.permutation(len(x))
        size = len(self.batch)
        for start in range(0, len(x) - size + 1, size):
            x.take(order[start : start + size], axis=0, out=self.batch, mode="clip")
            np.matmul(self.batch, self.weights, out=self.z)
            np.matmul(self.batch.T, self.z, out=self.gradient)


class SklearnTrainer:
    """``MLPClassifier``; a call of ``partial_fit`` on all examples is one epoch."""

    def __init__(self, weights, solver, batch_size):
        self.model = MLPClassifier(
            (HIDDEN,), solver=solver, batch_size=batch_size, alpha=0.0, momentum=0.0,
            nesterovs_momentum=False, learning_rate_init=LEARNING_RATES[solver], random_state=0,
        )  # fmt: skip

    def epoch(self, x, y):
        self.model.partial_fit(x, y, classes=range(CLASSES))

    def predict(self, x):
        return self.model.predict(x)


def first_weights():
    rng = np.random.default_rng(1)
    sizes = (784, HIDDEN, CLASSES)
    for rows, columns in pairwise(sizes):
        yield rng.normal(0, (2 / rows) ** 0.5, (rows, columns)).astype(np.float32)
        yield np.zeros(columns, np.float32)


def race(solver, batch_size, epochs, train, test):
    """Train every library for the same number of epochs, in turns."""
    weights = list(first_weights())
    trainers = {
        "smnn": SmnnTrainer(weights, solver, batch_size),
        "PyTorch": TorchTrainer(weights, solver, batch_size),
        "PyTorch compiled": TorchTrainer(weights, solver, batch_size, compiled=True),
        "scikit-learn": SklearnTrainer(weights, solver, batch_size),
        "by hand": HandTrainer(weights, solver, batch_size),
    }
    contestants = trainers | {"floor": Floor(weights, batch_size)}
    seconds = {name: [] for name in contestants}
    # Compile for a full batch and for the short last one, with trainers that are thrown away.
    few = 2 * batch_size + len(train.x) % batch_size
    SmnnTrainer(weights, solver, batch_size).epoch(train.x[:few], train.y[:few])
    compiled = trainers["PyTorch compiled"]
    for rows in (batch_size, len(train.x) % batch_size or batch_size):
        compiled.objective(torch.from_numpy(train.x[:rows]), torch.from_numpy(train.y[:rows]))
    for _ in range(epochs):
        for name, trainer in contestants.items():
            start = time.process_time()
            trainer.epoch(train.x, train.y)
            seconds[name].append(time.process_time() - start)
    results = {
        name: {
            "best_seconds": min(times),
            "median_seconds": statistics.median(times),
            "examples_per_second": round(len(train.x) / min(times)),
        }
        for name, times in seconds.items()
    }
    for name, trainer in trainers.items():
        results[name]["accuracy"] = float((trainer.predict(test.x) == test.y).mean())
    loops = {name: results.pop(name) for name in ("by hand", "floor")}
    return results, loops


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    train, test = smnn.load_mnist()

    runs = []
    for solver in LEARNING_RATES:
        for batch_size in BATCH_SIZES:
            results, loops = race(solver, batch_size, arguments.epochs, train, test)
            runs.append(
                {"solver": solver, "batch_size": batch_size, "results": results, "loops": loops}
            )
            print_run(runs[-1])
    record = {"machine": machine.describe(), "epochs": arguments.epochs, "runs": runs}
    arguments.output.write_text(json.dumps(record, indent=1) + "\n")
    print(f"kept in {arguments.output}")


def print_run(run):
    results = run["results"]
    print(f"\n{run['solver']}, batches of {run['batch_size']}")
    for name, entry in results.items():
        print(
            f"  {name:<18} {entry['examples_per_second']:>9,} examples/s"
            f"   accuracy {entry['accuracy']:.4f}"
        )
    for peer, asked in TARGETS.items():
        fastest = max(
            entry["examples_per_second"] for name, entry in results.items() if peer in name
        )
        reached = results["smnn"]["examples_per_second"] / fastest
        by_hand, floor = (
            run["loops"][name]["examples_per_second"] / fastest for name in ("by hand", "floor")
        )
        least = asked[run["batch_size"]]
        verdict = "met" if reached >= least else "missed"
        print(
            f"  {reached:.2f} times {peer}: {verdict}, {least} asked, "
            f"{by_hand:.2f} by hand, {floor:.2f} at the floor"
        )


if __name__ == "__main__":
    main()
