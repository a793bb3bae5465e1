"""Strips of handwritten digits that are to be read without an alignment, and a reader of them."""

import numpy as np

import smnn
from smnn import Adam, Dense, Sequential, ctc_greedy_decode, ctc_loss

SIZE, WIDTH, LONGEST, HIDDEN, BATCH = 14, 70, 5, 64, 32


def small_images():
    """Return the images of the MNIST subset at half their size, shuffled, and their digits.

    Examples
    --------
    >>> images, digits = small_images()
    >>> images.shape, digits.shape
    ((5000, 14, 14), (5000,))
    """
    data = smnn.load_mnist_subset()
    images = data.x.reshape(-1, SIZE, 2, SIZE, 2).mean(axis=(2, 4)).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(images))
    return images[order], data.y[order]


def make_strips(images, digits, count, rng, longest=LONGEST):
    """Return strips (count, 14, 70), the labels 1 … 10 of their digits, and how many they are.

    A strip holds one to ``longest`` digits at random places that do not overlap.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> strips, labels, lengths = make_strips(np.ones((2, 14, 14)), np.array([3, 7]), 4, rng)
    >>> strips.shape, labels.shape, lengths
    ((4, 14, 70), (4, 5), array([5, 4, 3, 2]))
    """
    strips = np.zeros((count, SIZE, WIDTH), np.float32)
    labels, lengths = np.zeros((count, longest), int), rng.integers(1, longest + 1, count)
    for n, length in enumerate(lengths):
        chosen = rng.integers(len(images), size=length)
        free = np.sort(rng.integers(0, WIDTH - SIZE * length + 1, length))
        for k, place in enumerate(free + SIZE * np.arange(length)):
            strips[n, :, place : place + SIZE] = images[chosen[k]]
        labels[n, :length] = digits[chosen] + 1
    return strips, labels, lengths


def windows(strips, stride):
    """Return what is seen through a window that moves: (T, count, 14 · 14), the frames first.

    Examples
    --------
    >>> windows(np.zeros((3, 14, 70)), 4).shape
    (15, 3, 196)
    """
    seen = np.lib.stride_tricks.sliding_window_view(strips, SIZE, axis=2)[:, :, ::stride]
    return np.ascontiguousarray(seen.transpose(2, 0, 1, 3)).reshape(-1, len(strips), SIZE * SIZE)


def edit_distance(a, b):
    """Return how many labels must be inserted, left out or replaced to make b of a.

    Examples
    --------
    >>> edit_distance((1, 2, 3), (1, 3, 3, 4))
    2
    """
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        before, row = row, [i]
        for j, y in enumerate(b, start=1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


def edits(read, labels, lengths):
    """Return the edit distance of each reading from the labels.

    Examples
    --------
    >>> edits([(1, 2), ()], np.array([[1, 2], [5, 0]]), [2, 1])
    [0, 1]
    """
    rows = zip(read, labels, lengths, strict=True)
    return [edit_distance(found, tuple(row[:length].tolist())) for found, row, length in rows]


def train_reader(
    images,
    digits,
    *,
    stride,
    rate,
    steps,
    seed,
    first_steps=0,
    watch=None,
    every=25,
    dtype=np.float32,
):
    """Train a network that gives a softmax over ten digits and a blank for each frame.

    Parameters
    ----------
    images, digits : ndarray
        What the strips of training are made of.
    stride : int
        How far the window moves from frame to frame.
    rate : float
        Of Adam.
    steps, seed : int
    first_steps : int, default 0
        So many steps with a stride of 4 come first.
    watch : tuple of (strips, labels, lengths), optional
        What is read now and then.
    every : int, default 25
        How often.
    dtype : dtype, default float32
        Of the network.  In float64 machines differ less.

    Returns
    -------
    model : Sequential
    errors : list of float
        The label error on ``watch`` after every so many steps: edits per label.

    Examples
    --------
    >>> images, digits = np.ones((2, 14, 14), np.float32), np.array([3, 7])
    >>> model, errors = train_reader(images, digits, stride=4, rate=0.003, steps=1, seed=0)
    >>> model(np.zeros((15, 2, 196), np.float32)).shape, errors
    ((15, 2, 11), [])
    """
    rng = np.random.default_rng(seed)
    model = Sequential([Dense(HIDDEN, "relu"), Dense(11)], rng=seed, dtype=dtype)
    optimizer, errors = Adam(rate), []
    for step in range(1, steps + 1):
        strips, labels, lengths = make_strips(images, digits, BATCH, rng)
        frames = windows(strips, 4 if step <= first_steps else stride)
        logits, backward = model.forward(frames, training=True)
        _, dlogits = ctc_loss(logits, labels, label_lengths=lengths)
        optimizer.step(model.params, backward(dlogits)[1])
        if watch and step % every == 0:
            strips, labels, lengths = watch
            read = ctc_greedy_decode(model(windows(strips, stride)))
            errors.append(sum(edits(read, labels, lengths)) / int(sum(lengths)))
    return model, errors
