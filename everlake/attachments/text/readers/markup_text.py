"""The words of office XML, in one pass and without a tree."""

from everlake.attachments.text.gather import Full, Gathered
from everlake.attachments.text.readers.package import Package

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_A = "http://schemas.openxmlformats.org/drawingml/2006/main "
_W_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main "
_A_STRICT = "http://purl.oclc.org/ooxml/drawingml/main "
_MC = "http://schemas.openxmlformats.org/markup-compatibility/2006 "
_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0 "
_TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0 "
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0 "

_OOXML = (_W, _A, _W_STRICT, _A_STRICT)
_WORDS = {space + "t" for space in _OOXML}
_OPEN_WORDS = {_TEXT + "p", _TEXT + "h"}
_PARAGRAPHS = {space + "p" for space in _OOXML} | _OPEN_WORDS
_CELLS = {space + "tc" for space in _OOXML} | {_TABLE + "table-cell"}
_ROWS = {space + "tr" for space in _OOXML} | {_TABLE + "table-row"}
_MARKS = {
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
_UNSEEN = {_MC + "Fallback", _TEXT + "tracked-changes", _OFFICE + "automatic-styles"}
"""What says again what was said, or what was deleted. Deleted words of Word have another name."""

_PORTION = 100_000


class Words:
    """Gathers one XML part's words; paragraphs are lines, and so are rows of a table.

    Args:
        gathered: where the words go, in portions.
        place: of all of them.
    """

    def __init__(self, gathered: Gathered, place: str | None) -> None:
        self._gathered = gathered
        self._place = place
        self._parts: list[str] = []
        self._size = 0
        self._words = 0
        self._unseen = 0
        self._rows = 0
        self._cell = False
        self._sheets = False

    def read(self, package: Package, name: str) -> None:
        """Read the part ``name``.

        Raises:
            Full: there is as much text as may be.
            TextError: the part is damaged.
        """
        package.parse(name, self._start, self._end, self._text)
        self.flush()

    def flush(self) -> None:
        """Hand on what has been found since the last time."""
        parts, self._parts, self._size = self._parts, [], 0
        self._gathered.add("".join(parts), self._place)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._unseen or name in _UNSEEN:
            self._unseen += 1
        elif name in _WORDS or name in _OPEN_WORDS:
            self._words += 1
        elif name in _ROWS:
            self._rows += 1
            self._cell = False
        elif name == _SPREADSHEET:
            self._sheets = True
        elif name == _SHEET and self._sheets:
            self.flush()
            self._place = f"sheet {attributes.get(_SHEET_NAME, '')}"
        elif name in _CELLS:
            if self._cell:
                self._instead_of_a_space(" | ")
            self._cell = True
        elif mark := _MARKS.get(name):
            self._say(mark)

    def _end(self, name: str) -> None:
        if self._unseen:
            self._unseen -= 1
            return
        if name in _WORDS or name in _OPEN_WORDS:
            self._words -= 1
        if name in _PARAGRAPHS:
            self._say(" " if self._rows else "\n")
        elif name in _ROWS:
            self._rows -= 1
            self._cell = self._rows > 0
            self._instead_of_a_space(" " if self._rows else "\n")
        if self._size >= _PORTION and not self._rows:
            self.flush()

    def _text(self, text: str) -> None:
        if self._words and not self._unseen:
            self._say(text)

    def _instead_of_a_space(self, text: str) -> None:
        if self._parts and self._parts[-1] == " ":
            self._parts.pop()
            self._size -= 1
        self._say(text)

    def _say(self, text: str) -> None:
        self._parts.append(text)
        self._size += len(text)
        if self._size > self._gathered.left:
            self.flush()
            raise Full
