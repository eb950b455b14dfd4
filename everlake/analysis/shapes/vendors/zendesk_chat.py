"""Events of Zendesk Chat: ``{"type": "chat.msg", "nick": "agent:17", "msg": "…"}``."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.shapes.vendors.leftovers import leftovers
from everlake.analysis.types import PendingValue, Scope

_USED = ("msg", "new_comment", "name", "display_name", "nick", "timestamp", "type")
MEMBERS = frozenset({"nick", "display_name"})


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return a message with its sender's kind; whoever joins or leaves says nothing."""
    kind = item.get("type")
    if not isinstance(kind, str) or not kind.startswith("chat."):
        return None
    text = next((item[key] for key in ("msg", "new_comment") if item.get(key)), None)
    if not isinstance(text, str):
        return [PendingValue(name, item, scope._replace(is_metadata=True))]
    nick = item.get("nick")
    sender = item.get("name") or item.get("display_name") or nick
    message: dict[str, Json] = {"text": text, "sender_name": sender}
    message["sender_type"] = nick.split(":")[0] if isinstance(nick, str) else None
    message["timestamp"] = item.get("timestamp")
    return [PendingValue(name, message, scope), leftovers(item, _USED, scope)]
