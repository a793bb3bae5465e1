"""Interactive figures of single chapters.

Each function here makes one figure, in three steps: sliders, a chart over expressions,
a readout.  The language that they are written in is explained in `smnn.interactive`.
"""

import numpy as np

from smnn.functional import softmax, softmax_cross_entropy, softmax_vjp
from smnn.interactive import CLASS_COLORS, _altair, derived, figure, slider

__all__ = ["loss_explorer"]


def _two_losses(score, classes):
    """Loss and slope of cross-entropy and of squares; the other scores are 0."""
    scores, target = np.zeros(int(classes)), np.zeros(int(classes))
    scores[0], target[0] = score, 1
    p = softmax(scores)
    entropy, entropy_slopes = softmax_cross_entropy(scores, target)
    return {
        "z": score,
        "K": classes,
        "p": p[0],
        "entropy": entropy,
        "entropy_slope": entropy_slopes[0],
        "squares": ((p - target) ** 2).sum() / 2,
        "squares_slope": softmax_vjp(p - target, p)[0],
    }


def loss_explorer(score=-3.0, classes=3, *, name="loss-explorer"):
    """Return a figure of two losses after a softmax: cross-entropy and squared error.

    One slider moves the score of the true class against the others, which are all 0.
    At the point that it reaches, each curve shows its tangent: the slope is the gradient
    with respect to the score.  The other slider sets the number of classes.

    Parameters
    ----------
    score : float
        Between -4 and 6, where the slider stands at first.
    classes : int
        Between 2 and 10.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    InteractiveFigure

    Raises
    ------
    ValueError
        If the score or the number of classes is out of range.

    Examples
    --------
    >>> print(loss_explorer(-3.0, 3).text)
    the true class gets p = 0.024 of 3 classes
    cross-entropy: loss 3.718, slope −0.976
    squared error: loss 0.714, slope −0.035
    """
    alt = _altair()
    parameters = [
        slider("z", -4, 6, score, label="score of the true class"),
        slider("K", 2, 10, classes, step=1, label="number of classes"),
        derived("p", "1 / (1 + (K - 1) * exp(-z))"),
        derived("entropy", "log(1 + (K - 1) * exp(-z))"),
        derived("entropy_slope", "p - 1"),
        derived("squares", "0.5 * K / (K - 1) * (1 - p) * (1 - p)"),
        derived("squares_slope", "-K / (K - 1) * p * (1 - p) * (1 - p)"),
    ]
    x = alt.X("x:Q").title("score of the true class, the others at 0").scale(domain=[-4, 6])
    y = alt.Y("y:Q").title("loss").scale(domain=[0, 6.5])
    along = alt.Chart(alt.sequence(-4, 6.05, 0.1, as_="x")).transform_calculate(
        p="1 / (1 + (K - 1) * exp(-datum.x))"
    )
    around = alt.Chart(alt.InlineData([{"t": -1.2}, {"t": 1.2}]))
    here = alt.Chart(alt.InlineData([{}]))
    layers = []
    for loss, curve, words, color in (
        ("entropy", "-log(datum.p)", "cross-entropy", CLASS_COLORS[4]),
        ("squares", "0.5 * K / (K - 1) * pow(1 - datum.p, 2)", "squared error", CLASS_COLORS[0]),
    ):
        tangent = around.transform_calculate(
            x="z + datum.t", y=f"{loss} + datum.t * {loss}_slope"
        )
        dot = here.transform_calculate(x="z", y=loss)
        label = along.transform_calculate(y=curve).transform_filter("abs(datum.x + 1.6) < 0.01")
        layers += [
            along.transform_calculate(y=curve).mark_line(clip=True, color=color, strokeWidth=2),
            tangent.mark_line(clip=True, color=color, strokeWidth=5, opacity=0.45),
            dot.mark_point(filled=True, size=90, opacity=1, color=color),
            label.mark_text(align="left", dx=10, dy=-10, fontSize=13, fill=color, text=words),
        ]
    chart = alt.layer(*(layer.encode(x=x, y=y) for layer in layers))
    return figure(
        chart.properties(width="container", height=280).add_params(*parameters),
        name=name,
        alt="Cross-entropy and squared error over the score of the true class, each with its "
        "tangent. Far to the left cross-entropy is steep and the squared error is flat.",
        text="the true class gets p = {p:.3f} of {K:.0f} classes\n"
        "cross-entropy: loss {entropy:.3f}, slope {entropy_slope:.3f}\n"
        "squared error: loss {squares:.3f}, slope {squares_slope:.3f}",
        values=_two_losses(score, classes),
    )
