"""Email (RFC 5322, MIME) and mailboxes (mbox): a section for each message.

A section is the headers that people read, a line each, then a blank line and the text. The names
of attachments are lines ``Attached: …`` of the headers.
"""

import codecs
import io
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import BinaryIO

from everlake.attachments.extraction.errors import damaged_file
from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers.charset import decode_text
from everlake.attachments.extraction.readers.html import html_source
from everlake.attachments.extraction.readers.mail_headers import header_text
from everlake.attachments.extraction.readers.mailbox import Mailbox, split_mailbox
from everlake.attachments.extraction.text_builder import TextBuilder, clean_text
from everlake.attachments.extraction.types import TextKind
from everlake.mail_markup import mark_history
from everlake.markup import html_to_text

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_MAX_PARTS = 10_000
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read(file: BinaryIO, builder: TextBuilder, _task: ExtractionTask) -> None:
    """Add each message: headers, names of attachments, and text.

    Of alternatives the plain text is read unless it is blank, else the last one that is not, as a
    rule HTML. Attachments are not read; forwarded messages are. A file without headers is read as
    plain text.

    Raises:
        TextError: the file is blank or not text, or its parts are nested too deep.
    """
    if file.read(2) in _UTF_16_MARKS:
        file.seek(0)
        file = io.BytesIO(file.read().decode("utf-16", "replace").encode())
    file.seek(0)
    mailbox = split_mailbox(file)
    if mailbox is None:
        file.seek(0)
        builder.add(decode_text(file.read()))
        if builder.is_empty:
            raise damaged_file("it is not an email")
        return
    builder.kind = TextKind.MAIL
    try:
        _add_messages(mailbox, builder)
    except RecursionError as error:
        raise damaged_file("its parts are nested too deep") from error


def _add_messages(mailbox: Mailbox, builder: TextBuilder) -> None:
    above = mailbox.preamble
    for content in mailbox.messages:
        waiting = [BytesParser(policy=compat32).parse(content)]
        while waiting:
            forwarded = _add_message(waiting.pop(), builder, above)
            waiting += reversed(forwarded)
            above = ""


def _add_message(message: Message, builder: TextBuilder, above: str) -> list[Message]:
    """Add a message's section; return the messages that it forwards.

    Args:
        above: lines that belong to the headers.
    """
    forwarded: list[Message] = []
    heads = [_headers(message), above]
    texts: list[str] = []
    length = 0
    for count, part in enumerate(_readable_parts(message)):
        builder.progress += 1
        if count == _MAX_PARTS or length > builder.remaining:
            builder.truncated = True
            break
        if _is_forwarded(part):
            forwarded.append(_embedded_message(part))
        elif (name := _attachment_name(part)) is not None:
            heads.append(f"Attached: {name}")
        elif part.get_content_maintype() == "text" and (text := _part_text(part)):
            texts.append(text)
            length += len(text)
    builder.add("\n".join(filter(None, heads)) + "\n\n" + "\n\n".join(texts))
    return forwarded


def _readable_parts(message: Message) -> Iterator[Message]:
    """Yield the parts to read, in order; without recursion, since parts may be nested deep.

    A forwarded message is one part.
    """
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if _is_forwarded(part):
            yield part
        elif part.is_multipart() and part.get_content_type() != "message/rfc822":
            inside: list[Message] = part.get_payload()  # pyright: ignore[reportAssignmentType]
            if part.get_content_type() == "multipart/alternative":
                inside = [_preferred_alternative(inside)] if inside else []
            waiting.extend(reversed(inside))
        else:
            yield part


def _is_forwarded(part: Message) -> bool:
    return (
        part.get_content_type() == "message/rfc822"
        and part.is_multipart()
        and not _attachment_name(part)
    )


def _preferred_alternative(renderings: list[Message]) -> Message:
    plain = [part for part in renderings if part.get_content_type() == "text/plain"]
    others = [part for part in reversed(renderings) if part not in plain]
    for part in (*plain, *others):
        if part.is_multipart() or part.get_content_maintype() != "text" or _part_text(part):
            return part
    return renderings[-1]


def _embedded_message(part: Message) -> Message:
    inside: list[Message] = part.get_payload()  # pyright: ignore[reportAssignmentType]
    return inside[0]


def _attachment_name(part: Message) -> str | None:
    """Return the name of an attachment; None for a part that belongs to the message's text."""
    name = part.get_filename()
    if name is not None:
        return header_text(name) or "without a name"
    if part.get_content_disposition() == "attachment":
        return "without a name"
    if part.get_content_maintype() in {"text", "message", "multipart"}:
        return None
    return part.get_content_type()


def _headers(message: Message) -> str:
    raw: dict[str, str] = {}
    for name, value in message.raw_items():
        raw.setdefault(name.lower(), str(value))
    lines = [
        f"{name}: {text}" for name in _HEADERS if (text := header_text(raw.get(name.lower(), "")))
    ]
    return "\n".join(lines) or "Subject:"


def _part_text(part: Message) -> str:
    """Return the text of a part; empty when it is blank."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes) or not data:
        return ""
    charset = part.get_content_charset()
    if part.get_content_subtype() == "html":
        text = html_to_text(mark_history(html_source(data, charset)).source)
    else:
        text = decode_text(data, charset)
    text = clean_text(text)
    return text if text.strip(" \t\n\xa0") else ""
