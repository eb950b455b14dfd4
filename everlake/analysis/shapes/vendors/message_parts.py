"""Messages in parts: Freshchat's ``message_parts``, Gemini's ``parts``, calls of tools."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.shapes.vendors.leftovers import leftovers
from everlake.analysis.types import PendingValue, Scope

_PARTS = ("message_parts", "messageParts", "parts")
_TOOL_TYPES = frozenset(
    {"tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use", "tool_call",
     "function_call", "function_call_output", "web_search_tool_result", "reasoning"}
)  # fmt: skip
"""Parts that a language model or a program exchanges with itself."""
MEMBERS = frozenset({*_PARTS, "content"})
_SENDERS = frozenset({MemberKind.SPEAKER, MemberKind.ROLE})


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return the message with the texts of its parts as its text; other parts beside it."""
    content = item.get("content")
    if isinstance(content, list) and any(map(_is_tool, content)):
        used = [part for part in content if not _is_tool(part)]
        said = PendingValue(name, {**item, "content": used}, scope)
        tools: dict[str, Json] = {"tools": [part for part in content if _is_tool(part)]}
        return [said, leftovers(tools, (), scope)]
    key = next((key for key in _PARTS if isinstance(item.get(key), list)), None)
    parts = item[key] if key else None
    if key is None or not isinstance(parts, list):
        return None
    if not any(meaning_of(other).kind in _SENDERS for other in item):
        return None
    texts = [text for part in parts if (text := _text(part))]
    if not texts:
        return None
    others: list[Json] = [part for part in parts if not _text(part)]
    message = {other: value for other, value in item.items() if other != key}
    return [PendingValue(name, {**message, "text": "\n".join(texts), "attachments": others}, scope)]


def _is_tool(part: Json) -> bool:
    return isinstance(part, dict) and part.get("type") in _TOOL_TYPES


def _text(part: Json) -> str:
    """Return the text of a part that is nothing but a text."""
    if not isinstance(part, dict) or len(part) != 1 or "text" not in part:
        return ""
    text = part["text"]
    if isinstance(text, dict) and len(text) == 1:
        text = text.get("content")
    return text if isinstance(text, str) else ""
