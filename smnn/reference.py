r"""The definition of every kernel, in NumPy, on rows.

A row is one example and holds C logits.  With m the largest of them,

    softmax(x)_j = exp(x_j − m) / Σ_k exp(x_k − m)
    logsumexp(x) = m + log Σ_k exp(x_k − m)

so that the largest exponent is 0 and nothing overflows.  Of the terms of the sum,
c are exactly 1, those of the largest logits.  With s' the sum of the others,

    log Σ_k exp(x_k − m) = log c + log1p(s' / c),

which keeps every digit of s' even where 1 + s' rounds to 1.

A cross-entropy is linear in the log-probabilities.  Every variant, with labels or
probabilities, class weights or label smoothing, is one row of coefficients a:

    loss = −Σ_j a_j log softmax(x)_j        dloss/dx = softmax(x) Σ_j a_j − a

This file has the names of ``_kernels`` and takes the same arguments: C-contiguous arrays
of shape (rows, C), and the array that receives the result.  It is what the kernels
are tested against, and what runs where numba is not installed.
"""

from __future__ import annotations

import math

import numpy as np


def _exponentials(x, scale):
    """Return d = (x − m) · scale, its exponentials, their sum, and the sum of the rest.

    The rest leaves out the ties, the numbers that are equal to m.
    """
    with np.errstate(all="ignore"):
        largest = x.max(axis=-1, keepdims=True, initial=-np.inf)
        d = (x - largest) * x.dtype.type(scale)
        exps = np.exp(d)
        rest = np.where(x == largest, 0, exps).sum(axis=-1, keepdims=True)
        return d, exps, exps.sum(axis=-1, keepdims=True), rest


def _log_sum(total, rest):
    """log of the total, c + rest: log c + log1p(rest / c)."""
    with np.errstate(all="ignore"):
        ties = np.maximum(np.rint(total - rest), 1)
        return np.log(ties) + np.log1p(rest / ties)


def softmax(x, scale, out):
    """softmax(x · scale) along each row; here x may have any shape."""
    _, exps, total, _ = _exponentials(x, scale)
    with np.errstate(invalid="ignore"):
        np.divide(exps, total, out=out)


def log_softmax(x, scale, out):
    """log softmax(x · scale) along each row; here x may have any shape."""
    d, _, total, rest = _exponentials(x, scale)
    with np.errstate(invalid="ignore"):
        np.subtract(d, _log_sum(total, rest), out=out)


def logsumexp(x, out):
    """log Σ exp along each row; ``out`` has shape (rows,)."""
    largest = x.max(axis=1, initial=-np.inf)
    _, _, total, rest = _exponentials(x, 1.0)
    finite = np.isfinite(largest)
    with np.errstate(invalid="ignore"):
        out[:] = np.where(finite, largest + _log_sum(total, rest)[:, 0], largest)


def logsumexp_weighted(x, b, out, sign):
    r"""log \|Σ b exp x\| along each row, and the sign of the sum; both results have shape (rows,).

    A number whose weight is 0 has no influence, whatever it is.
    """
    with np.errstate(all="ignore"):
        x = np.where(b == 0, -np.inf, x)
        largest = x.max(axis=1, keepdims=True, initial=-np.inf)
        shift = np.where(np.isfinite(largest), largest, 0)
        terms = np.where(b == 0, 0, b * np.exp(x - shift))
        at_max = np.where(x == largest, terms, 0).sum(axis=1)
        below = np.where(x == largest, 0, terms).sum(axis=1)
        total = at_max + below
        split = np.log(np.abs(at_max)) + np.log1p(below / at_max)
        log = np.where(np.abs(below) < np.abs(at_max), split, np.log(np.abs(total)))
        out[:], sign[:] = shift[:, 0] + log, np.sign(total)


