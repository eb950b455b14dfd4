"""Messages of Slack's API and exports: edits, bots, attachments."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.shapes.vendors.leftovers import leftovers
from everlake.analysis.types import PendingValue, Scope

MEMBERS = frozenset({"subtype", "bot_profile", "bot_id", "previous_message", "attachments"})
_OWN_WORDS = frozenset(
    {"bot_message", "me_message", "thread_broadcast", "file_share", "file_comment", "bot_profile"}
)
_FRAME = frozenset({"footer", "footer_icon", "color", "author_icon", "mrkdwn_in", "service_name",
                    "service_icon", "from_url", "original_url", "callback_id"})  # fmt: skip


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return the message as it is after an edit, under the name of its bot."""
    if item.get("type") != "message" or not ("ts" in item or "event_ts" in item):
        return None
    subtype = item.get("subtype")
    message = item.get("message")
    if subtype == "message_changed" and isinstance(message, dict):
        return [PendingValue(name, message, scope)]
    if isinstance(subtype, str) and subtype not in _OWN_WORDS and "message" not in item:
        return [PendingValue(name, item, scope._replace(is_metadata=True))]
    bot = item.get("bot_profile")
    adapted = {
        key: value
        for key, value in item.items()
        if key not in ("bot_profile", "bot_id", "subtype", "root", "previous_message")
    }
    if bot is not None or "bot_id" in item:
        names = (item.get("username"), bot.get("name") if isinstance(bot, dict) else None)
        adapted["sender_name"] = next((text for text in names if isinstance(text, str)), None)
        adapted["sender_type"] = "bot"
    attachments = item.get("attachments")
    if isinstance(attachments, list):
        adapted.pop("attachments")
        adapted["unfurls"] = [_attachment(attachment) for attachment in attachments]
    if adapted == item:
        return None
    kept = {**adapted, "attachments": None, "previous_message": None, "root": None}
    return [PendingValue(name, adapted, scope), leftovers(item, kept, scope)]


def _attachment(attachment: Json) -> Json:
    """Return an attachment without its frame, and without the summary for old clients."""
    if not isinstance(attachment, dict):
        return attachment
    kept = {key: value for key, value in attachment.items() if key not in _FRAME}
    if any(kept.get(key) for key in ("text", "title", "pretext", "blocks", "fields")):
        kept.pop("fallback", None)
    return kept
