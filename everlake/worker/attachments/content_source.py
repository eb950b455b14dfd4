"""Content source: gets the content of one attachment, from its URL or from an upload."""

import threading
from collections.abc import Iterable, Iterator

import msgspec

from everlake.attachments.errors import FetchCode, FetchError, FetchStopped
from everlake.attachments.fetching.service import Fetcher
from everlake.attachments.paths import content_path
from everlake.attachments.spooling.spool import Spool
from everlake.attachments.types import ExpectedContent, SpooledContent
from everlake.attachments.uploads.content import read_content
from everlake.attachments.uploads.errors import UploadContentMissing
from everlake.catalog import uploads
from everlake.catalog.attachments import AttachmentRow
from everlake.catalog.database import Catalog
from everlake.catalog.errors import QuotaExceeded
from everlake.catalog.quotas import WorkspaceQuotas
from everlake.catalog.uploads import UploadRow
from everlake.contract.media_types import BINARY
from everlake.storage import ObjectStore

_CHUNK_BYTES = 1024 * 1024


class KnownContent(msgspec.Struct, frozen=True, kw_only=True):
    """Content that is stored already, as another attachment's."""

    size: int
    sha256: str
    mime_type: str


class ContentSource:
    """Gets content. Threads may share it.

    Args:
        catalog: has the uploads.
        store: has the uploaded objects.
        fetcher: fetches URLs.
        spool: takes the content.
        max_bytes: greatest size of an upload's content.
        quotas: of the workspaces, for what is fetched; uploads were checked when announced.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        fetcher: Fetcher,
        spool: Spool,
        max_bytes: int,
        quotas: WorkspaceQuotas,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._fetcher = fetcher
        self._spool = spool
        self._max_bytes = max_bytes
        self._quotas = quotas

    def get(self, row: AttachmentRow, stop: threading.Event) -> SpooledContent | KnownContent:
        """Return the content of an attachment.

        Raises:
            FetchError: the content is not available, now or for good.
            FetchStopped: ``stop`` was set.
            SpoolError, StorageError, CatalogError: this side cannot store or find it.
        """
        if row.upload_id is not None:
            return self._uploaded_content(row, row.upload_id, stop)
        if row.url is None:
            raise FetchError(
                FetchCode.NOTHING_TO_FETCH,
                "The record has neither vendor_url nor upload_intent_id: send it again with one.",
            )
        self._check_quota(row)
        return self._fetcher.fetch(
            row.id, row.url, _expected(row), stated_type=row.stated_type, stop=stop
        )

    def _check_quota(self, row: AttachmentRow) -> None:
        try:
            self._quotas.require_bytes(row.workspace_id, row.stated_size or 1)
        except QuotaExceeded as error:
            raise FetchError(FetchCode.NOT_KEPT, str(error), retryable=True) from error

    def _uploaded_content(
        self, row: AttachmentRow, upload_id: str, stop: threading.Event
    ) -> SpooledContent | KnownContent:
        upload = self._find_upload(row, upload_id)
        if upload.content_sha256 is None:
            try:
                return self._receive_upload(row, upload, stop)
            except UploadContentMissing:
                # Another attachment may just have stored the content and deleted the upload.
                upload = self._find_upload(row, upload_id)
        if upload.content_sha256 is None:
            raise _upload_gone()
        return self._check_known(row, upload, upload.content_sha256, stop)

    def _receive_upload(
        self, row: AttachmentRow, upload: UploadRow, stop: threading.Event
    ) -> SpooledContent:
        pieces = read_content(self._store, upload, chunk_bytes=_CHUNK_BYTES)
        content = self._spool_content(row, upload, pieces, stop)
        if upload.sha256 is not None and upload.sha256 != content.sha256:
            self._spool.drop(row.id)
            raise FetchError(
                FetchCode.SHA256_MISMATCH,
                "The uploaded content does not have the SHA-256 that was announced for it: "
                "upload the file again, and send the record with the new upload_intent_id.",
            )
        return content

    def _check_known(
        self, row: AttachmentRow, upload: UploadRow, sha256: str, stop: threading.Event
    ) -> KnownContent:
        """Check content that another attachment has stored against what this one states."""
        if (
            row.sha1 is not None
            or row.md5 is not None
            or row.stated_size not in {None, upload.size}
        ):
            stored = self._store.read(content_path(row.workspace_id, sha256))
            self._spool_content(row, upload, stored, stop)
            self._spool.drop(row.id)
        return KnownContent(
            size=upload.size,
            sha256=sha256,
            mime_type=upload.content_type or BINARY,
        )

    def _spool_content(
        self,
        row: AttachmentRow,
        upload: UploadRow,
        pieces: Iterable[bytes],
        stop: threading.Event,
    ) -> SpooledContent:
        return self._spool.receive(
            row.id,
            _stoppable(stop, pieces),
            _expected(row),
            max_bytes=self._max_bytes,
            stated_type=row.stated_type or upload.mime_type,
        )

    def _find_upload(self, row: AttachmentRow, upload_id: str) -> UploadRow:
        with self._catalog.autocommit() as tx:
            upload = uploads.get(tx, row.workspace_id, upload_id)
        if upload is None:
            raise _upload_gone()
        return upload


def _expected(row: AttachmentRow) -> ExpectedContent:
    return ExpectedContent(size=row.stated_size, sha1=row.sha1, md5=row.md5)


def _stoppable(stop: threading.Event, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if stop.is_set():
            raise FetchStopped
        yield piece


def _upload_gone() -> FetchError:
    return FetchError(
        FetchCode.UPLOAD_GONE,
        "The upload is no longer stored: upload the file again and send the record with the new "
        "upload_intent_id.",
    )
