"""Containers: members that usually hold a description, but here hold a conversation.

A ``repository`` is mostly its name and address. In GraphQL it also holds the discussion that was
asked for; a ``thread`` or a ``session`` may hold the messages themselves.
"""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of, normalize_name, word_list

_CONTAINERS = frozenset(
    word_list(
        "repository thread session space team project board channel event task cycle sprint "
        "milestone viewer location department app system subscription"
    )
)
_DESCRIBED = frozenset({"event", "task", "location"})
"""Things that are what a record is about, where they are described."""
_SENDERS = frozenset({MemberKind.SPEAKER, MemberKind.ROLE})
_MAX_DEPTH = 8


def holds_messages(name: str, value: Json) -> bool:
    """Return whether a member holds prose that names its writer, or is described in prose."""
    word = normalize_name(name)
    if word not in _CONTAINERS:
        return False
    if word in _DESCRIBED and isinstance(value, dict) and _has_prose(value.get("description")):
        return True
    level: list[Json] = [value]
    for _ in range(_MAX_DEPTH):
        if any(isinstance(item, dict) and _is_message(item) for item in level):
            return True
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else _items(item))
            if isinstance(inner, dict | list)
        ]
    return False


def _has_prose(value: Json) -> bool:
    return isinstance(value, str) and " " in value.strip()


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _is_message(item: dict[str, Json]) -> bool:
    kinds = [(meaning_of(name).kind, value) for name, value in item.items() if value]
    return any(kind in _SENDERS for kind, _ in kinds) and any(
        kind is MemberKind.TEXT and isinstance(value, str) and " " in value.strip()
        for kind, value in kinds
    )
