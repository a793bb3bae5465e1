r"""Optimizers: how a gradient becomes a step.

Gradient descent walks downhill, θ ← θ − η g.  What follows are refinements of that line:

- **momentum** walks along a decaying sum of gradients, v ← μ v + g, so that steps add up
  along a valley and cancel across it; **Nesterov**'s looks one step further ahead;
- **Adam** divides by the recent size of each gradient, so that every parameter moves
  at about the same pace η;
- **weight decay** adds λ θ to the gradient, which pulls weights towards zero; in **AdamW**
  it shrinks the weights beside the step;
- a **schedule** makes η depend on the step.

Semantics and names are PyTorch's.  A step changes the parameters in place, in one pass
over each array.
"""

from .clipping import clip_gradients
from .optimizers import SGD, Adam, AdamW, Optimizer
from .schedules import cosine_decay, exponential_decay, step_decay, warmup

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Optimizer",
    "clip_gradients",
    "cosine_decay",
    "exponential_decay",
    "step_decay",
    "warmup",
]
