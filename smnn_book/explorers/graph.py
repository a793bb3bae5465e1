"""Computations as graphs, to step through: one neuron, and a small network."""

import numpy as np

import smnn
from smnn_book.draggable import DraggableFigure, number

LARGEST = 3.0
SUBSCRIPTS = "₁₂"


def neuron_graph(x=2.0, w=-0.5, b=0.4, target=1, *, name="neuron-graph"):
    """Return a figure of one neuron and its squared error, one operation at each node.

    It begins after the forward pass.  From there it steps back through the gradients, each of
    which is the product of a local slope and the gradient that comes in.  Input, weight and bias
    can be dragged at any step.

    Parameters
    ----------
    x, w, b : float
        Input, weight and bias, between -3 and 3, in steps of 0.1.
    target : int
        What the neuron should answer.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If x, w or b is out of range.

    Examples
    --------
    >>> print(neuron_graph(2.0, -0.5, 0.4, 1).text)
    step 4 of 11: forward, L = ½ (σ(z) − t)² = ½ (0.3543 − 1)² = 0.2084
    """
    if max(abs(x), abs(w), abs(b)) > LARGEST:
        raise ValueError(f"expected x, w and b between -3 and 3, got {x}, {w} and {b}")
    nodes = [
        _leaf("x", "x", "input x", (100, 54), (26, 84)),
        _leaf("w", "w", "weight w", (100, 164), (138, 84)),
        _leaf("b", "b", "bias b", (100, 274), (250, 84)),
        _node("xw", "xw", (220, 109), (82, 190), "times", ["x", "w"], "x × w")
        | {"because": "a sum passes it on"},
        _node("z", "z", (336, 191), (190, 286), "plus", ["xw", "b"], "xw + b")
        | {"because": "σ has the slope σ(z) (1 − σ(z))"},
        _node("o", "σ(z)", (454, 191), (190, 386), "sigmoid", ["z"], "σ(z)")
        | {"because": "½ (σ(z) − t)² has the slope σ(z) − t"},
        _node("L", "L", (572, 191), (190, 486), "half-square", ["o"], "½ (σ(z) − t)²")
        | {"target": target},
    ]
    nodes[0]["because"] = "a product has the other factor as its slope"
    nodes[1]["because"] = "a product has the other factor as its slope"
    nodes[2]["because"] = "a sum passes it on"
    o = smnn.sigmoid(x * w + b)
    return DraggableFigure(
        name=name,
        kind="graph",
        alt="A graph of one neuron: x times w, plus b, through the sigmoid, into the loss. Values "
        "appear in the forward pass, gradients in italics and local slopes in the backward pass.",
        text=f"step 4 of 11: forward, L = ½ (σ(z) − t)² = ½ ({number(o, 4)} − {target})² = "
        f"{number(0.5 * (o - target) ** 2, 4)}",
        data={
            "nodes": nodes,
            "leaves": {"x": x, "w": w, "b": b},
            "step": 4,
            "sizes": [[608, 330], [340, 520]],
            "presets": [
                {"name": "saturated", "label": "a saturated neuron",
                 "leaves": {"x": 3.0, "w": -2.5, "b": 0.4}},
                {"name": "silent", "label": "x = 0", "leaves": {"x": 0.0}},
            ],
        },
    )  # fmt: skip


def _leaf(name, label, says, wide, narrow):
    return {
        "name": name, "label": label, "says": says, "at": [wide, narrow], "reach": LARGEST,
        "unit": 0.1, "track": [[-72, 0], [22, -50]],
    }  # fmt: skip


def _node(name, label, wide, narrow, op, inputs, formula):
    return {
        "name": name, "label": label, "at": [wide, narrow], "op": op, "of": inputs,
        "formula": formula,
    }  # fmt: skip


