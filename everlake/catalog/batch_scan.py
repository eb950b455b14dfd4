"""Batches of a workspace by sequence, for operations on all of them."""

from collections.abc import Collection, Iterable, Iterator

import msgspec
from sqlalchemy import Connection, bindparam, exists, func, select

from everlake.batching import chunked
from everlake.catalog.database import Catalog
from everlake.catalog.statements import MAX_PARAMETERS
from everlake.catalog.table_definitions import batches, workspaces
from everlake.contract.batches import BatchStatus
from everlake.model.batches import BatchRow

_c = batches.c
_PAGE_SIZE = 500
MAX_SEQUENCE = 2**63 - 1
"""Largest possible sequence."""

_NEXT_PAGE = (
    select(batches)
    .where(
        _c.workspace_id == bindparam("workspace"),
        _c.sequence > bindparam("after"),
        _c.sequence <= bindparam("until"),
    )
    .order_by(_c.sequence)
    .limit(_PAGE_SIZE)
)


class BatchTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Number of batches, of their accepted records, and the bytes of these as lines."""

    batches: int
    records: int
    bytes: int


def has_accepted(tx: Connection, workspace_id: str, statuses: Collection[BatchStatus]) -> bool:
    """Return whether the workspace has a batch with accepted records in one of these statuses."""
    statement = select(_c.id).where(
        _c.workspace_id == workspace_id, _c.status.in_(statuses), _c.accepted > 0
    )
    return tx.execute(statement.limit(1)).first() is not None


def workspaces_with_accepted(
    tx: Connection, statuses: Collection[BatchStatus], *, limit: int | None = None
) -> list[str]:
    """Return workspaces that have a batch with accepted records in one of these statuses.

    Args:
        statuses: of batches.
        limit: most workspaces; None for all.
    """
    found = exists().where(
        _c.workspace_id == workspaces.c.id, _c.status.in_(statuses), _c.accepted > 0
    )
    statement = select(workspaces.c.id).where(found).order_by(workspaces.c.id).limit(limit)
    return list(tx.execute(statement).scalars())


def page(
    tx: Connection, workspace_id: str, *, after: int, until: int = MAX_SEQUENCE
) -> list[BatchRow]:
    """Return the next batches with ``after`` < sequence <= ``until``, by sequence."""
    parameters = {"workspace": workspace_id, "after": after, "until": until}
    return [BatchRow(**row) for row in tx.execute(_NEXT_PAGE, parameters).mappings()]


def _get_many(tx: Connection, workspace_id: str, sequences: Collection[int]) -> list[BatchRow]:
    """Return the batches with those sequences, of which there are at most a page, by sequence."""
    statement = (
        select(batches)
        .where(_c.workspace_id == workspace_id, _c.sequence.in_(sequences))
        .order_by(_c.sequence)
    )
    return [BatchRow(**row) for row in tx.execute(statement).mappings()]


def scan(
    catalog: Catalog, workspace_id: str, *, after: int = 0, until: int = MAX_SEQUENCE
) -> Iterator[BatchRow]:
    """Yield the batches with ``after`` < sequence <= ``until``, by sequence.

    Each page is a snapshot of its own, so a batch may have changed before it is yielded.

    Raises:
        CatalogUnavailable: see :meth:`everlake.catalog.database.Catalog.snapshot`.
    """
    while True:
        with catalog.snapshot() as tx:
            rows = page(tx, workspace_id, after=after, until=until)
        if not rows:
            return
        yield from rows
        after = rows[-1].sequence


def scan_sequences(
    catalog: Catalog, workspace_id: str, sequences: Iterable[int]
) -> Iterator[BatchRow]:
    """Yield the batches with those sequences, which are ascending. See :func:`scan`."""
    for chunk in chunked(sequences, MAX_PARAMETERS):
        with catalog.snapshot() as tx:
            rows = _get_many(tx, workspace_id, chunk)
        yield from rows


def totals(tx: Connection, workspace_id: str, *, landed: bool = False) -> BatchTotals:
    """Return the totals of a workspace, which reads all of its batches.

    Args:
        landed: count only batches whose records are in the lake.
    """
    statement = select(
        func.count(),
        func.coalesce(func.sum(_c.accepted), 0),
        func.coalesce(func.sum(_c.landing_bytes), 0),
    ).where(_c.workspace_id == workspace_id)
    if landed:
        statement = statement.where(_c.landed_at.is_not(None))
    count, records, size = tx.execute(statement).one()
    return BatchTotals(batches=count, records=int(records), bytes=int(size))


def find_claimed_ids(tx: Connection, workspace_id: str, status: BatchStatus) -> set[str]:
    """Return the ids of the batches in that status with a lease, which may have expired."""
    statement = select(_c.id).where(
        _c.workspace_id == workspace_id, _c.status == status, _c.lease_owner.is_not(None)
    )
    return set(tx.execute(statement).scalars())
