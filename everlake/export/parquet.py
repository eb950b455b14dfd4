"""Export of whole tables to Parquet, partitioned by source, type and day.

Rows are read in the order in which they are written, so one file is open at a time, and memory
does not grow with the number of days: it holds a chunk of rows, and about 50 bytes for each row of
one source and type.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeStubs=false
# Reason: pyarrow has neither annotations nor stubs.

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import groupby, repeat
from pathlib import Path
from typing import Any, Self, TypeAlias
from urllib.parse import quote

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from everlake.batching import group_by_size
from everlake.export.atomic_directory import atomic_directory, clear_directory
from everlake.tables import arrow
from everlake.tables.snapshot import Snapshot
from everlake.tables.table import Table

RowProgress: TypeAlias = Callable[[int, int], None]
"""Called with the number of rows written, and of all rows."""

READ_ROWS = 16_384
READ_BYTES = 16 * 1024 * 1024
"""Limits of a chunk of rows; bytes count where the table has a column with the size of its rows."""

MAX_FILE_BYTES = 1024 * 1024 * 1024
"""About how many bytes the rows of one file have in memory; compressed, they are fewer."""

_SCAN_ROWS = 8_192
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


class ExportResult(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of an export: rows, files, and the bytes of the files."""

    rows: int
    files: int
    bytes: int


def export_parquet(
    table: Table, target: Path, progress: RowProgress = lambda _done, _all: None
) -> ExportResult:
    """Copy the current version of a table to a new directory, completely or not at all.

    A table with ``source``, ``type`` and ``event_at`` is partitioned in Hive's way, into
    ``source=…/type=…/date=YYYY-MM-DD/`` by the UTC day of ``event_at``; its files lack the first
    two columns. Files of other tables are in ``target`` itself.

    Args:
        table: what to copy.
        target: a directory that is new or empty.
        progress: called after each chunk.

    Raises:
        ExportError: the directory is not empty, or cannot be written.
        LakeUnavailable, LakeDamaged: the table cannot be read.
    """
    with atomic_directory(target) as directory:

        def copy(now: Snapshot) -> int:
            clear_directory(directory)  # a read that fails is repeated on the table's new version
            with PartitionedFiles(directory) as files:
                _copy(now, table.spec.size_column, files, progress)
            return now.count()

        rows = table.read(copy, 0)
        sizes = [path.stat().st_size for path in directory.rglob("*.parquet")]
        return ExportResult(rows=rows, files=len(sizes), bytes=sum(sizes))


class PartitionedFiles:
    """Writer of Parquet files below a directory, one open at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._writer: Any = None
        self._folder: str | None = None
        self._bytes = 0
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def write(self, folder: str, rows: arrow.ArrowTable) -> None:
        """Write rows to a folder. All rows of one folder are written in succession.

        Raises:
            OSError: the disk refuses the write.
        """
        if folder != self._folder:
            self._close()
            self._folder, self._number = folder, 0
        elif self._bytes > MAX_FILE_BYTES:
            self._close()
            self._number += 1
        if self._writer is None:
            path = self._directory / folder / f"part-{self._number}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(path, rows.schema, compression="zstd")
        self._writer.write_table(rows)
        self._bytes += rows.nbytes

    def _close(self) -> None:
        writer, self._writer, self._bytes = self._writer, None, 0
        if writer is not None:
            writer.close()


def _copy(
    now: Snapshot, size_column: str | None, files: PartitionedFiles, progress: RowProgress
) -> None:
    names: list[str] = now.schema.names
    done, total = 0, now.count()
    progress(done, total)
    in_folders = {"source", "type", "event_at"} <= set(names)
    for folder, rows in (
        _by_partition(now, names, size_column) if in_folders else _in_table_order(now, names)
    ):
        files.write(folder, rows)
        done += rows.num_rows
        progress(done, total)


def _in_table_order(now: Snapshot, names: Sequence[str]) -> Generator[tuple[str, arrow.ArrowTable]]:
    for batch in now.stream(names, rows=_SCAN_ROWS):
        yield "", pa.Table.from_batches([batch])


def _by_partition(
    now: Snapshot, names: Sequence[str], size_column: str | None
) -> Generator[tuple[str, arrow.ArrowTable]]:
    kept = [name for name in names if name not in {"source", "type"}]
    for pair in sorted(now.count_by(["source", "type"]), key=lambda row: str(tuple(row.values()))):
        source, kind = pair["source"], pair["type"]
        keys = _sorted_keys(now, _equals("source", source) & _equals("type", kind), size_column)
        for chunk in _chunks(keys, size_column):
            rows = now.take_table(chunk.column("_rowid").to_pylist(), kept)
            start = 0
            for day, run in groupby(chunk.column("day").to_pylist()):
                length = sum(1 for _ in run)
                yield _partition(source=source, type=kind, date=day), rows.slice(start, length)
                start += length


def _sorted_keys(now: Snapshot, where: Any, size_column: str | None) -> arrow.ArrowTable:
    """Return ``day``, ``_rowid`` and any ``size_column`` of rows, in the order of the files."""
    columns = ["event_at", *([size_column] if size_column else [])]
    batches = now.stream(columns, where, rows=_SCAN_ROWS, row_ids=True)
    keys = pa.Table.from_batches(list(batches))
    keys = keys.set_column(0, "day", keys.column("event_at").cast(pa.date32()))
    return keys.sort_by([("day", "ascending"), ("_rowid", "ascending")])


def _chunks(keys: arrow.ArrowTable, size_column: str | None) -> Generator[arrow.ArrowTable]:
    first = 0
    for sizes in group_by_size(
        _sizes(keys, size_column),
        lambda size: size,
        max_size=READ_BYTES,
        max_items=READ_ROWS,
        overshoot=True,
    ):
        yield keys.slice(first, len(sizes))
        first += len(sizes)


def _sizes(keys: arrow.ArrowTable, size_column: str | None) -> Iterator[int]:
    if size_column is None:
        yield from repeat(0, keys.num_rows)
        return
    for start in range(0, keys.num_rows, READ_ROWS):  # Python's integers take a lot of memory
        for size in keys.slice(start, READ_ROWS).column(size_column).to_pylist():
            yield size or 0


def _equals(column: str, value: str | None) -> Any:
    return pc.field(column).is_null() if value is None else pc.field(column) == value


def _partition(**values: object) -> str:
    return "/".join(f"{name}={_partition_value(value)}" for name, value in values.items())


def _partition_value(value: object) -> str:
    return _NULL_PARTITION if value is None else quote(str(value), safe="")
