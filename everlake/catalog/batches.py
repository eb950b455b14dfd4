"""Batches: what was accepted, and its progress.

Leases and status changes are in :mod:`everlake.catalog.batch_queue`.
"""

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
    """A new batch: ``LANDING``, or ``FAILED`` when every record was rejected.

    Attributes:
        created_at: Unix milliseconds.
        accepted: number of accepted records.
        rejected: number of rejected records.
        errors: the first 20 of ``total_errors``.
        landing_bytes: size of the accepted records as lines, before compression.
        failure: why the batch failed.
        traceparent: span of its request, when that is traced (W3C Trace Context).
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
"""Columns of a new batch, without its number."""


class BatchRow(NewBatch, frozen=True, kw_only=True):
    """A stored batch. Times are Unix milliseconds.

    Attributes:
        sequence: number of the batch in its workspace, from 1.
        rejected_path: object of the rejected records; None also when it was deleted.
        attachment_begun_at: when the download of its first attachment began.
        due_at: when it may be claimed: the end of its lease while ``lease_owner`` holds it, else
            the time of its next attempt.
        attempts: failed attempts since its last change of status.
        failure: why the last attempt failed.
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
        """Whether it had rejected records whose object was deleted."""
        return bool(self.rejected) and self.rejected_path is None

    @property
    def is_settled(self) -> bool:
        """See :attr:`everlake.contract.batches.Batch.is_settled`."""
        return self.view().is_settled

    def view(self) -> Batch:
        """Return the batch as the API shows it (contract, A batch)."""
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
    """Insert new batches, each with its number from :func:`workspaces.next_sequences`."""
    if rows:
        tx.execute(
            batches.insert(),
            [{**insert_values(batch), "sequence": number} for batch, number in rows],
        )


def insert_values(batch: NewBatch) -> dict[str, Any]:
    """Return the values of :data:`INSERTED_COLUMNS`."""
    return {
        **msgspec.structs.asdict(batch),
        "errors": batch.errors[:MAX_ERRORS_SHOWN],
        "attachment_complete": 0,
        "attachment_failed": 0,
        "due_at": batch.created_at,
        "attempts": 0,
    }


def get(tx: Connection, workspace_id: str, batch_id: str) -> BatchRow | None:
    """Return the workspace's batch with that id; None when there is none."""
    row = tx.execute(_GET, {"workspace": workspace_id, "batch": batch_id}).mappings().first()
    return None if row is None else BatchRow(**row)


def get_many(tx: Connection, ids: Iterable[str]) -> dict[str, BatchRow]:
    """Return the batches with those ids, of any workspace; unknown ids are left out."""
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
    """Return batches by creation, newest first.

    Args:
        limit: most batches.
        before: id of the last batch of the page before.
        status: only batches in this status.
        type: only batches of this record type.
        source: only batches of this source.
    """
    filters = {"status": status, "type": type, "source": source}
    set_filters = {name: value for name, value in filters.items() if value is not None}
    parameters: dict[str, Any] = {"workspace": workspace_id, "most": limit, **set_filters}
    if before is not None:
        parameters["before"] = before
    statement = _page_statement(tuple(set_filters), from_newest=before is None)
    return [BatchRow(**row) for row in tx.execute(statement, parameters).mappings()]


def find_existing_ids(tx: Connection, ids: Iterable[str]) -> set[str]:
    """Return those of ``ids`` that are batches, of any workspace."""
    found: set[str] = set()
    for chunk in chunked(ids, MAX_PARAMETERS):
        found.update(tx.execute(select(_c.id).where(_c.id.in_(chunk))).scalars())
    return found


def list_rejected_paths(
    tx: Connection, *, after: str, created_before: int, limit: int
) -> list[tuple[str, str | None]]:
    """Return batches of all workspaces by id, with the paths of their rejected records.

    Args:
        after: an id; batches up to it are left out.
        created_before: Unix milliseconds; younger batches are left out.
        limit: most batches.
    """
    statement = (
        select(_c.id, _c.rejected_path)
        .where(_c.id > after, _c.id < first_id_at(created_before))
        .order_by(_c.id)
        .limit(limit)
    )
    return [(batch_id, path) for batch_id, path in tx.execute(statement)]


def clear_rejected_paths(tx: Connection, ids: Iterable[str]) -> None:
    """Record that the rejected records of these batches were deleted."""
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
