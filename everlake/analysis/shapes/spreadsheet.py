"""Spreadsheet: headers and rows that are lists, or rows that are objects.

Each row becomes one utterance, ``header: value; header: value``.
"""

from collections.abc import Iterable, Iterator

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.shapes.form_field import as_text
from everlake.analysis.types import PendingValue, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_ROWS = ("rows", "values", "cells", "records", "data")
_REQUIRED = frozenset(_ROWS)
_HEADER_NAMES = (
    "headers",
    "columns",
    "header",
    "fields",
    "header_row",
    "headerRow",
    "column_names",
)


def read_sheet(
    builder: UtteranceBuilder,
    name: str,  # noqa: ARG001 - the signature of all object shapes
    item: dict[str, Json],
    scope: Scope,
) -> Remaining | None:
    """Read an object that has rows, and perhaps headers."""
    if scope.is_metadata or _REQUIRED.isdisjoint(item):
        return None
    rows_name = next((key for key in _ROWS if isinstance(item.get(key), list)), None)
    if rows_name is None:
        return None
    headers_name = next((key for key in _HEADER_NAMES if key in item), None)
    headers = _headers(item[headers_name]) if headers_name else None
    rows = item[rows_name]
    if not isinstance(rows, list) or not _is_table(builder, rows, headed=headers is not None):
        return None
    titles = [
        key
        for key, value in item.items()
        if isinstance(value, str) and meaning_of(key).kind in (MemberKind.HEADLINE, MemberKind.NAME)
    ]
    for key in titles:
        builder.add(as_text(item[key]))
    inner_values = _add_rows(builder, rows, headers, scope)
    remaining = [
        PendingValue(
            key, value, scope._replace(is_metadata=headers is not None and key == headers_name)
        )
        for key, value in item.items()
        if key != rows_name and key not in titles and isinstance(value, str | dict | list)
    ]
    return remaining + inner_values


def read_rows(
    builder: UtteranceBuilder, name: str, items: list[Json], scope: Scope
) -> Remaining | None:
    """Read a list of rows without an object around it."""
    if scope.is_metadata or not _is_table(builder, items, headed=name in _ROWS):
        return None
    return _add_rows(builder, items, None, scope)


def _is_table(builder: UtteranceBuilder, rows: list[Json], *, headed: bool) -> bool:
    if not rows or not (
        headed or builder.record_type == "spreadsheet" or isinstance(rows[0], list)
    ):
        return False
    if all(isinstance(row, list) for row in rows):
        return all(
            not isinstance(cell, dict | list)
            for row in rows[:8]
            if isinstance(row, list)
            for cell in row
        )
    if not all(isinstance(row, dict) for row in rows):
        return False
    if builder.record_type == "spreadsheet":
        return not any(isinstance(row, dict) and _is_sheet(row) for row in rows[:8])
    return headed and not any(isinstance(row, dict) and _is_message(row) for row in rows[:8])


def _is_sheet(row: dict[str, Json]) -> bool:
    return any(isinstance(row.get(key), list) for key in _ROWS)


def _is_message(row: dict[str, Json]) -> bool:
    kinds = {meaning_of(name).kind for name in row}
    return MemberKind.TEXT in kinds and not kinds.isdisjoint({MemberKind.SPEAKER, MemberKind.ROLE})


def _headers(value: Json) -> list[str] | None:
    if not isinstance(value, list):
        return None
    headers: list[str] = []
    for item in value:
        if isinstance(item, dict):
            names = (item.get(key) for key in ("name", "title", "label", "header"))
            header = next((name for name in names if name), None)
        else:
            header = item
        if isinstance(header, dict | list):
            return None
        headers.append(as_text(header))
    return headers


def _add_rows(
    builder: UtteranceBuilder, rows: list[Json], headers: list[str] | None, scope: Scope
) -> list[PendingValue]:
    """Add each row; return cells that are objects or lists. Headers without a cell come last."""
    inner_values: list[PendingValue] = []
    lists = [row for row in rows if isinstance(row, list)]
    if headers is None and len(lists) > 1 and _is_header_row(lists[0]):
        headers, rows = [as_text(cell) for cell in lists[0]], rows[1:]
    unused = dict.fromkeys(headers or ())
    for row in rows:
        cells: Iterable[tuple[str, Json]]
        if isinstance(row, dict):
            cells = row.items()
        elif isinstance(row, list):
            cells = _labelled_cells(row, headers or [])
        else:
            continue
        parts: list[str] = []
        for label, value in cells:
            if isinstance(value, dict | list):
                inner_values.append(PendingValue(label, value, scope))
                unused.pop(label, None)
            elif (text := as_text(value)).strip():
                unused.pop(label, None)
                parts.append(f"{label}: {text}" if label.strip() else text)
        builder.add("; ".join(parts))
    builder.add("; ".join(unused))
    return inner_values


def _labelled_cells(row: list[Json], headers: list[str]) -> Iterator[tuple[str, Json]]:
    for index, value in enumerate(row):
        yield headers[index] if index < len(headers) else "", value


def _is_header_row(row: list[Json]) -> bool:
    return bool(row) and all(isinstance(cell, str) and 0 < len(cell) <= 80 for cell in row)
