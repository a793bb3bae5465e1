"""What only the pages of the book need: figures that move, exercises that judge, kept results.

It comes in the same wheel as `smnn`, so that every notebook runs outside the repository too.
`smnn` never imports it.

- `explorers`: figures that a reader moves; `draggable` is what they are made with.
- `exercise`: turns a judge into a check that the reader runs on an attempt.
- `below`: a bound on an error, which every machine prints the same.
- `kept_results`: the results of experiments that take too long for a page.
- `Table`: a table of a page, as HTML and as text.
- `tasks`: what a Dask plan consists of, as a picture.
- `pie`: a task in six pieces, and the loss of the mixture that learns it.
- `strips`: strips of handwritten digits, and a reader that is trained on them.
- `docstrings`: real text that is installed already, as words and pairs of words.
- `characters`: that text as characters, and what counting them foresees.
- `actions`: a corridor, a grid and queues, in which a softmax chooses.
- `dates`: dates in seven languages, and a reader that attends to them.
- `language_model`: a small transformer made of the package's layers.
- `recurrence`: recurrent networks for the adding problem, and how far their states reach.
- `utterances`: real sequences of different lengths, nine people who say two vowels.
- `features`: an autoencoder with tied weights, and all products of pairs.
- `waveguide`: sound in shallow water, and what an array of hydrophones receives.
- `phrases`: phrases with a sentiment at every node, and a recursive network that reads them.
- `prices`: thirteen years of daily prices of three shares.
- `roofline`: what a program moves and computes, how long it takes here, and the pictures of it.
"""

from . import explorers
from .bounds import below
from .exercise import exercise
from .results import kept_results, results_folder
from .tables import Table

__all__ = ["Table", "below", "exercise", "explorers", "kept_results", "results_folder"]
