"""Email (RFC 5322, MIME), its headers that people read and the parts that are text."""

from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import BinaryIO

from everlake.attachments.text.gather import Gathered
from everlake.attachments.text.readers.charset import decode
from everlake.attachments.text.readers.faults import damaged
from everlake.attachments.text.readers.words import html_text
from everlake.attachments.text.wire import Task

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_LONGEST_HEADER = 10_000
_MOST_PARTS = 10_000


def read(file: BinaryIO, gathered: Gathered, _task: Task) -> None:
    """Headers, text, and the names of what is attached.

    Of an alternative the plain rendering is read, else that in HTML. What is attached to it is
    not read, a message forwarded in it is.

    Raises:
        TextError: it is no mail, or one nested beyond reading.
    """
    try:
        message = BytesParser(policy=compat32).parse(file)
    except RecursionError as error:
        raise damaged("its parts are nested too deep") from error
    if not any(name in message for name in _HEADERS):
        raise damaged("it is no email")
    gathered.add(_headers(message))
    attached: list[str] = []
    for part in _parts(message):
        if part.get_content_type() == "message/rfc822":
            gathered.add(_headers(_first(part)))
        elif (name := _name(part)) is not None:
            attached.append(name)
        elif part.get_content_maintype() == "text":
            gathered.add(_text(part))
    if attached:
        gathered.add("\n".join(f"Attached: {name}" for name in attached), "attachments")


def _parts(message: Message) -> Iterator[Message]:
    """The parts to be read, in their order; no recursion, as a mail nests as it likes."""
    waiting = [message]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        if part.get_content_type() == "message/rfc822" and part.is_multipart() and not _name(part):
            yield part
            waiting.append(_first(part))
        elif part.is_multipart() and part.get_content_type() != "message/rfc822":
            inside: list[Message] = part.get_payload()  # pyright: ignore[reportAssignmentType]
            if part.get_content_type() == "multipart/alternative":
                inside = [_best(inside)] if inside else []
            waiting.extend(reversed(inside))
        else:
            yield part


def _best(renderings: list[Message]) -> Message:
    for part in renderings:
        if part.get_content_type() == "text/plain" and part.get_payload(decode=True):
            return part
    return renderings[-1]


def _first(part: Message) -> Message:
    inside: list[Message] = part.get_payload()  # pyright: ignore[reportAssignmentType]
    return inside[0]


def _name(part: Message) -> str | None:
    """The name of an attachment; None where the part is to be read where it stands."""
    name = part.get_filename()
    if name is not None:
        return _decoded(name) or "without a name"
    if part.get_content_disposition() == "attachment":
        return "without a name"
    if part.get_content_maintype() in {"text", "message", "multipart"}:
        return None
    return part.get_content_type()


def _headers(message: Message) -> str:
    lines: list[str] = []
    for name in _HEADERS:
        value = message.get(name)
        if value is not None and (text := _decoded(str(value))):
            lines.append(f"{name}: {text}")
    return "\n".join(lines)


def _decoded(value: str) -> str:
    """A header's text with its encoded words (RFC 2047) decoded."""
    value = value[:_LONGEST_HEADER]
    try:
        parts = [
            _word(text, encoding) if isinstance(text, bytes) else text
            for text, encoding in decode_header(value)
        ]
    except (HeaderParseError, ValueError):
        parts = [value]
    text = "".join(parts)
    return " ".join(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").split())


def _word(text: bytes, encoding: str | None) -> str:
    try:
        return text.decode(encoding or "ascii", "replace")
    except LookupError:
        return text.decode("latin-1")


def _text(part: Message) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes) or not data:
        return ""
    charset = part.get_content_charset()
    if part.get_content_subtype() == "html":
        return html_text(data, charset)
    return decode(data, charset)
