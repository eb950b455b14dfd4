"""Integration Envelope: one record as it arrives over the wire.

Each rule of the contract's record table is stated once: a type with its bounds, and beside it the
message for a value that breaks the rule. The decoder, the diagnostics and the OpenAPI document
all read these types. Lengths count Unicode characters. No type admits ``null``: a member without
a value is left out.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from everlake.contract.types import EVENT_AT_PATTERN, RecordTypeName

RECORD_TYPES: tuple[str, ...] = get_args(RecordTypeName)
DEFAULT_NATURE = "evidence"
"""The ``_nature`` of a record that states none."""

DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Raised by decoding for a text that is not JSON, or not of the type asked for."""

# (?![\s\S]) is the end of the text in both Python and JSON Schema; $ differs between them.
EMAIL_PATTERN = r"^[^@\s]+@[^@\s]+(?![\s\S])"
URL_PATTERN = r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#][^\s]*(?![\s\S])"


def _rule(message: str) -> dict[str, Any]:
    return {"rule": message}


Text64: TypeAlias = Annotated[
    str, Meta(max_length=64, extra=_rule("must be a string of at most 64 characters"))
]
Text128: TypeAlias = Annotated[
    str, Meta(max_length=128, extra=_rule("must be a string of at most 128 characters"))
]
Text256: TypeAlias = Annotated[
    str, Meta(max_length=256, extra=_rule("must be a string of at most 256 characters"))
]
Text512: TypeAlias = Annotated[
    str, Meta(max_length=512, extra=_rule("must be a string of at most 512 characters"))
]
Text1024: TypeAlias = Annotated[
    str, Meta(max_length=1_024, extra=_rule("must be a string of at most 1,024 characters"))
]
Email: TypeAlias = Annotated[
    str,
    Meta(
        max_length=320,
        pattern=EMAIL_PATTERN,
        extra=_rule("must be an email address of at most 320 characters"),
    ),
]
HttpUrl: TypeAlias = Annotated[
    str,
    Meta(
        max_length=2_048,
        pattern=URL_PATTERN,
        extra=_rule("must be an absolute http or https URL of at most 2,048 characters"),
    ),
]
Score: TypeAlias = Annotated[float, Meta(ge=0, le=1, extra=_rule("must be a number from 0 to 1"))]
Size: TypeAlias = Annotated[int, Meta(ge=0, extra=_rule("must be an integer of at least 0"))]
Flag: TypeAlias = Annotated[bool, Meta(extra=_rule("must be true or false"))]

Role: TypeAlias = Annotated[
    Literal["internal", "external", "unknown"],
    Meta(extra=_rule("must be internal, external or unknown")),
]
ParticipantType: TypeAlias = Annotated[
    Literal["user", "contact", "workspace_member", "bot", "system", "unknown"],
    Meta(extra=_rule("must be user, contact, workspace_member, bot, system or unknown")),
]
AttachmentType: TypeAlias = Annotated[
    Literal["audio", "video", "file", "image", "text", "unknown"],
    Meta(extra=_rule("must be audio, video, file, image, text or unknown")),
]
RedactionStatus: TypeAlias = Annotated[
    Literal["unredacted", "redacted", "encrypted"],
    Meta(extra=_rule("must be unredacted, redacted or encrypted")),
]
Nature: TypeAlias = Annotated[
    Literal["evidence", "guidance", "context"],
    Meta(extra=_rule("must be evidence, guidance or context")),
]


class Participant(
    msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
):
    """One participant of a conversation: a customer, a colleague, a bot."""

    id: Text256
    role: Role
    name: Text256 | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    type: ParticipantType | UnsetType = UNSET


class Attachment(
    msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
):
    """One file of a record, by URL or by the id of an upload. ``size`` is in bytes."""

    type: AttachmentType
    filename: Text512 | UnsetType = UNSET
    size: Size | UnsetType = UNSET
    mime_type: Text256 | UnsetType = UNSET
    sha1: Text128 | UnsetType = UNSET
    md5: Text128 | UnsetType = UNSET
    vendor_url: HttpUrl | UnsetType = UNSET
    upload_intent_id: Text256 | UnsetType = UNSET


class DetectedEntity(
    msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
):
    """One piece of personal data that the sender found."""

    type: Text64
    value: Text1024 | UnsetType = UNSET
    confidence: Score | UnsetType = UNSET


DetectedEntities: TypeAlias = Annotated[
    list[DetectedEntity], Meta(extra=_rule("must be an array of objects"))
]


