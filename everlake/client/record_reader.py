"""Records as they stand in files: one, an array, ``{"records": [...]}``, or one a line."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, count

import msgspec
from msgspec import Raw

from everlake.client.client import JSON, NDJSON
from everlake.client.input_files import (
    ByteCounter,
    InputFile,
    InputFileError,
    display_name,
    printable,
    read_blocks,
)
from everlake.client.json_splitter import WHITESPACE, JsonSplitter, LineSplitter, SplitValue
from everlake.contract.errors import ErrorCode

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_WRAPPER = re.compile(rb'\{[ \t\n\r]*"records"[ \t\n\r]*:[ \t\n\r]*\[')
_WRAPPER_BYTES = 1_024
"""Bytes within which a wrapper's array has to begin."""
_EXCERPT_BYTES = 20
"""Bytes of a text that a message shows."""

_STRING_OR_BREAK = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\r\n]', re.DOTALL)

_decode = msgspec.json.Decoder(Raw).decode


class RecordLocation(msgspec.Struct, frozen=True, gc=False):
    """Where a record stands.

    ``line`` and ``record`` count from 1 within the file; ``record`` is 0 where each line is
    one. ``order`` counts from 0 over everything that is read.
    """

    name: str
    line: int
    record: int
    order: int

    def __str__(self) -> str:
        place = f"{self.name}:{self.line}"
        return f"{place} (record {self.record:,})" if self.record else place


class InputRecord(msgspec.Struct, frozen=True):
    """A record's text, and the media type of a body that can hold it as it is.

    A text for a JSON body is JSON. A text for NDJSON has no line break, and may be anything.
    """

    text: bytes
    media_type: str
    location: RecordLocation


class RejectedInput(msgspec.Struct, frozen=True):
    """One refused record.

    ``payload`` is its text, None where that was too long to be held. ``errors`` are codes and
    messages; there may be none of them where the server did not say all.
    """

    location: RecordLocation
    payload: bytes | None
    errors: list[tuple[str, str]]


class UnreadableInput(msgspec.Struct, frozen=True):
    """A file of which something could not be read; ``message`` says what and why."""

    message: str


InputItem = InputRecord | RejectedInput | UnreadableInput


def read_records(
    sources: Iterable[InputFile], byte_counter: ByteCounter, *, max_bytes: int
) -> Iterator[InputItem]:
    """Every record of the sources in their order; what is wrong comes at its place.

    No more is held than a few blocks and one record, however large the sources are.

    Args:
        sources: they are unpacked by their suffix, or by their first bytes.
        byte_counter: counts the bytes as they are taken off disk.
        max_bytes: bytes of the longest record that is read.
    """
    order = count()
    for source in sources:
        reader = _FileReader(
            source, _PeekableText(read_blocks(source, byte_counter)), max_bytes, order
        )
        try:
            yield from reader.read()
        except InputFileError as error:
            yield UnreadableInput(str(error))


def on_one_line(text: bytes) -> bytes:
    """The same JSON without line breaks: between tokens a space is as good.

    In a string, where JSON does not allow one, a break becomes its escape.
    """
    if b"\n" not in text and b"\r" not in text:
        return text
    return _STRING_OR_BREAK.sub(_escape_breaks, text)


def _escape_breaks(found: re.Match[bytes]) -> bytes:
    if len(found[0]) == 1:
        return b" "
    return found[0].replace(b"\n", b"\\n").replace(b"\r", b"\\r")


