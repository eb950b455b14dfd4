"""A spreadsheet: rows as lists below headers, or rows as objects.

Each row is one utterance, ``header: value; header: value``.
"""

from collections.abc import Iterable, Iterator

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.shapes.form_field import as_text
from everlake.analysis.utterance_builder import PendingValue, Remaining, Scope, UtteranceBuilder

_ROWS = ("rows", "values", "cells", "records", "data")
_MARKS = frozenset(_ROWS)
_HEADERS = ("headers", "columns", "header", "fields", "header_row", "headerRow", "column_names")


def read_sheet(
    reading: UtteranceBuilder, name: str, item: dict[str, Json], scope: Scope
) -> Remaining | None:  # noqa: ARG001
    """Read an object that holds headers and rows."""
    if scope.doubtful or _MARKS.isdisjoint(item):
        return None
    rows_name = next((key for key in _ROWS if isinstance(item.get(key), list)), None)
    if rows_name is None:
        return None
    headers_name = next((key for key in _HEADERS if key in item), None)
    headers = _headers(item[headers_name]) if headers_name else None
    rows = item[rows_name]
    if not isinstance(rows, list) or not _is_table(reading, rows, headed=headers is not None):
        return None
    for key, value in item.items():
        if isinstance(value, str) and meaning_of(key).kind in (
            MemberKind.HEADLINE,
            MemberKind.NAME,
        ):
            reading.add(value)
    rest = _add_rows(reading, rows, headers, scope)
    return [
        PendingValue(
            key, value, scope._replace(doubtful=headers is not None and key == headers_name)
        )
        for key, value in item.items()
        if key != rows_name
        and isinstance(value, str | dict | list)
        and not (
            isinstance(value, str)
            and meaning_of(key).kind in (MemberKind.HEADLINE, MemberKind.NAME)
        )
    ] + rest


def read_rows(
    reading: UtteranceBuilder, name: str, items: list[Json], scope: Scope
) -> Remaining | None:
    """Read a list of rows that stands alone."""
    if scope.doubtful or not _is_table(reading, items, headed=name in _ROWS):
        return None
    return _add_rows(reading, items, None, scope)


def _is_table(reading: UtteranceBuilder, rows: list[Json], *, headed: bool) -> bool:
    if not rows or not (
        headed or reading.record_type == "spreadsheet" or isinstance(rows[0], list)
    ):
        return False
    if all(isinstance(row, list) for row in rows):
        return all(
            not isinstance(x, dict | list) for row in rows[:8] if isinstance(row, list) for x in row
        )
    if not all(isinstance(row, dict) for row in rows):
        return False
    if reading.record_type == "spreadsheet":
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
            item = next((x for x in names if x), None)  # noqa: PLW2901 - the column's name
        if isinstance(item, dict | list):
            return None
        headers.append(as_text(item))
    return headers


def _add_rows(
    reading: UtteranceBuilder, rows: list[Json], headers: list[str] | None, scope: Scope
) -> list[PendingValue]:
    rest: list[PendingValue] = []
    lists = [row for row in rows if isinstance(row, list)]
    if headers is None and len(lists) > 1 and _is_header_row(lists[0]):
        headers, rows = [as_text(x) for x in lists[0]], rows[1:]
    unused = dict.fromkeys(headers or ())
    for row in rows:
        cells: Iterable[tuple[str, Json]]
        if isinstance(row, dict):
            cells = row.items()
        elif isinstance(row, list):
            cells = _labelled_cells(row, headers or [])
        else:
            continue
        said: list[str] = []
        for label, value in cells:
            if isinstance(value, dict | list):
                rest.append(PendingValue(label, value, scope))
                unused.pop(label, None)
            elif (text := as_text(value)).strip():
                unused.pop(label, None)
                said.append(f"{label}: {text}" if label.strip() else text)
        reading.add("; ".join(said))
    reading.add("; ".join(unused))
    return rest


def _labelled_cells(row: list[Json], headers: list[str]) -> Iterator[tuple[str, Json]]:
    for index, value in enumerate(row):
        yield headers[index] if index < len(headers) else "", value


def _is_header_row(row: list[Json]) -> bool:
    return bool(row) and all(isinstance(x, str) and 0 < len(x) <= 80 for x in row)
