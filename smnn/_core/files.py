"""Files: arrays and one text that says what they are, in the safetensors format.

There is no pickle in such a file, so reading one runs no code.  It is written beside the
old one and put in its place in one move: whatever happens, one of the two is complete.
"""

import os
from pathlib import Path

import numpy as np


def write_file(path, kind, version, text, arrays):
    """Write arrays, and a text, as a file of this kind and version."""
    path = Path(path)
    arrays = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    metadata = {"format": kind, "version": str(version), "text": text}
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        _safetensors().numpy.save_file(arrays, beside, metadata)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read_file(path, kind, version):
    """Return the text and the arrays of a file of this kind, up to this version.

    Raises ValueError for a foreign file, a damaged one, and one of a newer version.
    """
    safetensors = _safetensors()
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is no {kind}, or is damaged: {error}") from None
    if metadata.get("format") != kind:
        raise ValueError(f"{path} is no {kind}: its format is {metadata.get('format', 'not said')}")
    if int(metadata["version"]) > version:
        raise ValueError(
            f"{path} is of version {metadata['version']}, written by a newer smnn; "
            f"this one reads versions up to {version}"
        )
    return metadata["text"], arrays


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError('files need safetensors: pip install "smnn[save]"') from None
    return safetensors
