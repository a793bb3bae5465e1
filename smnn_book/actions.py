"""Small worlds in which a softmax chooses: a corridor, a grid, and queues of packets."""

from functools import cache

import numpy as np

import smnn


def corridor_value(p):
    """Return the expected return from the first cell of the short corridor.

    Three cells in a row, then the goal.  Each step costs 1.  In the second cell the two actions
    are switched, and no cell can be told from another, so that a policy is one number.

    Parameters
    ----------
    p : float
        The probability of going right, above 0 and below 1.

    Examples
    --------
    >>> round(corridor_value(0.5), 6)
    -12.0
    """
    stay = np.array([[1 - p, p, 0], [p, 0, 1 - p], [0, 1 - p, 0]])
    return float(np.linalg.solve(np.eye(3) - stay, -np.ones(3))[0])


def _corridor_run(rng, rate, held, baseline_rate, least, start, returns):
    z, b, longest = start, 0.0, 10_000
    went_right = np.empty(longest, np.bool_)
    for episode in range(len(returns)):
        p = min(max(1 / (1 + np.exp(-z)), least), 1 - least)
        cell = n = 0
        while cell < 3 and n < longest:
            went_right[n] = rng.random() < p
            step = 1 if went_right[n] != (cell == 1) else -1
            cell = max(cell + step, 0)
            n += 1
        returns[episode] = -n
        move = 0.0
        for t in range(n):
            G = t - n
            b += baseline_rate * (G - b)
            part = rate * (G - b) * 2 * (went_right[t] - p)
            if held:
                move += part
            else:
                z += part
                p = min(max(1 / (1 + np.exp(-z)), least), 1 - least)
        z += move


@cache
def _compiled_run():
    """Return `_corridor_run` compiled; plain, a cell of the chapter takes a quarter of an hour."""
    from numba import njit  # here, as the small worlds themselves do without

    return njit(_corridor_run)


def corridor_runs(rate, seeds, *, held=True, baseline_rate=0.0, least=0.0, episodes=1000):
    """Return what runs of REINFORCE earn in the short corridor, episode by episode.

    A run begins with a probability of 0.05 of going right.  An episode of more than 10,000 steps
    is broken off there.

    Parameters
    ----------
    rate : float
        The learning rate of both scores.
    seeds : sequence of int
        One for each run.
    held : bool
        Whether all steps of an episode are judged under the policy that took them.  Otherwise the
        policy moves after each of them.
    baseline_rate : float
        The rate of a baseline, a running mean of the returns; 0 for none.
    least : float
        No action gets less probability than this.
    episodes : int

    Returns
    -------
    ndarray, shape (len(seeds), episodes)

    Examples
    --------
    >>> corridor_runs(2.0**-12, [0, 1], episodes=3).shape
    (2, 3)
    """
    returns = np.empty((len(seeds), episodes))
    start, run = np.log(0.05 / 0.95), _compiled_run()
    for seed, row in zip(seeds, returns, strict=True):
        rng = np.random.default_rng(seed)
        run(rng, rate, held, baseline_rate, least, start, row)
    return returns


def grid_moves(side=4):
    """Return how many actions lead from each cell of a grid to each other cell, and to a goal.

    Two opposite corners are goals.  Of the four actions of a cell, those that would leave the
    grid stay where they are.

    Parameters
    ----------
    side : int

    Returns
    -------
    A : ndarray, shape (S, S)
        For the S = side² − 2 cells that are no goals, row by row.
    to_goal : ndarray, shape (S,)

    Examples
    --------
    >>> A, to_goal = grid_moves()
    >>> A.shape, int(A.sum() + to_goal.sum())
    ((14, 14), 56)
    """
    last = side - 1
    goals = {(0, 0), (last, last)}
    cells = [cell for cell in np.ndindex(side, side) if cell not in goals]
    A, to_goal = np.zeros((len(cells), len(cells))), np.zeros(len(cells))
    for k, (i, j) in enumerate(cells):
        for di, dj in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            there = min(max(i + di, 0), last), min(max(j + dj, 0), last)
            if there in goals:
                to_goal[k] += 1
            else:
                A[k, cells.index(there)] += 1
    return A, to_goal


