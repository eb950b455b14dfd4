"""What the records of the archive carry as attachments."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from everlake.catalog.attachments import NewAttachment
from everlake.catalog.batches import BatchRow
from everlake.contract.envelope import Attachment
from everlake.landing.lines import LandedRecord, LandingDamaged


class _Envelope(msgspec.Struct):
    attachments: list[Attachment] | UnsetType = msgspec.field(name="_attachments", default=UNSET)


_decode = msgspec.json.Decoder(_Envelope).decode
_MOST_SIZE = 2**63 - 1
"""What a database can have; the envelope sets no bound, and no file is as large."""


def attached(
    batch: BatchRow, records: Sequence[LandedRecord], *, due_at: int
) -> Iterator[NewAttachment]:
    """The attachments of a batch's records, by line and place.

    Args:
        due_at: when they may be fetched, in Unix milliseconds.

    Raises:
        LandingDamaged: an envelope is not what was written.
    """
    for line, record in enumerate(records):
        for place, one in enumerate(_of(record)):
            upload = _text(one.upload_intent_id)
            url = None if upload else _text(one.vendor_url)
            yield NewAttachment(
                id=f"{batch.id}-{line}-{place}",
                workspace_id=batch.workspace_id,
                batch_id=batch.id,
                line=line,
                place=place,
                record_id=record.record_id,
                kind=one.type,
                filename=_text(one.filename),
                stated_size=None if one.size is UNSET else min(one.size, _MOST_SIZE),
                stated_type=_text(one.mime_type),
                sha1=_text(one.sha1),
                md5=_text(one.md5),
                url=url,
                upload_id=upload,
                host="" if url is None else _host(url),
                due_at=due_at,
            )


def _of(record: LandedRecord) -> list[Attachment]:
    if b'"_attachments"' not in record.envelope:
        return []
    try:
        found = _decode(record.envelope).attachments
    except msgspec.DecodeError as error:
        raise LandingDamaged(f"the attachments of a record cannot be read ({error})") from error
    return [] if found is UNSET else found


def _text(value: str | UnsetType) -> str | None:
    """``value`` as a database can have it; None where it is empty or left out."""
    return value.replace("\0", "\ufffd") if value else None


def _host(url: str) -> str:
    """Whose turn it is; a URL that is no good is told so by whoever fetches it."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
