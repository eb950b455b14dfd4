"""Server-sent events (WHATWG HTML, 9.2.6).

The parser of httpx-sse 0.4 is not used: it yields an event without data for each blank line after
an event with an id, where the standard dispatches none. The server's heartbeat, a comment and a
blank line, would make one every 15 seconds.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

_BREAK = re.compile(rb"\r\n|\n|\r(?!\Z)")
"""The end of a line. A carriage return at the end of the text may be half of a break."""
_MAX_LINE_BYTES = 1024 * 1024


class LineTooLong(Exception):
    """A line of the stream has more than 1 MiB."""


class ServerSentEvent(msgspec.Struct, frozen=True):
    """One event. ``id`` is its own, or else that of the last event with one."""

    event: str
    data: str
    id: str


def read_events(chunks: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    """Yield the events of a stream. An incomplete event at its end is left out.

    Args:
        chunks: of the stream, in UTF-8.

    Raises:
        LineTooLong: so that a server cannot fill the client's memory.
    """
    event, data, last_id = "", list[str](), ""
    for line in _lines(chunks):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                event = value
            case "data":
                data.append(value)
            case "id" if "\0" not in value:
                last_id = value
            case _ if not line:
                if data:
                    yield ServerSentEvent(event or "message", "\n".join(data), last_id)
                event, data = "", []
            case _:
                pass  # a comment, the reconnection time, or an unknown field


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for part in chunks:
        rest += part
        end = 0
        for found in _BREAK.finditer(rest):
            yield rest[end : found.start()].decode(errors="replace")
            end = found.end()
        rest = rest[end:]
        if len(rest) > _MAX_LINE_BYTES:
            raise LineTooLong
