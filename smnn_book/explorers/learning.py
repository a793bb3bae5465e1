"""Interactive figures of single chapters.

Each function here makes one figure, in three steps: sliders, a chart over expressions,
a readout.  The language that they are written in is explained in `smnn_book.sliders`.
"""

import numpy as np

from smnn import sigmoid, sigmoid_vjp, softmax, softmax_cross_entropy, softmax_vjp
from smnn_book.sliders import BACKWARD, CLASS_COLORS, FORWARD, derived, figure, load_altair, slider


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
    alt = load_altair()
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
    squares = "0.5 * K / (K - 1) * pow(1 - datum.p, 2)"
    for loss, curve, words, place, color in (
        ("entropy", "-log(datum.p)", "cross-entropy", -1.6, CLASS_COLORS[4]),
        ("squares", squares, "squared error", -4.0, CLASS_COLORS[0]),
    ):
        tangent = around.transform_calculate(x="z + datum.t", y=f"{loss} + datum.t * {loss}_slope")
        dot = here.transform_calculate(x="z", y=loss)
        label = here.transform_calculate(
            x=f"{place}", p="1 / (1 + (K - 1) * exp(-datum.x))", y=curve
        )
        layers += [
            along.transform_calculate(y=curve).mark_line(clip=True, color=color, strokeWidth=2),
            tangent.mark_line(clip=True, color=color, strokeWidth=5, opacity=0.45),
            dot.mark_point(filled=True, size=90, opacity=1, color=color),
            label.mark_text(align="left", dx=10, dy=-12, fontSize=13, fill=color, text=words),
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


def sigmoid_explorer(scale=1.0, shift=0.0, *, name="sigmoid-explorer"):
    """Return a figure of the sigmoid σ(s(z − v)) and its slope, with sliders for s and v.

    A large scale s makes a hard switch at the shift v.  The slope becomes a needle of the
    height s/4, which leaves the picture above s = 5.6.

    Parameters
    ----------
    scale : float
        Between 0.5 and 20, where the slider stands at first.
    shift : float
        Between -3 and 3.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    InteractiveFigure

    Raises
    ------
    ValueError
        If the scale or the shift is out of range.

    Examples
    --------
    >>> print(sigmoid_explorer(4.0, 1.0).text)
    σ(s(z − v)) with s = 4.0, v = 1.0
    steepest slope 1.000, at z = 1.0
    from 0.1 to 0.9 within 1.10
    """
    alt = load_altair()
    parameters = [
        slider("s", 0.5, 20, scale, step=0.5, label="scale s"),
        slider("v", -3, 3, shift, label="shift v"),
        derived("steepest", "s / 4"),
        derived("climb", "2 * log(9) / s"),
    ]
    x = alt.X("z:Q").title("weighted sum z").scale(domain=[-6, 6], nice=False)
    y = alt.Y("y:Q").title(None).scale(domain=[0, 1.4]).axis(values=[0, 0.5, 1])
    along = alt.Chart(alt.sequence(-6, 6.005, 0.02, as_="z")).transform_calculate(
        h="1 / (1 + exp(-s * (datum.z - v)))", slope="s * datum.h * (1 - datum.h)"
    )
    here = alt.Chart(alt.InlineData([{}]))
    value = along.transform_calculate(y="datum.h")
    slope = along.transform_calculate(y="datum.slope")
    half = here.transform_calculate(z="v", y="0.5")
    value_words = here.transform_calculate(z="5.9", y="1")
    slope_words = here.transform_calculate(z="v", y="min(steepest, 1.25)")
    layers = [
        slope.mark_line(clip=True, color=BACKWARD, strokeWidth=2, strokeDash=[5, 3]),
        value.mark_line(clip=True, color=FORWARD, strokeWidth=2.5),
        half.mark_point(filled=True, size=70, opacity=1, color=FORWARD),
        value_words.mark_text(align="right", dy=-9, fontSize=13, fill=FORWARD, text="value"),
        slope_words.mark_text(align="left", dx=12, dy=-8, fontSize=13, fill=BACKWARD, text="slope"),
    ]
    chart = alt.layer(*(layer.encode(x=x, y=y) for layer in layers))
    highest = float(sigmoid_vjp(1.0, sigmoid(shift, scale=scale, shift=shift), shift, scale=scale))
    return figure(
        chart.properties(width="container", height=240).add_params(*parameters),
        name=name,
        alt="The sigmoid and its slope. A larger scale makes the climb shorter and the slope "
        "a higher and narrower peak; the shift moves both sideways.",
        text="σ(s(z − v)) with s = {s:.1f}, v = {v:.1f}\n"
        "steepest slope {steepest:.3f}, at z = {v:.1f}\n"
        "from 0.1 to 0.9 within {climb:.2f}",
        values={"s": scale, "v": shift, "steepest": highest, "climb": 2 * np.log(9) / scale},
    )


def _descend(learning_rate, steps, w):
    """Gradient descent on ½ mean (x w − t)² for two examples: the last weight and its loss."""
    x, t = np.array([2.0, -1.0]), np.array([1.0, -1.0])
    for _ in range(int(steps)):
        w -= learning_rate * ((x * w - t) * x).mean()
    return w, ((x * w - t) ** 2).mean() / 2


def descent_explorer(learning_rate=0.1, steps=8, *, name="descent-explorer"):
    """Return a figure of gradient descent on a parabola, with a slider for the learning rate.

    The loss is that of ADALINE with one weight and two examples, x = 2 with the target 1
    and x = −1 with the target −1.  It is 0.05 + 1.25 (w − 0.6)², so a step multiplies the
    distance to the bottom by 1 − 2.5 η: right at η = 0.4, too large from η = 0.8 on.

    Parameters
    ----------
    learning_rate : float
        Between 0.01 and 0.9, where the slider stands at first.
    steps : int
        Between 0 and 20.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    InteractiveFigure

    Raises
    ------
    ValueError
        If the learning rate or the number of steps is out of range.

    Examples
    --------
    >>> print(descent_explorer(0.1, 8).text)
    each step: distance to the bottom × 0.750
    after 8 steps: w = 0.480, loss 0.068
    """
    alt = load_altair()
    start = -0.6
    parameters = [
        slider("eta", 0.01, 0.9, learning_rate, step=0.01, label="learning rate η"),
        slider("steps", 0, 20, steps, step=1, label="steps"),
        derived("factor", "1 - 2.5 * eta"),
        derived("w", f"0.6 + {start - 0.6} * pow(factor, steps)"),
        derived("loss", "0.05 + 1.25 * (w - 0.6) * (w - 0.6)"),
        derived("noun", "steps == 1 ? 'step' : 'steps'"),
    ]
    x = alt.X("w:Q").title("weight w").scale(domain=[-1.4, 2.6], nice=False)
    y = alt.Y("loss:Q").title("loss").scale(domain=[0, 5])
    loss = "0.05 + 1.25 * pow(datum.w - 0.6, 2)"
    parabola = alt.Chart(alt.sequence(-1.4, 2.605, 0.02, as_="w")).transform_calculate(loss=loss)
    path = (
        alt.Chart(alt.sequence(0, 21, as_="k"))
        .transform_filter("datum.k <= steps")
        .transform_calculate(w=f"0.6 + {start - 0.6} * pow(factor, datum.k)")
        .transform_calculate(loss=loss)
    )
    first = alt.Chart(alt.InlineData([{"w": start, "loss": 0.05 + 1.25 * (start - 0.6) ** 2}]))
    layers = [
        parabola.mark_line(clip=True, color=FORWARD, strokeWidth=2),
        path.mark_line(clip=True, color=BACKWARD, strokeWidth=1.5).encode(order="k:Q"),
        path.mark_point(clip=True, filled=True, size=60, opacity=1, color=BACKWARD),
        first.mark_text(align="right", dx=-10, fontSize=13, fill=BACKWARD, text="start"),
    ]
    chart = alt.layer(*(layer.encode(x=x, y=y) for layer in layers))
    w, value = _descend(learning_rate, steps, start)
    return figure(
        chart.properties(width="container", height=260).add_params(*parameters),
        name=name,
        alt="Steps of gradient descent on a parabola. With a small learning rate they creep "
        "down one side, at 0.4 one step reaches the bottom, and above 0.8 they jump from "
        "side to side and climb out.",
        text="each step: distance to the bottom × {factor:.3f}\n"
        "after {steps:.0f} {noun:s}: w = {w:.3f}, loss {loss:.3f}",
        values={
            "eta": learning_rate,
            "steps": steps,
            "factor": 1 - 2.5 * learning_rate,
            "w": w,
            "loss": value,
            "noun": "step" if steps == 1 else "steps",
        },
    )
