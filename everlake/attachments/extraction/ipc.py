"""Messages between the caller, the launcher, and the reader of one file.

The caller sends the launcher an :class:`ExtractionTask` with two descriptors: the file, and a pipe
for the reply. The launcher forks a reader, which writes one :class:`ReaderReply` to the pipe, and
reports in a :class:`ReaderExit` how the reader ended. Tasks and exits go over a stream socket, each
after its length in four bytes. An empty message asks the launcher to kill the reader.
"""

import socket
import struct
from collections.abc import Sequence

import msgspec

from everlake.attachments.extraction.errors import TextCode
from everlake.attachments.extraction.types import (
    AttachmentText,
    ExtractionLimits,
    TranscriptionOptions,
)

MAX_MESSAGE_BYTES = 64 * 1024
"""Greatest size of a message over the socket."""

MAX_NAME_CHARACTERS = 1_000
"""Characters of a file's name and type that the reader gets."""

MAX_SECTIONS = 20_000
"""Sections of a text."""

MAX_PLACE_CHARACTERS = 200
"""Characters of a section's place."""

STOP = b""
"""Message that asks the launcher to kill the reader."""

_LENGTH = struct.Struct("!I")
_MAX_DESCRIPTORS = 4


class ExtractionTask(msgspec.Struct, frozen=True, kw_only=True):
    """A file to read. The file itself and the pipe are sent as descriptors.

    Attributes:
        mime_type: as stated or detected.
        filename: as stated.
        limits: of the extraction.
        speech: how a recording is transcribed; None: it is not.
    """

    mime_type: str
    filename: str | None
    limits: ExtractionLimits
    speech: TranscriptionOptions | None = None


class ReaderExit(msgspec.Struct, frozen=True, kw_only=True):
    """How a reader ended.

    Attributes:
        code: as :attr:`subprocess.Popen.returncode`; None: it did not start.
        stderr: the beginning of its standard error.
    """

    code: int | None
    stderr: bytes = b""


class ReaderReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reader's reply: the text, or why there is none.

    Attributes:
        text: None if there is none.
        code: why there is none.
        message: likewise, for people; empty: a standard one is used.
        is_recording: the reason is that the file is a recording and the task has no ``speech``.
    """

    text: AttachmentText | None = None
    code: TextCode | None = None
    message: str = ""
    is_recording: bool = False


def max_reply_bytes(limits: ExtractionLimits) -> int:
    """Return the greatest size of a reply: UTF-8 has four bytes a character or less (RFC 3629)."""
    return 4 * (limits.max_characters + MAX_SECTIONS * (MAX_PLACE_CHARACTERS + 16)) + 4_096


encode = msgspec.msgpack.Encoder().encode
decode_task = msgspec.msgpack.Decoder(ExtractionTask).decode
decode_exit = msgspec.msgpack.Decoder(ReaderExit).decode
decode_reply = msgspec.msgpack.Decoder(ReaderReply).decode


def send(control: socket.socket, message: bytes, descriptors: Sequence[int] = ()) -> None:
    """Send one message, with descriptors.

    Raises:
        OSError: the other process is gone.
    """
    framed = _LENGTH.pack(len(message)) + message
    sent = socket.send_fds(control, [framed], descriptors)
    if sent < len(framed):
        control.sendall(framed[sent:])


def receive(control: socket.socket) -> tuple[bytes, list[int]] | None:
    """Return the next message and its descriptors; None when the other process is gone."""
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