def draw(x, scale, uniform, out):
    """The class of each row at which the running sum of exponentials passes u · total.

    ``uniform`` and ``out`` have shape (rows, draws); a row without a softmax gets −1.
    """
    for row, us, classes in zip(x, uniform, out, strict=True):
        _, exps, _, _ = _exponentials(row[None], scale)
        sums = np.cumsum(exps[0], dtype=np.float64)
        if len(sums) and 0 < sums[-1] < np.inf:
            last = np.searchsorted(sums, sums[-1])
            classes[:] = np.minimum(np.searchsorted(sums, us * sums[-1], side="right"), last)
        else:
            classes[:] = -1


def _windows(images, down, across, rows):
    """The windows of images as a view of shape (N, down, across, height, width, channels)."""
    (_, tall, wide, height, width), channels = rows.shape, images.shape[3]
    view = np.lib.stride_tricks.sliding_window_view(
        images, (height, width // channels), (1, 2), writeable=True
    )
    return np.moveaxis(view[:, ::down, ::across][:, :tall, :wide], 3, -1)


def windows_to_rows(images, down, across, rows, start, stop):
    """The windows of the images from start to stop, ``down`` and ``across`` apart, as rows."""
    view = _windows(images[start:stop], down, across, rows)
    rows[start:stop] = view.reshape(rows[start:stop].shape)


def rows_to_windows(rows, down, across, images, start, stop):
    """Add rows to the windows of the images from start to stop, ``down`` and ``across`` apart."""
    view = _windows(images[start:stop], down, across, rows)
    parts = rows[start:stop].reshape(view.shape)
    for u in range(view.shape[3]):  # of one place the windows do not overlap
        for v in range(view.shape[4]):
            view[:, :, :, u, v] += parts[:, :, :, u, v]


def softmax_vjp(dy, y, out):
    """y ∘ (dy − ⟨dy, y⟩), the gradient of ⟨dy, softmax(x)⟩, with y = softmax(x)."""
    inner = np.einsum("ij,ij->i", dy, y)
    np.multiply(y, dy - inner[:, None], out=out)


def log_softmax_vjp(dy, y, out):
    """dy − exp(y) Σ dy, the gradient of ⟨dy, log_softmax(x)⟩, with y = log_softmax(x)."""
    total = dy.sum(axis=1, keepdims=True)
    np.subtract(dy, np.exp(y) * total, out=out)


def logsumexp_vjp(dy, y, x, out):
    """dy · exp(x − y), the gradient of ⟨dy, logsumexp(x)⟩, with y = logsumexp(x)."""
    with np.errstate(invalid="ignore"):
        np.multiply(dy[:, None], np.exp(x - y[:, None]), out=out)


def check_labels(labels, classes, ignore_index, weight):
    """Return (row of the first label out of range or −1, Σ of the kept labels' weights)."""
    kept = labels != ignore_index
    bad = kept & ((labels < 0) | (labels >= classes))
    if bad.any():
        return int(bad.argmax()), 0.0
    total = kept.sum() if weight is None else weight[labels[kept]].sum(dtype=np.float64)
    return -1, float(total)


def cross_entropy_labels(x, labels, ignore_index, weight, smoothing, divisor, losses, dx):
    """Cross-entropy against labels.

    ``losses`` (rows,) receives each row's loss and ``dx``, unless None, the gradient of
    their sum over ``divisor``; a divisor of 0 stands for the sum of the labels' weights.
    Returns (row of the first label out of range or −1, Σ losses, Σ weights).
    """
    bad, weights = check_labels(labels, x.shape[1], ignore_index, weight)
    if bad >= 0:
        return bad, 0.0, 0.0
    classes = x.shape[1]
    kept = labels != ignore_index
    weight = np.ones(classes, x.dtype) if weight is None else weight
    coefficients = np.zeros_like(x)
    if smoothing:
        coefficients[:] = weight * (smoothing / classes)
    coefficients[kept, labels[kept]] += (1 - smoothing) * weight[labels[kept]]
    coefficients[~kept] = 0
    return -1, _cross_entropy(x, coefficients, kept, divisor or weights, losses, dx), weights


def mean_loss(x, labels, ignore_index, dx):
    """The same for plain labels; returns (row of the first wrong label or −1, mean loss).

    x, labels and ``dx`` may have any shape that goes together.
    """
    x, labels = x.reshape(-1, x.shape[-1]), labels.reshape(-1)
    dx = None if dx is None else dx.reshape(x.shape)
    losses = np.empty(len(x), x.dtype)
    bad, total, weights = cross_entropy_labels(x, labels, ignore_index, None, 0.0, 0.0, losses, dx)
    return bad, total / weights if weights else np.nan


def cross_entropy_probs(x, probs, weight, smoothing, divisor, losses, dx):
    """Cross-entropy against rows of probabilities; returns Σ losses."""
    classes = x.shape[1]
    weight = np.ones(classes, x.dtype) if weight is None else weight
    coefficients = weight * ((1 - smoothing) * probs + smoothing / max(classes, 1))
    kept = np.ones(len(x), bool)
    return _cross_entropy(x, coefficients.astype(x.dtype), kept, divisor, losses, dx)


def _cross_entropy(x, coefficients, kept, divisor, losses, dx):
    d, exps, total, rest = _exponentials(x, 1.0)
    log_sum = _log_sum(total, rest)
    with np.errstate(all="ignore"):
        terms = coefficients * (log_sum - d)
        # A coefficient of 0 contributes 0, even against a logit of −inf.
        impossible = (coefficients == 0) & (d == -np.inf) & ~np.isnan(log_sum)
        losses[:] = np.where(kept, np.where(impossible, 0, terms).sum(axis=1), 0)
        if dx is not None:
            # p Σ a − a = p Σ' a − a (1 − p), where Σ' leaves out the a of its own.  Where a
            # single number is the largest, 1 − p is what the others sum to.
            probs, is_alone = exps / total, (d == 0) & (total < 2)
            others = np.where(is_alone, rest / total, 1 - probs)
            other_coefficients = coefficients.sum(axis=1, keepdims=True) - coefficients
            gradient = probs * other_coefficients - coefficients * others
            scale = x.dtype.type(np.float64(1.0) / divisor)
            dx[:] = np.where(kept[:, None], gradient * scale, 0)
    return float(losses.sum(dtype=np.float64))


def attention_tile(scores, limit, m, s, factor):
    """Put exp(scores − m) in place of a tile of scores, and merge the parts (m, s) of its rows.

    Row i of the tile may attend to its first ``limit + i`` columns; the others get 0.  m, s and
    ``factor`` have shape (rows,).  m and s hold the maximum and the sum of exponentials of the
    tiles before; m is a number, the lowest if there was no score.  They are brought up to
    date, and ``factor`` receives exp(old m − new m), by which the sums of before are multiplied.
    """
    rows, width = scores.shape
    with np.errstate(all="ignore"):
        scores[np.arange(width) >= limit + np.arange(rows)[:, None]] = -np.inf
        # A nan among the scores is passed over here and turns up again in the sum.
        larger = np.fmax(scores, np.finfo(scores.dtype).min).max(axis=1, initial=-np.inf)
        larger = np.where(larger > m, larger, m)
        factor[:] = np.where(m == larger, 1, np.exp(m - larger))
        np.exp(scores - larger[:, None], out=scores)
        m[:], s[:] = larger, s * factor + scores.sum(axis=1)


def attention_merge(out, factor, part):
    """Add a part to the rows of sums, after these were multiplied by their factors."""
    out *= factor[:, None]
    out += part


def attention_end(out, m, s, lse):
    """Divide rows of sums by s, and put m + log s into ``lse``, or +inf where s is 0.

    Such a row is one of zeros, and exp(score − lse) will be 0 whatever the score.
    """
    with np.errstate(all="ignore"):
        out /= np.where(s == 0, 1, s)[:, None]
        lse[:] = np.where(s == 0, np.inf, m + np.log(s))


def attention_tile_vjp(scores, dscores, limit, lse, delta, softcap):
    r"""Put p = exp(scores − lse) in place of the scores, and their gradient in that of dscores.

    ``dscores`` holds dp, the gradient of p.  That of the scores is p · (dp − delta), with
    delta = Σ p dp of the row; where the scores are c tanh(z / c) with c = ``softcap``, that of z
    has the factor 1 − (score / c)².  Columns are left out as in `attention_tile`.
    """
    rows, width = scores.shape
    with np.errstate(all="ignore"):
        slope = 1 if softcap is None else 1 - (scores / softcap) ** 2
        p = np.exp(scores - lse[:, None])
        p[np.arange(width) >= limit + np.arange(rows)[:, None]] = 0
        dscores[:] = np.where(p == 0, 0, p * (dscores - delta[:, None]) * slope)
        scores[:] = p


def sgd_step(param, grad, velocity, lr, momentum, nesterov, weight_decay):
    """Move ``param`` one step of gradient descent; ``velocity`` is None without momentum."""
    grad = grad + weight_decay * param
    if velocity is not None:
        velocity *= momentum
        velocity += grad
        grad = grad + momentum * velocity if nesterov else velocity
    param -= lr * grad


def adam_step(param, grad, mean, square, lr, beta1, beta2, eps, weight_decay):
    """Move ``param`` one step of Adam; ``lr`` and ``eps`` hold the corrections of the means."""
    grad = grad + weight_decay * param
    mean *= beta1
    mean += (1 - beta1) * grad
    square *= beta2
    square += (1 - beta2) * (grad * grad)
    param -= lr * mean / (np.sqrt(square) + eps)


def erfc(x, out):
    """1 − erf(x), the two tails of a normal distribution."""
    out[...] = np.vectorize(math.erfc, otypes=[np.float64])(x)


def draw_alias(u, threshold, choices, out):
    """Turn uniform numbers from [0, 1) into draws by an alias table.

    A number times the number of columns is a column and a fraction.  A fraction below the
    threshold of the column draws the second of its choices, and any other the first.
    """
    scaled = u * len(threshold)
    column = np.minimum(scaled.astype(np.int64), len(threshold) - 1)
    out[:] = choices[column, (scaled - column < threshold[column]).astype(np.int64)]


def distinct_rows(parts, num_rows, places):
    """Return (place of the first index out of range or −1, the distinct ones in rising order).

    The index is a table, of which ``parts`` are the columns, side by side; a place out of range
    is counted in its part.  ``places``, a table of the same shape, receives which of the distinct
    ones each index is.
    """
    for part in parts:
        bad = (part < 0) | (part >= num_rows)
        if bad.any():
            return int(bad.argmax()), np.empty(0, np.int64)
    rows, inverse = np.unique(np.concatenate(parts, axis=1), return_inverse=True)
    places[:] = inverse.reshape(places.shape)
    return -1, rows


def take_rows(W, rows, dtype):
    """These rows of W, in this dtype, in whatever form `row_scores` and `row_gradients` take."""
    return W[rows].astype(dtype, copy=False)


def row_scores(h, W, starts, places, offset, out):
    """⟨h_n, W_r⟩ + offset_r for every entry: n is whose it is, r its place.

    The entries of example n are those from ``starts[n]`` to ``starts[n + 1]``.  W is what
    `take_rows` returned.  ``offset`` may be None.
    """
    owner = np.repeat(np.arange(len(h)), np.diff(starts))
    out[:] = np.einsum("ij,ij->i", h[owner], W[places])
    if offset is not None:
        out += offset[places]


def logistic_loss(scores, signs, scale):
    """Σ log(1 + exp(sign · score)); the scores become the gradient of scale times it."""
    y = signs * scores
    with np.errstate(invalid="ignore"):
        small = np.exp(-np.abs(y))
        scores[:] = signs * (np.where(y < 0, small, 1) / (1 + small)) * scores.dtype.type(scale)
        return float((np.maximum(y, 0) + np.log1p(small)).sum(dtype=np.float64))


def row_gradients(h, W, starts, places, dscores, dh, dW, doffset):
    """The gradient of `row_scores`, written to dh, dW and, unless it is None, doffset."""
    owner = np.repeat(np.arange(len(h)), np.diff(starts))
    dh[:], dW[:] = 0, 0
    np.add.at(dh, owner, dscores[:, None] * W[places])
    np.add.at(dW, places, dscores[:, None] * h[owner])
    if doffset is not None:
        doffset[:] = 0
        np.add.at(doffset, places, dscores)


def add_rows(places, values, out):
    """Write to every row of ``out`` the sum of the rows of ``values`` that have its place."""
    out[:] = 0
    np.add.at(out, places, values)


def gather_paths(target, first, nodes, signs, starts, out_nodes, out_signs):
    """Copy the nodes and signs of the path of every target, from ``first[target]`` on.

    As many are copied for target n as lie between ``starts[n]`` and ``starts[n + 1]``.
    """
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], np.diff(starts))
    source = np.repeat(first[target], np.diff(starts)) + within
    out_nodes[:], out_signs[:] = nodes[source], signs[source]


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def lstm_step(gates, product, h_before, c_before, lengths, t, c, tanh_c, h):
    r"""Do step t of an LSTM, for a row per example.

    ``gates`` holds what the input gives to the gates i, f, c, o, side by side, and is replaced
    by their values; ``product`` holds what the state before gives to them.

    .. math:: c = f ∘ c_{before} + i ∘ \tilde c, \qquad h = o ∘ \tanh c

    In a row with no more than t steps the state stays, and gates and tanh c are 0.
    """
    over = t >= lengths
    with np.errstate(all="ignore"):
        gates += product
        i, f, candidate, o = np.split(gates, 4, axis=1)
        i[:], f[:], candidate[:], o[:] = _sigmoid(i), _sigmoid(f), np.tanh(candidate), _sigmoid(o)
        c[:] = f * c_before + i * candidate
        tanh_c[:] = np.tanh(c)
        h[:] = o * tanh_c
    gates[over], tanh_c[over] = 0, 0
    c[over], h[over] = c_before[over], h_before[over]


