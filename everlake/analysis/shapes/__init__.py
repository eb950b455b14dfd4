"""Readers of the shapes that data has, one module per shape.

The readers are tried in order. One that recognises an object or list adds its utterances to the
builder, and returns the values that it leaves to other readers; these are read next, before what
follows the object. A reader that does not recognise the value returns None. A new shape is a new
module and an entry in one of the tuples below.
"""

from collections.abc import Callable

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.prose import is_machine_text, is_single_word
from everlake.analysis.record_people import collect_people
from everlake.analysis.shapes import (
    fallback,
    form_field,
    gmail,
    message,
    recognition,
    rich_text,
    role_members,
    speaker_pairs,
    speaker_sentences,
    spreadsheet,
    timed_words,
    vendors,
)
from everlake.analysis.shapes.plain_text import read_text
from everlake.analysis.speaker_names import MAX_WORDS_OF_NAME
from everlake.analysis.types import UNATTRIBUTED, PendingValue, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

OBJECT_SHAPES: tuple[
    Callable[[UtteranceBuilder, str, dict[str, Json], Scope], Remaining | None], ...
] = (
    gmail.read,
    vendors.read,
    recognition.read,
    spreadsheet.read_sheet,
    form_field.read,
    rich_text.read_document,
    message.read,
    speaker_sentences.read,
    fallback.read_object,
)
LIST_SHAPES: tuple[Callable[[UtteranceBuilder, str, list[Json], Scope], Remaining | None], ...] = (
    speaker_pairs.read,
    timed_words.read,
    role_members.read,
    spreadsheet.read_rows,
    rich_text.read_runs,
    fallback.read_list,
)

_NOTE_TYPES = frozenset({"document", "meeting_notes", "spreadsheet"})


def read_value(builder: UtteranceBuilder, data: Json) -> None:
    """Add the utterances of a whole document, without recursion."""
    collect_people(builder.participants, data)
    stack = [PendingValue("", data, Scope(is_root=True))]
    while stack:
        name, value, scope = stack.pop()
        builder.source = scope.source
        if isinstance(value, str):
            _read_unclaimed_text(builder, name, value, scope)
        elif isinstance(value, dict):
            for read_object in OBJECT_SHAPES:
                remaining = read_object(builder, name, value, scope)
                if remaining is not None:
                    stack.extend(reversed(remaining))
                    break
        elif isinstance(value, list) and value:
            for read_list in LIST_SHAPES:
                remaining = read_list(builder, name, value, scope)
                if remaining is not None:
                    stack.extend(reversed(remaining))
                    break


def _read_unclaimed_text(builder: UtteranceBuilder, name: str, text: str, scope: Scope) -> None:
    """Add a string that no enclosing shape has read."""
    if scope.is_metadata or is_machine_text(text.strip()):
        builder.add_fallback(text)
    elif _is_label(builder, name, text):
        builder.add_label(text)
    elif scope.coverage is None or not scope.coverage.covers(text):
        builder.add_tentative(lambda: read_text(builder, name, text, UNATTRIBUTED, scope))


def _is_label(builder: UtteranceBuilder, name: str, text: str) -> bool:
    """Return whether a string of a conversation is rather a setting than said.

    Such are a single word, and the name of a person who is not the speaker.
    """
    if builder.record_type in _NOTE_TYPES or not name:
        return False
    kind = meaning_of(name).kind
    return (kind is MemberKind.OTHER and is_single_word(text)) or (
        kind is MemberKind.PERSON and len(text.split()) <= MAX_WORDS_OF_NAME
    )
