"""What goes between the three processes: the caller, the launcher, and the reader of one file.

The caller hands the launcher a :class:`Task` with two descriptors, the file and the pipe for the
answer. The launcher forks a reader, which writes one :class:`Answer` to the pipe, and says in an
:class:`Exit` how the reader ended. Both go over a stream socket, as their length in four bytes and
then themselves. A message of no length asks the launcher to end the reader.
"""

import socket
import struct
from collections.abc import Sequence

import msgspec

from everlake.attachments.extraction.types import (
    AttachmentText,
    ExtractionLimits,
    TextCode,
    TranscriptionOptions,
)

MAX_MESSAGE_BYTES = 64 * 1024
"""Bytes of a message over the socket."""

MAX_NAME_CHARACTERS = 1_000
"""Characters of a file's name and type that are sent on."""


MAX_SECTIONS = 20_000
MAX_PLACE_CHARACTERS = 200
"""Characters of a section's place."""


class ExtractionTask(msgspec.Struct, frozen=True, kw_only=True):
    """A file to read; it and the pipe come beside as descriptors."""

    mime_type: str
    filename: str | None
    limits: ExtractionLimits
    speech: TranscriptionOptions | None = None
    """Without it no speech is written down."""


class ReaderExit(msgspec.Struct, frozen=True, kw_only=True):
    """How a reader ended: ``code`` as :attr:`subprocess.Popen.returncode`; None: never started."""

    code: int | None
    stderr: bytes = b""
    """The beginning of what it wrote on standard error."""


class ReaderReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reader's answer: the text, or why there is none."""

    text: AttachmentText | None = None
    code: TextCode | None = None
    message: str = ""
    is_recording: bool = False
    """There is none because the file is a recording, and no speech is to be written down."""


def max_reply_bytes(limits: ExtractionLimits) -> int:
    """How long an answer may be: a character has at most four bytes in UTF-8 (RFC 3629)."""
    return 4 * (limits.max_characters + MAX_SECTIONS * (MAX_PLACE_CHARACTERS + 16)) + 4_096


encode = msgspec.msgpack.Encoder().encode
decode_task = msgspec.msgpack.Decoder(ExtractionTask).decode
decode_exit = msgspec.msgpack.Decoder(ReaderExit).decode
decode_reply = msgspec.msgpack.Decoder(ReaderReply).decode


STOP = b""
_LENGTH = struct.Struct("!I")
_MAX_DESCRIPTORS = 4


def send(control: socket.socket, message: bytes, descriptors: Sequence[int] = ()) -> None:
    """Send one message, and descriptors beside it.

    Raises:
        OSError: the other side is gone.
    """
    framed = _LENGTH.pack(len(message)) + message
    sent = socket.send_fds(control, [framed], descriptors)
    if sent < len(framed):
        control.sendall(framed[sent:])


def receive(control: socket.socket) -> tuple[bytes, list[int]] | None:
    """The next message and the descriptors beside it; None when the other side is gone."""
    head, descriptors, _, _ = socket.recv_fds(control, _LENGTH.size, _MAX_DESCRIPTORS)
    try:
        head += _receive_exactly(control, _LENGTH.size - len(head)) if head else b""
        if not head:
            return None
        (size,) = _LENGTH.unpack(head)
        if size > MAX_MESSAGE_BYTES:
            return None
        return _receive_exactly(control, size), descriptors
    except (EOFError, OSError):
        return None


def _receive_exactly(control: socket.socket, size: int) -> bytes:
    parts = b""
    while len(parts) < size:
        part = control.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return parts
