"""Records in files: one per line, one after another, an array, or ``{"records": [...]}``.

Files are split without being parsed as a whole, and invalid records do not affect others.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, count

import msgspec
from msgspec import Raw

from everlake.client.errors import InputFileError
from everlake.client.input_files import (
    ByteCounter,
    InputFile,
    display_name,
    printable,
    read_blocks,
)
from everlake.client.json_splitter import WHITESPACE, JsonSplitter, LineSplitter, SplitValue
from everlake.client.types import (
    InputItem,
    InputRecord,
    RecordLocation,
    RejectedInput,
    UnreadableInput,
)
from everlake.contract.envelope import DECODE_ERRORS
from everlake.contract.errors import ErrorCode
from everlake.contract.json_errors import describe_json_error
from everlake.contract.media_types import MediaType

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_WRAPPER = re.compile(rb'\{[ \t\n\r]*"records"[ \t\n\r]*:[ \t\n\r]*\[')
_WRAPPER_BYTES = 1_024
"""Bytes within which the array of a wrapper must begin."""
_VALUE_AFTER_VALUE = re.compile(rb"\}[ \t\r]*\{")
"""What is between two records on one line; it may also be within a string."""
_EXCERPT_BYTES = 20
"""Bytes of a text that are shown in a message."""

_STRING_OR_BREAK = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\r\n]', re.DOTALL)

_decode = msgspec.json.Decoder(Raw).decode


def read_records(
    files: Iterable[InputFile], byte_counter: ByteCounter, *, max_bytes: int
) -> Iterator[InputItem]:
    """Yield the records of files in order, with errors in the place of what cannot be read.

    Memory holds a few blocks and one record at a time, however large the files are.

    Args:
        files: may be compressed (see :func:`everlake.client.input_files.read_blocks`).
        byte_counter: counts the bytes read from disk.
        max_bytes: size of the longest record that is read.
    """
    order = count()
    for file in files:
        text = _PeekableText(read_blocks(file, byte_counter))
        reader = _FileReader(file, text, max_bytes, order)
        try:
            yield from reader.read()
        except InputFileError as error:
            yield UnreadableInput(str(error))


def on_one_line(text: bytes) -> bytes:
    """Return the same JSON without line breaks.

    A break between tokens becomes a space. One within a string, which is not valid JSON, becomes
    an escape.
    """
    if b"\n" not in text and b"\r" not in text:
        return text
    return _STRING_OR_BREAK.sub(_escape_breaks, text)


def _escape_breaks(found: re.Match[bytes]) -> bytes:
    if len(found[0]) == 1:
        return b" "
    return found[0].replace(b"\n", b"\\n").replace(b"\r", b"\\r")


class _PeekableText:
    """Text in blocks whose beginning can be inspected before it is read."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.head = b""
        self.ended = False
        self._blocks = blocks

    def fill(self, size: int) -> None:
        """Fill ``head`` with at least ``size`` bytes, or with the whole text."""
        while len(self.head) < size and not self.ended:
            self._fill()

    def fill_line(self, max_bytes: int) -> None:
        """Fill ``head`` with a whole line, more than ``max_bytes`` of it, or the whole text."""
        while b"\n" not in self.head and len(self.head) <= max_bytes and not self.ended:
            self._fill()

    def skip_white(self) -> int:
        """Drop leading white space, and return the number of line breaks in it."""
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
        """Yield the text from byte ``start`` of ``head`` on."""
        head, self.head = self.head[start:], b""
        return chain([head], self._blocks)


