"""Softmax regression and softmax networks as a scikit-learn estimator.

`classifier` is the estimator, `newton` the solver of the convex case.
"""

from .classifier import SoftmaxClassifier

__all__ = ["SoftmaxClassifier"]
