"""Tables in the comparison: which of their columns are compared, and with what."""

from collections.abc import Sequence
from typing import Any

import msgspec

from everlake.tables.arrow import shared_columns
from everlake.tables.registry import DerivedTable, Registry
from everlake.tables.spec import TableSpec, WriteMode


class ComparedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A derived table as the comparison sees it.

    Attributes:
        table: the table.
        columns: the columns that must be as they are in the archive.
        archive_hash: column of the table ``archive`` with the hash of these columns.
    """

    table: DerivedTable[Any]
    columns: tuple[str, ...]
    archive_hash: str

    @property
    def spec(self) -> TableSpec:
        """The table's specification."""
        return self.table.spec

    @property
    def rows(self) -> str:
        """Name of the table in the temporary database that holds its rows."""
        return f"rows_{self.table.name}"

    @property
    def versions(self) -> str:
        """Name of the table that holds one row for each version of a record in :attr:`rows`."""
        return f"versions_{self.table.name}"


def record_table(registry: Registry) -> DerivedTable[Any]:
    """Return the table of records, in whose form the archive is loaded."""
    return next(table for table in registry.landed if table.spec.mode is WriteMode.LATEST)


def compared_tables(registry: Registry) -> list[ComparedTable]:
    """Return all tables of the registry, with the columns that they share with the records.

    What the analysis has made is left out, since another version of it may make something else.
    Tables that share the same columns share the hash in the archive too.
    """
    records = record_table(registry)
    hashes: dict[tuple[str, ...], str] = {}
    compared: list[ComparedTable] = []
    for table in registry:
        columns = _compared_columns(records.spec, table.spec)
        name = hashes.setdefault(columns, f"hash_{len(hashes)}")
        compared.append(ComparedTable(table=table, columns=columns, archive_hash=name))
    return compared


def archive_hashes(tables: Sequence[ComparedTable]) -> dict[str, tuple[str, ...]]:
    """Return the columns that each hash in the archive covers, by its name."""
    return {table.archive_hash: table.columns for table in tables}


def _compared_columns(records: TableSpec, spec: TableSpec) -> tuple[str, ...]:
    left_out = {"record_id", "version", *spec.unverified_columns}
    shared = shared_columns(records.schema, spec.schema)
    return tuple(name for name in shared if name not in left_out)
