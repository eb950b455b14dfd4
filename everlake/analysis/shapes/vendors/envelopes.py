"""Events whose sender is beside the message: Messenger, LINE, Feishu, LivePerson.

For example ``{"sender": {"id": "77"}, "timestamp": …, "message": {"text": "…"}}``.
"""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of, normalize_name
from everlake.analysis.roles import FLAG_NAMES, role_of
from everlake.analysis.types import PendingValue, Scope

_MESSAGES = ("message", "messageData", "message_data", "data", "attributes", "payload")
_SENDERS = ("sender", "from", "author", "sentBy", "sent_by", "memberCreator", "user", "source",
            "author_name", "authorName", "sender_name", "senderName")  # fmt: skip
MEMBERS = frozenset(_MESSAGES)
_TIMES = ("timestamp", "time", "date", "created_at", "createdAt", "sent_at")
_NOT_WRITTEN_HERE = frozenset({MemberKind.SPEAKER, MemberKind.NAME, MemberKind.PERSON})


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return the message with its sender and time, and the rest of the event."""
    key = next((key for key in _MESSAGES if isinstance(item.get(key), dict)), None)
    sender = next((key for key in _SENDERS if _is_sender(key, item.get(key))), None)
    kind = item.get("type")
    if sender is None and isinstance(kind, str) and role_of(kind):  # LangChain
        sender = "type"
    message = item[key] if key else None
    if key is None or not isinstance(message, dict) or not _is_text(message):
        return None
    if sender is None and not isinstance(item.get("direction"), str):
        return None
    if any(isinstance(value, str) and _is_said(other) for other, value in item.items()):
        return None
    moment = next((item[time] for time in _TIMES if item.get(time)), None)
    is_timed = any(meaning_of(inner).kind is MemberKind.TIME for inner in message)
    shared = {other: value for other, value in item.items() if _is_shared(other, value)}
    whole: dict[str, Json] = {**shared, **message}
    if sender is not None:
        whole["from"] = item[sender]
    if moment is not None and not is_timed:
        whole["timestamp"] = moment
    others = {other: value for other, value in item.items()
              if other not in (key, sender) and other not in shared}  # fmt: skip
    return [
        PendingValue(name or key, whole, scope._replace(is_root=False)),
        PendingValue("", others, scope._replace(is_root=False)),
    ]


def _is_shared(name: str, value: Json) -> bool:
    """Return whether a member of the event tells the sender's role or the message's subject."""
    kind = meaning_of(name).kind
    return (
        (kind is MemberKind.ROLE and isinstance(value, str) and name != "type")
        or (kind is MemberKind.HEADLINE and isinstance(value, str))
        or normalize_name(name) in FLAG_NAMES
    )


def _is_said(name: str) -> bool:
    return meaning_of(name).kind in (MemberKind.TEXT, MemberKind.REMARK)


def _is_text(message: dict[str, Json]) -> bool:
    """Return whether an object has a text, and names nobody who says it."""
    if any(meaning_of(name).kind in _NOT_WRITTEN_HERE for name, value in message.items() if value):
        return False
    return any(
        value and isinstance(value, str | dict) and meaning_of(name).kind is MemberKind.TEXT
        for name, value in message.items()
    )


def _is_sender(name: str, value: Json) -> bool:
    if name == "source":  # LINE; elsewhere the channel.
        return isinstance(value, dict) and "userId" in value
    return bool(value) and isinstance(value, str | dict)
