"""Files sent before the records that name them (ours; the envelope has ``upload_intent_id``)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

# The end is (?![\s\S]), which Python and JSON Schema read alike; $ is not.
_NO_NUL = r"^[^\x00]*(?![\s\S])"
SHA256_PATTERN = r"^[0-9a-fA-F]{64}(?![\s\S])"

Filename: TypeAlias = Annotated[str, Meta(max_length=512, pattern=_NO_NUL)]
MimeType: TypeAlias = Annotated[str, Meta(max_length=256, pattern=_NO_NUL)]
Sha256: TypeAlias = Annotated[str, Meta(pattern=SHA256_PATTERN)]


class UploadRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is announced of a file. ``size`` is in bytes.

    ``sha256``, where it is given, is checked when the content is taken in.
    """

    size: Annotated[int, Meta(ge=0)]
    filename: Filename | UnsetType = UNSET
    mime_type: MimeType | UnsetType = UNSET
    sha256: Sha256 | UnsetType = UNSET


class UploadStatus(StrEnum):
    """Where an upload is."""

    PENDING = "PENDING"
    COMPLETE = "COMPLETE"
    EXPIRED = "EXPIRED"


class UploadTarget(msgspec.Struct, frozen=True):
    """A request that takes content: ``url`` is absolute, or a path of the API (RFC 3986, 4.2)."""

    method: str
    url: str
    headers: Mapping[str, str]


class UploadPart(msgspec.Struct, frozen=True):
    """The request that takes one part. ``number`` counts from 1, ``size`` is in bytes."""

    number: int
    size: int
    method: str
    url: str
    headers: Mapping[str, str]


class UploadProgress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """How much of an upload has come. Sizes are in bytes, times Unix milliseconds."""

    upload_intent_id: str = msgspec.field(name="upload_intent_id")
    status: UploadStatus
    expires_at: int
    size: int
    part_size: int
    received_bytes: int


class Upload(UploadProgress, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """An upload, and where to send what has not come yet.

    It may come as a ``whole``, or in ``parts`` of ``partSize`` bytes of which the last may be
    shorter. ``parts`` are those that are missing; neither is there once nothing is taken any more.
    """

    whole: UploadTarget | UnsetType = UNSET
    parts: list[UploadPart] | UnsetType = UNSET
