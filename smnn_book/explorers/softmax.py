"""A figure of the Jacobian of softmax, moved by sliders for the scores."""

import numpy as np

from smnn import softmax, softmax_jacobian
from smnn_book.sliders import BACKWARD, FORWARD, derived, figure, load_altair, slider

SUBSCRIPTS = "₁₂₃"


def _names(letter, count):
    return [f"{letter}{k}" for k in range(1, count + 1)]


def _softmax_parameters(scores):
    """Sliders for scores, and parameters for the steps of a stable softmax."""
    z, e, p = (_names(letter, len(scores)) for letter in "zep")
    sliders = [
        slider(name, -4, 4, score, label=f"score z{SUBSCRIPTS[k]}")
        for k, (name, score) in enumerate(zip(z, scores, strict=True))
    ]
    return [
        *sliders,
        derived("largest", f"max({', '.join(z)})"),
        *(derived(e[k], f"exp({z[k]} - largest)") for k in range(len(z))),
        derived("total", " + ".join(e)),
        *(derived(p[k], f"{e[k]} / total") for k in range(len(z))),
    ]


def _listing(letter, count, form):
    """A tuple of fields of a template: ``({p1:.3f}, {p2:.3f})``."""
    return "(" + ", ".join(f"{{{name}:{form}}}" for name in _names(letter, count)) + ")"


def jacobian_explorer(scores=(1.0, 2.0, 3.0), *, name="jacobian-explorer"):
    """Return a figure of the Jacobian of softmax: sliders for three scores.

    The matrix ``diag(p) − p pᵀ`` is a heat map with its numbers: one hue where a
    larger score makes a probability larger, the other where it makes it smaller.

    Parameters
    ----------
    scores : sequence of float
        Three scores between -4 and 4, where the sliders stand at first.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    InteractiveFigure

    Raises
    ------
    ValueError
        If there are not three scores, or one is out of range.

    Examples
    --------
    >>> print(jacobian_explorer((1.0, 2.0, 3.0)).text)
    p = (0.090, 0.245, 0.665)
    ∂p₁/∂z = (0.082, −0.022, −0.060)
    ∂p₂/∂z = (−0.022, 0.185, −0.163)
    ∂p₃/∂z = (−0.060, −0.163, 0.223)
    """
    if len(scores) != 3:
        raise ValueError(f"expected three scores, got {len(scores)}")
    alt = load_altair()
    cells = [(i, j) for i in range(3) for j in range(3)]
    entries = [
        derived(f"J{i + 1}{j + 1}", f"p{i + 1} * ({int(i == j)} - p{j + 1})") for i, j in cells
    ]
    rows = [
        {"row": f"p{SUBSCRIPTS[i]}", "column": f"z{SUBSCRIPTS[j]}", "k": 3 * i + j}
        for i, j in cells
    ]
    base = alt.Chart(alt.InlineData(rows)).transform_calculate(
        value=f"[{', '.join(entry.name for entry in entries)}][datum.k]",
        sign="datum.value < 0 ? 'smaller' : 'larger'",
        size="abs(datum.value)",
        shown="format(datum.value, '.3f')",
    )
    x = alt.X("column:N").title("score that moves").axis(orient="top", labelAngle=0, ticks=False)
    y = alt.Y("row:N").title("probability").axis(ticks=False)
    tiles = base.mark_rect(strokeWidth=0).encode(
        x=x.axis(domain=False),
        y=y.axis(domain=False),
        color=alt.Color("sign:N")
        .scale(domain=["larger", "smaller"], range=[FORWARD, BACKWARD])
        .legend(None),
        opacity=alt.Opacity("size:Q").scale(domain=[0, 0.25], range=[0.04, 0.5]).legend(None),
    )
    numbers = base.mark_text(fontSize=14).encode(x=x, y=y, text="shown:N")
    p = softmax(np.asarray(scores, dtype=float))
    jacobian = softmax_jacobian(p)
    values = dict(zip(_names("p", 3), p, strict=True))
    values |= {entry.name: jacobian[i, j] for entry, (i, j) in zip(entries, cells, strict=True)}
    lines = [f"∂p{SUBSCRIPTS[i]}/∂z = {_listing(f'J{i + 1}', 3, '.3f')}" for i in range(3)]
    return figure(
        (tiles + numbers).properties(height=200).add_params(*_softmax_parameters(scores), *entries),
        name=name,
        alt="A three by three heat map of the derivatives of softmax, which follows the sliders.",
        text="\n".join([f"p = {_listing('p', 3, '.3f')}", *lines]),
        values=values,
    )