class _PeekableText:
    """Blocks of which the first bytes can be looked at before they are read."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.head = b""
        self.ended = False
        self._blocks = blocks

    def fill(self, size: int) -> None:
        """Have at least ``size`` bytes in ``head``, or all there are."""
        while len(self.head) < size and not self.ended:
            self._fill()

    def fill_line(self, max_bytes: int) -> None:
        """Have a whole line in ``head``, or more than ``max_bytes`` bytes of it, or all there are."""
        while b"\n" not in self.head and len(self.head) <= max_bytes and not self.ended:
            self._fill()

    def skip_white(self) -> int:
        """Drop the white space at the beginning; the number of line breaks in it."""
        breaks = 0
        while True:
            text = self.head.lstrip(WHITESPACE)
            breaks += self.head.count(b"\n", 0, len(self.head) - len(text))
            self.head = text
            if text or self.ended:
                return breaks
            self._fill()

    def _fill(self) -> None:
        block = next(self._blocks, None)
        self.head += block or b""
        self.ended = block is None

    def blocks(self, start: int = 0) -> Iterator[bytes]:
        """Everything from byte ``start`` of ``head`` on."""
        head, self.head = self.head[start:], b""
        return chain([head], self._blocks)


class _FileReader:
    """One source."""

    def __init__(
        self, source: InputFile, text: _PeekableText, most: int, order: Iterator[int]
    ) -> None:
        self._source = source
        self._name = printable(source.name)
        self._text = text
        self._max_bytes = most
        self._order = order

    def read(self) -> Iterator[InputItem]:
        self._text.fill(len(_BYTE_ORDER_MARK))
        self._text.head = self._text.head.removeprefix(_BYTE_ORDER_MARK)
        line = 1 + self._text.skip_white()
        self._text.fill(_WRAPPER_BYTES)
        head = self._text.head
        if head.startswith(_UTF_16) or b"\0" in head[:4]:
            return self._unreadable(
                "is not UTF-8 but looks like UTF-16 or UTF-32: turn it into UTF-8"
            )
        if head.startswith(b"["):
            return self._read_array(1, b"", line)
        if wrapper := _WRAPPER.match(head):
            line += head.count(b"\n", 0, wrapper.end())
            return self._read_array(wrapper.end(), b"}", line)
        if self._source.has_lines or (head.startswith(b"{") and self._looks_like_lines()):
            return self._read_lines(line)
        if head.startswith(b"{"):
            return self._read_documents(line)
        if head:
            start = head[:_EXCERPT_BYTES].decode(errors="replace")
            return self._unreadable(f"holds no JSON records: it begins with {start!r}")
        return iter(())

    def _looks_like_lines(self) -> bool:
        """Whether what begins with an object is one record a line, rather than on many lines."""
        self._text.fill_line(self._max_bytes)
        first, *others = self._text.head.split(b"\n")
        if not others or _json_error(first) is None:
            return True
        if self._text.ended and _json_error(self._text.head) is None:
            return False
        return any(line.startswith(b"{") and _json_error(line) is None for line in others)

    def _read_lines(self, line: int) -> Iterator[InputItem]:
        splitter = LineSplitter(line=line, max_bytes=self._max_bytes)
        for value in _values(splitter, self._text.blocks()):
            place = RecordLocation(self._name, value.line, 0, next(self._order))
            if value.text is None:
                yield self._too_long(place)
            else:
                yield InputRecord(value.text, NDJSON, place)

    def _read_documents(self, line: int) -> Iterator[InputItem]:
        splitter = JsonSplitter(array=False, line=line, max_bytes=self._max_bytes)
        return self._to_records(_values(splitter, self._text.blocks()))

    def _read_array(self, start: int, closing: bytes, line: int) -> Iterator[InputItem]:
        splitter = JsonSplitter(array=True, line=line, max_bytes=self._max_bytes)
        blocks = _until_trailing(splitter, self._text.blocks(start))
        yield from self._to_records(_values(splitter, blocks))
        if splitter.trailing == closing and splitter.ended:
            return
        if not splitter.ended or not splitter.trailing:
            yield from self._unreadable(
                f"breaks off before the end of its array (line {splitter.line})"
            )
        else:
            shown = splitter.trailing[:_EXCERPT_BYTES].decode(errors="replace")
            yield from self._unreadable(
                f"has something behind the end of its array, from line {splitter.line} on, "
                f"which was not read: {shown!r}"
            )

    def _to_records(self, values: Iterator[SplitValue]) -> Iterator[InputItem]:
        for number, value in enumerate(values, 1):
            place = RecordLocation(self._name, value.line, number, next(self._order))
            if value.text is None:
                yield self._too_long(place)
            elif fault := _json_error(value.text):
                yield RejectedInput(place, value.text, [(ErrorCode.INVALID_JSON, fault)])
            else:
                yield InputRecord(value.text, JSON, place)

    def _too_long(self, place: RecordLocation) -> RejectedInput:
        message = f"The record is longer than {self._max_bytes:,} bytes: no request can hold it."
        return RejectedInput(place, None, [(ErrorCode.PAYLOAD_TOO_LARGE, message)])

    def _unreadable(self, what: str) -> Iterator[UnreadableInput]:
        yield UnreadableInput(f"{display_name(self._source.name)} {what}")


def _values(splitter: LineSplitter | JsonSplitter, blocks: Iterator[bytes]) -> Iterator[SplitValue]:
    for block in blocks:
        yield from splitter.feed(block)
    yield from splitter.finish()


def _until_trailing(splitter: JsonSplitter, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Blocks up to where something stands behind the array that cannot belong there."""
    for block in blocks:
        yield block
        if len(splitter.trailing) > 1:
            return


def _json_error(text: bytes) -> str | None:
    """Why a text is not JSON (RFC 8259); None where it is."""
    if not text:
        return "There is no record between two commas."
    try:
        # msgspec does not look at the characters of what it leaves as it is.
        if not text.isascii():
            text.decode()
        _decode(text)
    except UnicodeDecodeError as error:
        return f"The text is not UTF-8: byte {error.start} does not belong to any character."
    except RecursionError:
        return "The text is nested too deep."
    except msgspec.DecodeError as error:
        return f"The text is not JSON: {str(error).removeprefix('JSON is malformed: ')}."
    return None
