"""The figures that a reader moves.

Some are taken hold of: a kind and its first state, as `smnn_book.draggable` explains.  The others
are moved by sliders, and made in three steps: sliders, a chart over expressions, a readout;
`smnn_book.sliders` explains that language.
"""

from .learning import descent_explorer, loss_explorer, sigmoid_explorer
from .machine import softmax_machine
from .networks import graph_explorer, regions_explorer
from .pad import digit_network, digit_pad, worst_mistakes
from .softmax import jacobian_explorer

__all__ = [
    "descent_explorer",
    "digit_network",
    "digit_pad",
    "graph_explorer",
    "jacobian_explorer",
    "loss_explorer",
    "regions_explorer",
    "sigmoid_explorer",
    "softmax_machine",
    "worst_mistakes",
]
