"""Make ``smnn_book/data/daily_closes.npz`` of the copy that a wheel of Bokeh carries.

    pip download --no-deps bokeh-sampledata==2026.1
    python tools/daily_closes.py bokeh_sampledata-2026.1-py3-none-any.whl

The data are the end-of-day prices of the former Quandl WIKI database, which its publisher declared
to be in the public domain; the wheel says so, and from where its copy comes, in
``licenses/datasets.json``.  Three shares have all 3,270 trading days from 1 March 2000 to 1 March
2013.  Their closing prices, adjusted for splits and dividends, are kept in ten-thousandths of a
dollar, which changes the sign of no daily movement.
"""

import argparse
import csv
import gzip
import hashlib
import zipfile
from pathlib import Path

import numpy as np

WHEEL = "f40331a40ca30c64a1c1471835aad9006b61b0d9731a3f649ee8cbbf48d3822f"
FILE = "bokeh_sampledata/_data/stocks.csv.gz"
SHARES = ("AAPL", "IBM", "MSFT")
TARGET = Path(__file__).parents[1] / "smnn_book" / "data" / "daily_closes.npz"


def main():
    """Read the wheel that is named, and write the file."""
    parser = argparse.ArgumentParser(description="Make the file of the daily closes.")
    parser.add_argument("wheel", type=Path)
    content = (path := parser.parse_args().wheel).read_bytes()
    if hashlib.sha256(content).hexdigest() != WHEEL:
        raise SystemExit(f"{path} is not the wheel of bokeh-sampledata 2026.1")
    with zipfile.ZipFile(path) as wheel:
        lines = gzip.decompress(wheel.read(FILE)).decode().splitlines()
    rows = list(csv.DictReader(lines))
    series = {share: [row for row in rows if row["Ticker"] == share] for share in SHARES}
    dates = [row["Date"] for row in series[SHARES[0]]]
    if any([row["Date"] for row in one] != dates for one in series.values()):
        raise SystemExit("the shares do not have the same trading days")
    closes = np.array([[float(row["Adj Close"]) for row in one] for one in series.values()])
    kept = np.round(1e4 * closes).astype(np.int32)
    if (np.sign(np.diff(kept)) != np.sign(np.diff(closes))).any():
        raise SystemExit("rounding changed the sign of a movement")
    days = np.array(dates, dtype="datetime64[D]").astype(np.int32)
    np.savez_compressed(TARGET, days=days, closes=kept)
    print(f"{TARGET.name}: SHA-256 {hashlib.sha256(TARGET.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
