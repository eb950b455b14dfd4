"""Field of a form.

For example ``{"label": "Plan", "value": "Pro"}`` or ``{"question": "…", "answer": "…"}``.
"""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.prose import is_machine_text
from everlake.analysis.types import PendingValue, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_LABELS = ("question", "label", "key", "name", "title", "field")
_VALUES = ("answer", "value", "response")
_REQUIRED = frozenset(_VALUES)


def read(
    builder: UtteranceBuilder,
    name: str,  # noqa: ARG001 - the signature of all object shapes
    item: dict[str, Json],
    scope: Scope,
) -> Remaining | None:
    """Read an object that has a label and a value, and neither a text nor a speaker."""
    if scope.is_metadata or _REQUIRED.isdisjoint(item):
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
        builder.add_fallback(text)
    elif text.strip():
        line = label_and_value(label, text)
        if scope.coverage is None or not scope.coverage.covers(line):
            builder.add(line)
    metadata = scope._replace(is_metadata=True)
    return [
        PendingValue(key, other, metadata if _is_setting(key, other) else scope)
        for key, other in item.items()
        if key not in (label_name, value_name) and isinstance(other, str | dict | list)
    ]


def _is_setting(name: str, value: Json) -> bool:
    """Return whether a member beside label and value holds the field's id or type."""
    kind = meaning_of(name).kind
    return isinstance(value, str) and kind in (MemberKind.MACHINE, MemberKind.LABEL)


def label_and_value(label: str, text: str) -> str:
    """Return ``label: text``, or the label and the text when the label is a question."""
    label = label.strip()
    return f"{label} {text}" if label.endswith(("?", ":")) else f"{label}: {text}"


def as_text(value: Json) -> str:
    """Return a scalar as text; None becomes the empty string."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
