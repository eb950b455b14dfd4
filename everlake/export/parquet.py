"""Copies of whole tables in Parquet, in folders by source, type and day.

Rows are read in the order in which they are written, so one file is open at a time and memory
does not grow with the number of days: it is a portion of rows, and about 50 bytes a row of one
source and type.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# pyright: reportMissingTypeStubs=false
# Reason: pyarrow has neither annotations nor stubs.

from collections.abc import Callable, Generator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Self, TypeAlias
from urllib.parse import quote

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from everlake.export.atomic_directory import atomic_directory, clear_directory
from everlake.tables import arrow
from everlake.tables.snapshot import Snapshot
from everlake.tables.table import Table

RowProgress: TypeAlias = Callable[[int, int], None]
"""Is told how many rows are written, and of how many."""

READ_ROWS = 16_384
READ_BYTES = 16 * 1024 * 1024
"""What is read at a time: so many rows, or so many bytes where the table tells its rows' weight."""

MAX_FILE_BYTES = 1024 * 1024 * 1024
"""Bytes of one file's rows in memory, about; on disk they are fewer."""

_SCAN_ROWS = 8_192
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


class ExportResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an export wrote. ``bytes`` are those of its files."""

    rows: int
    files: int
    bytes: int


def export_parquet(
    table: Table, target: Path, progress: RowProgress = lambda _done, _all: None
) -> ExportResult:
    """Copy a table as it is now into the new directory ``target``, which is there whole or not at all.

    Where the table has ``source``, ``type`` and ``event_at``, files lie in
    ``source=…/type=…/date=YYYY-MM-DD/`` by the UTC day of ``event_at``, and folders stand for the
    first two columns (Hive's way). Other tables lie in ``target`` itself.

    Raises:
        ExportError: the directory is not empty, or cannot be written.
        LakeUnavailable, LakeDamaged: the table cannot be read.
    """
    with atomic_directory(target) as directory:

        def copy(now: Snapshot) -> int:
            clear_directory(directory)  # of what was written before the table changed
            with PartitionedFiles(directory) as files:
                _copy(now, table.spec.size_column, files, progress)
            return now.count()

        rows = table.read(copy, 0)
        sizes = [path.stat().st_size for path in directory.rglob("*.parquet")]
        return ExportResult(rows=rows, files=len(sizes), bytes=sum(sizes))


class PartitionedFiles:
    """Parquet files below a directory, one open at a time."""

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
        """Add rows to the folder; its rows come one after another.

        Raises:
            OSError: the disk does not take them.
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
        for portion in _read_chunks(keys, size_column):
            rows = now.take_table(portion.column("_rowid").to_pylist(), kept)
            start = 0
            for day, run in groupby(portion.column("day").to_pylist()):
                length = sum(1 for _ in run)
                folder = f"source={_partition_value(source)}/type={_partition_value(kind)}/date={_partition_value(day)}"
                yield folder, rows.slice(start, length)
                start += length


def _sorted_keys(now: Snapshot, where: Any, size_column: str | None) -> arrow.ArrowTable:
    """``day``, ``_rowid`` and, where there is one, ``size_column`` of some rows, in the files' order."""
    columns = ["event_at", *([size_column] if size_column else [])]
    batches = now.stream(columns, where, rows=_SCAN_ROWS, row_ids=True)
    keys = pa.Table.from_batches(list(batches))
    keys = keys.set_column(0, "day", keys.column("event_at").cast(pa.date32()))
    return keys.sort_by([("day", "ascending"), ("_rowid", "ascending")])


def _read_chunks(keys: arrow.ArrowTable, size_column: str | None) -> Generator[arrow.ArrowTable]:
    for start in range(0, keys.num_rows, READ_ROWS):
        some = keys.slice(start, READ_ROWS)
        sizes = some.column(size_column).to_pylist() if size_column else [0] * some.num_rows
        first, held = 0, 0
        for index, size in enumerate(sizes, start=1):
            held += size or 0
            if held >= READ_BYTES or index == some.num_rows:
                yield some.slice(first, index - first)
                first, held = index, 0


def _equals(column: str, value: str | None) -> Any:
    return pc.field(column).is_null() if value is None else pc.field(column) == value


def _partition_value(value: object) -> str:
    return _NULL_PARTITION if value is None else quote(str(value), safe="")
