"""A file's text as an object of the storage, and back."""

import msgspec
import zstandard

from everlake.attachments.extraction.types import AttachmentText

MAX_BYTES = 256 * 1024 * 1024
"""Decompressed bytes after which an object is not taken for one of ours."""

_LEVEL = 3
_INPUT_BYTES = 1024
"""Compressed bytes read at a time: few, because each may stand for thousands."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AttachmentText).decode


class TextDamaged(Exception):
    """An object is not what :func:`encode` made; the message says which part is wrong."""


def encode(text: AttachmentText) -> bytes:
    """One JSON object in a Zstandard frame (RFC 8878) with its checksum and content size."""
    packed = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    return packed.compress(_encode(text))


def decode(blob: bytes) -> AttachmentText:
    """The text of an object.

    Raises:
        TextDamaged: the frame is torn, its checksum is wrong, or it is none of ours.
    """
    stream = zstandard.ZstdDecompressor().decompressobj()
    content = bytearray()
    read = 0
    try:
        while read < len(blob) and not stream.eof:
            content += stream.decompress(blob[read : read + _INPUT_BYTES])
            read += _INPUT_BYTES
            if len(content) > MAX_BYTES:
                raise TextDamaged("it grows beyond what any text is")
    except zstandard.ZstdError as error:
        raise TextDamaged(f"its compressed frame cannot be read ({error})") from error
    if not stream.eof or stream.unused_data or read < len(blob):
        raise TextDamaged("its compressed frame is cut off or has bytes behind it")
    try:
        return _decode(content)
    except msgspec.DecodeError as error:
        raise TextDamaged(f"it is not the text of a file ({error})") from error
