"""Texts that are JSON in a string: Feishu's messages, and rich text that was stored as text."""

from everlake.analysis.json_decoding import Json, decode_json
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.types import PendingValue, Scope

MEMBERS = frozenset({"content", "body", "text", "message", "description", "blocks", "delta"})
_DOCUMENTS = frozenset({"ops", "root", "blocks", "content", "children"})


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return the object with what its JSON says in place of the JSON."""
    decoded: dict[str, Json] = {}
    for key in MEMBERS & item.keys():
        value = item[key]
        if isinstance(value, str) and (inner := _decode(value)) is not None:
            decoded[key] = inner
    return [PendingValue(name, {**item, **decoded}, scope)] if decoded else None


def _decode(text: str) -> Json:
    """Return the text or the document in a JSON string; None for any other string."""
    text = text.strip()
    if not text.startswith(('{"', "[{")) or not text.endswith(("}", "]")):
        return None
    value = decode_json(text.encode("utf-8", "replace"))
    if isinstance(value, list):
        return value if _are_typed(value) else None
    if not isinstance(value, dict):
        return None
    said = [
        inner
        for name, inner in value.items()
        if isinstance(inner, str) and inner.strip() and meaning_of(name).kind is MemberKind.TEXT
    ]
    if len(said) == 1 and len(value) <= 3:
        return None if _decode_again(said[0]) else said[0]
    if isinstance(value.get("content"), list) and "type" not in value:  # Feishu's post
        return {"type": "doc", "content": _paragraphs(value["content"])}
    is_document = any(isinstance(value.get(name), list | dict) for name in _DOCUMENTS)
    return value if is_document and ("type" in value or "ops" in value or "root" in value) else None


def _decode_again(text: str) -> bool:
    return text.lstrip().startswith(('{"', "[{"))


def _are_typed(items: list[Json]) -> bool:
    return all(isinstance(item, dict) and ("type" in item or "insert" in item) for item in items)


def _paragraphs(lines: Json) -> list[Json]:
    return [
        {"type": "paragraph", "content": [_run(run) for run in line if isinstance(run, dict)]}
        for line in (lines if isinstance(lines, list) else [])
        if isinstance(line, list)
    ]


def _run(run: dict[str, Json]) -> Json:
    if run.get("tag") == "at":
        return {"type": "mention", "name": run.get("user_name") or run.get("user_id")}
    return {"type": "text", "text": run.get("text") or ""}
