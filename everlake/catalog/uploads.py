"""Uploads: what was announced, whether all of it has come, and whether a record names it."""

from collections.abc import Collection, Iterable

import msgspec
from sqlalchemy import Connection, bindparam, delete, exists, select, update

from everlake.catalog.attachments import AttachmentStatus
from everlake.catalog.statements import chunked
from everlake.catalog.table_definitions import attachments, uploads

_c = uploads.c
_GET = select(uploads).where(
    _c.workspace_id == bindparam("workspace"), _c.id == bindparam("upload")
)


class NewUpload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload as it is announced. Times are Unix milliseconds, sizes bytes.

    It may come in one piece, or in parts of ``part_size`` of which the last may be shorter.
    ``sha256`` is what its content must have, in lower-case hexadecimal digits.
    """

    id: str
    workspace_id: str
    key_id: str
    created_at: int
    expires_at: int
    filename: str | None = None
    size: int
    mime_type: str | None = None
    sha256: str | None = None
    part_size: int


class UploadRow(NewUpload, frozen=True, kw_only=True):
    """An upload as it is stored.

    ``completed_at`` is when all of it was found to have come, ``used_at`` when a record first
    named it: from then on it is kept. ``content_sha256`` and ``content_type`` are there once its
    content lies among the attachments; what was uploaded may then be gone.
    """

    completed_at: int | None
    used_at: int | None
    content_sha256: str | None
    content_type: str | None


def insert(tx: Connection, upload: NewUpload) -> None:
    """Store a new upload."""
    tx.execute(uploads.insert(), msgspec.structs.asdict(upload))


def get(tx: Connection, workspace_id: str, upload_id: str) -> UploadRow | None:
    """The workspace's upload with that id."""
    given = {"workspace": workspace_id, "upload": upload_id}
    row = tx.execute(_GET, given).mappings().first()
    return None if row is None else UploadRow(**row)


def get_many(tx: Connection, workspace_id: str, ids: Iterable[str]) -> dict[str, UploadRow]:
    """Those of the workspace's uploads with these ids that there are."""
    found: dict[str, UploadRow] = {}
    for chunk in chunked(ids):
        statement = select(uploads).where(_c.workspace_id == workspace_id, _c.id.in_(chunk))
        rows = tx.execute(statement).mappings()
        found.update((row["id"], UploadRow(**row)) for row in rows)
    return found


def mark_complete(tx: Connection, workspace_id: str, upload_id: str, *, now: int) -> None:
    """Note that all of it has come."""
    statement = update(uploads).where(_c.workspace_id == workspace_id, _c.id == upload_id)
    tx.execute(statement.where(_c.completed_at.is_(None)).values(completed_at=now))


def mark_used(tx: Connection, workspace_id: str, ids: Collection[str], *, now: int) -> set[str]:
    """Note that records name these; which of them are there. They are kept from then on."""
    used: set[str] = set()
    for chunk in chunked(sorted(ids)):
        ours = (_c.workspace_id == workspace_id, _c.id.in_(chunk))
        tx.execute(update(uploads).where(*ours, _c.used_at.is_(None)).values(used_at=now))
        used.update(tx.execute(select(_c.id).where(*ours)).scalars())
    return used


def record_content(
    tx: Connection, workspace_id: str, upload_id: str, *, sha256: str, mime_type: str
) -> None:
    """Note that its content lies among the attachments."""
    statement = update(uploads).where(_c.workspace_id == workspace_id, _c.id == upload_id)
    tx.execute(statement.values(content_sha256=sha256, content_type=mime_type))


def list_expired(tx: Connection, *, now: int, limit: int) -> list[UploadRow]:
    """Uploads of all workspaces whose time is over and that no record has named."""
    statement = (
        select(uploads)
        .where(_c.expires_at <= now, _c.used_at.is_(None))
        .order_by(_c.expires_at)
        .limit(limit)
    )
    return [UploadRow(**row) for row in tx.execute(statement).mappings()]


def delete_unused(tx: Connection, ids: Collection[str]) -> int:
    """Forget these, save those that a record has named meanwhile; how many."""
    count = 0
    for chunk in chunked(sorted(ids)):
        statement = delete(uploads).where(_c.id.in_(chunk), _c.used_at.is_(None))
        count += tx.execute(statement).rowcount
    return count


def is_waited_for(tx: Connection, upload_id: str) -> bool:
    """Whether an attachment still has to take its content from what was uploaded."""
    a = attachments.c
    pending = a.status != AttachmentStatus.COMPLETE.value
    statement = select(exists().where(a.upload_id == upload_id, pending))
    return bool(tx.execute(statement).scalar())
