"""Registry of derived tables: what each is, and how its rows are made and written."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from everlake.landing.accepted import LandedIdentity, LandedRecord
from everlake.model.batches import BatchRow
from everlake.tables.arrow import ArrowTable
from everlake.tables.engine import TableEngine
from everlake.tables.spec import Source, TableSpec, WriteMode

REQUIRED_COLUMNS = ("record_id", "version", "batch_id")
"""Columns of every derived table: integrity checks, rebuilds and salvage rely on them."""

R = TypeVar("R")


class DerivedTable(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """A table that is derived from the landing archive, and how to derive it.

    ``R`` holds what one version of a record contributes: one row, or a group of rows, which may be
    empty.

    Attributes:
        spec: its name, columns, key, mode, sources and indexes.
        derive: makes what a landed record of a batch contributes. A pure function.
        to_arrow: converts contributions to rows of ``spec.schema``. Raises ValueError where a
            value cannot be stored.
        size_of: about how many bytes of memory a contribution takes.
        write: writes contributions to the workspace's table, according to ``spec.mode``. It may
            be called again with the same ones, and in any order of batches; what it wrote is
            durable when it returns.
    """

    spec: TableSpec
    derive: Callable[[LandedRecord, BatchRow], R]
    to_arrow: Callable[[Sequence[R]], ArrowTable]
    size_of: Callable[[R], int]
    write: Callable[[TableEngine, str, Sequence[R]], object]

    @property
    def name(self) -> str:
        """The table's name."""
        return self.spec.name


class ArrivalTable(DerivedTable[R], Generic[R], frozen=True, kw_only=True):
    """Derived table of mode APPEND, whose rows are derived from record identities alone.

    A rebuild can fill it without decoding whole records.
    """

    derive: Callable[[LandedIdentity, BatchRow], R]


class Registry:
    """The derived tables of a lake, in the order in which a writer locks them.

    Raises:
        ValueError: two tables have one name; or the columns, the key or the kind of a table do
            not fit its mode.
    """

    def __init__(self, tables: Iterable[DerivedTable[Any]]) -> None:
        self._tables: dict[str, DerivedTable[Any]] = {}
        for table in tables:
            _check(table)
            if self._tables.setdefault(table.name, table) is not table:
                raise ValueError(f"Two derived tables are called {table.name}.")

    def __iter__(self) -> Iterator[DerivedTable[Any]]:
        return iter(self._tables.values())

    def __getitem__(self, name: str) -> DerivedTable[Any]:
        """Return the table of that name. Raises KeyError where there is none."""
        return self._tables[name]

    @property
    def arrivals(self) -> tuple[ArrivalTable[Any], ...]:
        """The tables of mode APPEND."""
        return tuple(table for table in self if isinstance(table, ArrivalTable))

    @property
    def landed(self) -> tuple[DerivedTable[Any], ...]:
        """The tables that hold a batch's rows once it has landed."""
        return tuple(
            table
            for table in self
            if Source.ARCHIVE in table.spec.derived_from and table.spec.analysis_version is None
        )

    @property
    def analysed(self) -> tuple[DerivedTable[Any], ...]:
        """The tables that hold a batch's rows once it is complete."""
        return tuple(table for table in self if Source.ANALYSIS in table.spec.derived_from)

    @property
    def names(self) -> tuple[str, ...]:
        """The tables' names."""
        return tuple(self._tables)

    @property
    def specs(self) -> tuple[TableSpec, ...]:
        """The tables' specifications."""
        return tuple(table.spec for table in self)


_KEYS = {
    WriteMode.LATEST: ("record_id",),
    WriteMode.APPEND: ("record_id", "version"),
    WriteMode.REPLACE: ("record_id", "version", "ordinal"),
}


def _check(table: DerivedTable[Any]) -> None:
    spec = table.spec
    if not spec.name.isidentifier():
        raise ValueError(f"{spec.name!r} cannot be the name of a table in SQL.")
    if spec.key != _KEYS[spec.mode]:
        raise ValueError(
            f"The table {spec.name} needs the key {', '.join(_KEYS[spec.mode])} for its mode."
        )
    if isinstance(table, ArrivalTable) != (spec.mode is WriteMode.APPEND):
        raise ValueError(f"The table {spec.name} needs the mode append exactly as an ArrivalTable.")
    names = {*REQUIRED_COLUMNS, *spec.key, *spec.indexes}
    if spec.analysis_version is not None:
        names.add("analysis_version")
    missing = sorted(names - set(spec.schema.names))
    if missing:
        raise ValueError(f"The table {spec.name} needs the columns {', '.join(missing)}.")
