"""Uploads on the wire: files sent before the records that refer to them.

An extension: the contract itself has only the ``upload_intent_id`` of an attachment.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from everlake.contract.types import Number64, PositiveCount, UploadId

# (?![\s\S]) is the end of the text in both Python and JSON Schema; $ differs between them.
_NO_NUL = r"^[^\x00]*(?![\s\S])"
SHA256_PATTERN = r"^[0-9a-fA-F]{64}(?![\s\S])"

Filename: TypeAlias = Annotated[str, Meta(max_length=512, pattern=_NO_NUL)]
MimeType: TypeAlias = Annotated[str, Meta(max_length=256, pattern=_NO_NUL)]
Sha256: TypeAlias = Annotated[str, Meta(pattern=SHA256_PATTERN)]
Method: TypeAlias = Annotated[str, Meta(extra_json_schema={"const": "PUT"})]
Url: TypeAlias = Annotated[str, Meta(extra_json_schema={"format": "uri-reference"})]


class UploadRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Announcement of a file. ``size`` is in bytes.

    A ``sha256``, if given, is compared with that of the uploaded content.
    """

    size: Annotated[int, Meta(ge=0, extra_json_schema={"format": "int64"})]
    filename: Filename | UnsetType = UNSET
    mime_type: MimeType | UnsetType = UNSET
    sha256: Sha256 | UnsetType = UNSET


class UploadStatus(StrEnum):
    """Status of an upload."""

    PENDING = "PENDING"
    COMPLETE = "COMPLETE"
    EXPIRED = "EXPIRED"


class UploadTarget(msgspec.Struct, frozen=True):
    """Request that uploads the whole file.

    ``url`` is absolute, or a path of the API (RFC 3986, 4.2).
    """

    method: Method
    url: Url
    headers: Mapping[str, str]


class UploadPart(msgspec.Struct, frozen=True):
    """Request that uploads one part. ``number`` counts from 1, ``size`` is in bytes."""

    number: PositiveCount
    size: PositiveCount
    method: Method
    url: Url
    headers: Mapping[str, str]


class UploadProgress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Progress of an upload. Sizes are in bytes, times in Unix milliseconds."""

    upload_intent_id: UploadId = msgspec.field(name="upload_intent_id")
    status: UploadStatus
    expires_at: Number64
    size: Number64
    part_size: Number64
    received_bytes: Number64


class Upload(UploadProgress, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Upload, with the requests that send what is missing.

    The file is sent as a ``whole``, or in ``parts`` of ``partSize`` bytes, the last of which may
    be shorter. ``parts`` lists the missing ones. Both are absent once the upload is complete or
    expired.
    """

    whole: UploadTarget | UnsetType = UNSET
    parts: list[UploadPart] | UnsetType = UNSET
