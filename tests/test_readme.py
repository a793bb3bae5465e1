"""The snippets of the README run, as a reader would paste them, and its numbers were measured."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ratios import fastest_peer, ratio

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
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


def test_the_table_holds_what_was_measured():
    results = json.loads((ROOT / "smnn_book/data/benchmark.json").read_text(encoding="utf-8"))
    measured = {
        (record["operation"], *record["shape"]): record
        for record in results["records"]
        if (record["dtype"], record["threads"], record["reuse"]) == ("float32", 1, False)
    }
    rows = re.findall(r"^\| ([\d,]+) × ([\d,]+) \| (.+) \| (.+) \| (.+) \|$", README, re.MULTILINE)
    assert len(rows) == 8
    for n, c, *cells in rows:
        shape = int(n.replace(",", "")), int(c.replace(",", ""))
        operations = "softmax", "cross_entropy", "softmax_cross_entropy"
        for operation, cell in zip(operations, cells, strict=True):
            record = measured[operation, *shape]
            peer = fastest_peer(record).removesuffix(" compiled")
            assert cell == f"{ratio(record):.1f} ({peer})", (operation, shape)


def test_the_error_of_the_exponential_is_the_measured_one():
    errors = json.loads((ROOT / "smnn_book/data/exp_ulp.json").read_text(encoding="utf-8"))
    for name in ("float32", "float32 with a table"):
        assert f"{errors[name]['largest_ulp']:.2f} ULP" in README
