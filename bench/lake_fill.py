"""Filling a workspace's records with millions of rows in minutes, the same in each run.

Rows are real ones, made as the worker makes them, repeated under ids, versions and batches of
their own. They are appended by the lake's own writer and indexed by its own upkeep: what comes
out is what landing them one after another comes to.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from bench.bodies import PRODUCT, PROJECT, Prose
from everlake.contract.record_identity import LINE_BITS, record_version
from everlake.lake import Lake
from everlake.lake.arrivals import ARRIVALS_TABLE
from everlake.lake.record_rows import RECORDS_TABLE, records_to_arrow
from everlake.model.records import ArrivedRecord
from everlake.tables.table import Table

PER_BATCH = 1_000
_CHUNK = 500_000
_MAINTENANCE_ROWS = 1_000_000
_TEMPLATES = 8_192
_TEXT = 80
_ID_BYTES = 16
_FIRST_MS = 1_767_225_600_000
_ENVELOPE = (
    b'{"_type":"message","_schema_version":"1.0.0","_event_at":"2026-03-01T10:00:00Z",'
    b'"_vendor_ids":{"message_id":"m-000000000000"},"_product_id":"prod-1",'
    b'"_project_ids":["proj-1"]}'
)


class RecordSource:
    """The rows of a table of ``count`` records, and further arrivals for it.

    Args:
        count: records in the table when it is filled.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._arrived = count
        self._random = np.random.default_rng(count + 1)
        self._templates = _templates()

    def chunks(self) -> Iterator[Any]:
        """Arrow tables of the lake's schema that together hold every row."""
        template = records_to_arrow(self._templates)
        for number, first in enumerate(range(0, self.count, _CHUNK)):
            count = min(_CHUNK, self.count - first)
            table = template.take(pa.array(np.arange(count) % len(self._templates)))
            numbers = np.arange(first, first + count)
            columns = {
                "record_id": _text_array(self._ids(number), count, _ID_BYTES * 2),
                "version": pa.array(_versions(numbers)),
                "batch_id": _batch_ids(numbers),
            }
            for name, column in columns.items():
                at = table.schema.get_field_index(name)
                table = table.set_column(at, table.schema.field(name), column)
            yield table

    def arrivals(self, count: int) -> list[ArrivedRecord]:
        """The next ``count`` arrivals: every other one a record of the table, the rest new."""
        ids = self._known(count // 2) + self._new_ids(count - count // 2)
        self._random.shuffle(ids)
        return self._arrive(ids)

    def new(self, count: int) -> list[ArrivedRecord]:
        """The next ``count`` arrivals, all of them new records."""
        return self._arrive(self._new_ids(count))

    def _arrive(self, ids: list[str]) -> list[ArrivedRecord]:
        first, self._arrived = self._arrived, self._arrived + len(ids)
        return [
            msgspec.structs.replace(
                self._templates[number % len(self._templates)],
                record_id=record_id,
                version=record_version(number // PER_BATCH + 1, number % PER_BATCH),
                batch_id=_batch_id(number // PER_BATCH + 1),
            )
            for number, record_id in enumerate(ids, first)
        ]

    def _new_ids(self, count: int) -> list[str]:
        text = self._random.bytes(count * _ID_BYTES).hex()
        width = _ID_BYTES * 2
        return [text[at : at + width] for at in range(0, len(text), width)]

    def _ids(self, chunk: int) -> str:
        """The ids of a chunk's rows, one behind the other."""
        source = np.random.default_rng((self.count, chunk))
        rows = min(_CHUNK, self.count - chunk * _CHUNK)
        return source.bytes(rows * _ID_BYTES).hex()

    def _known(self, count: int) -> list[str]:
        """Ids of rows from all over the table."""
        rows = np.sort(self._random.choice(self.count, count, replace=False))
        found: list[str] = []
        for chunk in np.unique(rows // _CHUNK):
            ids = self._ids(int(chunk))
            inside = rows[rows // _CHUNK == chunk] - chunk * _CHUNK
            found += [ids[at : at + _ID_BYTES * 2] for at in (inside * _ID_BYTES * 2).tolist()]
        return found


def fill_records(lake: Lake, workspace_id: str, rows: RecordSource) -> None:
    """Append every row to the workspace's tables, and let the upkeep follow."""
    behind = 0
    for chunk in rows.chunks():
        _append(lake.engine.table(workspace_id, RECORDS_TABLE), chunk)
        _append(
            lake.engine.table(workspace_id, ARRIVALS_TABLE),
            chunk.select(ARRIVALS_TABLE.schema.names),
        )
        behind += chunk.num_rows
        if behind >= _MAINTENANCE_ROWS:
            run_until_idle(lambda: lake.engine.maintain(workspace_id))
            behind = 0
    run_until_idle(lambda: lake.engine.maintain(workspace_id))


def _append(table: Table, rows: Any) -> None:
    with table.writing() as writer:
        writer.commit(writer.snapshot.prepare_append(rows))


def run_until_idle(keep: Callable[[], list[Any]]) -> int:
    """Call ``keep`` until it finds nothing to do; how many steps it did."""
    steps = 0
    while done := keep():
        steps += len(done)
    return steps


def _templates() -> list[ArrivedRecord]:
    return [
        ArrivedRecord(
            record_id="",
            version=0,
            batch_id="",
            source="api",
            ingested_at=_FIRST_MS + number,
            record_type="message",
            event_at="2026-03-01T10:00:00Z",
            product_id=PRODUCT,
            project_ids=[PROJECT],
            nature="evidence",
            thread_id=f"thread-{number % 977}",
            participants=[],
            tags=[],
            vendor_ids={"message_id": f"m-{number:012d}"},
            envelope=_ENVELOPE,
            data=b'{"from":"Ada Nilsson","text":"%s"}' % text.encode(),
        )
        for number, text in enumerate(Prose(0).texts(_TEMPLATES, _TEXT))
    ]


def _versions(numbers: Any) -> Any:
    return (numbers // PER_BATCH + 1) << LINE_BITS | numbers % PER_BATCH


def _batch_id(sequence: int) -> str:
    return f"{sequence:036d}"


def _batch_ids(numbers: Any) -> Any:
    sequences = numbers // PER_BATCH + 1
    first = int(sequences[0])
    names = pa.array([_batch_id(first + at) for at in range(int(sequences[-1]) - first + 1)])
    return names.take(pa.array(sequences - first))


def _text_array(text: str, count: int, width: int) -> Any:
    """``count`` texts of ``width`` characters that stand one behind the other in ``text``."""
    offsets = pa.py_buffer(np.arange(0, (count + 1) * width, width, dtype=np.int32).tobytes())
    return pa.StringArray.from_buffers(count, offsets, pa.py_buffer(text.encode()))
