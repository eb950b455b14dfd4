"""A form's field: ``{"label": "Plan", "value": "Pro"}``, ``{"question": …, "answer": …}``."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.prose import is_machine_text
from everlake.analysis.utterance_builder import PendingValue, Remaining, Scope, UtteranceBuilder

_LABELS = ("question", "label", "key", "name", "title", "field")
_VALUES = ("answer", "value", "response")
_MARKS = frozenset(_VALUES)


def read(
    reading: UtteranceBuilder, name: str, item: dict[str, Json], scope: Scope
) -> Remaining | None:  # noqa: ARG001
    """Read ``item`` if it names something and gives its value, and nobody speaks in it."""
    if scope.doubtful or _MARKS.isdisjoint(item):
        return None
    value_name = next((key for key in _VALUES if key in item), None)
    label_name = next((key for key in _LABELS if key in item), None)
    if value_name is None or label_name is None:
        return None
    label, value = item[label_name], item[value_name]
    if not isinstance(label, str) or isinstance(value, dict | list) or value is None:
        return None
    if any(meaning_of(key).kind in (MemberKind.TEXT, MemberKind.SPEAKER) for key in item):
        return None
    text = as_text(value)
    if isinstance(value, str) and is_machine_text(text) and " " not in label.strip():
        reading.add_fallback(text)
    elif text.strip():
        line = label_and_value(label, text)
        if scope.cover is None or not scope.cover.covers(line):
            reading.add(line)
    return [
        PendingValue(key, x, scope)
        for key, x in item.items()
        if key not in (label_name, value_name) and isinstance(x, str | dict | list)
    ]


def label_and_value(label: str, text: str) -> str:
    """``label: text``, or the answer behind its question."""
    label = label.strip()
    return f"{label} {text}" if label.endswith(("?", ":")) else f"{label}: {text}"


def as_text(value: Json) -> str:
    """A scalar as a reader writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
