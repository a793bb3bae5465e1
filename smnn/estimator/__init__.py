"""Softmax regression and networks as a scikit-learn estimator, and conditional logit.

`classifier` is the estimator, `newton` the solver of the convex case.  `choice` is softmax with
one weight vector for all alternatives, and `inference` knows how sure weights are.
"""

from .choice import conditional_logit

try:
    from .classifier import SoftmaxClassifier
except ImportError as error:
    reason = str(error)

    class SoftmaxClassifier:  # type: ignore[no-redef]
        """What stands in for the estimator where scikit-learn is not installed.

        Examples
        --------
        >>> from smnn import SoftmaxClassifier  # doctest: +SKIP
        """

        def __init__(self, *args, **options):
            raise ImportError(reason)


__all__ = ["SoftmaxClassifier", "conditional_logit"]
