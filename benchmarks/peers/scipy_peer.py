"""SciPy: ``scipy.special``, which has no ``out=``, so it always allocates."""

import numpy as np
from scipy import special


def contestants(case, data):
    x, target, rows = data.x, data.target, data.rows

    def softmax():
        return special.softmax(x, axis=1)

    def log_softmax():
        return special.log_softmax(x, axis=1)

    def cross_entropy():
        return (special.logsumexp(x, axis=1) - x[rows, target]).mean()

    def softmax_cross_entropy():
        lp = special.log_softmax(x, axis=1)
        loss = -lp[rows, target].mean()
        np.exp(lp, out=lp)
        lp[rows, target] -= 1
        lp /= len(lp)
        return loss, lp

    if case.reuse or case.operation == "linear_cross_entropy":
        return {}
    return {"SciPy": locals()[case.operation]}
