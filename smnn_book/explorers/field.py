"""A source in a waveguide, to drag, and what a softmax over ranges makes of its sound."""

import numpy as np

import smnn
from smnn_book.draggable import DraggableFigure, number
from smnn_book.waveguide import (
    CENTERS,
    HYDROPHONES,
    Waveguide,
    as_vectors,
    normal_modes,
    pressure,
    replicas,
    sample_covariance,
)

GUIDES = {"the right guide": Waveguide(), "one 1 m deeper": Waveguide(depth=151.0)}
SNAPSHOTS = 3


def drawn_once():
    """Return amplitudes of a source and noise for three snapshots, all with variance 1.

    Returns
    -------
    amplitudes : ndarray of complex, shape (3,)
    noise : ndarray of complex, shape (3, 16)

    Examples
    --------
    >>> [part.shape for part in drawn_once()]
    [(3,), (3, 16)]
    """
    rng = np.random.default_rng(1)
    shape = (SNAPSHOTS, len(HYDROPHONES) + 1)
    drawn = ((rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)).round(3)
    return drawn[:, 0], drawn[:, 1:]


def range_posterior(kilometers, depth=5.0, snr=0.0):
    """Return what both guides make of three snapshots: a softmax over 138 ranges each.

    Parameters
    ----------
    kilometers, depth : float
        Where the source is; the guides take it to be 5 m deep.
    snr : float
        Signal to noise ratio in dB.

    Returns
    -------
    ndarray, shape (2, 138)

    Examples
    --------
    >>> p = range_posterior(1.51)
    >>> CENTERS[p.argmax(axis=1)]
    array([1510., 1530.])
    """
    amplitudes, noise = drawn_once()
    power = len(HYDROPHONES) * 10 ** (snr / 10)
    direction = replicas(Waveguide(), [1000 * kilometers], source=depth)
    heard = np.sqrt(power) * amplitudes[:, None] * direction + noise
    x = as_vectors(sample_covariance(heard, normalized=False))
    logits = []
    for guide in GUIDES.values():
        d = replicas(guide)
        logits.append(x @ as_vectors(d[:, :, None] * d.conj()[:, None]).T)
    return smnn.softmax(SNAPSHOTS * power / (1 + power) * np.array(logits))


def _levels(columns=70, rows=20):
    """Return where a source is loud at 132 m, as a number from 0 to 4 for each cell of a map."""
    ranges = 100 + 2760 * (np.arange(columns) + 0.5) / columns
    depths = 150 * (np.arange(rows) + 0.5) / rows
    p = pressure(Waveguide(), ranges, depths, source=132)  # source and hydrophone may be swapped
    loud = np.log(np.abs(p) * np.sqrt(ranges)[:, None]).T
    low, high = np.quantile(loud, [0.1, 0.995])
    return (4 * (loud - low) / (high - low)).clip(0, 4).round().astype(int)


def _pair(z):
    """Return a complex number as JSON can hold it."""
    return [float(z.real), float(z.imag)]


def source_in_guide(kilometers=1.51, depth=5.0, snr=0.0, *, name="source-in-guide"):
    """Return a figure of a source in a waveguide, to drag in range and depth.

    Sixteen hydrophones hear it.  Below, a softmax over 138 ranges of what they hear, by a guide
    that is known and by one that is thought a meter deeper; both take the source to be 5 m deep.

    Parameters
    ----------
    kilometers : float
        The range of the source at first, between 0.1 and 2.86.
    depth : float
        Its depth in meters, between 1 and 149.
    snr : float
        Signal to noise ratio in dB, between -15 and 15.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> print(source_in_guide().text)
    source at 1.51 km, 5 m deep, 0 dB:
    the right guide: 1.51 km (p = 0.980)
    one 1 m deeper: 1.53 km (p = 0.782)
    """
    for label, value, low, high in (
        ("kilometers", kilometers, 0.1, 2.86),
        ("depth", depth, 1, 149),
        ("snr", snr, -15, 15),
    ):
        if not low <= value <= high:
            raise ValueError(f"expected {label} between {low} and {high}, got {value}")
    answers = [
        f"{label}: {number(CENTERS[p.argmax()] / 1000, 2)} km (p = {number(p.max(), 3)})"
        for label, p in zip(GUIDES, range_posterior(kilometers, depth, snr), strict=True)
    ]
    amplitudes, noise = drawn_once()
    guides = []
    for guide in GUIDES.values():
        modes = normal_modes(guide)
        weights = modes.amplitude**2 / np.sqrt(modes.horizontal)
        guides.append(
            [
                [*_pair(k), float(across), *_pair(weight)]
                for k, across, weight in zip(modes.horizontal, modes.vertical, weights, strict=True)
            ]
        )
    return DraggableFigure(
        name=name,
        kind="field",
        alt="A map of the water over range and depth, with loud and quiet patches and a source "
        "that can be dragged. Beside it a bar for each of sixteen hydrophones. Below them the "
        "probability of each range, as a solid line for the right guide and as a dotted one for "
        "a guide that is one meter deeper.",
        text=f"source at {number(kilometers, 2)} km, {number(depth, 0)} m deep, "
        f"{number(snr, 0)} dB:\n" + "\n".join(answers),
        data={
            "km": float(kilometers),
            "depth": float(depth),
            "snr": float(snr),
            "guides": guides,
            "amplitudes": [_pair(a) for a in amplitudes * np.exp(0.25j * np.pi)],
            "noise": [[_pair(n) for n in row] for row in noise],
            "levels": ["".join(map(str, row)) for row in _levels()],
        },
    )
