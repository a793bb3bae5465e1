"""Thirteen years of daily prices of three shares, and examples made of them.

The data are end-of-day prices of the former Quandl WIKI database, in the public domain;
``tools/daily_closes.py`` makes the file and says from what.
"""

from typing import NamedTuple

import numpy as np

from .results import kept_arrays

CHECKSUM = "d1501b2a624c0071ea0eef73540b147bf7198905094ee5072644faaafa821f79"
SHARES = ("AAPL", "IBM", "MSFT")


class DailyCloses(NamedTuple):
    """The trading days and the closing price of every share on each, in dollars."""

    days: np.ndarray
    closes: dict


def load_daily_closes():
    """Return 3,270 trading days from March 2000 to March 2013, and three shares' prices on them.

    Prices are adjusted for splits and dividends.

    Returns
    -------
    DailyCloses

    Raises
    ------
    ValueError
        If the file is not the one that the book was written with.

    Examples
    --------
    >>> days, closes = load_daily_closes()
    >>> str(days[0]), str(days[-1]), sorted(closes)
    ('2000-03-01', '2013-03-01', ['AAPL', 'IBM', 'MSFT'])
    """
    file = kept_arrays("daily_closes", CHECKSUM)
    days, closes = file["days"].astype("datetime64[D]"), file["closes"] / 1e4
    return DailyCloses(days, dict(zip(SHARES, closes, strict=True)))


def movements(close, *, window=10, horizon=1, late=0, levels=False):
    """Return the returns before each day, and whether the price is higher some days later.

    Parameters
    ----------
    close : array_like, shape (T,)
        Prices.
    window : int
        The number of daily returns in a row of x.
    horizon : int
        How many days later the price is compared.
    late : int
        By how many days the window reaches beyond the day; more than 0 is a mistake.
    levels : bool
        Whether x has the logarithms of the prices themselves in the place of the returns.

    Returns
    -------
    x : ndarray, shape (N, window)
        Differences of log prices in percent, or log prices, the oldest first.
    y : ndarray of int, shape (N,)
        1 where the price is higher ``horizon`` days later, and 0 where it is not.

    Examples
    --------
    >>> x, y = movements([100.0, 101, 100, 102, 103, 99], window=2)
    >>> x.round(1)
    array([[ 1., -1.],
           [-1.,  2.],
           [ 2.,  1.]])
    >>> y
    array([1, 1, 0])
    """
    close = np.asarray(close, dtype=np.float64)
    values = np.log(close[1:]) if levels else 100 * np.diff(np.log(close))
    days = np.arange(window, len(close) - horizon)
    x = values[days[:, None] - np.arange(window, 0, -1) + late]
    return x, (close[days + horizon] > close[days]).astype(np.int64)
