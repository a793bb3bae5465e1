"""PyTorch and Keras still compute what the chapter on softmax regression shows of them."""

import json

import numpy as np
import pytest

from benchmarks import same_lines


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras and NumPy
@pytest.mark.parametrize("name", same_lines.FRAMEWORKS)
def test_a_framework_computes_what_is_kept(name):
    pytest.importorskip(same_lines.FRAMEWORKS[name])
    kept = json.loads(same_lines.RESULT.read_text(encoding="utf-8"))[name]
    found = same_lines.measure(name)
    steps = kept["losses"].keys()
    assert found["losses"].keys() == steps
    losses = [[result["losses"][step] for step in steps] for result in (found, kept)]
    np.testing.assert_allclose(*losses, rtol=1e-5)
    np.testing.assert_allclose(found["probabilities"], kept["probabilities"], rtol=0, atol=1e-5)
