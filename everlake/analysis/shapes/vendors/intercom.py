"""Conversations of Intercom, whose first message is in ``source`` and has no time of its own."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.types import PendingValue, Scope

MEMBERS = frozenset({"source"})
_FIRST_MESSAGES = frozenset({"body", "author"})


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return the conversation with its own time as that of its first message."""
    source, created = item.get("source"), item.get("created_at")
    if not isinstance(source, dict) or not created or "created_at" in source:
        return None
    if not source.keys() >= _FIRST_MESSAGES:
        return None
    return [PendingValue(name, {**item, "source": {**source, "created_at": created}}, scope)]
