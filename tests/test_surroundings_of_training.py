"""Surroundings: standard error of every kind, flags of the interpreter, damaged files."""

import gzip
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import smnn

FIT = "smnn.fit(smnn.Sequential([smnn.Dense(2)], rng=0), *smnn.make_xor(), epochs=2)"


def run(code, *flags):
    return subprocess.run(
        [sys.executable, *flags, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=300,
        env={name: value for name, value in os.environ.items() if name != "CI"},
    )


@pytest.mark.parametrize(
    "standard_error",
    [
        "None",
        "open(os.devnull, 'w')",
        "closed()",
        "Tee()",
        "Terminal()",
        "ClosedTerminal()",
        "3",
    ],
)
def test_any_standard_error_will_do(standard_error):
    code = f"""
        import io, os, sys, smnn
        class Tee:
            def write(self, text): sys.__stderr__.write(text)
            def flush(self): pass
        class Terminal(io.StringIO):
            def isatty(self): return True
        class ClosedTerminal(Terminal):
            writes = 0
            def write(self, text):
                self.writes += 1
                if self.writes > 2: raise ValueError("I/O operation on closed file")
        def closed():
            file = io.StringIO(); file.close(); return file
        sys.stderr = {standard_error}
        print(len({FIT}))
    """
    done = run(code)
    assert done.stdout == "2\n", done.stderr


@pytest.mark.parametrize("flags", [["-O"], ["-OO"], ["-W", "error"], ["-X", "dev"], ["-bb"]])
def test_flags_of_the_interpreter(flags):
    code = f"""
        import pathlib, tempfile
        import smnn
        history = {FIT}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "run.ck")
            for epochs in (1, 2):
                smnn.fit(
                    smnn.Sequential([smnn.Dense(2)], rng=0), *smnn.make_xor(), epochs=epochs,
                    metrics="accuracy", validation_data=smnn.make_xor(),
                    callbacks=[smnn.Checkpoint(path, resume=True), smnn.EarlyStopping()],
                )
        try: smnn.fit(smnn.Sequential([smnn.Dense(2)]), *smnn.make_xor(), optimizer=3)
        except TypeError: print(len(history))
    """
    done = run(code, *flags)
    assert done.stdout == "2\n" and done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr


def test_training_datasets_and_metrics_need_no_extras():
    code = f"""
        import sys
        for name in ("sklearn", "scipy", "pandas", "matplotlib", "tqdm", "safetensors", "pooch",
                     "mlxtend", "IPython"):
            sys.modules[name] = None
        import smnn, smnn.training, smnn.datasets, smnn.metrics
        history = {FIT}
        smnn.evaluate(smnn.Sequential([smnn.Dense(2)]), *smnn.make_xor(), metrics="accuracy")
        model = smnn.Sequential([smnn.Dense(2)])
        try: smnn.fit(model, *smnn.make_xor(), callbacks=smnn.Checkpoint("k"))
        except ImportError as error: print(error)
    """
    done = run(code, "-W", "error")
    assert done.stdout == 'Checkpoint needs safetensors: pip install "smnn[save]"\n', done.stderr


# Damaged files


CONTENT = bytes([0, 0, 8, 2, 0, 0, 0, 4, 0, 0, 0, 5]) + bytes(range(20))


def damages(content):
    for place in range(len(content)):
        for change in (0xFF, 0x01, 0x80):
            yield content[:place] + bytes([content[place] ^ change]) + content[place + 1 :]
        yield content[:place]
        yield content[:place] + content[place + 1 :]
    yield content + b"\0"


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_that_is_damaged_anywhere_is_named(tmp_path, packed):
    path = tmp_path / "labels.idx"
    content = gzip.compress(CONTENT, mtime=0) if packed else CONTENT
    refused = 0
    for damaged in damages(content):
        path.write_bytes(damaged)
        try:
            found = smnn.read_idx(path)
        except ValueError as error:
            assert "labels.idx" in str(error)
            refused += 1
        else:  # in the header of gzip, or one value for another where nothing can tell
            assert found.dtype == np.uint8 and (found.shape == (4, 5) or not packed)
    assert refused > len(content)


def test_an_honest_file_is_read_and_an_absent_one_is_an_oserror(tmp_path):
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(CONTENT))
    assert smnn.read_idx(path).ravel().tolist() == list(range(20))
    with pytest.raises(FileNotFoundError):
        smnn.read_idx(tmp_path / "none")
    with pytest.raises(OSError):
        smnn.read_idx(tmp_path)
