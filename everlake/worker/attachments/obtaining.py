"""The content of one attachment onto this machine: from its URL, or from an upload."""

import threading
from collections.abc import Iterable, Iterator

import msgspec

from everlake.attachments.errors import FetchCode, FetchError, Stopped
from everlake.attachments.fetch import Fetcher
from everlake.attachments.paths import content_path
from everlake.attachments.spool import Spool
from everlake.attachments.uploads import UploadMissing, content
from everlake.attachments.values import Expected, Fetched
from everlake.catalog import uploads
from everlake.catalog.attachments import AttachmentRow
from everlake.catalog.engine import Catalog
from everlake.catalog.uploads import UploadRow
from everlake.storage import ObjectStore


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Content that lies among the attachments already."""

    size: int
    sha256: str
    mime_type: str


class Obtainer:
    """Gets content; its methods are called from many threads.

    Args:
        catalog: knows uploads.
        store: has what was uploaded.
        fetcher: speaks to the outside.
        spool: where content is put together.
        max_bytes: greatest size of the content.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        fetcher: Fetcher,
        spool: Spool,
        max_bytes: int,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._fetcher = fetcher
        self._spool = spool
        self._max_bytes = max_bytes

    def obtain(self, row: AttachmentRow, stop: threading.Event) -> Fetched | Known:
        """The content of an attachment.

        Raises:
            FetchError: it cannot be had now, or ever.
            Stopped: ``stop`` was set meanwhile.
            SpoolFailed, StorageError, CatalogError: our own side is in trouble.
        """
        if row.upload_id is not None:
            return self._uploaded(row, row.upload_id, stop)
        if row.url is None:
            raise FetchError(
                FetchCode.NOTHING_TO_FETCH,
                "The record gives neither vendor_url nor upload_intent_id: send it again with one.",
            )
        return self._fetcher.fetch(
            row.id, row.url, _expected(row), stated_type=row.stated_type, stop=stop
        )

    def _uploaded(
        self, row: AttachmentRow, upload_id: str, stop: threading.Event
    ) -> Fetched | Known:
        upload = self._upload(row, upload_id)
        if upload.content_sha256 is None:
            try:
                return self._take_in(row, upload, stop)
            except UploadMissing:
                # Somebody may have taken it in and cleared it away just now.
                upload = self._upload(row, upload_id)
        if upload.content_sha256 is None:
            raise _gone()
        return self._known(row, upload, upload.content_sha256, stop)

    def _take_in(self, row: AttachmentRow, upload: UploadRow, stop: threading.Event) -> Fetched:
        taken = self._receive(row, upload, content(self._store, upload), stop)
        if upload.sha256 is not None and upload.sha256 != taken.sha256:
            self._spool.drop(row.id)
            raise FetchError(
                FetchCode.SHA256_MISMATCH,
                "What was uploaded has another SHA-256 than the upload was announced with: upload "
                "the file again, and send the record with the new upload_intent_id.",
            )
        return taken

    def _known(
        self, row: AttachmentRow, upload: UploadRow, sha256: str, stop: threading.Event
    ) -> Known:
        """What another attachment took in, held against what this one states."""
        if (
            row.sha1 is not None
            or row.md5 is not None
            or row.stated_size not in {None, upload.size}
        ):
            stored = self._store.read(content_path(row.workspace_id, sha256))
            self._receive(row, upload, stored, stop)
            self._spool.drop(row.id)
        return Known(
            size=upload.size,
            sha256=sha256,
            mime_type=upload.content_type or "application/octet-stream",
        )

    def _receive(
        self,
        row: AttachmentRow,
        upload: UploadRow,
        pieces: Iterable[bytes],
        stop: threading.Event,
    ) -> Fetched:
        return self._spool.receive(
            row.id,
            _until(stop, pieces),
            _expected(row),
            max_bytes=self._max_bytes,
            stated_type=row.stated_type or upload.mime_type,
        )

    def _upload(self, row: AttachmentRow, upload_id: str) -> UploadRow:
        with self._catalog.look() as tx:
            upload = uploads.get(tx, row.workspace_id, upload_id)
        if upload is None:
            raise _gone()
        return upload


def _expected(row: AttachmentRow) -> Expected:
    return Expected(size=row.stated_size, sha1=row.sha1, md5=row.md5)


def _until(stop: threading.Event, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if stop.is_set():
            raise Stopped
        yield piece


def _gone() -> FetchError:
    return FetchError(
        FetchCode.UPLOAD_GONE,
        "What was uploaded is no longer kept: upload the file again and send the record with the "
        "new upload_intent_id.",
    )
