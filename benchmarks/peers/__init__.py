"""The libraries that race, each in its best form.

Every file here has one function ``contestants(case, data)``.  It returns a dictionary from the
name of a contestant to a function of no arguments that does the whole operation, and an empty
one where the library has no such operation.  A library may enter in several forms; what counts
in the end is its fastest.

The functions return what the operation gives, as anything that ``np.asarray`` takes: an array,
a loss, a pair (loss, gradient), or for the linear layer (loss, gradients).
"""

from importlib import import_module

import numpy as np

MODULES = {
    "smnn": "smnn_peer",
    "NumPy": "numpy_peer",
    "SciPy": "scipy_peer",
    "PyTorch": "torch_peer",
    "JAX": "jax_peer",
    "ONNX Runtime": "onnx_peer",
    "scikit-learn": "sklearn_peer",
}


def contestants_of(library, case, data):
    module = import_module(f"{__name__}.{MODULES[library]}")
    return module.contestants(case, data)


def all_contestants(case, data, libraries=tuple(MODULES)):
    """All functions that race at this case, by name, in the order of the libraries."""
    functions = {}
    for library in libraries:
        functions.update(contestants_of(library, case, data))
    return functions


def check_results(case, functions):
    """Call every function once and hold its result against smnn's.

    A contestant that computes something else would race for nothing.  The bound for float32 is
    wide: with millions of classes some peers lose digits in their sums.
    """
    tolerance = 5e-3 if case.dtype == "float32" else 1e-8
    expected = first_values(functions["smnn"]())
    for name, function in functions.items():
        for value, other in zip(first_values(function()), expected, strict=True):
            scale = np.abs(other).max() or 1.0
            error = np.abs(value - other).max() / scale
            if not error <= tolerance:
                raise ValueError(f"{name} differs from smnn by {error:.1e} at {case}")


def first_values(result):
    """The values in a result as float64 arrays; of a large output only the first few."""
    values = result if isinstance(result, (tuple, list)) else (result,)
    flat = []
    for value in values:
        flat += first_values(value) if isinstance(value, (tuple, list)) else [leading(value)]
    return flat


def leading(value, count=1000):
    return np.asarray(value).reshape(-1)[:count].astype(np.float64)
