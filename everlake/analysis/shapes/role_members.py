"""Dialogue of objects whose member name is the speaker: ``[{"user": "Hi"}, {"bot": "Hello"}]``."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.roles import role_of
from everlake.analysis.types import PendingValue, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_NOT_SAID = frozenset({MemberKind.TIME, MemberKind.OFFSET, MemberKind.END, MemberKind.MACHINE})


def read(
    builder: UtteranceBuilder,  # noqa: ARG001 - the signature of all list shapes
    name: str,
    items: list[Json],
    scope: Scope,
) -> Remaining | None:
    """Leave each item as a message, when every one has a single word for a role and a text."""
    if len(items) < 2 or scope.is_metadata:
        return None
    messages: list[PendingValue] = []
    inner = scope._replace(is_root=False)
    for item in items:
        speaker = _speaker(item) if isinstance(item, dict) else None
        if speaker is None or not isinstance(item, dict):
            return None
        message = {key: value for key, value in item.items() if key != speaker}
        message |= {"speaker": speaker, "text": item[speaker]}
        messages.append(PendingValue(name, message, inner))
    return messages


def _speaker(item: dict[str, Json]) -> str | None:
    """Return the name of the only member that holds a text."""
    said = [key for key in item if role_of(key) or meaning_of(key).kind not in _NOT_SAID]
    is_said = len(said) == 1 and role_of(said[0]) and isinstance(item[said[0]], str)
    return said[0] if is_said else None
