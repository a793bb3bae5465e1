"""Softmax regression and softmax networks as a scikit-learn estimator.

`classifier` is the estimator, `newton` the solver of the convex case.
"""

try:
    from .classifier import SoftmaxClassifier
except ImportError as error:
    reason = str(error)

    class SoftmaxClassifier:
        """What stands in for the estimator where scikit-learn is not installed.

        Examples
        --------
        >>> from smnn import SoftmaxClassifier  # doctest: +SKIP
        """

        def __init__(self, *args, **options):
            raise ImportError(reason)


__all__ = ["SoftmaxClassifier"]
