"""Office XML: extracts text from one part in one pass, without building a tree."""

from everlake.attachments.extraction.progress import NoProgress
from everlake.attachments.extraction.readers.zip_package import ZipPackage
from everlake.attachments.extraction.text_builder import (
    FLUSH_CHARACTERS,
    TextBuilder,
    TextLimitReached,
)

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_A = "http://schemas.openxmlformats.org/drawingml/2006/main "
_W_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main "
_A_STRICT = "http://purl.oclc.org/ooxml/drawingml/main "
_MC = "http://schemas.openxmlformats.org/markup-compatibility/2006 "
_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0 "
_TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0 "
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0 "

_OOXML = (_W, _A, _W_STRICT, _A_STRICT)
_TEXT_RUNS = {space + "t" for space in _OOXML}
_ODF_PARAGRAPHS = {_TEXT + "p", _TEXT + "h"}
_PARAGRAPHS = {space + "p" for space in _OOXML} | _ODF_PARAGRAPHS
_CELLS = {space + "tc" for space in _OOXML} | {_TABLE + "table-cell"}
_ROWS = {space + "tr" for space in _OOXML} | {_TABLE + "table-row"}
_CHARACTERS = {
    **{space + "tab": "\t" for space in _OOXML},
    **{space + "br": "\n" for space in _OOXML},
    **{space + "cr": "\n" for space in _OOXML},
    **{space + "noBreakHyphen": "-" for space in _OOXML},
    _TEXT + "tab": "\t",
    _TEXT + "s": " ",
    _TEXT + "line-break": "\n",
}
_SHEET = _TABLE + "table"
_SHEET_NAME = _TABLE + "name"
_SPREADSHEET = _OFFICE + "spreadsheet"
_SKIPPED_ELEMENTS = {_MC + "Fallback", _TEXT + "tracked-changes", _OFFICE + "automatic-styles"}
"""Alternatives of other content, and deleted content. Word has another element for the latter."""


class OfficeXmlReader:
    """Reads the text of one XML part; each paragraph and each row of a table is a line.

    Args:
        builder: receives the text, in pieces.
        place: place of all sections.
    """

    def __init__(self, builder: TextBuilder, place: str | None) -> None:
        self._builder = builder
        self._place = place
        self._parts: list[str] = []
        self._size = 0
        self._text_depth = 0
        self._skipped_depth = 0
        self._row_depth = 0
        self._has_cell = False
        self._is_spreadsheet = False

    def read(self, package: ZipPackage, name: str) -> None:
        """Add the text of the part ``name``.

        Raises:
            TextLimitReached: the text has its greatest length.
            TextError: the part is damaged.
            NoProgress: no text was found for too long; what was found before is added.
        """
        try:
            package.parse(name, self._start, self._end, self._text)
        except NoProgress:
            self.flush()
            raise
        self.flush()

    def flush(self) -> None:
        """Add what was found since the last call to the builder."""
        parts, self._parts, self._size = self._parts, [], 0
        self._builder.add("".join(parts), self._place)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipped_depth or name in _SKIPPED_ELEMENTS:
            self._skipped_depth += 1
        elif name in _TEXT_RUNS or name in _ODF_PARAGRAPHS:
            self._text_depth += 1
        elif name in _ROWS:
            self._row_depth += 1
            self._has_cell = False
        elif name == _SPREADSHEET:
            self._is_spreadsheet = True
        elif name == _SHEET and self._is_spreadsheet:
            self.flush()
            self._place = f"sheet {attributes.get(_SHEET_NAME, '')}"
        elif name in _CELLS:
            if self._has_cell:
                self._append_separator(" | ")
            self._has_cell = True
        elif mark := _CHARACTERS.get(name):
            self._append(mark)

    def _end(self, name: str) -> None:
        if self._skipped_depth:
            self._skipped_depth -= 1
            return
        if name in _TEXT_RUNS or name in _ODF_PARAGRAPHS:
            self._text_depth -= 1
        if name in _PARAGRAPHS:
            self._append(" " if self._row_depth else "\n")
        elif name in _ROWS:
            self._row_depth -= 1
            self._has_cell = self._row_depth > 0
            self._append_separator(" " if self._row_depth else "\n")
        if self._size >= FLUSH_CHARACTERS and not self._row_depth:
            self.flush()

    def _text(self, text: str) -> None:
        if self._text_depth and not self._skipped_depth:
            self._builder.progress += 1
            self._append(text)

    def _append_separator(self, text: str) -> None:
        if self._parts and self._parts[-1] == " ":
            self._parts.pop()
            self._size -= 1
        self._append(text)

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._size += len(text)
        if self._size > self._builder.remaining:
            self.flush()
            raise TextLimitReached
