"""Outcomes of downloads, and what the catalog and the storage get of them."""

from collections.abc import Sequence

import msgspec

from everlake.attachments.errors import FetchError
from everlake.attachments.extraction.formats import is_extractable
from everlake.attachments.paths import content_path
from everlake.attachments.types import SpooledContent
from everlake.catalog import uploads
from everlake.catalog.attachments import AttachmentRow
from everlake.catalog.database import Connection
from everlake.catalog.download_queue import CompletedDownload
from everlake.catalog.uploads import UploadRow
from everlake.storage import Content
from everlake.worker.attachments.content_source import KnownContent


class DownloadOutcome(msgspec.Struct, frozen=True):
    """How one attempt at an attachment ended.

    Attributes:
        row: the attachment.
        result: its content, or the error; one that is not a ``FetchError`` is this side's.
        seconds: how long the attempt took.
    """

    row: AttachmentRow
    result: SpooledContent | KnownContent | FetchError | Exception
    seconds: float


def content_entry(row: AttachmentRow, fetched: SpooledContent) -> tuple[str, Content]:
    """Return the path of the content in the storage, and the content."""
    return content_path(row.workspace_id, fetched.sha256), fetched.content


def has_content(one: DownloadOutcome) -> bool:
    """Return whether the attempt ended with content."""
    return isinstance(one.result, SpooledContent | KnownContent)


def completed_download(
    row: AttachmentRow, content: SpooledContent | KnownContent
) -> CompletedDownload:
    """Return the outcome as the catalog records it."""
    return CompletedDownload(
        id=row.id,
        workspace_id=row.workspace_id,
        batch_id=row.batch_id,
        size=content.size,
        mime_type=content.mime_type,
        sha256=content.sha256,
        is_extractable=is_extractable(content.mime_type, row.filename),
    )


def record_uploads(tx: Connection, outcomes: Sequence[DownloadOutcome]) -> list[UploadRow]:
    """Note which uploads are stored as content now, and return them: their objects can go."""
    stored: list[UploadRow] = []
    for one in outcomes:
        row, content = one.row, one.result
        if not isinstance(content, SpooledContent) or row.upload_id is None:
            continue
        uploads.record_content(
            tx,
            row.workspace_id,
            row.upload_id,
            sha256=content.sha256,
            mime_type=content.mime_type,
        )
        if (upload := uploads.get(tx, row.workspace_id, row.upload_id)) is not None:
            stored.append(upload)
    return stored
