"""The package in other people's surroundings: without extras, under -O and -W error, in a wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import smnn

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = (
    "sklearn",
    "scipy",
    "matplotlib",
    "tqdm",
    "pooch",
    "mlxtend",
    "safetensors",
    "IPython",
)
WITHOUT = f"import sys; [sys.modules.__setitem__(name, None) for name in {EXTRAS}]\n"


def run(code, *flags):
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], capture_output=True, text=True, cwd=ROOT.anchor
    )
    assert done.returncode == 0, done.stderr[-1500:]
    return done.stdout.strip()


def test_a_bare_install_has_all_names():
    found = run(
        WITHOUT + "from smnn import *\n"
        "import inspect, pydoc, smnn\n"
        "assert all(hasattr(smnn, name) for name in smnn.__all__)\n"
        "assert not hasattr(smnn, 'plot')\n"
        "assert 'softmax' in pydoc.render_doc(smnn)\n"
        "assert len(inspect.getmembers(smnn)) > len(smnn.__all__)\n"
        "print(softmax([0.0, 0.0]))\n"
        "for call in (SoftmaxClassifier, load_iris, lambda: __import__('smnn.plot')):\n"
        "    try: call()\n"
        "    except ImportError as error: print(error)\n"
    )
    lines = found.splitlines()
    assert lines[0] == "[0.5 0.5]" and len(lines) == 4
    assert all("pip install" in line for line in lines[1:])


TRAINING = """
import numpy as np, smnn
x, y = smnn.make_moons(20, rng=0)
model = smnn.Sequential([smnn.Dense(4, "tanh"), smnn.Dense(2, "softmax")], rng=0)
history = smnn.fit(model, x, y, epochs=2, rng=0)
assert len(history["loss"]) == 2
try: smnn.cross_entropy([[0.0, 0.0]], [2])
except IndexError: print("refused")
print(smnn.check_layer(smnn.Dense(2), (3,)).ok)
"""


@pytest.mark.parametrize(
    "flags", [["-O"], ["-OO"], ["-W", "error"], ["-X", "dev"], ["-I"]], ids=str
)
def test_python_may_be_started_in_any_way(flags):
    assert run(WITHOUT + TRAINING, *flags).split() == ["refused", "True"]


@pytest.mark.parametrize("stream", ["None", "type('Tee', (), {'write': print, 'flush': print})()"])
def test_standard_error_may_be_anything(stream):
    assert run(f"import sys; sys.stderr = {stream}\n" + TRAINING).split()[-1] == "True"


def test_standard_error_may_be_closed():
    assert run("import sys; sys.stderr.close()\n" + TRAINING).split()[-1] == "True"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as `make wheel` builds it, unpacked in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "smnn", "smnn_book"):
        (source / name).symlink_to(ROOT / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*build, "--wheel-dir", folder, source], capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        pytest.skip(f"no wheel can be built here: {done.stderr[-300:]}")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def test_the_wheel_holds_both_packages_and_their_data(wheel):
    of_book = ("smnn_book/data/benchmark.json", "smnn_book/data/japanese_vowels.npz")
    for name in ("smnn/py.typed", "smnn/__init__.pyi", *of_book):
        assert (wheel / name).is_file(), name
    installed = {path.relative_to(wheel) for path in wheel.rglob("*.py")}
    for package in ("smnn", "smnn_book"):
        for path in (ROOT / package).rglob("*.py"):
            assert path.relative_to(ROOT) in installed


def test_the_wheel_alone_works(wheel):
    found = run(
        f"import sys; sys.path.insert(0, {str(wheel)!r})\n" + WITHOUT + "from smnn import *\n"
        "import smnn; print(smnn.__file__); print(softmax([0.0, 0.0]))",
        "-I",
    )
    assert found.splitlines() == [str(wheel / "smnn" / "__init__.py"), "[0.5 0.5]"]


def test_versions_for_a_report(capsys):
    smnn.show_versions()
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("Python", "numpy", "numba", "smnn"))