def lstm_step_vjp(gates, c_before, tanh_c, product, lengths, t, dh, dc, dgates):
    """Pull step t of an LSTM back; the gradient of h is ``product + dh``.

    ``dgates`` receives the gradient of what goes into the gates, ``dc`` that of the cells
    before, and ``dh`` what reaches the state before not by way of the gates: nothing, or all
    of it in a row where the state stayed.
    """
    over = t >= lengths
    i, f, candidate, o = np.split(gates, 4, axis=1)
    with np.errstate(all="ignore"):
        of_h = product + dh
        of_c = dc + of_h * o * (1 - tanh_c**2)
        parts = (
            of_c * candidate * i * (1 - i),
            of_c * c_before * f * (1 - f),
            of_c * i * (1 - candidate**2),
            of_h * tanh_c * o * (1 - o),
        )
        dgates[:] = np.concatenate(parts, axis=1)
        dc[:] = np.where(over[:, None], dc, of_c * f)
        dh[:] = np.where(over[:, None], of_h, 0)
    dgates[over] = 0


def gru_gates(gates, product, h_before, lengths, t, shown):
    """Find the gates z and r of step t of a GRU, and what r shows of the state before.

    ``gates`` holds what the input gives to z, r and the candidate; the first two are replaced
    by their values.  ``product`` holds what the state gives to z and r.  In a row with no
    more than t steps all are 0.
    """
    over, units = t >= lengths, shown.shape[1]
    with np.errstate(all="ignore"):
        gates[:, : 2 * units] = _sigmoid(gates[:, : 2 * units] + product)
        shown[:] = gates[:, units : 2 * units] * h_before
    gates[over], shown[over] = 0, 0


