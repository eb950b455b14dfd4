"""The words that schemas and parameters share: patterns, references, and shapes of objects."""

from typing import Any

REF_TEMPLATE = "#/components/schemas/{name}"

RECORD_ID_PATTERN = "^[0-9a-f]{32}$"
SLUG_PATTERN = "^[a-z0-9][a-z0-9_-]{0,63}$"
MAX_CURSOR_LENGTH = 256
MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 20

_YEAR = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DAY = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_SECOND = f"(?:{_YEAR}-{_DAY}|{_LEAP_YEAR}-02-29)T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
WHOLE_SECOND_PATTERN = f"^{_SECOND}Z$"
EVENT_AT_PATTERN = f"^{_SECOND}(?:\\.[0-9]{{1,3}})?Z$"
"""Exactly the times that the contract admits: every date that exists, and no other.

There is no ``format: date-time`` beside it, because code made from that would write offsets
and microseconds, which the contract refuses.
"""


def ref(name: str) -> dict[str, Any]:
    """A reference to the component schema ``name``."""
    return {"$ref": REF_TEMPLATE.format(name=name)}


def text_schema(max_length: int) -> dict[str, Any]:
    """A string of 1 to ``max_length`` Unicode characters."""
    return {"type": "string", "minLength": 1, "maxLength": max_length}


def enum_schema(values: tuple[str, ...]) -> dict[str, Any]:
    """A string out of ``values``."""
    return {"type": "string", "enum": list(values)}


def count_schema(minimum: int = 0) -> dict[str, Any]:
    """An integer of at least ``minimum``."""
    return {"type": "integer", "minimum": minimum}


def int64_schema() -> dict[str, Any]:
    """An integer that wants 64 bits, such as Unix milliseconds."""
    return {"type": "integer", "minimum": 0, "format": "int64"}


def next_cursor_schema() -> dict[str, Any]:
    """The cursor of the next page, null on the last."""
    return {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_CURSOR_LENGTH}


def array_schema(name: str, *, min_items: int = 0, max_items: int) -> dict[str, Any]:
    """An array of ``min_items`` to ``max_items`` items of the component schema ``name``."""
    bounds = {"minItems": min_items} if min_items else {}
    return {"type": "array", "items": ref(name), **bounds, "maxItems": max_items}


def object_schema(
    members: dict[str, Any],
    *,
    optional: tuple[str, ...] = (),
    example: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """An object with these members, all required save the ``optional``, and no others."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": members,
        "required": [name for name in members if name not in optional],
        "additionalProperties": False,
    }
    if example is not None:
        schema["examples"] = [example]
    return schema


def page_schema(member: str, name: str, *, example: dict[str, Any]) -> dict[str, Any]:
    """A page of a list: its items under ``member``, and ``nextCursor``."""
    items = array_schema(name, max_items=MAX_PAGE_SIZE)
    return object_schema({member: items, "nextCursor": next_cursor_schema()}, example=example)
