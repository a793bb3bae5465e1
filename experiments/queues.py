"""Train softmax policies that serve queues, and compare them with the best policy of all.

    python -m experiments.queues

The world is that of ``smnn_book.actions.queue_episodes``, with 3 and with 8 queues and 100 steps.
A policy scores queue k by w · length + c_k.  It learns by REINFORCE, with and without a baseline
(the mean return of the other episodes from the same step on), in 200 steps of Adam with 100
episodes each.  The rate of each variant is the best of four, by what two runs of their own lose in
the last 20 steps; then five runs are made at that rate.

With 3 queues all policies are evaluated exactly, and the best policy of all is computed from a
table.  With 8 queues each policy is evaluated on the same 10,000 fresh episodes.

The result is kept in ``smnn_book/data/queues.json``.
"""

import numpy as np
from scipy.optimize import minimize

import smnn
from smnn_book.actions import queue_episodes, queue_states, queue_value

from . import keep

STEPS, EPISODES, UPDATES, RUNS, TEST = 100, 100, 200, 5, 10_000
RATES = [0.1, 0.3, 1.0, 3.0]


def rounded(value):
    return float(f"{value:.4g}")


def scores_of(w, c):
    return lambda lengths: w * lengths + c


def not_empty(lengths):
    return np.where(lengths > 0, 0.0, -1e6)


def train(queues, rate, with_baseline, runs, updates, steps, rng):
    """Return w and c of several runs, and what each lost in the last tenth of its updates."""
    params = {"w": np.zeros((runs, 1, 1)), "c": np.zeros((runs, 1, queues))}
    optimizer, lost = smnn.Adam(rate), []
    for _ in range(updates):
        shape = runs, EPISODES, queues
        lengths, dz, rewards = queue_episodes(scores_of(**params), shape, steps, rng)
        G = rewards[::-1].cumsum(axis=0)[::-1]
        if with_baseline:
            G = (G - G.mean(axis=2, keepdims=True)) * EPISODES / (EPISODES - 1)
        dz = G[..., None] * dz / EPISODES
        gradients = {
            "w": (lengths * dz).sum(axis=(0, 2, 3))[:, None, None],
            "c": dz.sum(axis=(0, 2))[:, None],
        }
        optimizer.step(params, gradients)
        lost.append(-rewards.sum(axis=0).mean(axis=1))
    return params, np.mean(lost[-max(1, updates // 10) :], axis=0)


def loses(scores, queues, steps, episodes):
    """Return what a policy loses on average: exactly with 3 queues, else from fresh episodes."""
    if queues == 3:
        return rounded(-queue_value(smnn.softmax(scores(queue_states(3))), 3, steps))
    rng = np.random.default_rng(1)
    return rounded(-queue_episodes(scores, (episodes, queues), steps, rng)[2].sum(axis=0).mean())


def in_bytes(w, c):
    """Return weights that are whole numbers from −127 to 127, times one power of two."""
    largest = max(1.0, np.abs(w).max(), np.abs(c).max())
    unit = 2.0 ** np.ceil(np.log2(largest / 127))
    return np.round(w / unit) * unit, np.round(c / unit) * unit


def measure(*, quick=False):
    """Return what is lost, with 3 and with 8 queues; ``quick``: two updates of two runs."""
    updates, runs, steps, rates, test = UPDATES, RUNS, STEPS, RATES, TEST
    if quick:
        updates, runs, steps, rates, test = 2, 2, 10, RATES[:1], 20
    results = {}
    for queues in (3, 8):
        options = {"queues": queues, "steps": steps, "episodes": test}
        part = {
            "any queue": loses(np.zeros_like, **options),
            "any that is not empty": loses(not_empty, **options),
            "the longest": loses(scores_of(1e6, 0.0), **options),
        }
        for name in ("no baseline", "baseline"):
            with_baseline = name == "baseline"
            tried = []
            for rate in rates:
                rng = np.random.default_rng(100)
                _, lost = train(queues, rate, with_baseline, 2, updates, steps, rng)
                tried.append(rounded(lost.mean()))
            rate = rates[int(np.argmin(tried))]
            rng = np.random.default_rng(0)
            params, _ = train(queues, rate, with_baseline, runs, updates, steps, rng)
            learned = [(w.item(), c[0] - c.mean()) for w, c in zip(*params.values(), strict=True)]
            part[name] = {
                "rate": rate,
                "tried": tried,
                "weights": [[rounded(v) for v in (w, *c)] for w, c in learned],
                "lost": [loses(scores_of(w, c), **options) for w, c in learned],
                "in bytes": [loses(scores_of(*in_bytes(w, c)), **options) for w, c in learned],
            }
        results[str(queues)] = part

    part = results["3"]
    part["best"] = rounded(-queue_value(None, 3, steps))
    start = np.mean(part["baseline"]["weights"], axis=0)
    found = minimize(
        lambda v: -queue_value(smnn.softmax(v[0] * queue_states(3) + v[1:]), 3, steps),
        start, method="Nelder-Mead", options={"maxfev": 5 if quick else 500},
    )  # fmt: skip
    part["best of this form"] = rounded(found.fun)
    sizes = {"steps": STEPS, "episodes": EPISODES, "updates": UPDATES, "test": TEST}
    return {**sizes, "rates": RATES, **results}


def main():
    keep(__file__, measure())


if __name__ == "__main__":
    main()