def network_graph(
    x=(0.05, 0.10),
    W1=((0.15, 0.25), (0.20, 0.30)),
    b1=0.35,
    W2=((0.40, 0.50), (0.45, 0.55)),
    b2=0.60,
    target=(0.01, 0.99),
    *,
    name="network-graph",
):
    """Return a figure of a network of two inputs, two hidden sigmoids and two classes.

    Each weight lies on the line that it multiplies.  The figure begins after the forward pass,
    and steps back through the gradients.  The inputs can be dragged.  At first the
    numbers are those of Mazur's example.

    Parameters
    ----------
    x : array_like, shape (2,)
        The inputs, between -1 and 1, in steps of 0.05.
    W1, W2 : array_like, shape (2, 2)
        The weights, one column per unit.
    b1, b2 : float
        The bias of both hidden units, and that of both classes.
    target : array_like, shape (2,)
        The probabilities that the classes should have.
    name : str
        The name of the figure, if a page shows more than one.

    Returns
    -------
    DraggableFigure

    Raises
    ------
    ValueError
        If there are not two inputs between -1 and 1.

    Examples
    --------
    >>> print(network_graph().text)
    step 7 of 24: forward, L = −Σ y log p = −0.01 × log 0.4703 − 0.99 × log 0.5297 = 0.6366
    """
    x, W1, W2, target = (np.asarray(part, dtype=float) for part in (x, W1, W2, target))
    if x.shape != (2,) or np.abs(x).max() > 1:
        raise ValueError(f"expected two inputs between -1 and 1, got {x.tolist()}")
    rows = (84, 250), (50, 290)  # of the wide drawing; columns of the narrow one
    at = lambda column, k: [(column[0], rows[0][k]), (rows[1][k], column[1])]  # noqa: E731
    columns = {"x": (50, 62), "s": (230, 212), "h": (326, 288), "z": (488, 432)}
    nodes, leaves = [], {}
    for k, sign in enumerate(SUBSCRIPTS):
        place = {
            "at": at(columns["x"], k),
            "track": [[0, 120 * k - 60], [0, -40]],
            "side": 1 - 2 * k,
        }
        nodes.append(
            {"name": f"x{k}", "label": f"x{sign}", "says": f"input x{sign}", "reach": 1.0,
             "unit": 0.05,
             "because": "a product has the weight as its slope, and the shares add up"}
            | place
        )  # fmt: skip
        leaves[f"x{k}"] = float(x[k])
    for layer, (below, above, W, bias) in enumerate(
        [("x", "s", W1, float(b1)), ("h", "z", W2, float(b2))], 1
    ):
        for i, j in np.ndindex(2, 2):
            weight = f"W{layer}{i}{j}"
            leaves[weight] = float(W[i, j])
            shares = (0.5, 0.5) if i == j else (0.36, 0.3)  # on a phone, clear of each other
            ends = at(columns[below], i), at(columns[above], j)
            middle = [
                [a + share * (b - a) for a, b in zip(one, other, strict=True)]
                for share, one, other in zip(shares, *ends, strict=True)
            ]
            nodes.append(
                {"name": weight, "label": f"W{layer}{SUBSCRIPTS[i]}{SUBSCRIPTS[j]}", "at": middle,
                 "on": [f"{below}{i}", f"{above}{j}"],
                 "because": "a product has the input of the weight as its slope"}
            )  # fmt: skip
        for j, sign in enumerate(SUBSCRIPTS):
            inputs = [part for i in range(2) for part in (f"{below}{i}", f"W{layer}{i}{j}")]
            terms = " + ".join(f"{below}{s}W{layer}{s}{sign}" for s in SUBSCRIPTS)
            nodes.append(
                {"name": f"{above}{j}", "label": f"{above}{sign}", "at": at(columns[above], j),
                 "op": "weighted", "of": inputs, "formula": f"{terms} + b{layer}", "bias": bias,
                 "side": 1 - 2 * j,
                 "because": "σ has the slope h (1 − h)" if layer == 1 else "its slope is p − y"}
            )  # fmt: skip
        if layer == 1:
            for j, sign in enumerate(SUBSCRIPTS):
                nodes.append(
                    {"name": f"h{j}", "label": f"h{sign}", "at": at(columns["h"], j),
                     "op": "sigmoid", "of": [f"s{j}"], "formula": f"σ(s{sign})", "side": 1 - 2 * j,
                     "because": "both logits send a share, and the shares add up"}
                )  # fmt: skip
    nodes.append(
        {"name": "L", "label": "L", "at": [(580, 167), (170, 520)], "op": "cross-entropy",
         "of": ["z0", "z1"], "formula": "−Σ y log p", "target": target.tolist()}
    )  # fmt: skip
    logits = smnn.sigmoid(x @ W1 + b1) @ W2 + b2
    log = smnn.log_softmax(logits)
    words = " − ".join(
        f"{y:g} × log {number(p, 4)}" for y, p in zip(target, np.exp(log), strict=True)
    )
    return DraggableFigure(
        name=name,
        kind="graph",
        alt="A graph of two inputs, two hidden units, two logits and a loss, with a weight on each "
        "line. Values appear in the forward pass, gradients in italics in the backward pass.",
        text="step 7 of 24: forward, L = −Σ y log p = "
        f"−{words} = {number(-(target * log).sum(), 4)}",
        data={
            "nodes": nodes,
            "leaves": leaves,
            "step": 7,
            "sizes": [[608, 330], [340, 556]],
            "presets": [
                {"name": "other", "label": "the other target", "target": target[::-1].tolist()},
            ],
        },
    )
