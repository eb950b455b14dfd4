"""Codec of stored texts: JSON in a Zstandard frame."""

import msgspec
import zstandard

from everlake.attachments.extraction.types import AttachmentText

MAX_BYTES = 256 * 1024 * 1024
"""Decompressed bytes after which an object is taken for damaged."""

_LEVEL = 3
_INPUT_BYTES = 1024
"""Compressed bytes that are read at a time: few, because each may stand for thousands."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AttachmentText).decode


class TextDamaged(Exception):
    """An object is not what :func:`encode` returned; the message is a clause that says how."""


def encode(text: AttachmentText) -> bytes:
    """Return a text as one JSON object in a Zstandard frame (RFC 8878) with a checksum."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    return compressor.compress(_encode(text))


def decode(blob: bytes) -> AttachmentText:
    """Return the text that an object stands for.

    Raises:
        TextDamaged: the frame is torn, its checksum is wrong, or it has other content.
    """
    stream = zstandard.ZstdDecompressor().decompressobj()
    content = bytearray()
    read = 0
    try:
        while read < len(blob) and not stream.eof:
            content += stream.decompress(blob[read : read + _INPUT_BYTES])
            read += _INPUT_BYTES
            if len(content) > MAX_BYTES:
                raise TextDamaged("it is longer than any text")
    except zstandard.ZstdError as error:
        raise TextDamaged(f"its compressed frame cannot be read ({error})") from error
    if not stream.eof or stream.unused_data or read < len(blob):
        raise TextDamaged("its compressed frame is cut off or has bytes after it")
    try:
        return _decode(content)
    except msgspec.DecodeError as error:
        raise TextDamaged(f"it is not the text of a file ({error})") from error
