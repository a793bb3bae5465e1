"""Examples made of prices look back only, unless they are asked to cheat."""

import numpy as np
import pytest

from smnn_book import prices
from smnn_book.prices import load_daily_closes, movements


def test_the_file_is_the_one_of_the_book(monkeypatch):
    days, closes = load_daily_closes()
    assert len(days) == 3270
    assert (np.diff(days.astype(int)) > 0).all()
    assert all(close.shape == (3270,) and close.min() > 0 for close in closes.values())
    monkeypatch.setattr(prices, "CHECKSUM", "0" * 64)
    with pytest.raises(ValueError, match="SHA-256"):
        load_daily_closes()


@pytest.mark.parametrize(("horizon", "late"), [(1, 0), (5, 0), (1, 1)])
def test_a_row_has_the_returns_before_its_day(horizon, late):
    close = np.exp(np.cumsum(np.random.default_rng(0).normal(size=60)))
    x, y = movements(close, window=4, horizon=horizon, late=late)
    assert x.shape == (60 - 4 - horizon, 4)
    for row, answer, day in zip(x, y, range(4, 60), strict=False):
        expected = [100 * np.log(close[d] / close[d - 1]) for d in range(day - 3, day + 1)]
        if not late:
            np.testing.assert_allclose(row, expected, atol=1e-9)
        assert answer == (close[day + horizon] > close[day])


def test_levels_are_the_last_prices():
    close = np.linspace(50, 90, 40)
    x, y = movements(close, window=3, horizon=4, levels=True)
    np.testing.assert_allclose(x[7], np.log(close[8:11]))
    assert y.all() and len(x) == len(y) == 33


def test_only_a_late_window_knows_the_answer():
    close = np.exp(np.cumsum(np.random.default_rng(1).normal(size=300)))
    for late, knows in ((0, False), (1, True)):
        x, y = movements(close, late=late)
        assert np.array_equal(x[:, -1] > 0, y == 1) == knows
