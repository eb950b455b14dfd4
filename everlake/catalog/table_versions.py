"""Lakes in a bucket: which set of tables serves, and which version of each table counts.

A bucket has no lock and no rename, so both stand here, and move only by who holds a lease.
"""

from collections.abc import Iterable

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, func, select, update

from everlake.catalog import leases
from everlake.catalog.leases import Lease
from everlake.catalog.statements import insert_into
from everlake.catalog.table_definitions import lake_heads, lake_places

FIRST_GENERATION = 1
"""The generation that serves where no other has taken its place."""

_generations, _versions = lake_places.c, lake_heads.c

_SERVING = func.coalesce(
    select(_generations.serving)
    .where(_generations.workspace_id == bindparam("workspace"))
    .scalar_subquery(),
    FIRST_GENERATION,
)
_VERSION = select(_versions.generation, _versions.version).where(
    _versions.workspace_id == bindparam("workspace"), _versions.name == bindparam("name")
)


class TableVersion(msgspec.Struct, frozen=True, gc=False):
    """The version of a table that counts, and the generation of tables it is of."""

    generation: int
    version: int


class GenerationsRow(msgspec.Struct, frozen=True):
    """A workspace's generations of tables: the one that serves, the one that is being made to
    take its place, and the one whose place was taken and that is not put away yet.

    ``notes`` are those of whoever makes, or has made, the next one. ``keep`` says that the
    replaced one shall not be deleted.
    """

    serving: int = FIRST_GENERATION
    last: int = FIRST_GENERATION
    building: int | None = None
    replaced: int | None = None
    keep: bool = False
    notes: bytes | None = None


def get_serving(tx: Connection, workspace_id: str, name: str) -> TableVersion | None:
    """The head of a table that serves; None where there is no table yet."""
    return _get(tx, workspace_id, name, _versions.generation == _SERVING)


def get(tx: Connection, workspace_id: str, name: str, generation: int) -> TableVersion | None:
    """The head of a table of a generation; None where there is no table yet."""
    return _get(tx, workspace_id, name, _versions.generation == generation)


def _get(
    tx: Connection, workspace_id: str, name: str, condition: ColumnElement[bool]
) -> TableVersion | None:
    row = tx.execute(_VERSION.where(condition), {"workspace": workspace_id, "name": name}).first()
    return None if row is None else TableVersion(row.generation, row.version)


def publish(
    tx: Connection,
    workspace_id: str,
    name: str,
    expected: TableVersion | None,
    new: TableVersion,
    lease: Lease,
) -> bool:
    """Let ``after`` count in place of ``before``; False where that counts no more, or the lease is
    another's by now.

    Args:
        before: of the same generation as ``after``; None where the table is new.
    """
    if not leases.is_held(tx, lease):
        return False
    if expected is None:
        statement = insert_into(tx.dialect.name, lake_heads).on_conflict_do_nothing()
        statement = statement.returning(
            _versions.version
        )  # else PostgreSQL's driver counts no rows
        values = {
            "workspace_id": workspace_id,
            "generation": new.generation,
            "name": name,
            "version": new.version,
        }
        return tx.execute(statement, values).first() is not None
    moved = (
        update(lake_heads)
        .where(
            _versions.workspace_id == workspace_id,
            _versions.generation == expected.generation,
            _versions.name == name,
            _versions.version == expected.version,
        )
        .values(version=new.version)
    )
    return tx.execute(moved).rowcount == 1


def get_generations(tx: Connection, workspace_id: str) -> GenerationsRow:
    """The workspace's generations."""
    statement = select(lake_places).where(_generations.workspace_id == workspace_id)
    row = tx.execute(statement).mappings().first()
    if row is None:
        return GenerationsRow()
    return GenerationsRow(**{name: row[name] for name in GenerationsRow.__struct_fields__})


def begin_generation(tx: Connection, workspace_id: str, lease: Lease) -> int | None:
    """Give a number to a next generation; None where the lease is another's by now."""
    if not leases.is_held(tx, lease):
        return None
    first = FIRST_GENERATION + 1
    insert = insert_into(tx.dialect.name, lake_places).values(
        workspace_id=workspace_id, serving=FIRST_GENERATION, last=first, building=first, keep=False
    )
    begun = insert.on_conflict_do_update(
        index_elements=[_generations.workspace_id],
        set_={"last": _generations.last + 1, "building": _generations.last + 1, "notes": None},
    )
    return tx.execute(begun.returning(_generations.last)).scalar_one()


def save_checkpoint(tx: Connection, workspace_id: str, checkpoint: bytes, lease: Lease) -> bool:
    """Keep notes of the generation that is being made; False where the lease is another's."""
    if not leases.is_held(tx, lease):
        return False
    statement = update(lake_places).where(
        _generations.workspace_id == workspace_id, _generations.building.is_not(None)
    )
    return tx.execute(statement.values(notes=checkpoint)).rowcount == 1


def promote_generation(
    tx: Connection,
    workspace_id: str,
    generation: int,
    required_leases: Iterable[Lease],
    *,
    keep: bool,
) -> bool:
    """Let the generation that was being made serve; False where one of the leases is another's."""
    if not all(leases.is_held(tx, lease) for lease in required_leases):
        return False
    statement = (
        update(lake_places)
        .where(_generations.workspace_id == workspace_id, _generations.building == generation)
        .values(replaced=_generations.serving, serving=generation, building=None, keep=keep)
    )
    return tx.execute(statement).rowcount == 1


def drop_generation(tx: Connection, workspace_id: str, generation: int) -> None:
    """Forget a generation that does not serve, once its objects are gone or kept on purpose."""
    if get_generations(tx, workspace_id).serving == generation:
        raise ValueError("A generation that serves cannot be dropped")
    tx.execute(
        delete(lake_heads).where(
            _versions.workspace_id == workspace_id, _versions.generation == generation
        )
    )
    # Only what is meant is written: another may begin, note or swap at the same time.
    here = update(lake_places).where(_generations.workspace_id == workspace_id)
    tx.execute(here.where(_generations.building == generation).values(building=None, notes=None))
    notes = case((_generations.building.is_(None), None), else_=_generations.notes)
    tx.execute(
        here.where(_generations.replaced == generation).values(
            replaced=None, keep=False, notes=notes
        )
    )