class Pii(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """Personal data in a record, as far as the sender knows."""

    contains_email: Flag | UnsetType = UNSET
    contains_phone: Flag | UnsetType = UNSET
    sensitive_score: Score | UnsetType = UNSET
    detected_entities: DetectedEntities | UnsetType = UNSET
    redaction_status: RedactionStatus | UnsetType = UNSET


RecordType: TypeAlias = Annotated[
    str,
    Meta(
        extra=_rule("must be " + ", ".join(RECORD_TYPES[:-1]) + " or " + RECORD_TYPES[-1]),
        extra_json_schema={"enum": list(RECORD_TYPES)},
    ),
]
"""Any string here: :func:`canonical_type` trims and lower-cases it before it is compared."""

EventAt: TypeAlias = Annotated[
    str,
    Meta(
        max_length=24,
        extra=_rule(
            "must be a UTC time that exists, written YYYY-MM-DDTHH:MM:SSZ "
            "or with 1 to 3 fraction digits before the Z"
        ),
        extra_json_schema={"pattern": EVENT_AT_PATTERN},
    ),
]
SchemaVersion: TypeAlias = Annotated[Literal["1.0.0"], Meta(extra=_rule('must be exactly "1.0.0"'))]
VendorIds: TypeAlias = Annotated[
    dict[str, Annotated[str, Meta(extra=_rule("must be a string"))]],
    Meta(min_length=1, extra=_rule("must be an object with at least one entry")),
]
ProjectIds: TypeAlias = Annotated[
    list[Text128], Meta(min_length=1, extra=_rule("must be an array of at least one project id"))
]
Participants: TypeAlias = Annotated[
    list[Participant],
    Meta(max_length=5_000, extra=_rule("must be an array of at most 5,000 participants")),
]
Attachments: TypeAlias = Annotated[
    list[Attachment], Meta(extra=_rule("must be an array of attachments"))
]
Tags: TypeAlias = Annotated[
    list[Text64], Meta(max_length=200, extra=_rule("must be an array of at most 200 tags"))
]


class Record(
    msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
):
    """One record.

    On the wire every member but ``data`` has a leading underscore in its name. ``data`` is the
    sender's JSON object, byte for byte.
    """

    type: RecordType = msgspec.field(name="_type")
    schema_version: SchemaVersion = msgspec.field(name="_schema_version")
    event_at: EventAt = msgspec.field(name="_event_at")
    vendor_ids: VendorIds = msgspec.field(name="_vendor_ids")
    product_id: Text128 = msgspec.field(name="_product_id")
    project_ids: ProjectIds | UnsetType = msgspec.field(name="_project_ids", default=UNSET)
    project_id: Text128 | UnsetType = msgspec.field(name="_project_id", default=UNSET)
    nature: Nature | UnsetType = msgspec.field(name="_nature", default=UNSET)
    thread_id: Text512 | UnsetType = msgspec.field(name="_thread_id", default=UNSET)
    participants: Participants | UnsetType = msgspec.field(name="_participants", default=UNSET)
    attachments: Attachments | UnsetType = msgspec.field(name="_attachments", default=UNSET)
    tags: Tags | UnsetType = msgspec.field(name="_tags", default=UNSET)
    pii: Pii | UnsetType = msgspec.field(name="_pii", default=UNSET)
    data: Raw


class _TypeAndProduct(msgspec.Struct, gc=False):
    record_type: Raw | UnsetType = msgspec.field(name="_type", default=UNSET)
    product_id: Raw | UnsetType = msgspec.field(name="_product_id", default=UNSET)


_TYPE_OF = {name: name for name in RECORD_TYPES}
_decode_type_and_product = msgspec.json.Decoder(_TypeAndProduct).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_product_id = msgspec.json.Decoder(Text128).decode


def normalize_type(text: str) -> str:
    """Return a ``_type`` in the form in which types are compared: trimmed and lower-cased."""
    return text.strip().lower()


def canonical_type(text: str) -> str | None:
    """Return the record type that ``text`` names, or None."""
    return _TYPE_OF.get(text) or _TYPE_OF.get(normalize_type(text))


def type_and_product(payload: bytes) -> tuple[str, str] | None:
    """Return the ``_type``, as compared, and the ``_product_id`` of a record's JSON text.

    None unless both are valid by themselves: no other record counts where all records of a request
    must have the same type and product (contract, Judged, 4).
    """
    try:
        found = _decode_type_and_product(payload)
        if found.record_type is UNSET or found.product_id is UNSET:
            return None
        record_type = canonical_type(_decode_text(found.record_type))
        product_id = _decode_product_id(found.product_id)
    except DECODE_ERRORS:
        return None
    return None if record_type is None else (record_type, product_id)


def canonical_event_at(text: str) -> str | None:
    """Return ``text`` cut to the second (``YYYY-MM-DDTHH:MM:SSZ``), or None if it breaks the rule.

    Contract, Record: at most 3 fraction digits, upper-case T and Z, a date that exists.
    """
    tail = text[19:]
    if tail != "Z":
        digits = tail[1:-1]
        if not (
            tail.startswith(".")
            and tail.endswith("Z")
            and 1 <= len(digits) <= 3
            and digits.isascii()
            and digits.isdigit()
        ):
            return None
    if not _is_date(text[:10]) or not _is_time(text[10:19]):
        return None
    return text[:19] + "Z"


def are_canonical_times(texts: Sequence[str]) -> bool:
    """Return whether :func:`canonical_event_at` would leave each of ``texts`` as it is.

    Faster than one call for each.
    """
    count = len(texts)
    joined = "".join(texts)
    if {*map(len, texts)} != {20} or joined[10::20] != "T" * count or joined[19::20] != "Z" * count:
        return False
    try:
        msgspec.convert(texts, list[datetime])
    except msgspec.ValidationError:
        return False
    return True


@lru_cache(50_000)
def _is_date(text: str) -> bool:
    """Return whether ``text`` is a date that exists, ``YYYY-MM-DD``."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@lru_cache(100_000)
def _is_time(text: str) -> bool:
    """Return whether ``text`` is ``T`` and a time of day that exists, ``HH:MM:SS``."""
    try:
        return "T" + time.fromisoformat(text[1:]).isoformat() == text
    except ValueError:
        return False
