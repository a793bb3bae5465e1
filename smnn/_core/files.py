"""Files: arrays and one text that says what they are, in the safetensors format.

There is no pickle in such a file, so reading one runs no code.  It is written beside the
old one and put in its place in one move: whatever happens, one of the two is complete.  A
checksum over everything in it makes damage visible.
"""

import hashlib
import itertools
import json
import os
import threading
from pathlib import Path

import numpy as np

_number = itertools.count()  # of the files that this process has written


def write_file(path, kind, version, text, arrays):
    """Write arrays, and a text, as a file of this kind and version.

    Raises
    ------
    OSError
        If the folder is not there, or the file cannot be written; what was there stays.
    """
    path = Path(path)
    check_folder(path)
    arrays = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    metadata = {"format": kind, "version": str(version), "text": text}
    metadata["sha256"] = _checksum(metadata, arrays)
    content = _safetensors().numpy.save(arrays, metadata)
    mark = f"{os.getpid()}-{threading.get_ident()}-{next(_number)}"
    beside = path.with_name(f"{path.name}.{mark}.part")
    try:
        with open(beside, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def check_folder(path):
    """Raise the OSError that writing to this path would end in, as far as that can be known."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} must be a file, it is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}")


def read_file(path, kind, version):
    """Return the text and the arrays of a file of this kind, up to this version.

    Raises
    ------
    OSError
        If the file is not there or cannot be read.
    ValueError
        For a foreign file, a damaged one, and one of a newer version.
    """
    safetensors = _safetensors()
    content = Path(path).read_bytes()
    try:
        arrays = safetensors.numpy.load(content)
        metadata = _metadata(content)
    except Exception as error:  # whatever a parser makes of damaged bytes
        raise ValueError(f"{path} is no {kind}, or is damaged: {error}") from None
    if metadata.get("format") != kind:
        raise ValueError(f"{path} is no {kind}: its format is {metadata.get('format', 'not said')}")
    known = metadata.get("version", "")
    if not known.isdecimal() or "text" not in metadata:
        raise ValueError(f"{path} is damaged: its version is {known!r}")
    if int(known) > version:
        raise ValueError(
            f"{path} is of version {known}, written by a newer smnn; "
            f"this one reads versions up to {version}"
        )
    checksum = metadata.pop("sha256", None)
    if int(known) > 1 and checksum != _checksum(metadata, arrays):
        raise ValueError(f"{path} is damaged: its content does not fit its checksum")
    return metadata["text"], arrays


def _metadata(content):
    """Return the texts in the header: its length in eight bytes, then JSON."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__", {})


def _checksum(metadata, arrays):
    """Return a digest of all texts and arrays, of their names, shapes and dtypes."""
    digest = hashlib.sha256()
    parts = [(name, metadata[name]) for name in sorted(metadata)]
    digest.update(repr(parts).encode())
    for name in sorted(arrays):
        value = arrays[name]
        digest.update(repr((name, value.shape, value.dtype.name)).encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError('files need safetensors: pip install "smnn[save]"') from None
    return safetensors
