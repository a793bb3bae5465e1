"""Dask arrays: what one machine computes, whatever the chunks, the tree and the fate of workers."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

pytest.importorskip("dask.array", reason="needs Dask")
pytest.importorskip("sklearn", reason="needs scikit-learn")

import dask
import dask.array as da

import smnn
from smnn.estimator.newton import Objective
from smnn.estimator.sharded import ShardedObjective

RNG = np.random.default_rng(0)
X = 5 * RNG.standard_normal((13, 7, 11))
LABELS = RNG.integers(0, 11, (13, 7))
LABELS[2, 3:] = -100
CHUNKS = {
    "one": (13, 7, 11),
    "rows": (4, 7, 11),
    "rows and classes": (5, 3, 4),
    "uneven": ((1, 12), (3, 3, 1), (1, 9, 1)),
    "single classes": (13, 7, 1),
}
EPS = {"float64": 2**-52, "float32": 2**-23, "float16": 2**-10}


def chunked(x, chunks):
    return da.from_array(x, chunks=chunks)


def assert_few_ulp(found, expected, dtype, scale=1):
    """Equal within a few units in the last place of the larger of the result and the scale."""
    assert found.dtype == dtype and found.shape == np.shape(expected)
    bound = 8 * EPS[dtype] * np.maximum(abs(expected.astype(float)), scale)
    assert (abs(found.astype(float) - expected.astype(float)) <= bound).all()


@pytest.mark.parametrize("dtype", EPS)
@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("axis", [-1, 0, (0, 2), None])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_values_are_those_of_one_machine(name, axis, chunks, dtype):
    x = X.astype(dtype)
    found = getattr(smnn.dask, name)(chunked(x, CHUNKS[chunks]), axis=axis)
    expected = getattr(smnn, name)(x, axis=axis)
    assert found.dtype == dtype and found.shape == expected.shape
    computed = found.compute()
    whole = all(len(found_chunks) == 1 for found_chunks in chunked(x, CHUNKS[chunks]).chunks)
    if whole:
        np.testing.assert_array_equal(computed, expected)
    # Probabilities to a few units of their own; logarithms of numbers of the size of x.
    scale = 1e-30 if name == "softmax" and dtype != "float16" else 8
    assert_few_ulp(computed, expected, dtype, scale if name != "softmax" else 2.0**-14)


def test_rows_in_one_chunk_are_the_same_bits():
    x = X.astype(np.float32)
    for name in ("softmax", "log_softmax", "logsumexp"):
        found = getattr(smnn.dask, name)(chunked(x, (4, 7, 11))).compute()
        np.testing.assert_array_equal(found, getattr(smnn, name)(x))
    found = smnn.dask.cross_entropy(chunked(x, (4, 3, 11)), LABELS, reduction="none").compute()
    np.testing.assert_array_equal(found, smnn.cross_entropy(x, LABELS, reduction="none"))


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e30])
def test_large_scores(scale):
    x = (X * scale).astype(np.float32)
    for name in ("softmax", "log_softmax", "logsumexp"):
        found = getattr(smnn.dask, name)(chunked(x, (5, 3, 4))).compute()
        expected = getattr(smnn, name)(x)
        np.testing.assert_allclose(found, expected, rtol=4e-6, atol=1e-37)


def test_infinite_scores_and_nan():
    x = np.zeros((6, 4))
    x[0], x[1, 2], x[2, 1], x[3, 3] = -np.inf, np.inf, np.nan, -np.inf
    x[4, 0], x[4, 3] = np.inf, -np.inf
    for chunks in ((6, 1), (2, 2), (6, 3)):
        for name in ("softmax", "log_softmax", "logsumexp"):
            found = getattr(smnn.dask, name)(chunked(x, chunks)).compute()
            np.testing.assert_allclose(found, getattr(smnn, name)(x), err_msg=str((chunks, name)))


@pytest.mark.parametrize("x", [np.zeros((0, 3)), np.zeros((3, 0)), np.zeros((2, 3), np.int32)])
def test_empty_arrays_and_integers(x):
    for name in ("softmax", "log_softmax", "logsumexp"):
        found, expected = getattr(smnn.dask, name)(da.from_array(x)), getattr(smnn, name)(x)
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found.compute(), expected)


def test_axes_can_stay():
    d = chunked(X, (5, 3, 4))
    for axis in (-1, (0, 2), None):
        found = smnn.dask.logsumexp(d, axis=axis, keepdims=True)
        assert found.shape == smnn.logsumexp(X, axis=axis, keepdims=True).shape
        assert found.compute().shape == found.shape


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("chunks", CHUNKS)
def test_cross_entropy_is_that_of_one_machine(chunks, reduction, dtype):
    x = X.astype(dtype)
    d = chunked(x, CHUNKS[chunks])
    expected, gradient = smnn.softmax_cross_entropy(x, LABELS, reduction=reduction)
    for labels in (LABELS, chunked(LABELS, 5), chunked(LABELS.astype(np.int16), (13, 2))):
        loss, dlogits = smnn.dask.softmax_cross_entropy(d, labels, reduction=reduction)
        assert dlogits.chunks == d.chunks and dlogits.dtype == dtype
        loss, dlogits = dask.compute(loss, dlogits)
        assert_few_ulp(np.asarray(loss), np.asarray(expected), dtype, 8)
        assert_few_ulp(dlogits, gradient, dtype, 1 / 90 if reduction == "mean" else 1)
        alone = smnn.dask.cross_entropy(d, labels, reduction=reduction).compute()
        np.testing.assert_array_equal(alone, loss)


@pytest.mark.parametrize("chunks", ["rows", "uneven"])
def test_the_mean_weights_chunks_by_their_rows(chunks):
    """Not the mean of the means of chunks: here these differ by much."""
    x = np.zeros((10, 2))
    x[9] = [30.0, 0.0]
    y = np.ones(10, int)
    d = chunked(x, {"rows": ((9, 1), 2), "uneven": ((9, 1), 1)}[chunks])
    loss = float(smnn.dask.cross_entropy(d, y).compute())
    assert loss == pytest.approx((9 * np.log(2) + 30) / 10)
    assert abs(loss - (np.log(2) + 30) / 2) > 10


def test_rows_that_are_ignored():
    x, y = X[:, 0].copy(), LABELS[:, 0].copy()
    y[:] = 0
    y[4], x[4] = 5, np.nan
    for chunks in ((5, 4), (5, 11)):
        loss, dlogits = dask.compute(
            *smnn.dask.softmax_cross_entropy(chunked(x, chunks), y, ignore_index=5)
        )
        expected, gradient = smnn.softmax_cross_entropy(x, y, ignore_index=5)
        np.testing.assert_allclose(loss, expected)
        np.testing.assert_allclose(dlogits, gradient, atol=1e-15)
        assert not dlogits[4].any()
        loss, dlogits = dask.compute(
            *smnn.dask.softmax_cross_entropy(chunked(x, chunks), y * 0, ignore_index=0)
        )
        assert np.isnan(loss) and not np.nan_to_num(dlogits).any()


def test_one_tree_gives_the_same_bits_and_another_nearly():
    x = RNG.standard_normal((3, 4000)).astype(np.float32)
    d = chunked(x, (3, 100))
    first = smnn.dask.logsumexp(d, split_every=4)
    for scheduler in ("synchronous", "threads"):
        np.testing.assert_array_equal(
            first.compute(scheduler=scheduler), first.compute(scheduler="synchronous")
        )
    for split_every in (2, 3, 16, 100):
        other = smnn.dask.logsumexp(d, split_every=split_every)
        np.testing.assert_allclose(other.compute(), first.compute(), rtol=3e-7)


def test_the_number_of_rows_comes_from_the_labels_alone():
    """The mean is computed without reading a chunk of scores twice, or holding one."""
    read, held, most = [], set(), []
    lock = threading.Lock()

    class Chunk(np.ndarray):
        def __del__(self):
            with lock:
                held.discard(id(self))

    def load(block_id=None):
        with lock:
            read.append(block_id)
        loaded = np.zeros((100, 50)).view(Chunk)
        with lock:
            held.add(id(loaded))
            most.append(len(held))
        return loaded

    d = da.map_blocks(load, chunks=((100,) * 30, (50, 50)), meta=np.empty((0, 0)))
    labels = np.zeros(3000, int)
    loss, dlogits = smnn.dask.softmax_cross_entropy(d, labels)
    total = (dlogits * dlogits).sum()  # as an optimizer would: the gradient is not kept
    loss, _ = dask.compute(loss, total, scheduler="synchronous")
    assert float(loss) == pytest.approx(np.log(100))
    assert len(read) == 60 and max(most) < 20, "all chunks of scores were held at once"


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda d: smnn.dask.softmax(X), TypeError, "x must be a Dask array, got ndarray"),
        (lambda d: smnn.dask.softmax(d > 0), TypeError, "x must hold float16"),
        (lambda d: smnn.dask.softmax(d, axis=3), ValueError, "axis 3 is out of range"),
        (
            lambda d: smnn.dask.softmax(d[d[:, 0, 0] > 0]),
            ValueError,
            r"the sizes of the chunks of x must be known, .* call x.compute_chunk_sizes\(\) first",
        ),
        (lambda d: smnn.dask.cross_entropy(d, LABELS[1:]), ValueError, "one label per row"),
        (
            lambda d: smnn.dask.cross_entropy(d, da.from_array(LABELS[1:])),
            ValueError,
            r"shape \(13, 7\), got shape \(12, 7\)",
        ),
        (lambda d: smnn.dask.cross_entropy(d, LABELS + 6), IndexError, "is out of range"),
        (
            lambda d: smnn.dask.cross_entropy(d, da.from_array(LABELS + 6)).compute(),
            IndexError,
            "with 11 classes a label lies in 0 … 10",
        ),
        (lambda d: smnn.dask.cross_entropy(d, LABELS / 2), TypeError, "target must hold integer"),
        (
            lambda d: smnn.dask.cross_entropy(d, da.from_array(LABELS / 2)),
            TypeError,
            "target must hold integer labels, got dtype float64",
        ),
        (
            lambda d: smnn.dask.cross_entropy(d, LABELS, reduction="all"),
            ValueError,
            "reduction must be one of",
        ),
        (lambda d: smnn.dask.cross_entropy(d[0, 0, 0], 0), ValueError, r"got shape \(\)"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(call, error, message):
    with pytest.raises(error, match=message):
        call(chunked(X, (5, 3, 4)))


# --- The classifier ---------------------------------------------------------------------


def blobs(n=400, features=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    centers = 2 * rng.standard_normal((classes, features))
    y = rng.integers(0, classes, n)
    return centers[y] + rng.standard_normal((n, features)), y


@pytest.mark.parametrize("weighted", [False, True])
def test_the_objective_is_the_sum_over_shards(weighted):
    x, y = blobs(100)
    weight = RNG.integers(0, 3, 100).astype(float) if weighted else None
    one = Objective(x, y, 3, 0.3, weight)
    shards = ShardedObjective(chunked(x, ((70, 1, 29), 6)), y, 3, 0.3, weight)
    theta, v = RNG.standard_normal((2, 21))
    value, gradient = shards.value_and_gradient(theta)
    expected, slope = one.value_and_gradient(theta)
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(gradient, slope, atol=1e-14)
    np.testing.assert_allclose(
        shards.hessian_product(theta, v), one.hessian_product(theta, v), atol=1e-14
    )
    again = ShardedObjective(chunked(x, ((70, 1, 29), 6)), y, 3, 0.3, weight)
    np.testing.assert_array_equal(again.value_and_gradient(theta)[1], gradient)


@pytest.mark.parametrize("chunks", [(400, 6), ((399, 1), 6), (70, 4)])
@pytest.mark.parametrize("names", [False, True])
def test_the_classifier_is_that_of_one_machine(chunks, names):
    x, y = blobs()
    y = np.array(["a", "b", "c"])[y] if names else y
    options = {"alpha": 0.7, "class_weight": {y[0]: 2.0}}
    weight = np.random.default_rng(1).integers(0, 3, len(y))
    x[weight == 0] = np.nan  # of no weight: it does not count what is there
    kept = weight > 0
    expected = smnn.SoftmaxClassifier(**options).fit(x[kept], y[kept], weight[kept])
    found = smnn.SoftmaxClassifier(**options).fit(
        chunked(x, chunks), chunked(y, 31), chunked(weight, 77)
    )
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-6)
    np.testing.assert_array_equal(found.classes_, expected.classes_)
    np.testing.assert_array_equal(found.predict(x[kept]), expected.predict(x[kept]))
    assert found.n_features_in_ == 6
    assert found.log_likelihood_ == pytest.approx(expected.log_likelihood_)
    with pytest.raises(AttributeError, match="not computed for Dask arrays"):
        _ = found.coef_stderr_


def test_two_classes_and_float32():
    x, y = blobs(classes=2)
    x = x.astype(np.float32)
    expected = smnn.SoftmaxClassifier().fit(x, y)
    found = smnn.SoftmaxClassifier().fit(chunked(x, (90, 6)), y)
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-5)
    assert found.coef_.dtype == expected.coef_.dtype


@pytest.mark.parametrize(
    "options, x, y, error, message",
    [
        ({"hidden_layer_sizes": 5}, X[:, 0], LABELS[:, 0], ValueError, "without hidden layers"),
        ({}, X, LABELS[:, 0], ValueError, r"X must have shape \(N, D\)"),
        ({}, X[:, 0], LABELS[1:, 0], ValueError, "inconsistent numbers of samples"),
        ({}, X[:, 0] * np.nan, LABELS[:, 0], ValueError, "X must hold finite numbers"),
        ({}, X[:, 0], LABELS[:, 0] * 0, ValueError, "at least two classes"),
        ({"alpha": -1}, X[:, 0], LABELS[:, 0], ValueError, "alpha"),
    ],
)
def test_the_classifier_says_what_does_not_fit(options, x, y, error, message):
    classifier = smnn.SoftmaxClassifier(**options)
    with pytest.raises(error, match=message):
        classifier.fit(da.from_array(x), y)
    assert not hasattr(classifier, "model_")


def test_the_classifier_asks_for_known_chunks():
    x = da.from_array(X[:, 0])
    with pytest.raises(ValueError, match=r"call X.compute_chunk_sizes\(\) first"):
        smnn.SoftmaxClassifier().fit(x[x[:, 0] > 0], LABELS[:, 0])


# --- More than the memory, and more than one process ------------------------------------

LARGER_THAN_MEMORY = """
    import resource
    import sys

    import dask
    import dask.array as da
    import numpy as np

    import smnn

    path, rows, features = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    step = 4_000
    dask.config.set(scheduler="synchronous")

    def load(start):
        x = np.fromfile(path, "f4", step * features, offset=4 * features * start)
        return x.reshape(step, features)

    def train(starts, y):
        parts = [
            da.from_delayed(dask.delayed(load)(start), (step, features), np.float32)
            for start in starts
        ]
        return smnn.SoftmaxClassifier(alpha=10.0).fit(da.concatenate(parts), y)

    y = np.load(path + ".labels.npy")
    train([0], y[:step])  # loads all libraries and compiles
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    limit = used + 3 * rows * features
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        np.fromfile(path, "f4")
    except MemoryError:
        print("does not fit")
    classifier = train(range(0, rows, step), y)
    np.save(path + ".weights.npy", classifier.coef_)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
