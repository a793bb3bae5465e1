"""Training: the loop, what looks on, what is written down, and how a run goes on later.

Read `loop` first; everything else serves it.
"""

from .callbacks import Callback, EarlyStopping, ProgressBar, StepRecorder
from .checkpoint import Checkpoint
from .history import History
from .loop import evaluate, fit, minibatches
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
