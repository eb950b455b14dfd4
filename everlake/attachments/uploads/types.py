"""Parts and status of an upload: plain types and pure functions."""

import re
from typing import NamedTuple

from everlake.catalog.uploads import NewUpload, UploadRow
from everlake.contract.ids import UPLOAD_PREFIX
from everlake.contract.uploads import UploadStatus

_ID = re.compile(re.escape(UPLOAD_PREFIX) + r"[A-Za-z0-9_\-]{32}")


class PartRange(NamedTuple):
    """One part: its number from 1, and its range ``start`` to ``end`` (exclusive) of the bytes."""

    number: int
    start: int
    end: int

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.end - self.start


class ReceivedContent(NamedTuple):
    """Received content of an upload: a single object, or parts, of which some may be missing."""

    is_single_object: bool
    missing_parts: list[PartRange]
    received_bytes: int

    @property
    def is_complete(self) -> bool:
        """Whether all bytes are received."""
        return self.is_single_object or not self.missing_parts


def is_upload_id(text: str) -> bool:
    """Return whether ``text`` has the form of an upload id."""
    return _ID.fullmatch(text) is not None


def parts_of(upload: NewUpload) -> list[PartRange]:
    """Return all parts of an upload in order; an empty file has one part, which is empty."""
    starts = range(0, max(upload.size, 1), upload.part_size)
    return [
        PartRange(number, start, min(start + upload.part_size, upload.size))
        for number, start in enumerate(starts, 1)
    ]


def status_of(upload: UploadRow, *, complete: bool, now: int) -> UploadStatus:
    """Return the status of an upload.

    Args:
        upload: the upload; it no longer expires once a record references it.
        complete: whether all bytes are received.
        now: Unix milliseconds.
    """
    if upload.used_at is None and upload.expires_at <= now:
        return UploadStatus.EXPIRED
    return UploadStatus.COMPLETE if complete else UploadStatus.PENDING
