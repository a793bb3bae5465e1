"""The snippets of the README run, one after the other, as a reader would paste them."""

import re
from pathlib import Path

import numpy as np
import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_three_ways_in():
    pytest.importorskip("sklearn")
    assert len(SNIPPETS) == 3
    names = {}
    for snippet in SNIPPETS:
        exec(snippet, names)
    np.testing.assert_allclose(names["probs"].sum(axis=-1), 1, rtol=1e-12)
    assert names["dlogits"].shape == (2, 3)
    assert names["history"]["loss"][-1] < 0.2 < names["history"]["loss"][0]
    assert names["classifier"].score(names["test"].x, names["test"].y) > 0.94