def test_data_that_is_larger_than_the_memory(tmp_path):
    rows, features, path = 60_000, 64, tmp_path / "data"
    x, y = blobs(rows, features)
    x = x.astype(np.float32)
    x.tofile(path)
    np.save(f"{path}.labels.npy", y)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LARGER_THAN_MEMORY), path, str(rows), str(features)],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "SMNN_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "does not fit\n"
    expected = smnn.SoftmaxClassifier(alpha=10.0).fit(x, y)
    np.testing.assert_allclose(np.load(f"{path}.weights.npy"), expected.coef_, atol=1e-5)


def slowly(x):
    time.sleep(0.1)
    return x


def test_a_worker_that_is_killed_in_the_middle():
    distributed = pytest.importorskip("distributed")
    x = 5 * np.random.default_rng(0).standard_normal((40, 30))
    y = np.random.default_rng(1).integers(0, 30, 40)
    d = chunked(x, (4, 10)).map_blocks(slowly)
    expected, gradient = dask.compute(
        *smnn.dask.softmax_cross_entropy(chunked(x, (4, 10)), y), scheduler="synchronous"
    )
    patient = {"distributed.comm.timeouts.connect": "180s", "distributed.comm.timeouts.tcp": "180s"}
    with (
        dask.config.set(patient),  # a busy machine may take long to start a process
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):  # fmt: skip
        before = client.run(os.getpid)
        assert len(set(before.values())) == 2
        running = client.compute(smnn.dask.softmax_cross_entropy(d, y))
        time.sleep(0.7)
        assert not all(future.done() for future in running), "it ended too soon"
        os.kill(next(iter(before.values())), signal.SIGKILL)
        loss, dlogits = client.gather(running)
        np.testing.assert_array_equal(loss, expected)  # the same tree, the same bits
        np.testing.assert_array_equal(dlogits, gradient)
        with pytest.warns(UserWarning, match="has not converged"):
            fitted = smnn.SoftmaxClassifier(max_iter=2).fit(chunked(x[:, :3], (9, 3)), y % 2)
        assert not set(client.run(os.getpid).values()) == set(before.values())
    with pytest.warns(UserWarning, match="has not converged"):
        alone = smnn.SoftmaxClassifier(max_iter=2).fit(chunked(x[:, :3], (9, 3)), y % 2)
    np.testing.assert_array_equal(fitted.coef_, alone.coef_)
