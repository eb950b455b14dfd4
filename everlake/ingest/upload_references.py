"""References from records to uploads."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import UNSET

from everlake.contract.envelope import Record
from everlake.contract.errors import RecordErrorCode

InvalidUploads = Mapping[str, RecordErrorCode]
"""Ids of uploads that records must not refer to, each with the error of such a record."""

UPLOAD_MESSAGES: Mapping[RecordErrorCode, str] = {
    RecordErrorCode.UNKNOWN_UPLOAD: (
        "is not an upload of this workspace: create one with POST /api/v1/uploads, send the file, "
        "and use the id from the response"
    ),
    RecordErrorCode.UPLOAD_INCOMPLETE: (
        "the file is incomplete: GET /api/v1/uploads/{id} shows what is missing; send that, and "
        "then the record again"
    ),
    RecordErrorCode.UPLOAD_EXPIRED: (
        "expired before a record referred to it: create another with POST /api/v1/uploads, and "
        "send the file again"
    ),
}


def upload_ids_of(record: Record) -> Iterator[str]:
    """Yield the ids of the uploads that a record refers to."""
    if record.attachments is not UNSET:
        for attachment in record.attachments:
            if attachment.upload_intent_id is not UNSET:
                yield attachment.upload_intent_id


def reference_uploads(records: Iterable[Record]) -> bool:
    """Return whether any of the records refers to an upload."""
    return any(True for record in records for _ in upload_ids_of(record))
