"""Rejected records on the wire, each with its payload and all of its errors."""

import msgspec
from msgspec import UNSET, UnsetType

from everlake.contract.errors import RecordErrorCode


class RecordFault(msgspec.Struct, frozen=True, gc=False):
    """One error of a :class:`RefusedRecord`."""

    code: RecordErrorCode
    message: str


class RefusedRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One rejected record, or one part of a record with very many errors.

    ``payload`` is the submitted text; ``payloadBase64`` replaces it where the text is not UTF-8.
    The last part of a record has the payload. A part without it continues in the next one, which
    has the same ``index``.
    """

    index: int
    errors: list[RecordFault]
    payload: str | UnsetType = UNSET
    payloadBase64: str | UnsetType = UNSET  # noqa: N815

    @property
    def is_last(self) -> bool:
        """Whether this is the record's last part."""
        return self.payload is not UNSET or self.payloadBase64 is not UNSET


class RefusedPage(msgspec.Struct):
    """One page of rejected records, by index. ``nextCursor`` is null on the last page."""

    errors: list[RefusedRecord]
    nextCursor: str | None  # noqa: N815
