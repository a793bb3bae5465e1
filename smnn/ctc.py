r"""Connectionist temporal classification: a loss for labels without an alignment, and decoding.

A network gives a softmax over the classes for each frame, and one of the classes is the blank.  A
path chooses a class for each frame.  It reads as what is left when first repeated classes are
merged and then the blanks are removed: with − for the blank, the paths ``a−ab``, ``aa−ab`` and
``−a−ab−`` all read as ``aab``.  The loss is −log of the sum over all paths that read as the labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._core import validation as check
from ._core.rows import compute_dtype, contiguous
from ._core.types import Array, ArrayLike
from .functional import log_softmax
from .functional.backend import kernels

_REDUCTIONS = ("mean", "sum", "none")


def ctc_loss(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    input_lengths: ArrayLike | None = None,
    label_lengths: ArrayLike | None = None,
    blank: int = 0,
    reduction: str = "mean",
) -> tuple[Any, Array]:
    r"""Return the CTC loss of sequences, and its gradient with respect to the logits.

    With :math:`p_t` the softmax of frame t, and :math:`\pi` all paths of T classes that read as the
    labels,

    .. math::

        \mathrm{loss} = -\log P, \qquad P = \sum_{\pi} \prod_t p_t(\pi_t), \qquad
        \frac{\partial\,\mathrm{loss}}{\partial z_t(k)} = p_t(k) - y_t(k)

    Here :math:`y_t(k)` is the occupancy: the share of P of the paths that are at class k in
    frame t.

    Parameters
    ----------
    logits : array_like, shape (T, N, C)
        The scores of T frames for N sequences, classes last.  They are no log-probabilities: the
        softmax is taken here.
    labels : array_like of int, shape (N, L)
        The classes that each sequence should read as, none of them the blank.  What lies beyond
        the length of a sequence is not looked at.
    input_lengths : array_like of int, shape (N,), optional
        How many frames each sequence has, at most T; all have T if not given.
    label_lengths : array_like of int, shape (N,), optional
        How many labels each sequence has, at most L; all have L if not given.
    blank : int, default 0
        The class of the blank.
    reduction : {"mean", "sum", "none"}
        "mean" divides each loss by the number of its labels, or by 1 if there are none, and takes
        the mean over the sequences, as PyTorch does.

    Returns
    -------
    loss : floating scalar, or ndarray of shape (N,)
    dlogits : ndarray, shape (T, N, C)
        The gradient of the loss; with "none", of the sum of the losses.

    Raises
    ------
    IndexError
        If a label is no class.
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or a label is the blank.

    Notes
    -----
    A sequence that has no path, because its frames are fewer than its labels and the blanks
    between equal neighbors, or because of logits of −inf, has the loss inf and the gradient 0.
    One with a logit of nan or +inf has the loss nan and the gradient nan.  Frames beyond the
    length of a sequence have the gradient 0, whatever they hold.

    Each row of the gradient sums to 0, up to rounding.  The result does not depend on the number
    of threads.

    References
    ----------
    A. Graves et al., "Connectionist Temporal Classification: Labelling Unsegmented Sequence Data
    with Recurrent Neural Networks", 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import ctc_loss
    >>> logits = np.log([[[0.6, 0.4]], [[0.6, 0.4]]])  # two frames, a blank and one label
    >>> loss, dlogits = ctc_loss(logits, [[1]])
    >>> round(float(np.exp(-loss)), 2)
    0.64
    >>> dlogits[:, 0].round(3)
    array([[ 0.225, -0.225],
           [ 0.225, -0.225]])
    """
    x, blank, frames = _sequences(logits, blank, input_lengths)
    reduction = check.choice(reduction, _REDUCTIONS, "reduction")
    count = x.shape[1]
    classes = check.integer_array(labels, "labels")
    if classes.ndim != 2 or len(classes) != count:
        raise ValueError(
            f"labels must have shape (N, L), one row for each of the {count} sequences, "
            f"got shape {classes.shape}"
        )
    lengths = _lengths(label_lengths, count, classes.shape[1], "label_lengths")
    _require_labels(classes, lengths, x.shape[2], blank)
    rows = contiguous(x, compute_dtype(x.dtype))
    divisors = np.ones(count)
    if reduction == "mean":
        divisors = np.maximum(lengths, 1) * count
    losses, dlogits = np.empty(count, rows.dtype), np.empty(rows.shape, rows.dtype)
    weights = (1 / divisors).astype(rows.dtype)
    classes = contiguous(classes, np.int64)
    kernels.ctc(rows, classes, frames, lengths, blank, weights, losses, dlogits)
    dlogits = dlogits.astype(x.dtype, copy=False)
    with np.errstate(over="ignore"):
        if reduction == "none":
            return losses.astype(x.dtype, copy=False), dlogits
        total = (losses / divisors).sum() if count or reduction == "sum" else np.nan
        return x.dtype.type(total), dlogits


def ctc_greedy_decode(
    logits: ArrayLike, *, input_lengths: ArrayLike | None = None, blank: int = 0
) -> list[tuple[int, ...]]:
    r"""Return what the likeliest path of each sequence reads as.

    The likeliest path takes the likeliest class of every frame.  Another reading may be likelier,
    because many paths share it: see `ctc_beam_search`.

    Parameters
    ----------
    logits : array_like, shape (T, N, C)
        Of equal logits of a frame the first counts.
    input_lengths : array_like of int, shape (N,), optional
        How many frames each sequence has; all have T if not given.
    blank : int, default 0

    Returns
    -------
    list of tuple of int
        The labels of each sequence.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or a frame has no softmax.

    Examples
    --------
    >>> from smnn import ctc_greedy_decode, one_hot
    >>> path = [0, 1, 1, 0, 1, 2, 2]
    >>> ctc_greedy_decode(one_hot(path)[:, None])
    [(1, 1, 2)]
    """
    x, blank, lengths = _sequences(logits, blank, input_lengths)
    _require_softmax(x, lengths)
    best = x.argmax(axis=2)
    begins = best != blank
    begins[1:] &= best[1:] != best[:-1]
    return [
        tuple(best[:length, n][begins[:length, n]].tolist()) for n, length in enumerate(lengths)
    ]


def ctc_beam_search(
    logits: ArrayLike,
    *,
    beam_width: int,
    input_lengths: ArrayLike | None = None,
    blank: int = 0,
) -> list[list[tuple[tuple[int, ...], float]]]:
    r"""Return the likeliest readings of each sequence that a search over prefixes finds.

    After each frame the `beam_width` likeliest readings of the frames so far are kept, each with
    two sums over its paths: those that end in a blank, and those that end in its last label.

    Parameters
    ----------
    logits : array_like, shape (T, N, C)
    beam_width : int
        How many readings are kept after each frame, and how many are returned at most.
    input_lengths : array_like of int, shape (N,), optional
        How many frames each sequence has; all have T if not given.
    blank : int, default 0

    Returns
    -------
    list of list of (labels, log_probability)
        For each sequence the readings, the best first; ``labels`` is a tuple of int.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or a frame has no softmax.

    Notes
    -----
    A log-probability is that of the paths that the search has not dropped.  It is at most the one
    that `ctc_loss` gives, and equal to it if the beam was wide enough for all readings.

    References
    ----------
    A. Hannun, "Sequence Modeling with CTC", Distill, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import ctc_beam_search, ctc_greedy_decode
    >>> logits = np.log([[[0.6, 0.4]], [[0.6, 0.4]]])
    >>> ctc_greedy_decode(logits)
    [()]
    >>> for labels, log_p in ctc_beam_search(logits, beam_width=2)[0]:
    ...     print(labels, round(float(np.exp(log_p)), 2))
    (1,) 0.64
    () 0.36
    """
    x, blank, lengths = _sequences(logits, blank, input_lengths)
    _require_softmax(x, lengths)
    width = check.positive_integer(beam_width, "beam_width")
    return [
        _readings(log_softmax(x[:length, n].astype(np.float64)), width, blank)
        for n, length in enumerate(lengths)
    ]


def _readings(log_probs, width, blank):
    """Search one sequence, given its log-probabilities."""
    classes = log_probs.shape[1]
    prefixes: list[tuple[int, ...]] = [()]
    at_blank, at_label = np.zeros(1), np.full(1, -np.inf)  # logs of sums over paths
    for frame in log_probs:
        total = np.logaddexp(at_blank, at_label)
        longer = total[:, None] + frame
        longer[:, blank] = -np.inf
        stays = np.full(len(prefixes), -np.inf)
        place = {prefix: i for i, prefix in enumerate(prefixes)}
        for i, prefix in enumerate(prefixes):
            if not prefix:
                continue
            last = prefix[-1]
            stays[i] = at_label[i] + frame[last]  # the last label once more, and still one label
            longer[i, last] = at_blank[i] + frame[last]
        for i, prefix in enumerate(prefixes):
            shorter = place.get(prefix[:-1], -1) if prefix else -1
            if shorter >= 0:  # a reading that is kept already
                stays[i] = np.logaddexp(stays[i], longer[shorter, prefix[-1]])
                longer[shorter, prefix[-1]] = -np.inf
        blanks = total + frame[blank]
        scores = np.concatenate([np.logaddexp(blanks, stays), longer.ravel()])
        best = np.argsort(-scores, kind="stable")[:width]
        best = best[scores[best] > -np.inf]
        kept, count = [], len(prefixes)
        at_blank, at_label = np.full(len(best), -np.inf), np.empty(len(best))
        for k, which in enumerate(best.tolist()):
            if which < count:
                kept.append(prefixes[which])
                at_blank[k], at_label[k] = blanks[which], stays[which]
            else:
                i, label = divmod(which - count, classes)
                kept.append((*prefixes[i], label))
                at_label[k] = longer[i, label]
        prefixes = kept
    total = np.logaddexp(at_blank, at_label)
    order = np.argsort(-total, kind="stable")
    return [(prefixes[i], float(total[i])) for i in order]


def _sequences(logits, blank, input_lengths):
    """Return the logits as an array, the blank, and the length of each sequence."""
    x = check.float_array(logits, "logits")
    if x.ndim != 3 or not x.shape[2]:
        raise ValueError(
            f"logits must have shape (T, N, C) with at least one class, got shape {x.shape}"
        )
    blank = check.integer(blank, "blank")
    if not 0 <= blank < x.shape[2]:
        raise ValueError(f"blank must be a class from 0 to {x.shape[2] - 1}, got {blank}")
    return x, blank, _lengths(input_lengths, x.shape[1], x.shape[0], "input_lengths")


def _lengths(lengths, count, most, name):
    """Return the lengths of so many sequences, at most ``most``, which is the default."""
    if lengths is None:
        return np.full(count, most)
    return contiguous(check.sequence_lengths(lengths, (count, most), name), np.int64)


def _require_softmax(x, lengths):
    """Raise ValueError if a frame within the lengths holds nan or +inf, or nothing but −inf."""
    wrong = ~np.isfinite(x.max(axis=2)) & (np.arange(len(x))[:, None] < lengths)
    if wrong.any():
        t, n = np.argwhere(wrong)[0]
        raise ValueError(f"logits have no softmax in frame {t} of sequence {n}: {x[t, n].max()}")


def _require_labels(labels, lengths, classes, blank):
    """Raise unless every label within the lengths is a class, and not the blank."""
    looked_at = np.arange(labels.shape[1]) < lengths[:, None]
    outside = looked_at & ((labels < 0) | (labels >= classes))
    if outside.any():
        check.raise_label(labels, int(outside.argmax()), classes)
    if (looked_at & (labels == blank)).any():
        n = int((looked_at & (labels == blank)).any(axis=1).argmax())
        raise ValueError(f"no label may be the blank, {blank}, as one of sequence {n} is")
