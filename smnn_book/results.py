"""Results of experiments that take too long for a page, kept as data beside the code.

``experiments`` and ``benchmarks`` hold the scripts that write them.
"""

import hashlib
import io
import json
from importlib.resources import files
from pathlib import Path

import numpy as np


def results_folder():
    """Return the folder of the kept results, where the scripts write them."""
    return Path(str(files(__package__) / "data"))


def kept_results(name):
    """Return the kept results of this name.

    Parameters
    ----------
    name : str
        The name of a file in `results_folder`, without its ending.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If there are no results of this name; the message lists those that there are.

    Examples
    --------
    >>> sorted(kept_results("train_mnist"))[:2]
    ['epochs', 'machine']
    """
    path = results_folder() / f"{name}.json"
    if not path.is_file():
        known = sorted(file.stem for file in results_folder().glob("*.json"))
        raise ValueError(f"there are no kept results {name!r}; there are {', '.join(known)}")
    return json.loads(path.read_text(encoding="utf-8"))


def kept_arrays(name, checksum):
    """Return the arrays of a file of `results_folder`, if it is the one with this SHA-256."""
    content = (results_folder() / f"{name}.npz").read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != checksum:
        raise ValueError(f"{name}.npz has the SHA-256 {found}, not {checksum}")
    with np.load(io.BytesIO(content)) as file:
        return dict(file)
