"""scikit-learn: the multinomial loss with its gradient, compiled, as LogisticRegression uses it.

It lives in a private module.  It is here because it is the fastest loss that the library has.
"""

import os

import numpy as np
from sklearn._loss import HalfMultinomialLoss


def contestants(case, data):
    operation = case.operation
    if operation not in ("cross_entropy", "softmax_cross_entropy") or case.shape[1] < 3:
        return {}
    n, c = case.shape
    threads = int(os.environ["OMP_NUM_THREADS"])
    multinomial = HalfMultinomialLoss(n_classes=c)
    x, target = data.x, data.target.astype(case.dtype)
    outputs = (np.empty(n, case.dtype), np.empty_like(x)) if case.reuse else (None, None)

    def cross_entropy():
        return multinomial.loss(target, x, n_threads=threads).mean()

    def softmax_cross_entropy():
        loss, gradient = multinomial.loss_gradient(
            target, x, loss_out=outputs[0], gradient_out=outputs[1], n_threads=threads
        )
        gradient /= n
        return loss.mean(), gradient

    return {"scikit-learn": locals()[operation]}
