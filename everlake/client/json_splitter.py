"""Splitting of a text in blocks into JSON values, each byte for byte.

A JSON parser needs the whole text. To split it, counting brackets and skipping strings is enough.
"""

import re
from collections.abc import Iterator

import msgspec
from msgspec import Raw

WHITESPACE = b" \t\n\r"

_QUOTE, _BACKSLASH, _COMMA, _END_OF_ARRAY = b'"\\,]'
_OPENING = b"[{"

# From outside a string, over whole strings, to the next bracket or comma.
_TO_BRACKET = re.compile(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+', re.DOTALL)
_TO_COMMA = re.compile(rb'[^"\[\]{},]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{},]*+)*+', re.DOTALL)
# From inside a string to its end, or to a backslash that is the last byte of the block.
_TO_QUOTE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)

_BEFORE_RECORD = re.compile(rb",[ \t\n\r]*\{[ \t\n\r]*\Z")
_LOOKBACK_BYTES = 64
_MAX_GUESSES = 64
_MAX_TRAILING_SPACE = 1_024

_decode_array = msgspec.json.Decoder(list[Raw]).decode


class SplitValue(msgspec.Struct, frozen=True, gc=False):
    """Text of one value, or None if it is too long, and the line in which it begins."""

    text: bytes | None
    line: int


class LineSplitter:
    """Splits a text into lines (NDJSON). Blank lines are skipped.

    Args:
        line: number of the first line.
        max_bytes: size of the longest line that is kept.
    """

    def __init__(self, *, line: int, max_bytes: int) -> None:
        self._line = line
        self._max_bytes = max_bytes
        self._buffered = b""
        self._too_long = False

    def feed(self, block: bytes) -> Iterator[SplitValue]:
        """Yield the lines that end in this block."""
        first, *others = block.split(b"\n")
        self._buffer(first)
        if not others:
            return
        last = others.pop()
        yield from self._take()
        for text in others:
            self._line += 1
            if stripped := text.strip(WHITESPACE):
                yield SplitValue(stripped if len(stripped) <= self._max_bytes else None, self._line)
        self._line += 1
        self._buffer(last)

    def finish(self) -> Iterator[SplitValue]:
        """Yield the last line, if it has no line break."""
        yield from self._take()

    def _buffer(self, part: bytes) -> None:
        self._buffered += part
        if len(self._buffered) > 2 * self._max_bytes:
            self._buffered = b""
            self._too_long = True

    def _take(self) -> Iterator[SplitValue]:
        text = self._buffered.strip(WHITESPACE)
        if self._too_long or len(text) > self._max_bytes:
            yield SplitValue(None, self._line)
        elif text:
            yield SplitValue(text, self._line)
        self._buffered, self._too_long = b"", False


