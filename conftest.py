"""What holds for every test, the notebooks' among them."""

import os

import pytest

# Several test processes share the cores; and one thread of linear algebra always adds in the
# same order.  This must stand before NumPy is imported, and the notebooks' kernels inherit it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def numpy_prints_as_at_first():
    """A page run inside a test may set how NumPy prints; the next test must not see it."""
    import numpy

    with numpy.printoptions():
        yield
