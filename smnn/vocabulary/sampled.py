r"""Losses that score the true class and k drawn ones instead of all V.

With :math:`s_c = w_c^\top h + b_c`, the true class y, noise q and draws
:math:`c_1, \dots, c_k \sim q` for each example:

- negative sampling tells the truth from the noise by the score alone,
  :math:`-\log σ(s_y) - \sum_j \log σ(-s_{c_j})`;
- noise-contrastive estimation does so with :math:`s - \log kq` in place of s;
- sampled softmax is softmax over the true class and the draws, of the same corrected scores.

Their gradients are p − y in other dress: σ minus 1 for the truth, and σ minus 0 for a draw.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import validation as check
from .._core.types import Array, ArrayLike, Random
from ..functional.backend import kernels
from .rows import TouchedRows, examples, mean_of
from .sampler import UnigramSampler

Rows = tuple[Array, Array]
Gradients = tuple[Array, Rows, Rows | None]


def negative_sampling_loss(
    h: ArrayLike,
    W: ArrayLike,
    target: ArrayLike,
    *,
    noise: Any,
    k: int = 10,
    b: ArrayLike | None = None,
    rng: Random = None,
) -> tuple[Any, Gradients]:
    r"""Return the loss of negative sampling and its gradients by rows.

    .. math:: L = -\frac1N \sum_n \Big( \log σ(s_{y_n})
              + \sum_{j=1}^{k} \log σ(-s_{c_{nj}}) \Big), \qquad s_c = w_c^\top h_n + b_c

    where the :math:`c_{nj}` are drawn from the noise q.  In expectation it is least at
    :math:`s_c = \log \frac{p_c}{k\,q_c}`.  So softmax of the scores is **not** p; softmax of
    :math:`s + \log q` is, where the scores can reach the optimum.

    Parameters
    ----------
    h : array_like, shape (N, d)
        The context of each example.
    W : array_like, shape (V, d)
        A row of weights for each class.  `linear_cross_entropy` has classes in columns.
    target : array_like of int, shape (N,)
        The true classes.  A token that is not in the vocabulary has no class: leave it out, or
        give it one of its own.
    noise : UnigramSampler, or array_like of shape (V,)
        What classes are drawn from; probabilities that sum to 1, or anything that has
        ``probs`` and ``sample(size, rng)``.  An array is made into a sampler at every call, in a
        time proportional to V.
    k : int, default 10
        How many are drawn for each example, with replacement: at least 1.  With k = 0 there
        would be nothing to tell the truth from, so that 0 is refused.
    b : array_like, shape (V,), optional
        A bias for each class.
    rng : None, int or Generator
        What ``noise.sample((N, k), rng)`` is given.

    Returns
    -------
    loss : scalar
        The mean over the examples; nan if there is none.
    gradients : tuple (dh, (rows, dW_rows), (rows, db_rows))
        ``dh`` has the shape of `h`.  ``rows`` are the distinct classes that were scored, in
        rising order, and ``dW_rows`` the gradients of their weights: in all other rows it is 0.
        Gradient descent is ``W[rows] -= lr * dW_rows``.  The last is None if `b` is None.

    Raises
    ------
    IndexError
        If a label or a draw names no class.
    TypeError, ValueError
        If an argument has the wrong type, shape or value.

    Notes
    -----
    A draw that happens to be the true class stays: the optimum above is that of draws from all
    of q.  The draws of each example are its own.

    References
    ----------
    T. Mikolov et al., "Distributed Representations of Words and Phrases and their
    Compositionality", 2013; O. Levy and Y. Goldberg, "Neural Word Embedding as Implicit Matrix
    Factorization", 2014 (the optimum).

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import negative_sampling_loss
    >>> h, W = np.array([[1.0, 2.0]]), np.zeros((4, 2))
    >>> noise = [0.0, 1.0, 0.0, 0.0]
    >>> loss, (dh, (rows, dW_rows), _) = negative_sampling_loss(h, W, [3], noise=noise, k=1, rng=0)
    >>> round(float(loss), 3)  # 2 log 2: every σ is ½
    1.386
    >>> rows, dW_rows
    (array([1, 3]), array([[ 0.5,  1. ],
           [-0.5, -1. ]]))
    >>> W[rows] -= 0.1 * dW_rows
    """
    batch = _Batch(h, W, target, noise, k, b, rng)
    return batch.logistic(corrected=False)


def nce_loss(
    h: ArrayLike,
    W: ArrayLike,
    target: ArrayLike,
    *,
    noise: Any,
    k: int = 10,
    b: ArrayLike | None = None,
    rng: Random = None,
) -> tuple[Any, Gradients]:
    r"""Return the loss of noise-contrastive estimation and its gradients by rows.

    .. math:: L = -\frac1N \sum_n \Big( \log σ(s_{y_n} - \log k q_{y_n})
              + \sum_{j=1}^{k} \log σ(\log k q_{c_{nj}} - s_{c_{nj}}) \Big)

    In expectation it is least at :math:`s_c = \log p_c`, so that the exponentials of the scores
    come to sum to 1 without ever being summed.  The larger k, the closer its gradient comes to
    that of maximum likelihood.

    Parameters
    ----------
    h, W, target, noise, k, b, rng
        As `negative_sampling_loss`.  The noise must give every true class a probability
        above 0.

    Returns
    -------
    loss, gradients
        As `negative_sampling_loss`.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `negative_sampling_loss`.

    Notes
    -----
    A draw that happens to be the true class stays: without it the optimum is another one.

    References
    ----------
    M. Gutmann and A. Hyvärinen, "Noise-contrastive estimation: A new estimation principle for
    unnormalized statistical models", 2010; A. Mnih and Y. W. Teh, "A fast and simple algorithm
    for training neural probabilistic language models", 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import nce_loss
    >>> h, W = np.array([[1.0, 2.0]]), np.zeros((4, 2))
    >>> loss, (dh, (rows, dW_rows), _) = nce_loss(h, W, [3], noise=[0.25] * 4, k=1, rng=0)
    >>> round(float(loss), 3)  # log(1 + ¼) + log(1 + 4)
    1.833
    >>> rows, dW_rows
    (array([2, 3]), array([[ 0.8,  1.6],
           [-0.2, -0.4]]))
    """
    batch = _Batch(h, W, target, noise, k, b, rng)
    return batch.logistic(corrected=True)


def sampled_softmax_loss(
    h: ArrayLike,
    W: ArrayLike,
    target: ArrayLike,
    *,
    noise: Any,
    k: int = 10,
    b: ArrayLike | None = None,
    rng: Random = None,
) -> tuple[Any, Gradients]:
    r"""Return the loss of sampled softmax and its gradients by rows.

    .. math:: L = -\frac1N \sum_n \log \frac{e^{z_{y_n}}}{e^{z_{y_n}}
              + \sum_{j:\, c_{nj} \ne y_n} e^{z_{c_{nj}}}}, \qquad z_c = s_c - \log k q_c

    It is cross-entropy over the true class and the draws.  A class that is drawn often would
    count often; :math:`-\log k q_c` makes up for it.  The gradient is biased, because the
    logarithm of a mean is not the mean of a logarithm.  The bias falls as k grows, and without
    the correction it stays.

    Parameters
    ----------
    h, W, target, noise, k, b, rng
        As `negative_sampling_loss`.  The noise must give every true class a probability
        above 0.

    Returns
    -------
    loss, gradients
        As `negative_sampling_loss`.

    Raises
    ------
    IndexError, TypeError, ValueError
        As `negative_sampling_loss`.

    Notes
    -----
    A draw that happens to be the true class leaves the sum, where the true class already
    is; if all draws do so, the loss of the example is 0.  Where every class is drawn once, from
    uniform noise, the result is that of full softmax.

    A true class that is drawn over and over, k q far above 1, has no share left: its draws are
    gone, and :math:`1/kq` remains of it.  Choose k well below 1 / q of the most frequent class.

    References
    ----------
    Y. Bengio and J.-S. Senécal, "Adaptive Importance Sampling to Accelerate Training of a Neural
    Probabilistic Language Model", 2008; S. Jean et al., "On Using Very Large Target Vocabulary
    for Neural Machine Translation", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import sampled_softmax_loss
    >>> h, W = np.array([[1.0, 2.0]]), np.zeros((4, 2))
    >>> noise = [0.1, 0.4, 0.4, 0.1]
    >>> loss, _ = sampled_softmax_loss(h, W, [3], noise=noise, k=1, rng=0)
    >>> round(float(loss), 3)  # −log (1/.1) / (1/.1 + 1/.4)
    0.223
    """
    batch = _Batch(h, W, target, noise, k, b, rng)
    return batch.softmax()


class _Batch:
    """The true class and the draws of every example, with their scores."""

    def __init__(self, h, W, target, noise, k, b, rng):
        k = check.integer(k, "k")
        if k < 1:
            raise ValueError(
                f"k must be at least 1, got {k}: without draws there is nothing to tell the "
                "true class from"
            )
        classes = len(W) if np.ndim(W) else 0
        h, W, b, target, self.dtype, real = examples(h, W, target, classes, b)
        noise = _sampler(noise, classes)
        self.shape = len(target), 1 + k
        draws = _draws(noise, (len(target), k), rng)
        starts = np.arange(0, draws.size + len(target) + 1, 1 + k)
        self.touched = TouchedRows(h, W, starts, [target[:, None], draws], real)
        bad = self.touched.bad
        if bad >= 0:
            raise IndexError(
                f"noise.sample drew {draws.flat[bad]} for row {bad // k}: with {classes} "
                f"classes a draw lies in 0 … {classes - 1}"
            )
        rows = self.touched.rows
        self.bias = None if b is None else b[rows].astype(real, copy=False)
        self.chances = k * np.asarray(noise.probs)[rows]

    def logistic(self, corrected):
        """Return loss and gradients of telling the true class from the draws."""
        scores = self.touched.scores(self._offset(corrected))
        signs = np.ones(self.shape, scores.dtype)
        signs[:, 0] = -1
        total = kernels.logistic_loss(scores, signs.reshape(-1), 1 / max(self.shape[0], 1))
        return self._result(total, scores)

    def softmax(self):
        """Return loss and gradients of softmax over the true class and the draws."""
        scores = self.touched.scores(self._offset(corrected=True))
        table = scores.reshape(self.shape)
        places = self.touched.places.reshape(self.shape)
        table[:, 1:][places[:, 1:] == places[:, :1]] = -np.inf
        first = np.zeros(len(table), np.int64)
        losses = np.empty(len(table), scores.dtype)
        _, total, _ = kernels.cross_entropy_labels(
            table, first, -100, None, 0.0, float(max(len(table), 1)), losses, table
        )
        return self._result(total, scores)

    def _offset(self, corrected):
        """Return what is added to the products of each touched row: b − log kq, b, or None."""
        if not corrected:
            return self.bias
        if not (self.chances > 0).all():
            row = self.touched.rows[(self.chances <= 0).argmax()]
            raise ValueError(
                f"the noise must give every class that is scored a probability above 0, "
                f"got 0 for class {row}"
            )
        offset = -np.log(self.chances)
        if self.bias is not None:
            offset += self.bias
        return offset.astype(self.touched.h.dtype, copy=False)

    def _result(self, total, dscores):
        dh, dW, db = self.touched.gradients(dscores, self.bias is not None)
        rows, dtype = self.touched.rows, self.dtype
        of_bias = None if db is None else (rows, db.astype(dtype, copy=False))
        gradients = dh.astype(dtype, copy=False), (rows, dW.astype(dtype, copy=False)), of_bias
        return mean_of(total, self.shape[0], dtype), gradients


def _sampler(noise, classes):
    """Return noise that has ``probs``, one per class, and ``sample``."""
    if not hasattr(noise, "sample"):
        probs = check.float_array(noise, "noise")
        if probs.shape == (classes,) and not abs(probs.sum(dtype=np.float64) - 1) < 1e-3:
            raise ValueError(
                "noise must be probabilities that sum to 1, or a UnigramSampler, "
                f"got numbers that sum to {probs.sum(dtype=np.float64):g}"
            )
        if probs.ndim == 1 and probs.size:
            noise = UnigramSampler(probs, power=1.0)
    shape = np.shape(getattr(noise, "probs", noise))
    if shape != (classes,):
        raise ValueError(
            f"noise must have one probability per class, shape ({classes},), got shape {shape}"
        )
    return noise


def _draws(noise, size, rng):
    """Return draws of this shape."""
    draws = check.integer_array(noise.sample(size, check.generator(rng)), "noise.sample")
    if draws.shape != size:
        raise ValueError(f"noise.sample must draw the shape {size}, got shape {draws.shape}")
    return draws
