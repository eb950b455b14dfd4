"""Batches in their order of arrival: for what goes through all of a workspace."""

from collections.abc import Collection, Iterable, Iterator

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from everlake.batching import chunked
from everlake.catalog.batches import BatchRow
from everlake.catalog.database import Catalog
from everlake.catalog.statements import MAX_PARAMETERS
from everlake.catalog.table_definitions import batches
from everlake.contract.batches import BatchStatus

_c = batches.c
_PAGE_SIZE = 500
MAX_SEQUENCE = 2**63 - 1
"""No sequence is above it."""

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
    """Batches, their accepted records, and the bytes of these as lines."""

    batches: int
    records: int
    bytes: int


def page(
    tx: Connection, workspace_id: str, *, after: int, until: int = MAX_SEQUENCE
) -> list[BatchRow]:
    """The next batches whose sequence is above ``after`` and not above ``until``, by sequence."""
    parameters = {"workspace": workspace_id, "after": after, "until": until}
    return [BatchRow(**row) for row in tx.execute(_NEXT_PAGE, parameters).mappings()]


def _get_many(tx: Connection, workspace_id: str, sequences: Collection[int]) -> list[BatchRow]:
    """The batches with those sequences, by sequence: not more than are in a page."""
    statement = (
        select(batches)
        .where(_c.workspace_id == workspace_id, _c.sequence.in_(sequences))
        .order_by(_c.sequence)
    )
    return [BatchRow(**row) for row in tx.execute(statement).mappings()]


def scan(
    catalog: Catalog, workspace_id: str, *, after: int = 0, until: int = MAX_SEQUENCE
) -> Iterator[BatchRow]:
    """All that :func:`page` finds, each as it was some time before it is given.

    Raises:
        CatalogUnavailable: see :meth:`everlake.catalog.database.Catalog.read`.
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
    """As :func:`walk`, the batches with those sequences, in their order."""
    for chunk in chunked(sequences, MAX_PARAMETERS):
        with catalog.snapshot() as tx:
            rows = _get_many(tx, workspace_id, chunk)
        yield from rows


def totals(tx: Connection, workspace_id: str, *, landed: bool = False) -> BatchTotals:
    """What the workspace has, or only what of it is in the lake. Reads every batch of it."""
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
    """The ids of the batches in that status that a worker has claimed, now or before it died."""
    statement = select(_c.id).where(
        _c.workspace_id == workspace_id, _c.status == status, _c.lease_owner.is_not(None)
    )
    return set(tx.execute(statement).scalars())