def gru_state(gates, product, h_before, lengths, t, h):
    r"""Find the candidate and the state of step t of a GRU.

    ``product`` holds what the shown part of the state gives to the candidate.

    .. math:: h = z ∘ h_{before} + (1 - z) ∘ \tilde h
    """
    over, units = t >= lengths, h.shape[1]
    with np.errstate(all="ignore"):
        z, candidate = gates[:, :units], gates[:, 2 * units :]
        candidate[:] = np.where(over[:, None], candidate, np.tanh(candidate + product))
        h[:] = np.where(over[:, None], h_before, candidate + z * (h_before - candidate))


def gru_state_vjp(gates, h_before, product, lengths, t, dh, dgates):
    """Pull the state of step t of a GRU back; its gradient is ``product + dh``.

    ``dgates`` receives the gradients of what goes into z and the candidate, and ``dh`` what
    reaches the state before by way of neither.
    """
    over, units = t >= lengths, dh.shape[1]
    z, candidate = gates[:, :units], gates[:, 2 * units :]
    with np.errstate(all="ignore"):
        of_h = product + dh
        dgates[:, :units] = of_h * (h_before - candidate) * z * (1 - z)
        dgates[:, 2 * units :] = of_h * (1 - z) * (1 - candidate**2)
        dh[:] = np.where(over[:, None], of_h, of_h * z)
    dgates[over] = 0


