"""Bounds: what a page prints of an error so that every machine prints the same."""

import numpy as np


def below(bound, *differences):
    """Return the words "below <bound>", once every difference was found to be so.

    The largest rounding error of a cell differs between machines; a bound on it does not.

    Parameters
    ----------
    bound : float
        What no absolute difference may reach.
    *differences : array_like
        Numbers or arrays that should be 0.

    Returns
    -------
    str

    Raises
    ------
    AssertionError
        If a difference reaches the bound or is nan; the message names the largest.

    Examples
    --------
    >>> print("largest difference", below(1e-15, 0.1 + 0.2 - 0.3))
    largest difference below 1e-15
    """
    # NumPy's max, because Python's loses a nan
    largest = np.max([np.abs(difference).max() for difference in differences])
    if not largest < bound:
        raise AssertionError(f"the largest difference is {largest:g}, not below {bound:g}")
    return f"below {bound:g}"
