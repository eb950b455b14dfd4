"""Mailbox (mbox) and single messages: finds where each message begins in a file."""

import io
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

_ENVELOPE = re.compile(rb"From .{1,300}\d{4}|From -|From \S{1,200}\s*\Z")
_ESCAPED_ENVELOPE = re.compile(rb">{1,20}From ")
_FIELD = re.compile(rb"[A-Za-z][!-9;-~]{0,80}:")
_KNOWN_FIELD = re.compile(
    rb"(?:from|to|cc|subject|date|received|return-path|delivered-to|mime-version|message-id|sender"
    rb"|content-[a-z-]{1,30}|x-[a-z0-9-]{1,60}|reply-to|dkim-signature|authentication-results"
    rb"|arc-[a-z-]{1,40}|in-reply-to|references|list-[a-z-]{1,20}|envelope-to|thread-[a-z]{1,10})"
    rb"\s?:",
    re.IGNORECASE,
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAX_PREAMBLE_LINES = 30
_MAX_LINE_BYTES = 64 * 1024


class Mailbox(NamedTuple):
    """Messages of a file."""

    preamble: str
    """Lines before the first message that belong to none."""
    messages: Iterable[BinaryIO]


def split_mailbox(file: BinaryIO) -> Mailbox | None:
    """Return the messages of a file; None when no header is in its first lines.

    Blank lines, a byte order mark and other stray lines may be before the first header.

    Args:
        file: at its beginning.
    """
    stray: list[str] = []
    for _ in range(_MAX_PREAMBLE_LINES):
        start = file.tell()
        line = file.readline(_MAX_LINE_BYTES)
        if not line:
            return None
        bare = line.removeprefix(_BYTE_ORDER_MARK)
        start += len(line) - len(bare)
        if _ENVELOPE.match(bare):
            file.seek(start)
            return Mailbox("\n".join(stray), _split(file))
        if _KNOWN_FIELD.match(bare) or (not stray and _FIELD.match(bare) and _has_field(file)):
            file.seek(start)
            return Mailbox("\n".join(stray), [file])
        # Apple Mail's .emlx begins with the length of the message.
        if (text := bare.decode("utf-8", "replace").strip()) and not text.isdigit():
            stray.append(text[:500])
    return None


def _has_field(file: BinaryIO) -> bool:
    """Return whether a header that mails have is among the next lines."""
    lines = itertools.islice(iter(lambda: file.readline(_MAX_LINE_BYTES), b""), 50)
    for line in lines:
        if not line.strip():
            return False
        if _KNOWN_FIELD.match(line):
            return True
    return False


def _split(file: BinaryIO) -> Iterator[BinaryIO]:
    """Yield the messages of an mbox file; a message begins with a line ``From …``."""
    message = io.BytesIO()
    is_after_blank = True
    for line in file:
        if is_after_blank and line.startswith(b"From ") and _ENVELOPE.match(line):
            if message.tell():
                yield _rewound(message)
            message = io.BytesIO()
        else:
            message.write(line[1:] if _ESCAPED_ENVELOPE.match(line) else line)
        is_after_blank = not line.strip()
    if message.tell():
        yield _rewound(message)


def _rewound(message: io.BytesIO) -> BinaryIO:
    message.seek(0)
    return message