def gru_reset_vjp(gates, h_before, dshown, dh, dgates):
    """Pull what r shows of the state back: to r in ``dgates``, and added to ``dh``."""
    units = dh.shape[1]
    r = gates[:, units : 2 * units]
    with np.errstate(all="ignore"):
        dgates[:, units : 2 * units] = dshown * h_before * r * (1 - r)
        dh += dshown * r


def ctc(x, labels, input_lengths, label_lengths, blank, weights, losses, dx):
    """Losses of connectionist temporal classification, and their gradient.

    x has shape (T, N, C) and ``labels`` (N, L), of which a sequence has the first
    ``input_lengths[n]`` frames and ``label_lengths[n]`` labels.  ``losses`` (N,) receives
    −log of the sum, over all paths that read as the labels, of the product of the probabilities
    of the frames; dx the gradient of the sum of the losses times ``weights``.  A sequence
    without a path has the loss inf and the gradient 0.

    α holds the log of the sum over all beginnings of paths, up to a frame and a state; β that
    over all ends, after it.  The states are a blank, the first label, a blank, and so on.
    """
    dx[:] = 0
    for n, (length, count) in enumerate(zip(input_lengths, label_lengths, strict=True)):
        log_probs = np.empty((length, x.shape[2]), x.dtype)
        log_softmax(np.ascontiguousarray(x[:length, n]), 1.0, log_probs)
        if np.isnan(log_probs).any():
            losses[n], dx[:length, n] = np.nan, np.nan
            continue
        states = np.full(2 * count + 1, blank)
        states[1::2] = labels[n, :count]
        emitted = log_probs[:, states].astype(np.float64)
        may_skip = np.zeros(len(states), bool)
        may_skip[2:] = (states[2:] != blank) & (states[2:] != states[:-2])
        alpha = np.full((length + 1, len(states)), -np.inf)
        alpha[0, 0] = 0  # before the first frame: as after a blank
        for t in range(length):
            alpha[t + 1] = _from_neighbors(alpha[t], may_skip) + emitted[t]
        log_p = np.logaddexp.reduce(alpha[length, -2:])
        losses[n] = -log_p
        if log_p == -np.inf:
            continue
        # The same from behind: the reversed labels in the reversed frames.
        may_skip_back = np.zeros(len(states), bool)
        may_skip_back[2:] = may_skip[:1:-1]
        later = np.full(len(states), -np.inf)
        later[0] = 0
        for t in reversed(range(length)):
            beta = _from_neighbors(later, may_skip_back)[::-1]
            paths = alpha[t + 1] + beta
            shares = np.exp(paths - paths.max())
            occupancy = np.bincount(states, shares / shares.sum(), x.shape[2])
            dx[t, n] = weights[n] * (np.exp(log_probs[t].astype(np.float64)) - occupancy)
            later = (beta + emitted[t])[::-1]


def _from_neighbors(paths, may_skip):
    """log Σ exp over what may come before each state: itself, the one before, the second before."""
    before = np.full((3, len(paths)), -np.inf)
    before[0] = paths
    before[1, 1:] = paths[:-1]
    before[2, 2:] = np.where(may_skip[2:], paths[:-2], -np.inf)
    return np.logaddexp.reduce(before, axis=0)
