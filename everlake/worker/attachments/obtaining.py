"""The content of one attachment onto this machine: from its URL, or from an upload."""

import threading

import msgspec

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetch import Fetcher
from everlake.attachments.spool import Spool
from everlake.attachments.uploads import UploadMissing, content
from everlake.attachments.values import Expected, Fetched, FetchLimits
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
        limits: those of the content.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        fetcher: Fetcher,
        spool: Spool,
        limits: FetchLimits,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._fetcher = fetcher
        self._spool = spool
        self._limits = limits

    def obtain(self, row: AttachmentRow, stop: threading.Event) -> Fetched | Known:
        """The content of an attachment.

        Raises:
            FetchError: it cannot be had now, or ever.
            Stopped: ``stop`` was set meanwhile.
            SpoolFailed, StorageError, CatalogError: our own side is in trouble.
        """
        expected = Expected(size=row.stated_size, sha1=row.sha1, md5=row.md5)
        if row.upload_id is not None:
            return self._take_in(row, row.upload_id, expected, stop)
        if row.url is None:
            raise FetchError(
                FetchCode.NOTHING_TO_FETCH,
                "The record gives neither vendor_url nor upload_intent_id: send it again with one.",
            )
        return self._fetcher.fetch(
            row.id, row.url, expected, stated_type=row.stated_type, stop=stop
        )

    def _take_in(
        self, row: AttachmentRow, upload_id: str, expected: Expected, stop: threading.Event
    ) -> Fetched | Known:
        upload = self._upload(row, upload_id)
        if upload.content_sha256 is None:
            try:
                return self._receive(row, upload, expected, stop)
            except UploadMissing:
                # Somebody may have taken it in and cleared it away just now.
                upload = self._upload(row, upload_id)
        if upload.content_sha256 is None:
            raise _gone()
        return Known(
            size=upload.size,
            sha256=upload.content_sha256,
            mime_type=upload.content_type or "application/octet-stream",
        )

    def _receive(
        self, row: AttachmentRow, upload: UploadRow, expected: Expected, stop: threading.Event
    ) -> Fetched:
        return self._spool.receive(
            row.id,
            content(self._store, upload),
            msgspec.structs.replace(expected, sha256=upload.sha256),
            self._limits,
            stated_type=row.stated_type or upload.mime_type,
            stop=stop,
        )

    def _upload(self, row: AttachmentRow, upload_id: str) -> UploadRow:
        with self._catalog.look() as tx:
            upload = uploads.get(tx, row.workspace_id, upload_id)
        if upload is None:
            raise _gone()
        return upload


def _gone() -> FetchError:
    return FetchError(
        FetchCode.UPLOAD_GONE,
        "What was uploaded is no longer kept: upload the file again and send the record with the "
        "new upload_intent_id.",
    )
