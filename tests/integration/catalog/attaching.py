"""Attachments of batches in a catalog of a test's own."""

from typing import Any

from everlake.catalog import attachments, downloads, queue
from everlake.catalog.attachments import AttachmentRow, NewAttachment
from everlake.catalog.downloads import Failed, Settled, Stored
from everlake.contract.batch import BatchStatus
from tests.integration.catalog.home import Home, now_ms

NOW = now_ms() + 3_600_000
"""Later than the creation of everything here."""

LEASE = 1_000


def attach(home: Home, count: int = 1, host: str = "files.example", **changes: Any) -> str:
    """The id of a new batch with so many attachments that come from ``host``."""
    [batch_id] = home.insert(attachment_total=count)
    add(home, batch_id, [host] * count, **changes)
    return batch_id


def add(home: Home, batch_id: str, hosts: list[str], **changes: Any) -> None:
    rows = [_row(home, batch_id, line, host, **changes) for line, host in enumerate(hosts)]
    with home.catalog.write() as tx:
        attachments.insert(tx, rows)


def _row(home: Home, batch_id: str, line: int, host: str, **changes: Any) -> NewAttachment:
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


def rows_of(home: Home, batch_id: str) -> list[AttachmentRow]:
    with home.catalog.read() as tx:
        return attachments.page(tx, batch_id, limit=1_000)


def claim(home: Home, owner: str = "a", **changes: Any) -> list[AttachmentRow]:
    values: dict[str, Any] = {
        "now": NOW,
        "lease_ms": LEASE,
        "most": 100,
        "most_per_host": 100,
    }
    with home.catalog.write() as tx:
        return downloads.claim(tx, owner=owner, **{**values, **changes})


def stored(row: AttachmentRow, **changes: Any) -> Stored:
    values: dict[str, Any] = {
        "id": row.id,
        "batch_id": row.batch_id,
        "size": 12,
        "mime_type": "application/pdf",
        "sha256": "ab" * 32,
        "readable": True,
    }
    return Stored(**{**values, **changes})


def failed(row: AttachmentRow, **changes: Any) -> Failed:
    values: dict[str, Any] = {
        "id": row.id,
        "batch_id": row.batch_id,
        "code": "HTTP_STATUS",
        "message": "files.example answered 404.",
    }
    return Failed(**{**values, **changes})


def settle(home: Home, *outcomes: Stored | Failed, owner: str = "a", now: int = NOW) -> Settled:
    with home.catalog.write() as tx:
        return downloads.settle(
            tx,
            owner=owner,
            now=now,
            stored=[one for one in outcomes if isinstance(one, Stored)],
            failed=[one for one in outcomes if isinstance(one, Failed)],
        )


def complete(home: Home, *batch_ids: str) -> None:
    """Let the batches be analysed."""
    for batch_id in batch_ids:
        for to in (BatchStatus.LANDED, BatchStatus.COMPLETE):
            with home.catalog.write() as tx:
                status = BatchStatus.LANDING if to is BatchStatus.LANDED else BatchStatus.LANDED
                queue.claim(
                    tx,
                    status=status,
                    owner="batches",
                    now=NOW,
                    lease_ms=LEASE,
                    max_batches=1_000,
                    max_records=1_000_000,
                    max_bytes=1 << 40,
                )
                assert queue.advance(tx, [batch_id], owner="batches", to=to, now=NOW)
