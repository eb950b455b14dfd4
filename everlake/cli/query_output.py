"""Output of SQL results: JSON, CSV, TSV or a table, with a few rows in memory at a time."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeAlias

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from everlake.cli.console import err, out

Row: TypeAlias = Sequence[str | None]

MAX_ROWS_SHOWN = 1_000
"""Rows that are shown on a terminal."""

_MIN_COLUMN_WIDTH = 20
_COLUMN_GAP = 2
_MAX_CELL_LENGTH = 500
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_CONTROL_REPLACEMENTS = str.maketrans(
    dict.fromkeys((*range(32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}")
    | dict.fromkeys((9, 10, 13), " ")
)
"""For texts that a sender wrote: a terminal would obey control characters."""


def write_json_lines(batches: Iterable[Sequence[str]]) -> None:
    """Write JSON texts, one per line."""
    for batch in batches:
        _write("".join(f"{text}\n" for text in batch))


def write_csv(columns: Sequence[str], batches: Iterable[Sequence[Row]]) -> None:
    """Write CSV with a header (RFC 4180, but with LF); NULL is an empty cell."""
    for batch in chain([[columns]], batches):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(batch)
        _write(text.getvalue())


def write_tsv(columns: Sequence[str], batches: Iterable[Sequence[Row]]) -> None:
    """Write tab-separated cells with a header; tabs, line breaks and ``\\`` are escaped."""
    for batch in chain([[columns]], batches):
        lines = ("\t".join((cell or "").translate(_ESCAPES) for cell in row) for row in batch)
        _write("".join(f"{line}\n" for line in lines))


def show_table(columns: Sequence[str], batches: Iterable[Sequence[Row]]) -> None:
    """Print a table; one column a line when the columns do not fit beside each other."""
    rows = chain.from_iterable(batches)
    shown = [[_printable(cell) for cell in row] for row in islice(rows, MAX_ROWS_SHOWN)]
    headers = [_printable(column) for column in columns]
    if _fits(headers, shown):
        _show_as_table(headers, shown)
    else:
        _show_as_list(headers, shown)
    if not shown:
        err.print("No rows.", style="dim")
    elif next(rows, None) is not None:
        err.print(
            f"These are the first {MAX_ROWS_SHOWN:,} rows. "
            "For all rows use --csv or --json, or write to a file or a pipe.",
            style="dim",
        )


def _show_as_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header, width in zip(headers, _min_widths(headers, rows), strict=True):
        table.add_column(Text(header), overflow="ellipsis", no_wrap=True, min_width=width)
    for row in rows:
        table.add_row(*map(Text, row))
    out.print(table)


def _show_as_list(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    width = max(map(cell_len, headers))
    for number, row in enumerate(rows, start=1):
        out.print(Text(f"row {number}", style="dim"))
        for header, cell in zip(headers, row, strict=True):
            out.print(Text.assemble((header.ljust(width + _COLUMN_GAP), "bold"), cell))


def _fits(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    return sum(_min_widths(headers, rows)) + _COLUMN_GAP * (len(headers) - 1) <= out.width


def _min_widths(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    columns: Iterator[tuple[str, ...]] = zip(headers, *rows, strict=True)
    return [min(max(map(cell_len, column)), _MIN_COLUMN_WIDTH) for column in columns]


def _printable(cell: str | None) -> str:
    text = cell or ""
    cut = f"{text[:_MAX_CELL_LENGTH]}…" if len(text) > _MAX_CELL_LENGTH else text
    return cut.translate(_CONTROL_REPLACEMENTS)


def _write(text: str) -> None:
    # In UTF-8 whatever the locale, and without a flush for each line.
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
