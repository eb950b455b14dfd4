"""Email (RFC 5322, MIME): the headers that people read, and the text parts."""

from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import BinaryIO

from everlake.attachments.extraction.errors import damaged_file
from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers.charset import decode_text
from everlake.attachments.extraction.readers.html import html_text
from everlake.attachments.extraction.text_builder import TextBuilder

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_MAX_HEADER_CHARACTERS = 10_000
_MAX_PARTS = 10_000


def read(file: BinaryIO, builder: TextBuilder, _task: ExtractionTask) -> None:
    """Add headers, text, and the names of attachments.

    Of alternatives the plain text is read, else the last one, as a rule HTML. Attachments are not
    read; forwarded messages are.

    Raises:
        TextError: the file is not an email, or its parts are nested too deep.
    """
    try:
        message = BytesParser(policy=compat32).parse(file)
    except RecursionError as error:
        raise damaged_file("its parts are nested too deep") from error
    if not any(name in message for name in _HEADERS):
        raise damaged_file("it is not an email")
    builder.add(_headers(message))
    attached: list[str] = []
    for part in _readable_parts(message):
        if part.get_content_type() == "message/rfc822":
            builder.add(_headers(_embedded_message(part)))
        elif (name := _attachment_name(part)) is not None:
            attached.append(name)
        elif part.get_content_maintype() == "text":
            builder.add(_part_text(part))
    if attached:
        builder.add("\n".join(f"Attached: {name}" for name in attached), "attachments")


def _readable_parts(message: Message) -> Iterator[Message]:
    """Yield the parts to read, in order; without recursion, since parts may be nested deep."""
    waiting = [message]
    for _ in range(_MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        if (
            part.get_content_type() == "message/rfc822"
            and part.is_multipart()
            and not _attachment_name(part)
        ):
            yield part
            waiting.append(_embedded_message(part))
        elif part.is_multipart() and part.get_content_type() != "message/rfc822":
            inside: list[Message] = part.get_payload()  # pyright: ignore[reportAssignmentType]
            if part.get_content_type() == "multipart/alternative":
                inside = [_preferred_alternative(inside)] if inside else []
            waiting.extend(reversed(inside))
        else:
            yield part


def _preferred_alternative(renderings: list[Message]) -> Message:
    for part in renderings:
        if part.get_content_type() == "text/plain" and part.get_payload(decode=True):
            return part
    return renderings[-1]


def _embedded_message(part: Message) -> Message:
    inside: list[Message] = part.get_payload()  # pyright: ignore[reportAssignmentType]
    return inside[0]


def _attachment_name(part: Message) -> str | None:
    """Return the name of an attachment; None for a part that belongs to the message's text."""
    name = part.get_filename()
    if name is not None:
        return _decode_header_value(name) or "without a name"
    if part.get_content_disposition() == "attachment":
        return "without a name"
    if part.get_content_maintype() in {"text", "message", "multipart"}:
        return None
    return part.get_content_type()


def _headers(message: Message) -> str:
    lines: list[str] = []
    for name in _HEADERS:
        value = message.get(name)
        if value is not None and (text := _decode_header_value(str(value))):
            lines.append(f"{name}: {text}")
    return "\n".join(lines)


def _decode_header_value(value: str) -> str:
    """Return a header's text with its encoded words (RFC 2047) decoded."""
    value = value[:_MAX_HEADER_CHARACTERS]
    try:
        parts = [
            _decode_word(text, encoding) if isinstance(text, bytes) else text
            for text, encoding in decode_header(value)
        ]
    except (HeaderParseError, ValueError):
        parts = [value]
    text = "".join(parts)
    return " ".join(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").split())


def _decode_word(text: bytes, encoding: str | None) -> str:
    try:
        return text.decode(encoding or "ascii", "replace")
    except LookupError:
        return text.decode("latin-1")


def _part_text(part: Message) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes) or not data:
        return ""
    charset = part.get_content_charset()
    if part.get_content_subtype() == "html":
        return html_text(data, charset)
    return decode_text(data, charset)
