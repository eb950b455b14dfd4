"""Workspaces, and the numbering of their batches."""

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from everlake.catalog.clock import now_ms
from everlake.catalog.errors import AlreadyExists, NotFound
from everlake.catalog.statements import insert_new, paginate_by_creation
from everlake.catalog.table_definitions import workspaces
from everlake.catalog.validation import validate_id, validate_name
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
    """A workspace.

    Attributes:
        created_at: Unix milliseconds.
        last_sequence: highest batch number given out; numbers start at 1.
    """

    id: str
    name: str
    created_at: int
    last_sequence: int


def create(tx: Connection, *, name: str, workspace_id: str | None = None) -> Workspace:
    """Create a workspace, with a generated id where none is given.

    Raises:
        ValueError: the id or the name is not valid.
        AlreadyExists: the id is taken.
    """
    row = Workspace(
        id=new_id("ws") if workspace_id is None else validate_id(workspace_id),
        name=validate_name(name),
        created_at=now_ms(tx),
        last_sequence=0,
    )
    if not insert_new(tx, workspaces, row):
        raise AlreadyExists(f"There is a workspace {row.id} already. Choose another id.")
    return row


def get(tx: Connection, workspace_id: str) -> Workspace | None:
    """Return the workspace with that id; None when there is none."""
    row = tx.execute(_BY_ID, {"id": workspace_id}).mappings().first()
    return None if row is None else Workspace(**row)


def first(tx: Connection) -> Workspace | None:
    """Return the oldest workspace; None when there is none."""
    return next(iter(page(tx, limit=1)), None)


def page(tx: Connection, *, limit: int | None, after: str | None = None) -> list[Workspace]:
    """Return workspaces by creation, oldest first.

    Args:
        limit: most workspaces; None for all.
        after: id of the last workspace of the page before.
    """
    statement = paginate_by_creation(select(workspaces), workspaces, limit=limit, after=after)
    return [Workspace(**row) for row in tx.execute(statement).mappings()]


def list_ids(tx: Connection) -> list[str]:
    """Return the ids of all workspaces, oldest first."""
    return list(tx.execute(select(_c.id).order_by(_c.created_at, _c.id)).scalars())


def next_sequences(tx: Connection, workspace_id: str, count: int) -> range:
    """Reserve the next ``count`` batch numbers of the workspace, without gaps.

    It locks the workspace's row until the transaction ends, which orders concurrent inserts.

    Raises:
        NotFound: there is no such workspace.
    """
    last = tx.execute(_NEXT_SEQUENCES, {"workspace": workspace_id, "count": count}).scalar()
    if last is None:
        raise NotFound(f"There is no workspace {workspace_id}.")
    return range(last - count + 1, last + 1)
