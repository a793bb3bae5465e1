"""smnn, through its public functions."""

import numpy as np

import smnn


def contestants(case, data):
    if case.operation == "linear_cross_entropy":
        x, target = data.x, data.target
    else:
        x, target = data.given, data.given_target
    out = np.empty_like(x) if case.reuse else None
    axis = {"axis": 1} if case.spelling == "axis=1" else {}
    functions = {
        "softmax": lambda: smnn.softmax(x, out=out, **axis),
        "log_softmax": lambda: smnn.log_softmax(x, out=out, **axis),
        "cross_entropy": lambda: smnn.cross_entropy(x, target),
        "softmax_cross_entropy": lambda: smnn.softmax_cross_entropy(x, target, out=out),
        "linear_cross_entropy": lambda: smnn.linear_cross_entropy(
            x, data.weights, target, data.bias
        ),
    }
    return {"smnn": functions[case.operation]}
