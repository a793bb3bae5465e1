"""The worlds of the chapter on actions, against simpler ways to compute the same."""

import pkgutil
import subprocess
import sys
from itertools import product

import numpy as np
import pytest

import smnn
import smnn_book
from smnn_book.actions import (
    BURST,
    PACKETS,
    ROOM,
    corridor_runs,
    corridor_value,
    grid_moves,
    queue_episodes,
    queue_states,
    queue_value,
    shares,
)


@pytest.mark.parametrize("p", [0.05, 0.3, 2 - 2**0.5, 0.95])
def test_the_value_of_the_corridor_has_a_formula(p):
    assert corridor_value(p) == pytest.approx((2 * p - 4) / (p * (1 - p)))


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = sys.modules["llvmlite"] = None
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
print(len(sys.argv[1:]))
"""


def test_chapters_that_are_not_about_numba_load_without_it():
    names = {module.name for module in pkgutil.walk_packages(smnn_book.__path__, "smnn_book.")}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMBA, *sorted(names - {"smnn_book.gpu"})],
        check=True, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert int(done.stdout) > 30


def test_a_corridor_that_does_not_learn_earns_its_value():
    returns = corridor_runs(0.0, range(20), episodes=500)
    error = returns.std() / returns.size**0.5
    assert abs(returns.mean() - corridor_value(0.05)) < 4 * error


def two_episodes(seed, *, held, baseline_rate, least):
    """Return the returns of two episodes of a run, the second after one update."""
    rng, z = np.random.default_rng(seed), np.log(0.05 / 0.95)
    returns = []
    b = 0.0
    for _ in range(2):
        p = np.clip(smnn.sigmoid(z), least, 1 - least)
        cell, took = 0, []
        while cell < 3 and len(took) < 10_000:
            took.append(rng.random() < p)
            cell = max(0, cell + (1 if took[-1] else -1) * (-1 if cell == 1 else 1))
        returns.append(-len(took))
        was = z
        for t, right in enumerate(took):
            b += baseline_rate * (t - len(took) - b)
            now = p if held else np.clip(smnn.sigmoid(z), least, 1 - least)
            z += 2.0**-13 * 2 * (t - len(took) - b) * (right - now)
        assert z != was
    return returns


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize(("baseline_rate", "least"), [(0.0, 0.0), (0.01, 0.0), (0.0, 0.1)])
def test_runs_in_the_corridor_are_those_of_a_plain_loop(held, baseline_rate, least):
    options = {"held": held, "baseline_rate": baseline_rate, "least": least}
    found = corridor_runs(2.0**-13, range(8), episodes=2, **options)
    assert found.tolist() == [two_episodes(seed, **options) for seed in range(8)]


def test_the_grid_is_example_4_1_of_sutton_and_barto():
    A, to_goal = grid_moves()
    np.testing.assert_array_equal(A, A.T)
    np.testing.assert_array_equal(A.sum(axis=1) + to_goal, 4)
    values = np.linalg.solve(np.eye(14) - A / 4, -np.ones(14))
    wanted = [-14, -20, -22, -14, -18, -20, -20, -20, -20, -18, -14, -22, -20, -14]
    np.testing.assert_allclose(values, wanted)


def test_the_value_of_two_queues_by_enumeration():
    policy = smnn.softmax(np.random.default_rng(0).normal(size=(10, 10, 2)))

    def value(state, steps):
        if steps == 0:
            return 0.0
        total = 0.0
        for served, (burst, chance), (queue, share) in product(
            range(2), ((True, BURST), (False, 1 - BURST)), enumerate(shares(2))
        ):
            q = list(state)
            q[served] = max(q[served] - 1, 0)
            q[queue] += PACKETS * burst
            lost = max(q[queue] - ROOM, 0)
            q[queue] -= lost
            total += policy[state][served] * chance * share * (value(tuple(q), steps - 1) - lost)
        return total

    assert queue_value(policy, 2, 5) == pytest.approx(value((0, 0), 5), abs=1e-12)
    assert value((0, 0), 5) < 0


def test_no_policy_beats_the_best_and_play_earns_the_value():
    def scores(lengths):
        return 4 * lengths + [0.5, 0.0, -0.5]

    policy = smnn.softmax(scores(queue_states(3)))
    exact = queue_value(policy, 3, 60)
    assert exact < queue_value(None, 3, 60) < 0
    _, _, rewards = queue_episodes(scores, (4000, 3), 60, np.random.default_rng(0))
    earned = rewards.sum(axis=0)
    assert abs(earned.mean() - exact) < 4 * earned.std() / earned.size**0.5


def test_queues_report_what_their_softmax_did():
    def scores(lengths):
        return 3 * lengths + [0.2, 0.0, -0.2]

    lengths, dz, rewards = queue_episodes(scores, (2, 50, 3), 30, np.random.default_rng(1))
    y = smnn.softmax(scores(lengths)) - dz
    np.testing.assert_allclose(np.sort(y, axis=-1)[..., -1], 1)
    np.testing.assert_allclose(y.sum(axis=-1), 1)
    packets = lengths * ROOM
    change = packets[1:] - packets[:-1] + np.minimum(y[:-1], packets[:-1])
    arrived = change.sum(axis=-1) - rewards[:-1]
    assert set(np.unique(arrived.round(9))) == {0.0, float(PACKETS)}
