"""Every experiment still runs, and what is kept of it has the form of what it returns."""

import importlib

import pytest
from book_checks import ROOT

import smnn
from smnn_book import kept_results

NAMES = sorted(p.stem for p in (ROOT / "experiments").glob("*.py") if p.stem != "__init__")


def form(value):
    """Return the keys of a result at every depth; lists count as the form of their entries."""
    if isinstance(value, dict):
        return {key: form(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return sorted({str(form(entry)) for entry in value})
    number = value is None or isinstance(value, int | float)
    return "number" if number else type(value).__name__


@pytest.fixture
def threads_as_before():
    number = smnn.get_num_threads()
    yield
    smnn.set_num_threads(number)


@pytest.mark.usefixtures("threads_as_before")
@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_returns_what_is_kept(name):
    experiment = importlib.import_module(f"experiments.{name}")
    assert form(experiment.measure(quick=True)) == form(kept_results(name))