class _FileReader:
    """Reads the records of one file."""

    def __init__(
        self, file: InputFile, text: _PeekableText, max_bytes: int, order: Iterator[int]
    ) -> None:
        self._file = file
        self._name = printable(file.name)
        self._text = text
        self._max_bytes = max_bytes
        self._order = order

    def read(self) -> Iterator[InputItem]:
        """Yield the records, in the form that the beginning of the file has."""
        self._text.fill(len(_BYTE_ORDER_MARK))
        self._text.head = self._text.head.removeprefix(_BYTE_ORDER_MARK)
        line = 1 + self._text.skip_white()
        self._text.fill(_WRAPPER_BYTES)
        head = self._text.head
        if head.startswith(_UTF_16) or b"\0" in head[:4]:
            return self._unreadable(
                "is not UTF-8 but looks like UTF-16 or UTF-32: convert it to UTF-8"
            )
        if head.startswith(b"["):
            return self._read_array(1, b"", line)
        if wrapper := _WRAPPER.match(head):
            line += head.count(b"\n", 0, wrapper.end())
            return self._read_array(wrapper.end(), b"}", line)
        if head.startswith(b"{") and self._is_long_line_of_values():
            return self._read_documents(line)
        if self._file.has_lines or (head.startswith(b"{") and self._looks_like_lines()):
            return self._read_lines(line)
        if head.startswith(b"{"):
            return self._read_documents(line)
        if head:
            start = head[:_EXCERPT_BYTES].decode(errors="replace")
            return self._unreadable(f"holds no JSON records: it begins with {start!r}")
        return iter(())

    def _looks_like_lines(self) -> bool:
        """Return whether each line is a record, in a text that begins with an object."""
        self._text.fill_line(self._max_bytes)
        first, *others = self._text.head.split(b"\n")
        if not others or _json_error(first) is None:
            return True
        if self._text.ended and _json_error(self._text.head) is None:
            return False
        return any(line.startswith(b"{") and _json_error(line) is None for line in others)

    def _is_long_line_of_values(self) -> bool:
        """Return whether the text begins with a line that no request can hold, of several records.

        Services that join records without a separator, such as AWS Firehose, write such files.
        """
        self._text.fill_line(self._max_bytes)
        first = self._text.head.partition(b"\n")[0]
        return len(first) > self._max_bytes and len(_split_line(first, self._max_bytes)) > 1

    def _read_lines(self, line: int) -> Iterator[InputItem]:
        splitter = LineSplitter(line=line, max_bytes=self._max_bytes)
        for value in _values(splitter, self._text.blocks()):
            if value.text is None:
                yield self._too_long(self._location(value.line, 0))
                continue
            texts = _split_line(value.text, self._max_bytes)
            for number, text in enumerate(texts, 1):
                location = self._location(value.line, number if len(texts) > 1 else 0)
                yield InputRecord(text, MediaType.NDJSON, location)

    def _location(self, line: int, number: int) -> RecordLocation:
        return RecordLocation(self._name, line, number, next(self._order))

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
            yield from self._unreadable(f"ends before its array does (line {splitter.line})")
        else:
            shown = splitter.trailing[:_EXCERPT_BYTES].decode(errors="replace")
            yield from self._unreadable(
                f"has text after the end of its array, from line {splitter.line} on, "
                f"which was not read: {shown!r}"
            )

    def _to_records(self, values: Iterator[SplitValue]) -> Iterator[InputItem]:
        for number, value in enumerate(values, 1):
            location = self._location(value.line, number)
            if value.text is None:
                yield self._too_long(location)
            elif error := _json_error(value.text):
                yield RejectedInput(location, value.text, [(ErrorCode.INVALID_JSON, error)])
            else:
                yield InputRecord(value.text, MediaType.JSON, location)

    def _too_long(self, location: RecordLocation) -> RejectedInput:
        message = f"The record is longer than {self._max_bytes:,} bytes: no request can hold it."
        return RejectedInput(location, None, [(ErrorCode.PAYLOAD_TOO_LARGE, message)])

    def _unreadable(self, reason: str) -> Iterator[UnreadableInput]:
        yield UnreadableInput(f"{display_name(self._file.name)} {reason}")


def _values(splitter: LineSplitter | JsonSplitter, blocks: Iterator[bytes]) -> Iterator[SplitValue]:
    for block in blocks:
        yield from splitter.feed(block)
    yield from splitter.finish()


def _split_line(line: bytes, max_bytes: int) -> list[bytes]:
    """Return the records of a line: several where JSON values follow one another without a break.

    A line whose first value is not JSON is returned as it is, as its sender meant it as one.
    """
    if not _VALUE_AFTER_VALUE.search(line) or _json_error(line) is None:
        return [line]
    splitter = JsonSplitter(array=False, line=1, max_bytes=max_bytes)
    values = [value.text or b"" for value in _values(splitter, iter([line]))]
    return values if len(values) > 1 and _json_error(values[0]) is None else [line]


def _until_trailing(splitter: JsonSplitter, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield blocks until there is text after the array that cannot belong to it."""
    for block in blocks:
        yield block
        if len(splitter.trailing) > 1:
            return


def _json_error(text: bytes) -> str | None:
    """Return why a text is not JSON; None if it is."""
    if not text:
        return "There is no record between two commas."
    try:
        # msgspec does not check the encoding of strings within a Raw.
        if not text.isascii():
            text.decode()
        _decode(text)
    except DECODE_ERRORS as error:
        return describe_json_error(text, error)
    return None
