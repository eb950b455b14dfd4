"""Uploads over catalog and storage: announced, received part by part, and swept away.

What comes through the API lies in parts; what clients put into a bucket themselves, as a whole or
in parts. A part is kept as it came first: until an upload is complete nobody reads it, and from
then on nobody may change it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from everlake.attachments.paths import content_path, part_path, upload_folder, whole_path
from everlake.catalog import uploads
from everlake.catalog.database import Catalog
from everlake.catalog.uploads import NewUpload, UploadRow
from everlake.contract.ids import UPLOAD_PREFIX, new_upload_id
from everlake.contract.uploads import (
    Upload,
    UploadPart,
    UploadProgress,
    UploadRequest,
    UploadStatus,
    UploadTarget,
)
from everlake.storage import (
    ObjectMissing,
    ObjectStore,
    ObjectUnreadable,
    StorageError,
    StorageUnavailable,
)

CHUNK_BYTES = 1024 * 1024
"""Bytes of the pieces that content comes in."""

_ID = re.compile(re.escape(UPLOAD_PREFIX) + r"[A-Za-z0-9_\-]{32}")
_URL_TEMPLATE = "/api/v1/uploads/{id}"
_TARGET_HEADERS = {"Content-Type": "application/octet-stream"}


class PartConflict(Exception):
    """Other bytes came for this part before."""


class UploadContentMissing(Exception):
    """Something of what was uploaded is not there."""


class PartRange(NamedTuple):
    """One part: its number from 1, and its bytes ``start`` to before ``end`` of the content."""

    number: int
    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.end - self.start


class ReceivedContent(NamedTuple):
    """What has come: as a whole, or else in parts, of which ``missing`` are not there."""

    is_single_object: bool
    missing_parts: list[PartRange]
    received_bytes: int

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return self.is_single_object or not self.missing_parts


def is_upload_id(text: str) -> bool:
    """Whether this server may have made it."""
    return _ID.fullmatch(text) is not None


def parts_of(upload: NewUpload) -> list[PartRange]:
    """All parts of an upload, in order; an empty file has one."""
    starts = range(0, max(upload.size, 1), upload.part_size)
    return [
        PartRange(number, start, min(start + upload.part_size, upload.size))
        for number, start in enumerate(starts, 1)
    ]


def received_content(store: ObjectStore, upload: NewUpload) -> ReceivedContent:
    """What has come of an upload.

    Raises:
        StorageError: it cannot be seen now.
    """
    folder = upload_folder(upload.workspace_id, upload.id)
    sizes = {found.path: found.size for found in store.list(folder)}
    if sizes.get(whole_path(upload.workspace_id, upload.id)) == upload.size:
        return ReceivedContent(is_single_object=True, missing_parts=[], received_bytes=upload.size)
    missing = [
        part for part in parts_of(upload) if sizes.get(_object_path(upload, part)) != part.size
    ]
    return ReceivedContent(False, missing, upload.size - sum(part.size for part in missing))


def is_complete(store: ObjectStore, upload: UploadRow) -> bool:
    """Whether all of an upload has come.

    Raises:
        StorageError: it cannot be seen now.
    """
    return upload.completed_at is not None or received_content(store, upload).is_complete


def status_of(upload: UploadRow, *, complete: bool, now: int) -> UploadStatus:
    """Where an upload is. One that a record names does not expire."""
    if upload.used_at is None and upload.expires_at <= now:
        return UploadStatus.EXPIRED
    return UploadStatus.COMPLETE if complete else UploadStatus.PENDING


def read_content(
    store: ObjectStore, upload: UploadRow, *, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[bytes]:
    """The uploaded content in order, a piece or two of it in memory at a time.

    Args:
        store: where it was uploaded to, and not yet taken in and removed.
        upload: one that is complete.
        chunk_bytes: the most bytes of a piece.

    Raises:
        UploadMissing: something of it is not there, or has another size than it should.
        StorageError: it cannot be read, at the first or any later piece.
    """
    try:
        yield from _read_parts(store, upload, chunk_bytes)
    except ObjectMissing as error:
        raise UploadContentMissing(str(error)) from error


def _read_parts(store: ObjectStore, upload: UploadRow, chunk_bytes: int) -> Iterator[bytes]:
    found = received_content(store, upload)
    if found.is_single_object:
        yield from _read_exactly(
            store, whole_path(upload.workspace_id, upload.id), upload.size, chunk_bytes
        )
        return
    if found.missing_parts:
        first = found.missing_parts[0].number
        raise UploadContentMissing(f"part {first} of upload {upload.id} is not there")
    for part in parts_of(upload):
        yield from _read_exactly(store, _object_path(upload, part), part.size, chunk_bytes)


def delete_objects(store: ObjectStore, workspace_id: str, upload_id: str) -> None:
    """Delete what was uploaded; what is gone already is no error.

    Raises:
        StorageError: something could not be deleted.
    """
    for found in list(store.list(upload_folder(workspace_id, upload_id))):
        store.delete(found.path)


class UploadService:
    """Announces uploads, takes their parts, and tells how far they are.

    Args:
        catalog: has their rows.
        store: takes their content.
        hours: how long an upload may take, and be named by a record.
        part_bytes: size of the parts.
        direct: whether clients are sent to the bucket, where storage is one.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        *,
        lifetime_hours: float,
        part_bytes: int,
        direct: bool,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._lifetime_ms = int(lifetime_hours * 3_600_000)
        self._part_bytes = part_bytes
        self._direct = direct

    def create(self, workspace_id: str, key_id: str, request: UploadRequest) -> Upload:
        """Announce an upload.

        Raises:
            CatalogError: it cannot be written down now.
            StorageError: no place in the bucket can be given now.
        """
        now = self._catalog.now_ms()
        upload = UploadRow(
            id=new_upload_id(),
            workspace_id=workspace_id,
            key_id=key_id,
            created_at=now,
            expires_at=now + self._lifetime_ms,
            filename=None if request.filename is UNSET else request.filename,
            size=request.size,
            mime_type=None if request.mime_type is UNSET else request.mime_type,
            sha256=None if request.sha256 is UNSET else request.sha256.lower(),
            part_size=self._part_bytes,
            completed_at=None,
            used_at=None,
            content_sha256=None,
            content_type=None,
        )
        view = self._with_targets(upload, ReceivedContent(False, parts_of(upload), 0), now)
        with self._catalog.transaction() as tx:
            uploads.insert(tx, msgspec.convert(upload, NewUpload, from_attributes=True))
        return view

    def get(self, workspace_id: str, upload_id: str) -> UploadRow | None:
        """The workspace's upload with that id.

        Raises:
            CatalogError: it cannot be read now.
        """
        if not is_upload_id(upload_id):
            return None
        with self._catalog.snapshot() as tx:
            return uploads.get(tx, workspace_id, upload_id)

    def describe(self, upload: UploadRow) -> Upload:
        """How far it is, and where to send what is missing. That it is complete is noted.

        Raises:
            CatalogError, StorageError: it cannot be told now.
        """
        now = self._catalog.now_ms()
        found = self._refresh_received(upload)
        if self._status(upload, found, now) is UploadStatus.PENDING:
            return self._with_targets(upload, found, now)
        return self._view(upload, found, now)

    def progress(self, upload: UploadRow) -> UploadProgress:
        """How far it is. That it is complete is noted.

        Raises:
            CatalogError, StorageError: it cannot be told now.
        """
        shown = self._view(upload, self._refresh_received(upload), self._catalog.now_ms())
        return msgspec.convert(shown, UploadProgress, from_attributes=True)

    def is_expired(self, upload: UploadRow) -> bool:
        """Whether its time is over."""
        now = self._catalog.now_ms()
        return status_of(upload, complete=True, now=now) is UploadStatus.EXPIRED

    def put_part(self, upload: UploadRow, part: PartRange, data: bytes) -> None:
        """Store a part; it survives the loss of power. One that is there already may come again.

        Raises:
            PartConflict: other bytes came for it before.
            StorageError: it cannot be stored now.
        """
        if (there := self._stored_bytes(upload, part)) is None:
            try:
                return self._store.put_many([(_object_path(upload, part), data)])
            except StorageUnavailable:
                raise
            except StorageError:
                # Another came at the same moment, or one of another size lies there.
                there = self._stored_bytes(upload, part)
        if there != data:
            raise PartConflict
        return None

    def _stored_bytes(self, upload: UploadRow, part: PartRange) -> bytes | None:
        """The part's bytes as they lie somewhere, or None."""
        try:
            if upload.content_sha256 is not None:
                path = content_path(upload.workspace_id, upload.content_sha256)
                return b"".join(self._store.read(path, part.start, part.end))
            if (
                upload.completed_at is not None
                and received_content(self._store, upload).is_single_object
            ):
                path = whole_path(upload.workspace_id, upload.id)
                return b"".join(self._store.read(path, part.start, part.end))
            if self._store.size(_object_path(upload, part)) == part.size:
                return self._store.get(_object_path(upload, part))
        except ObjectMissing:
            pass
        return None

    def _refresh_received(self, upload: UploadRow) -> ReceivedContent:
        if upload.completed_at is not None:
            return ReceivedContent(True, [], upload.size)
        found = received_content(self._store, upload)
        if found.is_complete:
            with self._catalog.transaction() as tx:
                uploads.mark_complete(
                    tx, upload.workspace_id, upload.id, now=self._catalog.now_ms()
                )
        return found

    def _status(self, upload: UploadRow, found: ReceivedContent, now: int) -> UploadStatus:
        return status_of(upload, complete=found.is_complete, now=now)

    def _view(self, upload: UploadRow, found: ReceivedContent, now: int) -> Upload:
        return Upload(
            upload_intent_id=upload.id,
            status=self._status(upload, found, now),
            expires_at=upload.expires_at,
            size=upload.size,
            part_size=upload.part_size,
            received_bytes=found.received_bytes,
        )

    def _with_targets(self, upload: UploadRow, found: ReceivedContent, now: int) -> Upload:
        seconds = max(1, (upload.expires_at - now) // 1_000)
        url = _URL_TEMPLATE.format(id=upload.id)
        path = whole_path(upload.workspace_id, upload.id)
        whole = UploadTarget("PUT", self._target_url(path, seconds) or url, _TARGET_HEADERS)
        parts = UNSET
        if upload.size > upload.part_size:
            parts = [
                UploadPart(
                    part.number,
                    part.size,
                    "PUT",
                    self._target_url(_object_path(upload, part), seconds)
                    or f"{url}/parts/{part.number}",
                    _TARGET_HEADERS,
                )
                for part in found.missing_parts
            ]
        return msgspec.structs.replace(self._view(upload, found, now), whole=whole, parts=parts)

    def _target_url(self, path: str, seconds: int) -> str | None:
        return self._store.upload_url(path, seconds) if self._direct else None


def _object_path(upload: NewUpload, part: PartRange) -> str:
    return part_path(upload.workspace_id, upload.id, part.number)


def _read_exactly(store: ObjectStore, path: str, size: int, chunk_bytes: int) -> Iterator[bytes]:
    seen = 0
    for data in store.read(path, chunk_size=chunk_bytes):
        seen += len(data)
        yield data
    if seen != size:
        raise ObjectUnreadable(f"the object at {path} has {seen} bytes and not {size}")
