"""Operations on the rejected records of a batch."""

from collections.abc import Iterator

from everlake.catalog.database import Catalog
from everlake.contract.rejected_records import RejectedRecord
from everlake.landing.compression import content_checksum
from everlake.landing.errors import LandingDamaged
from everlake.landing.rejected import RejectedPosition, read_rejected, read_rejected_page
from everlake.model.batches import BatchRow
from everlake.operations.batches import get_batch
from everlake.operations.errors import ArchiveUnreadable, RejectedRecordsDeleted
from everlake.storage import ObjectMissing, ObjectStore


class RejectedRecords:
    """The rejected records of one batch, each with its payload and all of its errors.

    Args:
        path: their object's path in the storage.
        blob: the object.
    """

    def __init__(self, path: str, blob: bytes) -> None:
        self._path = path
        self._blob = blob

    @property
    def checksum(self) -> str:
        """Checksum of the object in hexadecimal digits: a position is valid for one object only."""
        return content_checksum(self._blob).hex()

    def page(
        self, start: RejectedPosition, *, limit: int
    ) -> tuple[list[RejectedRecord], RejectedPosition | None]:
        """Return a page of records by index, and the position of the next page.

        Args:
            start: where the page starts.
            limit: most records of the page.

        Raises:
            ArchiveUnreadable: the object is damaged, or ``start`` is no position in it.
        """
        try:
            return read_rejected_page(self._blob, start, limit=limit)
        except LandingDamaged as error:
            raise ArchiveUnreadable(self._path, str(error)) from error

    def __iter__(self) -> Iterator[RejectedRecord]:
        """Yield all records by index.

        Raises:
            ArchiveUnreadable: the object is damaged from here on.
        """
        try:
            yield from read_rejected(self._blob)
        except LandingDamaged as error:
            raise ArchiveUnreadable(self._path, str(error)) from error


def open_rejected_records(
    catalog: Catalog, store: ObjectStore, batch: BatchRow
) -> RejectedRecords | None:
    """Return the rejected records of a batch, or None when no record was rejected.

    Raises:
        RejectedRecordsDeleted: they were deleted after their retention period.
        ArchiveUnreadable: their object is missing.
        StorageError: the storage cannot be read now.
    """
    if batch.rejected_records_deleted:
        raise RejectedRecordsDeleted(batch)
    if batch.rejected_path is None:
        return None
    try:
        return RejectedRecords(batch.rejected_path, store.get(batch.rejected_path))
    except ObjectMissing as error:
        # They may have been deleted since the batch was read.
        if get_batch(catalog, batch.workspace_id, batch.id).rejected_records_deleted:
            raise RejectedRecordsDeleted(batch) from error
        raise ArchiveUnreadable(batch.rejected_path, str(error)) from error
