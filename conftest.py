"""What holds for every test, the notebooks' among them."""

import os

# Several test processes share the cores; and one thread of linear algebra always adds in the
# same order.  This must stand before NumPy is imported, and the notebooks' kernels inherit it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
