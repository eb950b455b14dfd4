"""The contents of one catalog into another, of whichever kind, so that they can be compared.

Values go as they are stored. Rows go in the order of their keys, which is the same everywhere
because text is compared byte by byte, and what refers to something goes after it.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Select,
    Table,
    func,
    insert,
    select,
    tuple_,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from everlake.catalog.database import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.table_definitions import lake_heads, lake_places, metadata, rate_limits

ROWS_PER_CHUNK = 1_000
"""Rows that go there together."""

Row = tuple[Any, ...]
ProgressCallback = Callable[[int], None]
"""Is told how many rows of a table have been seen to."""


class UnexpectedRows(CatalogError):
    """The target has something in it that the source has not."""


class TableDigest(msgspec.Struct, frozen=True):
    """How many rows a table has, and the BLAKE2b of all of them, as hexadecimal digits."""

    rows: int
    digest: str


def _stored_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type under a type of ours: values as the database has them."""
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _stored_table(table: Table) -> Table:
    columns = (
        Column(each.name, _stored_type(each.type), primary_key=each.primary_key)
        for each in table.columns
    )
    return Table(table.name, MetaData(), *columns)


# The rate of a key is made up for within seconds, on another clock.
_STORED_TABLES = {
    table.name: _stored_table(table) for table in metadata.sorted_tables if table is not rate_limits
}
TABLE_NAMES = tuple(_STORED_TABLES)
"""The names of the tables that go, in the order in which they go."""

STORAGE_BOUND_TABLES = frozenset({lake_heads.name, lake_places.name})
"""Those that say where tables in a bucket lie: they go only where these stay."""


def count(catalog: Catalog, name: str) -> int:
    """How many rows a table has."""
    with catalog.autocommit() as tx:
        return tx.execute(select(func.count()).select_from(_STORED_TABLES[name])).scalar_one()


def check_target_rows(source: Catalog, target: Catalog) -> None:
    """Return when every row of ``target`` is one of ``source`` too: an earlier call's work.

    Raises:
        OtherData: it is not.
    """
    for name, table in _STORED_TABLES.items():
        for rows in _chunks(target, table):
            first, last = _primary_key(table, rows[0]), _primary_key(table, rows[-1])
            keys = tuple_(*table.primary_key.columns)
            known = select(table).where(keys >= tuple_(*first), keys <= tuple_(*last))
            with source.autocommit() as tx:
                ours = {tuple(row) for row in tx.execute(known)}
            if not ours.issuperset(rows):
                raise UnexpectedRows(
                    f"The target has {name} that the source does not have, or not so. Take an "
                    "empty database; also where an earlier copy began and the source has been "
                    "used since."
                )


def copy(source: Catalog, target: Catalog, name: str, progress: ProgressCallback) -> None:
    """Copy the rows of a table that ``target`` lacks, behind the last one that it has."""
    table = _STORED_TABLES[name]
    with target.autocommit() as tx:
        after = _last_key(tx, table)
    done = count(target, name)
    progress(done)
    for rows in _chunks(source, table, after):
        with target.transaction() as tx:
            tx.execute(
                insert(table), [dict(zip(table.columns.keys(), r, strict=True)) for r in rows]
            )
        done += len(rows)
        progress(done)


def digest_table(catalog: Catalog, name: str, progress: ProgressCallback) -> TableDigest:
    """What a table holds; equal for two tables exactly when their rows are the same."""
    digest = hashlib.blake2b(digest_size=32)
    seen = 0
    for rows in _chunks(catalog, _STORED_TABLES[name]):
        for row in rows:
            digest.update(msgspec.msgpack.encode(row))
        seen += len(rows)
        progress(seen)
    return TableDigest(seen, digest.hexdigest())


def _chunks(catalog: Catalog, table: Table, after: Row | None = None) -> Iterator[Sequence[Row]]:
    """The rows behind the key ``after``, a few at a time, none of the lists empty."""
    while True:
        with catalog.autocommit() as tx:
            rows = [tuple(row) for row in tx.execute(_rows_after(table, after))]
        if rows:
            yield rows
            after = _primary_key(table, rows[-1])
        if len(rows) < ROWS_PER_CHUNK:
            return


def _rows_after(table: Table, after: Row | None) -> Select[Any]:
    keys = tuple(table.primary_key.columns)
    statement = select(table).order_by(*keys).limit(ROWS_PER_CHUNK)
    return statement if after is None else statement.where(tuple_(*keys) > tuple_(*after))


def _last_key(tx: Connection, table: Table) -> Row | None:
    keys = tuple(table.primary_key.columns)
    row = tx.execute(select(*keys).order_by(*(key.desc() for key in keys)).limit(1)).first()
    return None if row is None else tuple(row)


def _primary_key(table: Table, row: Row) -> Row:
    values = dict(zip(table.columns.keys(), row, strict=True))
    return tuple(values[key.name] for key in table.primary_key.columns)
