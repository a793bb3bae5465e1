"""Figures of softmax: its probabilities and its Jacobian, moved by sliders for the scores."""

import numpy as np

from smnn import softmax, softmax_jacobian
from smnn_book.sliders import BACKWARD, CLASS_COLORS, FORWARD, derived, figure, load_altair, slider

SUBSCRIPTS = "₁₂₃₄₅"

# "− 2.0", or "+ 4.0" where the largest score is negative.
MINUS_LARGEST = "(largest < 0 ? '+ ' : '− ') + format(abs(largest), '.1f')"


def _names(letter, count):
    return [f"{letter}{k}" for k in range(1, count + 1)]


def _softmax_parameters(scores, temperature=None):
    """Sliders for scores, and parameters for the steps of a stable softmax."""
    z, e, p = (_names(letter, len(scores)) for letter in "zep")
    sliders = [
        slider(name, -4, 4, score, label=f"score z{SUBSCRIPTS[k]}")
        for k, (name, score) in enumerate(zip(z, scores, strict=True))
    ]
    if temperature is not None:
        sliders.append(slider("T", 0.1, 5, temperature, label="temperature T"))
    over = " / T" if temperature is not None else ""
    return [
        *sliders,
        derived("largest", f"max({', '.join(z)})"),
        derived("minus_largest", MINUS_LARGEST),
        *(derived(e[k], f"exp(({z[k]} - largest){over})") for k in range(len(z))),
        derived("total", " + ".join(e)),
        *(derived(p[k], f"{e[k]} / total") for k in range(len(z))),
    ]


def _softmax_values(scores, temperature=1.0):
    """The same steps in NumPy, by the names of the parameters."""
    scores = np.asarray(scores, dtype=float)
    exponentials = np.exp((scores - scores.max()) / temperature)
    columns = {"z": scores, "e": exponentials, "p": softmax(scores, temperature=temperature)}
    largest = scores.max()
    values = {"T": temperature, "largest": largest, "total": exponentials.sum()}
    values["minus_largest"] = f"{'+' if largest < 0 else '−'} {abs(largest):.1f}"
    for letter, column in columns.items():
        values.update(zip(_names(letter, len(scores)), column, strict=True))
    return values


def _listing(letter, count, form):
    """A tuple of fields of a template: ``({p1:.3f}, {p2:.3f})``."""
    return "(" + ", ".join(f"{{{name}:{form}}}" for name in _names(letter, count)) + ")"


def softmax_explorer(scores=(2.0, 1.0, 0.0), temperature=1.0, *, name="softmax-explorer"):
    """Return a figure of softmax: sliders for the scores and for the temperature.

    The probabilities are bars with their numbers.  Below stands the formula,
    ``p = exp((z − max z) / T) / sum``, with the current numbers in it.

    Parameters
    ----------
    scores : sequence of float
        Two to five scores, each between -4 and 4, where the sliders stand at first.
    temperature : float
        Between 0.1 and 5.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    InteractiveFigure

    Raises
    ------
    ValueError
        If there are fewer than two scores or more than five, or one is out of range.

    Examples
    --------
    >>> print(softmax_explorer((2.0, 1.0, 0.0)).text)
    z = (2.0, 1.0, 0.0), T = 1.0
    e = exp((z − 2.0) / 1.0) = (1.000, 0.368, 0.135)
    p = e / 1.503 = (0.665, 0.245, 0.090)
    """
    count = len(scores)
    if not 2 <= count <= len(CLASS_COLORS):
        raise ValueError(f"expected two to {len(CLASS_COLORS)} scores, got {count}")
    alt = load_altair()
    data = alt.InlineData([{"class": f"class {k}", "k": k - 1} for k in range(1, count + 1)])
    base = alt.Chart(data).transform_calculate(
        p=f"[{', '.join(_names('p', count))}][datum.k]", shown="format(datum.p, '.3f')"
    )
    x = alt.X("p:Q").title("probability").scale(domain=[0, 1]).axis(values=[0, 0.5, 1])
    y = alt.Y("class:N").title(None).axis(ticks=False, domain=False)
    color = alt.Color("class:N").scale(range=CLASS_COLORS[:count]).legend(None)
    bars = base.mark_bar(height={"band": 0.6}).encode(x=x, y=y, color=color)
    # A number stands right of its bar, or inside it where the bar leaves no room.
    place = {"expr": "datum.p > 0.8 ? 'right' : 'left'"}
    numbers = base.mark_text(align=place, dx={"expr": "datum.p > 0.8 ? -6 : 6"}, fontSize=13)
    numbers = numbers.encode(x=x, y=y, text="shown:N")
    chart = (bars + numbers).properties(height=44 * count)
    return figure(
        chart.add_params(*_softmax_parameters(scores, temperature)),
        name=name,
        alt=f"Bars for the probabilities of {count} classes, which follow the sliders.",
        text=f"z = {_listing('z', count, '.1f')}, T = {{T:.1f}}\n"
        f"e = exp((z {{minus_largest:s}}) / {{T:.1f}}) = {_listing('e', count, '.3f')}\n"
        f"p = e / {{total:.3f}} = {_listing('p', count, '.3f')}",
        values=_softmax_values(scores, temperature),
    )


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
    jacobian = softmax_jacobian(softmax(np.asarray(scores, dtype=float)))
    values = {entry.name: jacobian[i, j] for entry, (i, j) in zip(entries, cells, strict=True)}
    lines = [f"∂p{SUBSCRIPTS[i]}/∂z = {_listing(f'J{i + 1}', 3, '.3f')}" for i in range(3)]
    return figure(
        (tiles + numbers).properties(height=200).add_params(*_softmax_parameters(scores), *entries),
        name=name,
        alt="A three by three heat map of the derivatives of softmax, which follows the sliders.",
        text="\n".join([f"p = {_listing('p', 3, '.3f')}", *lines]),
        values={**_softmax_values(scores), **values},
    )
