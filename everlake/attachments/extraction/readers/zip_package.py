"""ZIP packages of office formats (ECMA-376 part 2, ODF part 2), read against their sizes."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import BinaryIO
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812

from everlake.attachments.extraction.readers.failures import damaged_file, encrypted_file
from everlake.attachments.extraction.types import ExtractionLimits, TextCode, TextError

_MAX_MEMBERS = 20_000
_BUFFER_BYTES = 64 * 1024
_READ_SUFFIXES = (".xml", ".rels", ".bin")
"""What is read of a package; pictures and films are not."""


class ZipPackage:
    """A package whose members do not grow beyond what it says, nor that beyond a bound."""

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
        """Parse an XML member as a stream; names are "namespace local".

        A document type declaration is refused: these formats forbid it, and entities need one.

        Raises:
            TextError: it is damaged.
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
    """A package for the length of a block.

    Python's zipfile gives no more of a member than the directory says, and the directory's sum
    is bounded by the memory limit here, so a bomb is known before anything of it is inflated.

    Raises:
        TextError: it is damaged, encrypted or a bomb; raised for the block's reading as well.
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
                raise damaged_file("it is packed in an unusual way")
            yield ZipPackage(archive)
    except (BadZipFile, LargeZipFile, ZlibError, EOFError, KeyError, NotImplementedError) as error:
        raise damaged_file("its package is damaged or lacks a part") from error


def _too_large() -> TextError:
    return TextError(
        TextCode.TOO_LARGE, "the file is too large once it is unpacked: split it, or save it anew"
    )


def _refuse_doctype(*_: object) -> None:
    raise damaged_file("a part of it declares a document type, which office formats forbid")
