"""A function that does nothing, compiled and kept: what numba itself needs to start."""

from numba import njit


@njit(cache=True)
def do_nothing(x):
    """Nothing."""
