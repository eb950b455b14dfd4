"""A batch's accepted and refused records as lines of JSON, and back.

An accepted line is the normalised envelope with ``data`` as its last member, as it was sent.
White space between tokens may hold line breaks, and a line may not; such a ``data`` stands in
its line with spaces for the breaks, and ``_data_text`` beside it holds the exact text.
"""

import base64
from collections.abc import Iterable, Sequence
from itertools import islice

import msgspec
import zstandard
from msgspec import UNSET, Raw, UnsetType

from everlake.contract.envelope import DEFAULT_NATURE, Participant, Record
from everlake.contract.errors import RecordErrorCode
from everlake.contract.record_identity import record_id, record_version

_LEVEL = 1
_ERRORS_PER_WRITE = 1_000
_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")

_encoder = msgspec.json.Encoder()


class LandingDamaged(Exception):
    """A landing object is not what was written; the message says which part is wrong."""


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
    """The lines of accepted, normalised records, not compressed.

    Args:
        line_breaks: False promises that no record's ``data`` has a line feed or carriage return
            between its tokens.
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


def compress(lines: bytes) -> bytes:
    """A Zstandard frame (RFC 8878) with its checksum and content size."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(lines)


def decompress(blob: bytes) -> bytes:
    """The lines of an object.

    Raises:
        LandingDamaged: the frame is torn or its checksum is wrong.
    """
    stream = zstandard.ZstdDecompressor().decompressobj()
    try:
        lines = stream.decompress(blob)
    except zstandard.ZstdError as error:
        raise LandingDamaged(f"its compressed frame cannot be read ({error})") from error
    if not stream.eof or stream.unused_data:
        raise LandingDamaged("its compressed frame is cut off or has bytes behind it")
    return lines


def decode_accepted(lines: bytes, sequence: int) -> list[LandedRecord]:
    """The records of a landing object.

    Args:
        lines: what :func:`encode_accepted` made.
        sequence: the batch's sequence in its workspace, the high part of each version.

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
    """Which records a landing object holds. Arguments and errors as :func:`decode_accepted`."""
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


class RejectedWriter:
    """Refused records with all their errors, compressed as they come.

    A line is ``{"index", "errors": [{"code", "message"}], "payload"}``; ``payload`` is the
    submitted text as a JSON string, or ``payload_base64`` where it is not UTF-8. One refused
    record may have very many errors, so nothing but the compressed bytes is held.
    """

    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj()
        self._chunks: list[bytes] = []

    def add(
        self, index: int, payload: bytes, errors: Iterable[tuple[RecordErrorCode, str]]
    ) -> None:
        """Append one refused record, taking its errors one by one."""
        self._write(b'{"index":%d,"errors":[' % index)
        texts = (_encoder.encode({"code": code, "message": text}) for code, text in errors)
        some = list(islice(texts, _ERRORS_PER_WRITE))
        while some:
            following = list(islice(texts, _ERRORS_PER_WRITE))
            self._write(b",".join(some) + (b"," if following else b""))
            some = following
        try:
            kept = {"payload": payload.decode()}
        except UnicodeDecodeError:
            kept = {"payload_base64": base64.b64encode(payload).decode()}
        self._write(b"]," + _encoder.encode(kept)[1:] + b"\n")

    def _write(self, text: bytes) -> None:
        if part := self._stream.compress(text):
            self._chunks.append(part)

    def finish(self) -> bytes:
        """The whole object."""
        self._chunks.append(self._stream.flush())
        return b"".join(self._chunks)
