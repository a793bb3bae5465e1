"""Draws from a softmax, the convolutions of LeNet-5, an LSTM, and CTC, beside PyTorch and NumPy.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.at_work

Draws: one of 50,257 classes in each of 1,024 rows of float32, by `smnn.sample`, by running sums
of softmax (in NumPy and in PyTorch), and by ``torch.multinomial``.  Convolutions: forward with
backward for 64 images, with the gradients that training asks for.  LSTM: 128 units on 64 sequences
of 32 steps and 64 features, forward with backward, the gradient of the input included.  CTC: the
loss of 32 sequences of 100 frames, 40 classes and 20 labels with its gradient, log-softmax
included.
"""

import os
from importlib.util import find_spec

import numpy as np

import smnn
from benchmarks import machine
from benchmarks.timing import race

ROWS, CLASSES, BATCH = 1024, 50_257, 64
# The image, the filters of a 5 × 5 window, and whether training asks for the image's gradient.
CONVOLUTIONS = {
    "first": ((32, 32, 1), 6, False),
    "second": ((14, 14, 6), 16, True),
    "third": ((5, 5, 16), 120, True),
}
STEPS, FEATURES, UNITS = 32, 64, 128
FRAMES, SEQUENCES, SYMBOLS, LABELS = 100, 32, 40, 20  # of CTC
BUDGET_SECONDS = 5


def draws(rows=ROWS, classes=CLASSES):
    """Return the functions that draw a class for each row, by name."""
    logits = np.random.default_rng(0).standard_normal((rows, classes), np.float32)
    rng = np.random.default_rng(1)

    def running_sums():
        sums = smnn.softmax(logits).cumsum(axis=1, dtype=np.float64)
        targets = rng.random(rows) * sums[:, -1]
        pairs = zip(sums, targets, strict=True)
        return np.array([np.searchsorted(row, target, "right") for row, target in pairs])

    functions = {
        "smnn": lambda: smnn.sample(logits, rng=rng),
        "running sums, NumPy": running_sums,
    }
    if find_spec("torch"):
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
        tensor = torch.from_numpy(logits)

        def running_sums_of_torch():
            sums = tensor.softmax(-1).cumsum(-1)
            return torch.searchsorted(sums, torch.rand(rows, 1) * sums[:, -1:], right=True)[:, 0]

        functions["running sums, PyTorch"] = running_sums_of_torch
        functions["torch.multinomial"] = lambda: torch.multinomial(tensor.softmax(-1), 1)[:, 0]
    return functions


def convolutions(which, batch=BATCH):
    """Return functions that give (y, dW, db) or (y, dW, db, dx) of a convolution, by name."""
    shape, filters, wants_dx = CONVOLUTIONS[which]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, *shape), np.float32)
    layer = smnn.Conv2D(filters, 5, rng=rng)
    dy = rng.standard_normal((batch, *layer.build(shape, np.float32)), np.float32)

    def ours():
        y, backward = (layer.forward if wants_dx else layer.forward_first)(x)
        dx, grads = backward(dy, input_gradient=wants_dx)
        return (y, grads["W"], grads["b"], dx)[: 4 if wants_dx else 3]

    functions = {"smnn": ours}
    if find_spec("torch"):
        functions["PyTorch"] = _of_torch(x, layer.params, dy, wants_dx)
    return functions


def _of_torch(x, params, dy, wants_dx):
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))

    def tensor(array, axes):
        return torch.from_numpy(np.ascontiguousarray(array.transpose(axes)))

    image = tensor(x, (0, 3, 1, 2)).requires_grad_(wants_dx)
    W, b = tensor(params["W"], (3, 2, 0, 1)).requires_grad_(), torch.from_numpy(params["b"].copy())
    b.requires_grad_()
    gradient = tensor(dy, (0, 3, 1, 2))

    def run():
        y = torch.nn.functional.conv2d(image, W, b)
        wanted = (W, b, image) if wants_dx else (W, b)
        dW, db, *dx = torch.autograd.grad(y, wanted, gradient)
        last = [one.permute(0, 2, 3, 1).numpy() for one in (y.detach(), *dx)]
        return (last[0], dW.permute(2, 3, 1, 0).numpy(), db.numpy(), *last[1:])

    return run


