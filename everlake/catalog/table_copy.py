"""Copy and comparison of two catalogs, each in SQLite or PostgreSQL.

Values are copied as they are stored. Rows are copied in the order of their primary keys, which is
the same in both because text is compared byte by byte, and after the rows that they refer to.
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
"""Rows in one transaction."""

Row = tuple[Any, ...]
ProgressCallback = Callable[[int], None]
"""Called with the number of rows that are done."""


class UnexpectedRows(CatalogError):
    """The target has rows that the source does not have."""


class TableDigest(msgspec.Struct, frozen=True):
    """Number of rows of a table, and the BLAKE2b digest of all of them, in hexadecimal."""

    rows: int
    digest: str


def _stored_type(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type under a :class:`TypeDecorator`, which has the values as stored."""
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _stored_table(table: Table) -> Table:
    columns = (
        Column(each.name, _stored_type(each.type), primary_key=each.primary_key)
        for each in table.columns
    )
    return Table(table.name, MetaData(), *columns)


# Rate limits are left out: they are valid for seconds, by the clock of their server.
_STORED_TABLES = {
    table.name: _stored_table(table) for table in metadata.sorted_tables if table is not rate_limits
}
TABLE_NAMES = tuple(_STORED_TABLES)
"""Names of the copied tables, in the order in which they are copied."""

STORAGE_BOUND_TABLES = frozenset({lake_heads.name, lake_places.name})
"""Tables about the lake in a bucket: copied only when the storage stays the same."""


def count(catalog: Catalog, name: str) -> int:
    """Return the number of rows of a table."""
    with catalog.autocommit() as tx:
        return tx.execute(select(func.count()).select_from(_STORED_TABLES[name])).scalar_one()


def check_target_rows(source: Catalog, target: Catalog) -> None:
    """Check that every row of ``target`` is also in ``source``, as after an interrupted copy.

    Raises:
        UnexpectedRows: one is not.
    """
    for name, table in _STORED_TABLES.items():
        for rows in _chunks(target, table):
            first, last = _primary_key(table, rows[0]), _primary_key(table, rows[-1])
            keys = tuple_(*table.primary_key.columns)
            statement = select(table).where(keys >= tuple_(*first), keys <= tuple_(*last))
            with source.autocommit() as tx:
                expected = {tuple(row) for row in tx.execute(statement)}
            if not expected.issuperset(rows):
                raise UnexpectedRows(
                    f"The target has {name} that are not in the source, or differ from it. Use an "
                    "empty database. If the source was used after an interrupted copy, start "
                    "again with an empty database too."
                )


def copy(source: Catalog, target: Catalog, name: str, progress: ProgressCallback) -> None:
    """Copy the rows of a table after the last one that ``target`` has.

    Args:
        source: the catalog to copy from.
        target: the catalog to copy to.
        name: one of :data:`TABLE_NAMES`.
        progress: called after each transaction.
    """
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
    """Return the digest of a table, which is equal for two tables when their rows are equal.

    Args:
        catalog: has the table.
        name: one of :data:`TABLE_NAMES`.
        progress: called after each chunk.
    """
    digest = hashlib.blake2b(digest_size=32)
    seen = 0
    for rows in _chunks(catalog, _STORED_TABLES[name]):
        for row in rows:
            digest.update(msgspec.msgpack.encode(row))
        seen += len(rows)
        progress(seen)
    return TableDigest(seen, digest.hexdigest())


def _chunks(catalog: Catalog, table: Table, after: Row | None = None) -> Iterator[Sequence[Row]]:
    """Yield the rows after the primary key ``after``, in lists that are not empty."""
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
