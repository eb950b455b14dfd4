"""Attachments of batches in a catalog of a test's own."""

from typing import Any

from everlake.catalog import attachments, batch_queue, download_queue
from everlake.catalog.attachments import AttachmentRow, NewAttachment
from everlake.catalog.download_queue import (
    ClaimTurns,
    CompletedDownload,
    FailedDownload,
    OutcomeCounts,
)
from everlake.clock import now_ms
from everlake.contract.batches import BatchStatus
from tests.support.catalog_fixture import CatalogFixture

NOW = now_ms() + 3_600_000
"""Later than the creation of everything here."""

LEASE = 1_000


def insert_batch(
    home: CatalogFixture, count: int = 1, host: str = "files.example", **changes: Any
) -> str:
    """The id of a new batch with so many attachments that come from ``host``."""
    [batch_id] = home.insert(attachment_total=count)
    insert_attachments(home, batch_id, [host] * count, **changes)
    return batch_id


def insert_attachments(
    home: CatalogFixture, batch_id: str, hosts: list[str], **changes: Any
) -> None:
    rows = [_row(home, batch_id, line, host, **changes) for line, host in enumerate(hosts)]
    with home.catalog.transaction() as tx:
        attachments.insert(tx, rows)


def _row(
    home: CatalogFixture, batch_id: str, line: int, host: str, **changes: Any
) -> NewAttachment:
    values: dict[str, Any] = {
        "id": f"{batch_id}-{line}-0",
        "workspace_id": home.workspace_id,
        "batch_id": batch_id,
        "line": line,
        "place": 0,
        "record_id": f"{line:032x}",
        "kind": "file",
        "filename": "report.pdf",
        "url": f"https://{host}/{line}",
        "host": host,
        "due_at": NOW - 10_000 + line,
    }
    return NewAttachment(**{**values, **changes})


def rows_of(home: CatalogFixture, batch_id: str) -> list[AttachmentRow]:
    with home.catalog.snapshot() as tx:
        return attachments.page(tx, batch_id, limit=1_000)


def claim(home: CatalogFixture, owner: str = "a", **changes: Any) -> list[AttachmentRow]:
    values: dict[str, Any] = {
        "now": NOW,
        "lease_ms": LEASE,
        "limit": 100,
        "host_limit": 100,
        "turns": ClaimTurns(),
    }
    with home.catalog.transaction() as tx:
        return download_queue.claim(tx, owner=owner, **{**values, **changes})


def completed_download(row: AttachmentRow, **changes: Any) -> CompletedDownload:
    values: dict[str, Any] = {
        "id": row.id,
        "workspace_id": row.workspace_id,
        "batch_id": row.batch_id,
        "size": 12,
        "mime_type": "application/pdf",
        "sha256": "ab" * 32,
        "is_extractable": True,
    }
    return CompletedDownload(**{**values, **changes})


def failed_download(row: AttachmentRow, **changes: Any) -> FailedDownload:
    values: dict[str, Any] = {
        "id": row.id,
        "batch_id": row.batch_id,
        "code": "HTTP_STATUS",
        "message": "files.example answered 404.",
    }
    return FailedDownload(**{**values, **changes})


def record_outcomes(
    home: CatalogFixture,
    *outcomes: CompletedDownload | FailedDownload,
    owner: str = "a",
    now: int = NOW,
) -> OutcomeCounts:
    with home.catalog.transaction() as tx:
        return download_queue.record_outcomes(
            tx,
            owner=owner,
            now=now,
            completed=[one for one in outcomes if isinstance(one, CompletedDownload)],
            failed=[one for one in outcomes if isinstance(one, FailedDownload)],
        )


def complete_batches(home: CatalogFixture, *batch_ids: str) -> None:
    """Let the batches be analysed."""
    for batch_id in batch_ids:
        for to in (BatchStatus.LANDED, BatchStatus.COMPLETE):
            with home.catalog.transaction() as tx:
                status = BatchStatus.LANDING if to is BatchStatus.LANDED else BatchStatus.LANDED
                batch_queue.claim(
                    tx,
                    status=status,
                    owner="batches",
                    now=NOW,
                    lease_ms=LEASE,
                    max_batches=1_000,
                    max_records=1_000_000,
                    max_bytes=1 << 40,
                )
                assert batch_queue.advance(tx, [batch_id], owner="batches", to=to, now=NOW)
