"""Server-sent events off the wire (WHATWG HTML, 9.2.6)."""

import re
from collections.abc import Iterable, Iterator

import msgspec

_LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\n|\r(?!\Z))")
"""A line with its break. A return at the very end may be half of one, so it has to wait."""


class ServerSentEvent(msgspec.Struct, frozen=True):
    """One event; ``id`` is that of the last event that had one."""

    event: str
    data: str
    id: str


def read_events(chunks: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    """The events of a stream; one that is cut off before its end is left out.

    Args:
        chunks: the stream's bytes as they come, in UTF-8.
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
                pass  # a comment, the pause before another try, or a field of days to come


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for part in chunks:
        rest += part
        end = 0
        for found in _LINE.finditer(rest):
            yield found[1].decode(errors="replace")
            end = found.end()
        rest = rest[end:]
