"""Batches: what was accepted, and how far it is. Who works on it stands in :mod:`queue`."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import Connection, Select, bindparam, select, update

from everlake.batching import chunked
from everlake.catalog.statements import MAX_PARAMETERS
from everlake.catalog.table_definitions import batches
from everlake.contract.batches import Batch, BatchStatus, DownloadStatus, PayloadFormat
from everlake.contract.errors import RecordError
from everlake.contract.ids import first_id_at
from everlake.contract.limits import MAX_ERRORS_SHOWN

_c = batches.c
_GET = select(batches).where(_c.workspace_id == bindparam("workspace"), _c.id == bindparam("batch"))


class NewBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it is admitted: ``LANDING``, or ``FAILED`` when every record was refused.

    ``errors`` are the first 20 of ``total_errors``; ``failure`` says why a batch failed;
    ``landing_bytes`` is the size of the accepted records as lines, before compression;
    ``traceparent`` names its request's span where that is traced.
    """

    id: str
    workspace_id: str
    status: BatchStatus
    created_at: int
    key_id: str
    source: str
    type: str | None = None
    product_id: str | None = None
    payload_format: PayloadFormat | None = None
    accepted: int
    rejected: int
    total_errors: int
    errors: Sequence[RecordError] = ()
    landing_path: str | None = None
    landing_bytes: int = 0
    rejected_path: str | None = None
    attachment_total: int = 0
    failure: str | None = None
    traceparent: str | None = None


INSERTED_COLUMNS = (
    *NewBatch.__struct_fields__,
    *("attachment_complete", "attachment_failed", "due_at", "attempts"),
)
"""The columns of a new batch, its number aside."""


class BatchRow(NewBatch, frozen=True, kw_only=True):
    """A batch as it is stored.

    Where records were ``rejected`` and there is no ``rejected_path``, they are kept no more.
    ``attachment_begun_at`` is when the first of its attachments was taken up. ``due_at`` is when
    it may be claimed next: the end of its lease while ``lease_owner`` holds
    it, else the time of its next attempt. ``attempts`` counts the claims that failed since it
    last moved forward, and ``failure`` says why the last one did.
    """

    sequence: int
    attachment_complete: int
    attachment_failed: int
    attachment_begun_at: int | None = None
    lease_owner: str | None
    due_at: int
    attempts: int
    landed_at: int | None
    completed_at: int | None

    @property
    def rejected_records_deleted(self) -> bool:
        """Whether it has refused records that are kept no more."""
        return bool(self.rejected) and self.rejected_path is None

    @property
    def is_settled(self) -> bool:
        """See :attr:`everlake.contract.batches.Batch.is_settled`."""
        return self.view().is_settled

    def view(self) -> Batch:
        """The batch as its owner sees it (contract, A batch)."""
        batch = Batch(
            batchId=self.id,
            status=self.status,
            createdAt=self.created_at,
            acceptedCount=self.accepted,
            rejectedCount=self.rejected,
            totalErrorCount=self.total_errors,
            errors=list(self.errors) if self.errors else UNSET,
            source=self.source,
            type=UNSET if self.type is None else self.type,
        )
        if self.attachment_total:
            batch.attachmentDownloadTotal = self.attachment_total
            batch.attachmentDownloadComplete = self.attachment_complete
            batch.attachmentDownloadFailed = self.attachment_failed
            batch.attachmentDownloadStatus = self._download_status()
        return batch

    def _download_status(self) -> DownloadStatus:
        if self.attachment_complete + self.attachment_failed < self.attachment_total:
            settled = self.attachment_complete or self.attachment_failed
            begun = settled or self.attachment_begun_at is not None
            return DownloadStatus.IN_PROGRESS if begun else DownloadStatus.PENDING
        if not self.attachment_failed:
            return DownloadStatus.COMPLETE
        return DownloadStatus.PARTIAL_FAILURE if self.attachment_complete else DownloadStatus.FAILED