#: A queue holds as many packets as this; with a probability a burst of so many comes in a step.
ROOM, BURST, PACKETS = 9, 0.3, 3


def shares(queues):
    """Return how the bursts are shared out: each queue gets less than the one before.

    Examples
    --------
    >>> shares(3)
    array([0.5       , 0.33333333, 0.16666667])
    """
    weights = np.arange(queues, 0, -1.0)
    return weights / weights.sum()


def queue_episodes(scores, shape, steps, rng):
    """Return what happens when a softmax serves queues.

    In each step one queue is served, which takes a packet from it, if there is one.  Then, with
    a probability of 0.3, three packets come to a queue that has room for nine in all.  The
    reward is minus the number of packets that are lost.  All queues are empty at the beginning.

    Parameters
    ----------
    scores : callable
        Takes the lengths of the queues as shares of the room, and returns the scores of the
        softmax, both of the shape that follows.
    shape : tuple of int
        The last is the number of queues, the others count episodes.
    steps : int
    rng : Generator

    Returns
    -------
    lengths : ndarray, shape (steps, *shape)
        As shares of the room.
    dz : ndarray, shape (steps, *shape)
        p − y, where y is the queue that was served.
    rewards : ndarray, shape (steps, *shape[:-1])

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> lengths, dz, rewards = queue_episodes(np.zeros_like, (5, 3), 7, rng)
    >>> lengths.shape, rewards.shape
    ((7, 5, 3), (7, 5))
    """
    which = np.arange(shape[-1])
    until = np.cumsum(shares(len(which)))[:-1]
    q, record = np.zeros(shape), []
    for _ in range(steps):
        lengths = q / ROOM
        z = scores(lengths)
        served = (z + rng.gumbel(size=shape)).argmax(axis=-1)
        y = (served[..., None] == which).astype(float)
        there = (rng.random(shape[:-1])[..., None] > until).sum(axis=-1)
        come = PACKETS * (rng.random(shape[:-1]) < BURST)
        q = np.maximum(q - y, 0) + come[..., None] * (there[..., None] == which)
        lost = np.maximum(q - ROOM, 0)
        q = q - lost
        record.append((lengths, smnn.softmax(z) - y, -lost.sum(axis=-1)))
    return tuple(np.array(part) for part in zip(*record, strict=True))


def queue_states(queues):
    """Return all states: the lengths of the queues, as shares of the room.

    Examples
    --------
    >>> queue_states(2).shape
    (10, 10, 2)
    """
    return np.moveaxis(np.indices((ROOM + 1,) * queues), 0, -1) / ROOM


def queue_value(policy, queues, steps):
    """Return the expected return of a policy that serves empty queues from now on, exactly.

    Parameters
    ----------
    policy : ndarray, shape (10, …, 10, K), or None
        The probabilities of the K queues in each state.  None stands for the best policy, which
        knows how many steps are left.
    queues, steps : int

    Returns
    -------
    float

    Examples
    --------
    >>> round(queue_value(np.full((10, 10, 2), 0.5), 2, 6), 4)
    -0.023
    """
    lengths = np.indices((ROOM + 1,) * queues)

    def elsewhere(queue, change):
        moved = lengths.copy()
        moved[queue] = np.clip(moved[queue] + change, 0, ROOM)
        return tuple(moved)

    V = np.zeros(lengths.shape[1:])
    for _ in range(steps):
        served = (1 - BURST) * V
        for queue, share in enumerate(shares(queues)):
            lost = np.maximum(lengths[queue] + PACKETS - ROOM, 0)
            served = served + BURST * share * (V[elsewhere(queue, PACKETS)] - lost)
        Q = np.stack([served[elsewhere(queue, -1)] for queue in range(queues)], axis=-1)
        V = Q.max(axis=-1) if policy is None else (policy * Q).sum(axis=-1)
    return float(V[(0,) * queues])
