"""The shapes senders use, one a module, tried in order; the first that knows a value reads it.

An object's or list's reader says what it understands and returns what is left (which is read
in turn, before what follows), or None when the value is not its shape. A new shape is a new
module and an entry in one of the tuples below.
"""

from collections.abc import Callable

from everlake.analysis.json_decoding import Json
from everlake.analysis.prose import is_machine_text
from everlake.analysis.shapes import (
    fallback,
    form_field,
    gmail,
    message,
    rich_text,
    speaker_pairs,
    speaker_sentences,
    spreadsheet,
    timed_words,
)
from everlake.analysis.shapes.plain_text import read_text
from everlake.analysis.utterance_builder import (
    UNATTRIBUTED,
    PendingValue,
    Remaining,
    Scope,
    UtteranceBuilder,
)

OBJECT_SHAPES: tuple[
    Callable[[UtteranceBuilder, str, dict[str, Json], Scope], Remaining | None], ...
] = (
    gmail.read,
    spreadsheet.read_sheet,
    form_field.read,
    rich_text.read_document,
    message.read,
    speaker_sentences.read,
    fallback.read_object,
)
LIST_SHAPES: tuple[Callable[[UtteranceBuilder, str, list[Json], Scope], Remaining | None], ...] = (
    speaker_pairs.read,
    spreadsheet.read_rows,
    rich_text.read_runs,
    timed_words.read,
    fallback.read_list,
)


def read_value(reading: UtteranceBuilder, data: Json) -> None:
    """Hear everything that ``data`` says, without recursion."""
    stack = [PendingValue("", data, Scope(top=True))]
    while stack:
        name, value, scope = stack.pop()
        if isinstance(value, str):
            _read_unclaimed_text(reading, name, value, scope)
        elif isinstance(value, dict):
            for read_object in OBJECT_SHAPES:
                rest = read_object(reading, name, value, scope)
                if rest is not None:
                    stack.extend(reversed(rest))
                    break
        elif isinstance(value, list) and value:
            for read_list in LIST_SHAPES:
                rest = read_list(reading, name, value, scope)
                if rest is not None:
                    stack.extend(reversed(rest))
                    break


def _read_unclaimed_text(reading: UtteranceBuilder, name: str, text: str, scope: Scope) -> None:
    """A string that no shape around it has claimed."""
    if scope.doubtful or is_machine_text(text.strip()):
        reading.add_fallback(text)
    elif scope.cover is None or not scope.cover.covers(text):
        reading.add_tentative(lambda: read_text(reading, name, text, UNATTRIBUTED, scope))
