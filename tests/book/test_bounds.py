"""Bounds that a page prints: small differences pass, a large one or a nan is found."""

import numpy as np
import pytest

from smnn_book import below


def test_the_words_name_the_bound():
    assert below(1e-12, np.array([[1e-13, -1e-13]]), 0) == "below 1e-12"


@pytest.mark.parametrize("difference", [1e-12, -1e-3, np.array([0, 2e-12]), np.nan])
def test_a_difference_that_reaches_the_bound_is_found(difference):
    with pytest.raises(AssertionError, match="not below 1e-12"):
        below(1e-12, 0, difference)
