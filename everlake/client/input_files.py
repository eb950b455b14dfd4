"""Input files: finding them, and reading them in blocks, decompressed.

Unlike :mod:`everlake.ingest.decompression`, which reads requests of strangers, decompression here
has no limits: the files are the user's own.
"""

import errno
import gzip
import os
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import zstandard

from everlake.client.errors import InputFileError

STANDARD_INPUT = "-"
_BLOCK_BYTES = 1024 * 1024
_ZSTD_STEP = 256
"""Input bytes of a call: 4 bytes can stand for 128 KiB, so a call's output is at most 8 MiB."""

_LINE_SUFFIXES = (".ndjson", ".jsonl")
_RECORD_SUFFIXES = (".json", *_LINE_SUFFIXES)
_GZIP_SUFFIXES = (".gz",)
_ZSTD_SUFFIXES = (".zst", ".zstd")
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class InputFile(msgspec.Struct, frozen=True):
    """One file of records, or standard input (``-``).

    ``size`` is its size on disk in bytes, or None if it is not a regular file.
    """

    name: str
    size: int | None = None

    @property
    def has_lines(self) -> bool:
        """Whether the name says that each line is a record."""
        return _record_suffix(self.name) in _LINE_SUFFIXES


class InputFiles(msgspec.Struct, frozen=True):
    """Files in the order in which they are read, and the names of those that are skipped."""

    files: list[InputFile]
    skipped: list[str]

    @property
    def size(self) -> int | None:
        """Size of all files on disk in bytes; None if that of one is unknown."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None


def find_input_files(names: Iterable[str]) -> InputFiles:
    """Return the files with these names.

    A directory stands for all files below it, in the order of their paths. Those whose suffix is
    not one of record files are skipped.

    Args:
        names: of files and directories; ``-`` for standard input.

    Raises:
        InputFileError: a file or directory does not exist, or may not be read.
    """
    found = InputFiles([], [])
    for name in names:
        if name == STANDARD_INPUT:
            found.files.append(InputFile(name))
        elif Path(name).is_dir():
            for path in _files_below(name):
                if _record_suffix(path) in _RECORD_SUFFIXES:
                    found.files.append(_input_file(path))
                else:
                    found.skipped.append(printable(path))
        else:
            found.files.append(_input_file(name))
    return found


def _files_below(directory: str) -> list[str]:
    def raise_error(error: OSError) -> None:
        raise _unreadable(error.filename, error)

    walked = os.walk(directory, onerror=raise_error)
    return sorted(str(Path(folder, name)) for folder, _, names in walked for name in names)


def _input_file(name: str) -> InputFile:
    try:
        status = Path(name).stat()
        if not os.access(name, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _unreadable(name, error) from error
    return InputFile(name, status.st_size if stat.S_ISREG(status.st_mode) else None)


def _unreadable(name: str, error: Exception) -> InputFileError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return InputFileError(f"{display_name(name)} cannot be read: {reason}")


def display_name(name: str) -> str:
    """Return the name of a file for messages."""
    return "standard input" if name == STANDARD_INPUT else printable(name)


def printable(name: str) -> str:
    """Return a file's name as valid Unicode, with replacements for bytes that are not UTF-8."""
    return os.fsencode(name).decode(errors="replace")


def _record_suffix(name: str) -> str:
    path = Path(name)
    if path.suffix.lower() in (*_GZIP_SUFFIXES, *_ZSTD_SUFFIXES):
        path = Path(path.stem)
    return path.suffix.lower()


def read_blocks(input_file: InputFile, byte_counter: "ByteCounter") -> Iterator[bytes]:
    """Yield the decompressed content of a file in non-empty blocks.

    Args:
        input_file: compressed if its suffix, or else its first bytes, say so.
        byte_counter: counts the bytes read from disk.

    Raises:
        InputFileError: the file cannot be read, or is not what its suffix says.
    """
    try:
        with _open(input_file.name) as file:
            yield from _decompressed(input_file.name, _CountedFile(file, byte_counter))
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise _unreadable(input_file.name, error) from error


class ByteCounter:
    """Number of bytes read from disk so far."""

    def __init__(self) -> None:
        self.count = 0


def _open(name: str) -> "BinaryIO | nullcontext[BinaryIO]":
    if name == STANDARD_INPUT:
        return nullcontext(sys.stdin.buffer)
    return Path(name).open("rb", buffering=0)


class _CountedFile:
    """A file whose first bytes can be inspected before they are read."""

    def __init__(self, file: BinaryIO, byte_counter: ByteCounter) -> None:
        self._file = file
        self._byte_counter = byte_counter
        self._head = b""

    def peek(self, size: int) -> bytes:
        """Return the first bytes without reading them: ``size`` or, of a shorter file, all."""
        while len(self._head) < size and (more := self._read_counted(size - len(self._head))):
            self._head += more
        return self._head

    def read(self, size: int = _BLOCK_BYTES) -> bytes:
        """Return the next bytes, at most ``size``; none at the end."""
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return self._read_counted(size)

    def _read_counted(self, size: int) -> bytes:
        block = self._file.read(size)
        self._byte_counter.count += len(block)
        return block


def _decompressed(name: str, file: _CountedFile) -> Iterator[bytes]:
    suffix = Path(name).suffix.lower()
    head = file.peek(len(_ZSTD_MAGIC))
    if suffix in _GZIP_SUFFIXES or head.startswith(_GZIP_MAGIC):
        content = gzip.GzipFile(fileobj=cast("BinaryIO", file), mode="rb")
        return iter(lambda: content.read(_BLOCK_BYTES), b"")
    if suffix in _ZSTD_SUFFIXES or head == _ZSTD_MAGIC:
        return _decompress_zstd(file)
    return iter(file.read, b"")


def _decompress_zstd(file: _CountedFile) -> Iterator[bytes]:
    """Yield the content of one or more Zstandard frames (RFC 8878, 3.1)."""
    context = zstandard.ZstdDecompressor()
    stream = context.decompressobj()
    started = False
    parts: list[bytes] = []
    size = 0
    while block := file.read(_BLOCK_BYTES):
        for start in range(0, len(block), _ZSTD_STEP):
            pending = block[start : start + _ZSTD_STEP]
            while pending:
                if stream.eof:
                    stream = context.decompressobj()
                started = True
                parts.append(stream.decompress(pending))
                size += len(parts[-1])
                pending = stream.unused_data if stream.eof else b""
            if size >= _BLOCK_BYTES:
                yield b"".join(parts)
                parts, size = [], 0
    if size:
        yield b"".join(parts)
    if started and not stream.eof:
        raise EOFError("its compressed content is truncated")
