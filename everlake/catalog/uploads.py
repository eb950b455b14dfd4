"""Uploads: what was announced, whether it is complete, and whether a record refers to it."""

from collections.abc import Collection, Iterable

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, select, update

from everlake.batching import chunked
from everlake.catalog.errors import TooManyUploads
from everlake.catalog.statements import MAX_PARAMETERS
from everlake.catalog.table_definitions import uploads, workspaces

_c = uploads.c
_GET = select(uploads).where(
    _c.workspace_id == bindparam("workspace"), _c.id == bindparam("upload")
)
_LOCK_WORKSPACE = (
    # An update of no key: other rows that refer to the workspace are inserted meanwhile.
    select(workspaces.c.id)
    .where(workspaces.c.id == bindparam("workspace"))
    .with_for_update(key_share=True)
)
_UNUSED = select(func.count(), func.coalesce(func.sum(_c.size), 0)).where(
    _c.workspace_id == bindparam("workspace"), _c.used_at.is_(None)
)


class UploadQuota(msgspec.Struct, frozen=True, kw_only=True):
    """Most that a workspace has in uploads to which no record refers. 0: no limit.

    Attributes:
        size: sum of their announced sizes, in bytes.
        count: their number.
    """

    size: int
    count: int


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


def insert(tx: Connection, upload: NewUpload, quota: UploadQuota) -> None:
    """Store a new upload.

    Uploads that have expired count until they are deleted: they take their space until then.

    Raises:
        TooManyUploads: with this one the workspace's unused uploads would exceed ``quota``.
    """
    if quota.size or quota.count:
        _check_quota(tx, upload, quota)
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


def _check_quota(tx: Connection, upload: NewUpload, quota: UploadQuota) -> None:
    workspace = {"workspace": upload.workspace_id}
    # The workspace's row is locked, so that concurrent calls cannot exceed the quota together.
    tx.execute(_LOCK_WORKSPACE, workspace)
    count, size = tx.execute(_UNUSED, workspace).one()
    size = int(size)  # PostgreSQL's sum is a decimal number.
    if quota.size and size + upload.size > quota.size:
        raise TooManyUploads(
            f"No record refers to {size:,} bytes that this workspace has announced, and the limit "
            f"is {quota.size:,}."
        )
    if quota.count and count >= quota.count:
        raise TooManyUploads(
            f"No record refers to {count:,} uploads of this workspace, which is the limit."
        )
