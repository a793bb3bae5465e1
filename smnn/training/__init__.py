"""Training: the loop, the callbacks, the history, and how a run is resumed.

Read `loop` first; everything else serves it: `objective` is the loss with its penalty,
`examples` makes the batches, `measures` takes the metrics.
"""

from .callbacks import Callback, EarlyStopping, ProgressBar, StepRecorder
from .checkpoint import Checkpoint
from .examples import minibatches
from .history import History
from .loop import evaluate, fit
from .run import Run, TrainingDiverged

__all__ = [
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "ProgressBar",
    "Run",
    "StepRecorder",
    "TrainingDiverged",
    "evaluate",
    "fit",
    "minibatches",
]
