"""Refused records as they are read back, each with its payload and all of its errors."""

import msgspec
from msgspec import UNSET, UnsetType

from everlake.contract.errors import RecordErrorCode


class RecordFault(msgspec.Struct, frozen=True, gc=False):
    """One error of a record whose index stands beside it."""

    code: RecordErrorCode
    message: str


class RefusedRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One refused record, or a part of one that has very many errors.

    ``payload`` is the submitted text, ``payloadBase64`` stands in its place where that is not
    UTF-8. It comes with the last of the record's errors: a part without either is gone on with
    by the next one, which has the same ``index``.
    """

    index: int
    errors: list[RecordFault]
    payload: str | UnsetType = UNSET
    payloadBase64: str | UnsetType = UNSET  # noqa: N815

    @property
    def is_last(self) -> bool:
        """Whether the record has no further errors behind these."""
        return self.payload is not UNSET or self.payloadBase64 is not UNSET


class RefusedPage(msgspec.Struct):
    """One page of refused records by index; ``nextCursor`` is null when there is no more."""

    errors: list[RefusedRecord]
    nextCursor: str | None  # noqa: N815
