"""Schemathesis hooks: what the OpenAPI document cannot say."""

import hashlib
from typing import Any

import schemathesis

KEY = "Idempotency-Key"


@schemathesis.serializer("application/x-ndjson")
def ndjson(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Encode a text as it is, and an invalid body as its Python representation."""
    text = value if isinstance(value, str) else str(value)
    return text.encode("utf-8", "surrogatepass")


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case, __: dict[str, Any]) -> None:
    """Give each valid body its own idempotency key; otherwise all but the first are rejected."""
    positive = schemathesis.GenerationMode.POSITIVE
    if KEY in case.headers and case.meta and case.meta.generation.mode == positive:
        case.headers[KEY] = hashlib.sha256(repr(case.body).encode()).hexdigest()
