"""Upload service: creates uploads, stores their parts, and reports their progress."""

import msgspec
from msgspec import UNSET

from everlake.attachments.paths import content_path, whole_path
from everlake.attachments.uploads.content import object_path, received_content
from everlake.attachments.uploads.errors import PartConflict
from everlake.attachments.uploads.types import (
    PartRange,
    ReceivedContent,
    is_upload_id,
    parts_of,
    status_of,
)
from everlake.catalog import uploads
from everlake.catalog.database import Catalog
from everlake.catalog.quotas import WorkspaceQuotas
from everlake.catalog.uploads import NewUpload, UploadQuota, UploadRow
from everlake.contract.ids import new_upload_id
from everlake.contract.media_types import BINARY
from everlake.contract.uploads import (
    Upload,
    UploadPart,
    UploadProgress,
    UploadRequest,
    UploadStatus,
    UploadTarget,
)
from everlake.identity.types import Principal
from everlake.storage import (
    DiskReserve,
    ObjectMissing,
    ObjectStore,
    StorageError,
    StorageUnavailable,
)

_URL_TEMPLATE = "/api/v1/uploads/{id}"
_TARGET_HEADERS = {"Content-Type": BINARY}


class UploadService:
    """Use-cases of uploads over the catalog and the object store.

    Args:
        catalog: holds the rows of uploads.
        store: holds their content.
        lifetime_hours: time in which an upload must be completed and referenced by a record.
        part_bytes: size of the parts.
        direct: whether clients send the content to the bucket themselves, by signed URLs, where
            the object store offers these.
        quota: most that a workspace has in uploads to which no record refers.
        disk: has to have room for files.
        workspace_quotas: of all that a workspace has.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        *,
        lifetime_hours: float,
        part_bytes: int,
        direct: bool,
        quota: UploadQuota,
        disk: DiskReserve,
        workspace_quotas: WorkspaceQuotas,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._lifetime_ms = int(lifetime_hours * 3_600_000)
        self._part_bytes = part_bytes
        self._direct = direct
        self._quota = quota
        self._disk = disk
        self._workspace_quotas = workspace_quotas

    @property
    def max_size(self) -> int | None:
        """Largest size that the quota ever admits, in bytes; None: no limit."""
        return self._quota.size or None

    def create(self, principal: Principal, request: UploadRequest) -> Upload:
        """Create an upload, and return it with the targets to send the content to.

        Raises:
            TooManyUploads: with this one the workspace would exceed its quota of unused uploads.
            QuotaExceeded: likewise, of all that it has.
            CatalogError: the row cannot be written now.
            StorageError: no signed URL can be made now.
            StorageFull: the disk has no room for files.
        """
        self._disk.require_for_files()
        self._workspace_quotas.require_bytes(principal.workspace_id, request.size)
        now = self._catalog.now_ms()
        upload = UploadRow(
            id=new_upload_id(),
            workspace_id=principal.workspace_id,
            key_id=principal.api_key_id,
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
        nothing = ReceivedContent(
            is_single_object=False, missing_parts=parts_of(upload), received_bytes=0
        )
        view = self._with_targets(upload, nothing, now)
        with self._catalog.transaction() as tx:
            new = msgspec.convert(upload, NewUpload, from_attributes=True)
            uploads.insert(tx, new, self._quota)
        return view

    def get(self, workspace_id: str, upload_id: str) -> UploadRow | None:
        """Return the workspace's upload with this id, or None.

        Raises:
            CatalogError: the catalog cannot be read now.
        """
        if not is_upload_id(upload_id):
            return None
        with self._catalog.snapshot() as tx:
            return uploads.get(tx, workspace_id, upload_id)

    def describe(self, upload: UploadRow) -> Upload:
        """Return the progress of an upload, and the targets for its missing parts.

        Completion is recorded in the catalog.

        Raises:
            CatalogError, StorageError: the progress cannot be determined now.
        """
        now = self._catalog.now_ms()
        received = self._refresh_received(upload)
        view = _view(upload, received, now)
        if view.status is UploadStatus.PENDING:
            return self._with_targets(upload, received, now)
        return view

    def progress(self, upload: UploadRow) -> UploadProgress:
        """Return the progress of an upload. Completion is recorded in the catalog.

        Raises:
            CatalogError, StorageError: the progress cannot be determined now.
        """
        view = _view(upload, self._refresh_received(upload), self._catalog.now_ms())
        return msgspec.convert(view, UploadProgress, from_attributes=True)

    def is_expired(self, upload: UploadRow) -> bool:
        """Return whether an upload has expired."""
        now = self._catalog.now_ms()
        return status_of(upload, complete=True, now=now) is UploadStatus.EXPIRED

    def put_part(self, upload: UploadRow, part: PartRange, data: bytes) -> None:
        """Store a part durably. Storing the same bytes again is accepted.

        Raises:
            PartConflict: other bytes are stored for this part.
            StorageError: the part cannot be stored now.
            StorageFull: likewise, because the disk has no room for files.
        """
        stored = self._stored_bytes(upload, part)
        if stored is None:
            self._disk.require_for_files()
            try:
                self._store.put_many([(object_path(upload, part), data)], roll_back=False)
            except StorageUnavailable:
                raise
            except StorageError:
                # A concurrent request stored the part, or an object of another size is there.
                stored = self._stored_bytes(upload, part)
            else:
                return
        if stored != data:
            raise PartConflict

    def _stored_bytes(self, upload: UploadRow, part: PartRange) -> bytes | None:
        """Return the stored bytes of a part, wherever they are now; None when it is not stored."""
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
            if self._store.size(object_path(upload, part)) == part.size:
                return self._store.get(object_path(upload, part))
        except ObjectMissing:
            pass
        return None

    def _refresh_received(self, upload: UploadRow) -> ReceivedContent:
        if upload.completed_at is not None:
            return ReceivedContent(
                is_single_object=True, missing_parts=[], received_bytes=upload.size
            )
        received = received_content(self._store, upload)
        if received.is_complete:
            with self._catalog.transaction() as tx:
                uploads.mark_complete(
                    tx, upload.workspace_id, upload.id, now=self._catalog.now_ms()
                )
        return received

    def _with_targets(self, upload: UploadRow, received: ReceivedContent, now: int) -> Upload:
        lifetime_seconds = max(1, (upload.expires_at - now) // 1_000)
        url = _URL_TEMPLATE.format(id=upload.id)
        path = whole_path(upload.workspace_id, upload.id)
        whole = UploadTarget(
            "PUT", self._signed_url(path, lifetime_seconds) or url, _TARGET_HEADERS
        )
        parts = UNSET
        if upload.size > upload.part_size:
            parts = [
                UploadPart(
                    part.number,
                    part.size,
                    "PUT",
                    self._signed_url(object_path(upload, part), lifetime_seconds)
                    or f"{url}/parts/{part.number}",
                    _TARGET_HEADERS,
                )
                for part in received.missing_parts
            ]
        return msgspec.structs.replace(_view(upload, received, now), whole=whole, parts=parts)

    def _signed_url(self, path: str, lifetime_seconds: int) -> str | None:
        return self._store.upload_url(path, lifetime_seconds) if self._direct else None


def _view(upload: UploadRow, received: ReceivedContent, now: int) -> Upload:
    return Upload(
        upload_intent_id=upload.id,
        status=status_of(upload, complete=received.is_complete, now=now),
        expires_at=upload.expires_at,
        size=upload.size,
        part_size=upload.part_size,
        received_bytes=received.received_bytes,
    )