def recurrence(batch=BATCH, steps=STEPS, features=FEATURES, units=UNITS):
    """Return functions that give (y, dx, dW, dU, db) of an LSTM, by name."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, steps, features), np.float32)
    layer = smnn.LSTM(units, return_sequences=True, rng=rng)
    layer.build(x.shape[1:], np.float32)
    dy = rng.standard_normal((batch, steps, units), np.float32)

    def ours():
        y, backward = layer.forward(x)
        dx, grads = backward(dy)
        return y, dx, grads["W"], grads["U"], grads["b"]

    functions = {"smnn": ours}
    if find_spec("torch"):
        functions["PyTorch"] = _lstm_of_torch(x, layer.params, dy)
    return functions


def _lstm_of_torch(x, params, dy):
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
    twin = torch.nn.LSTM(x.shape[-1], dy.shape[-1], batch_first=True)
    with torch.no_grad():  # its gates have the same order
        twin.weight_ih_l0.copy_(torch.from_numpy(params["W"].T))
        twin.weight_hh_l0.copy_(torch.from_numpy(params["U"].T))
        twin.bias_ih_l0.copy_(torch.from_numpy(params["b"]))
        twin.bias_hh_l0.zero_()
    sequences, gradient = torch.from_numpy(x).requires_grad_(), torch.from_numpy(dy)
    wanted = sequences, twin.weight_ih_l0, twin.weight_hh_l0, twin.bias_ih_l0

    def run():
        y = twin(sequences)[0]
        dx, dW, dU, db = torch.autograd.grad(y, wanted, gradient)
        return y.detach().numpy(), dx.numpy(), dW.numpy().T, dU.numpy().T, db.numpy()

    return run


def ctc(frames=FRAMES, sequences=SEQUENCES, classes=SYMBOLS, longest=LABELS):
    """Return functions that give (loss, dlogits) of CTC, by name."""
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((frames, sequences, classes), np.float32)
    labels = rng.integers(1, classes, (sequences, longest))
    functions = {"smnn": lambda: smnn.ctc_loss(logits, labels)}
    if find_spec("torch"):
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
        x, target = torch.from_numpy(logits).requires_grad_(), torch.from_numpy(labels)
        lengths = torch.full((sequences,), frames), torch.full((sequences,), longest)

        def of_torch():
            loss = torch.nn.functional.ctc_loss(x.log_softmax(-1), target, *lengths)
            return loss.item(), torch.autograd.grad(loss, x)[0].numpy()

        functions["PyTorch"] = of_torch
    return functions


def report(title, functions, threads):
    """Race the functions; print their best times, and how many times that of smnn they are."""
    for function in functions.values():
        function()
    best = {name: min(times) for name, times in race(functions, BUDGET_SECONDS, threads).items()}
    cells = "  ".join(
        f"{name} {seconds * 1e3:.2f} ({seconds / best['smnn']:.2f})"
        for name, seconds in best.items()
    )
    print(f"{title:<22} {cells}", flush=True)
    return best


def main():
    threads = int(os.environ["OMP_NUM_THREADS"])
    machine.pin_to_processors(threads)
    smnn.set_num_threads(threads)
    print("milliseconds, and how many times smnn's")
    report("draws", draws(), threads)
    report("CTC", ctc(), threads)
    totals = {}
    for which in CONVOLUTIONS:
        best = report(f"{which} convolution", convolutions(which), threads)
        for name, seconds in best.items():
            totals[name] = totals.get(name, 0) + seconds
    for name, seconds in totals.items():
        print(f"all three, {name}: {seconds * 1e3:.2f} ({seconds / totals['smnn']:.2f})")
    report("LSTM", recurrence(), threads)


if __name__ == "__main__":
    main()
