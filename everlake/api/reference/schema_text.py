"""One-line summaries of JSON schemas, as Markdown."""

from collections.abc import Sequence
from typing import Any

from everlake.api.reference.document import anchor_of

_MAX_PATTERN_LENGTH = 48
"""Longer patterns, such as that of a calendar date, are explained by the description instead."""


def summarize(schema: dict[str, Any]) -> str:
    """Return what a value of ``schema`` is, such as ``string, 1 to 128 characters``.

    Referenced schemas become links to their anchor on the page.
    """
    summary = ", ".join((_kind(schema), *_bounds(schema)))
    if "default" in schema:
        summary += f", default `{_literal(schema['default'])}`"
    return summary


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        reference = schema["$ref"]
        return f"[{reference.rpartition('/')[2]}](#{anchor_of(reference)})"
    if "const" in schema:
        return f"always `{_literal(schema['const'])}`"
    if "enum" in schema:
        return either([f"`{_literal(value)}`" for value in schema["enum"]])
    if "oneOf" in schema:
        return either([summarize(each) for each in schema["oneOf"]])
    if "allOf" in schema:
        return _extended(schema)
    return _type(schema)


def _extended(schema: dict[str, Any]) -> str:
    """Return what a schema is that narrows the members of others."""
    bases = " and ".join(_kind(each) for each in schema["allOf"])
    members = (f"`{name}` {summarize(each)}" for name, each in schema["properties"].items())
    return f"{bases} with {', '.join(members)}"


def _type(schema: dict[str, Any]) -> str:
    types = schema.get("type", "any value")
    if types == "array":
        return _array(schema)
    if types == "object":
        values: dict[str, Any] | bool = schema.get("additionalProperties", True)
        return "object" if isinstance(values, bool) else f"object with {summarize(values)} values"
    if "contentSchema" in schema:
        return f"string, the JSON of a {summarize(schema['contentSchema'])}"
    notes = [schema[name] for name in ("format", "contentEncoding") if name in schema]
    text = types if isinstance(types, str) else either(types)
    return f"{text} ({', '.join(notes)})" if notes else text


def _array(schema: dict[str, Any]) -> str:
    item: dict[str, Any] = schema["items"]
    count = _range(schema.get("minItems"), schema.get("maxItems"))
    bounds = ", ".join(_bounds(item))
    return " ".join(filter(None, ("array of", count, _kind(item), bounds and f"({bounds})")))


def _bounds(schema: dict[str, Any]) -> list[str]:
    found = [
        _range(schema.get("minLength"), schema.get("maxLength"), "character"),
        _range(schema.get("minProperties"), schema.get("maxProperties"), "member"),
        _range(schema.get("minimum"), schema.get("maximum")),
    ]
    pattern = schema.get("pattern", "")
    if 0 < len(pattern) <= _MAX_PATTERN_LENGTH:
        found.append(f"matches `{pattern}`")
    return [text for text in found if text]


def _range(low: int | None, high: int | None, unit: str = "") -> str:
    """Return ``low to high units``; an empty text where neither end is bounded."""
    last = low if high is None else high
    if last is None:
        return ""
    units = f" {unit}{'' if last == 1 else 's'}" if unit else ""
    if low == high:
        return f"{last:,}{units}"
    if low is not None and high is not None:
        return f"{low:,} to {last:,}{units}"
    return f"{'at least' if high is None else 'at most'} {last:,}{units}"


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def either(words: Sequence[str]) -> str:
    """Return ``a, b or c``."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
