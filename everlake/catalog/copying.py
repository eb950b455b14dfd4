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

from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError
from everlake.catalog.tables import lake_heads, lake_places, metadata, rate_limits

CHUNK = 1_000
"""Rows that go there together."""

Row = tuple[Any, ...]
Watch = Callable[[int], None]
"""Is told how many rows of a table have been seen to."""


class OtherData(CatalogError):
    """The target has something in it that the source has not."""


class Contents(msgspec.Struct, frozen=True):
    """How many rows a table has, and the BLAKE2b of all of them, as hexadecimal digits."""

    rows: int
    digest: str


def _stored(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type under a type of ours: values as the database has them."""
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _as_stored(table: Table) -> Table:
    columns = (
        Column(each.name, _stored(each.type), primary_key=each.primary_key)
        for each in table.columns
    )
    return Table(table.name, MetaData(), *columns)


# The rate of a key is made up for within seconds, on another clock.
_TABLES = {
    table.name: _as_stored(table) for table in metadata.sorted_tables if table is not rate_limits
}
TABLES = tuple(_TABLES)
"""The names of the tables that go, in the order in which they go."""

OF_THE_STORAGE = frozenset({lake_heads.name, lake_places.name})
"""Those that say where tables in a bucket lie: they go only where these stay."""


def count(catalog: Catalog, name: str) -> int:
    """How many rows a table has."""
    with catalog.look() as tx:
        return tx.execute(select(func.count()).select_from(_TABLES[name])).scalar_one()


def refuse_other_data(source: Catalog, target: Catalog) -> None:
    """Return when every row of ``target`` is one of ``source`` too: an earlier call's work.

    Raises:
        OtherData: it is not.
    """
    for name, table in _TABLES.items():
        for rows in _chunks(target, table):
            first, last = _key(table, rows[0]), _key(table, rows[-1])
            keys = tuple_(*table.primary_key.columns)
            known = select(table).where(keys >= tuple_(*first), keys <= tuple_(*last))
            with source.look() as tx:
                ours = {tuple(row) for row in tx.execute(known)}
            if not ours.issuperset(rows):
                raise OtherData(
                    f"The target has {name} that the source does not have, or not so. Take an "
                    "empty database; also where an earlier copy began and the source has been "
                    "used since."
                )


def copy(source: Catalog, target: Catalog, name: str, watch: Watch) -> None:
    """Copy the rows of a table that ``target`` lacks, behind the last one that it has."""
    table = _TABLES[name]
    with target.look() as tx:
        after = _last_key(tx, table)
    done = count(target, name)
    watch(done)
    for rows in _chunks(source, table, after):
        with target.write() as tx:
            tx.execute(
                insert(table), [dict(zip(table.columns.keys(), r, strict=True)) for r in rows]
            )
        done += len(rows)
        watch(done)


def contents(catalog: Catalog, name: str, watch: Watch) -> Contents:
    """What a table holds; equal for two tables exactly when their rows are the same."""
    digest = hashlib.blake2b(digest_size=32)
    seen = 0
    for rows in _chunks(catalog, _TABLES[name]):
        for row in rows:
            digest.update(msgspec.msgpack.encode(row))
        seen += len(rows)
        watch(seen)
    return Contents(seen, digest.hexdigest())


def _chunks(catalog: Catalog, table: Table, after: Row | None = None) -> Iterator[Sequence[Row]]:
    """The rows behind the key ``after``, a few at a time, none of the lists empty."""
    while True:
        with catalog.look() as tx:
            rows = [tuple(row) for row in tx.execute(_behind(table, after))]
        if rows:
            yield rows
            after = _key(table, rows[-1])
        if len(rows) < CHUNK:
            return


def _behind(table: Table, after: Row | None) -> Select[Any]:
    keys = tuple(table.primary_key.columns)
    statement = select(table).order_by(*keys).limit(CHUNK)
    return statement if after is None else statement.where(tuple_(*keys) > tuple_(*after))


def _last_key(tx: Connection, table: Table) -> Row | None:
    keys = tuple(table.primary_key.columns)
    row = tx.execute(select(*keys).order_by(*(key.desc() for key in keys)).limit(1)).first()
    return None if row is None else tuple(row)


def _key(table: Table, row: Row) -> Row:
    values = dict(zip(table.columns.keys(), row, strict=True))
    return tuple(values[key.name] for key in table.primary_key.columns)
