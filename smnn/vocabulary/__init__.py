r"""Large vocabularies: losses that touch few of the classes, and softmax as a tree.

Softmax over V classes costs V scores per example.  There are two ways to pay less.

- **Score few.**  The true class and k drawn ones, instead of all: `negative_sampling_loss`,
  `nce_loss` and `sampled_softmax_loss`.  They differ in what the scores mean at the optimum,
  :math:`\log \frac{p}{kq}`, :math:`\log p`, or the logits of softmax; none of them is a
  normalized probability.
- **Arrange them.**  As a tree of two-way choices, `HierarchicalSoftmax`, or as a short list of
  frequent classes beside clusters of rare ones, `AdaptiveSoftmax`.  Both are probabilities that
  sum to 1.

A batch touches few rows of the weights, so gradients come as ``(rows, values)`` with distinct
rows: ``W[rows] -= lr * values`` is the step.  `sum_rows` brings the gradient of looked-up
vectors into the same form.
"""

from .adaptive import AdaptiveSoftmax
from .hierarchical import HierarchicalSoftmax
from .rows import sum_rows
from .sampled import nce_loss, negative_sampling_loss, sampled_softmax_loss
from .sampler import UnigramSampler

__all__ = [
    "AdaptiveSoftmax",
    "HierarchicalSoftmax",
    "UnigramSampler",
    "nce_loss",
    "negative_sampling_loss",
    "sampled_softmax_loss",
    "sum_rows",
]
