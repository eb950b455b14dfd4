"""Workspaces: who owns everything else, and who numbers the batches."""

import msgspec
from sqlalchemy import Connection, bindparam, select, tuple_, update

from everlake.catalog.errors import AlreadyExists, NotFound
from everlake.catalog.statements import insert_into, now_ms, validate_id, validate_name
from everlake.catalog.table_definitions import workspaces
from everlake.contract.ids import new_id

_c = workspaces.c
_BY_ID = select(workspaces).where(_c.id == bindparam("id"))
_NEXT_SEQUENCES = (
    update(workspaces)
    .where(_c.id == bindparam("workspace"))
    .values(last_sequence=_c.last_sequence + bindparam("count"))
    .returning(_c.last_sequence)
)


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """One workspace. ``last_sequence`` is the highest batch number handed out, from 1."""

    id: str
    name: str
    created_at: int
    last_sequence: int


def create(tx: Connection, *, name: str, workspace_id: str | None = None) -> Workspace:
    """A new workspace; its id is made up where none is given.

    Raises:
        ValueError: the id or the name has a form it may not have.
        AlreadyExists: the id is taken.
    """
    row = Workspace(
        id=new_id("ws") if workspace_id is None else validate_id(workspace_id),
        name=validate_name(name),
        created_at=now_ms(),
        last_sequence=0,
    )
    statement = insert_into(tx.dialect.name, workspaces).on_conflict_do_nothing().returning(_c.id)
    if tx.execute(statement, msgspec.structs.asdict(row)).first() is None:
        raise AlreadyExists(f"There is a workspace {row.id} already. Choose another id.")
    return row


def get(tx: Connection, workspace_id: str) -> Workspace | None:
    """The workspace with that id."""
    row = tx.execute(_BY_ID, {"id": workspace_id}).mappings().first()
    return None if row is None else Workspace(**row)


def first(tx: Connection) -> Workspace | None:
    """The oldest workspace."""
    return next(iter(page(tx, limit=1)), None)


def page(tx: Connection, *, limit: int, after: str | None = None) -> list[Workspace]:
    """Workspaces by creation, oldest first; ``after`` is the id of the last one seen."""
    statement = select(workspaces).order_by(_c.created_at, _c.id).limit(limit)
    if after is not None:
        last = select(_c.created_at).where(_c.id == after).correlate(None).scalar_subquery()
        statement = statement.where(tuple_(_c.created_at, _c.id) > tuple_(last, after))
    return [Workspace(**row) for row in tx.execute(statement).mappings()]


def next_sequences(tx: Connection, workspace_id: str, count: int) -> range:
    """The next ``count`` batch numbers of the workspace: never handed out before, none left out.

    Raises:
        NotFound: there is no such workspace.
    """
    last = tx.execute(_NEXT_SEQUENCES, {"workspace": workspace_id, "count": count}).scalar()
    if last is None:
        raise NotFound(f"There is no workspace {workspace_id}.")
    return range(last - count + 1, last + 1)
