"""Table versions of lakes in a bucket: the generation that serves, and the current versions.

A bucket has neither locks nor renames, so both are rows here, which only the owner of a lease may
change.
"""

from collections.abc import Iterable

import msgspec
from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, func, select, update

from everlake.catalog import leases
from everlake.catalog.leases import Lease
from everlake.catalog.statements import insert_into
from everlake.catalog.table_definitions import lake_heads, lake_places

FIRST_GENERATION = 1
"""Generation that serves until another one is promoted."""

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
    """Current version of a table in a generation."""

    generation: int
    version: int


class GenerationsRow(msgspec.Struct, frozen=True):
    """Generations of a workspace's tables.

    Attributes:
        serving: the generation that is read and written.
        last: highest number given out.
        building: the generation that a rebuild writes; None when there is none.
        replaced: the generation that served before and is not deleted yet.
        keep: whether ``replaced`` is kept.
        notes: checkpoint of the rebuild.
    """

    serving: int = FIRST_GENERATION
    last: int = FIRST_GENERATION
    building: int | None = None
    replaced: int | None = None
    keep: bool = False
    notes: bytes | None = None


def get_serving(tx: Connection, workspace_id: str, name: str) -> TableVersion | None:
    """Return the current version in the serving generation; None when there is no table yet."""
    return _get(tx, workspace_id, name, _versions.generation == _SERVING)


def get(tx: Connection, workspace_id: str, name: str, generation: int) -> TableVersion | None:
    """Return the current version in a generation; None when there is no table yet."""
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
    """Make ``new`` the current version of a table.

    Args:
        workspace_id: the workspace.
        name: of the table.
        expected: the current version, in the same generation; None for a new table.
        new: the version to publish.
        lease: that allows writing the table.

    Returns:
        False, with no change, when another version is current, or the lease is lost.
    """
    if not leases.is_held(tx, lease):
        return False
    if expected is None:
        statement = insert_into(tx.dialect.name, lake_heads).on_conflict_do_nothing()
        # Without RETURNING, PostgreSQL's driver does not count the rows.
        statement = statement.returning(_versions.version)
        values = {
            "workspace_id": workspace_id,
            "generation": new.generation,
            "name": name,
            "version": new.version,
        }
        return tx.execute(statement, values).first() is not None
    statement = (
        update(lake_heads)
        .where(
            _versions.workspace_id == workspace_id,
            _versions.generation == expected.generation,
            _versions.name == name,
            _versions.version == expected.version,
        )
        .values(version=new.version)
    )
    return tx.execute(statement).rowcount == 1


def get_generations(tx: Connection, workspace_id: str) -> GenerationsRow:
    """Return the generations of a workspace."""
    statement = select(lake_places).where(_generations.workspace_id == workspace_id)
    row = tx.execute(statement).mappings().first()
    if row is None:
        return GenerationsRow()
    return GenerationsRow(**{name: row[name] for name in GenerationsRow.__struct_fields__})


def begin_generation(tx: Connection, workspace_id: str, lease: Lease) -> int | None:
    """Begin a new generation and return its number; None when the lease is lost."""
    if not leases.is_held(tx, lease):
        return None
    first = FIRST_GENERATION + 1
    insert = insert_into(tx.dialect.name, lake_places).values(
        workspace_id=workspace_id, serving=FIRST_GENERATION, last=first, building=first, keep=False
    )
    statement = insert.on_conflict_do_update(
        index_elements=[_generations.workspace_id],
        set_={"last": _generations.last + 1, "building": _generations.last + 1, "notes": None},
    )
    return tx.execute(statement.returning(_generations.last)).scalar_one()


def save_checkpoint(tx: Connection, workspace_id: str, checkpoint: bytes, lease: Lease) -> bool:
    """Store the checkpoint of a running rebuild; return False when there is none, or no lease."""
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
    """Make the generation that was built the serving one.

    Args:
        workspace_id: the workspace.
        generation: the one that was built.
        required_leases: that allow it.
        keep: whether the replaced generation is kept.

    Returns:
        False, with no change, when a lease is lost, or another generation is being built.
    """
    if not all(leases.is_held(tx, lease) for lease in required_leases):
        return False
    statement = (
        update(lake_places)
        .where(_generations.workspace_id == workspace_id, _generations.building == generation)
        .values(replaced=_generations.serving, serving=generation, building=None, keep=keep)
    )
    return tx.execute(statement).rowcount == 1


def drop_generation(tx: Connection, workspace_id: str, generation: int) -> None:
    """Remove a generation that does not serve, after its objects were deleted or kept on purpose.

    Raises:
        ValueError: the generation serves.
    """
    if get_generations(tx, workspace_id).serving == generation:
        raise ValueError("the serving generation cannot be dropped")
    tx.execute(
        delete(lake_heads).where(
            _versions.workspace_id == workspace_id, _versions.generation == generation
        )
    )
    # Only the affected columns are written: a rebuild may change others at the same time.
    row = update(lake_places).where(_generations.workspace_id == workspace_id)
    tx.execute(row.where(_generations.building == generation).values(building=None, notes=None))
    notes = case((_generations.building.is_(None), None), else_=_generations.notes)
    tx.execute(
        row.where(_generations.replaced == generation).values(
            replaced=None, keep=False, notes=notes
        )
    )
