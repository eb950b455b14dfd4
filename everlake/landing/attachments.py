"""Attachments of landed records: reading them from the archive into the catalog."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from everlake.catalog import attachments
from everlake.catalog.attachments import NewAttachment
from everlake.catalog.database import Catalog
from everlake.contract.envelope import Attachment
from everlake.landing.accepted import LandedRecord
from everlake.landing.batch_objects import read_accepted
from everlake.landing.errors import LandingDamaged
from everlake.model.batches import BatchRow
from everlake.storage import ObjectStore


def register_attachments(catalog: Catalog, store: ObjectStore, group: Sequence[BatchRow]) -> int:
    """Insert a row for each attachment of these batches, and return how many they have.

    The call may be repeated. One batch is in memory at a time: its object is read again, because
    keeping all of them since their first read would take too much memory.

    Raises:
        ObjectMissing, LandingDamaged, StorageUnavailable: see :func:`read_accepted`.
        CatalogUnavailable: the rows cannot be written now.
    """
    count = 0
    for batch in group:
        if batch.attachment_total:
            rows = list(attachments_of(batch, read_accepted(store, batch), due_at=catalog.now_ms()))
            with catalog.transaction() as tx:
                attachments.insert(tx, rows)
            count += len(rows)
    return count


class _Envelope(msgspec.Struct):
    attachments: list[Attachment] | UnsetType = msgspec.field(name="_attachments", default=UNSET)


_decode = msgspec.json.Decoder(_Envelope).decode
_MAX_SIZE = 2**63 - 1
"""Largest number that a database can store; the envelope sets no limit."""


def attachments_of(
    batch: BatchRow, records: Sequence[LandedRecord], *, due_at: int
) -> Iterator[NewAttachment]:
    """Yield the attachments of a batch's records, by line and place.

    Args:
        batch: the batch.
        records: its accepted records, by line.
        due_at: when they may be fetched, in Unix milliseconds.

    Raises:
        LandingDamaged: an envelope is not what was written.
    """
    for line, record in enumerate(records):
        for place, attachment in enumerate(_decode_attachments(record)):
            upload = _database_text(attachment.upload_intent_id)
            url = None if upload else _database_text(attachment.vendor_url)
            yield NewAttachment(
                id=f"{batch.id}-{line}-{place}",
                workspace_id=batch.workspace_id,
                batch_id=batch.id,
                line=line,
                place=place,
                record_id=record.record_id,
                kind=attachment.type,
                filename=_database_text(attachment.filename),
                stated_size=None if attachment.size is UNSET else min(attachment.size, _MAX_SIZE),
                stated_type=_database_text(attachment.mime_type),
                sha1=_database_text(attachment.sha1),
                md5=_database_text(attachment.md5),
                url=url,
                upload_id=upload,
                host="" if url is None else _host_from_url(url),
                due_at=due_at,
            )


def _decode_attachments(record: LandedRecord) -> list[Attachment]:
    if b'"_attachments"' not in record.envelope:
        return []
    try:
        found = _decode(record.envelope).attachments
    except msgspec.DecodeError as error:
        raise LandingDamaged(f"the attachments of a record cannot be read ({error})") from error
    return [] if found is UNSET else found


def _database_text(value: str | UnsetType) -> str | None:
    """Return ``value`` without NUL, which PostgreSQL cannot store; None for an empty value."""
    return value.replace("\0", "\ufffd") if value else None


def _host_from_url(url: str) -> str:
    """Return the host of a URL; empty where it is malformed, which makes its download fail."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
