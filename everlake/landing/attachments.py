"""What the records of the archive carry as attachments: from there to the catalog."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from everlake.catalog import attachments
from everlake.catalog.attachments import NewAttachment
from everlake.catalog.batches import BatchRow
from everlake.catalog.database import Catalog
from everlake.contract.attachments import Retried
from everlake.contract.envelope import Attachment
from everlake.landing.batch_objects import read_accepted
from everlake.landing.lines import LandedRecord, LandingDamaged
from everlake.storage import ObjectStore


def register_attachments(catalog: Catalog, store: ObjectStore, group: Sequence[BatchRow]) -> int:
    """Give each attachment of these batches its row; how many they have. May be done again.

    A batch at a time, however many there are. Its object is read again for that, which is less
    than to hold all of them from the first time on.

    Raises:
        ObjectMissing, LandingDamaged, StorageUnavailable: see :func:`read_accepted`.
        CatalogUnavailable
    """
    count = 0
    for batch in group:
        if batch.attachment_total:
            rows = list(attachments_of(batch, read_accepted(store, batch), due_at=catalog.now_ms()))
            with catalog.transaction() as tx:
                attachments.insert(tx, rows)
            count += len(rows)
    return count


def retry_attachments(catalog: Catalog, store: ObjectStore, batch: BatchRow) -> Retried:
    """Let what failed of a batch's attachments and their texts be tried again.

    Those of a batch that landed before there were lists of them are listed now.

    Raises:
        As :func:`list_attachments`.
    """
    listed = 0
    if batch.attachment_total and batch.landed_at is not None:
        with catalog.autocommit() as tx:
            is_listed = bool(attachments.page(tx, batch.id, limit=1))
        if not is_listed:
            listed = register_attachments(catalog, store, [batch])
    with catalog.transaction() as tx:
        now = catalog.now_ms()
        return Retried(
            retried=listed + attachments.retry_failed(tx, batch.workspace_id, batch.id, now=now),
            texts_retried=attachments.retry_texts(tx, batch.workspace_id, batch.id, now=now),
        )


class _Envelope(msgspec.Struct):
    attachments: list[Attachment] | UnsetType = msgspec.field(name="_attachments", default=UNSET)


_decode = msgspec.json.Decoder(_Envelope).decode
_MAX_SIZE = 2**63 - 1
"""What a database can have; the envelope sets no bound, and no file is as large."""


def attachments_of(
    batch: BatchRow, records: Sequence[LandedRecord], *, due_at: int
) -> Iterator[NewAttachment]:
    """The attachments of a batch's records, by line and place.

    Args:
        due_at: when they may be fetched, in Unix milliseconds.

    Raises:
        LandingDamaged: an envelope is not what was written.
    """
    for line, record in enumerate(records):
        for place, one in enumerate(_decode_attachments(record)):
            upload = _database_text(one.upload_intent_id)
            url = None if upload else _database_text(one.vendor_url)
            yield NewAttachment(
                id=f"{batch.id}-{line}-{place}",
                workspace_id=batch.workspace_id,
                batch_id=batch.id,
                line=line,
                place=place,
                record_id=record.record_id,
                kind=one.type,
                filename=_database_text(one.filename),
                stated_size=None if one.size is UNSET else min(one.size, _MAX_SIZE),
                stated_type=_database_text(one.mime_type),
                sha1=_database_text(one.sha1),
                md5=_database_text(one.md5),
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
    """``value`` as a database can have it; None where it is empty or left out."""
    return value.replace("\0", "\ufffd") if value else None


def _host_from_url(url: str) -> str:
    """Whose turn it is; a URL that is no good is told so by whoever fetches it."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
