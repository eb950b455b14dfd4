"""Labels: values that classify a record, such as a status, a priority or tags."""

from typing import TypeGuard

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of, normalize_name

_NAMES = frozenset({"name", "full_name", "fullName"})
_MAX_WORDS = 3
_PROSE_NAMES = frozenset(
    {"context", "purpose", "destination", "network", "library", "metadata", "meta"}
)
"""Names of labels that a document may use for a few words of prose."""
_SAID_KINDS = frozenset({MemberKind.TEXT, MemberKind.HEADLINE})


def is_label(value: Json) -> TypeGuard["list[Json] | dict[str, Json]"]:
    """Return whether the value of a label member is a list of labels, or describes a label.

    The source of a conversation, which holds its first message, is no label.
    """
    if isinstance(value, list):
        return not any(isinstance(item, list) or _has_list(item) for item in value)
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("nodes"), list):  # GraphQL
        return True
    return not _has_list(value) and not any(
        inner and meaning_of(name).kind in _SAID_KINDS for name, inner in value.items()
    )


def _has_list(value: Json) -> bool:
    return isinstance(value, dict) and any(
        inner and isinstance(inner, list) for inner in value.values()
    )


def without_description(value: Json) -> Json:
    """Return a label, or a list of labels, without the explanation of what they stand for."""
    if isinstance(value, list):
        return [_without_description(item) for item in value]
    return _without_description(value)


def _without_description(value: Json) -> Json:
    if isinstance(value, dict) and "description" in value and not _NAMES.isdisjoint(value):
        return {name: inner for name, inner in value.items() if name != "description"}
    return value


def is_label_text(text: str, name: str = "") -> bool:
    """Return whether the string of a label member is a label, such as ``Waiting on customer``."""
    if normalize_name(name) in _PROSE_NAMES and " " in text.strip():
        return False
    return len(text.split()) <= _MAX_WORDS and not text.rstrip().endswith((".", "!", "?"))
