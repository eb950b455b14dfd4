"""System events among messages: somebody joined, a conversation was assigned.

Discord, Microsoft Teams, Telegram, Chatwoot and Help Scout list them with the messages.
"""

from everlake.analysis.json_decoding import Json
from everlake.analysis.shapes.vendors.leftovers import leftovers
from everlake.analysis.types import PendingValue, Scope

MEMBERS = frozenset(
    {
        "type",
        "messageType",
        "message_type",
        "forwarded_from",
        "contentType",
        "system",
        "role",
        "is_system",
        "isSystem",
    }
)
_DISCORD_MESSAGES = frozenset({0, 19, 20, 21, 23})
_EXPORTED_EVENTS = frozenset(
    {"GuildMemberJoin", "ChannelPinnedMessage", "RecipientAdd", "RecipientRemove", "Call",
     "ChannelNameChange", "ChannelIconChange", "ThreadCreated", "UserPremiumGuildSubscription",
     "PinsAdd", "ChannelFollowAdd"}
)  # fmt: skip
"""Types of events in exports of Discord."""
_EVENT_TYPES = frozenset({"service", "lineitem", "ADMM", "systemMessage", "m.room.member"})
"""Types of events in Telegram, Help Scout, Sendbird and Matrix."""
_SYSTEM_FLAGS = ("system", "is_system", "isSystem")
_TOOLS = ("tool", "function", "tool_result")
"""Roles of messages that hold what a program returned to a language model."""
_SENDERS = frozenset({"from", "from_id", "author", "sender"})


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return an event as metadata; the role of a message in Chatwoot's numbers as a word."""
    if _is_event(item):
        return [PendingValue(name, item, scope._replace(is_metadata=True))]
    if isinstance(item.get("forwarded_from"), str):  # The words are not the sender's.
        kept = {key: value for key, value in item.items() if key not in _SENDERS}
        kept.pop("forwarded_from")
        return [PendingValue(name, kept, scope), leftovers(item, kept, scope)]
    kind = item.get("message_type")
    if isinstance(kind, int) and not isinstance(kind, bool) and "content" in item:
        word = "incoming" if kind == 0 else "outgoing"
        return [PendingValue(name, {**item, "message_type": word}, scope)]
    return None


def _is_of_system(item: dict[str, Json]) -> bool:
    """Return whether a flag, a role or a type says that a program reports something."""
    kind = item.get("type")
    if kind == "event":  # Crisp
        return "from" in item and isinstance(item.get("content"), dict)
    if kind == "system" and "role" not in item:
        return "resource_subtype" in item or "content" not in item
    return any(item.get(name) is True for name in _SYSTEM_FLAGS) or item.get("role") in _TOOLS


def _is_event(item: dict[str, Json]) -> bool:
    if _is_of_system(item):
        return True
    if item.get("contentType") == "messageReference":  # A quotation, as JSON in a string.
        return True
    kind = item.get("type")
    if isinstance(kind, int) and not isinstance(kind, bool):
        return "content" in item and "author" in item and kind not in _DISCORD_MESSAGES
    if isinstance(kind, str) and (kind in _EVENT_TYPES or kind.startswith("system_")):
        return True
    if isinstance(kind, str) and kind in _EXPORTED_EVENTS:
        return "author" in item
    teams = item.get("messageType")
    if isinstance(teams, str) and "body" in item:
        return teams != "message"
    is_activity = item.get("message_type") == 2 or item.get("message_type") == "activity"
    return is_activity and "content" in item
