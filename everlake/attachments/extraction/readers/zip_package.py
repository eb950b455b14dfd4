"""ZIP packages of office formats (ECMA-376 part 2, ODF part 2), with bounds on their size."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import BinaryIO
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812

from everlake.attachments.extraction.errors import (
    TextCode,
    TextError,
    damaged_file,
    encrypted_file,
)
from everlake.attachments.extraction.types import ExtractionLimits

_MAX_MEMBERS = 20_000
_BUFFER_BYTES = 64 * 1024
_READ_SUFFIXES = (".xml", ".rels", ".bin")
"""Suffixes of the members that are read; images and films are not."""


class ZipPackage:
    """An open package.

    Attributes:
        names: of its members.
    """

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self.names = {one.filename for one in archive.infolist()}

    def parse(
        self,
        name: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        """Parse an XML member as a stream; element and attribute names are "namespace local".

        A document type declaration is an error: these formats forbid it, and entities need one.

        Args:
            name: of the member.
            start: called with name and attributes of each element.
            end: called with the name of each element.
            text: called with character data.

        Raises:
            TextError: the member is damaged.
        """
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.buffer_size = _BUFFER_BYTES
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = text
        try:
            with self._archive.open(name) as member:
                parser.ParseFile(member)
        except expat.ExpatError as error:
            raise damaged_file("a part of it is not well-formed XML") from error


@contextmanager
def open_package(file: BinaryIO, limits: ExtractionLimits) -> Generator[ZipPackage]:
    """Open a package for the length of a block.

    zipfile inflates no more of a member than the directory states, and the sum of the stated sizes
    is bounded by the memory limit, so that a zip bomb is detected before anything is inflated.

    Raises:
        TextError: the package is damaged, encrypted or too large; also for what the block reads.
    """
    try:
        with ZipFile(file) as archive:
            members = archive.infolist()
            if len(members) > _MAX_MEMBERS:
                raise _too_large()
            inflated = sum(
                one.file_size for one in members if one.filename.lower().endswith(_READ_SUFFIXES)
            )
            if inflated > limits.memory_bytes:
                raise _too_large()
            if any(one.flag_bits & 1 for one in members):
                raise encrypted_file()
            if any(one.compress_type not in {ZIP_STORED, ZIP_DEFLATED} for one in members):
                raise damaged_file("it is compressed in an unusual way")
            yield ZipPackage(archive)
    except (BadZipFile, LargeZipFile, ZlibError, EOFError, KeyError, NotImplementedError) as error:
        raise damaged_file("its package is damaged or lacks a part") from error


def _too_large() -> TextError:
    return TextError(
        TextCode.TOO_LARGE, "the file is too large once it is unpacked: split it, or save it again"
    )


def _refuse_doctype(*_: object) -> None:
    raise damaged_file("a part of it declares a document type, which office formats forbid")
