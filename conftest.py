"""What holds for every test, the notebooks' among them."""

import os
from importlib.util import find_spec

import pytest

# Several test processes share the cores; and one thread of linear algebra always adds in the
# same order.  This must stand before NumPy is imported, and the notebooks' kernels inherit it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# They hold no doctests: two have one name, and one is for kernels that the build starts.
collect_ignore = ["tests/conftest.py", "tests/book/conftest.py", "_ext/kernel_startup.py"]


def pytest_addoption(parser):
    """Let the options of pyproject.toml pass where the plugin that knows them is missing."""
    if find_spec("nbval") is None:
        parser.addoption("--nbval", "--nbval-current-env", action="store_true")
    if find_spec("xdist") is None:
        parser.addoption("--numprocesses", "--dist")


@pytest.fixture(autouse=True)
def numpy_prints_as_at_first():
    """A page run inside a test may set how NumPy prints; the next test must not see it."""
    import numpy

    with numpy.printoptions():
        yield
