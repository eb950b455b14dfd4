"""Rejected records of a batch as lines of JSON: a writer, and reading in pages.

Memory is bounded whatever the number and the size of the records.
"""

import base64
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import UNSET, UnsetType

from everlake.batching import chunked
from everlake.contract.errors import RecordErrorCode
from everlake.contract.rejected_records import RecordFault, RejectedRecord
from everlake.landing.compression import compression_stream, decompress_chunks
from everlake.landing.errors import LandingDamaged

PAGE_BYTES = 1024 * 1024
"""Bytes of lines after which a page ends, even within the errors of a record.

A page may be longer, because a payload is never divided.
"""

_ERRORS_PER_WRITE = 1_000

# Quotes inside a JSON string have a backslash before them, so neither can stand in a message or
# a payload: there, a quote after a comma or a brace ends the string, and no letter follows it.
_NEXT_ERROR = b',{"code":"'
_PAYLOAD = b'],"payload'


class RejectedWriter:
    """Writer of a batch's rejected records, which compresses each at once.

    A line is ``{"index", "errors": [{"code", "message"}], "payload"}``; ``payload`` is the
    submitted text as a JSON string, or ``payload_base64`` where it is not UTF-8. A record may have
    very many errors, so only compressed bytes are kept in memory.
    """

    def __init__(self) -> None:
        self._stream = compression_stream()
        self._chunks: list[bytes] = []

    def add(
        self, index: int, payload: bytes, errors: Iterable[tuple[RecordErrorCode, str]]
    ) -> None:
        """Append a record.

        Args:
            index: of the record in its request.
            payload: the submitted text.
            errors: of the record; consumed one by one.
        """
        self._write(b'{"index":%d,"errors":[' % index)
        texts = (_encoder.encode({"code": code, "message": text}) for code, text in errors)
        separator = b""
        for chunk in chunked(texts, _ERRORS_PER_WRITE):
            self._write(separator + b",".join(chunk))
            separator = b","
        try:
            members = {"payload": payload.decode()}
        except UnicodeDecodeError:
            members = {"payload_base64": base64.b64encode(payload).decode()}
        self._write(b"]," + _encoder.encode(members)[1:] + b"\n")

    def _write(self, text: bytes) -> None:
        if chunk := self._stream.compress(text):
            self._chunks.append(chunk)

    def finish(self) -> bytes:
        """Return the whole object, after which nothing can be added."""
        self._chunks.append(self._stream.flush())
        return b"".join(self._chunks)


class RejectedPosition(msgspec.Struct, frozen=True):
    """Start of a page.

    Attributes:
        offset: bytes of the decompressed object before the page.
        index: of the record whose errors continue on the page; None where a record begins.
    """

    offset: int = 0
    index: int | None = None


class _RejectedLine(msgspec.Struct, gc=False):
    index: int
    errors: list[RecordFault]
    payload: str | UnsetType = UNSET
    payload_base64: str | UnsetType = UNSET


_encoder = msgspec.json.Encoder()
_decode = msgspec.json.Decoder(_RejectedLine).decode


def read_rejected_page(
    blob: bytes, start: RejectedPosition, *, limit: int
) -> tuple[list[RejectedRecord], RejectedPosition | None]:
    """Return one page of an object's rejected records, by index.

    Only what the page needs is decompressed, except for the first page: it reads the object to
    its end, so that damage is reported before any record is returned.

    Args:
        blob: what :class:`RejectedWriter` returned.
        start: the end of the page before.
        limit: most records on the page, which also ends when it has ``PAGE_BYTES``.

    Returns:
        the records, and the start of the next page; None when this is the last one.

    Raises:
        LandingDamaged: the object is not what was written, or ``start`` is not inside it.
    """
    text = _DecompressedText(blob, start.offset)
    records: list[RejectedRecord] = []
    end = start
    for record, end in _records(text, start):
        records.append(record)
        full = end.index is not None or end.offset - start.offset >= PAGE_BYTES
        if full or len(records) == limit:
            break
    following = None if text.at_end() else end
    if start.offset == 0:
        text.skip_to_end()
    return records, following


def read_rejected(blob: bytes) -> Iterator[RejectedRecord]:
    """Yield all rejected records of an object, by index; long ones in several parts.

    Raises:
        LandingDamaged: see :func:`read_rejected_page`; raised when the iteration reaches it.
    """
    return (record for record, _ in _records(_DecompressedText(blob, 0), RejectedPosition()))


def _records(
    text: "_DecompressedText", start: RejectedPosition
) -> Iterator[tuple[RejectedRecord, RejectedPosition]]:
    """Yield each record, or part of one, from ``start`` on, and the position after it."""
    index = start.index
    while not text.at_end():
        record = _read_record(text, index)
        index = None if record.is_last else record.index
        yield record, RejectedPosition(text.offset, index)


def _read_record(text: "_DecompressedText", index: int | None) -> RejectedRecord:
    head = b"" if index is None else b'{"index":%d,"errors":[' % index
    cut = -1
    if text.find(b"\n", PAGE_BYTES) < 0 and text.find(_PAYLOAD, PAGE_BYTES) < 0:
        cut = text.find_last(_NEXT_ERROR, PAGE_BYTES)
    if cut >= 0:
        line = head + text.consume(cut) + b"]}"
        text.consume(1)
    else:
        line = head + text.consume(text.find(b"\n") + 1)
    try:
        found = _decode(line)
    except msgspec.DecodeError as error:
        raise LandingDamaged(f"a line of it is not a rejected record ({error})") from error
    record = RejectedRecord(
        index=found.index,
        errors=found.errors,
        payload=found.payload,
        payloadBase64=found.payload_base64,
    )
    if record.is_last is (cut >= 0):
        raise LandingDamaged("a rejected record in it has no payload")
    return record


class _DecompressedText:
    """Decompressed object from an offset on; only what was not consumed yet is in memory."""

    def __init__(self, blob: bytes, offset: int) -> None:
        self.offset = offset
        self._chunks = decompress_chunks(blob)
        self._buffer = bytearray()
        while len(self._buffer) < offset:
            offset -= len(self._buffer)
            if (chunk := next(self._chunks, None)) is None:
                raise LandingDamaged("it ends before the requested position")
            self._buffer[:] = chunk
        del self._buffer[:offset]

    def at_end(self) -> bool:
        """Return whether everything was consumed."""
        return not self._buffer and not self._fill()

    def find(self, mark: bytes, within: int | None = None) -> int:
        """Return the position of ``mark`` in the next ``within`` bytes, or in all; -1 if none."""
        searched = 0
        while (position := self._buffer.find(mark, searched, within)) < 0:
            searched = max(0, len(self._buffer) - len(mark) + 1)
            if (within is not None and len(self._buffer) >= within) or not self._fill():
                break
        return position

    def find_last(self, mark: bytes, within: int) -> int:
        """Return the last position of ``mark`` in the next bytes that are buffered; -1 if none."""
        return self._buffer.rfind(mark, 0, within)

    def consume(self, size: int) -> bytes:
        """Remove and return the next ``size`` bytes, which are in the buffer."""
        consumed = bytes(self._buffer[:size])
        del self._buffer[:size]
        self.offset += size
        return consumed

    def skip_to_end(self) -> None:
        """Decompress the rest without keeping it, which verifies the checksum at its end."""
        self._buffer.clear()
        while self._fill():
            self._buffer.clear()

    def _fill(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self._buffer += chunk
        return True
