r"""Softmax as a tree of two-way choices: log V steps to a class, or as many as its entropy."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from .._core import validation as check
from .._core.rows import compute_dtype
from .._core.types import Array, ArrayLike, Random
from ..activations import softplus
from ..functional.backend import kernels
from ..initializers import lecun
from .rows import TouchedRows, examples, mean_of
from .sampler import class_counts


class HierarchicalSoftmax:
    r"""Probabilities of V classes as the leaves of a binary tree.

    At every inner node i a sigmoid chooses between two branches, and a class is the way to its
    leaf, of nodes :math:`i` and signs :math:`t_i = \pm 1`:

    .. math:: \log p_c = \sum_{i \,\in\, \text{path}(c)} \log σ(t_i\, θ_i^\top h), \qquad
              \frac{∂(-\log p_c)}{∂θ_i} = -t_i\, σ(-t_i\, θ_i^\top h)\, h

    Both branches of a node share its probability, so that the probabilities of all classes sum
    to 1 exactly, for any tree and any weights.  An example costs the length of a path.  Huffman's
    tree makes the mean of it, L, as short as a binary code can be: with H the entropy of the
    classes in bits, H ≤ L < H + 1.

    Make one with `from_counts`.

    Attributes
    ----------
    params : dict of str to ndarray
        ``"W"`` of shape (V − 1, dim): θ, a row for each inner node, from the root down.  float64;
        put an array of float32 in its place to compute in that.
    code_lengths : ndarray of int64, shape (V,)
        How many nodes lead to each class.

    References
    ----------
    F. Morin and Y. Bengio, "Hierarchical Probabilistic Neural Network Language Model", 2005;
    T. Mikolov et al., "Distributed Representations of Words and Phrases and their
    Compositionality", 2013 (Huffman's tree).

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import HierarchicalSoftmax
    >>> tree = HierarchicalSoftmax.from_counts([4, 2, 1, 1], dim=2, rng=0)
    >>> tree.code_lengths
    array([1, 2, 3, 3])
    >>> h = np.array([[1.0, -1.0]])
    >>> round(float(np.exp(tree.log_prob(h)).sum()), 12)
    1.0
    >>> loss, grads, dh = tree.loss(h, [1])
    >>> rows, values = grads["W"]
    >>> tree.params["W"][rows] -= 0.1 * values
    """

    def __init__(self, parent: Array, W: Array) -> None:
        # parent[i] of an inner node, and of the leaves from V − 1 on: 2 · node + branch.  A node
        # comes after its parent.
        self._parent = parent
        self.params: dict[str, Array] = {"W": W}
        self._first, self._nodes, self._signs = paths(parent)
        self.code_lengths: Array = np.diff(self._first)

    @classmethod
    def from_counts(
        cls,
        counts: ArrayLike,
        dim: int,
        *,
        tree: str = "huffman",
        rng: Random = None,
    ) -> HierarchicalSoftmax:
        r"""Return a tree for classes that occur so often, with random weights.

        Parameters
        ----------
        counts : array_like, shape (V,)
            How often each class occurs: numbers of at least 0, not all 0.  A class with count 0
            has a leaf too, among the deepest.
        dim : int
            The length of h.
        tree : {"huffman", "balanced"}
            "huffman" gives frequent classes short paths; "balanced" gives all of them
            :math:`\lfloor \log_2 V \rfloor` or :math:`\lceil \log_2 V \rceil` nodes.  With one
            class there is no node, and its probability is 1.
        rng : None, int or Generator
            Draws the weights, with variance 1 / dim.

        Returns
        -------
        HierarchicalSoftmax

        Raises
        ------
        TypeError, ValueError
            If the counts are not numbers of at least 0, or all 0, or an argument is not as
            described.

        Examples
        --------
        >>> from smnn import HierarchicalSoftmax
        >>> HierarchicalSoftmax.from_counts([4, 2, 1, 1], 5, tree="balanced").code_lengths
        array([2, 2, 2, 2])
        """
        counts = class_counts(counts)
        dim = check.positive_integer(dim, "dim")
        make = {"huffman": huffman_tree, "balanced": balanced_tree}
        parent = make[check.choice(tree, tuple(make), "tree")](counts)
        W = lecun((dim, len(counts) - 1), rng=rng).T.copy()
        return cls(parent, W)

    def __repr__(self) -> str:
        nodes, dim = self.params["W"].shape
        return f"HierarchicalSoftmax({nodes + 1} classes, dim={dim})"

    def loss(
        self, h: ArrayLike, target: ArrayLike
    ) -> tuple[Any, dict[str, tuple[Array, Array]], Array]:
        """Return the mean of −log p of the true classes, and its gradients.

        Parameters
        ----------
        h : array_like, shape (N, dim)
        target : array_like of int, shape (N,)
            A token that is not in the vocabulary has no leaf: leave it out, or count it as a
            class of its own.

        Returns
        -------
        loss : scalar
            nan if there is no example.
        grads : dict
            ``"W"``: a pair (rows, values), the distinct nodes on the paths in rising order and
            their gradients; the others are 0.  ``params["W"][rows] -= lr * values`` is the step.
        dh : ndarray, shape (N, dim)

        Raises
        ------
        IndexError
            If a label names no class.
        TypeError, ValueError
            If an argument has the wrong type or shape.
        """
        classes = len(self.code_lengths)
        h, W, _, target, dtype, real = examples(h, self.params["W"], target, classes)
        starts = np.zeros(len(target) + 1, np.int64)
        np.cumsum(self.code_lengths[target], out=starts[1:])
        nodes, signs = np.empty(starts[-1], np.int64), np.empty(starts[-1], real)
        kernels.gather_paths(target, self._first, self._nodes, self._signs, starts, nodes, signs)
        touched = TouchedRows(h, W, starts, [nodes[None]], real)
        scores = touched.scores()
        total = kernels.logistic_loss(scores, signs, 1 / max(len(target), 1))
        dh, dW, _ = touched.gradients(scores, has_offset=False)
        grads = {"W": (touched.rows, dW.astype(dtype, copy=False))}
        return mean_of(total, len(target), dtype), grads, dh.astype(dtype, copy=False)

    def log_prob(self, h: ArrayLike) -> Array:
        """Return the log-probability of every class, which costs V − 1 scores per row.

        Parameters
        ----------
        h : array_like, shape (N, dim)

        Returns
        -------
        ndarray, shape (N, V)
        """
        h, W = check.float_array(h, "h"), self.params["W"]
        if h.ndim != 2 or h.shape[1] != W.shape[1]:
            raise ValueError(f"h must have shape (N, {W.shape[1]}), got shape {h.shape}")
        dtype = np.result_type(h, W)
        real = compute_dtype(dtype)
        scores = W.astype(real, copy=False) @ h.T.astype(real, copy=False)
        # log σ(−s) of the branches 0 and log σ(s) of the branches 1, one after the other.
        branches = np.empty((len(scores), 2, len(h)), real)
        np.negative(softplus(scores), out=branches[:, 0])
        np.negative(softplus(-scores), out=branches[:, 1])
        branches = branches.reshape(2 * len(scores), len(h))
        nodes = len(W)
        logs = np.zeros((2 * nodes + 1, len(h)), real)
        for level in self._levels():
            branch = self._parent[level]
            logs[level] = logs[branch >> 1] + branches[branch]
        return np.ascontiguousarray(logs[nodes:].T, dtype)

    def _levels(self):
        """Yield the nodes and leaves of each depth, from the children of the root down."""
        nodes = len(self._parent) // 2
        depth = np.concatenate([np.zeros(nodes, np.int64), self.code_lengths])
        begins = np.repeat(self._first[:-1], self.code_lengths)
        depth[self._nodes] = np.arange(len(self._nodes)) - begins
        order = np.argsort(depth, kind="stable")
        edges = np.flatnonzero(np.diff(depth[order])) + 1
        yield from np.split(order, edges)[1:]


def huffman_tree(counts):
    """Return the parents of Huffman's tree: of the inner nodes from the root, then of the leaves.

    Two queues do without a heap: the leaves by count, and the nodes, which are made in the order
    of their counts.  Of equal counts the leaf comes first, which keeps paths short.
    """
    classes = len(counts)
    # As float64, where integers of small types would overflow when they are added.
    leaves = deque((count, classes - 1 + c) for count, c in _by_count(counts))
    made = deque()
    parent = np.zeros(2 * classes - 1, np.int64)
    for node in range(classes - 2, -1, -1):
        total = 0.0
        for branch in (0, 1):
            is_leaf = leaves and (not made or leaves[0][0] <= made[0][0])
            count, child = (leaves if is_leaf else made).popleft()
            parent[child] = 2 * node + branch
            total += count
        made.append((total, node))
    return parent


def _by_count(counts):
    """Return pairs (count, class) from the rarest on; of equal counts the last class first."""
    order = np.argsort(counts[::-1], kind="stable")
    classes = len(counts) - 1 - order
    return zip(counts[classes].astype(np.float64).tolist(), classes.tolist(), strict=True)


def balanced_tree(counts):
    """Return the parents of the complete tree, whose leaves lie in two levels at most."""
    return np.arange(-1, 2 * len(counts) - 2).clip(0)


def paths(parent):
    """Return the way to every class: where it begins, its nodes from the root, and its signs.

    A sign is −1 for branch 1 and +1 for branch 0: the loss of a node is softplus(sign · score).
    """
    classes = (len(parent) + 1) // 2
    at = np.arange(classes - 1, 2 * classes - 1)
    steps = []
    going = np.arange(classes) if classes > 1 else np.arange(0)
    lengths = np.zeros(classes, np.int64)
    while len(going):
        branch = parent[at[going]]
        at[going] = branch >> 1
        lengths[going] += 1
        steps.append((going, branch))
        going = going[at[going] > 0]
    first = np.concatenate([[0], np.cumsum(lengths)])
    nodes, signs = np.empty(first[-1], np.int64), np.empty(first[-1])
    for step, (going, branch) in enumerate(steps, 1):  # from the leaf up, so from the end back
        place = first[going + 1] - step
        nodes[place], signs[place] = branch >> 1, 1.0 - 2.0 * (branch & 1)
    return first, nodes, signs
