"""Files: complete or not there, and refused when they are not what they should be."""

import os
import sys

import numpy as np
import pytest

from smnn._core.files import read_file, write_file

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.ones(2, np.float32)}


def test_round_trip(tmp_path):
    for name in ("plain", "Zürich 日本"):
        write_file(tmp_path / name, "thing", 3, "a text", ARRAYS)
        text, arrays = read_file(tmp_path / name, "thing", 3)
        assert text == "a text"
        for key, value in ARRAYS.items():
            np.testing.assert_array_equal(arrays[key], value)
            assert arrays[key].dtype == value.dtype


def test_layout_does_not_matter(tmp_path):
    wide = np.arange(24.0).reshape(4, 6)
    arrays = {"turned": wide.T, "skipped": wide[::2, ::3], "fortran": np.asfortranarray(wide)}
    write_file(tmp_path / "f", "thing", 1, "", arrays)
    for key, value in read_file(tmp_path / "f", "thing", 1)[1].items():
        np.testing.assert_array_equal(value, arrays[key])


def test_other_kinds_and_newer_versions(tmp_path):
    write_file(tmp_path / "f", "thing", 3, "", ARRAYS)
    with pytest.raises(ValueError, match="f is no other: its format is thing"):
        read_file(tmp_path / "f", "other", 3)
    with pytest.raises(ValueError, match=r"f is of version 3, .* up to 2"):
        read_file(tmp_path / "f", "thing", 2)
    assert read_file(tmp_path / "f", "thing", 4)


@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * 100, b"\x00" * 100])
def test_rubbish(tmp_path, content):
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(ValueError, match="f is no thing, or is damaged"):
        read_file(tmp_path / "f", "thing", 1)


def test_when_writing_fails_nothing_is_left_and_nothing_lost(tmp_path, monkeypatch):
    write_file(tmp_path / "f", "thing", 1, "old", ARRAYS)

    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        write_file(tmp_path / "f", "thing", 1, "new", ARRAYS)
    assert os.listdir(tmp_path) == ["f"]
    assert read_file(tmp_path / "f", "thing", 1)[0] == "old"


def test_without_safetensors_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r'pip install "smnn\[save\]"'):
        write_file(tmp_path / "f", "thing", 1, "", ARRAYS)
