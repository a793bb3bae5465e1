"""The kernels where numba can be had, and the reference where it cannot: the same names."""

import warnings

try:
    from .. import _kernels as kernels
except ImportError as error:
    from .. import reference as kernels

    if not isinstance(error, ModuleNotFoundError) or error.name not in ("numba", "llvmlite"):
        warnings.warn(f"numba could not be loaded, smnn runs on NumPy: {error}", stacklevel=2)

__all__ = ["kernels"]
