"""Uploads: what was announced, whether it is complete, and whether a record refers to it."""

from collections.abc import Collection, Iterable

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, update

from everlake.batching import chunked
from everlake.catalog.statements import MAX_PARAMETERS
from everlake.catalog.table_definitions import uploads

_c = uploads.c
_GET = select(uploads).where(
    _c.workspace_id == bindparam("workspace"), _c.id == bindparam("upload")
)


class NewUpload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload as it is announced. Times are Unix milliseconds, sizes bytes.

    Attributes:
        size: of the whole content.
        sha256: expected of the content, 64 hexadecimal digits in lower case; None: not checked.
        part_size: size of each part but the last, where the upload is sent in parts.
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

    Attributes:
        completed_at: when the whole content was found to have arrived.
        used_at: when a record first referred to it; from then on it is kept.
        content_sha256: set, like ``content_type``, once the content is stored as an attachment's;
            the uploaded objects may then be gone.
    """

    completed_at: int | None
    used_at: int | None
    content_sha256: str | None
    content_type: str | None


def insert(tx: Connection, upload: NewUpload) -> None:
    """Store a new upload."""
    tx.execute(uploads.insert(), msgspec.structs.asdict(upload))


def get(tx: Connection, workspace_id: str, upload_id: str) -> UploadRow | None:
    """Return the workspace's upload with that id, or None."""
    given = {"workspace": workspace_id, "upload": upload_id}
    row = tx.execute(_GET, given).mappings().first()
    return None if row is None else UploadRow(**row)


def get_many(tx: Connection, workspace_id: str, ids: Iterable[str]) -> dict[str, UploadRow]:
    """Return those of the workspace's uploads with these ids that exist, by id."""
    found: dict[str, UploadRow] = {}
    for chunk in chunked(ids, MAX_PARAMETERS):
        statement = select(uploads).where(_c.workspace_id == workspace_id, _c.id.in_(chunk))
        rows = tx.execute(statement).mappings()
        found.update((row["id"], UploadRow(**row)) for row in rows)
    return found


def mark_complete(tx: Connection, workspace_id: str, upload_id: str, *, now: int) -> None:
    """Note that the whole content has arrived."""
    statement = update(uploads).where(_c.workspace_id == workspace_id, _c.id == upload_id)
    tx.execute(statement.where(_c.completed_at.is_(None)).values(completed_at=now))


def mark_used(tx: Connection, workspace_id: str, ids: Collection[str], *, now: int) -> set[str]:
    """Note that records refer to these uploads, which keeps them; return those that exist."""
    used: set[str] = set()
    for chunk in chunked(sorted(ids), MAX_PARAMETERS):
        ours = (_c.workspace_id == workspace_id, _c.id.in_(chunk))
        tx.execute(update(uploads).where(*ours, _c.used_at.is_(None)).values(used_at=now))
        used.update(tx.execute(select(_c.id).where(*ours)).scalars())
    return used


def record_content(
    tx: Connection, workspace_id: str, upload_id: str, *, sha256: str, mime_type: str
) -> None:
    """Note that the upload's content is stored as an attachment's."""
    statement = update(uploads).where(_c.workspace_id == workspace_id, _c.id == upload_id)
    tx.execute(statement.values(content_sha256=sha256, content_type=mime_type))


def list_expired(tx: Connection, *, now: int, limit: int) -> list[UploadRow]:
    """Return expired uploads of all workspaces to which no record refers."""
    statement = (
        select(uploads)
        .where(_c.expires_at <= now, _c.used_at.is_(None))
        .order_by(_c.expires_at)
        .limit(limit)
    )
    return [UploadRow(**row) for row in tx.execute(statement).mappings()]


def delete_unused(tx: Connection, ids: Collection[str]) -> int:
    """Delete uploads, except those that a record refers to meanwhile; return their number."""
    count = 0
    for chunk in chunked(sorted(ids), MAX_PARAMETERS):
        statement = delete(uploads).where(_c.id.in_(chunk), _c.used_at.is_(None))
        count += tx.execute(statement).rowcount
    return count
