"""Messages of WhatsApp's web protocol, whose text is in an object named after its kind.

For example ``{"key": {"fromMe": false}, "pushName": "…", "message": {"conversation": "…"}}``.
"""

from everlake.analysis.json_decoding import Json
from everlake.analysis.shapes.vendors.leftovers import leftovers
from everlake.analysis.types import PendingValue, Scope

MEMBERS = frozenset({"messageTimestamp", "pushName"})
_USED = ("key", "message", "pushName", "messageTimestamp")


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return the message with its sender; of a private chat the address is the sender's."""
    key, message = item.get("key"), item.get("message")
    if not isinstance(key, dict) or not isinstance(message, dict):
        return None
    is_own = key.get("fromMe") is True
    sender = item.get("pushName") or key.get("participant")
    if not sender and not is_own:
        sender = key.get("remoteJid")
    turn: dict[str, Json] = {"sender_name": sender, "timestamp": item.get("messageTimestamp")}
    turn["direction"] = "outbound" if is_own else "inbound"
    inner = scope._replace(is_root=False)
    return [
        PendingValue(name, {**turn, "text": _text(message)}, inner),
        leftovers(item, _USED, inner),
    ]


def _text(message: dict[str, Json]) -> Json:
    if isinstance(message.get("conversation"), str):
        return message["conversation"]
    for value in message.values():
        for member in ("text", "caption", "contentText"):
            if isinstance(value, dict) and isinstance(value.get(member), str):
                return value[member]
    return None
