"""Messages of Front, whose sender is the recipient with the role ``from``."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.types import PendingValue, Scope

MEMBERS = frozenset({"recipients"})


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return the message with its sender, unless it has an author."""
    recipients = item.get("recipients")
    if not isinstance(recipients, list) or item.get("author") or "from" in item:
        return None
    for recipient in recipients:
        if isinstance(recipient, dict) and recipient.get("role") == "from":
            sender = {key: value for key, value in recipient.items() if key != "role"}
            return [PendingValue(name, {**item, "from": sender}, scope)]
    return None
