"""Tables of a page: HTML where it is shown, aligned text where it is printed or compared."""

from html import escape


class Table:
    """Rows of text under headings; the first column is on the left, the others on the right.

    Parameters
    ----------
    headings : sequence of str
    rows : sequence of sequence of str
        As many cells in each as there are headings.

    Raises
    ------
    ValueError
        If a row has another number of cells.

    Examples
    --------
    >>> Table(["shape", "lead"], [["1 × 10", "1.2"], ["64 × 1,000", "13.0"]])
    shape       lead
    1 × 10       1.2
    64 × 1,000  13.0
    """

    def __init__(self, headings, rows):
        self.headings, self.rows = list(headings), [list(row) for row in rows]
        for row in self.rows:
            if len(row) != len(self.headings):
                raise ValueError(
                    f"a row must have {len(self.headings)} cells, one per heading, got {row}"
                )

    def __repr__(self):
        lines = [self.headings, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                [line[0].ljust(widths[0])]
                + [cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True)]
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self):
        def row(cells, scope, tag):
            head = f'<th scope="{scope}">{escape(cells[0])}</th>'
            rest = [f'<{tag} class="text-right">{escape(cell)}</{tag[:2]}>' for cell in cells[1:]]
            return f"<tr>{head}{''.join(rest)}</tr>"

        head = row(self.headings, "col", 'th scope="col"')
        body = "".join(row(cells, "row", "td") for cells in self.rows)
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
