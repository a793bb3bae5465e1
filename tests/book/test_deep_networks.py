"""The kept results of the deep networks belong to the script that writes them."""

import pytest

from experiments.deep_networks import CASES, SEEDS, split, validation_loss
from smnn_book import kept_results

KEPT = kept_results("deep_networks")


def test_every_case_has_every_rate_and_every_seed():
    kept = {name: {float(rate) for rate in by_rate}
            for name, by_rate in KEPT["validation_loss"].items()}  # fmt: skip
    assert kept == {name: set(map(float, case[-1])) for name, case in CASES.items()}
    lengths = {len(losses) for by_rate in KEPT["validation_loss"].values()
               for losses in by_rate.values()}  # fmt: skip
    assert lengths == {KEPT["seeds"]} == {len(SEEDS)}


@pytest.mark.parametrize("seed", [0, 7])
def test_a_run_is_repeated(seed):
    """A case that no processor changes: these sigmoids do not learn, so nothing grows."""
    name = "sigmoid, Glorot, SGD"
    found = validation_loss(CASES[name], 0.1, seed, *split())
    assert found == pytest.approx(KEPT["validation_loss"][name]["0.1"][seed], abs=2e-3)


def test_a_rate_that_is_too_high_gives_none():
    assert validation_loss(CASES["ReLU, He, SGD"], 1e6, 0, *split(), epochs=1) is None
