"""Accepted records of a batch as lines of JSON: encoding and decoding.

A line is the normalised envelope with ``data`` as its last member, byte for byte as it was sent.
JSON allows line breaks between tokens, and a line cannot contain any. A ``data`` with line breaks
therefore has spaces for them, and the member ``_data_text`` has its exact text.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw, UnsetType

from everlake.contract.envelope import DEFAULT_NATURE, Participant, Record
from everlake.contract.record_identity import record_id, record_version
from everlake.landing.errors import LandingDamaged

_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")

_encoder = msgspec.json.Encoder()


class LandedIdentity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Identity of an accepted record, five times as fast to decode as all of it."""

    record_id: str
    version: int
    record_type: str
    product_id: str


class LandedRecord(LandedIdentity, frozen=True, kw_only=True, gc=False):
    """An accepted record as the archive keeps it.

    ``envelope`` is the normalised envelope without ``data``, ``data`` the sender's JSON object;
    both are JSON text in UTF-8.
    """

    event_at: str
    project_ids: list[str]
    nature: str
    thread_id: str | None
    participants: list[Participant]
    tags: list[str]
    vendor_ids: dict[str, str]
    envelope: bytes
    data: bytes


class _Line(msgspec.Struct, kw_only=True, gc=False):
    type: str = msgspec.field(name="_type")
    event_at: str = msgspec.field(name="_event_at")
    vendor_ids: dict[str, str] = msgspec.field(name="_vendor_ids")
    product_id: str = msgspec.field(name="_product_id")
    project_ids: list[str] = msgspec.field(name="_project_ids")
    nature: str = msgspec.field(name="_nature", default=DEFAULT_NATURE)
    thread_id: str | None = msgspec.field(name="_thread_id", default=None)
    participants: list[Participant] = msgspec.field(
        name="_participants", default_factory=list[Participant]
    )
    tags: list[str] = msgspec.field(name="_tags", default_factory=list[str])
    data: Raw
    data_text: str | UnsetType = msgspec.field(name="_data_text", default=UNSET)


class _IdentityLine(msgspec.Struct, kw_only=True, gc=False):
    type: str = msgspec.field(name="_type")
    event_at: str = msgspec.field(name="_event_at")
    vendor_ids: dict[str, str] = msgspec.field(name="_vendor_ids")
    product_id: str = msgspec.field(name="_product_id")


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_identity_line = msgspec.json.Decoder(_IdentityLine).decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode


def encode_accepted(records: Sequence[Record], *, line_breaks: bool = True) -> bytes:
    """Return the lines of accepted, normalised records, not compressed.

    Args:
        records: in the order of their lines.
        line_breaks: whether a ``data`` may have a line feed or carriage return between tokens.
            False is faster, and wrong where there is one.
    """
    if line_breaks:
        return b"".join(_encode_with_line_breaks(record) for record in records)
    return _encoder.encode_lines(records)


def _encode_with_line_breaks(record: Record) -> bytes:
    text = bytes(record.data)
    flat = text.translate(_LINE_BREAKS)
    if flat == text:
        return _encoder.encode(record) + b"\n"
    line = _encoder.encode(msgspec.structs.replace(record, data=Raw(flat)))
    return line[:-1] + b',"_data_text":' + _encoder.encode(text.decode()) + b"}\n"


def decode_accepted(lines: bytes, sequence: int) -> list[LandedRecord]:
    """Return the records of a landing object, by line.

    Args:
        lines: what :func:`encode_accepted` returned.
        sequence: of the batch in its workspace; the high part of each record's version.

    Raises:
        LandingDamaged: a line is not a record.
    """
    try:
        return [
            _decode_accepted(line, record_version(sequence, number))
            for number, line in enumerate(lines.splitlines())
        ]
    except (msgspec.DecodeError, RecursionError) as error:
        raise LandingDamaged(f"a line of it is not a record ({error})") from error


def decode_identities(lines: bytes, sequence: int) -> list[LandedIdentity]:
    """Return the identities of a landing object's records. See :func:`decode_accepted`."""
    try:
        return [
            _decode_identity(line, record_version(sequence, number))
            for number, line in enumerate(lines.splitlines())
        ]
    except (msgspec.DecodeError, RecursionError) as error:
        raise LandingDamaged(f"a line of it is not a record ({error})") from error


def _decode_identity(text: bytes, version: int) -> LandedIdentity:
    line = _decode_identity_line(text)
    return LandedIdentity(
        record_id=record_id(line.type, line.vendor_ids, line.event_at),
        version=version,
        record_type=line.type,
        product_id=line.product_id,
    )


def _decode_accepted(text: bytes, version: int) -> LandedRecord:
    line = _decode_line(text)
    data = bytes(line.data)
    if line.data_text is UNSET:
        envelope = text[: -len(data) - len(b',"data":}')] + b"}"
    else:
        members = _decode_members(text)
        del members["data"], members["_data_text"]
        envelope = _encoder.encode(members)
        data = line.data_text.encode()
    return LandedRecord(
        record_id=record_id(line.type, line.vendor_ids, line.event_at),
        version=version,
        record_type=line.type,
        event_at=line.event_at,
        product_id=line.product_id,
        project_ids=line.project_ids,
        nature=line.nature,
        thread_id=line.thread_id,
        participants=line.participants,
        tags=line.tags,
        vendor_ids=line.vendor_ids,
        envelope=envelope,
        data=data,
    )
