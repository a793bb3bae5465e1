"""Experiments that take too long for a page: each keeps its results, which a chapter reads.

    python -m experiments.deep_networks

A new one is a file with two functions.  ``measure(*, quick=False)`` returns the results as what
JSON can hold; with ``quick`` it runs in seconds, on data that ``requirements.txt`` installs, and
returns results of the same form.  ``main()`` is ``keep(__file__, measure())``.  A test calls every
``measure(quick=True)`` and compares its form with what is kept.
"""

import json
from pathlib import Path

from smnn_book import results_folder


def keep(script, results):
    """Write the results of a script into ``smnn_book/data``, under the name of its file."""
    path = results_folder() / f"{Path(script).stem}.json"
    text = json.dumps(results, ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
