"""One-line summaries of JSON schemas."""

from typing import Any

import pytest

from everlake.api.reference.schema_text import summarize

BATCH = {"$ref": "#/components/schemas/Batch"}


@pytest.mark.parametrize(
    ("schema", "summary"),
    [
        ({}, "any value"),
        (BATCH, "[Batch](#schemas-Batch)"),
        ({"type": "boolean", "default": False}, "boolean, default `false`"),
        ({"type": "string", "minLength": 1, "maxLength": 128}, "string, 1 to 128 characters"),
        ({"type": "string", "minLength": 1}, "string, at least 1 character"),
        ({"type": "string", "maxLength": 2048}, "string, at most 2,048 characters"),
        ({"type": "string", "pattern": "^a$"}, "string, matches `^a$`"),
        ({"type": "string", "pattern": "^" + "a" * 60}, "string"),
        ({"type": ["string", "null"], "maxLength": 9}, "string or null, at most 9 characters"),
        ({"type": "string", "contentEncoding": "base64"}, "string (base64)"),
        ({"type": "string", "const": "ok"}, "always `ok`"),
        ({"enum": ["a", "b", "c"]}, "`a`, `b` or `c`"),
        ({"enum": ["1.0.0"]}, "`1.0.0`"),
        ({"type": "integer", "minimum": 0, "format": "int64"}, "integer (int64), at least 0"),
        (
            {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
            "integer, 1 to 100, default `20`",
        ),
        ({"type": "array", "items": BATCH}, "array of [Batch](#schemas-Batch)"),
        (
            {"type": "array", "items": BATCH, "maxItems": 100},
            "array of at most 100 [Batch](#schemas-Batch)",
        ),
        (
            {
                "type": "array",
                "items": {"type": "integer", "minimum": 0},
                "minItems": 2,
                "maxItems": 2,
            },
            "array of 2 integer (at least 0)",
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
            "object with string values, at least 1 member",
        ),
        ({"type": "object", "additionalProperties": True}, "object"),
        ({"oneOf": [BATCH, {"type": "string"}]}, "[Batch](#schemas-Batch) or string"),
        (
            {"allOf": [BATCH], "properties": {"error": {"enum": ["A"]}}},
            "[Batch](#schemas-Batch) with `error` `A`",
        ),
        (
            {"type": "string", "contentSchema": BATCH},
            "string, the JSON of a [Batch](#schemas-Batch)",
        ),
    ],
)
def test_a_schema_in_one_line(schema: dict[str, Any], summary: str) -> None:
    assert summarize(schema) == summary
