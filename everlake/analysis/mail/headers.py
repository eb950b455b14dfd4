"""Header block: the From, Sent, To and Subject that mail programs copy above a quotation."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from everlake.analysis.mail.header_words import FIELD_OF, MAX_NAME_LENGTH, Field

_ADDRESS = re.compile(r"[^\s<>@\"(\[:]{1,64}@[^\s<>@\"()\[\]]{1,200}+")
_TIME = re.compile(r"\d{1,2}[:.]\d{2}")
_MAX_BLOCK_LINES = 24
_MAX_LINE_LENGTH = 600
_MAX_WRAPPED_LINES = 6
_STRONG_FIELDS = frozenset({Field.SUBJECT, Field.SENT})
_PEOPLE = frozenset({Field.FROM, Field.TO, Field.CC, None})
_IDENTIFYING_FIELDS = frozenset({Field.FROM, Field.TO, Field.SUBJECT})


def field_of(line: str) -> Field | None:
    """Return the header field that a line states, in plain text or Markdown's bold type."""
    return _field_of_head(line[: MAX_NAME_LENGTH + 12]) if line else None


@lru_cache(maxsize=1024)  # the blocks that are looked for at consecutive lines share lines
def _field_of_head(head: str) -> Field | None:
    end = min((at for mark in ":\uff1a" if (at := head.find(mark)) > 0), default=0)
    return FIELD_OF.get(_bare_name(head[:end])) if end else None


def has_header_block(lines: Sequence[str], index: int, *, is_framed: bool = False) -> bool:
    """Return whether a header block begins at a line.

    It names the sender and two more fields. A list of the writer's own, such as ``From: Berlin``,
    ``To: Munich`` and ``Date: Friday``, is none: it has neither an address nor a field that only
    mails have.

    Args:
        lines: lines of the text, stripped.
        index: first line of the block.
        is_framed: whether a ruler or a marker is above it; two fields are enough then, and their
            names may be of a language that is not known.
    """
    first = field_of(lines[index])
    if first is None and not is_framed:
        return False
    if len(_fields_in_line(lines[index])) >= 3:
        return True
    block = list(_block_lines(lines, index))
    fields = {field for line in block if (field := field_of(line)) is not None}
    has_address = _names_an_address(block)
    if is_framed and _is_block_of_unknown_language(block, has_address=has_address):
        return True
    if first is None or (Field.FROM not in fields and not is_framed):
        return False
    if is_framed and len(fields & _IDENTIFYING_FIELDS) >= 2:
        return has_address or not fields.isdisjoint(_STRONG_FIELDS)
    if is_framed and Field.FROM in fields and not fields.isdisjoint({Field.SENT, Field.DATE}):
        return True
    named = fields - {Field.OTHER}
    is_of_mail = has_address or Field.SENT in named or named >= {Field.SUBJECT, Field.DATE}
    return is_of_mail and len(fields if has_address else named) >= 3


def _block_lines(lines: Sequence[str], index: int) -> Iterator[str]:
    """Yield the lines of a block: fields, their wrapped values, no text after a blank line."""
    wrapped = 0
    was_blank = False
    for line in lines[index : index + _MAX_BLOCK_LINES]:
        if not line:
            was_blank = True
            continue
        if field_of(line) is not None:
            wrapped = 0
        elif was_blank or wrapped >= _MAX_WRAPPED_LINES:
            return
        else:
            wrapped += 1
        was_blank = False
        yield line[:_MAX_LINE_LENGTH]


def _names_an_address(block: list[str]) -> bool:
    """Return whether an address is in the sender or the recipients of a block."""
    field: Field | None = None
    for line in block:
        field = field_of(line) or field
        if field in _PEOPLE and _ADDRESS.search(line):
            return True
    return False


def _fields_in_line(line: str) -> set[Field]:
    """Return the fields of a block that was written in one line; empty when it is none."""
    line = line[:_MAX_LINE_LENGTH]
    if field_of(line) is not Field.FROM or not _ADDRESS.search(line):
        return set()
    found = {Field.FROM}
    words: list[str] = []
    for word in line.split():
        words = [*words[-2:], word]
        if word[-1] in ":\uff1a":
            for start in range(len(words)):
                field = FIELD_OF.get(_bare_name(" ".join(words[start:])[:-1]))
                if field is not None and words[start][0].isupper():
                    found.add(field)
                    break
    return found if not found.isdisjoint(_STRONG_FIELDS) else set()


def _is_block_of_unknown_language(block: list[str], *, has_address: bool) -> bool:
    """Return whether at least three lines in a row have a short name, and one has an address."""
    labelled = 0
    for line in block:
        name, colon, _ = line.partition(":")
        if not colon or len(name) > 24 or len(name.split()) > 3:
            break
        labelled += 1
    return labelled >= 3 and has_address and any(_TIME.search(line) for line in block)


def _bare_name(name: str) -> str:
    return name.strip("*_ \t\xa0|").casefold().replace("\u0307", "")
