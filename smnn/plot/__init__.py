"""Pictures of what the package computes.

Every function draws on the axes that it is given as ``ax``, or on new ones, and returns
them.  ``styling.py`` says what the colors mean.  Curves and bars are in ``charts.py``, pictures
made of pixels in ``pixels.py``, the plane and the simplex in ``space.py``, networks and
computation graphs in ``graph.py``.  All of them are reached as ``smnn.plot.name``.
"""

from .charts import (
    activation,
    confusion_matrix,
    probability_bars,
    reliability_diagram,
    training_history,
)
from .graph import computation_graph, network
from .pixels import images, weights_as_images
from .space import decision_regions, simplex
from .styling import (
    BACKWARD,
    CLASS_COLORS,
    CLASS_MARKERS,
    FORWARD,
    INK,
    SERIES_COLORS,
    SERIES_DASHES,
    class_color,
    label_lines,
    pyplot,
    readable,
    series_color,
    series_style,
    style,
)

__all__ = [
    "BACKWARD",
    "CLASS_COLORS",
    "CLASS_MARKERS",
    "FORWARD",
    "INK",
    "SERIES_COLORS",
    "SERIES_DASHES",
    "activation",
    "class_color",
    "computation_graph",
    "confusion_matrix",
    "decision_regions",
    "images",
    "label_lines",
    "network",
    "probability_bars",
    "pyplot",
    "readable",
    "reliability_diagram",
    "series_color",
    "series_style",
    "simplex",
    "style",
    "training_history",
    "weights_as_images",
]
