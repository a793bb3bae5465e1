"""How many threads a call uses: what the environment says, and what a container grants."""

import math
import os

import pytest

from smnn._core import threads as _threads

NAMES = ("SMNN_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")


@pytest.fixture
def no_settings(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("value, expected", [("3", 3), ("4,2", 4), (" 5 , 1", 5)])
@pytest.mark.parametrize("name", NAMES)
def test_the_environment_decides(no_settings, name, value, expected):
    no_settings.setenv(name, value)
    assert _threads._default_threads() == expected


@pytest.mark.parametrize("value", ["", "0", "-1", "many", ",4"])
def test_what_is_no_number_of_threads_is_ignored(no_settings, value):
    no_settings.setenv("OMP_NUM_THREADS", value)
    no_settings.setattr(_threads, "_quota", lambda: math.inf)
    expected = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert _threads._default_threads() == expected


@pytest.mark.parametrize("quota, expected", [(0.5, 1), (1, 1), (1.5, 2), (2, 2), (7.2, 8), (64, 8)])
def test_a_quota_limits_the_threads(no_settings, quota, expected):
    """A part of a processor's time is worth a thread."""
    no_settings.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    no_settings.setattr(_threads, "_quota", lambda: quota)
    assert _threads._default_threads() == expected


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.mark.parametrize(
    "inner, outer, expected",
    [
        ("max 100000", "max 100000", math.inf),
        ("150000 100000", "max 100000", 1.5),
        ("max 100000", "200000 100000", 2.0),
        ("400000 100000", "200000 100000", 2.0),
        ("nonsense", "max 100000", math.inf),
    ],
)
def test_version_2_of_control_groups(tmp_path, inner, outer, expected):
    write(tmp_path / "root" / "slice", cpu__max=outer + "\n")
    write(tmp_path / "root" / "slice" / "box", cpu__max=inner + "\n")
    (tmp_path / "own").write_text("0::/slice/box\n")
    assert _threads._quota(tmp_path / "root", tmp_path / "own") == expected


@pytest.mark.parametrize("quota, expected", [("-1", math.inf), ("50000", 0.5), ("300000", 3.0)])
def test_version_1_of_control_groups(tmp_path, quota, expected):
    files = {"cpu__cfs_quota_us": quota + "\n", "cpu__cfs_period_us": "100000\n"}
    write(tmp_path / "root" / "cpu" / "box", **files)
    (tmp_path / "own").write_text("5:memory:/other\n4:cpu,cpuacct:/box\n1:name=systemd:/x\n")
    assert _threads._quota(tmp_path / "root", tmp_path / "own") == expected


def test_without_control_groups_there_is_no_quota(tmp_path):
    assert _threads._quota(tmp_path, tmp_path / "none") == math.inf
