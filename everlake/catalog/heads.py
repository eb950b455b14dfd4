"""Lakes in a bucket: which set of tables serves, and which version of each table counts.

A bucket has no lock and no rename, so both stand here, and move only by who holds a lease.
"""

from collections.abc import Iterable

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, func, select, update

from everlake.catalog import leases
from everlake.catalog.fields import insert_of
from everlake.catalog.leases import Lease
from everlake.catalog.tables import lake_heads, lake_places

FIRST = 1
"""The generation that serves where no other has taken its place."""

_p, _h = lake_places.c, lake_heads.c

_SERVING = func.coalesce(
    select(_p.serving).where(_p.workspace_id == bindparam("workspace")).scalar_subquery(), FIRST
)
_HEAD = select(_h.generation, _h.version).where(
    _h.workspace_id == bindparam("workspace"), _h.name == bindparam("name")
)


class Head(msgspec.Struct, frozen=True, gc=False):
    """The version of a table that counts, and the generation of tables it is of."""

    generation: int
    version: int


class PlaceRow(msgspec.Struct, frozen=True):
    """A workspace's generations of tables: the one that serves, the one that is being made to
    take its place, and the one whose place was taken and that is not put away yet.

    ``notes`` are those of whoever makes, or has made, the next one. ``keep`` says that the
    replaced one shall not be deleted.
    """

    serving: int = FIRST
    last: int = FIRST
    building: int | None = None
    replaced: int | None = None
    keep: bool = False
    notes: bytes | None = None


def serving(tx: Connection, workspace_id: str, name: str) -> Head | None:
    """The head of a table that serves; None where there is no table yet."""
    return _head(tx, workspace_id, name, _h.generation == _SERVING)


def head_of(tx: Connection, workspace_id: str, name: str, generation: int) -> Head | None:
    """The head of a table of a generation; None where there is no table yet."""
    return _head(tx, workspace_id, name, _h.generation == generation)


def _head(tx: Connection, workspace_id: str, name: str, of: ColumnElement[bool]) -> Head | None:
    row = tx.execute(_HEAD.where(of), {"workspace": workspace_id, "name": name}).first()
    return None if row is None else Head(row.generation, row.version)


def move(
    tx: Connection,
    workspace_id: str,
    name: str,
    before: Head | None,
    after: Head,
    lease: Lease,
) -> bool:
    """Let ``after`` count in place of ``before``; False where that counts no more, or the lease is
    another's by now.

    Args:
        before: of the same generation as ``after``; None where the table is new.
    """
    if not leases.is_held(tx, lease):
        return False
    if before is None:
        statement = insert_of(tx.dialect.name, lake_heads).on_conflict_do_nothing()
        statement = statement.returning(_h.version)  # else PostgreSQL's driver counts no rows
        values = {
            "workspace_id": workspace_id,
            "generation": after.generation,
            "name": name,
            "version": after.version,
        }
        return tx.execute(statement, values).first() is not None
    moved = (
        update(lake_heads)
        .where(
            _h.workspace_id == workspace_id,
            _h.generation == before.generation,
            _h.name == name,
            _h.version == before.version,
        )
        .values(version=after.version)
    )
    return tx.execute(moved).rowcount == 1


def place(tx: Connection, workspace_id: str) -> PlaceRow:
    """The workspace's generations."""
    statement = select(lake_places).where(_p.workspace_id == workspace_id)
    row = tx.execute(statement).mappings().first()
    if row is None:
        return PlaceRow()
    return PlaceRow(**{name: row[name] for name in PlaceRow.__struct_fields__})


def begin(tx: Connection, workspace_id: str, lease: Lease) -> int | None:
    """Give a number to a next generation; None where the lease is another's by now."""
    if not leases.is_held(tx, lease):
        return None
    first = FIRST + 1
    insert = insert_of(tx.dialect.name, lake_places).values(
        workspace_id=workspace_id, serving=FIRST, last=first, building=first, keep=False
    )
    begun = insert.on_conflict_do_update(
        index_elements=[_p.workspace_id],
        set_={"last": _p.last + 1, "building": _p.last + 1, "notes": None},
    )
    return tx.execute(begun.returning(_p.last)).scalar_one()


def note(tx: Connection, workspace_id: str, notes: bytes, lease: Lease) -> bool:
    """Keep notes of the generation that is being made; False where the lease is another's."""
    if not leases.is_held(tx, lease):
        return False
    statement = update(lake_places).where(_p.workspace_id == workspace_id, _p.building.is_not(None))
    return tx.execute(statement.values(notes=notes)).rowcount == 1


def swap(
    tx: Connection, workspace_id: str, generation: int, held: Iterable[Lease], *, keep: bool
) -> bool:
    """Let the generation that was being made serve; False where one of the leases is another's."""
    if not all(leases.is_held(tx, lease) for lease in held):
        return False
    statement = (
        update(lake_places)
        .where(_p.workspace_id == workspace_id, _p.building == generation)
        .values(replaced=_p.serving, serving=generation, building=None, keep=keep)
    )
    return tx.execute(statement).rowcount == 1


def drop(tx: Connection, workspace_id: str, generation: int) -> None:
    """Forget a generation that does not serve, once its objects are gone or kept on purpose."""
    if place(tx, workspace_id).serving == generation:
        raise ValueError("A generation that serves cannot be dropped")
    tx.execute(
        delete(lake_heads).where(_h.workspace_id == workspace_id, _h.generation == generation)
    )
    # Only what is meant is written: another may begin, note or swap at the same time.
    here = update(lake_places).where(_p.workspace_id == workspace_id)
    tx.execute(here.where(_p.building == generation).values(building=None, notes=None))
    notes = case((_p.building.is_(None), None), else_=_p.notes)
    tx.execute(here.where(_p.replaced == generation).values(replaced=None, keep=False, notes=notes))
