"""The figures that a reader moves: kinds and first states, as `smnn_book.draggable` explains."""

from .corridor import corridor_coin, corridor_flow
from .field import range_posterior, source_in_guide
from .gate import balance_of, gate_of, gate_regions, gated_rows
from .graph import network_graph, neuron_graph
from .huffman import entropy_and_mean_length, huffman_tree
from .learning import descend, descent_explorer, loss_explorer, sigmoid_explorer, two_losses
from .line import one_line, unit_of
from .machine import softmax_machine
from .mesa import TYPES, plain_and_safe, walk_off_the_mesa
from .networks import regions_explorer
from .pad import digit_network, digit_pad, worst_mistakes
from .pullback import softmax_pullback
from .softmax import jacobian_explorer
from .spaces import STARTS, train_xor, two_spaces, xor_cloud, xor_network
from .tiles import attention_tiles, queries_keys_values, sweep_of
from .trellis import alignments, ctc_trellis
from .truncation import kept_classes, three_cuts
from .valley import OPTIMIZERS, long_valley, steps_until_near, walk_valley

__all__ = [
    "OPTIMIZERS",
    "STARTS",
    "TYPES",
    "alignments",
    "attention_tiles",
    "balance_of",
    "corridor_coin",
    "corridor_flow",
    "ctc_trellis",
    "descend",
    "descent_explorer",
    "digit_network",
    "digit_pad",
    "entropy_and_mean_length",
    "gate_of",
    "gate_regions",
    "gated_rows",
    "huffman_tree",
    "jacobian_explorer",
    "kept_classes",
    "long_valley",
    "loss_explorer",
    "network_graph",
    "neuron_graph",
    "one_line",
    "plain_and_safe",
    "queries_keys_values",
    "range_posterior",
    "regions_explorer",
    "sigmoid_explorer",
    "softmax_machine",
    "softmax_pullback",
    "source_in_guide",
    "steps_until_near",
    "sweep_of",
    "three_cuts",
    "train_xor",
    "two_losses",
    "two_spaces",
    "unit_of",
    "walk_off_the_mesa",
    "walk_valley",
    "worst_mistakes",
    "xor_cloud",
    "xor_network",
]
