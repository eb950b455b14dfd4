"""Operations on the lake's tables: listing and exporting them."""

from pathlib import Path

import msgspec

from everlake.export.parquet import ExportResult, RowProgress, export_parquet
from everlake.lake import Lake
from everlake.tables.spec import TableSpec


class TableListing(msgspec.Struct, frozen=True):
    """One table: its rows, its current version (None when it has none yet), and its URI."""

    table: str
    rows: int
    version: int | None
    where: str


def list_tables(lake: Lake, workspace_id: str) -> list[TableListing]:
    """Return the derived tables of a workspace.

    Raises:
        LakeUnavailable: the tables cannot be read now.
        LakeDamaged: a table is damaged.
    """
    return [_describe(lake, workspace_id, spec) for spec in lake.registry.specs]


def export_table(
    lake: Lake, workspace_id: str, table: str, target: Path, report_progress: RowProgress
) -> ExportResult:
    """Copy a table as it is now into Parquet files.

    Args:
        table: name of a derived table.
        target: a directory that is new or empty; it holds the whole table afterwards, or nothing.
        report_progress: called with the rows that are written, and the rows of the table.

    Raises:
        ExportError: the directory is not empty, or cannot be written.
        LakeUnavailable: the table cannot be read now.
        LakeDamaged: the table is damaged.
    """
    source = lake.engine.table(workspace_id, lake.registry[table].spec)
    return export_parquet(source, target, report_progress)


def _describe(lake: Lake, workspace_id: str, spec: TableSpec) -> TableListing:
    table = lake.engine.table(workspace_id, spec)
    current = table.read(lambda snapshot: (snapshot.count(), snapshot.version), None)
    if current is None:
        uri = f"{lake.engine.table_set(workspace_id).uri}/{spec.name}.lance"
        return TableListing(table=spec.name, rows=0, version=None, where=uri)
    rows, version = current
    return TableListing(table=spec.name, rows=rows, version=version, where=table.uri)
