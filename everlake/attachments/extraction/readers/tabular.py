"""Tables: rows as lines that make sense on their own in a search; CSV (RFC 4180) and TSV."""

import csv
import re
from collections.abc import Collection, Iterable, Mapping
from io import StringIO
from typing import BinaryIO

from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.progress import NoProgress
from everlake.attachments.extraction.readers.charset import read_plain_text
from everlake.attachments.extraction.text_builder import (
    FLUSH_CHARACTERS,
    TextBuilder,
    TextLimitReached,
)

_MAX_CELL_CHARACTERS = 1_000_000
_MAX_LABEL_CHARACTERS = 60
_SEPARATORS = ",;\t|"
_SAMPLED_LINES = 20
_QUOTED = re.compile(r'"[^"]*+"')


class RowWriter:
    """Writes the rows of a table as lines, with " | " between cells.

    Where the first row looks like a header (two or more different short names that start with no
    digit), each cell of the other rows is preceded by its name: "Plan: Team | Price: 12".

    Args:
        builder: receives the lines.
        place: place of all sections.
    """

    def __init__(self, builder: TextBuilder, place: str | None) -> None:
        self._builder = builder
        self._place = place
        self._lines: list[str] = []
        self._size = 0
        self._labels: Mapping[int, str] | None = None

    def add_all(self, rows: Iterable[Mapping[int, str]]) -> None:
        """Add all rows.

        Args:
            rows: each its cells by column, in order; columns and rows without text are left out.

        Raises:
            TextLimitReached: the text has its greatest length.
            NoProgress: no text was found for too long; the rows before are added.
        """
        try:
            for row in rows:
                if row:
                    self._add(row)
        except NoProgress:
            self._flush()
            raise
        self._flush()

    def _add(self, row: Mapping[int, str]) -> None:
        self._builder.progress += 1
        if self._labels is None:
            self._labels = row if _is_header(row.values()) else {}
            line = " | ".join(row.values())
        else:
            labels = self._labels
            line = " | ".join(
                f"{labels[column]}: {cell}" if column in labels else cell
                for column, cell in row.items()
            )
        self._lines.append(line)
        self._size += len(line) + 1
        if self._size > self._builder.remaining:
            self._flush()
            raise TextLimitReached
        if self._size >= FLUSH_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        lines, self._lines, self._size = self._lines, [], 0
        self._builder.add("\n".join(lines), self._place)


def collapse_whitespace(cell: str) -> str:
    """Return a cell's text in one line, without space around it."""
    return " ".join(cell.split())


def filled_cells(cells: Iterable[tuple[int, str]]) -> dict[int, str]:
    """Return the cells of a row that have text, by column."""
    return {column: cell for column, cell in cells if cell}


def read_csv(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """Add the rows of CSV, whose separator is detected.

    Raises:
        TextError: the file is not text.
    """
    _read(file, builder, task, None)


def read_tsv(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """Add the rows of tab-separated values.

    Raises:
        TextError: the file is not text.
    """
    _read(file, builder, task, "\t")


def _read(
    file: BinaryIO, builder: TextBuilder, task: ExtractionTask, separator: str | None
) -> None:
    text = read_plain_text(file, builder, task).replace("\0", "")
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator or _detect_separator(text))
    rows = (filled_cells(enumerate(map(collapse_whitespace, row))) for row in reader)
    try:
        RowWriter(builder, None).add_all(rows)
    except csv.Error:  # an endless cell: the raw text is better than none
        builder.add(text)


def _detect_separator(text: str) -> str:
    """Return the separator that most of the first lines have the same number of.

    Of several such separators, the most frequent one.
    """
    lines = _QUOTED.sub("", text[:FLUSH_CHARACTERS]).splitlines()[:_SAMPLED_LINES]

    def evenness(mark: str) -> tuple[int, int]:
        counts = [line.count(mark) for line in lines if line]
        usual = max(set(counts), key=counts.count) if counts else 0
        return (counts.count(usual) if usual else 0, usual)

    return max(_SEPARATORS, key=evenness)


def _is_header(names: Collection[str]) -> bool:
    return (
        len(names) >= 2
        and len(set(names)) == len(names)
        and all(len(name) <= _MAX_LABEL_CHARACTERS for name in names)
        and all(any(character.isalpha() for character in name) for name in names)
        and not any(name[0].isdigit() for name in names)
    )
