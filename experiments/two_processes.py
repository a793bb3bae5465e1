"""Measure what Dask and two processes cost, and what they bring, for a cross-entropy.

    python -m experiments.two_processes

The scores of 2,048 rows and 20,000 classes, 164 megabytes of float32, lie in four chunks of rows
or in four chunks of classes.  Every way computes the mean cross-entropy once per turn; the ways
take turns, so that a busy moment hits all of them, and the best and the median turn of each are
kept.  Each process has one thread of kernels, and all run on one machine; how many other
processes wanted a core when the run began is kept too, because it slows what needs two.

The result is kept in ``smnn_book/data/two_processes.json``.
"""

import os
import statistics
import warnings
from time import perf_counter
from unittest import mock

import dask
import dask.array as da
import distributed
import numpy as np

import smnn
from benchmarks.machine import processor_name

from . import keep

ROWS, CLASSES, TURNS = 2048, 20_000, 9


def nothing(turn):
    return turn


def seconds(function):
    start = perf_counter()
    function()
    return perf_counter() - start


def measure(*, quick=False):
    """Return the seconds of every way; ``quick``: of one turn, with a sixteenth of the rows."""
    rows, turns = (ROWS // 16, 1) if quick else (ROWS, TURNS)
    chunks_by = {"rows": (rows // 4, CLASSES), "classes": (rows, CLASSES // 4)}
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((rows, CLASSES), np.float32)
    labels = rng.integers(CLASSES, size=rows)
    here = {by: da.from_array(scores, chunks=chunks) for by, chunks in chunks_by.items()}
    load = os.getloadavg()[0]
    smnn.set_num_threads(1)
    before = perf_counter()
    with (
        mock.patch.dict(os.environ, SMNN_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"),  # of workers
        warnings.catch_warnings(action="ignore", category=UserWarning),  # one way sends the scores
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        start = perf_counter() - before
        there = {
            by: client.persist(da.random.default_rng(0).standard_normal(
                (rows, CLASSES), chunks=chunks, dtype=np.float32))
            for by, chunks in chunks_by.items()
        }  # fmt: skip
        for x in there.values():
            client.compute(x.sum()).result()  # now all scores are there

        def loss(x, **options):
            return smnn.dask.cross_entropy(x, labels).compute(**options)

        def on_workers(x):
            return client.compute(smnn.dask.cross_entropy(x, labels)).result()

        def two_threads(x):
            with dask.config.set(scheduler="threads", num_workers=2):
                return loss(x)

        ways = {
            "smnn, no Dask": lambda: smnn.cross_entropy(scores, labels),
            "one thread, by rows": lambda: loss(here["rows"], scheduler="synchronous"),
            "one thread, by classes": lambda: loss(here["classes"], scheduler="synchronous"),
            "two threads, by rows": lambda: two_threads(here["rows"]),
            "two threads, by classes": lambda: two_threads(here["classes"]),
            "two processes, by rows": lambda: on_workers(there["rows"]),
            "two processes, by classes": lambda: on_workers(there["classes"]),
            "two processes, scores sent": lambda: on_workers(
                da.from_array(scores, chunks=chunks_by["rows"], name=False)
            ),
            "a task that does nothing": lambda: client.submit(
                nothing, perf_counter(), pure=False
            ).result(),
        }
        for way in ways.values():
            way()
        times = [{name: seconds(way) for name, way in ways.items()} for _ in range(turns)]
    return {
        "machine": {"processor": processor_name(), "cores": os.cpu_count(),
                    "processes that want a core": round(load, 1)},
        "versions": {"dask": dask.__version__, "numpy": np.__version__},
        "rows": rows, "classes": CLASSES, "turns": turns, "start of two processes": round(start, 3),
        "seconds": {
            name: {
                "best": float(f"{min(turn[name] for turn in times):.3g}"),
                "median": float(f"{statistics.median(turn[name] for turn in times):.3g}"),
            }
            for name in ways
        },
    }  # fmt: skip


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
