"""The figures with sliders that the chapters show.

Each function makes one figure in three steps: sliders, a chart over expressions, a readout.
`smnn_book.sliders` explains that language.
"""

from .learning import descent_explorer, loss_explorer, sigmoid_explorer
from .networks import graph_explorer, regions_explorer
from .softmax import jacobian_explorer, softmax_explorer

__all__ = [
    "descent_explorer",
    "graph_explorer",
    "jacobian_explorer",
    "loss_explorer",
    "regions_explorer",
    "sigmoid_explorer",
    "softmax_explorer",
]
