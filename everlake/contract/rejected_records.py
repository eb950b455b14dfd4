"""Rejected records on the wire, each with its payload and all of its errors."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from everlake.contract.errors import RecordErrorCode, RecordErrorMessage
from everlake.contract.limits import MAX_PAGE_SIZE
from everlake.contract.types import Count, NextCursor


class RecordFault(msgspec.Struct, frozen=True, gc=False):
    """One error of a :class:`RejectedRecord`."""

    code: RecordErrorCode
    message: RecordErrorMessage


class RejectedRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One rejected record, or one part of a record with very many errors.

    ``payload`` is the submitted text; ``payloadBase64`` replaces it where the text is not UTF-8.
    The last part of a record has the payload. A part without it continues in the next one, which
    has the same ``index``.
    """

    index: Count
    errors: Annotated[list[RecordFault], Meta(extra_json_schema={"minItems": 1})]
    payload: str | UnsetType = UNSET
    payloadBase64: (  # noqa: N815
        Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})] | UnsetType
    ) = UNSET

    @property
    def is_last(self) -> bool:
        """Whether this is the record's last part."""
        return self.payload is not UNSET or self.payloadBase64 is not UNSET


class RejectedPage(msgspec.Struct):
    """One page of rejected records, by index. ``nextCursor`` is null on the last page."""

    errors: Annotated[list[RejectedRecord], Meta(extra_json_schema={"maxItems": MAX_PAGE_SIZE})]
    nextCursor: NextCursor  # noqa: N815
