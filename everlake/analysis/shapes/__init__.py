"""The shapes senders use, one a module, tried in order; the first that knows a value reads it.

An object's or list's reader says what it understands and returns what is left (which is read
in turn, before what follows), or None when the value is not its shape. A new shape is a new
module and an entry in one of the tuples below.
"""

from collections.abc import Callable

from everlake.analysis.decode import Json
from everlake.analysis.prose import is_machine_word
from everlake.analysis.reading import NOBODY, Frame, Reading, Rest, Scope
from everlake.analysis.shapes import (
    anything,
    field,
    gmail,
    message,
    monologue,
    pairs,
    richtext,
    table,
    words,
)
from everlake.analysis.shapes.texts import speak

OBJECT_SHAPES: tuple[Callable[[Reading, str, dict[str, Json], Scope], Rest | None], ...] = (
    gmail.read,
    table.read_sheet,
    field.read,
    richtext.read_document,
    message.read,
    monologue.read,
    anything.read_object,
)
LIST_SHAPES: tuple[Callable[[Reading, str, list[Json], Scope], Rest | None], ...] = (
    pairs.read,
    table.read_rows,
    richtext.read_runs,
    words.read,
    anything.read_list,
)


def read_all(reading: Reading, data: Json) -> None:
    """Hear everything that ``data`` says, without recursion."""
    stack = [Frame("", data, Scope(top=True))]
    while stack:
        name, value, scope = stack.pop()
        if isinstance(value, str):
            _read_loose_text(reading, name, value, scope)
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


def _read_loose_text(reading: Reading, name: str, text: str, scope: Scope) -> None:
    """A string that no shape around it has claimed."""
    if scope.doubtful or is_machine_word(text.strip()):
        reading.doubt(text)
    elif scope.cover is None or not scope.cover.covers(text):
        reading.say_loose(lambda: speak(reading, name, text, NOBODY, scope))
