"""Whether records may name the uploads they name: what is there, complete, and in time."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from msgspec import UNSET

from everlake.attachments.uploads.service import is_complete, is_upload_id, status_of
from everlake.catalog import uploads
from everlake.catalog.database import Catalog
from everlake.catalog.uploads import UploadRow
from everlake.contract.envelope import Record
from everlake.contract.errors import RecordErrorCode, unavailable
from everlake.contract.uploads import UploadStatus
from everlake.storage import ObjectStore

InvalidUploads = Mapping[str, RecordErrorCode]
"""By id, what is wrong with uploads that records must not name."""

UPLOAD_MESSAGES: Mapping[RecordErrorCode, str] = {
    RecordErrorCode.UNKNOWN_UPLOAD: (
        "is not an upload of this workspace: POST /api/v1/uploads, send the file, and name the id "
        "that was answered"
    ),
    RecordErrorCode.UPLOAD_INCOMPLETE: (
        "not all of the file has come: GET /api/v1/uploads/{id} shows what is missing; send that, "
        "and then the record again"
    ),
    RecordErrorCode.UPLOAD_EXPIRED: (
        "expired before a record named it: POST /api/v1/uploads and send the file again"
    ),
}

_MAX_PARALLEL_CHECKS = 8


def upload_ids_of(record: Record) -> Iterator[str]:
    """The uploads that a record names."""
    if record.attachments is not UNSET:
        for attachment in record.attachments:
            if attachment.upload_intent_id is not UNSET:
                yield attachment.upload_intent_id


def reference_uploads(records: Iterable[Record]) -> bool:
    """Whether any of the records names an upload."""
    return any(True for record in records for _ in upload_ids_of(record))


class UploadChecker:
    """Judges uploads of one workspace at a time, and keeps those that are named.

    Args:
        catalog: has the uploads.
        store: is looked into where the catalog does not know yet that all has come.
    """

    def __init__(self, catalog: Catalog, store: ObjectStore) -> None:
        self._catalog = catalog
        self._store = store

    def find_invalid(self, workspace_id: str, ids: set[str]) -> InvalidUploads:
        """Those of ``ids`` that no record may name now.

        Raises:
            CatalogError, StorageError: it cannot be told now.
        """
        if not ids:
            return {}
        possible = {each for each in ids if is_upload_id(each)}
        rows: dict[str, UploadRow] = {}
        if possible:
            with self._catalog.snapshot() as tx:
                rows = uploads.get_many(tx, workspace_id, sorted(possible))
        found = dict.fromkeys(ids - rows.keys(), RecordErrorCode.UNKNOWN_UPLOAD)
        now = self._catalog.now_ms()
        alive: list[UploadRow] = []
        for row in rows.values():
            if status_of(row, complete=True, now=now) is UploadStatus.EXPIRED:
                found[row.id] = RecordErrorCode.UPLOAD_EXPIRED
            elif row.completed_at is None:
                alive.append(row)
        incomplete = self._find_incomplete(alive)
        return found | dict.fromkeys(incomplete, RecordErrorCode.UPLOAD_INCOMPLETE)

    def retain(self, workspace_id: str, ids: frozenset[str]) -> None:
        """Keep these for good, since a batch is about to name them.

        Raises:
            CatalogError: it cannot be written down now.
            WireError: ``UNAVAILABLE`` where one is gone meanwhile.
        """
        with self._catalog.transaction() as tx:
            kept = uploads.mark_used(tx, workspace_id, ids, now=self._catalog.now_ms())
        if not ids <= kept:
            raise unavailable("An upload that is named here expired just now: send this again.")

    def _find_incomplete(self, rows: list[UploadRow]) -> list[str]:
        """Those of which something is missing; of the others it is noted that they are there."""
        if not rows:
            return []
        look = partial(is_complete, self._store)
        with ThreadPoolExecutor(min(_MAX_PARALLEL_CHECKS, len(rows)), "uploads") as threads:
            complete = list(threads.map(look, rows))
        if any(complete):
            now = self._catalog.now_ms()
            with self._catalog.transaction() as tx:
                for row, there in zip(rows, complete, strict=True):
                    if there:
                        uploads.mark_complete(tx, row.workspace_id, row.id, now=now)
        return [row.id for row, there in zip(rows, complete, strict=True) if not there]
