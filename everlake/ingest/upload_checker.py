"""Check of the uploads that records refer to: known, complete, and not expired."""

from collections.abc import Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from everlake.attachments.uploads.content import is_complete
from everlake.attachments.uploads.types import is_upload_id, status_of
from everlake.catalog import uploads
from everlake.catalog.database import Catalog
from everlake.catalog.uploads import UploadRow
from everlake.contract.errors import RecordErrorCode, unavailable
from everlake.contract.uploads import UploadStatus
from everlake.ingest.upload_references import InvalidUploads
from everlake.storage import ObjectStore
from everlake.timeouts import run_with_timeout

_MAX_PARALLEL_CHECKS = 8


class UploadChecker:
    """Checks uploads of one workspace at a time, and keeps those that a batch refers to.

    Args:
        catalog: has the uploads.
        store: asked whether an upload is complete, where the catalog does not know yet.
        timeout: longest wait for the catalog, in seconds. A check, which may ask the storage for
            each upload, may take three times as long.
    """

    def __init__(self, catalog: Catalog, store: ObjectStore, timeout: float) -> None:
        self._catalog = catalog
        self._store = store
        self._timeout = timeout

    async def find_invalid(self, workspace_id: str, ids: Set[str]) -> InvalidUploads:
        """Return those of ``ids`` that no record may refer to now.

        Raises:
            CatalogError: the catalog cannot be read.
            StorageError: the storage cannot be read.
            WireError: ``UNAVAILABLE`` after the timeout.
        """
        if not ids:
            return {}
        return await run_with_timeout(3 * self._timeout, self._find_invalid, workspace_id, ids)

    async def retain(self, workspace_id: str, ids: Set[str]) -> None:
        """Mark the uploads as used, so that they do not expire.

        Raises:
            CatalogError: the catalog cannot be written to.
            WireError: ``UNAVAILABLE`` where one has expired since it was checked, or after the
                timeout.
        """
        if ids:
            await run_with_timeout(self._timeout, self._retain, workspace_id, ids)

    def _find_invalid(self, workspace_id: str, ids: Set[str]) -> InvalidUploads:
        possible = sorted(filter(is_upload_id, ids))
        rows: dict[str, UploadRow] = {}
        if possible:
            with self._catalog.snapshot() as tx:
                rows = uploads.get_many(tx, workspace_id, possible)
        invalid = dict.fromkeys(ids - rows.keys(), RecordErrorCode.UNKNOWN_UPLOAD)
        now = self._catalog.now_ms()
        unsettled: list[UploadRow] = []
        for row in rows.values():
            if status_of(row, complete=True, now=now) is UploadStatus.EXPIRED:
                invalid[row.id] = RecordErrorCode.UPLOAD_EXPIRED
            elif row.completed_at is None:
                unsettled.append(row)
        incomplete = self._find_incomplete(unsettled)
        return invalid | dict.fromkeys(incomplete, RecordErrorCode.UPLOAD_INCOMPLETE)

    def _find_incomplete(self, rows: list[UploadRow]) -> list[str]:
        """Return the ids of incomplete uploads, and mark the others as complete."""
        if not rows:
            return []
        check = partial(is_complete, self._store)
        with ThreadPoolExecutor(min(_MAX_PARALLEL_CHECKS, len(rows)), "uploads") as threads:
            complete = list(threads.map(check, rows))
        if any(complete):
            now = self._catalog.now_ms()
            with self._catalog.transaction() as tx:
                for row, is_row_complete in zip(rows, complete, strict=True):
                    if is_row_complete:
                        uploads.mark_complete(tx, row.workspace_id, row.id, now=now)
        return [
            row.id
            for row, is_row_complete in zip(rows, complete, strict=True)
            if not is_row_complete
        ]

    def _retain(self, workspace_id: str, ids: Set[str]) -> None:
        with self._catalog.transaction() as tx:
            kept = uploads.mark_used(tx, workspace_id, ids, now=self._catalog.now_ms())
        if not ids <= kept:
            raise unavailable(
                "An upload that a record refers to has just expired: send the request again."
            )
