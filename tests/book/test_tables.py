"""Tables of a page, as text and as HTML."""

import pytest
from bs4 import BeautifulSoup

from smnn_book.tables import Table

TABLE = Table(["library", "softmax", "loss"], [["NumPy", "1.5", "12.25"], ["a < b", "10.0", "2"]])


def test_text_is_aligned():
    assert repr(TABLE).splitlines() == [
        "library  softmax   loss",
        "NumPy        1.5  12.25",
        "a < b       10.0      2",
    ]


def test_html_has_the_same_cells_and_says_what_heads_what():
    page = BeautifulSoup(TABLE._repr_html_(), "html.parser")
    rows = [[cell.text for cell in row.select("th, td")] for row in page.select("tr")]
    assert rows == [TABLE.headings, *TABLE.rows]
    assert [cell["scope"] for cell in page.select("th")] == ["col"] * 3 + ["row"] * 2


def test_a_short_row_is_refused():
    with pytest.raises(ValueError, match="3 cells"):
        Table(["a", "b", "c"], [["1", "2"]])
