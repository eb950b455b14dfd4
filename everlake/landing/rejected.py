"""Refused records off the archive, a page at a time, whatever their number and their size."""

from collections.abc import Iterator

import msgspec
import zstandard
from msgspec import UNSET, UnsetType

from everlake.contract.rejected_records import RecordFault, RefusedRecord
from everlake.landing.lines import LandingDamaged

PAGE_BYTES = 1024 * 1024
"""Bytes of lines after which a page ends, and most of one record's errors on it.

A payload stays whole, and so may go beyond.
"""

_INPUT_CHUNK = 1024
"""Compressed bytes read at a time: few, because each may stand for thousands."""

# Quotes inside a JSON string have a backslash before them, so neither can stand in a message or
# a payload: there, a quote after a comma or a brace ends the string, and no letter follows it.
_NEXT_ERROR = b',{"code":"'
_PAYLOAD = b'],"payload'


class RejectedPosition(msgspec.Struct, frozen=True):
    """Where a page begins.

    ``offset`` counts bytes of the decompressed object. ``index`` is that of the record whose
    errors go on there; None where a record begins.
    """

    offset: int = 0
    index: int | None = None


class _RejectedLine(msgspec.Struct, gc=False):
    index: int
    errors: list[RecordFault]
    payload: str | UnsetType = UNSET
    payload_base64: str | UnsetType = UNSET


_decode = msgspec.json.Decoder(_RejectedLine).decode


def checksum_of(blob: bytes) -> bytes:
    """The checksum that ends the frame (RFC 8878, 3.1.1): of equal content, it is equal."""
    return blob[-4:]


def read_rejected_page(
    blob: bytes, start: RejectedPosition, *, limit: int
) -> tuple[list[RefusedRecord], RejectedPosition | None]:
    """One page of the refused records of an object, by index.

    No more is decompressed than the page needs, save for the first one: that reads to the end,
    so that damage is told of before anything is given.

    Args:
        blob: what :class:`everlake.landing.lines.RejectedWriter` made.
        start: where the page before ended.
        limit: most records on the page; it ends earlier where it has grown to ``PAGE_BYTES``.

    Returns:
        the records, and where the next page begins; None when there is no more.

    Raises:
        LandingDamaged: the object is not what was written, or ``start`` is no place in it.
    """
    text = _DecompressedText(blob, start.offset)
    records: list[RefusedRecord] = []
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


def read_rejected(blob: bytes) -> Iterator[RefusedRecord]:
    """All refused records of an object by index, one or a part of one at a time.

    Raises:
        LandingDamaged: see :func:`read_page`; raised where the reading gets to the damage.
    """
    return (record for record, _ in _records(_DecompressedText(blob, 0), RejectedPosition()))


def _records(
    text: "_DecompressedText", start: RejectedPosition
) -> Iterator[tuple[RefusedRecord, RejectedPosition]]:
    """Each record or part of one from ``start`` on, and what place is behind it."""
    index = start.index
    while not text.at_end():
        record = _read_record(text, index)
        index = None if record.is_last else record.index
        yield record, RejectedPosition(text.offset, index)


def _read_record(text: "_DecompressedText", index: int | None) -> RefusedRecord:
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
        raise LandingDamaged(f"a line of it is not a refused record ({error})") from error
    record = RefusedRecord(
        index=found.index,
        errors=found.errors,
        payload=found.payload,
        payloadBase64=found.payload_base64,
    )
    if record.is_last is (cut >= 0):
        raise LandingDamaged("a refused record in it has no payload")
    return record


class _DecompressedText:
    """The decompressed object from an offset on, of which only what is asked for is held."""

    def __init__(self, blob: bytes, offset: int) -> None:
        self.offset = offset
        self._chunks = _decompress_chunks(blob)
        self._buffer = bytearray()
        while len(self._buffer) < offset:
            offset -= len(self._buffer)
            if (part := next(self._chunks, None)) is None:
                raise LandingDamaged("it ends before the place that is asked for")
            self._buffer[:] = part
        del self._buffer[:offset]

    def at_end(self) -> bool:
        """Whether there is nothing more."""
        return not self._buffer and not self._fill()

    def find(self, mark: bytes, within: int | None = None) -> int:
        """Where ``mark`` comes, in the next ``within`` bytes if told; -1 where it does not."""
        searched = 0
        while (place := self._buffer.find(mark, searched, within)) < 0:
            searched = max(0, len(self._buffer) - len(mark) + 1)
            if (within is not None and len(self._buffer) >= within) or not self._fill():
                break
        return place

    def find_last(self, mark: bytes, within: int) -> int:
        """Where ``mark`` comes last in the next ``within`` bytes, of what is held; -1 if not."""
        return self._buffer.rfind(mark, 0, within)

    def consume(self, size: int) -> bytes:
        """The next ``size`` bytes, which are held."""
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        self.offset += size
        return taken

    def skip_to_end(self) -> None:
        """Decompress what is left, for the checksum at its end, and keep none of it."""
        self._buffer.clear()
        while self._fill():
            self._buffer.clear()

    def _fill(self) -> bool:
        part = next(self._chunks, None)
        if part is None:
            return False
        self._buffer += part
        return True


def _decompress_chunks(blob: bytes) -> Iterator[bytes]:
    """The lines of an object in parts, none of them empty.

    Raises:
        LandingDamaged: as :func:`everlake.landing.lines.decompress`, where it gets to the damage.
    """
    stream = zstandard.ZstdDecompressor().decompressobj()
    read = 0
    try:
        while read < len(blob) and not stream.eof:
            part = stream.decompress(blob[read : read + _INPUT_CHUNK])
            read += _INPUT_CHUNK
            if part:
                yield part
    except zstandard.ZstdError as error:
        raise LandingDamaged(f"its compressed frame cannot be read ({error})") from error
    if not stream.eof or stream.unused_data or read < len(blob):
        raise LandingDamaged("its compressed frame is cut off or has bytes behind it")
