"""Reading of a batch's landing objects, checked against its row in the catalog."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from everlake.landing.accepted import (
    LandedIdentity,
    LandedRecord,
    decode_accepted,
    decode_identities,
)
from everlake.landing.compression import decompress
from everlake.landing.errors import LandingDamaged
from everlake.landing.rejected import read_rejected
from everlake.model.batches import BatchRow
from everlake.storage import ObjectMissing, ObjectStore, ObjectUnreadable

UNREADABLE_ERRORS = (LandingDamaged, ObjectMissing, ObjectUnreadable)
"""Errors that concern the records of one batch alone."""


def read_accepted(store: ObjectStore, batch: BatchRow) -> list[LandedRecord]:
    """Return the accepted records of a batch, by line.

    Raises:
        ObjectMissing: there is no landing object.
        LandingDamaged: the object is not what was written, or is another batch's.
        ObjectUnreadable: the object cannot be read now.
        StorageUnavailable: no object can be read now.
    """
    return _check_records(batch, decode_accepted(_read_lines(store, batch), batch.sequence))


def read_accepted_many(
    store: ObjectStore, group: Sequence[BatchRow]
) -> Iterator[tuple[BatchRow, list[LandedRecord]]]:
    """Yield each batch with its accepted records, of which it must have some.

    Raises:
        StorageError, LandingDamaged: see :func:`read_accepted`.
    """
    blobs = store.get_many([_landing_path(batch) for batch in group])
    for batch, blob in zip(group, blobs, strict=True):
        yield (
            batch,
            _check_records(batch, decode_accepted(_decompress_lines(blob, batch), batch.sequence)),
        )


def read_identities(store: ObjectStore, batch: BatchRow) -> list[LandedIdentity]:
    """Return the identities of a batch's accepted records, by line.

    Raises:
        StorageError, LandingDamaged: see :func:`read_accepted`.
    """
    return _check_records(batch, decode_identities(_read_lines(store, batch), batch.sequence))


def check_rejected(store: ObjectStore, batch: BatchRow) -> None:
    """Check that the object of a batch's rejected records is complete, if it has one.

    Raises:
        ObjectMissing, LandingDamaged, ObjectUnreadable: it is not.
        StorageUnavailable: no object can be read now.
    """
    if batch.rejected_path is None:
        return
    count = sum(1 for record in read_rejected(store.get(batch.rejected_path)) if record.is_last)
    _check_count(count, batch.rejected)


def _read_lines(store: ObjectStore, batch: BatchRow) -> bytes:
    return _decompress_lines(store.get(_landing_path(batch)), batch)


def _landing_path(batch: BatchRow) -> str:
    if batch.landing_path is None:
        raise ObjectMissing("the batch has no landing object")
    return batch.landing_path


def _decompress_lines(blob: bytes, batch: BatchRow) -> bytes:
    """Return the lines in a batch's object.

    Raises:
        LandingDamaged: they are not those that were written.
    """
    lines = decompress(blob)
    if len(lines) != batch.landing_bytes:
        raise LandingDamaged(
            f"its lines have {len(lines):,} bytes, and the batch has {batch.landing_bytes:,}"
        )
    try:
        lines.decode()  # decoding a line does not validate what is inside ``data``
    except UnicodeDecodeError as error:
        raise LandingDamaged(f"its lines are not UTF-8 ({error.reason})") from error
    return lines


_Record = TypeVar("_Record", LandedRecord, LandedIdentity)


def _check_records(batch: BatchRow, records: list[_Record]) -> list[_Record]:
    """Return ``records``, after checking that they can be the batch's.

    Raises:
        LandingDamaged: they cannot.
    """
    _check_count(len(records), batch.accepted)
    for record in records:
        if record.record_type != batch.type or record.product_id != batch.product_id:
            raise LandingDamaged("its records are not of the batch's type and product")
    return records


def _check_count(found: int, expected: int) -> None:
    if found != expected:
        raise LandingDamaged(f"it holds {found:,} records, and the batch has {expected:,}")
