"""Operations on attachments: listing them, reading their content, and retrying failed ones."""

from collections.abc import Iterator

import msgspec

from everlake.attachments.paths import content_path
from everlake.catalog import attachments, batches, texts
from everlake.catalog.attachments import AttachmentRow
from everlake.catalog.database import Catalog
from everlake.contract.attachments import AttachmentStatus, Retried
from everlake.landing.attachments import register_attachments
from everlake.landing.errors import LandingDamaged
from everlake.operations.batches import get_batch
from everlake.operations.errors import (
    ArchiveUnreadable,
    ContentNotAvailable,
    ContentUnreadable,
    ResourceNotFound,
)
from everlake.operations.types import Page, cut_page, rows_to_read
from everlake.storage import ObjectMissing, ObjectStore, ObjectUnreadable

_MAX_ID_LENGTH = 128


class AttachmentContent(msgspec.Struct, frozen=True):
    """The stored content of an attachment.

    Attributes:
        attachment: whose content it is.
        path: the object's path in the storage.
        size: bytes.
        sha256: of the content, in hexadecimal digits.
    """

    attachment: AttachmentRow
    path: str
    size: int
    sha256: str


def list_batch_attachments(
    catalog: Catalog,
    workspace_id: str,
    batch_id: str,
    *,
    limit: int | None,
    after: tuple[int, int] | None = None,
    status: AttachmentStatus | None = None,
) -> Page[AttachmentRow]:
    """Return a page of a batch's attachments, in the order of its records.

    Args:
        limit: size of the page; None for all that follow.
        after: ``line`` and ``place`` of the last attachment of the page before.
        status: only attachments in this status.

    Raises:
        ResourceNotFound: the workspace has no such batch.
    """
    with catalog.snapshot() as tx:
        if batches.get(tx, workspace_id, batch_id) is None:
            raise ResourceNotFound("batch", batch_id)
        rows = attachments.page(tx, batch_id, limit=rows_to_read(limit), after=after, status=status)
    return cut_page(rows, limit)


def get_attachment(catalog: Catalog, workspace_id: str, attachment_id: str) -> AttachmentRow:
    """Return an attachment.

    Raises:
        ResourceNotFound: the workspace has no such attachment.
    """
    row = None
    # PostgreSQL refuses a text with NUL.
    if len(attachment_id) <= _MAX_ID_LENGTH and attachment_id.isprintable():
        with catalog.snapshot() as tx:
            row = attachments.get(tx, workspace_id, attachment_id)
    if row is None:
        raise ResourceNotFound("attachment", attachment_id)
    return row


def open_content(store: ObjectStore, attachment: AttachmentRow) -> AttachmentContent:
    """Return the stored content of an attachment, once its object is known to be there.

    Raises:
        ContentNotAvailable: it is not stored yet, or its download failed.
        ContentUnreadable: its object is missing or has another size.
        StorageError: the storage cannot be read now.
    """
    if (
        attachment.status is not AttachmentStatus.COMPLETE
        or attachment.sha256 is None
        or attachment.size is None
    ):
        raise ContentNotAvailable(attachment)
    path = content_path(attachment.workspace_id, attachment.sha256)
    try:
        stored = store.size(path)
    except (ObjectMissing, ObjectUnreadable) as error:
        raise ContentUnreadable(path, str(error)) from error
    if stored != attachment.size:
        reason = f"it has {stored} bytes and should have {attachment.size}"
        raise ContentUnreadable(path, reason)
    return AttachmentContent(attachment, path, attachment.size, attachment.sha256)


def read_content(
    store: ObjectStore, content: AttachmentContent, start: int, end: int, *, chunk_bytes: int
) -> Iterator[bytes]:
    """Yield the bytes ``start`` to before ``end`` of a content in chunks.

    Raises:
        StorageError: the content cannot be read, at the first or any later chunk.
    """
    return store.read(content.path, start, end, chunk_size=chunk_bytes)


def retry_batch_attachments(
    catalog: Catalog, store: ObjectStore, workspace_id: str, batch_id: str
) -> Retried:
    """Let a batch's failed attachments be fetched again, and its failed texts be extracted again.

    A batch that landed under a version without rows for attachments gets these rows first.
    Repeating the call changes nothing until something fails again.

    Raises:
        ResourceNotFound: the workspace has no such batch.
        ArchiveUnreadable: the batch's object, which names the attachments, is missing or damaged.
        StorageError: the storage cannot be read now.
    """
    batch = get_batch(catalog, workspace_id, batch_id)
    listed = 0
    if batch.attachment_total and batch.landed_at is not None:
        with catalog.autocommit() as tx:
            is_listed = bool(attachments.page(tx, batch.id, limit=1))
        if not is_listed:
            try:
                listed = register_attachments(catalog, store, [batch])
            except (LandingDamaged, ObjectMissing) as error:
                raise ArchiveUnreadable(batch.landing_path or "", str(error)) from error
    with catalog.transaction() as tx:
        now = catalog.now_ms()
        return Retried(
            retried=listed + attachments.retry_failed(tx, workspace_id, batch.id, now=now),
            texts_retried=texts.retry_failed(tx, workspace_id, batch.id, now=now),
        )