class JsonSplitter:
    """Splits an array, or JSON texts one after another, into values.

    A value is the text between two commas of the array, or up to the bracket that closes a text.
    It need not be JSON, so an invalid value does not affect the others.

    Args:
        array: whether the text is that after the ``[`` of an array.
        line: number of the line in which the text begins.
        max_bytes: size of the longest value that is kept.
    """

    def __init__(self, *, array: bool, line: int, max_bytes: int) -> None:
        self.ended = False
        """Whether the array's ``]`` has been read."""
        self.trailing: bytes = b""
        """Text after the array, without white space around it."""
        self.line = line
        """Line in which the next value begins, or a line before it."""
        self._trailing_space: bytes = b""
        self._array = array
        self._max_bytes = max_bytes
        self._count = 0
        self._buffered = b""
        self._dropped_from: int | None = None
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, block: bytes) -> Iterator[SplitValue]:
        """Yield the values that end in this block."""
        start = 0
        guessed = not self._array
        while start < len(block) and not self.ended:
            if not guessed and self._at_start():
                guessed = True
                values, start = self._split_fast(block, start)
                yield from values
            end = self._scan(block, start)
            if end is None:
                self._buffer(block[start:])
                return
            self._buffer(block[start:end])
            start = end
            if self._array:
                self.ended = block[end] == _END_OF_ARRAY
                start += 1
            if self._buffered or self._dropped_from or not self.ended or self._count:
                yield self._take()
        self._add_trailing(block[start:])

    def finish(self) -> Iterator[SplitValue]:
        """Yield the value in which the text ends, if it does."""
        if self._buffered or self._dropped_from:
            yield self._take()

    def _add_trailing(self, text: bytes) -> None:
        # White space at the end belongs to the trailing text only if more text follows.
        text = self._trailing_space + text if self.trailing else text.lstrip(WHITESPACE)
        stripped = text.rstrip(WHITESPACE)
        self.trailing += stripped
        self._trailing_space = text[len(stripped) :][:_MAX_TRAILING_SPACE]

    def _at_start(self) -> bool:
        return not (self._buffered or self._dropped_from)

    def _scan(self, block: bytes, start: int) -> int | None:
        """Return where the value that continues at ``start`` ends; None if not in this block."""
        at = start
        while at < len(block):
            if self._in_string:
                at = self._leave_string(block, at)
                continue
            to_next = _TO_BRACKET if self._depth or not self._array else _TO_COMMA
            at = to_next.match(block, at).end()  # pyright: ignore[reportOptionalMemberAccess] - it matches an empty text as well
            if at == len(block):
                break
            byte = block[at]
            at += 1
            if byte == _QUOTE:
                self._in_string = True
            elif byte in _OPENING:
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if not self._depth and not self._array:
                    return at
            elif self._array and byte in (_COMMA, _END_OF_ARRAY):
                return at - 1
        return None

    def _leave_string(self, block: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        end = _TO_QUOTE.match(block, at).end()  # pyright: ignore[reportOptionalMemberAccess] - it matches an empty text as well
        if end < len(block):
            self._in_string = block[end] == _BACKSLASH
            self._escaped = self._in_string
        return end + 1

    def _buffer(self, part: bytes) -> None:
        if self._at_start():
            text = part.lstrip(WHITESPACE)
            self.line += part.count(b"\n", 0, len(part) - len(text))
            part = text
        if self._dropped_from:
            self.line += part.count(b"\n")
            return
        self._buffered += part
        # Twice the size: white space at the end may be within the value or after it.
        if len(self._buffered) > 2 * self._max_bytes:
            self._dropped_from = self.line
            self.line += self._buffered.count(b"\n")
            self._buffered = b""

    def _take(self) -> SplitValue:
        text = self._buffered.rstrip(WHITESPACE)
        if self._dropped_from or len(text) > self._max_bytes:
            value = SplitValue(None, self._dropped_from or self.line)
        else:
            value = SplitValue(text, self.line)
        self.line += self._buffered.count(b"\n")
        self._buffered, self._dropped_from = b"", None
        self._depth, self._in_string, self._escaped = 0, False, False
        self._count += 1
        return value

    def _split_fast(self, block: bytes, start: int) -> tuple[list[SplitValue], int]:
        """Return many values at once, and where they end; none if they are not all valid.

        The text before the last comma that seems to separate two records is a list of whole
        values exactly if it is a JSON array once it is in brackets.
        """
        comma = _last_separator(block, start)
        if comma < 0:
            return [], start
        try:
            texts = _decode_array(b"[" + block[start:comma] + b"]")
        except (msgspec.DecodeError, RecursionError):
            return [], start
        values: list[SplitValue] = []
        at = start
        for raw in texts:
            text = bytes(raw)
            # Only white space and a comma precede it.
            begin = block.index(text[:1], at)
            self.line += block.count(b"\n", at, begin)
            values.append(SplitValue(text if len(text) <= self._max_bytes else None, self.line))
            self.line += text.count(b"\n")
            at = begin + len(text)
        if not values:
            return [], start
        self.line += block.count(b"\n", at, comma)
        self._count += len(values)
        return values, comma + 1


def _last_separator(block: bytes, start: int) -> int:
    """Return the position of the last comma before ``{"_``, which nearly always begins a record."""
    end = len(block)
    for _ in range(_MAX_GUESSES):
        end = block.rfind(b'"_', start, end)
        if end < 0:
            break
        before = max(start, end - _LOOKBACK_BYTES)
        if found := _BEFORE_RECORD.search(block, before, end):
            return found.start()
    return -1