def insert(tx: Connection, rows: Sequence[tuple[NewBatch, int]]) -> None:
    """Store new batches, each with its number from :func:`workspaces.next_sequences`."""
    if rows:
        tx.execute(
            batches.insert(),
            [{**insert_values(batch), "sequence": number} for batch, number in rows],
        )


def insert_values(batch: NewBatch) -> dict[str, Any]:
    """What goes into the columns of :data:`STORED`."""
    return {
        **msgspec.structs.asdict(batch),
        "errors": batch.errors[:MAX_ERRORS_SHOWN],
        "attachment_complete": 0,
        "attachment_failed": 0,
        "due_at": batch.created_at,
        "attempts": 0,
    }


def get(tx: Connection, workspace_id: str, batch_id: str) -> BatchRow | None:
    """The workspace's batch with that id."""
    row = tx.execute(_GET, {"workspace": workspace_id, "batch": batch_id}).mappings().first()
    return None if row is None else BatchRow(**row)


def get_many(tx: Connection, ids: Iterable[str]) -> dict[str, BatchRow]:
    """The batches with those ids, of any workspace; an id that no batch has is left out."""
    found: dict[str, BatchRow] = {}
    for chunk in chunked(ids, MAX_PARAMETERS):
        rows = tx.execute(select(batches).where(_c.id.in_(chunk))).mappings()
        found.update((row["id"], BatchRow(**row)) for row in rows)
    return found


def page(
    tx: Connection,
    workspace_id: str,
    *,
    limit: int,
    before: str | None = None,
    status: BatchStatus | None = None,
    type: str | None = None,  # noqa: A002 - the contract's name of the filter
    source: str | None = None,
) -> list[BatchRow]:
    """Batches by creation, newest first; ``before`` is the id of the last one seen."""
    filters = {"status": status, "type": type, "source": source}
    given = {name: value for name, value in filters.items() if value is not None}
    parameters: dict[str, Any] = {"workspace": workspace_id, "most": limit, **given}
    if before is not None:
        parameters["before"] = before
    statement = _page_statement(tuple(given), from_newest=before is None)
    return [BatchRow(**row) for row in tx.execute(statement, parameters).mappings()]


def find_existing_ids(tx: Connection, ids: Iterable[str]) -> set[str]:
    """Which of ``ids`` are batches, of any workspace."""
    found: set[str] = set()
    for chunk in chunked(ids, MAX_PARAMETERS):
        found.update(tx.execute(select(_c.id).where(_c.id.in_(chunk))).scalars())
    return found


def list_rejected_paths(
    tx: Connection, *, after: str, created_before: int, limit: int
) -> list[tuple[str, str | None]]:
    """Batches of all workspaces by id, and where the refused records of each lie.

    Args:
        after: an id; batches up to it are left out.
        created_before: Unix milliseconds; younger batches are left out.
    """
    statement = (
        select(_c.id, _c.rejected_path)
        .where(_c.id > after, _c.id < first_id_at(created_before))
        .order_by(_c.id)
        .limit(limit)
    )
    return [(batch_id, path) for batch_id, path in tx.execute(statement)]


def clear_rejected_paths(tx: Connection, ids: Iterable[str]) -> None:
    """Note that the refused records of these batches are kept no more."""
    for chunk in chunked(ids, MAX_PARAMETERS):
        tx.execute(update(batches).where(_c.id.in_(chunk)).values(rejected_path=None))


@cache
def _page_statement(filters: tuple[str, ...], *, from_newest: bool) -> Select[Any]:
    statement = select(batches).where(_c.workspace_id == bindparam("workspace"))
    for name in filters:
        statement = statement.where(_c[name] == bindparam(name))
    if not from_newest:
        statement = statement.where(_c.id < bindparam("before"))
    return statement.order_by(_c.id.desc()).limit(bindparam("most"))
